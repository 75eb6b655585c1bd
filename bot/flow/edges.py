"""Every way through the flows, by name: what rehearsals must have walked, and what is counted when they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bot.flow.graph import targets
from bot.flow.model import Flow, Step

STEP, CALL, GOTO, OTHERWISE, SILENCE, SKIP = "step", "call", "goto", "otherwise", "silence", "skip"


class Edge(NamedTuple):
    """One way out of a step, or (`way` is "step") the step itself.

    Ways: step, choice:ID, otherwise, silence, skip, when:1 (the first condition), call, goto.
    """

    flow: str
    step: str
    way: str

    def __str__(self) -> str:
        return f"{self.flow}.{self.step}" + ("" if self.way == STEP else f" {self.way.replace(':', ' ')}")


def choice(id: str) -> str:
    """The way that a choice opens."""
    return f"choice:{id}"


def when(number: int) -> str:
    """The way of the condition with this number, counted from 0."""
    return f"when:{number + 1}"


def edges_of(flows: Mapping[str, Flow]) -> list[Edge]:
    """Every step and every way out of it that can ever be taken, in the order of the files.

    What follows a called flow counts only if that flow may come `back`.
    """
    found: list[Edge] = []
    for flow in flows.values():
        for name, step in flow.steps.items():
            found += (Edge(flow.flow, name, way) for way in (STEP, *_ways(flows, step)))
    return found


def _ways(flows: Mapping[str, Flow], step: Step) -> Iterator[str]:
    yield from (choice(each.id) for each in step.choices)
    if step.choices:
        yield OTHERWISE
    if step.after:
        yield SILENCE
    if step.optional:
        yield SKIP
    called = flows.get(step.call or "")
    if called:
        yield CALL
        if not comes_back(flows, called.flow):
            return
    yield from (when(number) for number in range(len(step.when)))
    if not step.choices or any(each.goto is None and each.danger is None for each in step.choices):
        yield GOTO


def comes_back(flows: Mapping[str, Flow], name: str, above: frozenset[str] = frozenset()) -> bool:
    """Whether a flow may end with `back`, and so lead on to the step that called it."""
    flow = flows[name]
    seen: set[str] = set()
    ahead = [flow.start]
    while ahead:
        step = flow.steps.get(at := ahead.pop())
        if at == "back":
            return True
        if step is None or at in seen:
            continue
        seen.add(at)
        called = step.call if step.call in flows else None
        if called and (called in above or not comes_back(flows, called, above | {name})):
            continue
        ahead += [goto for goto, _ in targets(step)]
    return False


def left(step: Step, taken: Mapping[str, int], waiting: int) -> int:
    """How many came to this question and took none of its ways: silent, or gone by HELP, STOP, a person.

    `taken`: counts by way. `waiting`: who stands there now, and may still answer. A button that is pressed long
    afterwards counts as an answer too, so this is rather too low than too high.
    """
    if not step.waits:
        return 0
    onward = [way for way in taken if way == GOTO or way.startswith("when:")] if step.write else []
    ways = [*onward, *(choice(each.id) for each in step.choices), OTHERWISE, SILENCE]
    return max(0, taken.get(STEP, 0) - sum(taken.get(way, 0) for way in ways) - waiting)
