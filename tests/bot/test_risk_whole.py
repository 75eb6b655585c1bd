"""A conversation judged as a whole: what may explain an alarm afterwards, and what never does."""

from __future__ import annotations

from array import array

import pytest

from bot.risk import Phrases, RiskFile
from bot.risk_model import BITS, RiskModel, number
from bot.risk_reader import RiskReader
from bot.risk_whole import CALM, gravest, standing
from bot.yaml_text import read_yaml

PHRASES = """
version: 1
rules:
  - id: E-asleep
    category: E-medical
    tier: critical
    explained: true
    en: ["she wont wake up"]
    hits: ["she won't wake up"]
  - id: B-wish
    category: B-suicidal
    tier: high
    en: ["i want to die"]
    hits: ["i want to die"]
taken_back: ["forget it"]
explains: ["in the play"]
"""


def _model() -> RiskModel:
    """Three words weigh: `laptop` is harmless, `tickets` by far, `pills` is dangerous and grave."""
    danger, grave = (array("b", bytes(1 << BITS)) for _ in range(2))
    for word, weight in (("laptop", -100), ("pills", 100), ("tickets", -127)):
        danger[number("=" + word)] = grave[number("=" + word)] = weight
    return RiskModel(
        danger=danger, grave=grave, step=0.5, biases=(CALM + 0.1, CALM + 0.1), elevated=1.0, high=2.0,
        groups={}, otherwise="O-distress", clear=60,
    )  # fmt: skip


READER = RiskReader(Phrases(RiskFile.model_validate(read_yaml(PHRASES, "risk.yaml").data)), _model())


def _tiers(*messages: str) -> tuple[str, str]:
    """What was reached on the way, and how it stands."""
    found = [READER.read(text, messages[:at]) for at, text in enumerate(messages)]
    shown = (gravest(found), standing(READER, messages, found))
    return tuple(str(each.tier) if each else "none" for each in shown)


def test_what_comes_after_may_explain_an_alarm_that_went_at_once():
    assert _tiers("she won't wake up", "i mean my laptop") == ("critical", "none")


@pytest.mark.parametrize(
    "messages",
    [
        ("i want to die", "what a slow laptop"),  # plain words are not explained
        ("she won't wake up", "i want to die", "what a slow laptop"),
        ("she won't wake up", "forget it", "what a slow laptop"),  # taken back is not explained
        ("my laptop is fine", "she won't wake up"),  # nothing comes after
        ("she won't wake up", "she is my flatmate"),  # the whole is not clearly harmless
    ],
)
def test_what_explains_nothing_leaves_the_conversation_as_grave_as_it_was(messages):
    reached, stands = _tiers(*messages)
    assert stands == reached != "none"


def test_plain_words_are_explained_only_by_what_they_were_about_in_a_talk_that_is_harmless_by_far():
    tickets = "tickets " * 12
    assert _tiers("i want to die", "in the play", tickets) == ("high", "none")
    assert _tiers("i want to die", "tomorrow", tickets) == ("high", "high")
    assert _tiers("i want to die", "in the play", "see you") == ("high", "high")
    assert _tiers("in the play", "i want to die", tickets) == ("high", "high")
    assert _tiers("i want to die", "in the play", tickets, "forget it") == ("high", "high")


def test_what_only_the_whole_says_counts():
    assert str(standing(READER, ("pills", "so many", "and alone now"), (None, None, None)).tier) == "high"


def test_without_the_model_nothing_is_explained():
    messages = ("she won't wake up", "i mean my laptop")
    found = [READER.phrases.read(text) for text in messages]
    assert str(standing(READER.phrases, messages, found).tier) == "critical"
