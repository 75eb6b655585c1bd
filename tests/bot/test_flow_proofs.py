"""What the walk through all flows finds, each with its line and the way that leads there."""

from __future__ import annotations

import json
import re

import pytest
from content_files import CONFIG, INTAKE, MENU, RISK, WELCOME, files
from many_flows import many_flows

from bot.checks import report
from bot.content import load_content
from bot.findings import KINDS, as_data, errors, level
from bot.flow.walk import Walk
from bot.service_hours import WEEKDAYS
from bot.yaml_text import Problem


def _found(**changed: str) -> list[Problem]:
    return report(files(**changed)).findings


def _of(kind: str, **changed: str) -> Problem:
    found = [each for each in _found(**changed) if each.kind == kind]
    assert found, [str(each) for each in _found(**changed)]
    return found[0]


_SAY = 'say: {nb: "Hva gjelder det for deg?", en: "What is it about for you?"}'
_ASK = (
    f"{_SAY}, choices: [{{id: yes, nb: Gjerne, en: Gladly, goto: people}},"
    " {id: later, nb: Senere, en: Later, goto: "
)


def _intake(*steps: str, start: str = "a") -> str:
    """A flow of these steps; SAY is a text, ASK(x) a question with a person and `x` behind its buttons."""
    written = [re.sub(r"ASK\((\w+)\)", lambda m: f"{_ASK}{m[1]}}}]", each) for each in steps]
    return f"flow: intake\nstart: {start}\nsteps:\n" + "".join(
        f"  {each.replace('SAY', _SAY)}\n" for each in written
    )


def test_correct_content_has_nothing_to_be_said_about_and_was_walked_whole() -> None:
    found = report(files())
    assert found.findings == []
    assert found.complete
    assert found.questions > 5
    assert found.answers > found.questions
    assert set(found.reading) == {"nb", "en"}


_THERE = "First message > Norsk"
_LONG = " ".join(["Helsesykepleiertjenesten dokumenterer"] * 9)
_FLAWS = [
    (
        "goodbye",
        ["a: {ASK(b)}", "b: {goto: end}"],
        "step 'b' ends the conversation without a word",
        f"{_THERE} > Senere",
    ),
    (
        "goodbye",
        ["a: {ASK(end)}"],
        "choice 'later' of step 'a' ends the conversation without a word",
        f"{_THERE} > Senere",
    ),
    (
        "trap",
        [
            "a: {SAY, choices: [{id: on, nb: Videre, en: Onward, goto: b}]}",
            "b: {SAY, choices: [{id: on, nb: Tilbake nå, en: Back now, goto: a}]}",
        ],
        "from step 'a' no button leads to a person, a referral or an end",
        _THERE,
    ),
    ("same_question", ["a: {ASK(a)}"], "choice 'later' only asks 'a' again", f"{_THERE} > Senere"),
    (
        "endless",
        ["a: {ASK(menu), otherwise: {goto: a}}"],
        "who answers otherwise is asked for ever: a > a",
        f"{_THERE} > (writes something else)",
    ),
    (
        "endless",
        ["a: {SAY, write: one, goto: b}", "b: {SAY, write: two, goto: a}"],
        "who answers otherwise is asked for ever: a > b > a",
        f"{_THERE} > (writes something)",
    ),
    (
        "silence",
        ["a: {ASK(menu), after: {minutes: 30, goto: b}}", "b: {ASK(menu), after: {minutes: 30, goto: a}}"],
        "who does not answer is written to for ever: a > b > a",
        f"{_THERE} > (is silent for 30 minutes)",
    ),
    (
        "never",
        [
            "a: {set: {mood: good}, when: [{if: {mood: good}, goto: people}], goto: b}",
            "b: {SAY, goto: people}",
        ],
        "nobody ever gets to step 'b'",
        "",
    ),
    (
        "flood",
        [
            "a: {SAY, goto: b}",
            "b: {SAY, goto: c}",
            "c: {SAY, goto: d}",
            "d: {SAY, goto: e}",
            "e: {ASK(menu)}",
        ],
        "5 messages come at once",
        _THERE,
    ),
    ("no_difference", ["a: {ASK(people)}"], "choices 'yes' and 'later' do the same, and none is kept", ""),
    ("numbers_alone", ["a: {services: [amk], goto: people}"], "lists services without a word about them", ""),
    ("does_nothing", ["a: {goto: b}", "b: {SAY, goto: people}"], "step 'a' does nothing but go on", ""),
    ("values", ["a: {ASK(menu), save: safe}"], "no choice of step 'a' is kept as 'safe' no or unsure", ""),
    (
        "swapped",
        ['a: {say: {nb: "What do you need from us?", en: "Hva trenger du fra oss?"}, goto: people}'],
        "nb seems to be English",
        "",
    ),
    (
        "untranslated",
        ['a: {say: {nb: "Ring Mental Helse nå", en: "Ring Mental Helse nå"}, goto: people}'],
        "nb and en are the same",
        "",
    ),
    (
        "title_number",
        ["a: {SAY, choices: [{id: one, nb: '1', en: One, goto: people}]}"],
        "'1' has no letters",
        "",
    ),
    (
        "title_danger",
        ["a: {SAY, choices: [{id: one, nb: Vil bare dø, en: One, goto: people}]}"],
        "'Vil bare dø', typed, is read as danger (high); tapped, it is not",
        "",
    ),
    (
        "title_soft",
        ["a: {SAY, choices: [{id: one, nb: Ett, en: No way out, goto: people}]}"],
        "'No way out', typed, is read as danger (elevated)",
        "",
    ),
    (
        "reading",
        [f'a: {{say: {{nb: "{_LONG}.", en: "Fine."}}, goto: people}}'],
        "the nb text is hard to read: LIX",
        "",
    ),
    (
        "too_long",
        [f'a: {{say: {{nb: "{"{privacy_url} " * 10}", en: "Fine."}}, goto: people}}'],
        "may reach",
        "",
    ),
]


@pytest.mark.parametrize(("kind", "steps", "said", "path"), _FLAWS)
def test_a_flaw_is_told_with_the_way_that_leads_there(
    kind: str, steps: list[str], said: str, path: str
) -> None:
    found = _of(kind, intake=_intake(*steps))
    assert said in found.text
    assert found.path == path
    assert found.file == "flows/intake.yaml"
    assert found.line > 3


def test_a_question_more_than_five_taps_from_a_person_is_told_with_the_quickest_way() -> None:
    asks = [f"q{n}: {{SAY, write: w{n}, goto: q{n + 1}}}" for n in range(6)]
    text = _intake(*asks, "q6: {goto: people}", start="q0")
    found = [each for each in _found(intake=text) if each.kind == "taps"]
    assert any("after 'Mer' a person is 7 taps away; 5 is the most" in each.text for each in found)
    assert any(each.path.startswith("Menu > Mer > (writes something)") for each in found)


def test_a_person_out_of_reach_of_buttons_is_told() -> None:
    menu = f"flow: menu\nstart: a\nsteps:\n  a: {{{_ASK}bye}}]}}\n  bye: {{{_SAY}, goto: end}}\n"
    found = _of("no_person", menu=menu.replace("goto: people", "goto: erase"))
    assert level(found) == "warning"


_DANGER = "danger: {tier: critical, category: O-danger}"
_URGENT = f"""flow: urgent_help
start: ask
steps:
  ask:
    say: {{nb: "Hva trenger du nå?", en: "What do you need now?"}}
    services: [amk]
    choices:
      - {{id: danger, nb: "Jeg er i fare", en: "I'm in danger", goto: people, {_DANGER}}}
      - {{id: more, nb: "Jeg kan ikke ringe", en: "I can't call", goto: more}}
  more:
    say: {{nb: "Be noen ringe for deg.", en: "Ask someone to call for you."}}
    choices:
      - {{id: now, nb: "Det er fare nå", en: "There is danger now", goto: people, {_DANGER}}}
      - {{id: person, nb: "Prate med noen", en: "Talk to someone", goto: people}}
"""
_URGENT_MENU = MENU.replace(
    "    choices:\n",
    '    choices:\n      - {id: urgent, nb: "Akutt hjelp", en: "Urgent help", goto: urgent}\n',
)
_URGENT_MENU += "  urgent: {call: urgent_help, goto: choose}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", None),
        (f"      - {{id: now, nb: \"Det er fare nå\", en: \"There is danger now\", goto: people, {_DANGER}}}\n", "",
         "step 'more' of urgent help has no button for those in danger"),
        (f"      - {{id: danger, nb: \"Jeg er i fare\", en: \"I'm in danger\", goto: people, {_DANGER}}}\n", "",
         "step 'ask' lists an emergency number and has no button for those in danger"),
    ],
)  # fmt: skip
def test_urgent_help_that_has_lost_a_button_is_told(old: str, new: str, said: str | None) -> None:
    found = {
        each.text
        for each in _found(menu=_URGENT_MENU, urgent_help=_URGENT.replace(old, new))
        if each.kind == "urgent"
    }
    assert said in found if said else not found


def test_a_menu_without_a_button_to_urgent_help_is_told() -> None:
    menu = _URGENT_MENU.replace("goto: urgent}", "goto: around}") + (
        "  around: {say: {nb: Hvor?, en: Where?}, choices: [{id: on, nb: Akutt, en: Urgent, goto: urgent}]}\n"
    )
    found = [each.text for each in _found(menu=menu, urgent_help=_URGENT) if each.kind == "urgent"]
    assert found == ["no button of step 'choose' leads to urgent help at once"]


def test_a_phrase_that_catches_a_word_that_always_works_is_told_with_its_line() -> None:
    found = _of("swallowed", risk_phrases=RISK.replace('"orker* ikke mer"', '"stopp", "orker* ikke mer"'))
    assert found.text == "the word 'STOPP' does not do what it always does; the phrase 'C-no-more' catches it"
    assert found.line == RISK[: RISK.index("id: C-no-more")].count("\n") + 1


def test_a_welcome_that_does_not_begin_with_the_notice_is_told() -> None:
    for begun in ("start: language", "start: ask"):
        found = _of("notice", welcome=WELCOME.replace("start: hello", begun))
        assert "what welcome says first counts as the notice" in found.text
        assert found.file == "flows/welcome.yaml"


def test_what_is_filled_in_is_no_longer_than_the_check_of_lengths_allows() -> None:
    many = ", ".join(f'"{hour:02}:00-{hour:02}:30"' for hour in range(9, 20))
    week = ", ".join(f"{day}: [{many.replace(':30', f':{30 + n}')}]" for n, day in enumerate(WEEKDAYS))
    found = _of("fill", config=re.sub(r"weekly: .*", f"weekly: {{{week}}}", CONFIG))
    assert found.text.startswith("{hours} is ") and found.text.endswith("; 160 is the most")


def test_a_warning_and_a_note_keep_nothing_from_going_live() -> None:
    found = _found(intake=INTAKE.replace('nb: "Noe praktisk"', 'nb: "Vil ikke leve"'))
    assert {level(each) for each in found} == {"note"}
    assert errors(found) == []


def test_answers_that_no_condition_tells_apart_are_walked_once() -> None:
    def nodes(condition: str) -> int:
        intake = INTAKE.replace(", topic: [emotional, loss]", condition)
        return len(Walk(load_content(files(intake=intake))).nodes)

    assert nodes("") < nodes(", topic: [emotional, loss]") < nodes(", topic: emotional")


def test_many_long_flows_are_walked_whole_in_one_state_a_question() -> None:
    """`benchmarks/check.py` measures a hundred of them."""
    walk = Walk(load_content(files(**many_flows(30, 50))))
    assert not walk.bounded
    assert 30 * 50 * 0.5 < len(walk.nodes) < 30 * 50 * 0.7  # the other steps do not wait
    assert len(walk.passed) >= 29 * 50


def test_a_walk_that_is_too_long_ends_and_says_so() -> None:
    content = load_content(files(**many_flows(4, 50)))
    assert not Walk(content).bounded
    short = Walk(content, limit=20)
    assert short.bounded
    assert len(short.nodes) == 20


def test_the_walk_is_in_both_languages_open_and_closed_where_that_matters() -> None:
    walk = Walk(load_content(files()))
    asked = [node for node in walk.nodes if node.place == ("intake", "words")]
    assert {way.open_now for node in asked for way in node.ways} == {True, False}
    assert {node.language for node in asked} == {None, "nb", "en"}
    assert {way.how for node in walk.nodes for way in node.ways} == {
        "tap", "skip", "words", "nonsense", "sticker", "silence", "nb", "en",
    }  # fmt: skip


def test_a_finding_says_all_there_is_to_programs() -> None:
    found = _of("goodbye", intake=_intake("a: {ASK(end)}"))
    assert json.loads(json.dumps(as_data(found))) == {
        "file": "flows/intake.yaml", "line": 4, "level": "error", "kind": "goodbye", "step": "a",
        "text": "choice 'later' of step 'a' ends the conversation without a word",
        "path": "First message > Norsk > Senere", "instead": KINDS["goodbye"].instead,
    }  # fmt: skip


def test_a_button_with_the_name_of_a_word_that_always_works_is_told_in_every_form_of_the_word() -> None:
    for word in ("Norwegian", "Engelsk", "Bokmål", "stopp", "PAUSE", "Hjelp!", "Slett"):
        menu = MENU.replace('nb: "Mer"', f'nb: "{word}"')
        assert menu != MENU
        assert any(each.kind == "title_command" for each in _found(menu=menu)), word
