"""The inbox: each event once, in order per contact, and nobody waits for somebody else's trouble."""

from __future__ import annotations

import threading

import pytest
from storage_factories import NOW, add_contact, at, count, in_threads, new, only_sqlite, text

from bot.events import EchoReceived, MessagesDelivered, MessagesRead, PolicyEnforced
from storage import Erased, Storage, Tx
from storage.records import NewEvent, TakenEvent


def take_and_finish(storage: Storage, seconds: float = 1000) -> TakenEvent | None:
    def handle(tx: Tx) -> TakenEvent | None:
        taken = next(iter(tx.inbox.take(at(seconds))), None)
        if taken:
            tx.inbox.done([taken.id], at(seconds))
        return taken

    return storage.write(handle)


def mids(storage: Storage) -> list[str]:
    """What `take` gives until nothing is left."""
    found = []
    while taken := take_and_finish(storage):
        found.append(taken.event.mid)  # type: ignore[union-attr]
    return found


def add(storage: Storage, *events: NewEvent) -> list[bool]:
    return storage.write(lambda tx: [bool(tx.inbox.add([event], NOW)) for event in events])


def test_an_event_is_kept_once_however_often_it_comes(storage: Storage) -> None:
    assert add(storage, new("m1"), new("m1")) == [True, False]
    assert add(storage, new("m1")) == [False]
    assert mids(storage) == ["m1"]
    assert add(storage, new("m1")) == [False]
    assert storage.read(lambda tx: tx.counters.all()) == {"event_text": 1}


def test_an_event_comes_out_as_it_went_in(storage: Storage) -> None:
    event = new("m1", words="blåbær 💙", seconds=3)
    storage.write(lambda tx: tx.inbox.add([event], at(5)))
    taken = take_and_finish(storage)
    assert taken is not None
    assert (taken.event, taken.received_at, taken.tries) == (event.event, at(5), 0)
    assert taken.contact_id == storage.read(lambda tx: tx.contacts.find("1001"))


def test_one_contacts_events_are_taken_in_the_order_they_were_sent(storage: Storage) -> None:
    add(
        storage,
        new("late", seconds=9),
        new("early", seconds=1),
        new("middle", seconds=5),
        new("tie", seconds=5),
    )
    assert mids(storage) == ["early", "middle", "tie", "late"]


def test_an_event_that_waits_holds_up_its_contact_and_nobody_else(storage: Storage) -> None:
    add(storage, new("a1", "1", seconds=1), new("a2", "1", seconds=2), new("b1", "2", seconds=3))
    first = storage.write(lambda tx: next(iter(tx.inbox.take(at(10))), None))
    assert first is not None
    storage.write(lambda tx: tx.inbox.retry(first.id, at(10), at(60)))
    assert take_and_finish(storage, 11).event.mid == "b1"  # type: ignore[union-attr]
    assert take_and_finish(storage, 59) is None
    assert storage.read(lambda tx: tx.inbox.next_try_at()) == at(60)
    again = take_and_finish(storage, 60)
    assert again is not None
    assert (again.event.mid, again.tries) == ("a1", 1)  # type: ignore[union-attr]
    assert mids(storage) == ["a2"]


def test_an_event_set_aside_is_out_of_the_way_and_still_there(storage: Storage) -> None:
    add(storage, new("a1", seconds=1), new("a2", seconds=2))
    first = storage.write(lambda tx: next(iter(tx.inbox.take(at(10))), None))
    assert first is not None
    storage.write(lambda tx: tx.inbox.set_aside(first.id, at(10), "crashed"))
    assert mids(storage) == ["a2"]
    row = storage.read(lambda tx: tx.one("SELECT body, reason FROM inbox WHERE state = 'aside'"))
    assert row is not None
    assert row["body"] is not None
    assert row["reason"] == "crashed"


def test_what_was_taken_and_not_finished_is_taken_again(storage: Storage) -> None:
    add(storage, new("m1"))
    with pytest.raises(LookupError):
        storage.write(lambda tx: [next(iter(tx.inbox.take(at(1))), None), {}["crash"]])
    assert mids(storage) == ["m1"]


def test_a_handled_event_leaves_no_words(storage: Storage) -> None:
    add(storage, new("m1"))
    mids(storage)
    assert storage.read(lambda tx: tx.all("SELECT body, state FROM inbox")) == [
        {"body": None, "state": "done"}
    ]


def test_handled_rows_are_forgotten_after_their_time(storage: Storage) -> None:
    add(storage, new("m1"), new("m2", "2"))
    take_and_finish(storage, 10)
    assert storage.write(lambda tx: tx.inbox.forget(at(10))) == 0
    assert storage.write(lambda tx: tx.inbox.forget(at(11))) == 1
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 1


def test_an_event_without_a_contact_is_taken_too(storage: Storage) -> None:
    event = PolicyEnforced(sent_at=NOW, action="warning", reason="spam")
    add(
        storage,
        NewEvent(psid=None, key="policy:1", event=event),
        NewEvent(psid=None, key="policy:2", event=event),
    )
    first, second, third = (take_and_finish(storage) for _ in range(3))
    assert first is not None
    assert (first.contact_id, first.event) == (None, event)
    assert second is not None
    assert third is None


@pytest.mark.parametrize("kind", [MessagesDelivered, MessagesRead])
def test_a_receipt_from_somebody_unknown_makes_no_contact(storage: Storage, kind: type) -> None:
    receipt = NewEvent(psid="1001", key="r1", event=kind(sent_at=NOW, watermark=NOW))
    assert add(storage, receipt) == [False]
    assert count(storage, "contact") == 0
    add_contact(storage)
    assert add(storage, receipt) == [True]


def test_an_echo_from_somebody_unknown_does_make_a_contact(storage: Storage) -> None:
    add(storage, NewEvent(psid="1001", key="e1", event=EchoReceived(sent_at=NOW, mid="e1", app="inbox")))
    assert count(storage, "contact") == 1


def test_our_own_events_are_kept_once_per_contact(storage: Storage) -> None:
    first, second = add_contact(storage, "1"), add_contact(storage, "2")
    kept = storage.write(
        lambda tx: [
            tx.inbox.add_internal(contact, "timer", text(), NOW) for contact in (first, second, first)
        ]
    )
    assert kept == [True, True, False]


def test_nothing_is_kept_for_an_erased_contact(storage: Storage) -> None:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.contacts.erase(contact, "code", NOW))
    assert not storage.write(lambda tx: tx.inbox.add_internal(contact, "timer", text(), NOW))
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 0


def test_an_event_that_cannot_be_read_is_set_aside_and_staff_are_told(storage: Storage) -> None:
    add(storage, new("broken", seconds=1), new("fine", seconds=2))
    storage.write(lambda tx: tx.run("UPDATE inbox SET body = :body WHERE id = 1", body=b"\x01garbage"))
    assert mids(storage) == ["fine"]
    assert storage.read(lambda tx: tx.incidents.is_open("poison_event"))
    assert storage.read(lambda tx: tx.all("SELECT reason FROM inbox WHERE state = 'aside'")) == [
        {"reason": "unreadable"}
    ]


def test_the_count_and_the_age_of_what_waits(storage: Storage) -> None:
    assert storage.read(lambda tx: (tx.inbox.pending_count(), tx.inbox.oldest_pending_at())) == (0, None)
    assert storage.read(lambda tx: tx.inbox.next_try_at()) is None
    storage.write(lambda tx: tx.inbox.add([new("m1", seconds=5)], at(6)))
    storage.write(lambda tx: tx.inbox.add([new("m2", seconds=1)], at(7)))
    assert storage.read(lambda tx: (tx.inbox.pending_count(), tx.inbox.oldest_pending_at())) == (2, at(6))


def test_threads_that_take_never_share_an_event_or_a_contact(storage: Storage) -> None:
    add(storage, *(new(f"{psid}-{n}", str(psid), seconds=n) for psid in range(6) for n in range(15)))
    lock, handled, busy = threading.Lock(), [], set()  # type: ignore[var-annotated]

    def handle(tx: Tx) -> bool:
        taken = next(iter(tx.inbox.take(at(1000))), None)
        if taken is None:
            return False
        with lock:
            assert taken.contact_id not in busy
            busy.add(taken.contact_id)
        tx.counters.bump("work")
        with lock:
            handled.append(taken.event.mid)  # type: ignore[union-attr]
            busy.remove(taken.contact_id)
        tx.inbox.done([taken.id], at(1000))
        return True

    def work(_: int) -> None:
        while storage.write(handle):
            pass

    in_threads(4, work)
    assert len(handled) == len(set(handled)) == 90
    for psid in range(6):
        mine = [mid for mid in handled if mid.startswith(f"{psid}-")]
        assert mine == [f"{psid}-{n}" for n in range(15)]


@pytest.mark.parametrize("sql", ["take", "next"])
@only_sqlite
def test_taking_looks_only_at_what_is_not_handled(storage: Storage, sql: str) -> None:
    from storage import inbox

    query = f"SELECT id, contact_id FROM inbox WHERE try_at <= 1 AND {inbox._HEAD} ORDER BY id LIMIT 8"  # noqa: S608
    if sql == "next":
        query = f"SELECT MIN(try_at) FROM inbox WHERE {inbox._HEAD}"  # noqa: S608
    plan = storage.read(lambda tx: tx.all(f"EXPLAIN QUERY PLAN {query}"))
    for step in plan:
        if "inbox" in step["detail"] or "earlier" in step["detail"]:
            assert "inbox_new" in step["detail"] or "inbox_lane" in step["detail"], step["detail"]
    assert not any("TEMP B-TREE" in step["detail"] for step in plan)


def test_a_contact_who_is_gone_cannot_be_written_to(storage: Storage) -> None:
    with pytest.raises(Erased):
        storage.read(lambda tx: tx.contacts.psid(99))


def begin(storage: Storage, *events: NewEvent, limit: int = 9) -> list[str]:
    """The mids of those that were handed out with the transaction that keeps them."""

    def handle(tx: Tx) -> list[str]:
        taken = tx.inbox.begin(events, NOW, [NOW] * len(events), limit)[1]
        return [each.event.mid for each in taken]  # type: ignore[union-attr]

    return storage.write(handle)


def test_an_event_that_is_handled_as_it_is_kept_is_done_and_leaves_no_words(storage: Storage) -> None:
    assert begin(storage, new("m1")) == ["m1"]
    row = storage.read(lambda tx: tx.one("SELECT state, body, handled_at IS NULL AS is_open FROM inbox"))
    assert row is not None and (row["state"], row["body"], bool(row["is_open"])) == ("done", None, False)
    assert mids(storage) == [] and begin(storage, new("m1")) == []
    assert storage.read(lambda tx: tx.counters.all()) == {"event_text": 1}


def test_of_each_contact_only_what_was_sent_first_is_handled_as_it_is_kept(storage: Storage) -> None:
    late, early, other = new("late", seconds=9), new("early", seconds=1), new("other", "1002")
    assert begin(storage, late, early, other) == ["early", "other"]
    assert mids(storage) == ["late"]


def test_nothing_is_handled_before_what_its_contact_sent_earlier(storage: Storage) -> None:
    add(storage, new("m1"))
    assert begin(storage, new("m2", seconds=1), new("m3", "1002")) == ["m3"]
    assert mids(storage) == ["m1", "m2"]


def test_what_is_over_the_limit_waits_for_its_turn(storage: Storage) -> None:
    assert begin(storage, new("m1"), new("m2", "1002"), new("m3", "1003"), limit=2) == ["m1", "m2"]
    assert mids(storage) == ["m3"]
