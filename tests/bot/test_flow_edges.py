"""The ways through a flow, by name."""

from __future__ import annotations

from bot.flow.edges import Edge, comes_back, edges_of
from bot.flow.model import Flow

WORDS = {"nb": "Hei", "en": "Hi"}


def flow(name: str, start: str, **steps: object) -> Flow:
    return Flow.model_validate({"flow": name, "start": start, "steps": steps})


def ways(flows: dict[str, Flow], step: str) -> list[str]:
    return [edge.way for edge in edges_of(flows) if edge.step == step]


def choice(id: str, **more: str) -> dict[str, str]:
    return {"id": id, **WORDS, **more}


def test_every_choice_otherwise_and_silence_is_a_way() -> None:
    asks = {"say": WORDS, "choices": [choice("a", goto="end")], "after": {"minutes": 5, "goto": "end"}}
    assert ways({"f": flow("f", "ask", ask=asks)}, "ask") == ["step", "choice:a", "otherwise", "silence"]


def test_the_steps_own_goto_is_a_way_when_a_choice_leaves_it_open() -> None:
    asks = {"say": WORDS, "choices": [choice("a", goto="end"), choice("b")], "goto": "people"}
    assert ways({"f": flow("f", "ask", ask=asks)}, "ask")[-1] == "goto"


def test_conditions_and_skipping_are_ways() -> None:
    writes = {
        "say": WORDS,
        "write": "about",
        "optional": True,
        "when": [{"if": {"open": True}, "goto": "end"}],
    }
    assert ways({"f": flow("f", "w", w=writes)}, "w") == ["step", "skip", "when:1", "goto"]


def test_what_follows_a_called_flow_counts_only_if_that_comes_back() -> None:
    calls = flow("f", "call", call={"call": "g", "goto": "end"})
    leaves, returns = (
        flow("g", "say", say={"say": WORDS, "goto": "end"}),
        flow("g", "say", say={"say": WORDS, "goto": "back"}),
    )
    assert ways({"f": calls, "g": leaves}, "call") == ["step", "call"]
    assert ways({"f": calls, "g": returns}, "call") == ["step", "call", "goto"]
    through = flow("h", "call", call={"call": "g", "goto": "back"})
    assert comes_back({"g": returns, "h": through}, "h") and not comes_back({"g": leaves, "h": through}, "h")


def test_flows_that_call_each_other_end_the_search() -> None:
    one, two = (
        flow("f", "c", c={"call": "g", "goto": "back"}),
        flow("g", "c", c={"call": "f", "goto": "back"}),
    )
    assert not comes_back({"f": one, "g": two}, "f")


def test_a_way_is_named_as_people_say_it() -> None:
    assert str(Edge("intake", "topic", "choice:social")) == "intake.topic choice social"
    assert str(Edge("intake", "topic", "step")) == "intake.topic"
