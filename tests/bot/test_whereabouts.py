"""Which words may tell where somebody is."""

from __future__ import annotations

import pytest

from bot.whereabouts import looks_like_place, says_no_place


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Storgata 5, 3. etasje",
            "Kirkeveien 166",
            "utenfor Blindern stasjon",
            "tredje etasje",
            "Karl Johans gate",
        ),
        *("rom 512", "by the bus stop", "12 Main Street", "second floor", "Frognerparken", "0450 Oslo"),
    ],
)
def test_an_address_or_something_to_go_by_looks_like_a_place(text):
    assert looks_like_place(text)


@pytest.mark.parametrize(
    "text",
    [
        "skynd dere",
        "ring 112",
        "han kommer om 5 min",
        "han har vært her i 2 timer",
        "jeg er redd",
        "113!",
        "ja",
    ],
)
def test_numbers_of_help_and_of_minutes_are_no_place(text):
    assert not looks_like_place(text)


@pytest.mark.parametrize(
    "text", ["vet ikke hvilken gate", "I don't know the street", "hvilken etasje?", "please make it stop"]
)
def test_words_about_a_place_that_name_none_are_no_place(text):
    assert not looks_like_place(text)


@pytest.mark.parametrize(
    "text", ["på toalettet hos naboen", "Blindern", "ute ved vannet", "at my friend's flat", "the library"]
)
def test_what_may_be_a_place_is_not_taken_for_none(text):
    assert not says_no_place(text)
