"""Danger at an unlucky moment: what a frightened student must not fall through."""

from __future__ import annotations

from datetime import timedelta

import pytest
from corners import DANGER, HEAVY, inbox_answers, purposes, tap, waiting
from talk_support import one_engine

from bot.conversation import Tier
from bot.events import ChoiceTapped, TextReceived
from bot.long_text import KEPT
from bot.messages import Purpose

pytestmark = one_engine

# Danger.


def test_soft_question_at_night_also_says_that_we_are_closed_and_keeps_its_buttons(chat):
    chat.at("2026-11-29 22:00").contact_writes(HEAVY)
    assert purposes(chat) == [Purpose.SAFETY, Purpose.NOTICE, Purpose.CLOSED]
    chat.contact_taps("Vet ikke")
    assert chat.conv().tier is Tier.HIGH and chat.replies == [chat.text("soft.unsure", number="113")]


def test_long_no_to_the_soft_question_is_heard_and_stays_open(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).contact_writes("nei, ikke akkurat")
    assert chat.replies == [chat.text("soft.heard", number="113")]
    assert chat.conv().tier is Tier.ELEVATED
    chat.contact_taps("Nei")
    assert chat.replies == [chat.text("soft.no", number="113")]
    assert chat.wait(minutes=15).conv().tier is Tier.ELEVATED


def test_ok_is_no_yes_to_the_soft_question(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).contact_writes("ok")
    assert chat.conv().tier is Tier.ELEVATED and chat.replies == [chat.text("soft.heard", number="113")]


def test_silence_after_the_soft_question_counts_as_not_sure(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    assert chat.wait(minutes=11).replies == []
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


@pytest.mark.parametrize(
    ("typed", "key"), [("nei, ikke akkurat", "card.alone_no"), ("ja, helt alene", "card.alone_yes")]
)
def test_answer_in_words_right_after_the_card_has_a_text(chat, typed, key):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes(typed)
    assert chat.replies == [chat.text(key)]


def test_first_free_words_after_the_card_are_not_met_with_silence(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("mamma er på vei")
    assert chat.replies == [chat.text("card.line_open", number="113")]


def test_voice_message_in_danger_is_asked_for_in_words(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("hallo").contact_sends("audio")
    assert chat.replies == [chat.text("media.unreadable")]


def test_old_yes_to_the_soft_question_is_a_yes_also_after_a_person_closed(chat):
    amalie = chat.on_duty()
    chat.contact_writes(HEAVY).claim(amalie).closes(amalie).wait(hours=1)
    tap(chat, "b:soft:yes")
    assert purposes(chat)[0] is Purpose.CARD and chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_soft_answer_reaches_us_also_while_metas_inbox_has_the_thread(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    inbox_answers(chat)
    tap(chat, "b:soft:yes")
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_card_comes_again_in_the_language_that_is_asked_for(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("ENGLISH")
    assert purposes(chat) == [Purpose.CARD] and "If your life is in danger now: call 113" in chat.replies[0]
    chat.contact_taps("Yes")
    assert chat.replies == [chat.text("card.alone_yes", "en")]


def test_new_danger_after_a_person_closed_is_a_new_handoff_with_a_card_and_an_alert(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).claim(amalie).closes(amalie)
    assert chat.alerts == []
    chat.wait(minutes=1).contact_writes("jeg vil dø")
    assert purposes(chat)[0] is Purpose.CARD
    assert chat.conv().handoff.number == 2 and len(chat.alerts) == 1


def test_message_that_comes_too_late_for_a_card_does_not_use_up_the_next_one(chat):
    chat.on_duty()
    old = TextReceived(sent_at=chat.now - timedelta(days=2), mid="old", text=DANGER)
    chat.local.happens("A", old)
    chat.contact_writes("jeg vil dø")
    assert purposes(chat)[:2] == [Purpose.CARD, Purpose.NOTICE]


def test_bot_stays_silent_after_an_answer_in_metas_inbox_until_danger_is_written_again(chat):
    chat.on_duty()
    chat.contact_writes(DANGER)
    inbox_answers(chat)
    chat.wait(minutes=11).contact_writes("takk for at du svarer")
    assert chat.replies == []
    chat.contact_writes("jeg vil dø")
    assert "113" in chat.replies[0]


@pytest.mark.parametrize(
    "payload", ["unknown", "b:mood:low", "b:erase:perhaps", "f:gone:step:choice", "stop:now", None]
)
@pytest.mark.parametrize("claimed", [False, True], ids=["bot", "claimed"])
def test_the_words_on_a_button_that_is_not_ours_are_read_for_danger(chat, payload, claimed):
    if claimed:
        waiting(chat).claim(chat.on_duty())
    event = ChoiceTapped(
        sent_at=chat.now, mid=chat.local.new_mid(), title="jeg vil ta livet mitt i kveld", payload=payload
    )
    chat.local.happens("A", event)
    assert [alert.tier for alert in chat.alerts] == [Tier.CRITICAL]


@pytest.mark.parametrize("place", [0, 30_000, 60_000])
def test_danger_anywhere_in_a_very_long_message_is_heard_though_not_all_of_it_is_kept(chat, place):
    calm = "Jeg går på biblioteket og leser til eksamen. " * 1400
    words = f"{calm[:place]} Jeg vil ta livet mitt i kveld. {calm[place:]}"
    event = TextReceived(sent_at=chat.now, mid="m-long", text=words)
    chat.local.happens("A", event)
    assert [alert.tier for alert in chat.alerts] == [Tier.CRITICAL]
    lines = chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of()))
    assert len(lines[0].text) == KEPT
    assert lines[0].text.endswith(words[-2000:]) and "[...]" in lines[0].text
    count = len(lines)
    chat.local.happens("A", event)
    assert len(chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of()))) == count
