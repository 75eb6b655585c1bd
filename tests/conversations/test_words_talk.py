"""The words that always work, whatever the flow is doing."""

from __future__ import annotations

import pytest
from signs import Talk
from talk_support import oslo, shipped

from bot.conversation import Status, Stopped


@pytest.mark.parametrize("word", ["STOP", "stopp", " Stopp! ", "stop."])
def test_stop_ends_the_flow_and_nothing_more_is_said(chat, word):
    chat.contact_writes("hei på dere").contact_writes(word)
    assert chat.replies == [chat.text("stop.done")]
    assert chat.wait(hours=3).replies == []


def test_command_inside_a_sentence_is_not_a_command(chat):
    chat.contact_writes("hei på dere, jeg må slutte å stoppe opp")
    chat.contact_writes("kan du stoppe den tanken")
    assert chat.conv().stopped is Stopped.NO


def test_writing_again_after_stop_starts_anew(chat):
    chat.contact_writes("hei på dere").contact_writes("stopp").contact_writes("hei igjen")
    assert chat.replies and chat.conv().stopped is Stopped.NO


def test_stop_leaves_the_queue(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").contact_writes("STOPP")
    assert chat.status is Status.CLOSED and chat.queue == []


def test_stop_ends_a_talk_with_a_person(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").claim(amalie).contact_writes("stop")
    assert chat.status is Status.CLOSED and chat.replies == [chat.text("stop.done")]


def test_pause_keeps_the_place_and_stops_every_notice(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").contact_writes("PAUSE")
    assert chat.replies == [chat.text("pause.done")]
    assert chat.wait(hours=12).replies == []
    assert chat.queue[0].paused


def test_supporter_joining_a_paused_conversation_is_not_announced(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").contact_writes("pause").claim(amalie)
    assert chat.replies == []


def test_delete_asks_once_then_destroys_everything(chat):
    chat.contact_writes("hei på dere").contact_writes("SLETT")
    assert chat.replies == [chat.text("erase.question")]
    chat.contact_taps(chat.content.texts.title("erase.yes_button", "nb"))
    assert "Kode" in chat.last_reply or "kode" in chat.last_reply
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_writing_after_deletion_begins_as_somebody_new(chat):
    chat.contact_writes("hei på dere").contact_writes("SLETT")
    chat.contact_taps(chat.content.texts.title("erase.yes_button", "nb"))
    chat.contact_writes("hei igjen, det er meg")
    assert "taushetsplikt" in chat.replies[0]


def test_changing_one_s_mind_about_deletion_keeps_everything(chat):
    chat.contact_writes("hei på dere").contact_writes("slett")
    chat.contact_taps(chat.content.texts.title("erase.no_button", "nb"))
    assert chat.replies == [chat.text("erase.kept")]
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is not None


def test_english_repeats_the_question_in_english(chat):
    chat.contact_writes("hei på dere, hva kan dere hjelpe med").contact_writes("ENGLISH")
    assert "What do you need" in chat.last_reply
    assert chat.conv().language_chosen


def test_menu_while_waiting_keeps_the_place(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").contact_writes("MENY")
    assert chat.status is Status.WAITING and chat._last["A"][-1].choices


def test_words_work_while_a_person_has_it_with_one_line_each(chat):
    amalie = chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("prate").claim(amalie)
    for word in ("MENY", "prate", "NORSK"):
        chat.contact_writes(word)
        assert len(chat.replies) == 1


# After danger.


@pytest.mark.parametrize(
    "danger", ["han slår meg nå", "kjæresten min slår meg", "jeg skal ta livet mitt i kveld"]
)
@pytest.mark.parametrize(
    ("word", "key"),
    [("PAUSE", "pause.done"), ("STOPP", "stop.danger"), ("HJELP", "help.card"), ("SLETT", "erase.waits")],
)
def test_word_is_obeyed_also_when_danger_was_written_a_moment_ago(danger, word, key):
    writer = Talk(shipped(), oslo("2026-11-25 12:00")).writes(danger).writes(word)
    assert writer.said[0] == shipped().texts.say(key, "nb")


def test_word_that_ends_a_sentence_of_danger_is_still_read_with_it():
    writer = Talk(shipped(), oslo("2026-11-25 12:00")).writes("jeg vil ta livet mitt og").writes("slett")
    assert writer.conv.tier.rank >= 2
