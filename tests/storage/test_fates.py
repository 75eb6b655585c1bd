"""What may have gone out: what a dead worker had under way, what the channel does not have, what people are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from storage_factories import add_contact, at, bot_says, supporter_says

from bot.conversation import Status, Stopped
from bot.messages import OutboundMessage, Purpose
from storage import Storage
from storage.records import Delivery


def put(storage: Storage, contact: int, message: OutboundMessage | None = None, seconds: float = 0) -> int:
    return storage.write(lambda tx: tx.outbox.add(contact, message or bot_says(), at(seconds)))


def claim(storage: Storage, worker: str = "w1", seconds: float = 1) -> list[int]:
    return [send.id for send in storage.write(lambda tx: tx.outbox.claim(at(seconds), worker, 10))]


def fate(storage: Storage, contact: int, outbox_id: int) -> Delivery | None:
    lines = storage.read(lambda tx: tx.transcript.entries(contact))
    return next(line.delivery for line in lines if line.outbox_id == outbox_id)


def lose(storage: Storage, contact: int, message: OutboundMessage | None = None) -> int:
    """One that was claimed, is of unknown fate, and for which nobody waits any more."""
    outbox_id = put(storage, contact, message)
    claim(storage)

    def work(tx):
        tx.outbox.unknown(outbox_id, at(10))
        tx.outbox.settle_unknown(outbox_id, at(30))

    storage.write(work)
    return outbox_id


def talks(storage: Storage, contact: int, status: Status = Status.BOT, heard: float = 0, **more) -> None:
    def work(tx):
        conversation = tx.conversations.get(contact, at(0))
        changed = replace(conversation, status=status, last_inbound_at=at(heard), **more)
        tx.conversations.save(changed, at(0))

    storage.write(work)


@pytest.fixture
def contact(storage: Storage) -> int:
    return add_contact(storage)


def unsure(storage: Storage, seconds: float = 300) -> list[int]:
    found = storage.read(lambda tx: tx.fates.unsure(at(seconds), at(200), at(-1000)))
    return [each.outbox_id for each in found]


def test_of_a_dead_workers_messages_only_what_had_not_begun_waits_again(
    storage: Storage, contact: int
) -> None:
    contacts = [
        contact,
        add_contact(storage, "1002"),
        add_contact(storage, "1003"),
        add_contact(storage, "4"),
    ]
    begun, waiting, others, taken_back = [put(storage, each) for each in contacts[:2]] + [0, 0]
    claim(storage, "dead")
    others = put(storage, contacts[2])
    claim(storage, "alive")
    taken_back = put(storage, contacts[3])
    claim(storage, "dead")
    storage.write(lambda tx: tx.outbox.drop(contacts[3], {Purpose.ANSWER, Purpose.FLOW}, at(2)))
    assert storage.write(lambda tx: tx.fates.recover("dead", {(begun, 0), (999, 0)}, at(5))) == 2
    assert fate(storage, contacts[0], begun) is Delivery.UNKNOWN
    assert fate(storage, contacts[1], waiting) is Delivery.WAITING
    assert fate(storage, contacts[2], others) is Delivery.SENDING
    assert fate(storage, contacts[3], taken_back) is Delivery.DROPPED
    assert claim(storage, "next", 6) == [waiting]


def test_what_a_dead_worker_heard_of_is_told_only_while_it_is_under_way(
    storage: Storage, contact: int
) -> None:
    outbox_id = put(storage, contact)
    claim(storage, "dead")
    look = lambda worker: storage.write(lambda tx: tx.fates.under_way(worker, [(outbox_id, 0)]))  # noqa: E731
    assert [row[:2] for row in look("dead")] == [(outbox_id, contact)] and look("other") == []
    storage.write(lambda tx: tx.outbox.sent({outbox_id: None}, at(2)))
    assert look("dead") == []


def test_a_mark_of_an_earlier_try_says_nothing_of_a_later_one(storage: Storage, contact: int) -> None:
    outbox_id = put(storage, contact)
    claim(storage, "dead")
    storage.write(lambda tx: tx.outbox.failed(outbox_id, "down", at(2)))
    assert storage.write(lambda tx: tx.outbox.resend(outbox_id, at(3)))
    assert claim(storage, "dead", 4) == [outbox_id]
    assert storage.write(lambda tx: tx.fates.under_way("dead", [(outbox_id, 0)])) == []
    assert storage.write(lambda tx: tx.fates.recover("dead", [(outbox_id, 0)], at(5))) == 1
    assert fate(storage, contact, outbox_id) is Delivery.WAITING


def test_what_the_channel_does_not_have_goes_out_once_more_and_only_once(
    storage: Storage, contact: int
) -> None:
    talks(storage, contact)
    outbox_id = lose(storage, contact)
    assert storage.write(lambda tx: tx.fates.not_arrived(outbox_id, at(60))) == "waiting"
    assert storage.write(lambda tx: tx.fates.not_arrived(outbox_id, at(60))) is None
    assert claim(storage, seconds=61) == [outbox_id]
    storage.write(lambda tx: tx.outbox.unknown(outbox_id, at(62)))
    assert storage.write(lambda tx: tx.fates.not_arrived(outbox_id, at(130))) == "failed"


@pytest.mark.parametrize("is_claimed", [True, False])
def test_what_the_channel_does_not_have_is_past_when_something_was_said_since_or_waits_to_be(
    storage: Storage, contact: int, is_claimed: bool
) -> None:
    talks(storage, contact)
    outbox_id = lose(storage, contact)
    put(storage, contact)
    assert not is_claimed or len(claim(storage, seconds=40)) == 1
    assert storage.write(lambda tx: tx.fates.not_arrived(outbox_id, at(60))) == "failed"


NOBODY_WAITS = pytest.mark.parametrize(
    ("status", "heard", "more"),
    [
        (Status.BOT, 40, {}),  # they have written since
        (Status.CLOSED, 0, {}),
        (Status.CLAIMED, 0, {}),
        (Status.BOT, 0, {"elsewhere_since": at(3)}),  # a person answered in Meta's inbox
        (Status.BOT, 0, {"stopped": Stopped.PAUSE}),
        (Status.BOT, 0, {"safe_to_message": False}),
    ],
)


@NOBODY_WAITS
def test_what_the_channel_does_not_have_is_past_when_the_bot_is_to_be_silent_but_for_a_card(
    storage: Storage, contact: int, status: Status, heard: float, more: dict[str, object]
) -> None:
    talks(storage, contact, status, heard, **more)
    text = lose(storage, contact)
    assert storage.write(lambda tx: tx.fates.not_arrived(text, at(60))) == "failed"
    card = lose(storage, contact, bot_says("Ring 113", Purpose.CARD))
    assert storage.write(lambda tx: tx.fates.not_arrived(card, at(60))) == "waiting"


def test_what_was_taken_back_while_its_fate_was_unknown_is_not_sent_again_nor_shown(
    storage: Storage, contact: int
) -> None:
    talks(storage, contact)
    text = lose(storage, contact)
    storage.write(lambda tx: tx.outbox.drop(contact, {Purpose.FLOW, Purpose.CARD}, at(50)))
    assert unsure(storage) == []
    assert storage.write(lambda tx: tx.fates.not_arrived(text, at(60))) == "failed"
    card = lose(storage, contact, bot_says("Ring 113", Purpose.CARD))
    storage.write(lambda tx: tx.outbox.drop(contact, {Purpose.FLOW, Purpose.CARD}, at(50)))
    assert storage.write(lambda tx: tx.fates.not_arrived(card, at(60))) == "failed"


def test_a_card_that_the_channel_does_not_have_goes_out_once_more_whatever_was_said_since(
    storage: Storage, contact: int
) -> None:
    card = lose(storage, contact, bot_says("Ring 113", Purpose.CARD))
    put(storage, contact)
    assert len(claim(storage, seconds=40)) == 1
    assert storage.write(lambda tx: tx.fates.not_arrived(card, at(60))) == "waiting"


def test_a_persons_words_that_the_channel_does_not_have_are_theirs_to_send_again(
    storage: Storage, contact: int
) -> None:
    outbox_id = lose(storage, contact, supporter_says("Jeg er her"))
    assert storage.write(lambda tx: tx.fates.not_arrived(outbox_id, at(60))) == "failed"
    assert storage.write(lambda tx: tx.outbox.resend(outbox_id, at(70)))


def test_lost_words_can_be_read_with_whom_they_were_for(storage: Storage, contact: int) -> None:
    outbox_id = lose(storage, contact, bot_says("Hei der"))
    (lost,) = storage.read(lambda tx: tx.fates.lost(at(0)))
    assert (lost.id, lost.psid, lost.message.text) == (outbox_id, "1001", "Hei der")
    assert (lost.claimed_at, lost.unknown_at) == (at(1), at(10))
    assert storage.read(lambda tx: tx.fates.lost(at(10))) == []
    storage.write(lambda tx: tx.contacts.erase(contact, "code", at(20)))
    assert storage.read(lambda tx: tx.fates.lost(at(0))) == []


def test_a_student_who_waits_behind_a_lost_text_is_shown_until_somebody_sees_to_it(
    storage: Storage, contact: int
) -> None:
    talks(storage, contact)
    outbox_id = lose(storage, contact)
    assert unsure(storage) == [outbox_id]
    assert unsure(storage, 3600) == [], "it is past its time: it would not leave"
    storage.write(lambda tx: tx.fates.let_be(outbox_id))
    assert unsure(storage) == []


def test_a_student_waits_where_our_clock_is_behind_the_one_they_wrote_by(
    storage: Storage, contact: int
) -> None:
    talks(storage, contact, heard=20)
    outbox_id = lose(storage, contact)
    assert unsure(storage) == [outbox_id]


@NOBODY_WAITS
def test_a_lost_text_that_nobody_waits_for_is_not_shown(
    storage: Storage, contact: int, status: Status, heard: float, more: dict[str, object]
) -> None:
    talks(storage, contact, status, heard, **more)
    lose(storage, contact)
    assert unsure(storage) == []


def test_a_lost_text_is_not_shown_once_something_was_said_after_it_nor_a_persons_words(
    storage: Storage, contact: int
) -> None:
    other = add_contact(storage, "1002")
    talks(storage, contact)
    talks(storage, other)
    lose(storage, contact)
    lose(storage, other, supporter_says("Jeg er her"))
    put(storage, contact)
    claim(storage, seconds=40)
    assert unsure(storage) == []
