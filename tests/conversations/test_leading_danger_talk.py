"""Two dangers in one conversation: people see the number, and the questions, of what the student was told last."""

from __future__ import annotations

import pytest
from talk_support import one_engine

from bot.cards import card_for
from bot.conversation import Tier
from storage.records import Role

pytestmark = one_engine
SUICIDE, FIRE = "jeg skal ta livet mitt i kveld", "det brenner her"
VIOLENCE, WISH, HEAVY = "kjæresten min slår meg", "jeg vil dø", "alle har det bedre uten meg"


def leads(chat) -> str:
    """The service whose number stands first for people."""
    alert = chat.alerts[0]
    return card_for(alert.category, alert.tier).lead


def test_the_danger_of_the_last_card_leads_at_one_tier(chat):
    chat.on_duty()
    chat.contact_writes(SUICIDE).wait(minutes=3).contact_writes(FIRE)
    assert "110" in chat.replies[0] and leads(chat) == "fire"
    assert chat.conv().handoff.category == "E-fire" == chat.conv().danger.category


def test_the_earlier_danger_stays_readable(chat):
    chat.on_duty()
    chat.contact_writes(SUICIDE).wait(minutes=3).contact_writes(FIRE)
    assert set(chat.alerts[0].rules) == {"A-soon", "E-fire"}
    assert "livet" in " ".join(chat.alerts[0].matched)


def test_a_danger_of_lower_tier_takes_no_lead(chat):
    chat.on_duty()
    chat.contact_writes(SUICIDE).wait(minutes=3).contact_writes(VIOLENCE)
    assert (chat.alerts[0].tier, leads(chat)) == (Tier.CRITICAL, "amk")


def test_a_danger_that_no_card_was_due_for_takes_no_lead(chat):
    chat.on_duty()
    chat.contact_writes(SUICIDE).wait(minutes=1).contact_writes(FIRE).wait(minutes=1).contact_writes(SUICIDE)
    assert "Fare nå: 113" in chat.replies[0] and leads(chat) == "fire"


@pytest.mark.parametrize(("words", "lead"), [(VIOLENCE, "police"), (WISH, "amk")])
def test_what_they_write_after_help_leads(chat, words, lead):
    chat.on_duty()
    chat.contact_writes("prate").contact_writes("HJELP").contact_writes(words)
    assert (chat.alerts[0].tier, leads(chat)) == (Tier.HIGH, lead)


def test_what_they_write_after_the_soft_question_leads(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).wait(minutes=11)
    assert leads(chat) == "mental_helse"
    chat.contact_writes(VIOLENCE)
    assert leads(chat) == "police"


def test_what_they_write_after_i_am_in_danger_leads_also_where_it_is_less_urgent(chat):
    chat.on_duty()
    chat.contact_writes("HJELP").contact_taps("Jeg er i fare")
    chat.contact_writes(VIOLENCE)
    assert (chat.alerts[0].tier, leads(chat)) == (Tier.CRITICAL, "police")


def test_help_takes_no_lead_from_what_is_known(chat):
    chat.on_duty()
    chat.contact_writes("han slår meg nå og jeg er redd han dreper meg").contact_writes("HJELP")
    chat.contact_taps("Jeg er i fare")
    assert (chat.alerts[0].tier, leads(chat)) == (Tier.CRITICAL, "police")


# The button for those who cannot call.


@pytest.mark.parametrize("words", ["kjæresten min slår meg nå", FIRE])
def test_a_card_beside_a_person_offers_that_they_cannot_call(chat, words):
    amalie = chat.on_duty()
    chat.contact_writes("prate").claim(amalie).supporter_writes(amalie, "Hei")
    chat.contact_writes(words).contact_taps("Jeg kan ikke ringe")
    assert chat.alerts[0].call_for_them


def test_words_for_that_are_understood_too(chat):
    amalie = chat.on_duty(role=Role.DUTY_LEAD)
    chat.contact_writes("prate").claim(amalie).supporter_writes(amalie, "Hei")
    chat.contact_writes(FIRE).contact_writes("kan ikke ringe")
    assert chat.alerts[0].call_for_them


def test_somebody_who_cannot_call_is_called_for(chat):
    chat.on_duty()
    chat.contact_writes(VIOLENCE).contact_taps("Jeg kan ikke ringe")
    assert chat.alerts[0].call_for_them and chat.alerts[0].tier is Tier.CRITICAL


def test_i_am_in_danger_keeps_the_first_line_neutral_where_the_screen_may_be_watched(chat):
    chat.on_duty()
    chat.contact_writes(VIOLENCE).wait(minutes=3).contact_writes("HJELP").contact_taps("Jeg er i fare")
    assert chat.replies[0].startswith("Hei, og takk for at du skriver til oss")
    assert (chat.alerts[0].tier, leads(chat)) == (Tier.CRITICAL, "police")
