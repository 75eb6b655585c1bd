from __future__ import annotations

import time
from functools import cache

import pytest
from content_files import RISK
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation import Tier
from bot.risk import Finding, Phrases, RiskFile
from bot.yaml_text import read_yaml, validate

PIECES = "jeg vil ta livet mitt dø . ! ... 😂 s3lvm0rd s e l v * ikke lol ha det \ud800 $ '"


@cache
def _phrases() -> Phrases:
    file = validate(RiskFile, read_yaml(RISK, "flows/risk_phrases.yaml"))
    assert isinstance(file, RiskFile)
    return Phrases(file)


def _read(text: str, *earlier: str) -> Finding | None:
    return _phrases().read(text, earlier)


def _tier(text: str, *earlier: str) -> Tier:
    found = _read(text, *earlier)
    return found.tier if found else Tier.NONE


def test_a_finding_names_rule_words_and_language() -> None:
    assert _read("Jeg vil ta hele livet mitt nå") == Finding(
        tier=Tier.HIGH,
        category="B-suicidal",
        rule="B-take-life",
        matched=("ta hele livet mitt",),
        language="nb",
    )
    found = _read("i want to kill myself")
    assert found is not None
    assert found.language == "en"


@pytest.mark.parametrize(
    "text",
    [
        "VIL DØ",
        "vil døøøøø",
        "viiiil dø",
        "vil do",
        "vil doe",
        "vil d\u00f6",
        "v\u200bil d\u200bø",
        "s3lvm0rd",
        "selvmrod",
        "selmord",
        "selvm*rd",
        "s e l v m o r d",
        "s.e.l.v.m.o.r.d",
        "t a  l i v e t  m i t t",
        "selv mord",
        "drepemegselv",
        "drepe megselv",
        "killmyself",
        "k1ll my$elf",
        "don\u2019t want to live",
        "dont want to live",
        "don't want... to live",
        "\uff53\uff55\uff49\uff43\uff49\uff44\uff41\uff4c",
        "jeg vil,liksom,dø nei vil dø",
        "ta kanskje hele det livet mitt",
    ],
)
def test_the_ways_people_type_do_not_hide_a_phrase(text: str) -> None:
    assert _tier(text) is Tier.HIGH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "ta bussen. livet mitt er fint",
        "ta en to tre fire livet mitt",
        "vil bare dø av latter",
        "vil dø av skam",
        "selvtillit",
        "i will kill it",
        "til byrden",
        "dødlinje",
    ],
)
def test_what_is_no_phrase_is_no_finding(text: str) -> None:
    assert _read(text) is None


def test_a_phrase_that_is_excepted_once_may_still_hit_elsewhere() -> None:
    assert _tier("vil dø av latter, nei, jeg vil dø") is Tier.HIGH


def test_a_phrase_split_over_messages_is_found() -> None:
    assert _tier("livet mitt", "jeg vil ta") is Tier.HIGH
    assert _tier("livet mitt", "jeg", "vil", "ta") is Tier.HIGH
    assert _tier("livet mitt") is Tier.NONE


def test_what_earlier_messages_hold_alone_is_not_found_again() -> None:
    assert _read("hva er fristen", "jeg vil ta livet mitt") is None


def test_a_goodbye_counts_only_beside_despair_in_whichever_message() -> None:
    assert _tier("ha det") is Tier.NONE
    assert _tier("ha det, jeg orker ikke mer") is Tier.CRITICAL
    assert _tier("ha det", "orker ikke mer") is Tier.CRITICAL
    assert _tier("orker ikke mer", "ha det") is Tier.CRITICAL


def test_two_different_rules_together_mean_more_than_one_twice() -> None:
    assert _tier("orker ikke mer. orkeeeer ikke mer") is Tier.ELEVATED
    found = _read("er bare til byrde", "orker ikke mer")
    assert found is not None
    assert (found.tier, found.rule) == (Tier.HIGH, "C-twice")
    assert found.matched == ("orker ikke mer", "til byrde")


def test_a_joke_lowers_by_one_and_never_below_its_floor() -> None:
    assert _tier("vil dø lol") is Tier.ELEVATED
    assert _tier("vil dø 😂") is Tier.ELEVATED
    assert _tier("lol. men jeg vil dø") is Tier.HIGH
    assert _tier("orker ikke mer eksamen") is Tier.ELEVATED


def test_a_denial_lowers_only_just_before_the_words() -> None:
    assert _tier("har ikke selvmordstanker selvmord") is Tier.ELEVATED
    assert _tier("im not suicidal") is Tier.ELEVATED
    assert _tier("suicidal, not joking") is Tier.HIGH


def test_denial_inside_the_phrase_is_the_signal() -> None:
    assert _tier("jeg vil ikke leve") is Tier.ELEVATED


def test_a_topic_is_nothing_unless_somebody_speaks_of_themselves() -> None:
    assert _tier("oppgave om selvmord") is Tier.NONE
    assert _tier("jeg skriver oppgave om selvmord") is Tier.HIGH


def test_a_word_of_time_raises() -> None:
    assert _tier("vil dø i kveld") is Tier.CRITICAL
    assert _tier("i want to kill myself tonight lol") is Tier.HIGH


def test_the_gravest_finding_wins() -> None:
    found = _read("orker ikke mer. jeg vil dø")
    assert found is not None
    assert found.rule == "B-take-life"


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                [
                    "jeg",
                    "vil",
                    "ta",
                    "livet",
                    "mitt",
                    "dø",
                    ".",
                    "!",
                    "...",
                    "😂",
                    "s3lvm0rd",
                    "s",
                    "e",
                    "l",
                    "v",
                    "*",
                    "ikke",
                    "lol",
                    "ha",
                    "det",
                    "�",
                    "$",
                    "'",
                ]
            ),
            max_size=30,
        ).map(" ".join),
    ),
    st.lists(st.text(max_size=20), max_size=3),
)
def test_any_text_can_be_read(text: str, earlier: list[str]) -> None:
    found = _phrases().read(text, earlier)
    assert found is None or found.tier is not Tier.NONE


@pytest.mark.parametrize(
    "piece", ["jeg vil ta ", "a", "vil ", "s e l v ", "ta*", "selvmo", "lol 😂 ", "vil bare dø "]
)
def test_time_grows_with_the_length_and_no_faster(piece: str) -> None:
    def seconds(times: int) -> float:
        text = piece * times
        best = 9.0
        for extra in range(3):
            text += " x" * extra  # a text that was read before costs less
            before = time.thread_time()
            _phrases().read(text)
            best = min(best, time.thread_time() - before)
        return best

    # Eight times the text; three times that for noise. What grows as its square takes 64 times as long every time.
    assert any(seconds(2000) < 24 * max(seconds(250), 0.001) for _ in range(5))


def _with(rule: str, more: str = "") -> Phrases:
    text = f"rules:\n  - {{id: B-x, category: B-x, tier: high, nb: [{rule!r}], hits: [x]}}\n{more}"
    file = validate(RiskFile, read_yaml(text, "risk.yaml"))
    assert isinstance(file, RiskFile)
    return Phrases(file)


def test_parts_joined_by_and_are_found_in_either_order_in_one_sentence() -> None:
    phrases = _with("livet mitt & kveld")
    assert phrases.read("i kveld tar jeg livet mitt")
    assert phrases.read("livet mitt tar slutt i kveld")
    assert phrases.read("livet mitt er fint. skal ut i kveld") is None


def test_what_switches_a_rule_off_reaches_no_further_than_its_sentence_and_some_words() -> None:
    text = "rules:\n  - {id: B-x, category: B-x, tier: high, nb: [livet mitt], unless: [film], hits: [livet mitt]}\n"
    file = validate(RiskFile, read_yaml(text, "risk.yaml"))
    assert isinstance(file, RiskFile)
    phrases = Phrases(file)
    assert phrases.read("en film om livet mitt") is None
    assert phrases.read("en film. livet mitt")
    assert phrases.read("en film\nlivet mitt")
    assert phrases.read("vi så en film i går og så dro alle hjem og nå tar jeg livet mitt")


def test_parts_joined_by_plus_may_stand_in_two_sentences() -> None:
    assert _with("livet mitt + kveld").read("livet mitt er fint. skal ut i kveld")


def test_a_phrase_that_ends_with_a_dot_is_found_only_where_the_thought_ends() -> None:
    phrases = _with("orker ikke mer .", "words: {end: [og]}")
    assert phrases.read("orker ikke mer")
    assert phrases.read("orker ikke mer og gråter")
    assert phrases.read("orker ikke mer, gråter")
    assert phrases.read("orker ikke mer pensum") is None


def test_a_group_stands_for_any_of_its_rows() -> None:
    phrases = _with("prøvde å {die}", 'groups: {die: ["ta livet mitt", "dø"]}')
    assert phrases.read("jeg prøvde å dø")
    assert phrases.read("jeg prøvde å ta livet mitt")
    assert phrases.read("jeg prøvde å sove") is None
