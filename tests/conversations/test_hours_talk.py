"""Outside the hours: one reply a closed stretch, a place that is kept, and nothing promised that we cannot keep."""

from __future__ import annotations

from talk_support import one_engine

from bot.conversation import Status
from bot.messages import Purpose

pytestmark = one_engine


def closed_replies(chat, who="A"):
    return [s.text for s in chat.local.channel.said if s.psid == who and s.message.purpose is Purpose.CLOSED]


def test_closed_reply_names_the_next_opening_in_words(chat):
    chat.at("2026-11-29 22:00")  # a Sunday
    chat.contact_writes("hei, er det noen her nå")
    assert "i morgen kl. 09" in closed_replies(chat)[0]
    assert "116 123" in closed_replies(chat)[0].replace("\xa0", " ")


def test_closed_reply_comes_once_a_closed_stretch_and_not_once_a_message(chat):
    chat.at("2026-11-29 22:00")
    for text in ("hei", "er det noen der", "jeg venter", "ok"):
        chat.contact_writes(text).wait(minutes=5)
    assert len(closed_replies(chat)) == 1


def test_second_closed_reply_is_short_and_comes_after_twelve_hours_more(chat):
    chat.at("2026-11-27 21:00")  # Friday evening
    chat.contact_writes("hei, er dere her")
    chat.at("2026-11-28 08:00").contact_writes("hallo, hallo")
    assert len(closed_replies(chat)) == 1
    chat.at("2026-11-28 10:00").contact_writes("hallo igjen")
    assert len(closed_replies(chat)) == 2
    assert closed_replies(chat)[1] == chat.text("closed.short", next_open="mandag kl. 09")


def test_closed_reply_is_not_suppressed_by_the_greeting_and_stands_before_it(chat):
    chat.at("2026-11-29 22:00").contact_writes("hei på deg, jeg er ny her")
    assert "stengt" in chat.replies[0] and "taushetsplikt" in chat.replies[1]


def test_intake_works_while_closed_and_the_place_is_kept_until_morning(chat):
    chat.at("2026-11-29 22:00")
    chat.contact_writes("hei", "B").contact_writes("prate", "B").wait(minutes=3)
    chat.contact_writes("hei på dere").contact_writes("prate")
    assert chat.last_reply == chat.text("queue.closed", next_open="i morgen kl. 09")
    chat.at("2026-11-30 09:00")
    assert [row.contact_id for row in chat.queue] == [chat.id_of("B"), chat.id_of("A")]


def test_whoever_waits_at_closing_is_told_once(chat):
    chat.on_duty()
    chat.at("2026-11-25 19:50").contact_writes("hei på dere").contact_writes("prate")
    chat.at("2026-11-25 20:01")
    assert chat.last_reply == chat.text("closed.at_closing_not_granted", next_open="i morgen kl. 09")
    chat.contact_writes("ok, jeg venter til i morgen da")
    assert len(closed_replies(chat)) == 1


def test_running_talk_may_run_on_after_closing(chat):
    amalie = chat.on_duty()
    chat.at("2026-11-25 19:50").contact_writes("hei på dere").contact_writes("prate")
    chat.claim(amalie).at("2026-11-25 20:05")
    assert chat.replies == []
    chat.contact_writes("takk for at du er her")
    assert chat.replies == [] and chat.status is Status.CLAIMED


def test_open_hours_with_nobody_on_duty_say_so(chat):
    chat.contact_writes("hei på dere").contact_writes("prate")
    assert chat.last_reply == chat.text("closed.nobody_free")


def test_waiting_students_are_asked_after_15_and_30_minutes_and_each_answer_is_answered(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate")
    chat.wait(minutes=16)
    assert chat.last_reply == chat.text("queue.wait_question")
    chat.contact_taps("Ja, det går fint")
    assert chat.last_reply == chat.text("queue.wait_thanks")
    chat.wait(minutes=15).contact_taps("Jeg vil ikke vente")
    assert chat.last_reply == chat.text("queue.left") and chat.status is Status.CLOSED


def test_i_need_help_now_is_the_word_help(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").wait(minutes=16)
    chat.contact_taps("Jeg trenger hjelp nå")
    assert chat.last_reply == chat.text("help.card") and [a.tier for a in chat.alerts] == ["high"]


def test_ordinary_conversation_closes_after_a_days_silence_with_no_text_outside_the_window(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").claim(amalie)
    chat.supporter_writes(amalie, "Hei, hva har du på hjertet?")
    chat.wait(minutes=31)
    assert chat.last_reply == chat.text("idle.question")
    chat.wait(hours=2)
    assert chat.conv().handoff.parked_at is not None
    chat.wait(hours=24)
    assert chat.status is Status.CLOSED


def texts_kept(chat):
    entries = chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of()))
    return [e.text for e in entries if e.written_by == "contact" and e.text]


def test_who_does_not_go_on_after_the_notice_is_forgotten_a_day_after_the_next_opening(chat):
    chat.at("2026-11-29 22:00").contact_writes("jeg heter Ola og er lei meg for tiden")
    chat.at("2026-12-01 08:59")
    assert texts_kept(chat) == ["jeg heter Ola og er lei meg for tiden"]
    chat.at("2026-12-01 09:01")
    assert texts_kept(chat) == []


def test_who_goes_on_after_the_notice_is_kept(chat):
    chat.at("2026-11-29 22:00").contact_writes("hei på dere").wait(minutes=1).contact_writes("prate")
    chat.at("2026-12-01 09:01")
    assert texts_kept(chat) == ["hei på dere", "prate"]


def test_a_sign_of_danger_is_kept_until_people_have_read_it(chat):
    chat.at("2026-11-29 22:00").contact_writes("jeg vil ta livet mitt")
    chat.at("2026-12-02 09:01")
    assert texts_kept(chat) == ["jeg vil ta livet mitt"]


def test_student_who_waits_over_the_weekend_still_waits_on_monday(chat):
    chat.at("2026-11-27 21:00").contact_writes("hei på dere").contact_writes("prate")
    chat.at("2026-11-30 09:00")
    assert chat.status is Status.WAITING


def test_student_who_wrote_last_is_neither_parked_nor_closed(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").claim(amalie)
    chat.supporter_writes(amalie, "hei, hva tenker du på").contact_writes("det er mye på en gang")
    chat.wait(hours=26)
    assert chat.status is Status.CLAIMED
    assert chat.conv().handoff.parked_at is None
