"""Somebody answers in Meta's own inbox: the bot does not talk over them, and nobody is forgotten there."""

from __future__ import annotations

import pytest
from corners import DANGER, HEAVY, inbox_answers
from talk_support import one_engine

from bot.conversation import Status, Stopped, Tier
from bot.events import ControlChanged, EchoReceived

pytestmark = one_engine

NIGHT = "2026-11-24 23:00"
ELSEWHERE = "card.line_elsewhere"


def test_foreign_echo_silences_the_bot(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    assert chat.contact_writes("takk for svar").replies == []


def test_our_own_echo_does_not(chat):
    chat.contact_writes("hei på dere")
    outbox_id = chat.local.storage.read(lambda tx: tx.all("select max(id) as id from outbox"))[0]["id"]
    chat.local.happens("A", EchoReceived(sent_at=chat.now, mid="e1", outbox_id=outbox_id, app="us"))
    assert chat.contact_writes("prate").replies


def test_message_that_nobody_answers_there_comes_to_the_queue(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes("er du der").wait(minutes=16)
    assert chat.status is Status.WAITING and chat.last_reply == chat.text("queue.first")


def test_an_answer_there_in_time_keeps_it_there(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes("er du der").wait(minutes=10)
    inbox_answers(chat)
    chat.wait(minutes=20)
    assert chat.status is not Status.WAITING


def test_silence_ends_at_the_next_opening(chat):
    chat.on_duty()
    chat.at("2026-11-25 19:30").contact_writes("hei på dere")
    inbox_answers(chat)
    chat.at("2026-11-26 09:05").contact_writes("hei, jeg er tilbake")
    assert chat.replies


def test_give_back_lets_the_bot_speak(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.local.deeds.give_back(chat.id_of(), amalie)
    assert chat.contact_writes("hei igjen").replies


def test_control_taken_by_the_inbox_silences_and_passing_it_back_ends_it(chat):
    chat.contact_writes("hei på dere")
    chat.local.happens("A", ControlChanged(sent_at=chat.now, action="taken", owner="inbox"))
    assert chat.contact_writes("hei").replies == []
    chat.local.happens("A", ControlChanged(sent_at=chat.now, action="passed", owner="us"))
    assert chat.contact_writes("hei").replies


def test_writing_on_makes_nobody_wait_longer(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes("er du der").wait(minutes=14).contact_writes("hallo")
    assert chat.replies == []
    assert chat.wait(minutes=2).replies == [chat.text("queue.first")]


def test_nothing_comes_from_there_unasked_where_messages_may_not_be_safe(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_taps("Prate med noen").contact_taps("Hvordan jeg har det")
    chat.contact_taps("UiO").contact_taps("Nei")
    inbox_answers(chat)
    chat.contact_writes("er du der")
    assert chat.wait(minutes=16).replies == [] and chat.conv().elsewhere_since is None


# Who may be in danger. What another app says by itself is no answer.


@pytest.mark.parametrize("app", ["inbox", "other", "unknown"])
def test_an_echo_keeps_the_bot_quiet_for_a_quarter_of_an_hour_in_danger_and_no_longer(chat, app):
    chat.on_duty()
    chat.contact_writes(DANGER)
    inbox_answers(chat, app)
    assert chat.wait(minutes=14).contact_writes("hallo").replies == []
    assert chat.wait(seconds=70).contact_writes("er dere der").replies == [chat.text(ELSEWHERE, number="113")]


def test_in_danger_a_later_echo_buys_no_more_quiet(chat):
    chat.on_duty()
    chat.contact_writes(DANGER)
    said = []
    for _ in range(8):
        inbox_answers(chat)
        said.append(chat.wait(minutes=12).contact_writes("er du der").replies)
    assert said == [[], *[[chat.text(ELSEWHERE, number="113")]] * 7]


def test_after_danger_came_back_to_the_queue_every_message_is_answered_as_before_the_echo(chat):
    chat.on_duty()
    chat.contact_writes(DANGER)
    inbox_answers(chat)
    chat.contact_writes("er du der").wait(minutes=16)
    for _ in range(3):
        chat.wait(minutes=11).contact_writes("hallo")
        assert chat.replies == [chat.text("card.line_open", number="113")]


def test_who_stops_writing_in_danger_at_night_is_told_that_nobody_answered_and_where_help_is(chat):
    chat.at(NIGHT).contact_writes(DANGER)
    inbox_answers(chat)
    chat.wait(minutes=2).contact_writes("er du der")
    line = chat.text("card.line_closed", number="113", next_open="i morgen kl. 09")
    assert chat.wait(minutes=16).replies == [f"{chat.text('card.unanswered')} {line}"]


def test_who_had_a_line_since_is_not_told_again_when_it_comes_back_to_the_queue(chat):
    chat.on_duty()
    chat.contact_writes(DANGER)
    inbox_answers(chat)
    chat.wait(minutes=5).contact_writes("er du der")
    chat.wait(minutes=11).contact_writes("hallo")
    assert chat.replies == [chat.text(ELSEWHERE, number="113")]
    assert chat.wait(minutes=10).replies == [] and chat.conv().elsewhere_since is None


def test_nothing_is_pushed_from_there_to_a_screen_that_may_be_watched(chat):
    chat.on_duty()
    chat.contact_writes("kjæresten min slår meg")
    inbox_answers(chat)
    chat.contact_writes("er du der")
    assert chat.wait(minutes=16).replies == []
    assert chat.text("card.line_open", number="112") in chat.contact_writes("hallo").replies[0]


def test_an_echo_takes_back_no_question_about_safety(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    inbox_answers(chat)
    chat.contact_writes("ja")
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1 and "113" in chat.replies[0]


def test_the_silence_after_the_soft_question_counts_though_another_app_speaks(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    inbox_answers(chat)
    assert chat.wait(minutes=11).conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_place_told_after_an_echo_reaches_the_alert(chat):
    chat.on_duty()
    chat.contact_writes("kjæresten min slår meg nå").contact_taps("Jeg kan ikke ringe")
    inbox_answers(chat)
    chat.contact_writes("Storgata 1, tredje etasje")
    assert chat.text("cannot_call.place_open", number="112") in chat.replies[0]
    assert "answer:place" in chat.conv().handoff.rules


def test_heavy_words_there_that_nobody_answers_are_asked_about(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    assert chat.contact_writes(HEAVY).replies == []
    assert chat.wait(minutes=16).replies == [chat.text("soft.question")]
    assert chat.contact_writes("ja").conv().tier is Tier.HIGH


@pytest.mark.parametrize("word", ["STOPP", "PAUSE"])
def test_what_is_heavy_there_is_shown_as_not_sure_where_nothing_may_be_asked(chat, word):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes(HEAVY).contact_writes(word)
    assert chat.conv().stopped is not Stopped.NO
    assert chat.wait(minutes=30).replies == []
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_heavy_words_there_are_asked_about_when_the_thread_is_given_back(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes(HEAVY)
    chat.local.deeds.give_back(chat.id_of(), amalie)
    assert chat._said(chat.local.settle()).replies == [chat.text("soft.question")]
