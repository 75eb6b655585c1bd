"""PAUSE, STOP and deletion at an unlucky moment: who comes back is seen to, and what was unsafe stays so."""

from __future__ import annotations

import pytest
from corners import DANGER, HEAVY, tap, waiting
from talk_support import one_engine

from bot import handoff
from bot.conversation import Status, Stopped
from bot.errors import MayNotBeSafe
from bot.handoff import Person
from handlers.turns import draft_for

pytestmark = one_engine

# PAUSE and STOP.


def test_supporter_must_confirm_before_writing_to_somebody_who_paused(chat):
    amalie = chat.on_duty()
    waiting(chat).contact_writes("PAUSE").claim(amalie)
    draft = chat.local.storage.read(lambda tx: draft_for(tx, chat.id_of(), chat.content, chat.now))
    person = Person(id=amalie.id, alias=amalie.alias)
    with pytest.raises(MayNotBeSafe):
        handoff.reply(draft, person, "hei")
    handoff.reply(draft, person, "hei", confirmed=True)


def unsafe(chat):
    """The contact answers that messages here are not safe, and waits."""
    chat.contact_writes("hei på dere").contact_taps("Prate med noen").contact_taps("Hvordan jeg har det")
    chat.contact_taps("UiO").contact_taps("Nei").contact_writes("prate")
    assert chat.conv().may_be_unsafe and chat.status is Status.WAITING
    return chat


def test_supporter_must_confirm_before_writing_where_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    unsafe(chat)
    assert chat.queue[0].paused
    chat.claim(amalie)
    assert chat.local.storage.read(lambda tx: tx.handoffs.row(chat.id_of())).paused
    with pytest.raises(MayNotBeSafe):
        chat.supporter_writes(amalie, "hei")
    newest = chat.local.storage.read(lambda tx: tx.transcript.last_id(chat.id_of()))
    chat.local.deeds.reply(chat.id_of(), amalie, "hei", newest, confirmed=True)
    assert [said.text for said in chat.local.settle()] == ["hei"]


def test_nobody_is_announced_and_nobody_says_goodbye_where_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    assert unsafe(chat).claim(amalie).replies == []
    chat.local.deeds.release(chat.id_of(), amalie)
    assert chat.local.settle() == []
    chat.claim(amalie)
    assert chat.closes(amalie).replies == []


def test_deletion_on_closing_is_without_a_receipt_where_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    unsafe(chat).contact_writes("HJELP").contact_writes("SLETT").claim(amalie)
    assert chat.conv().erase_on_close
    assert chat.closes(amalie).replies == []
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_paused_conversation_is_never_closed_by_itself(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).supporter_writes(amalie, "hei").contact_writes("PAUSE")
    assert chat.wait(hours=30).replies == [] and chat.status is Status.CLAIMED


def test_writing_on_ends_a_pause_and_the_wait_goes_on_as_before(chat):
    chat.on_duty()
    waiting(chat).contact_writes("PAUSE").wait(minutes=40)
    chat.contact_writes("nå kan jeg skrive igjen")
    assert chat.conv().stopped is Stopped.NO
    assert chat.wait(minutes=16).last_reply == chat.text("queue.wait_question")


def test_stop_after_pause_leaves_the_warning_to_supporters(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("PAUSE").contact_writes("STOPP")
    assert chat.conv().stopped is Stopped.PAUSE and chat.queue[0].paused


def test_silence_after_the_soft_question_does_not_alert_anew_what_is_alerted(chat):
    amalie = chat.on_duty()
    chat.contact_writes(HEAVY).contact_writes("HJELP")
    chat.local.deeds.acknowledge(chat.alerts[0].id, amalie)
    chat.wait(minutes=11)
    assert chat.alerts[0].acknowledged_by == amalie.id


def test_alerted_is_not_said_to_somebody_who_paused(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("PAUSE")
    chat.local.deeds.alert_shown(chat.alerts[0].id, amalie)
    assert chat.local.settle() == []


def test_deletion_after_danger_happens_without_a_receipt_when_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("SLETT").contact_writes("PAUSE")
    chat.claim(amalie).closes(amalie)
    assert chat.replies == []
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_changing_one_s_mind_about_a_deletion_that_waits_keeps_everything(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("SLETT")
    chat.contact_taps(chat.content.texts.title("erase.no_button", "nb"))
    chat.claim(amalie).closes(amalie)
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is not None


# Deletion, and who comes back before it is done.


@pytest.mark.parametrize("words", ["prate", DANGER, HEAVY])
def test_who_comes_back_before_the_deletion_is_seen_to_first(chat, words):
    chat.on_duty()
    chat.local.sender.drain = lambda: 0  # the receipt cannot go out now
    waiting(chat).contact_writes("SLETT")
    tap(chat, "b:erase:yes")
    chat.contact_writes(words)
    del chat.local.sender.drain
    chat._said(chat.local.settle())
    chat.wait(minutes=6)
    assert chat.status is Status.WAITING and chat.conv().erase_on_close
