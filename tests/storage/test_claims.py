"""What is claimed in the very commit that writes it."""

from __future__ import annotations

import pytest
from storage_factories import add_contact, at, bot_says

from bot.messages import Purpose
from storage import Storage, Tx
from storage.records import TakenSend


@pytest.fixture
def contact(storage: Storage) -> int:
    return add_contact(storage)


def written(storage: Storage, whose: list[int], most: int = 9) -> tuple[list[int], list[TakenSend], bool]:
    """A message for each of these contacts: their ids, those that are begun, and whether somebody is to look."""

    def write(tx: Tx) -> tuple[list[int], list[TakenSend], bool]:
        if most:
            tx.outbox.may_begin("w1", most)
        ids = tx.outbox.add_all([(each, bot_says()) for each in whose], at(1), begins=True)
        lines = zip(whose, ids, strict=True)
        tx.transcript.add_all([tx.transcript.line_of(each, bot_says(), id, at(1)) for each, id in lines])
        return ids, tx.outbox.begun, tx.wakes("outbox")

    return storage.write(write)


def claimed(storage: Storage) -> list[int]:
    return [send.id for send in storage.write(lambda tx: tx.outbox.claim(at(2), "w2", 9))]


def sent(storage: Storage, outbox_id: int) -> None:
    storage.write(lambda tx: tx.outbox.sent({outbox_id: None}, at(2)))


def test_the_first_message_of_each_contact_is_begun_as_it_is_written_and_the_next_one_waits_for_it(
    storage: Storage, contact: int
) -> None:
    other = add_contact(storage, "1002")
    ids, begun, looks = written(storage, [contact, contact, other])
    assert [(send.id, send.contact_id, send.psid, send.tries) for send in begun] == [
        (ids[0], contact, "1001", 0),
        (ids[2], other, "1002", 0),
    ]
    assert (begun[0].message, begun[0].created_at, looks) == (bot_says(), at(1), False)
    assert claimed(storage) == [], "nobody else gets what is begun, nor what stands behind it"
    stuck = storage.read(lambda tx: tx.outbox.stuck(at(9)))
    assert stuck == [(ids[0], contact, Purpose.FLOW), (ids[2], other, Purpose.FLOW)]
    sent(storage, ids[0])
    assert claimed(storage) == [ids[1]]


@pytest.mark.parametrize("earlier", ["waiting", "sending", "unknown"])
def test_nothing_overtakes_an_earlier_message(storage: Storage, contact: int, earlier: str) -> None:
    first = storage.write(lambda tx: tx.outbox.add(contact, bot_says(), at(0)))
    if earlier != "waiting":
        assert claimed(storage) == [first]
    if earlier == "unknown":
        storage.write(lambda tx: tx.outbox.unknown(first, at(0)))
    _, begun, looks = written(storage, [contact])
    assert (begun, looks) == ([], True)


def test_a_card_is_begun_before_what_the_same_turn_says_first(storage: Storage, contact: int) -> None:
    def write(tx: Tx) -> tuple[list[int], list[TakenSend]]:
        tx.outbox.may_begin("w1", 9)
        says = [(contact, bot_says()), (contact, bot_says("ring", Purpose.CARD))]
        return tx.outbox.add_all(says, at(1), begins=True), tx.outbox.begun

    ids, begun = storage.write(write)
    assert [send.id for send in begun] == [ids[1]]
    sent(storage, ids[1])
    assert claimed(storage) == [ids[0]]


@pytest.mark.parametrize("most", [0, 1])
def test_no_more_is_begun_than_is_allowed(storage: Storage, contact: int, most: int) -> None:
    ids, begun, looks = written(storage, [contact, add_contact(storage, "1002")], most)
    assert (begun, looks, claimed(storage)) == ([], True, ids)


def test_nothing_is_sent_to_an_invented_student(storage: Storage) -> None:
    invented = storage.write(lambda tx: tx.drills.add_contact(at(0)))
    _, begun, looks = written(storage, [invented])
    assert (begun, looks, claimed(storage)) == ([], False, [])


def test_what_is_begun_and_not_kept_is_as_if_it_had_never_been(storage: Storage, contact: int) -> None:
    def fails(tx: Tx) -> None:
        tx.outbox.may_begin("w1", 9)
        tx.outbox.add_all([(contact, bot_says())], at(1), begins=True)
        raise KeyError

    with pytest.raises(KeyError):
        storage.write(fails)
    assert storage.read(lambda tx: tx.outbox.stuck(at(9))) == []
