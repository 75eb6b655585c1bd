"""Every kind of danger has its card: the right number first, only who is open, in words that may be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from signs import LETTERS, Talk, sign, signs_content
from talk_support import oslo

from bot import cards, danger
from bot.conversation import Tier
from bot.draft import Draft
from bot.effects import SendMessage
from bot.fill import units
from bot.messages import Purpose
from bot.settings import ClosedRungs, Ladder, NamedContact, Rung

CONTENT = signs_content()
OPEN, NIGHT = oslo("2026-11-25 12:00"), oslo("2026-11-29 03:00")
HOURS = [(OPEN, (1,)), (OPEN, ()), (NIGHT, ())]

# domain knowledge: category and tier to the numbers of the card by day, in this order.
AMK, POLICE, FIRE, LEGEVAKT, TALK = "113", "112", "110", "116 117", "116 123"
NUMBERS = {
    "A critical": [AMK, LEGEVAKT, TALK, "22 40 00 40"],
    "A high": [AMK, LEGEVAKT, TALK, "22 40 00 40"],
    "B critical": [AMK, LEGEVAKT, TALK, "22 40 00 40"],
    "B high": [AMK, LEGEVAKT, TALK, "22 40 00 40"],
    "C critical": [AMK, LEGEVAKT, TALK, "22 40 00 40"],
    "C high": [TALK, AMK, "22 40 00 40", LEGEVAKT],
    "D high": [TALK, AMK, "22 40 00 40", LEGEVAKT],
    "O high": [TALK, AMK, "22 40 00 40", LEGEVAKT],
    "E critical": [AMK],
    "E high": [AMK, LEGEVAKT, "22 59 13 00"],
    "F critical": [POLICE, AMK, "116 006", "22 48 03 80", LEGEVAKT],
    "F high": [POLICE, "116 006", "22 48 03 80", LEGEVAKT],
    "G critical": [POLICE, LEGEVAKT, TALK],
    "G high": [POLICE, LEGEVAKT, TALK],
    "H critical": [POLICE, AMK, LEGEVAKT, "116 006", "22 44 40 50"],
    "H high": [LEGEVAKT, POLICE, "116 006", "22 44 40 50"],
    "I critical": [POLICE, "116 006", "478 09 050"],
    "I high": [POLICE, "116 006", "478 09 050"],
    "J critical": [AMK, LEGEVAKT, TALK],
    "J high": [LEGEVAKT, AMK, TALK],
    "K critical": [AMK, LEGEVAKT, "nettros.no"],
    "K high": [LEGEVAKT, AMK, TALK, "nettros.no"],
    "L critical": [POLICE, AMK, "116 111"],
    "L high": [POLICE, AMK, "116 111"],
    "M critical": [POLICE, AMK, "02800", TALK],
    "M high": ["02800", POLICE, TALK],
    "N critical": [AMK, LEGEVAKT, TALK],
    "N high": [AMK, LEGEVAKT, TALK],
}
ALL = [(letter, tier) for letter in LETTERS for tier in ("critical", "high")]


def talk(at=OPEN, on_duty=(1,), language="nb", content=CONTENT) -> Talk:
    return Talk(content, at, on_duty=on_duty, language=language)


def numbers_in(text: str) -> list[str]:
    """Every service named, in the order of the text."""
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    known = {value.replace("\N{NO-BREAK SPACE}", " ") for value in CONTENT.services.numbers.values()}
    return sorted((n for n in known if n in text), key=text.index)


@pytest.mark.parametrize("kind", NUMBERS)
def test_card_names_these_numbers_in_this_order(kind):
    letter, tier = kind.split()
    assert numbers_in(talk().writes(sign(letter, tier)).said[0]) == NUMBERS[kind]


def test_fire_has_the_number_of_the_fire_brigade_alone():
    fire = talk().writes("fireecritical")
    assert numbers_in(fire.said[0]) == [FIRE] and fire.conv.danger.category == "E-fire"
    assert "110" in fire.writes("hallo").said[0]


@pytest.mark.parametrize(("at", "on_duty"), HOURS)
@pytest.mark.parametrize(("letter", "tier"), ALL)
def test_card_comes_first_and_names_only_who_is_open_and_never_fewer_than_two(letter, tier, at, on_duty):
    first = talk(at, on_duty).writes(sign(letter, tier)).messages[0]
    assert first.purpose is Purpose.CARD
    named = [s for s in CONTENT.services.values() if s.contact in first.text and s.id != "emergency_sms"]
    assert all(service.is_open(at) for service in named)
    assert len(named) >= (1 if letter == "E" and tier == "critical" else 2)
    assert "kirkens-sos.no" not in first.text and "soschat" not in first.text


@pytest.mark.parametrize(("at", "on_duty"), HOURS)
@pytest.mark.parametrize(("letter", "tier"), ALL)
def test_card_fits_into_one_message_in_both_languages_and_calls_itself_automatic(letter, tier, at, on_duty):
    writer = talk(at, on_duty, language="en")  # the sign is Norwegian: both languages
    text = writer.writes(sign(letter, tier)).said[0]
    assert units(text) <= 2000
    assert "automatisk svar" in text and "automatic reply" in text and "speak English" in text
    assert "!" not in text


@pytest.mark.parametrize("letter", "FHIM")
@pytest.mark.parametrize("tier", ["critical", "high"])
def test_card_that_others_may_see_opens_with_words_that_say_nothing(letter, tier):
    for language in ("nb", "en"):
        writer = talk(language=language)
        start = writer.writes(sign(letter, tier)).said[0].split("\n")[0]
        assert units(start) >= 60 and not any(c.isdigit() for c in start)
    again = talk().writes(sign(letter, tier)).writes("hallo")
    assert again.said[0].startswith(CONTENT.texts.say("card.neutral", "nb")), "the short line does not"


@pytest.mark.parametrize("letter", "FIM")
def test_card_offers_silence_where_a_message_may_harm(letter):
    assert "PAUSE" in talk().writes(sign(letter, "high")).said[0]


@pytest.mark.parametrize("letter", LETTERS)
def test_i_cannot_call_is_offered_from_e_to_i(letter):
    payloads = [choice.payload for choice in talk().writes(sign(letter, "critical")).messages[0].choices]
    assert ("b:call:cannot" in payloads) == (letter in "EFGHI")


def test_card_at_night_says_when_we_read_and_to_write_again_if_messenger_asks_for_it():
    said = talk(NIGHT, ()).writes(sign("A", "critical")).said[0]
    assert "leser dette fra i morgen kl. 09" in said and "Skriv gjerne et ord da" in said
    weeknight = talk(oslo("2026-11-25 23:00"), ()).writes(sign("A", "critical")).said[0]
    assert "Skriv gjerne et ord da" not in weeknight


def at_night(*channels: str, set_up: frozenset[str] | None = None):
    """The shipped content with two who are told at night of what is critical; `set_up`: what the service has."""
    rungs = tuple(
        Rung(tell=f"contact:{name}", after_minutes=0, channels=channels) for name in ("vakt", "sjef")
    )
    contacts = {"vakt": NamedContact(phone="123"), "sjef": NamedContact(phone="124")}
    ladder = Ladder(contacts=contacts, closed=ClosedRungs(critical=rungs))
    return replace(CONTENT, settings=CONTENT.settings.model_copy(update={"ladder": ladder}), channels=set_up)


def test_card_at_night_says_that_somebody_gets_an_alert_only_when_somebody_is_named():
    named = talk(NIGHT, (), content=at_night("webhook")).writes(sign("A", "critical"))
    assert "En av oss får varsel" in named.said[0]
    assert "jeg vet ikke når" in named.writes("hallo").said[0]
    said = talk(NIGHT, ()).writes(sign("A", "critical")).said[0]
    assert "varsel" not in said and "leser dette fra" in said


@pytest.mark.parametrize(
    ("content", "tier"),
    [
        (at_night("webhook"), "high"),
        (at_night("webhook", set_up=frozenset({"push", "email"})), "critical"),
        (at_night("banner"), "critical"),
    ],
    ids=["another tier is told", "no such channel is set up", "nobody is at the console"],
)
def test_card_at_night_promises_no_alert_that_would_reach_nobody(content, tier):
    writer = talk(NIGHT, (), content=content).writes(sign("B" if tier == "high" else "A", tier))
    assert "varsel" not in writer.said[0] and "leser dette fra" in writer.said[0]
    assert "varsel" not in writer.writes("hallo").said[0]


def alerted(writer: Talk) -> list[str]:
    draft = Draft(writer.conv, writer.content, writer.world, writer.now)
    danger.alerted(draft)
    return [e.message.text for e in draft.effects if isinstance(e, SendMessage)]


def test_students_are_told_of_people_on_duty_only_when_there_are_any():
    assert alerted(talk().writes(sign("A", "critical"))) == ["Jeg har varslet dem som er på vakt."]
    (away,) = alerted(talk(NIGHT, ()).writes(sign("A", "critical")))
    assert "jeg vet ikke når" in away.lower() and "113" in away


def test_nothing_is_pushed_to_somebody_whose_screen_may_be_watched():
    assert alerted(talk().writes(sign("F", "critical"))) == []
    writer = talk().writes(sign("B", "critical"))
    writer.conv = _safe(writer, False)
    assert alerted(writer) == []
    writer = talk().writes(sign("F", "critical"))
    writer.conv = _safe(writer, True)
    assert alerted(writer) != []


def _safe(writer, safe):
    return replace(writer.conv, safe_to_message=safe)


def test_card_comes_again_when_another_number_leads_but_not_to_and_fro():
    writer = talk().writes(sign("B", "high"))
    assert writer.writes(sign("F", "high")).messages[0].purpose is Purpose.CARD
    assert [m.purpose for m in writer.writes(sign("B", "high")).messages] == [Purpose.SAFETY]
    assert writer.writes(sign("F", "high")).messages == []
    assert writer.writes(sign("F", "critical")).messages[0].purpose is Purpose.CARD


@pytest.mark.parametrize("letter", LETTERS)
def test_every_card_has_one_question_at_most_and_every_answer_to_it_a_text(letter):
    for tier in ("critical", "high"):
        for at, on_duty in HOURS:
            choices = talk(at, on_duty).writes(sign(letter, tier)).messages[0].choices
            for choice in choices:
                writer = talk(at, on_duty).writes(sign(letter, tier))
                assert writer.taps(choice.payload, choice.title).said, f"{choice.payload} met silence"
                writer = talk(at, on_duty).writes(sign(letter, tier))
                assert writer.writes(choice.title).said, f"{choice.title} typed met silence"


def test_in_danger_tapped_without_a_kind_names_all_three_emergency_numbers():
    writer = talk().writes("HJELP").taps("b:help:danger")
    assert numbers_in(writer.said[0])[:3] == [AMK, POLICE, FIRE] and writer.conv.tier is Tier.CRITICAL


def test_category_letter_decides_whatever_the_word_behind_it():
    for letter in LETTERS:
        card = cards.card_for(f"{letter}-anything", Tier.HIGH)
        assert card is cards.card_for(f"{letter}-sign", Tier.HIGH)
