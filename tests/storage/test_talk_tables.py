"""Words that wait before they go, mentions, "..." and how a talk ended: what is kept, and for how long."""

from __future__ import annotations

import pytest
from storage_factories import NOW, add_contact, at, supporter_says, talk

from bot.conversation import Handoff, Status
from storage import Storage
from storage.records import Role


@pytest.fixture
def contact(storage: Storage) -> int:
    return add_contact(storage)


def held(storage: Storage, contact: int, words: str = "Hei du", until: float = 5) -> int:
    return storage.write(lambda tx: tx.outbox.add(contact, supporter_says(words), at(0), at(until)))


def claimed(storage: Storage, seconds: float) -> list[int]:
    return [send.id for send in storage.write(lambda tx: tx.outbox.claim(at(seconds), "w", 9))]


def test_a_reply_that_is_held_back_is_sent_when_its_time_comes_and_not_before(
    storage: Storage, contact: int
) -> None:
    outbox_id = held(storage, contact)
    assert claimed(storage, 4.9) == []
    (line,) = storage.read(lambda tx: tx.transcript.entries(contact))
    assert line.send_at == at(5)
    assert claimed(storage, 5) == [outbox_id]
    assert storage.read(lambda tx: tx.transcript.entries(contact))[0].send_at is None


def test_its_writer_takes_it_back_and_no_word_of_it_stays(storage: Storage, contact: int) -> None:
    outbox_id = held(storage, contact, "Noe jeg angrer på")
    assert storage.write(lambda tx: tx.outbox.take_back(contact, outbox_id, 2, at(1))) is None  # another's
    assert storage.write(lambda tx: tx.outbox.take_back(contact, outbox_id, 1, at(1))) == "Noe jeg angrer på"
    assert storage.read(lambda tx: tx.transcript.entries(contact)) == []
    assert claimed(storage, 60) == []
    assert storage.write(lambda tx: tx.outbox.take_back(contact, outbox_id, 1, at(1))) is None


def test_what_somebody_has_begun_to_send_cannot_be_taken_back(storage: Storage, contact: int) -> None:
    outbox_id = held(storage, contact)
    claimed(storage, 6)
    assert storage.write(lambda tx: tx.outbox.take_back(contact, outbox_id, 1, at(6))) is None
    assert len(storage.read(lambda tx: tx.transcript.entries(contact))) == 1


def test_its_writer_alone_can_hurry_it(storage: Storage, contact: int) -> None:
    outbox_id = held(storage, contact)
    storage.write(lambda tx: tx.outbox.hurry(contact, outbox_id, 2, at(1)))
    assert claimed(storage, 1) == []
    storage.write(lambda tx: tx.outbox.hurry(contact, outbox_id, 1, at(1)))
    assert claimed(storage, 1) == [outbox_id]


def test_what_comes_after_a_held_reply_waits_behind_it(storage: Storage, contact: int) -> None:
    first = held(storage, contact)
    second = storage.write(lambda tx: tx.outbox.add(contact, supporter_says("to"), at(1)))
    assert claimed(storage, 2) == []
    assert claimed(storage, 5) == [first]
    storage.write(lambda tx: tx.outbox.sent({first: "m"}, at(5)))
    assert claimed(storage, 5) == [second]


def test_a_mention_stands_until_its_owner_looks(storage: Storage, contact: int) -> None:
    kari = storage.write(lambda tx: tx.staff.add("kari", "Kari", Role.DUTY_LEAD, "x", NOW))

    def note(words: str) -> None:
        def keep(tx):  # type: ignore[no-untyped-def]
            entry_id = tx.transcript.add_note(contact, 9, "Ola", words, NOW)
            tx.mentions.add(contact, entry_id, [kari], 9, NOW)

        storage.write(keep)

    note("@Kari se her")
    note("@Kari og her")
    (newest,) = storage.read(lambda tx: tx.mentions.unseen(kari))
    assert newest.contact_id == contact
    assert newest.entry_id == storage.read(lambda tx: tx.transcript.last_id(contact))
    storage.write(lambda tx: tx.mentions.mark_seen(contact, kari, at(1)))
    assert storage.read(lambda tx: tx.mentions.unseen(kari)) == []
    storage.write(lambda tx: tx.contacts.erase(contact, "code", at(2)))


def test_dots_are_shown_once_in_a_while_and_never_late(storage: Storage, contact: int) -> None:
    assert storage.write(lambda tx: tx.typing.want(contact, at(0)))
    assert not storage.write(lambda tx: tx.typing.want(contact, at(3)))
    assert storage.read(lambda tx: tx.typing.is_wanted())
    assert storage.write(lambda tx: tx.typing.take(at(1))) == ["1001"]
    assert storage.write(lambda tx: tx.typing.take(at(1))) == []
    assert storage.write(lambda tx: tx.typing.want(contact, at(12)))
    assert storage.write(lambda tx: tx.typing.take(at(30))) == []  # by now the words are there
    storage.write(lambda tx: (tx.typing.want(contact, at(60)), tx.typing.forget(contact)))
    assert storage.write(lambda tx: tx.typing.take(at(61))) == []


def test_what_it_was_about_is_sealed_and_goes_with_the_words(storage: Storage, contact: int) -> None:
    about = {"topic": "housing", "signposted": ["amk"]}

    def close(tx):  # type: ignore[no-untyped-def]
        handoff = Handoff(number=1, opened_at=NOW)
        tx.conversations.save(talk(contact, status=Status.CLOSED, handoff=handoff, closed_at=NOW), NOW)
        tx.handoffs.set_about(contact, 1, about)

    storage.write(close)
    assert storage.read(lambda tx: tx.handoffs.about(contact, 1)) == about
    storage.write(lambda tx: tx.retention.forget_text(at(60), at(-9999)))
    assert storage.read(lambda tx: tx.handoffs.about(contact, 1)) == {}
