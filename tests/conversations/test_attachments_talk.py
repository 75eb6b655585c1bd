"""Pictures and sound with words along with them: the words count as words, and the rest is said not to be opened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from signs import Talk, sign, signs_content
from talk_support import oslo

from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import AddEntry, RaiseAlert
from bot.events import AttachmentReceived
from bot.handoff import Person, claim, reply
from bot.messages import Purpose

CONTENT = signs_content()
OPEN = oslo("2026-11-25 12:00")
UNOPENED = "Bilder, lyd og andre vedlegg kan vi ikke åpne her"


def talk() -> Talk:
    return Talk(CONTENT, OPEN)


def sends(writer: Talk, text: str | None, *kinds: str) -> Talk:
    mid = writer.mid()
    return writer.happens(
        AttachmentReceived(sent_at=writer.now, mid=mid, kinds=kinds or ("image",), text=text)
    )


def unopened(writer: Talk) -> int:
    return sum(UNOPENED in said for said in writer.said)


def same(picture: Talk, words: Talk) -> bool:
    """The same answers, beside what is said of the picture."""
    said = [each for each in picture.said if UNOPENED not in each]
    return said == words.said and picture.conv.tier is words.conv.tier


@pytest.mark.parametrize(
    "before",
    [
        (),
        ("hei på dere",),
        ("prate",),
        (sign("C", "elevated"),),
        (sign("F", "high"),),
        ("prate", "slett"),
    ],
)
@pytest.mark.parametrize(
    "words",
    ["HJELP", "ja", "nei", "stopp", "prate", "meny", "slett", "Jeg er i fare", "kan ikke ringe", "hei igjen"],
)
def test_words_under_a_picture_do_what_they_do_alone(before, words):
    picture, alone = talk(), talk()
    for each in before:
        picture.writes(each)
        alone.writes(each)
    assert same(sends(picture, words), alone.writes(words))
    alerts = [
        [alert.rules for alert in each.turn.effects if isinstance(alert, RaiseAlert)]
        for each in (picture, alone)
    ]
    assert alerts[0] == alerts[1]


def test_help_under_a_picture_alarms_while_they_wait():
    writer = sends(talk().writes("prate"), "HJELP")
    assert writer.alerts and writer.conv.tier is Tier.HIGH and writer.messages[0].purpose is Purpose.CARD


def test_yes_under_a_picture_answers_the_soft_question():
    assert sends(talk().writes(sign("C", "elevated")), "ja").conv.tier is Tier.HIGH


def test_a_place_under_a_picture_reaches_those_who_call():
    writer = sends(talk().writes(sign("F", "critical")).taps("b:call:cannot"), "Storgata 5, 3. etasje")
    assert writer.alerts[0].rules == ("answer:place",) and "går videre" in writer.said[-1]
    assert unopened(writer) == 1


def test_words_under_a_picture_answer_the_step_that_asks():
    writer = sends(talk().writes("hei på dere").writes("Prate med noen"), "Hvordan jeg har det")
    assert writer.conv.answers["topic"] and unopened(writer) == 1


def test_that_a_picture_is_not_opened_stands_before_the_answer_whose_buttons_they_need():
    writer = sends(talk(), "hei på dere")
    assert UNOPENED in writer.said[0] and writer.messages[-1].choices


def test_that_a_picture_is_not_opened_is_said_once_in_ten_minutes():
    writer = sends(talk().writes("prate"), "se her")
    assert unopened(writer) == 1 and unopened(sends(writer, "og her")) == 0
    writer.now += timedelta(minutes=10)
    assert unopened(sends(writer, "og denne")) == 1


@pytest.mark.parametrize("words", [sign("A", "critical"), sign("F", "high"), "hjelp"])
def test_a_card_is_not_buried_under_what_is_said_of_pictures(words):
    writer = sends(talk(), words)
    assert writer.messages[0].purpose is Purpose.CARD and unopened(writer) == 0


@pytest.mark.parametrize("word", ["stopp", "pause"])
def test_who_asks_for_quiet_under_a_picture_gets_it(word):
    assert unopened(sends(talk().writes("prate"), word)) == 0


def test_while_a_supporter_has_them_nothing_is_said_of_pictures():
    writer = talk().writes("prate")
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    claim(draft, Person(id=1, alias="Amalie"))
    reply(draft, Person(id=1, alias="Amalie"), "Hei", confirmed=True)
    writer.conv = draft.conv
    assert sends(writer, "se her").said == [] and writer.conv.status is Status.CLAIMED


def test_picture_keeps_its_line_in_the_thread_with_the_words():
    writer = sends(talk(), "hei på dere", "image", "audio")
    lines = [each for each in writer.turn.effects if isinstance(each, AddEntry)]
    assert [(line.kind, line.detail, line.text) for line in lines] == [
        ("attachment", "image,audio", "hei på dere")
    ]
