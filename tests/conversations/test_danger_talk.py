"""Somebody writes that they do not want to live: the card first, people alerted, and no silence after."""

from __future__ import annotations

import pytest

from bot.conversation import Status, Tier
from bot.messages import Purpose

WORDS = "jeg vil ta livet mitt"
STATES = ["new", "flow", "waiting", "claimed", "closed", "stopped", "paused", "feedback", "elsewhere"]


def bring_to(chat, state):
    amalie = chat.on_duty()
    if state == "new":
        return
    chat.contact_writes("hei på dere, jeg har et spørsmål")
    if state in ("waiting", "claimed", "closed", "feedback", "paused"):
        chat.contact_writes("prate")
    if state in ("claimed", "closed", "feedback"):
        chat.claim(amalie)
    if state in ("closed", "feedback"):
        chat.closes(amalie)
    if state == "closed":
        chat.contact_taps("Hopp over")
    if state == "stopped":
        chat.contact_writes("STOPP")
    if state == "paused":
        chat.contact_writes("pause")
    if state == "elsewhere":
        answered_in_metas_inbox(chat)


def answered_in_metas_inbox(chat, text="Hei, dette er oss"):
    from bot.events import EchoReceived

    return chat._said(
        chat.local.happens(
            "A", EchoReceived(sent_at=chat.now, mid=chat.local.new_mid(), app="inbox", text=text)
        )
    )


@pytest.mark.parametrize("state", STATES)
def test_the_card_is_the_first_message_in_every_state(chat, state):
    bring_to(chat, state)
    chat.contact_writes(WORDS)
    assert chat.local.channel.said[-len(chat.replies)].message.purpose is Purpose.CARD
    assert "113" in chat.replies[0] and "automatisk svar" in chat.replies[0]
    assert chat.conv().tier.rank >= Tier.HIGH.rank
    assert len(chat.alerts) == 1


@pytest.mark.parametrize(
    "hour", ["2026-11-25 12:00", "2026-11-25 23:30", "2026-11-29 04:00", "2026-12-25 12:00"]
)
def test_the_card_goes_at_every_hour(chat, hour):
    chat.on_duty()
    chat.at(hour).contact_writes(WORDS)
    assert "113" in chat.replies[0] and len(chat.alerts) == 1


def test_first_contact_gets_the_notice_after_the_card_with_the_cards_buttons(chat):
    chat.on_duty()
    chat.contact_writes(WORDS)
    assert "taushetsplikt" in chat.replies[1]
    chat.contact_taps("Ja")
    assert chat.replies == [chat.text("card.alone_yes")]


def test_flagged_conversation_stands_first_in_the_queue(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere", "B").contact_writes("prate", "B").wait(minutes=30)
    chat.contact_writes(WORDS)
    assert chat.queue[0].contact_id == chat.id_of("A")


def test_no_menu_and_no_closed_reply_comes_with_the_card(chat):
    chat.at("2026-11-29 22:00").contact_writes("hei på dere, er dere der")
    chat.contact_writes(WORDS)
    assert len(chat.replies) == 1 and "i morgen kl. 09" in chat.replies[0]


def test_card_is_not_repeated_within_ten_minutes_but_after(chat):
    chat.on_duty()
    chat.contact_writes(WORDS)
    assert chat.contact_writes("jeg vil bare dø").replies == [chat.text("card.line_open", number="113")]
    assert chat.contact_writes("jeg vil dø").replies == []
    chat.wait(minutes=11).contact_writes("jeg vil dø")
    assert "113" in chat.replies[0]


def test_card_comes_again_when_the_danger_rises(chat):
    chat.on_duty()
    chat.contact_writes("jeg vil ikke leve lenger")
    chat.contact_writes("jeg gjør det i kveld, jeg tar livet mitt i kveld")
    assert chat.conv().tier is Tier.CRITICAL
    assert "113" in chat.replies[0]


def test_nobody_in_danger_meets_silence_until_a_person_answers(chat):
    chat.on_duty()
    chat.contact_writes(WORDS)
    chat.wait(minutes=11).contact_writes("er det noen der")
    assert chat.replies == [chat.text("card.line_open", number="113")]
    assert chat.contact_writes("hallo").replies == []
    chat.wait(minutes=11).contact_writes("hallo?")
    assert chat.replies == [chat.text("card.line_open", number="113")]


def test_bot_is_silent_once_a_person_has_answered(chat):
    amalie = chat.on_duty()
    chat.contact_writes(WORDS).claim(amalie).supporter_writes(amalie, "Jeg er her. Takk for at du sier det.")
    chat.wait(minutes=15).contact_writes("takk")
    assert chat.replies == []


def test_people_are_said_to_be_alerted_only_when_somebody_on_duty_has_seen_it(chat):
    amalie = chat.on_duty()
    chat.contact_writes(WORDS)
    assert chat.text("card.alerted") not in chat.replies
    chat.local.deeds.alert_shown(chat.alerts[0].id, amalie)
    chat._said(chat.local.settle())
    assert chat.replies == [chat.text("card.alerted")]
    chat.local.deeds.alert_shown(chat.alerts[0].id, amalie)
    assert chat.local.settle() == []


def test_claiming_is_also_i_have_it(chat):
    amalie = chat.on_duty()
    chat.contact_writes(WORDS).claim(amalie)
    assert chat.alerts[0].acknowledged_by == amalie.id


def test_new_hit_after_somebody_has_it_arms_the_alert_again(chat):
    amalie = chat.on_duty()
    chat.contact_writes(WORDS)
    chat.local.deeds.acknowledge(chat.alerts[0].id, amalie)
    chat.wait(minutes=1).contact_writes("jeg vil dø")
    assert chat.alerts[0].acknowledged_by is None


def test_words_split_over_two_messages_are_read_together(chat):
    chat.on_duty()
    chat.contact_writes("jeg vil ta")
    chat.contact_writes("livet mitt")
    assert len(chat.alerts) == 1


def test_edited_message_is_read_again(chat):
    chat.on_duty()
    chat.contact_writes("jeg har det fint")
    chat._said(chat.local.edit("A", chat.last_mid, WORDS))
    assert "113" in chat.replies[0] and len(chat.alerts) == 1


def test_caption_of_a_picture_is_read(chat):
    chat.on_duty()
    chat.contact_sends("image", text=WORDS)
    assert len(chat.alerts) == 1


def test_card_comes_in_both_languages_when_message_and_chosen_language_differ(chat):
    chat.on_duty()
    chat.contact_writes("ENGLISH").contact_writes(WORDS)
    assert "ring 113" in chat.replies[0] and "call 113" in chat.replies[0]


@pytest.mark.parametrize(
    ("word", "key"), [("STOPP", "stop.danger"), ("SLETT", "erase.waits"), ("PAUSE", "pause.done")]
)
def test_no_word_closes_a_handoff_of_somebody_in_danger(chat, word, key):
    chat.on_duty()
    chat.contact_writes(WORDS).contact_writes(word)
    assert chat.replies == [chat.text(key)]
    assert chat.status is Status.WAITING and len(chat.alerts) == 1


def test_deletion_asked_for_in_danger_happens_when_a_person_closes(chat):
    amalie = chat.on_duty()
    chat.contact_writes(WORDS).contact_writes("SLETT")
    chat.claim(amalie).closes(amalie, "listened")
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_help_in_the_queue_raises_and_its_buttons_lead_on(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").contact_writes("HJELP")
    assert chat.last_reply == chat.text("help.card") and chat.conv().tier is Tier.HIGH
    chat.contact_taps("Jeg er i fare")
    assert chat.conv().tier is Tier.CRITICAL and "113" in chat.replies[0]


def test_help_is_never_throttled(chat):
    chat.on_duty()
    for _ in range(4):
        chat.contact_writes("help")
        assert "113" in chat.last_reply


def test_old_message_still_raises_an_alert(chat):
    from datetime import timedelta

    from bot.events import TextReceived

    chat.local.happens("A", TextReceived(sent_at=chat.now - timedelta(days=2), mid="old", text=WORDS))
    assert len(chat.alerts) == 1
    assert chat.local.channel.said == [], "nothing automatic may be sent outside 24 hours"


def test_ordinary_talk_about_studies_raises_nothing(chat):
    chat.on_duty()
    for text in (
        "eksamen tok livet av meg haha",
        "skriver bachelor om selvmordsforebygging",
        "kms løp i dag",
    ):
        chat.contact_writes(text)
    assert chat.alerts == []
