"""The worker's loops in this process: woken at once, never ended by an error, stopped without losing anything."""

from __future__ import annotations

import itertools
import threading
import time
from datetime import timedelta

import pytest
from patience import PATIENCE
from sqlite_files import open_migrated
from talk_support import oslo

from bot.events import TextReceived
from handlers import jobs, recorder, sender, worker
from handlers.local_chat import ListChannel
from handlers.worker import Worker
from storage import AnotherWorker, StorageUnavailable
from storage.records import NewEvent

MIDS = itertools.count(1)


class Line(ListChannel):
    """A channel that can be listened to, and that can keep a message in its hands until it is let go."""

    def __init__(self, clock):
        super().__init__(clock)
        self.changed = threading.Condition()
        self.let_go = threading.Event()
        self.let_go.set()
        self.held = 0

    def send(self, psid, message, *, outbox_id, tag):
        with self.changed:
            self.held += 1
            self.changed.notify_all()
        assert self.let_go.wait(PATIENCE * 2)
        with self.changed:
            self.held -= 1
            taken = super().send(psid, message, outbox_id=outbox_id, tag=tag)
            self.changed.notify_all()
        return taken

    def wait(self, condition) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, PATIENCE)

    def reached(self, psid: str) -> int:
        return sum(said.psid == psid for said in self.said)


class Service:
    """A store, a channel, and workers that come and go."""

    def __init__(self, content, folder):
        self.content, self.now = content, oslo("2026-11-25 12:00")
        self.storage = open_migrated(folder / "worker.db")
        self.storage.migrate(self.now)
        self.line = Line(lambda: self.now)
        self.workers: list[Worker] = []

    def start(self) -> Worker:
        one = Worker(self.storage, lambda: self.content, self.line, lambda: self.now)
        one.start()
        self.workers.append(one)
        return one

    def writes(self, psid: str, text: str = "hei") -> None:
        mid = f"m-{next(MIDS)}"
        event = TextReceived(sent_at=self.now, mid=mid, text=text)
        self.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=psid, key=mid, event=event)], self.now))

    def states(self) -> list[str]:
        rows = self.storage.read(lambda tx: tx.all("SELECT state FROM outbox ORDER BY id"))
        return [row["state"] for row in rows]

    def until(self, condition) -> bool:
        """Look again after each commit."""
        listener = self.storage.listen()
        try:
            until = time.monotonic() + PATIENCE
            while not (met := condition()) and time.monotonic() < until:
                listener.wait(0.1)
            return bool(met)
        finally:
            listener.close()


@pytest.fixture
def service(content, tmp_path, monkeypatch):
    # Nobody wakes up by itself in these tests: what is answered was woken.
    monkeypatch.setattr(worker, "NAP_SECONDS", PATIENCE * 3)
    monkeypatch.setattr(sender, "NAP_SECONDS", PATIENCE * 3)
    # Nor does a stop give up anybody who is merely slow.
    monkeypatch.setattr(worker, "STOP_SECONDS", PATIENCE)
    service = Service(content, tmp_path)
    yield service
    service.line.let_go.set()
    for one in service.workers:
        one.stop()
    service.storage.close()


def test_event_is_answered_because_its_commit_woke_the_worker_and_not_after_a_nap(service):
    service.start()
    for psid in ("A", "B", "C"):
        service.writes(psid)
        assert service.line.wait(lambda p=psid: service.line.reached(p) > 0), psid


def test_each_of_a_contacts_messages_follows_the_one_before_without_a_nap(service):
    service.start()
    service.writes("A", "jeg vil ta livet mitt nå")  # a card and more
    assert service.line.wait(lambda: service.line.reached("A") >= 2)


def test_what_was_stored_while_no_worker_ran_is_handled_at_the_start(service):
    service.writes("A")
    service.start()
    assert service.line.wait(lambda: service.line.reached("A") > 0)


def test_timer_set_in_the_past_fires_because_its_commit_woke_the_worker(service):
    service.writes("A")
    service.start()
    assert service.line.wait(lambda: service.line.reached("A") > 0)
    contact_id = service.storage.read(lambda tx: tx.contacts.find("A"))
    service.storage.write(lambda tx: tx.timers.set(contact_id, "idle", service.now))
    assert service.until(lambda: service.storage.read(lambda tx: tx.timers.next_due_at()) != service.now)


def test_store_that_is_away_for_a_moment_ends_no_loop(service, monkeypatch):
    one = service.start()
    failed = threading.Semaphore(0)

    def broken():
        failed.release()
        raise StorageUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(one._stop, "wait", lambda seconds: one._stop.is_set())
        for name in ("write", "read"):
            patch.setattr(service.storage, name, lambda fn: broken())
        service.storage.notify()
        for _ in range(6):
            assert failed.acquire(timeout=PATIENCE)
    service.storage.notify()
    service.writes("A")
    assert service.line.wait(lambda: service.line.reached("A") > 0)
    assert all(thread.is_alive() for thread in one._threads)


def test_a_second_worker_on_the_same_file_says_so_and_touches_nothing(service):
    service.start()
    beats = service.storage.read(lambda tx: tx.figures.workers(service.now - timedelta(minutes=1)))
    second = Worker(service.storage, lambda: service.content, service.line, lambda: service.now)
    with pytest.raises(AnotherWorker, match="Another worker is at work on this database"):
        second.take_place(0)
    assert service.storage.read(lambda tx: tx.figures.workers(service.now - timedelta(minutes=1))) == beats
    service.workers[0].stop()
    second.take_place(0)
    second.stop()


def test_loop_that_breaks_is_begun_again(service, monkeypatch):
    broken = threading.Semaphore(0)
    listen = service.storage.listen

    def cannot(*topics):
        broken.release()
        raise OSError(24, "too many open files")

    monkeypatch.setattr(service.storage, "listen", cannot)
    one = Worker(service.storage, lambda: service.content, service.line, lambda: service.now)
    monkeypatch.setattr(one._stop, "wait", lambda seconds: one._stop.is_set())
    service.workers.append(one)
    one.start()
    for _ in range(6):
        assert broken.acquire(timeout=PATIENCE)
    monkeypatch.setattr(service.storage, "listen", listen)
    service.writes("A")
    assert service.line.wait(lambda: service.line.reached("A") > 0)


def test_crash_of_one_send_leaves_the_others_going(service, monkeypatch):
    send = service.line.send

    def crash(psid, message, **more):
        if psid == "A":
            raise RuntimeError("a bug")
        return send(psid, message, **more)

    monkeypatch.setattr(service.line, "send", crash)
    service.writes("A")
    service.writes("B")
    service.start()
    assert service.line.wait(lambda: service.line.reached("B") > 0)
    assert "sending" in service.states(), "its fate is unknown; the sweep takes it from here"


def test_stop_lets_what_is_in_flight_come_home_and_takes_nothing_new(service):
    one = service.start()
    service.line.let_go.clear()
    service.writes("A")
    assert service.line.wait(lambda: service.line.held == 1)
    stopping = threading.Thread(target=one.stop)
    stopping.start()
    assert one._stop.wait(PATIENCE)
    service.writes("B")
    service.line.let_go.set()
    stopping.join(PATIENCE)
    assert not stopping.is_alive()
    assert service.line.reached("A") == 1 and service.line.reached("B") == 0
    assert service.states()[0] == "sent" and "sending" not in service.states()
    assert service.storage.read(lambda tx: tx.inbox.pending_count()) == 1


def test_send_that_hangs_does_not_keep_the_process_and_is_of_unknown_fate_after_the_restart(
    service, monkeypatch
):
    monkeypatch.setattr(sender, "HOME_SECONDS", 0.1)
    one = service.start()
    service.line.let_go.clear()
    service.writes("A")
    assert service.line.wait(lambda: service.line.held == 1)
    one.stop()
    assert service.states()[0] == "sending"
    service.start()
    assert service.states()[0] == "unknown"
    service.line.let_go.set()
    assert service.until(lambda: service.states()[0] == "sent"), "it came home after all, and is known"


def test_message_that_went_out_is_recorded_even_if_the_store_is_away_just_then(service, monkeypatch):
    monkeypatch.setattr(recorder, "PAUSES_SECONDS", (0.0, 0.0, 0.0))
    one = service.start()
    write, refused = service.storage.write, []

    def refuse_twice(fn):
        if threading.current_thread().name == "record" and len(refused) < 2:
            refused.append(1)
            raise StorageUnavailable("full")
        return write(fn)

    monkeypatch.setattr(service.storage, "write", refuse_twice)
    service.writes("A")
    assert service.until(lambda: service.states()[:1] == ["sent"])
    assert len(refused) == 2
    with one._sender._changed:
        assert one._sender._changed.wait_for(lambda: not one._sender._in_flight, PATIENCE)


def test_sweep_settles_what_waits_and_survives_a_clock_put_back(service):
    one = service.start()
    service.writes("A")
    assert service.line.wait(lambda: service.line.reached("A") > 0)
    service.now -= timedelta(days=3)
    one._sweep()
    beats = service.storage.read(lambda tx: tx.worker.last_beat())
    assert beats is None or beats <= service.now
    service.writes("B")
    assert service.line.wait(lambda: service.line.reached("B") > 0)


def test_long_send_of_this_process_is_never_taken_for_a_dead_workers(service):
    one = service.start()
    service.line.let_go.clear()
    service.writes("A")
    assert service.line.wait(lambda: service.line.held == 1)
    service.now += jobs.LOST_SEND * 2
    one._sweep()
    assert service.states()[0] == "sending"
