"""A card that could not go: the alert says so, and the next message that comes in time gets the card."""

from __future__ import annotations

from datetime import timedelta

from talk_support import one_engine

from bot.events import TextReceived
from storage.records import NewEvent

pytestmark = one_engine
WORDS = "jeg skal ta livet mitt i kveld"


def writes_late(chat, text: str = WORDS, hours: float = 25) -> None:
    """It came only now: caught up with after an outage."""
    late = TextReceived(sent_at=chat.now - timedelta(hours=hours), mid="late", text=text)
    chat._said(chat.local.happens("A", late))


def test_the_alert_of_a_first_contact_from_yesterday_says_that_the_card_could_not_go(chat):
    chat.on_duty()
    writes_late(chat)
    assert chat.replies == [] and [alert.card for alert in chat.alerts] == ["blocked"]


def test_the_alert_says_so_of_somebody_we_know_too(chat):
    chat.on_duty()
    chat.contact_writes("hei").wait(hours=30)
    writes_late(chat)
    assert [alert.card for alert in chat.alerts] == ["blocked"]


def test_the_next_message_in_time_gets_the_card_and_not_the_short_line(chat):
    chat.on_duty()
    writes_late(chat)
    chat.contact_writes("hallo?")
    assert chat.text("card.life") in chat.replies[0]
    assert not any("Det du skriver, kommer fram" in each for each in chat.replies)
    assert chat.alerts[0].card == "sent"


def test_the_card_comes_once(chat):
    chat.on_duty()
    writes_late(chat)
    chat.contact_writes("hallo?").contact_writes("er du der")
    assert "Det du skriver, kommer fram" in chat.replies[0] and len(chat.replies) == 1


def test_danger_in_the_next_message_gets_one_card(chat):
    chat.on_duty()
    writes_late(chat)
    before = len(chat.local.channel.said)
    chat.contact_writes(WORDS)
    cards = [said for said in chat.local.channel.said[before:] if "113" in said.text and said.choices]
    assert sum(chat.text("card.life") in said.text for said in cards) == 1


def test_the_card_comes_to_a_picture_too(chat):
    chat.on_duty()
    writes_late(chat)
    chat.contact_sends("image")
    assert chat.text("card.life") in " ".join(chat.replies)


def test_no_card_follows_pause(chat):
    chat.on_duty()
    writes_late(chat)
    chat.contact_writes("PAUSE")
    assert chat.replies == [chat.text("pause.done")]


def test_an_old_card_is_no_reason_for_the_short_line(chat):
    chat.on_duty()
    chat.contact_writes(WORDS).wait(hours=30)
    writes_late(chat)
    assert chat.alerts[0].card == "blocked"
    assert chat.text("card.life") in chat.contact_writes("hallo?").replies[0]


# Where no card was due.


def test_silence_after_the_soft_question_looks_like_no_card_on_its_way(chat):
    chat.on_duty()
    chat.contact_writes("alle har det bedre uten meg").wait(minutes=11)
    assert [(alert.rules, alert.card) for alert in chat.alerts] == [(("answer:soft_silence",), "not_due")]


def test_a_card_that_is_due_after_that_stands_on_the_alert(chat):
    chat.on_duty()
    chat.contact_writes("alle har det bedre uten meg").wait(minutes=11).contact_writes(WORDS)
    assert chat.alerts[0].card == "sent"


def test_somebody_who_cannot_call_leaves_the_card_as_it_was(chat):
    chat.on_duty()
    chat.contact_writes("kjæresten min slår meg").contact_taps("Jeg kan ikke ringe")
    assert chat.alerts[0].card == "sent"


def test_a_card_on_its_way_is_waiting_until_it_has_gone(chat):
    chat.on_duty()
    chat.contact_writes("hei")
    event = TextReceived(sent_at=chat.now, mid="new", text=WORDS)
    new = NewEvent(psid="A", key="new", event=event)
    chat.local.storage.write(lambda tx: tx.inbox.add([new], chat.now))
    chat.local.inbound.drain()
    assert chat.alerts[0].card == "waiting"
    chat.local.settle()
    assert chat.alerts[0].card == "sent"
