"""What is known of the past, and what stays known when somebody is erased."""

from __future__ import annotations

from storage_factories import NOW, add_contact, at, entry, new

from storage import Storage
from storage.missed import Known


def test_where_nobody_ever_wrote_nothing_is_known(storage: Storage) -> None:
    assert storage.read(lambda tx: tx.missed.known()) == Known(until=None, caught_up_at=None, heard_at=None)


def test_newest_message_says_how_far_we_are_until_catching_up_says_better(storage: Storage) -> None:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.transcript.add(contact, entry(mid="m1", seconds=10)))
    storage.write(lambda tx: tx.transcript.add(contact, entry(mid="m2", by="inbox", seconds=20)))
    assert storage.read(lambda tx: tx.missed.known()) == Known(
        until=at(10), caught_up_at=None, heard_at=at(10)
    )
    storage.write(lambda tx: tx.missed.caught_up(at(30), at(40)))
    storage.write(lambda tx: tx.missed.caught_up(at(25), at(50)))
    assert storage.read(lambda tx: tx.missed.known()) == Known(
        until=at(25), caught_up_at=at(50), heard_at=at(10)
    )


def test_event_that_is_shut_out_is_taken_for_a_repetition(storage: Storage) -> None:
    storage.write(lambda tx: tx.missed.shut_out("mid:m1", NOW))
    storage.write(lambda tx: tx.missed.shut_out("mid:m1", NOW))
    assert storage.read(lambda tx: tx.missed.is_known("mid:m1"))
    assert not storage.write(lambda tx: tx.inbox.add([new("m1")], NOW))
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 0
    storage.write(lambda tx: tx.inbox.forget(at(1)))
    assert not storage.read(lambda tx: tx.missed.is_known("mid:m1"))


def test_what_an_erased_contact_wrote_is_known_and_tied_to_nobody(storage: Storage) -> None:
    for mid in ("m1", "m2"):
        storage.write(lambda tx, mid=mid: tx.inbox.add([new(mid)], NOW))
    contact = add_contact(storage)
    storage.write(lambda tx: tx.contacts.erase(contact, "CODE", at(5), even_unread=True))
    rows = storage.read(lambda tx: tx.all("SELECT contact_id, body, state FROM inbox ORDER BY id"))
    assert rows == [{"contact_id": None, "body": None, "state": "done"}] * 2
    assert storage.read(lambda tx: tx.missed.is_known("mid:m2"))
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 0
