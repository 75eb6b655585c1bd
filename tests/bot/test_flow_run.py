from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from content_files import INTAKE, MENU, files

from bot.content import Content, load_content
from bot.conversation import FlowState, Frame
from bot.flow.run import Facts, Outcome, answer, ask_again, silence, start
from bot.settings import Words

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
CONTENT = load_content(files())
NB = Facts(language="nb", open_now=True, fields={"hours": "mandag 09-20", "next_open": "mandag kl. 09"})


def _at(flow: str, step: str, *returns: tuple[str, str], tries: int = 0) -> FlowState:
    frames = tuple(Frame(flow=each, step=name) for each, name in returns)
    return FlowState(at=Frame(flow=flow, step=step), returns=frames, tries=tries, asked_at=NOW)


def _writes(state: FlowState, text: str | None, facts: Facts = NB, content: Content = CONTENT) -> Outcome:
    return answer(content, state, text, None, facts, NOW)


def _taps(state: FlowState | None, payload: str, facts: Facts = NB) -> Outcome:
    return answer(CONTENT, state, None, payload, facts, NOW)


def _where(outcome: Outcome) -> Any:
    return (outcome.state.at.flow, outcome.state.at.step) if outcome.state else outcome.goes


def test_a_flow_says_each_step_by_itself_and_waits_at_the_question() -> None:
    outcome = start(CONTENT, "welcome", replace(NB, language=None), NOW)
    assert _where(outcome) == ("welcome", "language")
    assert outcome.says[0].text.startswith("Hei fra Test Page, vi svarer mandag 09-20.\n\nHi from Test Page")
    assert outcome.says[1].text == "Norsk eller engelsk?\n\nNorwegian or English?"
    assert [(each.title, each.payload) for each in outcome.says[1].choices] == [
        ("Norsk", "f:welcome:language:nb"),
        ("English", "f:welcome:language:en"),
    ]
    assert outcome.state is not None
    assert outcome.state.asked_at == NOW


def test_hours_in_the_words_of_each_language_reach_a_text_in_both() -> None:
    facts = Facts(language=None, open_now=True, fields={"hours": Words(nb="hverdager", en="weekdays")})
    assert start(CONTENT, "welcome", facts, NOW).says[0].text == (
        "Hei fra Test Page, vi svarer hverdager.\n\nHi from Test Page, we answer weekdays."
    )


def test_a_chosen_language_counts_from_the_very_next_text() -> None:
    outcome = _taps(_at("welcome", "language"), "f:welcome:language:en", replace(NB, language=None))
    assert outcome.saves == {"language": "en"}
    assert outcome.says[0].text == "What is it about?"
    assert outcome.says[0].choices[0].title == "How I feel"


def test_a_called_flow_comes_back_to_the_step_after_the_call() -> None:
    asked = _taps(_at("welcome", "language"), "f:welcome:language:nb")
    assert asked.state is not None
    assert asked.state.returns == (Frame(flow="welcome", step="ask"),)
    words = _writes(asked.state, "hvordan jeg har det")
    assert (words.saves, _where(words)) == ({"topic": "emotional"}, ("intake", "words"))
    assert words.state is not None
    done = _writes(words.state, " sover dårlig ", replace(NB, answers={"topic": "emotional"}))
    assert (done.saves, done.goes, done.state) == ({"about": "sover dårlig"}, "people", None)


def test_back_without_a_caller_goes_to_the_menu() -> None:
    assert _writes(_at("intake", "words"), "x", replace(NB, answers={"topic": "loss"})).goes == "menu"


@pytest.mark.parametrize(
    ("open_now", "language", "topic", "goes"),
    [
        (True, "nb", "emotional", "people"),
        (False, "en", "emotional", "end"),
        (True, "nb", "practical", "menu"),
    ],
)
def test_the_first_condition_that_holds_decides(open_now: bool, language: str, topic: str, goes: str) -> None:
    facts = replace(NB, open_now=open_now, language=language, answers={"topic": topic})
    assert _writes(_at("intake", "words", ("welcome", "ask")), "x", facts).goes == goes


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("1", "emotional"),
        (" 2. ", "practical"),
        ("NOE PRAKTISK", "practical"),
        ("something practical", "practical"),
        ("practical", "practical"),
        ("no", "practical"),
        ("Noe praktsik", "practical"),
        ("noe prakktisk!", "practical"),
        ("sorg paa garden", "loss"),
        ("Sorg pa gaarden", "loss"),
        ("greif", "loss"),
        ("hv", "emotional"),
    ],
)
def test_a_typed_answer_means_a_choice(typed: str, chosen: str) -> None:
    assert _writes(_at("intake", "topic"), typed).saves["topic"] == chosen


@pytest.mark.parametrize(
    "typed", ["", "4", "0", "h", "s", "xx", "?", "so", "noe helt annet", "12345", None, "😂"]
)
def test_what_means_none_or_several_choices_is_not_understood(typed: str | None) -> None:
    outcome = _writes(_at("intake", "topic"), typed)
    assert not outcome.understood
    assert outcome.says[0].text == "Velg en knapp."
    assert len(outcome.says[0].choices) == 3
    assert outcome.state is not None
    assert outcome.state.tries == 1


def test_after_the_tries_the_answer_goes_on_to_people() -> None:
    outcome = _writes(_at("intake", "topic", tries=2), "noe helt annet")
    assert (outcome.goes, outcome.state, outcome.understood) == ("people", None, False)


def test_skip_goes_on_without_saving_by_button_and_by_word() -> None:
    state = _at("intake", "words")
    asked = ask_again(CONTENT, state, NB, NOW)
    assert asked.says[0].choices[0].payload == "f:intake:words:skip"
    for outcome in (_taps(state, "f:intake:words:skip"), _writes(state, "Hopp over"), _writes(state, "SKIP")):
        assert (outcome.saves, outcome.goes, outcome.understood) == ({}, "menu", True)


def test_something_without_words_does_not_answer_a_question_for_words() -> None:
    outcome = _writes(_at("intake", "words"), None)
    assert (outcome.understood, _where(outcome)) == (False, ("intake", "words"))


def test_an_old_button_of_a_step_that_still_exists_answers_that_step() -> None:
    state = _at("intake", "words", ("welcome", "ask"))
    outcome = _taps(state, "f:intake:topic:loss")
    assert (outcome.saves, _where(outcome)) == ({"topic": "loss"}, ("intake", "words"))
    assert outcome.state is not None
    assert outcome.state.returns == state.returns
    up = _taps(state, "f:welcome:language:en")
    assert up.state is not None
    assert up.state.returns == (Frame(flow="welcome", step="ask"),)
    assert _taps(None, "f:menu:choose:talk").goes == "people"


@pytest.mark.parametrize(
    "payload",
    ["f:intake:gone:x", "f:gone:topic:loss", "f:intake:topic:gone", "b:erase:yes", "", "f:", "f:intake"],
)
def test_an_old_button_that_fits_nowhere_leaves_the_place_alone(payload: str) -> None:
    state = _at("intake", "words")
    outcome = _taps(state, payload)
    assert (outcome.understood, outcome.goes, outcome.state, outcome.says) == (False, None, state, ())


@pytest.mark.parametrize("state", [_at("intake", "gone"), _at("gone", "topic"), _at("intake", "route")])
def test_a_place_that_has_been_edited_away_leads_to_the_menu(state: FlowState) -> None:
    assert _writes(state, "hei").goes == "menu"
    assert ask_again(CONTENT, state, NB, NOW).goes == "menu"


def test_a_caller_that_has_been_edited_away_leads_to_the_menu() -> None:
    state = _at("intake", "words", ("welcome", "gone"))
    assert _writes(state, "x", replace(NB, answers={"topic": "loss"})).goes == "menu"


def test_silence_takes_the_way_of_after_and_changes_nothing_without_one() -> None:
    assert start(CONTENT, "intake", NB, NOW).after_minutes == 60
    assert silence(CONTENT, _at("intake", "topic"), NB, NOW).goes == "end"
    state = _at("intake", "words")
    assert silence(CONTENT, state, NB, NOW) == Outcome(state=state)


def test_asking_again_keeps_the_tries_and_speaks_the_new_language() -> None:
    outcome = ask_again(CONTENT, _at("intake", "topic", tries=1), replace(NB, language="en"), NOW)
    assert outcome.says[0].text == "What is it about?"
    assert outcome.state is not None
    assert outcome.state.tries == 1


def test_services_stand_below_the_text_one_a_line() -> None:
    text = _writes(_at("intake", "topic"), "2").says[0].text
    assert text.splitlines()[1:] == [
        "113 · AMK: fare for liv.",
        "116\N{NO-BREAK SPACE}123 · Mental Helse: noen å snakke med. www.example.org",
    ]
    assert text.startswith("Ring 116\N{NO-BREAK SPACE}123:")


def test_a_choice_may_keep_fixed_values_too() -> None:
    assert _writes(_at("intake", "topic"), "2").saves == {"topic": "practical", "for_whom": "me"}


def test_a_circle_that_never_waits_ends_at_people() -> None:
    circle = INTAKE.replace(
        "    goto: route\n  route:", "    goto: route\n  route:\n    set: {about: x}"
    ).replace("goto: menu\n", "goto: route\n")
    content = load_content(files(intake=circle))
    assert _writes(_at("intake", "words"), "x", content=content).goes == "people"


def test_flows_that_call_each_other_without_end_lead_to_people() -> None:
    menu = MENU.replace("goto: people\n", "goto: end\n").replace("call: intake", "call: menu")
    content = load_content(files(menu=menu))
    state, outcome = _at("menu", "choose"), None
    for _ in range(40):
        outcome = answer(content, state, "mer", None, NB, NOW)
        if outcome.state is None:
            break
        state = outcome.state
    assert outcome is not None
    assert outcome.goes == "people"


def test_a_menu_that_leads_only_to_itself_and_a_missing_menu_lead_to_people() -> None:
    content = load_content(files(menu="flow: menu\nstart: a\nsteps:\n  a: {goto: menu}\n"))
    assert start(content, "menu", NB, NOW).goes == "people"
    assert start(replace(content, flows={}), "menu", NB, NOW).goes == "people"
    assert start(CONTENT, "gone", NB, NOW).goes == "menu"


def test_safe_from_the_facts_can_decide() -> None:
    flow = """
flow: intake
start: a
steps:
  a:
    when: [{if: {safe: [no, unsure]}, goto: end}, {if: {safe: yes}, goto: people}]
    goto: menu
"""
    content = load_content(files(intake=flow))
    goes = [start(content, "intake", replace(NB, safe=each), NOW).goes for each in (False, True, None)]
    assert goes == ["end", "people", "menu"]
