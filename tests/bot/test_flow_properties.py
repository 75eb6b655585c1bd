"""Whatever an author writes and a student answers, the bot neither breaks nor leaves anybody without a way on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from content_files import files
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content import Content, load_content
from bot.flow.model import PLACES, Flow
from bot.flow.proofs import flaws
from bot.flow.run import MAX_STEPS, Facts, Outcome, answer, ask_again, silence, start
from bot.flow.walk import Walk

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BASE = load_content(files())
STEPS = ["a", "b", "c", "d"]
FLOWS = ["menu", "one", "two"]
WORDS = {"nb": "hei", "en": "hi"}

goto = st.sampled_from([*STEPS, *PLACES])


@st.composite
def _step(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["say", "choices", "write", "call", "when", "set"]))
    step: dict[str, Any] = {"goto": draw(goto)}
    if kind in ("say", "choices", "write"):
        step["say"] = WORDS
    if kind == "choices":
        ids = draw(st.lists(st.sampled_from(["nb", "en", "yes"]), min_size=1, max_size=3, unique=True))
        step["choices"] = [
            {"id": each, "nb": f"Valg {each}", "en": f"Pick {each}", "goto": draw(goto)} for each in ids
        ]
        step["save"] = draw(st.sampled_from(["language", "safe", "topic"]))
        step["otherwise"] = {"tries": draw(st.integers(0, 3)), "goto": draw(goto)}
        step["after"] = {"minutes": 5, "goto": draw(goto)}
    elif kind == "write":
        step |= {"write": "about", "optional": draw(st.booleans())}
    elif kind == "call":
        step["call"] = draw(st.sampled_from(FLOWS))
    elif kind == "when":
        step["when"] = [
            {"if": {draw(st.sampled_from(["open", "language", "topic"])): ["true", "nb"]}, "goto": draw(goto)}
        ]
    elif kind == "set":
        step["set"] = {"topic": "yes"}
    return step


@st.composite
def _content(draw: st.DrawFn) -> Content:
    flows = {}
    for name in FLOWS:
        steps = {each: draw(_step()) for each in STEPS}
        flows[name] = Flow.model_validate({"flow": name, "start": "a", "steps": steps})
    return Content(
        settings=BASE.settings,
        hours=BASE.hours,
        texts=BASE.texts,
        services=BASE.services,
        flows=flows,
        phrases=BASE.phrases,
        replies=BASE.replies,
    )


payloads = st.builds(
    "f:{}:{}:{}".format,
    st.sampled_from(FLOWS),
    st.sampled_from(STEPS),
    st.sampled_from(["nb", "yes", "skip"]),
)
inputs = st.lists(
    st.tuples(
        st.sampled_from(["text", "tap", "silence", "again"]),
        st.one_of(st.sampled_from(["1", "valg nb", "skip", "pick"]), st.text(max_size=30)),
        st.one_of(payloads, st.text(max_size=10)),
    ),
    max_size=12,
)


def _stands_somewhere(content: Content, outcome: Outcome) -> bool:
    if outcome.state is None:
        return outcome.goes in ("people", "menu", "end", "erase")
    return content.flows[outcome.state.at.flow].steps[outcome.state.at.step].waits and outcome.goes is None


@settings(max_examples=150, deadline=None)
@given(_content(), inputs, st.sampled_from([None, "nb", "en"]), st.booleans())
def test_every_answer_leads_to_a_question_or_to_a_place(
    content: Content, given_inputs: list[tuple[str, str, str]], language: str | None, open_now: bool
) -> None:
    facts = Facts(language=language, open_now=open_now)
    outcome = start(content, "one", facts, NOW)
    for kind, text, payload in given_inputs:
        assert _stands_somewhere(content, outcome)
        assert len(outcome.says) <= MAX_STEPS
        state = outcome.state
        if state is None:
            outcome = start(content, "menu", facts, NOW)
            continue
        if kind == "silence":
            outcome = silence(content, state, facts, NOW)
        elif kind == "again":
            outcome = ask_again(content, state, facts, NOW)
        else:
            outcome = answer(content, state, text, payload if kind == "tap" else None, facts, NOW)
    assert _stands_somewhere(content, outcome)


@settings(max_examples=30, deadline=None)
@given(_content())
def test_any_flows_can_be_walked_and_judged(content: Content) -> None:
    walk = Walk(content, limit=400)
    for flaw in flaws(walk):
        assert flaw.flow in content.flows
        assert flaw.text
    assert walk.answers >= len(walk.nodes)


@settings(max_examples=30, deadline=None)
@given(_content(), inputs, st.sampled_from([None, "nb", "en"]), st.booleans())
def test_moves_are_the_same_without_words(
    content: Content, given_inputs: list[tuple[str, str, str]], language: str | None, open_now: bool
) -> None:
    facts = Facts(language=language, open_now=open_now)
    state = None
    for kind, text, payload in given_inputs:
        if state is None:
            spoken, silent = (
                start(content, "one", each, NOW) for each in (facts, replace(facts, wordless=True))
            )
        elif kind == "silence":
            spoken, silent = (
                silence(content, state, each, NOW) for each in (facts, replace(facts, wordless=True))
            )
        else:
            tapped = payload if kind == "tap" else None
            spoken, silent = (
                answer(content, state, text, tapped, each, NOW)
                for each in (facts, replace(facts, wordless=True))
            )
        assert len(spoken.says) == len(silent.says)
        assert replace(spoken, says=(), ways=()) == replace(silent, says=())
        facts = facts.after(spoken.saves)
        state = spoken.state
