""" "I can't call": until a person answers, what they write goes to those who must call for them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from signs import Talk, sign, signs_content
from talk_support import oslo, shipped

from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import AddEntry
from bot.events import MessageEdited
from bot.handoff import Person, claim, close, reply
from bot.messages import Purpose

CONTENT = signs_content()
OPEN, NIGHT = oslo("2026-11-25 12:00"), oslo("2026-11-29 03:00")
# No place in them: a don't know, a question, a plain yes, a plea.
NO_PLACE = [
    *("vet ikke", "jeg vet ikke hvor jeg er", "aner ikke", "ja", "nei", "hva mener du?", "hva mener du"),
    *(
        "skynd dere",
        "hjelp meg",
        "eg veit ikkje",
        "don't know",
        "I have no idea",
        "yes",
        "what?",
        "please hurry",
    ),
]


def talk(at=OPEN, on_duty=(1,), language="nb", letter="F", content=CONTENT) -> Talk:
    """They are in danger, the card offers the button, and they have tapped it."""
    writer = Talk(content, at, on_duty=on_duty, language=language).writes(sign(letter, "critical"))
    return writer.taps("b:call:cannot")


def is_taken(writer: Talk, *, answered: bool) -> Talk:
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    claim(draft, Person(id=1, alias="Amalie"))
    if answered:
        reply(draft, Person(id=1, alias="Amalie"), "Hei", confirmed=True)
    writer.conv = draft.conv
    return writer


# The alert.


def test_alert_says_that_help_must_be_called_for_them():
    assert [alert.call_for_them for alert in talk().alerts] == [True]


def test_alert_says_so_when_an_old_button_is_the_first_sign():
    writer = is_taken(talk(), answered=False)
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    close(draft, Person(id=1, alias="Amalie"), "listened")
    writer.conv = draft.conv
    assert all(alert.call_for_them for alert in writer.taps("b:call:cannot").alerts) and writer.alerts


def test_thread_says_from_where_on_their_words_may_tell_the_place():
    events = [e for e in talk().turn.effects if isinstance(e, AddEntry) and e.written_by == "system"]
    assert [event.detail for event in events] == ["cannot_call"]


# What comes first need not be the place.


@pytest.mark.parametrize("words", NO_PLACE)
def test_words_without_a_place_get_help_to_find_it_and_are_not_called_one(words):
    writer = talk().writes(words)
    assert "gateskilt" in writer.said[0] and "holdeplass" in writer.said[0]
    assert not any("answer:place" in alert.rules for alert in writer.alerts)


@pytest.mark.parametrize("words", NO_PLACE)
def test_the_place_is_answered_and_alarms_also_when_it_comes_second(words):
    writer = talk().writes(words).writes("Storgata 5, 3. etasje")
    assert writer.said and [alert.rules for alert in writer.alerts] == [("answer:place",)]


def test_an_address_is_answered_also_after_words_that_might_have_been_one():
    writer = talk().writes("jeg er så redd for dette").writes("det er mørkt her ute").writes("Storgata 5")
    assert "går videre til dem som er på vakt" in writer.said[0] and writer.alerts


def test_what_they_find_after_a_dont_know_is_answered_whatever_it_is():
    writer = talk(language="en").writes("I don't know").writes("near a big church")
    assert "passed on to the people on duty" in writer.said[0] and writer.alerts


def test_a_place_without_number_or_street_is_passed_on_too():
    writer = talk().writes("på toalettet hos naboen min")
    assert "går videre til dem som er på vakt" in writer.said[0] and writer.alerts


def test_help_to_find_the_place_has_the_emergency_sms_with_its_condition():
    said = talk().writes("vet ikke").said[0]
    assert "Nød-SMS" in said and "registrert fra før" in said and "nodsms.no" in said and "112" in said


def test_an_old_button_of_the_card_is_answered_and_leaves_the_place_asked_for():
    writer = talk().taps("b:now:no")
    assert writer.said
    assert writer.writes("Storgata 5").said and writer.alerts


def test_danger_now_from_somebody_who_cannot_call_is_not_told_to_call():
    said = talk().taps("b:now:yes").said[0]
    assert "Ring 112 nå" not in said and "be dem ringe 112" in said


def test_an_edit_does_not_take_the_place_away():
    writer = talk()
    writer.happens(MessageEdited(sent_at=writer.now, mid="m1", text="noe annet", number=1))
    assert writer.writes("Storgata 5").alerts


# What they write after that.


def test_more_words_get_one_line_in_ten_minutes_and_it_says_that_they_are_passed_on():
    writer = talk().writes("Storgata 5")
    for _ in range(3):
        writer.now += timedelta(minutes=2)
        assert writer.writes("tredje etasje, ring på hos Hansen").said == []
    writer.now += timedelta(minutes=5)
    assert "går videre til dem som er på vakt" in writer.writes("nå er jeg på gata").said[0]
    assert writer.alerts


def test_words_after_the_place_keep_a_supporter_from_being_taken_for_answered():
    writer = is_taken(talk().writes("Storgata 5"), answered=False)
    writer.writes("nå går jeg ut")
    assert writer.conv.handoff.unanswered and writer.conv.status is Status.CLAIMED


def test_once_a_person_has_answered_the_words_are_theirs():
    writer = is_taken(talk(), answered=True).writes("Storgata 5")
    assert writer.said == [] and writer.alerts == []


@pytest.mark.parametrize(("word", "purpose"), [("hjelp", Purpose.CARD), ("stopp", Purpose.ANSWER)])
def test_words_that_always_work_still_work(word, purpose):
    assert talk().writes(word).messages[0].purpose is purpose


def test_a_menu_they_ask_for_is_theirs_to_use():
    writer = talk().writes("Storgata 5").writes("meny").writes("Finn hjelp")
    assert all(message.purpose is Purpose.FLOW for message in writer.messages) and writer.messages


# The texts are true.


@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("words", ["vet ikke", "Storgata 5", "jeg er redd"])
@pytest.mark.parametrize(("at", "on_duty"), [(OPEN, (1,)), (OPEN, ()), (NIGHT, ())])
def test_no_text_claims_to_know_where_they_are(at, on_duty, words, language):
    said = talk(at, on_duty, language).writes(words).said[0]
    assert not re.search("skrevet ned hvor|om stedet|noted where|about the place", said)


@pytest.mark.parametrize("words", ["vet ikke", "Storgata 5"])
def test_people_on_duty_are_named_only_while_they_are_here(words):
    assert "til dem som er på vakt" in talk().writes(words).said[0]
    for at in (OPEN, NIGHT):
        assert "på vakt" not in talk(at, ()).writes(words).said[0]


def test_where_somebody_is_told_it_says_that_nobody_knows_when_it_is_seen():
    for words in ("vet ikke", "Storgata 5"):
        said = talk(OPEN, ()).writes(words).said[0]
        assert "følger varselet vårt" in said and "jeg vet ikke når" in said


def test_where_nobody_is_told_before_we_open_every_text_says_so():
    writer = talk(NIGHT, ())
    assert "leser dette først i morgen kl. 09" in writer.said[0] and "sier fra" not in writer.said[0]
    assert "først i morgen kl. 09" in writer.writes("vet ikke").said[0]
    assert "først i morgen kl. 09" in writer.writes("Storgata 5").said[0]


# Typed.


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "kan ikke ringe",
            "Jeg kan ikke ringe.",
            "kan ikke ringe nå",
            "jeg tør ikke ringe",
            "får ikke ringt",
        ),
        *(
            "nei, jeg kan ikke ringe",
            "eg kan ikkje ringe",
            "jeg kan ikke ringe, han er her",
            "kan ikke snakke nå",
        ),
        *(
            "I can't call",
            "i cant call now",
            "I can’t call!",
            "cannot call",
            "I cannot call anyone",
            "can't talk",
        ),
    ],
)
@pytest.mark.parametrize("letter", "EFGHI")
def test_cannot_call_typed_does_what_the_button_does(letter, typed):
    writer = Talk(CONTENT, OPEN).writes(sign(letter, "high")).writes(typed)
    assert writer.conv.tier is Tier.CRITICAL and all(alert.call_for_them for alert in writer.alerts)
    assert len(writer.said) == 1 and "Hvor er du?" in writer.said[0]


def test_cannot_call_in_the_same_message_as_the_danger_asks_for_the_place_after_the_card():
    writer = Talk(CONTENT, OPEN).writes(f"{sign('F', 'critical')} og jeg kan ikke ringe")
    assert writer.messages[0].purpose is Purpose.CARD and "Hvor er du?" in writer.said[-1]
    assert any(alert.call_for_them for alert in writer.alerts)


def test_cannot_call_typed_again_asks_again():
    assert "Hvor er du?" in talk().writes("jeg kan ikke ringe").said[0]


@pytest.mark.parametrize(
    "typed",
    [
        "jeg kan ikke ringe mamma",
        "kan ikke snakke med noen om det",
        "I can't call my mum",
        "hun kan ikke ringe",
    ],
)
def test_what_is_not_about_calling_for_help_is_no_answer(typed):
    writer = Talk(CONTENT, OPEN).writes(sign("F", "high")).writes(typed)
    assert writer.conv.tier is Tier.HIGH and not writer.alerts


def test_cannot_call_typed_where_no_card_offers_it_is_no_answer():
    writer = Talk(CONTENT, OPEN).writes(sign("B", "high")).writes("kan ikke ringe")
    assert not writer.alerts


def test_cannot_call_with_why_is_not_hidden_by_what_was_found_in_the_reason():
    writer = Talk(shipped(), OPEN).writes("han slår meg nå og jeg er redd han dreper meg")
    writer.writes("jeg kan ikke ringe han er her")
    assert [message.purpose for message in writer.messages] == [Purpose.SAFETY]
    assert "Hvor er du?" in writer.said[0]
