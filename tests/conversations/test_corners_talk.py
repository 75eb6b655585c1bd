"""Where a rule of conduct meets an unlucky moment: what a frightened student must not fall through."""

from __future__ import annotations

from datetime import timedelta

import pytest
from corners import DANGER, HEAVY, inbox_answers, purposes, tap, waiting
from talk_support import one_engine

from bot.conversation import Status, Tier
from bot.events import ControlChanged, SendSettled, TextReceived
from bot.messages import Purpose

pytestmark = one_engine

# The first words of somebody new.


@pytest.mark.parametrize("word", ["prate", "HJELP", "meny", "English"])
def test_notice_is_given_whatever_the_first_words_are(chat, word):
    chat.on_duty()
    chat.contact_writes(word)
    language = "confidential" if word == "English" else "taushetsplikt"
    assert sum(language in text for text in chat.replies) == 1
    assert chat.conv().notice_at == chat.now


@pytest.mark.parametrize("word", ["prate", "HJELP", "meny", "English", "😀"])
def test_closed_reply_comes_whatever_the_first_words_are(chat, word):
    chat.at("2026-11-29 22:00").contact_writes(word)
    assert purposes(chat).count(Purpose.CLOSED) == 1
    chat.contact_writes("prate")
    assert Purpose.CLOSED not in purposes(chat)


def test_first_word_help_gets_the_card_first_and_its_buttons_stay(chat):
    chat.at("2026-11-29 22:00").contact_writes("HJELP")
    assert purposes(chat) == [Purpose.CARD, Purpose.NOTICE, Purpose.CLOSED]
    assert [c.payload for c in chat._last["A"][-1].choices] == [
        "b:help:danger",
        "b:help:talk",
        "b:help:wrong",
    ]


def test_first_word_english_starts_the_conversation_in_english(chat):
    chat.contact_writes("ENGLISH")
    assert "What do you need" in chat.last_reply


def test_language_typed_instead_of_tapped_answers_the_question_for_it(chat):
    chat.contact_writes("😀").contact_writes("ENGLISH")
    assert chat.replies == ["What do you need? Choose a button, or just write."]


# People.


def test_student_is_told_that_the_person_left_also_if_nothing_was_written(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie)
    chat.local.deeds.release(chat.id_of(), amalie)
    assert [s.text for s in chat.local.settle()] == [chat.text("person.left")]


def test_released_at_night_promises_nobody_soon_and_counts_as_the_closed_reply(chat):
    amalie = chat.on_duty()
    chat.at("2026-11-25 19:50")
    chat.contact_writes(DANGER).claim(amalie).at("2026-11-25 21:00")
    chat.local.deeds.release(chat.id_of(), amalie)
    said = [s.text for s in chat.local.settle()]
    assert said == [chat.text("person.left_closed", next_open="i morgen kl. 09")]
    assert chat.alerts[0].acknowledged_at is None
    chat.contact_writes("er det noen der")
    assert Purpose.CLOSED not in purposes(chat) and "113" in chat.last_reply


def test_alert_of_a_handed_over_conversation_goes_to_the_one_who_said_yes(chat):
    amalie, jonas = chat.on_duty("Amalie"), chat.on_duty("Jonas")
    chat.contact_writes(DANGER).claim(amalie)
    assert chat.alerts[0].acknowledged_by == amalie.id
    chat.local.deeds.team.offer(chat.id_of(), amalie, jonas.id, "")
    assert chat.alerts[0].acknowledged_by == amalie.id
    chat.local.deeds.team.accept(chat.id_of(), jonas)
    assert chat.alerts[0].acknowledged_by == jonas.id


@pytest.mark.parametrize("payload", ["b:wait:no", "b:wait:yes", "b:feedback:yes", "f:menu:choose:talk"])
def test_old_button_says_nothing_while_a_person_has_it(chat, payload):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie)
    assert tap(chat, payload).replies == [] and chat.status is Status.CLAIMED


def test_yes_to_a_supporter_is_not_a_yes_to_deletion(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).contact_writes("slett").supporter_writes(amalie, "Vil du prate litt først?")
    chat.contact_writes("ja")
    assert chat.replies == [] and chat.status is Status.CLAIMED


@pytest.mark.parametrize("words", ["Ja, slett", "yes, delete"])
def test_deletion_confirmed_by_its_name_happens_though_a_supporter_wrote_in_between(chat, words):
    amalie = chat.on_duty()
    waiting(chat).contact_writes("slett").claim(amalie).supporter_writes(amalie, "Vil du prate litt først?")
    chat.contact_writes("vent litt, jeg må bare tenke").contact_writes(words)
    assert "Ferdig" in chat.last_reply
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_the_name_of_an_answer_that_nobody_waits_for_deletes_nothing(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).contact_writes("slett").contact_writes("nei, behold").contact_writes(
        "ja, slett"
    )
    assert chat.status is Status.CLAIMED and chat.replies == []


def test_who_may_be_in_danger_keeps_the_place_when_they_would_rather_not_wait(chat):
    chat.on_duty()
    waiting(chat).contact_writes(DANGER)
    tap(chat, "b:wait:no")
    assert chat.replies == [chat.text("queue.left_flagged")] and chat.status is Status.WAITING


def test_yes_meant_for_the_flow_does_not_answer_an_older_question(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).closes(amalie).contact_writes("jeg lurer på noe mer")
    chat.contact_writes("ja")
    assert chat.local.storage.read(lambda tx: tx.counters.all()).get("feedback_yes", 0) == 0


def test_lowered_to_ordinary_the_wait_is_asked_about_again(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER)
    seen = chat.local.deeds.sight(chat.id_of())
    chat.local.deeds.lower_tier(chat.id_of(), amalie, Tier.NONE, "sitat fra en sang", seen=seen)
    assert chat.alerts == []
    assert chat.wait(minutes=16).last_reply == chat.text("queue.wait_question")


# HELP in a flow.


def test_wrong_button_after_help_goes_on_where_the_flow_was(chat):
    chat.contact_writes("hei på dere").contact_taps("Prate med noen").contact_writes("HJELP")
    chat.contact_taps("Feil knapp")
    assert chat.replies[0] == chat.text("help.wrong") and "Hva vil du snakke om" in chat.last_reply


def test_words_after_help_reach_a_person(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("HJELP").contact_writes("jeg er så redd")
    assert chat.status is Status.WAITING


# Attachments and clocks.


def test_pictures_instead_of_answers_end_at_a_person(chat):
    chat.on_duty()
    chat.contact_writes("hei, kan jeg snakke med noen om dette")
    for _ in range(4):
        chat.contact_sends("image")
    assert chat.status is Status.WAITING


def test_contact_whose_clock_is_ahead_opens_no_longer_window(chat):
    ahead = TextReceived(sent_at=chat.now + timedelta(days=3), mid="ahead", text="hei på dere")
    chat.local.happens("A", ahead)
    assert chat.conv().last_inbound_at == chat.now


# Closing time.


def test_closing_time_is_not_told_to_who_has_just_read_that_we_are_closed(chat):
    chat.on_duty()
    chat.at("2026-11-25 19:50")
    waiting(chat)
    chat.local.now += timedelta(minutes=11)  # the timers are late
    chat.contact_writes("er dere der")
    assert purposes(chat) == [Purpose.CLOSED]
    assert chat.wait(minutes=1).replies == []


def test_who_could_not_be_told_at_closing_is_told_on_writing(chat):
    chat.on_duty()
    chat.at("2026-11-25 19:50")
    waiting(chat).contact_writes("PAUSE").at("2026-11-25 21:00").contact_writes("hei igjen")
    assert purposes(chat) == [Purpose.CLOSED]


# Meta's inbox.


def test_unanswered_there_the_place_is_told_again(chat):
    chat.on_duty()
    waiting(chat)
    inbox_answers(chat)
    chat.contact_writes("er du der").wait(minutes=16)
    assert chat.last_reply == chat.text("queue.first") and chat.conv().elsewhere_since is None


def test_heavy_words_to_a_person_in_metas_inbox_come_to_the_queue_and_the_bot_does_not_ask(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes(HEAVY)
    assert chat.replies == [] and chat.conv().tier is Tier.ELEVATED and chat.status is Status.WAITING


def test_help_to_a_person_in_metas_inbox_alerts(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes("HJELP")
    assert "113" in chat.last_reply and len(chat.alerts) == 1


def test_late_closed_reply_is_not_said_over_a_person(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).at("2026-11-25 22:00")
    lapsed = SendSettled(sent_at=chat.now, outbox_id=1, purpose=Purpose.CLOSED, outcome="lapsed")
    assert chat.local.happens("A", lapsed) == []


def test_passing_the_thread_back_restores_what_a_waiting_student_is_asked(chat):
    chat.on_duty()
    waiting(chat)
    for action, owner in (("taken", "inbox"), ("passed", "us")):
        chat.local.happens("A", ControlChanged(sent_at=chat.now, action=action, owner=owner))
    assert chat.wait(minutes=16).last_reply == chat.text("queue.wait_question")
