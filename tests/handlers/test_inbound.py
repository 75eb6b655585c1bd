"""From the inbox to saved effects: each event once, poison set aside, the rest flows, nobody left in silence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.conversation import Status
from bot.decide import decide
from bot.events import (
    EchoReceived,
    MessagesDelivered,
    MessageWithdrawn,
    PolicyEnforced,
    TextReceived,
)
from bot.messages import Purpose
from handlers import inbound
from handlers.inbound import TRIES
from storage import StorageUnavailable
from storage.records import Delivery, NewEvent


@pytest.fixture
def poison(monkeypatch):
    """A decision that fails for one word, always; the words that were tried are kept."""
    tried: list[str] = []

    def failing(conv, event, *more):
        if isinstance(event, TextReceived):
            tried.append(event.text)
            if "gift" in event.text:
                raise ValueError("always")
        return decide(conv, event, *more)

    monkeypatch.setattr(inbound, "decide", failing)
    return tried


def put(chat, text: str, who: str = "A", seconds: float = 0) -> None:
    """The webhook stored it; nobody has handled it yet."""
    mid = chat.local.new_mid()
    event = TextReceived(sent_at=chat.now + timedelta(seconds=seconds), mid=mid, text=text)
    chat.local.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=who, key=mid, event=event)], chat.now))


def incidents(chat) -> list[str]:
    return [i.kind for i in chat.local.storage.read(lambda tx: tx.incidents.open_ones())]


def outlast(chat) -> None:
    """Let every repetition of a failing event come and go."""
    for _ in range(TRIES + 1):
        chat._said(chat.local.settle())
        chat.wait(seconds=5)


def states(chat) -> list[str]:
    rows = chat.local.storage.read(lambda tx: tx.all("SELECT state FROM inbox ORDER BY id"))
    return [row["state"] for row in rows]


def test_several_events_in_one_transaction_are_each_handled_once_and_in_order(chat):
    for n in range(20):
        put(chat, f"melding {n}", who="AB"[n % 2])
    assert chat.local.inbound.drain() == 20
    for who, first in (("A", 0), ("B", 1)):
        entries = chat.local.storage.read(lambda tx, w=who: tx.transcript.entries(tx.contacts.find(w)))
        assert [e.text for e in entries if e.written_by == "contact"] == [
            f"melding {n}" for n in range(first, 20, 2)
        ]


def test_poison_is_tried_three_times_then_set_aside_with_an_incident(chat, poison):
    put(chat, "gift")
    outlast(chat)
    assert poison == ["gift"] * TRIES
    assert incidents(chat) == ["event_set_aside"] and "aside" in states(chat)


def test_student_whose_event_is_poison_gets_an_answer_and_a_person(chat, poison):
    put(chat, "gift")
    before = len(chat.local.channel.said)
    outlast(chat)
    said = [one.text for one in chat.local.channel.said[before:]]
    assert chat.text("system_error", "nb") in " ".join(said)
    assert chat.status is Status.WAITING


def test_danger_in_a_poisonous_event_still_brings_the_card_and_an_alert(chat, poison):
    put(chat, "gift, jeg vil ta livet mitt nå")
    outlast(chat)
    assert any("113" in said.text for said in chat.local.channel.said)
    assert len(chat.alerts) == 1


def test_poison_holds_up_its_own_contact_in_order_and_nobody_else(chat, poison):
    put(chat, "gift", who="A")
    put(chat, "etterpå", who="A", seconds=1)
    put(chat, "hei", who="B")
    chat.local.settle()
    assert "etterpå" not in poison and "hei" in poison
    outlast(chat)
    assert poison.index("etterpå") > max(n for n, text in enumerate(poison) if text == "gift")


def test_what_a_failing_event_had_done_is_undone_and_the_others_of_its_transaction_stay(chat, monkeypatch):
    together, alone = inbound.save_plain, inbound.save

    def fail(turns):
        if any("gift" in said.text for turn in turns for said in turn.conversation.recent):
            raise RuntimeError("after everything was written")

    def save_together_then_fail(tx, turns, now):
        together(tx, turns, now)
        fail(turns)

    def save_alone_then_fail(tx, turn, now, before):
        alone(tx, turn, now, before)
        fail([turn])

    monkeypatch.setattr(inbound, "save_plain", save_together_then_fail)
    monkeypatch.setattr(inbound, "save", save_alone_then_fail)
    put(chat, "hei", who="B")
    put(chat, "gift", who="A")
    put(chat, "hallo", who="C")
    chat.local.inbound.drain()
    counts = {
        who: len(chat.local.storage.read(lambda tx, w=who: tx.transcript.entries(tx.contacts.find(w))))
        for who in "ABC"
    }
    assert counts["A"] == 0 and counts["B"] > 0 and counts["C"] > 0


def test_store_that_cannot_keep_anything_is_not_held_against_the_event(chat, monkeypatch):
    put(chat, "hei")

    def full(*_):
        raise StorageUnavailable("full")

    with monkeypatch.context() as patch:
        patch.setattr(inbound, "save", full)
        for _ in range(TRIES + 2):
            with pytest.raises(StorageUnavailable):
                chat.local.inbound.drain()
    chat._said(chat.local.settle())
    assert chat.replies and incidents(chat) == []


def test_event_of_a_newer_version_is_set_aside_and_the_rest_flows_and_it_is_read_after_the_upgrade(chat):
    put(chat, "hei")
    contact_id = chat.id_of()

    def make_strange(tx, kind):
        row = tx.one("SELECT id, uid, body FROM inbox WHERE body IS NOT NULL ORDER BY id DESC")
        box = tx.box(contact_id)
        event = json.loads(box.open(row["body"], "inbox.body", row["uid"]))
        sealed = box.seal(json.dumps(event | {"kind": kind}).encode(), "inbox.body", row["uid"])
        tx.run("UPDATE inbox SET body = :body WHERE id = :id", body=sealed, id=row["id"])

    chat.local.storage.write(lambda tx: make_strange(tx, "hologram"))
    put(chat, "hallo", who="B")
    chat.local.settle()
    assert incidents(chat) == ["poison_event"]
    assert {said.psid for said in chat.local.channel.said} == {"B"}
    chat.local.storage.write(lambda tx: make_strange(tx, "text"))  # a version that knows it runs now
    assert chat.local.storage.write(lambda tx: tx.inbox.read_again(chat.now)) == 1
    chat.local.settle()
    assert "A" in {said.psid for said in chat.local.channel.said}


def test_policy_event_without_a_contact_tells_staff_and_unblocking_ends_it(chat):
    def policy(action):
        event = PolicyEnforced(sent_at=chat.now, action=action)
        chat.local.storage.write(
            lambda tx: tx.inbox.add([NewEvent(psid=None, key=f"policy:{action}", event=event)], chat.now)
        )
        chat.local.settle()

    policy("block")
    assert incidents(chat) == ["policy_block"]
    policy("unblock")
    assert incidents(chat) == []


# Echoes.


def card_of(chat) -> int:
    """The outbox id of the emergency card, claimed and not yet answered for."""
    put(chat, "jeg vil ta livet mitt nå")
    chat.local.inbound.drain()
    taken = chat.local.storage.write(lambda tx: next(iter(tx.outbox.claim(chat.now, "test", 1)), None))
    assert taken.message.purpose is Purpose.CARD
    return taken.id


def echo(chat, outbox_id: int, mid: str = "m-echo", key: str | None = None) -> None:
    event = EchoReceived(sent_at=chat.now, mid=mid, outbox_id=outbox_id, app="us")
    chat.local.storage.write(
        lambda tx: tx.inbox.add([NewEvent(psid="A", key=key or mid, event=event)], chat.now)
    )
    chat.local.inbound.drain()


def delivery(chat, outbox_id: int) -> Delivery:
    entries = chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of()))
    return next(e.delivery for e in entries if e.outbox_id == outbox_id)


def test_echo_that_comes_before_the_answer_to_the_send_confirms_it_and_the_answer_changes_nothing(chat):
    card = card_of(chat)
    echo(chat, card)
    assert delivery(chat, card) is Delivery.SENT
    chat.local.storage.write(lambda tx: tx.outbox.sent({card: "m-echo"}, chat.now))
    chat.local.inbound.drain()
    assert delivery(chat, card) is Delivery.SENT and chat.alerts[0].card == "sent"


@pytest.mark.parametrize("fate", ["unknown", "failed", "lapsed"])
def test_echo_of_a_message_given_up_settles_it_and_the_alert_hears_of_it(chat, fate):
    card = card_of(chat)
    given_up = {
        "unknown": lambda tx: tx.outbox.unknown(card, chat.now),
        "failed": lambda tx: tx.outbox.failed(card, "graph_down", chat.now),
        "lapsed": lambda tx: tx.outbox.lapsed(card, chat.now),
    }[fate]
    chat.local.storage.write(given_up)
    chat.local.storage.write(lambda tx: tx.alerts.mark_card(chat.id_of(), "failed", chat.now))
    echo(chat, card)
    assert delivery(chat, card) is Delivery.SENT
    assert chat.alerts[0].card == "sent"


def test_echo_of_a_message_about_to_be_repeated_takes_the_repetition_back(chat):
    card = card_of(chat)
    chat.local.storage.write(lambda tx: tx.outbox.unknown(card, chat.now))
    assert chat.local.storage.write(lambda tx: tx.outbox.resend(card, chat.now))
    echo(chat, card)
    before = len([s for s in chat.local.channel.said if s.message.purpose is Purpose.CARD])
    chat.local.settle()
    assert len([s for s in chat.local.channel.said if s.message.purpose is Purpose.CARD]) == before


def test_second_echo_of_one_message_changes_nothing_and_silences_nobody(chat):
    card = card_of(chat)
    echo(chat, card)
    echo(chat, card, key="the same in another delivery")
    assert delivery(chat, card) is Delivery.SENT and chat.conv().elsewhere_since is None


def test_echo_of_another_contacts_message_settles_nothing(chat):
    card = card_of(chat)
    event = EchoReceived(sent_at=chat.now, mid="m-x", outbox_id=card, app="us")
    chat.contact_writes("hei", who="B")
    chat.local.storage.write(lambda tx: tx.inbox.add([NewEvent(psid="B", key="x", event=event)], chat.now))
    chat.local.inbound.drain()
    assert delivery(chat, card) is Delivery.SENDING


# Erased in between.


def erased(chat) -> int:
    chat.contact_writes("hei")
    contact_id = chat.id_of()
    chat.local.storage.write(lambda tx: tx.contacts.erase(contact_id, "KODE", chat.now))
    return contact_id


@pytest.mark.parametrize(
    "event",
    [
        lambda now: EchoReceived(sent_at=now, mid="m-1", outbox_id=1, app="us"),
        lambda now: MessagesDelivered(sent_at=now, watermark=now),
        lambda now: MessageWithdrawn(sent_at=now, mid="m-1"),
    ],
    ids=["echo", "delivered", "withdrawn"],
)
def test_what_comes_late_about_an_erased_person_does_not_remember_them_anew(chat, event):
    erased(chat)
    chat.local.happens("A", event(chat.now))
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_erased_person_who_writes_again_is_somebody_new(chat):
    old = erased(chat)
    chat.contact_writes("hei igjen")
    assert chat.id_of() != old and chat.replies


@pytest.fixture
def settling(chat):
    """Deletion is confirmed and its receipt is out; that it is has not been handled yet."""
    chat.contact_writes("hei").contact_writes("SLETT")
    put(chat, "Ja, slett")
    chat.local.inbound.drain()
    assert chat.conv().erasing
    chat.local.sender.drain()
    assert chat.local.storage.read(lambda tx: tx.inbox.pending_count()) == 1
    return chat


def test_danger_that_came_in_before_the_key_was_destroyed_is_heard(settling):
    put(settling, "jeg vil ta livet mitt i kveld", seconds=0.04)
    settling.local.settle()
    settling.wait(hours=1)
    assert [alert.tier for alert in settling.alerts] == ["critical"]
    assert settling.status is Status.WAITING and settling.conv().erase_on_close, "a person closes it first"


def test_ordinary_words_that_came_in_meanwhile_are_handled_and_then_everything_goes(settling):
    contact_id = settling.id_of()
    put(settling, "takk for nå", seconds=0.04)
    settling.local.settle()
    assert settling.conv().erasing
    settling.wait(seconds=10)
    assert settling.local.storage.read(lambda tx: tx.contacts.find("A")) is None
    assert not settling.local.storage.write(lambda tx: tx.contacts.lock(contact_id))
    assert settling.local.storage.read(lambda tx: tx.inbox.pending_count()) == 0


def test_a_person_who_closes_erases_nothing_that_nobody_has_read(chat):
    """Where messages may not be safe there is no receipt: the key would go at once."""
    amalie = chat.on_duty()
    chat.contact_writes("hei").contact_writes("jeg vil ikke leve")
    chat.claim(amalie).contact_writes("SLETT").contact_writes("PAUSE")
    put(chat, "jeg vil ta livet mitt i kveld")
    chat.local.deeds.close(chat.id_of(), amalie, "listened", seen=chat.local.deeds.sight(chat.id_of()))
    chat.local.settle()
    assert [alert.tier for alert in chat.alerts] == ["critical"]


def test_contact_erased_while_the_receipt_is_being_sent_leaves_nothing_behind(chat):
    chat.contact_writes("hei")
    contact_id = chat.id_of()
    message = replace(chat.local.channel.said[-1].message, purpose=Purpose.GOODBYE)
    chat.local.storage.write(lambda tx: tx.outbox.add(contact_id, message, chat.now))
    send = chat.local.storage.write(lambda tx: next(iter(tx.outbox.claim(chat.now, "test", 1)), None))
    chat.local.storage.write(lambda tx: tx.contacts.erase(contact_id, "KODE", chat.now))
    chat.local.sender._send(send)
    left = chat.local.storage.read(
        lambda tx: [tx.all(f"SELECT id FROM {table}") for table in ("outbox", "entry")]  # noqa: S608
    )
    assert left == [[], []]
    words = chat.local.storage.read(lambda tx: tx.all("SELECT id FROM inbox WHERE body IS NOT NULL"))
    assert words == []
