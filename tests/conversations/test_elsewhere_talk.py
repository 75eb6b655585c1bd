"""Somebody answers in Meta's own inbox: the bot does not talk over them, and nobody is forgotten there."""

from __future__ import annotations

from bot.conversation import Status
from bot.events import ControlChanged, EchoReceived


def inbox_answers(chat, text="Hei, dette er oss"):
    mid = chat.local.new_mid()
    return chat._said(
        chat.local.happens("A", EchoReceived(sent_at=chat.now, mid=mid, app="inbox", text=text))
    )


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
    inbox_answers(chat, "ja, her")
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
