"""The phrases and the model that are shipped, read as one: nothing hides a danger, no text is slow or stops it."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation import Tier
from bot.risk import YOUNG, Phrases, RiskFile
from bot.risk_model import parse
from bot.risk_reader import RiskReader
from bot.risk_whole import gravest, standing
from bot.yaml_text import read_yaml, validate

FLOWS = Path(__file__).parents[2] / "flows"


@cache
def _file() -> RiskFile:
    file = validate(
        RiskFile, read_yaml((FLOWS / "risk_phrases.yaml").read_text("utf-8"), "risk_phrases.yaml")
    )
    assert isinstance(file, RiskFile)
    return file


@cache
def _reader() -> RiskReader:
    return RiskReader(Phrases(_file()), parse((FLOWS / "risk_model.yaml").read_text("utf-8")))


CRITICAL = sorted({hit for rule in _file().rules if rule.tier == "critical" for hit in rule.hits})
HARMLESS = sorted({*_file().never, *(miss for rule in _file().rules for miss in rule.misses)})
WORDS = sorted({word.rstrip("*~") for words in _file().words.values() for word in words})


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(CRITICAL), st.sampled_from(HARMLESS), st.sampled_from([". ", "! ", "\n"]), st.booleans()
)
def test_no_exception_hides_a_danger_in_another_sentence(
    danger: str, harmless: str, end: str, first: bool
) -> None:
    pair = (danger, harmless) if first else (harmless, danger)
    found = _reader().read(end.join(pair))
    assert found is not None
    assert found.tier is Tier.CRITICAL


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from([*WORDS, ".", "!", "\n", "😂", "*", "s", "$", "'", "\ud800"]), max_size=60
        ).map(" ".join),
    ),
    st.lists(st.sampled_from([*CRITICAL, *HARMLESS]), max_size=3),
)
def test_any_text_can_be_read_by_both_readers(text: str, earlier: list[str]) -> None:
    found = _reader().read(text, earlier)
    assert found is None or found.tier is not Tier.NONE


def _steps(text: str) -> tuple[int, bool]:
    """Lines of Python that reading runs through, which unlike time are the same at each run; and whether it found
    something.
    """
    count = 0

    def step(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        found = _reader().read(text)
    finally:
        sys.settrace(before)
    return count, found is not None


def _grows_linearly(piece: str) -> None:
    letters = (
        900  # enough that what every text costs weighs little, and that all are weighed window by window
    )
    _reader().read(piece * 3)  # words are taken apart once, then remembered
    (short, before), (long, found) = (_steps((piece * letters)[: letters * times]) for times in (1, 4))
    explained = 40_000 if found and not before else 0  # the words that weighed most are named
    assert long < 4 * 1.5 * short + 2000 + explained


@pytest.mark.parametrize(
    "piece",
    ["s e l v m o r d ", "selvmor", "vil ikke ", "😂🤣", "a\u0301\u200b", "x", "ta ", "d*k*e* ", "ta livet "],
)
def test_what_is_made_to_be_slow_takes_steps_by_its_length(piece: str) -> None:
    _grows_linearly(piece)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=2, max_size=8))
def test_words_of_phrases_in_any_order_take_steps_by_their_length(words: list[str]) -> None:
    _grows_linearly(" ".join(words) + " ")


@pytest.mark.parametrize(
    ("messages", "stands"),
    [
        (
            ("she won't wake up", "my old laptop. is the it desk at the library open today?"),
            None,
        ),
        (("i want to die", "lol forget it", "what's for lunch today"), Tier.HIGH),
    ],
)
def test_an_explanation_counts_afterwards_and_taking_it_back_does_not(
    messages: tuple[str, ...], stands: Tier | None
) -> None:
    found = [_reader().read(text, messages[:at]) for at, text in enumerate(messages)]
    reached, stood = gravest(found), standing(_reader(), messages, found)
    assert reached is not None  # the service alarms
    assert (stood and stood.tier) == stands


IN_PIECES = (
    (["lurer på"], "hvor mange man må ta for å ikke våkne"),
    (["jeg har bestemt meg"], "i natt er det slutt"),
    (["tenker på"], "å gjøre det slutt på alt"),
    (["det er best for alle"], "at jeg forsvinner"),
    (["han kommer inn"], "på rommet mitt om natta og tar på meg"),
    (["everything hurts"], "and i cant see a reason to go on"),
)


def test_an_age_that_is_told_with_it_hides_no_danger():
    phrases = _reader()
    for earlier, last in IN_PIECES:
        without = phrases.read(last, earlier)
        for age in (", jeg er 16", ". jeg er 16 år", ". i am 15 years old"):
            told = phrases.read(last + age, earlier)
            assert told is not None and told.category != YOUNG, (last, age)
            assert told.tier.rank >= without.tier.rank, (last, age)


@pytest.mark.parametrize(
    "text",
    [
        "nei, ingen tanker om å dø, men jeg skulle ønske jeg ikke våknet",
        "nope not thinking of hurting myself, i already cut",
        "no not suicidal, just waiting for the pills to work",
        "no. not suicidal. just dont want to be alive",
        "not suicidal just done with living",
        "nei, tenker ikke på å ta livet mitt. ikke lenger. har bestemt meg",
        "nei vil ikke ta livet mitt, bare forsvinne for alltid",
        "what do you do if a student says he wants to die? it's me",
    ],
)
def test_a_no_with_danger_behind_it_is_read(text: str) -> None:
    assert _reader().read(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "nei nei, ingen tanker om å ta livet mitt, er bare lei av pensum",
        "no no, not suicidal, just behind with chemistry",
        "nah, never thought of hurting myself, just needed to complain",
    ],
)
def test_a_plain_no_is_no_alarm(text: str) -> None:
    assert _reader().read(text) is None
