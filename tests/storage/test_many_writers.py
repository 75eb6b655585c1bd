"""Several writers at the same time: what one of them sees of the others, and who waits for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from patience import PATIENCE
from postgres import Cluster
from storage_factories import NOW, add_contact, at, bot_says, entry, in_threads, new, only_postgresql, talk

from bot.conversation import Handoff, Status
from storage import Storage, StorageError, StorageUnavailable, Tx
from storage.records import Role


@contextmanager
def under_way(storage: Storage, work: Callable[[Tx], object]) -> Iterator[None]:
    """`work` is done and not committed; it is once the block ends."""
    done, go = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        work(tx)
        done.set()
        assert go.wait(PATIENCE)

    thread = threading.Thread(target=storage.write, args=(hold,))
    thread.start()
    assert done.wait(PATIENCE)
    try:
        yield
    finally:
        go.set()
        thread.join()


def somebody_waits(storage: Storage, engine: str) -> bool:
    """Whether a writer waits for another."""
    if engine == "sqlite":
        return bool(storage._engine._group._waiting)  # type: ignore[attr-defined]
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(storage.read(lambda tx: tx.all(waiting)))


def meet(
    storage: Storage, engine: str, first: Callable[[Tx], object], second: Callable[[Tx], object]
) -> None:
    """`second` begins while `first` is under way, and has to wait for it."""
    thread = threading.Thread(target=storage.write, args=(second,))
    with under_way(storage, first):
        thread.start()
        until = time.monotonic() + PATIENCE
        while not somebody_waits(storage, engine):
            assert time.monotonic() < until
            assert thread.is_alive(), "it did not wait"
    thread.join()


def test_a_line_that_comes_while_somebody_looks_stays_unread(storage: Storage, engine: str) -> None:
    """Computed in the very statement that waits for the row, the count would be of the time before the wait."""
    contact = add_contact(storage)
    handoff = Handoff(number=1, opened_at=NOW, claimed_by=7)
    claimed = talk(contact, status=Status.CLAIMED, handoff=handoff)
    storage.write(lambda tx: tx.conversations.save(claimed, NOW))
    seen = storage.write(lambda tx: tx.transcript.add(contact, entry("sett", "m1")))
    storage.write(lambda tx: tx.transcript.mark_opened(contact, 8, seen, NOW))
    meet(
        storage,
        engine,
        lambda tx: tx.transcript.add(contact, entry("ny", "m2")),
        lambda tx: tx.transcript.mark_opened(contact, 7, seen, NOW),
    )
    assert storage.read(lambda tx: tx.handoffs.mine(7))[0].unread == 1


def test_a_conversation_that_opens_again_is_not_overwritten_by_retention(
    storage: Storage, engine: str
) -> None:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.transcript.add(contact, entry("før", "m1")))
    closed = talk(contact, status=Status.CLOSED, closed_at=at(1))
    storage.write(lambda tx: tx.conversations.save(closed, at(1)))
    reopened = talk(contact, status=Status.BOT, answers={"topic": "exams"})

    def reopen(tx: Tx) -> None:
        tx.contacts.lock(contact)
        tx.conversations.save(reopened, at(5))

    meet(storage, engine, reopen, lambda tx: tx.transcript.forget_text(at(9), at(0)))
    assert storage.read(lambda tx: tx.conversations.peek(contact)) == reopened


def test_nobody_is_erased_while_words_of_theirs_come_in(storage: Storage, engine: str) -> None:
    contact = add_contact(storage)
    erased: list[bool] = []
    meet(
        storage,
        engine,
        lambda tx: tx.inbox.add([new()], NOW),
        lambda tx: erased.append(tx.contacts.erase(contact, "CODE", NOW)),
    )
    assert erased == [False]
    taken = storage.write(lambda tx: tx.inbox.take(at(1)))
    assert [each.contact_id for each in taken] == [contact]


def test_words_that_come_in_while_somebody_is_erased_are_those_of_somebody_new(
    storage: Storage, engine: str
) -> None:
    contact = add_contact(storage)
    meet(
        storage,
        engine,
        lambda tx: tx.contacts.erase(contact, "CODE", NOW),
        lambda tx: tx.inbox.add([new()], NOW),
    )
    taken = storage.write(lambda tx: tx.inbox.take(at(1)))
    assert [each.event for each in taken] == [new().event] and taken[0].contact_id != contact


def test_a_message_of_unknown_fate_is_settled_by_one_worker(storage: Storage, engine: str) -> None:
    contact = add_contact(storage)
    outbox_id = storage.write(lambda tx: tx.outbox.add(contact, bot_says(), NOW))
    storage.write(
        lambda tx: [next(iter(tx.outbox.claim(at(1), "w", 1)), None), tx.outbox.unknown(outbox_id, at(2))]
    )
    unsettled: list[bool] = []

    def settle(tx: Tx) -> None:
        unsettled.append(tx.outbox.is_unsettled(outbox_id))
        tx.outbox.settle_unknown(outbox_id, at(30))

    meet(storage, engine, settle, settle)
    assert unsettled == [True, False]


def test_two_clicks_at_once_do_not_pass_a_cap(storage: Storage, engine: str) -> None:
    contacts = [add_contact(storage, "1"), add_contact(storage, "2")]
    ola = storage.write(lambda tx: tx.staff.add("ola", "Ola", Role.SUPPORTER, "x", NOW))

    def click(contact: int) -> Callable[[Tx], None]:
        def claim(tx: Tx) -> None:
            tx.contacts.lock(contact)
            if tx.handoffs.open_count(ola) < 1:
                handoff = Handoff(number=1, opened_at=NOW, claimed_by=ola)
                claimed = talk(contact, f"Hegre {contact}", Status.CLAIMED, handoff=handoff)
                tx.conversations.save(claimed, NOW)

        return claim

    meet(storage, engine, click(contacts[0]), click(contacts[1]))
    assert [row.contact_id for row in storage.read(lambda tx: tx.handoffs.mine(ola))] == contacts[:1]


def test_what_many_writers_count_is_counted_and_every_change_is_told(storage: Storage) -> None:
    before = storage.read(lambda tx: tx.handoffs.last_change())

    def count(_: int) -> None:
        for _ in range(20):
            storage.write(lambda tx: [tx.counters.bump("all"), tx.wake("screens")])

    in_threads(6, count)
    assert storage.read(lambda tx: tx.counters.all()) == {"all": 120}
    assert storage.read(lambda tx: tx.handoffs.last_change()) > before


@only_postgresql
def test_the_webhook_does_not_wait_for_whoever_handles_the_contact(storage: Storage) -> None:
    contact = add_contact(storage)

    def handle(tx: Tx) -> None:
        assert tx.contacts.lock(contact)
        tx.counters.bump("event_text")
        tx.transcript.add(contact, entry())

    with under_way(storage, handle):
        assert storage.write(lambda tx: tx.inbox.add([new("m2")], NOW))
        assert storage.write(lambda tx: next(iter(tx.inbox.take(NOW)), None)) is None
        storage.write(lambda tx: tx.wake("screens"))


@only_postgresql
def test_a_contact_in_anothers_hands_is_passed_over(storage: Storage) -> None:
    contacts = [add_contact(storage, str(psid)) for psid in range(3)]
    for contact in contacts:
        storage.write(lambda tx, c=contact: tx.outbox.add(c, bot_says(), NOW))  # type: ignore[misc]
        storage.write(lambda tx, c=contact: tx.inbox.add_internal(c, "k", new().event, NOW))  # type: ignore[misc]
    with under_way(storage, lambda tx: [tx.contacts.lock(contact) for contact in contacts[:2]]):
        taken = storage.write(lambda tx: next(iter(tx.inbox.take(at(1))), None))
        assert taken is not None
        assert taken.contact_id == contacts[2]
        sends = storage.write(lambda tx: tx.outbox.claim(at(1), "w", 5))
        assert [send.contact_id for send in sends] == contacts[2:]


@only_postgresql
def test_two_that_wait_for_each_other_both_get_through(storage: Storage) -> None:
    contacts = [add_contact(storage, "1"), add_contact(storage, "2")]
    together = threading.Barrier(2)
    tries: list[int] = []

    def work(number: int) -> None:
        def cross(tx: Tx) -> None:
            tries.append(number)
            tx.contacts.lock(contacts[number])
            if tries.count(number) == 1:
                together.wait(PATIENCE)
            tx.contacts.lock(contacts[1 - number])
            tx.counters.bump(f"w{number}")

        storage.write(cross)

    in_threads(2, work)
    assert storage.read(lambda tx: tx.counters.all()) == {"w0": 1, "w1": 1}
    assert len(tries) == 3


@only_postgresql
def test_an_error_that_is_caught_keeps_nothing_and_says_so(storage: Storage) -> None:
    def catch(tx: Tx) -> None:
        tx.counters.bump("never")
        with pytest.raises(StorageError):
            tx.run("SELECT no_column FROM counter")

    with pytest.raises(StorageError, match="caught"):
        storage.write(catch)
    assert storage.read(lambda tx: tx.counters.all()) == {}


@pytest.mark.processes
@only_postgresql
def test_a_server_that_goes_and_comes_back_is_used_again(storage: Storage, cluster: Cluster) -> None:
    listener = storage.listen()
    storage.write(lambda tx: tx.counters.bump("kept"))
    contact = add_contact(storage)
    cluster.stop()
    try:
        for use in (
            lambda: storage.write(lambda tx: tx.contacts.lock(contact)),
            lambda: storage.read(lambda tx: tx.counters.all()),
            storage.is_current,
        ):
            with pytest.raises(StorageUnavailable):
                use()
        storage.notify()
        assert listener.wait(PATIENCE), "this process hears itself at least"
    finally:
        cluster.start()
    storage.write(lambda tx: tx.counters.bump("kept"))
    assert storage.read(lambda tx: tx.counters.all()) == {"kept": 2}
    assert listener.wait(PATIENCE), "whatever came meanwhile was not heard, so it is looked for"
    listener.close()
