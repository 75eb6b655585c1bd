"""Long texts in parts: nothing lost, nothing too long, nothing torn."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.messenger.split import shortened, split, units

EMOJI = ["👩‍👩‍👧‍👦", "👍🏽", "🇳🇴", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "e\u0301", "☂\ufe0f", "🧑🏿‍🚀", "a\u0308\u0323"]


def without_blanks(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(
    st.lists(st.sampled_from([*EMOJI, "ord", " ", ". ", "\n\n", "\n", "æøå", "113"]), max_size=80),
    st.integers(15, 60),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_part_is_too_long_and_nothing_but_blanks_is_lost(pieces: list[str], limit: int) -> None:
    text = "".join(pieces)
    parts = split(text, limit)
    assert all(0 < units(part) <= limit for part in parts)
    assert without_blanks("".join(parts)) == without_blanks(text)
    assert all(part == part.strip() for part in parts)


@given(st.text(max_size=300), st.integers(15, 60))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_at_all_comes_out_whole(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < units(part) <= limit for part in parts)
    assert without_blanks("".join(parts)) == without_blanks(text)


@pytest.mark.parametrize("emoji", EMOJI)
@pytest.mark.parametrize("limit", range(15, 34))
def test_no_emoji_and_no_letter_with_marks_is_torn(emoji: str, limit: int) -> None:
    parts = split(emoji * 30, limit)
    assert all(part == emoji * (len(part) // len(emoji)) for part in parts)
    assert "".join(parts) == emoji * 30


def test_a_text_is_cut_between_paragraphs_before_sentences_before_words() -> None:
    paragraph = "Ett to tre. Fire fem seks."
    assert split(f"{paragraph}\n\n{paragraph}", 40) == [paragraph, paragraph]
    assert split("Ett to tre fire. Fem seks sju åtte ni", 30) == ["Ett to tre fire.", "Fem seks sju åtte ni"]
    assert split("ett to tre fire fem seks sju", 15) == ["ett to tre fire", "fem seks sju"]


def test_the_groups_of_a_phone_number_stay_together() -> None:
    assert split("Ring Kirkens SOS på 22 40 00 40 nå", 26) == ["Ring Kirkens SOS på", "22 40 00 40 nå"]


def test_a_short_text_is_one_part_and_a_blank_one_none() -> None:
    assert split("  Hei  ") == ["Hei"]
    assert split(" \n ") == []


def test_lone_surrogates_go_and_pairs_become_one_character() -> None:
    assert split("a\ud800b \ud83d\ude00") == ["ab 😀"]


def test_the_default_limit_counts_utf_16_units() -> None:
    assert [units(part) for part in split("😀" * 2000)] == [1900, 1900, 200]


def test_a_title_is_cut_between_characters() -> None:
    assert shortened("Studiene", 20) == "Studiene"
    assert units(shortened("👩‍👩‍👧‍👦" * 5, 20)) == 11
    assert shortened("Hvordan jeg har det egentlig", 20) == "Hvordan jeg har det"
