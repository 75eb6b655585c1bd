"""The outbox: cards first, one in flight per contact, in order, and what is of unknown fate is not repeated."""

from __future__ import annotations

import pytest
from storage_factories import add_contact, at, bot_says, in_threads, only_sqlite, supporter_says

from bot.messages import OutboundMessage, Purpose
from storage import Storage, Tx, claims
from storage.records import Delivery, Entry, TakenSend


def put(storage: Storage, contact: int, message: OutboundMessage | None = None, seconds: float = 0) -> int:
    return storage.write(lambda tx: tx.outbox.add(contact, message or bot_says(), at(seconds)))


def claim(storage: Storage, seconds: float = 1) -> TakenSend | None:
    return storage.write(lambda tx: next(iter(tx.outbox.claim(at(seconds), "w1", 1)), None))


def claim_id(storage: Storage, seconds: float = 1) -> int | None:
    taken = claim(storage, seconds)
    return taken.id if taken else None


def line(storage: Storage, contact: int, outbox_id: int) -> Entry:
    return next(
        e for e in storage.read(lambda tx: tx.transcript.entries(contact)) if e.outbox_id == outbox_id
    )


def fate(storage: Storage, contact: int, outbox_id: int) -> Delivery | None:
    return line(storage, contact, outbox_id).delivery


@pytest.fixture
def contact(storage: Storage) -> int:
    return add_contact(storage)


def test_a_message_comes_out_as_it_went_in_and_stands_in_the_transcript(
    storage: Storage, contact: int
) -> None:
    message = bot_says("Hei 💙", choices=("Ja", "Nei"))
    outbox_id = put(storage, contact, message)
    taken = claim(storage)
    assert taken is not None
    assert (taken.id, taken.contact_id, taken.psid, taken.message) == (outbox_id, contact, "1001", message)
    assert (taken.tries, taken.created_at, taken.last_inbound_at) == (0, at(0), None)
    shown = line(storage, contact, outbox_id)
    assert (shown.text, shown.choices, shown.written_by) == ("Hei 💙", ("Ja", "Nei"), "bot")
    assert shown.delivery is Delivery.SENDING


def test_a_persons_message_shows_who(storage: Storage, contact: int) -> None:
    shown = line(storage, contact, put(storage, contact, supporter_says("Jeg er her")))
    assert (shown.text, shown.written_by, shown.who) == ("Jeg er her", "supporter", "Ola")


def test_a_contact_has_one_message_in_flight_and_they_go_in_order(storage: Storage, contact: int) -> None:
    other = add_contact(storage, "1002")
    first, second, third = put(storage, contact), put(storage, contact), put(storage, other)
    assert [claim_id(storage) for _ in range(3)] == [first, third, None]
    storage.write(lambda tx: tx.outbox.sent({first: "mid-1"}, at(2)))
    assert claim_id(storage) == second


def test_a_card_goes_before_everything_of_anybody(storage: Storage, contact: int) -> None:
    other = add_contact(storage, "1002")
    flow, card = put(storage, contact), put(storage, other, bot_says("113", Purpose.CARD))
    late_card = put(storage, contact, bot_says("113", Purpose.CARD))
    assert [claim_id(storage), claim_id(storage)] == [card, late_card]
    storage.write(lambda tx: tx.outbox.sent({late_card: None}, at(2)))
    assert claim_id(storage) == flow


def test_a_message_that_is_to_be_tried_again_holds_up_the_later_ones(storage: Storage, contact: int) -> None:
    first, second = put(storage, contact), put(storage, contact)
    assert claim_id(storage) == first
    storage.write(lambda tx: tx.outbox.retry(first, at(1), at(30), "rate"))
    assert claim_id(storage, 29) is None
    assert storage.read(lambda tx: tx.outbox.next_due_at(at(5))) == at(30)
    taken = claim(storage, 30)
    assert taken is not None
    assert (taken.id, taken.tries) == (first, 1)
    storage.write(lambda tx: tx.outbox.sent({first: "x"}, at(31)))
    assert claim_id(storage, 31) == second


def test_a_message_of_unknown_fate_holds_up_its_contact_until_it_is_settled(
    storage: Storage, contact: int
) -> None:
    first, second = put(storage, contact), put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.unknown(first, at(2)))
    assert claim_id(storage, 3) is None
    assert storage.read(lambda tx: tx.outbox.unsettled(at(2))) == []
    assert storage.read(lambda tx: tx.outbox.unsettled(at(3))) == [(first, contact, Purpose.FLOW)]
    storage.write(lambda tx: tx.outbox.settle_unknown(first, at(22)))
    assert storage.read(lambda tx: tx.outbox.unsettled(at(99))) == []
    assert claim_id(storage, 22) == second
    assert fate(storage, contact, first) is Delivery.UNKNOWN


def test_if_nobody_settles_it_the_contact_is_not_held_up_for_ever(storage: Storage, contact: int) -> None:
    first, second = put(storage, contact), put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.unknown(first, at(2)))
    assert claim_id(storage, 61) is None
    assert claim_id(storage, 63) == second


def test_a_card_does_not_wait_for_a_message_of_unknown_fate(storage: Storage, contact: int) -> None:
    first = put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.unknown(first, at(2)))
    card = put(storage, contact, bot_says("113", Purpose.CARD))
    assert claim_id(storage, 3) == card


def test_a_card_of_unknown_fate_is_repeated_once_and_no_more(storage: Storage, contact: int) -> None:
    card = put(storage, contact, bot_says("113", Purpose.CARD))
    claim(storage)
    storage.write(lambda tx: tx.outbox.unknown(card, at(2)))
    assert storage.write(lambda tx: tx.outbox.resend(card, at(22)))
    taken = claim(storage, 22)
    assert taken is not None
    assert (taken.id, taken.tries) == (card, 1)
    storage.write(lambda tx: tx.outbox.unknown(card, at(23)))
    assert not storage.write(lambda tx: tx.outbox.resend(card, at(43)))
    assert storage.read(lambda tx: tx.outbox.unsettled(at(99))) == []
    assert claim_id(storage, 44) is None


def test_a_person_may_send_a_failed_message_again_as_often_as_wanted(storage: Storage, contact: int) -> None:
    message = supporter_says("Er du der?")
    outbox_id = put(storage, contact, message)
    for _ in range(3):
        taken = claim(storage, 5)
        assert taken is not None
        assert taken.message == message
        storage.write(lambda tx: tx.outbox.failed(outbox_id, "unreachable", at(2)))
        shown = line(storage, contact, outbox_id)
        assert (shown.delivery, shown.failure, shown.delivery_at) == (Delivery.FAILED, "unreachable", at(2))
        assert storage.write(lambda tx: tx.outbox.resend(outbox_id, at(3)))


def test_what_was_sent_is_never_sent_again(storage: Storage, contact: int) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.sent({outbox_id: "mid-1"}, at(2)))
    assert not storage.write(lambda tx: tx.outbox.resend(outbox_id, at(3)))
    for late in ("unknown", "lapsed"):
        storage.write(lambda tx, late=late: getattr(tx.outbox, late)(outbox_id, at(4)))  # type: ignore[misc]
    storage.write(lambda tx: tx.outbox.failed(outbox_id, "late", at(4)))
    storage.write(lambda tx: tx.outbox.retry(outbox_id, at(4), at(4), "late"))
    assert claim_id(storage, 99) is None
    assert fate(storage, contact, outbox_id) is Delivery.SENT


def test_an_echo_before_the_answer_settles_it(storage: Storage, contact: int) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    assert storage.write(lambda tx: tx.outbox.confirm(contact, outbox_id, "mid-1", at(2))) == outbox_id
    assert fate(storage, contact, outbox_id) is Delivery.SENT
    storage.write(lambda tx: tx.outbox.sent({outbox_id: "mid-1"}, at(3)))
    assert line(storage, contact, outbox_id).delivery_at == at(2)
    assert storage.write(lambda tx: tx.outbox.confirm(contact, outbox_id, "mid-1", at(4))) is None


@pytest.mark.parametrize("believed", ["unknown", "failed", "lapsed", "retry", "resend"])
def test_an_echo_is_right_whatever_the_sender_believed(storage: Storage, contact: int, believed: str) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    match believed:
        case "failed":
            storage.write(lambda tx: tx.outbox.failed(outbox_id, "timeout", at(2)))
        case "retry":
            storage.write(lambda tx: tx.outbox.retry(outbox_id, at(2), at(2), "timeout"))
        case "resend":
            storage.write(lambda tx: tx.outbox.unknown(outbox_id, at(2)))
            storage.write(lambda tx: tx.outbox.resend(outbox_id, at(2)))
        case _:
            storage.write(lambda tx: getattr(tx.outbox, believed)(outbox_id, at(2)))
    assert storage.write(lambda tx: tx.outbox.confirm(contact, outbox_id, "mid-1", at(3))) == outbox_id
    assert fate(storage, contact, outbox_id) is Delivery.SENT
    assert storage.read(lambda tx: tx.transcript.knows(contact, "mid-1"))
    assert claim_id(storage, 99) is None


def test_an_echo_about_another_contact_or_nothing_of_ours_settles_nothing(
    storage: Storage, contact: int
) -> None:
    outbox_id, other = put(storage, contact), add_contact(storage, "1002")
    claim(storage)
    for who, number in ((other, outbox_id), (contact, 4711), (contact, None)):
        assert storage.write(lambda tx, who=who, n=number: tx.outbox.confirm(who, n, "m", at(2))) is None  # type: ignore[misc]
    assert fate(storage, contact, outbox_id) is Delivery.SENDING


def test_only_what_nobody_has_begun_to_send_is_taken_back(storage: Storage, contact: int) -> None:
    sending = put(storage, contact)
    claim(storage)
    waiting, kept = put(storage, contact), put(storage, contact, supporter_says())
    dropped = storage.write(lambda tx: tx.outbox.drop(contact, {Purpose.FLOW, Purpose.QUEUE}, at(2)))
    assert dropped == 1
    assert [fate(storage, contact, n) for n in (sending, waiting, kept)] == [
        Delivery.SENDING,
        Delivery.DROPPED,
        Delivery.WAITING,
    ]


def test_what_was_taken_back_while_it_was_being_sent_is_not_tried_again(
    storage: Storage, contact: int
) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.drop(contact, {Purpose.FLOW}, at(2)))
    storage.write(lambda tx: tx.outbox.retry(outbox_id, at(3), at(4), "busy"))
    assert fate(storage, contact, outbox_id) is Delivery.DROPPED
    assert storage.read(lambda tx: tx.outbox.next_due_at(at(60))) is None


def test_what_was_taken_back_and_went_out_all_the_same_has_been_sent(storage: Storage, contact: int) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.drop(contact, {Purpose.FLOW}, at(2)))
    storage.write(lambda tx: tx.outbox.sent({outbox_id: "m9"}, at(3)))
    assert fate(storage, contact, outbox_id) is Delivery.SENT


def test_a_persons_second_try_of_what_was_taken_back_is_tried_like_any_other(
    storage: Storage, contact: int
) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.drop(contact, {Purpose.FLOW}, at(2)))
    storage.write(lambda tx: tx.outbox.failed(outbox_id, "busy", at(3)))
    assert storage.write(lambda tx: tx.outbox.resend(outbox_id, at(4)))
    claim(storage, 5)
    storage.write(lambda tx: tx.outbox.retry(outbox_id, at(6), at(7), "busy"))
    assert fate(storage, contact, outbox_id) is Delivery.WAITING


def test_what_a_dead_worker_left_in_flight_is_found(storage: Storage, contact: int) -> None:
    outbox_id = put(storage, contact)
    claim(storage, 5)
    assert storage.read(lambda tx: tx.outbox.stuck(at(5))) == []
    assert storage.read(lambda tx: tx.outbox.stuck(at(6))) == [(outbox_id, contact, Purpose.FLOW)]


def test_the_count_and_the_age_of_what_waits(storage: Storage, contact: int) -> None:
    assert storage.read(lambda tx: (tx.outbox.waiting_count(), tx.outbox.oldest_waiting_at())) == (0, None)
    put(storage, contact, seconds=3)
    put(storage, contact, seconds=4)
    assert storage.read(lambda tx: (tx.outbox.waiting_count(), tx.outbox.oldest_waiting_at())) == (2, at(3))
    claim(storage, 5)
    assert storage.read(lambda tx: tx.outbox.next_due_at(at(5))) is None


def test_words_that_went_out_are_kept_in_the_transcript_only(storage: Storage, contact: int) -> None:
    outbox_id = put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.outbox.sent({outbox_id: "mid-1"}, at(2)))
    assert storage.read(lambda tx: tx.all("SELECT body FROM outbox")) == [{"body": None}]
    assert line(storage, contact, outbox_id).text == "hei"
    assert line(storage, contact, outbox_id).mid == "mid-1"


def test_a_message_that_cannot_be_read_fails_and_holds_up_nobody(storage: Storage, contact: int) -> None:
    broken, fine = put(storage, contact), put(storage, add_contact(storage, "1002"))
    storage.write(
        lambda tx: tx.run("UPDATE outbox SET body = :body WHERE id = :id", body=b"\x01x", id=broken)
    )
    assert claim_id(storage) == fine
    assert line(storage, contact, broken).failure == "unreadable"
    assert storage.read(lambda tx: tx.incidents.is_open("poison_message"))


def test_nothing_is_sent_to_an_erased_contact(storage: Storage, contact: int) -> None:
    sending = put(storage, contact)
    put(storage, contact)
    claim(storage)
    storage.write(lambda tx: tx.contacts.erase(contact, "code", at(2)))
    assert claim_id(storage, 3) is None
    storage.write(lambda tx: tx.outbox.sent({sending: "mid-1"}, at(4)))
    assert storage.write(lambda tx: tx.outbox.confirm(contact, sending, "mid-1", at(4))) is None


def test_threads_that_send_never_share_a_contact(storage: Storage) -> None:
    contacts = [add_contact(storage, str(psid)) for psid in range(5)]
    for contact in contacts * 8:
        put(storage, contact)
    order: dict[int, list[int]] = {contact: [] for contact in contacts}

    def claim_alone(tx: Tx) -> TakenSend | None:
        taken = next(iter(tx.outbox.claim(at(1), "w1", 1)), None)
        if taken:
            sending = "SELECT id FROM outbox WHERE state = 'sending' AND contact_id = :contact"
            assert tx.all(sending, contact=taken.contact_id) == [{"id": taken.id}]
        return taken

    def work(_: int) -> None:
        while storage.read(lambda tx: tx.outbox.waiting_count()):
            taken = storage.write(claim_alone)
            if taken is not None:
                order[taken.contact_id].append(taken.id)
                storage.write(lambda tx, done=taken.id: tx.outbox.sent({done: None}, at(2)))  # type: ignore[misc]

    in_threads(4, work)
    assert all(len(ids) == 8 and ids == sorted(ids) for ids in order.values())


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT id FROM outbox WHERE next_try_at <= 1 AND {claims._HEAD} ORDER BY place, id",  # noqa: S608
        f"SELECT MIN(next_try_at) FROM outbox WHERE {claims._HEAD}",  # noqa: S608
        "SELECT id FROM outbox WHERE state = 'sending' AND claimed_at < 1 ORDER BY contact_id, id",
        "SELECT id FROM outbox WHERE state = 'unknown' AND settled = 0 AND state_at < 1 ORDER BY contact_id, id",
    ],
)
@only_sqlite
def test_sending_looks_only_at_what_is_not_sent_yet(storage: Storage, query: str) -> None:
    plan = storage.read(lambda tx: tx.all(f"EXPLAIN QUERY PLAN {query}", unknown_after=0))
    used = {"outbox_ready", "outbox_lane", "outbox_sending", "outbox_unsettled"}
    for step in plan:
        if step["detail"].startswith(("SCAN", "SEARCH")):
            assert any(index in step["detail"] for index in used), step["detail"]


def test_a_card_that_has_not_left_in_time_is_found(storage: Storage, contact: int) -> None:
    put(storage, contact, bot_says("113", Purpose.CARD))
    put(storage, add_contact(storage, "1002"))
    late = [storage.read(lambda tx, s=s: tx.outbox.late_cards(at(s))) for s in (0, 1)]  # type: ignore[misc]
    assert late == [[], [contact]]
    card = claim_id(storage)
    assert storage.read(lambda tx: tx.outbox.late_cards(at(1))) == [contact]
    storage.write(lambda tx: tx.outbox.sent({card: None}, at(2)))
    assert storage.read(lambda tx: tx.outbox.late_cards(at(9))) == []


def test_one_claim_gives_each_contact_at_most_one_message_and_no_more_than_asked_for(
    storage: Storage, contact: int
) -> None:
    others = [add_contact(storage, str(number)) for number in range(3)]
    first = [put(storage, one) for one in (contact, *others)]
    for one in (contact, *others):
        put(storage, one)
    assert storage.read(lambda tx: tx.outbox.is_due(at(1)))
    got = [
        [send.id for send in storage.write(lambda tx: tx.outbox.claim(at(1), "w", 3))]  # type: ignore[misc]
        for _ in range(3)
    ]
    assert got == [first[:3], first[3:], []]
    assert not storage.read(lambda tx: tx.outbox.is_due(at(1))), "the rest waits behind what is in flight"
