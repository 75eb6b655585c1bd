from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.language import guess


@pytest.mark.parametrize(
    "text",
    [
        "Hei, jeg vil gjerne snakke med noen",
        "eg orkar ikkje meir",
        "æ veit itj ka æ ska gjør",
        "jeg har ingen venner her",
        "kan noen hjelpe meg med eksamen",
        "er det noen der?",
        "vil ikke leve",
        "i morgen har jeg eksamen og er redd",
    ],
)
def test_norwegian_is_recognised(text: str) -> None:
    assert guess(text) == "nb"


@pytest.mark.parametrize(
    "text",
    [
        "Hi, I need someone to talk to",
        "i don't want to be here anymore",
        "I\u2019m so tired of this",
        "can you help me with my exam",
        "hello",
        "is anyone there?",
    ],
)
def test_english_is_recognised(text: str) -> None:
    assert guess(text) == "en"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "ok",
        "113",
        "😂",
        "UiO",
        "jag är ledsen och vill inte leva",
        "ich bin nicht allein und habe angst",
        "estoy muy triste y no puedo dormir",
        "помогите мне",
    ],
)
def test_too_little_or_another_language_is_no_guess(text: str) -> None:
    assert guess(text) is None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    assert guess(text) in ("nb", "en", None)
