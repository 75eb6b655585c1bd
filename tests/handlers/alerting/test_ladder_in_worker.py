"""The worker climbs by itself, and takes over what a dead one left half told."""

from __future__ import annotations

import threading

import pytest
from alerting_bench import DANGER, Heard, climber, ladder, with_ladder
from patience import PATIENCE

from handlers.worker import Worker


class Bell(Heard):
    """A channel that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.rang = threading.Event()

    def tell(self, notice):
        super().tell(notice)
        self.rang.set()
        return ()


@pytest.fixture
def service(chat):
    chat.local.content = with_ladder(chat.content, ladder())
    chat.on_duty("ola@example.org")
    chat.contact_writes("hei").contact_writes(DANGER)
    chat.bell = Bell()
    return chat


def work_until_it_rings(chat) -> None:
    one = climber(chat, {"email": chat.bell}, "new")
    worker = Worker(
        chat.local.storage, lambda: chat.local.content, chat.local.channel, chat.local.clock, climber=one
    )
    worker.start()
    try:
        assert chat.bell.rang.wait(PATIENCE)
    finally:
        worker.stop()


def test_an_alert_is_told_by_a_worker_that_is_only_started(service):
    work_until_it_rings(service)
    assert service.bell.told == ["ola@example.org"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_a_dead_worker_was_sending_is_sent_at_the_start_of_the_next(service):
    old = climber(service, {"email": service.bell}, "old")
    assert old.climb()
    taken = service.local.storage.write(lambda tx: tx.rungs.claim(service.now, "old"))
    assert taken is not None
    work_until_it_rings(service)
    assert service.bell.keys == [taken.key]
