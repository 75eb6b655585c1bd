"""Conversations under way when something is published: on which set's steps they go on, and from which step.

Steps and the texts in them stay those of the set that a conversation began its flow with. Everything else is always
the newest: cards, services, risk phrases, hours, commands, texts.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from bot.conversation import FlowState, Frame
from bot.flow.model import Flow, Step

FIRST = 1  # of conversations that began before there were sets: the first one is what was on disk then
PEOPLE = "people"
Choice = Literal["finish", "move", "people"]
Flows = Mapping[str, Flow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What becomes of conversations that are on an earlier set.

    finish: they stay on it. move, people: they go on at the same step of the new set; where that step is gone, at the
    step that `moves` names, and where it names none, with a person.
    """

    choice: Choice = "finish"
    moves: dict[str, str] = field(default_factory=dict)  # "flow.step" to "flow.step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What a decision needs of the sets between the one a conversation is on and the newest."""

    sets: Mapping[int, Flows]  # those that could be read
    plans: tuple[tuple[int, Plan], ...] = ()  # by number, rising; those that only let finish are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Where a conversation goes on."""

    flow_set: int
    state: FlowState | None  # None: with a person
    asks: bool = False  # the step has to ask first


_codec: TypeAdapter[Plan] = TypeAdapter(Plan)


def to_json(plan: Plan) -> str:
    """The plan as text, for the store."""
    return _codec.dump_json(plan).decode()


def from_json(text: str) -> Plan:
    """What `to_json` wrote."""
    return _codec.validate_json(text)


def place(state: FlowState) -> str:
    """Where a conversation stands, as plans and people write it: "intake.topic"."""
    return f"{state.at.flow}.{state.at.step}"


def step_at(flows: Flows, where: str) -> Step | None:
    """The step of "intake.topic"."""
    flow, _, step = where.partition(".")
    return flows[flow].steps.get(step) if flow in flows else None


def stands(old: Flows, new: Flows, state: FlowState) -> bool:
    """Whether somebody who was asked this step's question by `old` can answer it, and come back, in `new`."""
    before, after = _step(old, state.at), _step(new, state.at)
    if before is None or after is None or not after.waits or (before.write is None) != (after.write is None):
        return False
    if not {choice.id for choice in before.choices} <= {choice.id for choice in after.choices}:
        return False
    return all(_step(new, frame) is not None for frame in state.returns)


def fate(earlier: Earlier, number: int, state: FlowState) -> Fate:
    """What the plans since set `number` make of a conversation that stands at `state`, one after the other."""
    current, asks = state, False
    for after, plan in earlier.plans:
        if after <= number or plan.choice == "finish":
            continue
        old, new = earlier.sets.get(number), earlier.sets.get(after)
        if old is None or new is None:
            return Fate(flow_set=number, state=None)
        number, same = after, stands(old, new, current)
        if same:
            continue
        target = plan.moves.get(place(current), PEOPLE) if plan.choice == "move" else PEOPLE
        if step_at(new, target) is None:
            return Fate(flow_set=number, state=None)
        flow, _, step = target.partition(".")
        returns = tuple(frame for frame in current.returns if _step(new, frame) is not None)
        current, asks = FlowState(at=Frame(flow=flow, step=step), returns=returns), True
    return Fate(flow_set=number, state=current if number in earlier.sets else None, asks=asks)


def _step(flows: Flows, frame: Frame) -> Step | None:
    flow = flows.get(frame.flow)
    return flow.steps.get(frame.step) if flow else None
