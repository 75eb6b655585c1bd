"""Claimed, answered, released, handed over, closed: and the bot keeps out of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation import Status, Tier
from bot.errors import AlreadyClaimed, AnsweredMeanwhile, NotPossible, NotYours, WindowClosed
from bot.messages import SupporterMessage
from bot.triage import Standing, in_order


def waiting(chat, who="A"):
    chat.contact_writes("hei på dere", who).contact_writes("prate", who)


def test_student_is_told_who_is_here_and_the_bot_is_silent(chat):
    amalie = chat.on_duty()
    waiting(chat)
    chat.claim(amalie)
    assert chat.replies == [chat.text("person.here", alias="Amalie")]
    assert chat.contact_writes("hei Amalie, jeg sliter litt").replies == []


def test_second_claim_is_told_who_has_it(chat):
    amalie, jonas = chat.on_duty("Amalie"), chat.on_duty("Jonas")
    waiting(chat)
    chat.claim(amalie)
    with pytest.raises(AlreadyClaimed) as error:
        chat.claim(jonas)
    assert error.value.alias == "Amalie"


def test_of_many_who_claim_at_once_one_gets_it(chat):
    people = [chat.on_duty(f"Person {n}") for n in range(8)]
    waiting(chat)
    contact_id = chat.id_of()
    won: list[str] = []
    gate = threading.Barrier(len(people))

    def claim(staff):
        gate.wait()
        try:
            chat.local.deeds.claim(contact_id, staff)
            won.append(staff.alias)
        except AlreadyClaimed:
            pass

    threads = [threading.Thread(target=claim, args=(p,)) for p in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and chat.conv().handoff.claimed_alias == won[0]


def test_next_gives_the_first_in_order_and_then_nothing(chat):
    amalie = chat.on_duty()
    waiting(chat, "A")
    chat.wait(minutes=1)
    waiting(chat, "B")
    assert chat.local.deeds.next_for(amalie) == chat.id_of("A")
    assert chat.local.deeds.next_for(amalie) == chat.id_of("B")
    assert chat.local.deeds.next_for(amalie) is None


def test_full_hands_stop_ordinary_claims_and_never_one_in_danger(chat):
    amalie = chat.on_duty()
    for who in "ABCD":
        waiting(chat, who)
    for who in "ABC":
        chat.claim(amalie, who)
    with pytest.raises(NotPossible):
        chat.claim(amalie, "D")
    chat.contact_writes("jeg vil ta livet mitt", "D")
    chat.claim(amalie, "D")


def test_only_the_one_who_has_it_may_reply(chat):
    amalie, jonas = chat.on_duty("Amalie"), chat.on_duty("Jonas")
    waiting(chat)
    chat.claim(amalie)
    with pytest.raises(NotYours):
        chat.supporter_writes(jonas, "hei")


def test_reply_is_refused_when_somebody_answered_in_metas_inbox_meanwhile(chat):
    from bot.events import EchoReceived

    amalie = chat.on_duty()
    waiting(chat)
    chat.claim(amalie)
    seen = chat.local.storage.read(lambda tx: tx.transcript.last_id(chat.id_of()))
    chat.local.happens("A", EchoReceived(sent_at=chat.now, mid="x", app="inbox", text="svar herfra"))
    with pytest.raises(AnsweredMeanwhile):
        chat.local.deeds.reply(chat.id_of(), amalie, "mitt svar", seen)


def test_reply_outside_24_hours_is_refused_when_meta_has_not_granted_more(chat):
    amalie = chat.on_duty()
    waiting(chat)
    chat.contact_writes("jeg vil ta livet mitt")  # no closing by itself
    chat.claim(amalie).wait(hours=25)
    with pytest.raises(WindowClosed):
        chat.supporter_writes(amalie, "hei")


def test_only_a_persons_words_carry_the_human_agent_tag(chat):
    object.__setattr__(
        chat.content, "settings", chat.content.settings.model_copy(update={"human_agent": "granted"})
    )
    try:
        chat.local.sender._settings = chat.content.settings
        amalie = chat.on_duty()
        waiting(chat)
        chat.contact_writes("jeg vil ta livet mitt")
        chat.claim(amalie).wait(hours=30)
        chat.supporter_writes(amalie, "Hei, jeg leste det du skrev")
        tagged = [s for s in chat.local.channel.said if s.tag]
        assert [type(s.message) for s in tagged] == [SupporterMessage]
    finally:
        object.__setattr__(
            chat.content, "settings", chat.content.settings.model_copy(update={"human_agent": "not_granted"})
        )


def test_release_puts_it_back_where_it_stood(chat):
    amalie = chat.on_duty()
    waiting(chat, "A")
    chat.wait(minutes=2)
    waiting(chat, "B")
    chat.claim(amalie, "A").supporter_writes(amalie, "hei", "A")
    chat.local.deeds.release(chat.id_of("A"), amalie)
    chat._said(chat.local.settle())
    assert chat.replies == [chat.text("person.left")]
    assert chat.queue[0].contact_id == chat.id_of("A")


def test_handing_over_names_the_new_person_to_the_student_and_keeps_the_note_inside(chat):
    amalie, jonas = chat.on_duty("Amalie"), chat.on_duty("Jonas")
    waiting(chat)
    chat.claim(amalie)
    chat.local.deeds.team.offer(chat.id_of(), amalie, jonas.id, "vil snakke om bolig")
    assert chat._said(chat.local.settle()).replies == []
    chat.local.deeds.team.accept(chat.id_of(), jonas)
    chat._said(chat.local.settle())
    assert chat.replies == [chat.text("person.here", alias="Jonas")]
    assert chat.conv().handoff.claimed_by == jonas.id


def test_closing_asks_for_feedback_and_thanks_for_it(chat):
    amalie = chat.on_duty()
    waiting(chat)
    chat.claim(amalie).closes(amalie)
    assert chat.status is Status.CLOSED and "3 dager" in chat.last_reply
    chat.contact_taps("Litt")
    assert chat.replies == [chat.text("feedback.thanks")]
    assert chat.local.storage.read(lambda tx: tx.counters.all())["feedback_some"] == 1


def test_words_instead_of_feedback_are_the_start_of_a_new_conversation(chat):
    amalie = chat.on_duty()
    waiting(chat)
    chat.claim(amalie).closes(amalie).contact_writes("egentlig er det én ting til jeg lurer på")
    assert chat.status is Status.BOT and chat.replies


def test_no_feedback_is_asked_after_danger(chat):
    amalie = chat.on_duty()
    chat.contact_writes("jeg vil ta livet mitt").claim(amalie).closes(amalie)
    assert chat.replies == [chat.text("goodbye.plain", hours="3 dager")]


def test_writing_more_moves_nobody_back(chat):
    chat.on_duty()
    waiting(chat, "A")
    chat.wait(minutes=1)
    waiting(chat, "B")
    chat.contact_writes("jeg lurer på noe mer", "A")
    assert chat.queue[0].contact_id == chat.id_of("A")


def test_within_a_tier_those_we_soon_may_not_answer_go_first(chat):
    chat.on_duty()
    waiting(chat, "A")
    chat.wait(minutes=1)
    waiting(chat, "B")
    chat.contact_writes("jeg vil ta livet mitt", "A").contact_writes("jeg vil ta livet mitt", "B")
    chat.wait(hours=22)
    chat.contact_writes("er dere der", "A")  # A has a day again, B under two hours
    chat.wait(minutes=30)
    assert chat.queue[0].contact_id == chat.id_of("B")


def test_elevated_never_falls_behind_none_however_long_somebody_waits():
    noon = datetime(2026, 11, 25, 11, tzinfo=UTC)
    old = Standing(tier=Tier.NONE, opened_at=noon - timedelta(days=3), last_inbound_at=noon)
    new = Standing(tier=Tier.ELEVATED, opened_at=noon, last_inbound_at=noon)
    assert in_order([old, new], noon, soon_minutes=120, granted=False) == [new, old]
