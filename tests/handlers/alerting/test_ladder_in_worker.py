"""The worker climbs by itself, and takes over what a dead one left half told."""

from __future__ import annotations

import threading

import pytest
from alerting_bench import DANGER, Heard, climber, ladder, rung, with_ladder
from patience import PATIENCE

from bot.settings import Rungs
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


class Stuck(Heard):
    """A channel that answers nobody until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def tell(self, notice):
        self.let_go.wait(PATIENCE)
        return super().tell(notice)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_mail_server_that_hangs_with_many_mails_holds_up_no_pager(chat):
    both = rung("on_duty", 0, "email", "webhook")
    chat.local.content = with_ladder(chat.content, ladder(open=Rungs(critical=(both,), high=(both,))))
    for name in ("a", "b", "c", "d"):
        chat.on_duty(f"{name}@example.org")
    chat.contact_writes("hei").contact_writes(DANGER)
    chat.bell, mail = Bell(), Stuck()
    one = climber(chat, {"email": mail, "webhook": chat.bell}, "new")
    worker = Worker(
        chat.local.storage, lambda: chat.local.content, chat.local.channel, chat.local.clock, climber=one
    )
    worker.start()
    try:
        assert chat.bell.rang.wait(PATIENCE)
        assert not mail.notices
    finally:
        mail.let_go.set()
        worker.stop()
