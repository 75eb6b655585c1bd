"""The shipped flows, broken in every named way: `check` sees it, or the table says why it need not."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace

import pytest
from flow_breakage import KINDS, broken
from talk_support import content_files

from bot.checks import flow_report
from bot.content import Parts, read_parts
from bot.flow.load import read_flow
from bot.yaml_text import read_yaml

# What check cannot see, because the broken flow is a flow that somebody may have meant. Rehearsals see it.
HARMLESS = {
    "the wrong call": "another flow that is there: it leads to people and back as well",
    "a goto to itself": "behind the call of a flow that never comes back: nobody goes there",
    "four more questions": "in a flow beside which another button leads to a person sooner",
    "a choice that asks the same": "a language: the same question comes in that one",
    "people replaced by menu": "the menu offers a person at its first button",
    "swapped titles": "names and words that both languages share are no sign of either",
    "a choice taken out": "the other choices, PRATE and what is typed still work",
    "services taken out": "the text before them still stands; a rehearsal expects the numbers",
    "a fixed value left out": "the question that it spares is asked, or the supporter knows a little less",
    "an otherwise left out": "the question is asked again twice, and then a person answers",
}
_SEED = 20261125


@dataclass(frozen=True)
class Shipped:
    """The files as they are, and what is to be said about them."""

    parts: Parts
    said: frozenset[tuple[str, str, str]]


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    parts = read_parts(content_files())
    return Shipped(parts, said(parts))


def said(parts: Parts) -> frozenset[tuple[str, str, str]]:
    return frozenset((each.kind, each.file, each.text) for each in flow_report(parts).findings)


def places(shipped: Shipped, kind: str) -> list[tuple[str, str, dict]]:
    """Flow, place and the broken flow."""
    return [
        (name, where, data)
        for name, file in shipped.parts.flow_files.items()
        for where, data in broken(kind, shipped.parts.located[file].data)
    ]


def is_seen(shipped: Shipped, name: str, data: dict) -> bool:
    """Whether something more is found with this flow in the place of its like."""
    parts = shipped.parts
    file = parts.flow_files[name]
    located = read_yaml(json.dumps(data, indent=1, ensure_ascii=False), file)
    flow = read_flow(located)
    if isinstance(flow, list):
        return bool(flow)
    flows = {key: each for key, each in parts.flows.items() if key != name} | {flow.flow: flow}
    files = {key: each for key, each in parts.flow_files.items() if key != name} | {flow.flow: file}
    changed = replace(parts, flows=flows, flow_files=files, located={**parts.located, file: located})
    return bool(said(changed) - shipped.said)


def test_the_table_names_kinds_that_there_are() -> None:
    assert HARMLESS.keys() <= KINDS.keys()
    assert all(HARMLESS.values())
    assert len(KINDS) >= 40


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_flow_is_found(shipped: Shipped, kind: str) -> None:
    found = places(shipped, kind)
    assert found, "the shipped flows have no place for it"
    name, where, data = random.Random(f"{_SEED} {kind}").choice(found)
    assert kind in HARMLESS or is_seen(shipped, name, data), f"{kind} in {name}, {where}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_broken_flow_is_found_or_harmless(shipped: Shipped, kind: str) -> None:
    found = places(shipped, kind)
    survivors = [f"{name}.{where}" for name, where, data in found if not is_seen(shipped, name, data)]
    print(f"{kind}: {len(survivors)} of {len(found)} not found: {', '.join(survivors)}")
    assert bool(survivors) == (kind in HARMLESS), survivors
