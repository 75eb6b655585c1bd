"""From the first word to the queue, in both languages."""

from __future__ import annotations

import pytest
from talk_support import one_engine

from bot.conversation import Status

pytestmark = one_engine


def through_intake(chat, *titles, who="A"):
    for title in titles:
        chat.contact_taps(title, who)
    return chat


NORWEGIAN = ("Prate med noen", "Hvordan jeg har det", "UiO", "Ja")
ENGLISH = ("Talk to someone", "How I feel", "UiO", "Yes")


def test_first_words_are_answered_with_the_notice_before_anything_is_asked(chat):
    chat.contact_writes("Hei, er det noen der?")
    notice = chat.replies[0]
    assert "taushetsplikt" in notice and "liv eller helse" in notice and "113" in notice
    assert "Meta" in notice


def test_greeting_comes_in_both_languages_while_the_language_is_unknown(chat):
    chat.contact_writes("😀")
    assert "taushetsplikt" in chat.replies[0] and "confidential" in chat.replies[0]
    assert chat.conv().language is None


@pytest.mark.parametrize(
    ("first", "language", "titles"),
    [
        ("Hei, jeg vil gjerne snakke med noen", "nb", NORWEGIAN),
        ("Hi, I would like to talk to someone", "en", ENGLISH),
    ],
)
def test_intake_ends_in_the_queue_in_the_students_language(chat, first, language, titles):
    chat.on_duty()
    chat.contact_writes(first)
    through_intake(chat, *titles)
    assert chat.status is Status.WAITING
    assert chat.last_reply == chat.text("queue.first", language)
    row = chat.queue[0]
    assert (row.topic, row.campus, row.language) == ("emotional", "uio", language)


def test_intake_takes_at_most_five_taps(chat):
    chat.on_duty()
    chat.contact_writes("hei")
    taps = 0
    while chat.status is not Status.WAITING:
        chat.local.tap("A", chat._last["A"][-1].choices[0])
        chat._last["A"] = [s for s in chat.local.channel.said if s.psid == "A"]
        taps += 1
        assert taps <= 5


@pytest.mark.parametrize("typed", ["1", "prate med noen", "Prate med", "prate med nåen"])
def test_typed_answers_count_like_buttons(chat, typed):
    chat.contact_writes("hei på dere, hvordan går det")
    chat.contact_writes(typed)
    assert chat.conv().answers.get("entry") == "talk"


def test_free_text_at_the_menu_reaches_a_person_the_second_time(chat):
    chat.on_duty()
    chat.contact_writes("jeg har ikke noen å spise lunsj med her")
    chat.contact_writes("det er ganske ensomt å være ny her i byen")
    chat.contact_writes("ja, det er bare sånn det er blitt")
    assert chat.status is Status.WAITING


def test_the_word_for_a_human_skips_every_question(chat):
    chat.on_duty()
    chat.contact_writes("hei")
    chat.contact_writes("prate")
    assert chat.status is Status.WAITING and chat.last_reply == chat.text("queue.first")


def test_place_in_the_queue_counts_those_who_came_before(chat):
    chat.on_duty()
    for who in ("B", "C"):
        chat.contact_writes("hei", who).contact_writes("prate", who).wait(minutes=1)
    chat.contact_writes("hei").contact_writes("prate")
    assert chat.last_reply == chat.text("queue.place", ahead="2")


def test_two_messages_in_the_same_breath_are_one_conversation(chat):
    chat.contact_writes("hei")
    chat.wait(seconds=0.2)
    chat.contact_writes("er dere der")
    ids = chat.local.storage.read(lambda tx: tx.all("select count(*) as n from conversation"))
    assert ids[0]["n"] == 1


def test_old_button_of_an_ended_conversation_leads_to_the_menu(chat):
    chat.contact_writes("hei")
    old = chat._last["A"][-1].choices[0]
    chat.contact_writes("STOPP")
    said = chat.local.tap("A", old)
    assert said and said[-1].choices


def test_picture_is_answered_with_a_request_for_words_and_the_question_again(chat):
    chat.contact_writes("hei, kan jeg snakke med noen om dette")
    chat.contact_sends("image")
    assert chat.replies[0] == chat.text("media.unreadable")
    assert chat._last["A"][-1].choices, "the question that waits must be asked again with its buttons"


def test_the_same_delivery_twice_is_answered_once(chat):
    from bot.events import TextReceived

    event = TextReceived(sent_at=chat.now, mid="m1", text="hei")
    first = chat.local.happens("A", event, key="message:m1")
    assert first and chat.local.happens("A", event, key="message:m1") == []
