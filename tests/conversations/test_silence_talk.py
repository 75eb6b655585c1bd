"""Nobody who is flagged meets silence: elevated as little as in danger, after STOP, and whatever they tap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from corners import DANGER, HEAVY, tap, waiting
from signs import Talk, sign, signs_content
from talk_support import oslo

from bot import handoff
from bot.conversation import Status, Stopped, Tier
from bot.draft import Draft
from bot.events import MessageEdited
from bot.handoff import Person
from bot.silence import QUESTIONS

CONTENT = signs_content()
AMALIE = Person(id=1, alias="Amalie")
FOREIGN = "no quiero vivir más así"
LINE = "card.line_open"
BUTTONS = [f"b:{question}:{answer}" for question, answers in QUESTIONS.items() for answer in answers]


def talk(at="2026-11-25 12:00", on_duty=(1,)) -> Talk:
    return Talk(CONTENT, oslo(at), on_duty=on_duty)


def text(key: str, language: str = "nb", **fields: str) -> str:
    return CONTENT.texts.say(key, language, **fields)


def with_a_person(writer: Talk) -> Talk:
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    handoff.claim(draft, AMALIE)
    handoff.reply(draft, AMALIE, "Hei", confirmed=True)
    writer.conv = draft.conv
    return writer


# Answers to questions about safety.


def test_i_am_in_danger_has_a_text_though_card_and_line_came_a_moment_ago():
    writer = talk().writes(sign("A", "critical")).writes("jeg orker ikke").writes("HJELP")
    writer.taps("b:help:danger")
    assert writer.said == [text("card.danger")] and writer.alerts


def test_i_am_in_danger_has_a_text_each_time():
    writer = talk().writes("HJELP")
    for _ in range(4):
        assert writer.taps("b:help:danger").said


@pytest.mark.parametrize("payload", [*BUTTONS, "b:help:danger"])
@pytest.mark.parametrize("before", [sign("A", "critical"), sign("F", "high"), sign("C", "elevated"), "prate"])
def test_every_answer_about_safety_has_one_text_also_while_a_person_has_them(before, payload):
    writer = with_a_person(talk().writes(before).writes("prate")).taps(payload)
    assert len(writer.said) == 1, "one line, or the card"


def test_answer_while_a_person_has_them_is_said_to_reach_that_person():
    writer = with_a_person(talk().writes(sign("A", "critical")).writes(sign("A", "critical")))
    line = text("card.answer_person", number="113")
    assert writer.taps("b:alone:yes").said == [line] and writer.taps("b:help:danger").said == [line]


# Elevated.


def test_new_heavy_words_soon_after_a_no_are_heard():
    writer = talk().writes(sign("C", "elevated")).writes("nei")
    writer.now += timedelta(minutes=2)
    assert writer.writes(sign("D", "elevated")).said == [text("soft.heard", number="113")]


def test_who_said_no_and_asks_whether_anybody_is_there_gets_a_line_every_ten_minutes():
    writer = talk().writes(sign("C", "elevated")).writes("nei")
    said = []
    for minutes in (20, 1, 8, 2, 20):
        writer.now += timedelta(minutes=minutes)
        said.append(writer.writes("er dere der?").said)
    line = [text(LINE, number="113")]
    assert said == [line, [], [], line, line]


def test_at_night_who_is_elevated_is_told_when_it_is_read_and_not_that_somebody_was_told(chat):
    chat.at("2026-11-24 23:00").contact_writes(HEAVY).contact_writes("nei")
    chat.wait(minutes=20).contact_writes("er dere der?")
    assert chat.replies == [chat.text("card.line_closed", number="113", next_open="i morgen kl. 09")]


def test_a_closed_reply_counts_as_the_line():
    writer = talk("2026-11-25 19:30").writes(sign("C", "elevated")).writes("nei")
    writer.now = oslo("2026-11-25 22:00")
    assert writer.writes("hei").said and writer.writes("er dere der?").said == []


def test_who_writes_in_a_language_nobody_reads_gets_a_line_in_both_every_ten_minutes():
    writer = talk().writes(FOREIGN)
    assert writer.writes(FOREIGN).said == []
    writer.now += timedelta(minutes=11)
    both = [f"{text(LINE, number='113')}\n\n{text(LINE, 'en', number='113')}"]
    assert writer.writes(FOREIGN).said == both and writer.writes(FOREIGN).said == []


def test_heavy_words_to_a_person_who_leaves_without_an_answer_are_asked_about(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).supporter_writes(amalie, "Hei, jeg er her").contact_writes(HEAVY)
    chat.local.deeds.release(chat.id_of(), amalie)
    chat._said(chat.local.settle())
    assert chat.replies == [chat.text("person.left"), chat.text("soft.question")]
    assert chat.wait(minutes=11).conv().tier is Tier.HIGH


def test_where_nothing_may_be_asked_unasked_they_are_shown_as_not_sure(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).contact_writes(HEAVY).contact_writes("PAUSE")
    chat.local.deeds.release(chat.id_of(), amalie)
    assert chat._said(chat.local.settle()).replies == []
    assert chat.wait(minutes=11).replies == [] and chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_what_could_not_be_asked_is_asked_when_they_write():
    writer = with_a_person(talk().writes("prate")).writes(sign("F", "elevated"))
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    handoff.release(draft, AMALIE)
    writer.conv = draft.conv
    assert writer.writes("hei").said == [f"{text('card.neutral')}\n{text('soft.danger')}"]


def test_heavy_words_that_a_person_has_answered_are_theirs_to_ask_about(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).contact_writes(HEAVY).supporter_writes(amalie, "Det høres tungt ut.")
    chat.local.deeds.release(chat.id_of(), amalie)
    assert chat._said(chat.local.settle()).replies == [chat.text("person.left")]
    assert chat.wait(minutes=11).conv().tier is Tier.ELEVATED


# A late answer to the soft question.


def test_yes_after_the_ten_minutes_is_a_yes(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).wait(minutes=11)
    chat.contact_writes("ja")
    assert "answer:soft_yes" in chat.conv().handoff.rules and "113" in chat.replies[0]


def test_late_no_is_answered_and_lowers_nothing(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).wait(minutes=11)
    assert chat.contact_writes("nei").replies == [chat.text("soft.no", number="113")]
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_the_line_after_the_ten_minutes_has_no_buttons_of_the_soft_question(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).wait(minutes=11)
    chat.contact_writes("er dere der")
    assert chat.replies == [chat.text(LINE, number="113")] and chat._last["A"][-1].choices == ()


def test_yes_to_a_person_who_has_written_since_is_no_late_answer(chat):
    amalie = chat.on_duty()
    chat.contact_writes(HEAVY).wait(minutes=11).claim(amalie).supporter_writes(amalie, "Vil du prate?")
    chat.contact_writes("ja")
    assert "answer:soft_yes" not in chat.conv().handoff.rules and chat.replies == []


def test_yes_after_a_later_question_answers_that_one(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).wait(minutes=11).contact_writes(DANGER)
    assert chat.contact_writes("ja").replies == [chat.text("card.alone_yes")]


# Edits after STOP and PAUSE.


@pytest.mark.parametrize("word", ["STOPP", "PAUSE"])
@pytest.mark.parametrize("tier", ["critical", "high", "elevated"])
def test_edit_after_stop_is_answered_as_a_new_message_would_be(word, tier):
    writer = talk().writes(sign("A", tier)).writes(word)
    writer.now += timedelta(minutes=12)
    writer.happens(MessageEdited(sent_at=writer.now, mid="m1", text="er noen der", number=1))
    assert writer.said and writer.conv.stopped is Stopped.NO


def test_edit_after_stop_starts_nothing_for_who_is_not_flagged():
    writer = talk().writes("hei på dere").writes("STOPP")
    writer.happens(MessageEdited(sent_at=writer.now, mid="m1", text="hei igjen", number=1))
    assert writer.said == [] and writer.conv.stopped is Stopped.STOP


def test_old_soft_button_has_a_text_when_nobody_waits(chat):
    tap(chat.contact_writes("hei på dere"), "b:soft:no")
    assert chat.replies == [chat.text("soft.no", number="113")] and chat.status is not Status.WAITING
