"""Where the steps of all flows lead: what is reachable, what runs in circles, what is too long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from bot.flow.model import MENU, PLACES, Flow, Step

Node = tuple[str, str]  # flow, step; a built-in place is ("", place)


def targets(step: Step) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Every `goto` of a step with its place below the step in the file."""
    for number, choice in enumerate(step.choices):
        if choice.goto:
            yield choice.goto, ("choices", number, "goto")
    for number, branch in enumerate(step.when):
        yield branch.goto, ("when", number, "goto")
    if step.choices:
        yield step.otherwise.goto, ("otherwise", "goto")
    if step.after:
        yield step.after.goto, ("after", "goto")
    if step.goto:
        yield step.goto, ("goto",)


def reachable(flow: Flow) -> set[str]:
    """The steps of one flow that its start leads to."""
    seen: set[str] = set()
    ahead = [flow.start]
    while ahead:
        name = ahead.pop()
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        ahead += [goto for goto, _ in targets(flow.steps[name])]
    return seen


def places_from(flows: Mapping[str, Flow], flow: str, goto: str) -> set[str]:
    """The built-in places that `goto` in `flow` may lead to, through called flows too; `back` is not followed."""
    seen: set[Node] = set()
    ahead: list[Node] = [_node(flow, goto)]
    while ahead:
        node = ahead.pop()
        if node in seen:
            continue
        seen.add(node)
        step = _step(flows, node)
        if step:
            ahead += [_node(node[0], each) for each, _ in targets(step)]
            if step.call in flows:
                ahead.append((step.call or "", flows[step.call or ""].start))
    return {name for flow_name, name in seen if not flow_name}


class Silent:
    """The steps that the bot takes without waiting for the contact."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.flows = flows
        self.passable: set[str] = set()  # flows that may come `back` without having waited for anything
        self._find_passable()

    def next(self, node: Node) -> list[Node]:
        """Where the bot goes on to by itself; nothing where it waits or leaves."""
        step = _step(self.flows, node)
        if step is None or step.waits:
            return []
        onward = [_node(node[0], goto) for goto, _ in targets(step)]
        called = self.flows.get(step.call or "")
        if called:
            after = onward if called.flow in self.passable else []
            return [(called.flow, called.start), *after]
        menu = self.flows.get(MENU)
        return [(MENU, menu.start) if menu and each == ("", "menu") else each for each in onward]

    @cached_property
    def measured(self) -> tuple[dict[Node, int], set[Node]]:
        """How many steps the bot may take in one go from each step, and the steps from which it never stops.

        Steps whose ways on are all measured are measured next; what is left over leads into a circle.
        """
        lengths: dict[Node, int] = {}
        left = {(flow.flow, name) for flow in self.flows.values() for name in flow.steps}
        ways = {node: self.next(node) for node in left}
        comes_from: dict[Node, list[Node]] = {}
        for node, onward in ways.items():
            for each in onward:
                comes_from.setdefault(each, []).append(node)
        ready = [node for node in left if not any(each in left for each in ways[node])]
        while ready:
            node = ready.pop()
            if node in lengths:
                continue
            lengths[node] = self._length(node, ways[node], lengths)
            left.discard(node)
            ready += [
                each for each in comes_from.get(node, ()) if not any(after in left for after in ways[each])
            ]
        return lengths, left

    def circles(self) -> dict[str, set[str]]:
        """Per flow the steps that go round in circles without waiting for the contact."""
        left = set(self.measured[1])
        ways = {node: [each for each in self.next(node) if each in left] for node in left}
        while True:  # steps that only lead into a circle are no part of it
            entered = {each for node in left for each in ways[node]}
            if left <= entered:
                break
            left &= entered
            ways = {node: ways[node] for node in left}
        found: dict[str, set[str]] = {}
        for flow, step in left:
            found.setdefault(flow, set()).add(step)
        return found

    def _length(self, node: Node, onward: list[Node], lengths: dict[Node, int]) -> int:
        step = _step(self.flows, node)
        if step is not None and step.call in self.flows and onward:  # the called flow, and then on
            after = max((lengths.get(each, 0) for each in onward[1:]), default=0)
            return 1 + lengths.get(onward[0], 0) + after
        return 1 + max((lengths.get(each, 0) for each in onward), default=0)

    def _find_passable(self) -> None:
        while more := {n for n in self.flows if n not in self.passable and self._comes_back(n)}:
            self.passable |= more

    def _comes_back(self, name: str) -> bool:
        flow = self.flows[name]
        seen: set[Node] = set()
        ahead: list[Node] = [(name, flow.start)]
        while ahead:
            node = ahead.pop()
            step = _step(self.flows, node)
            if node in seen or step is None or step.waits or node[0] != name:
                continue
            seen.add(node)
            if step.call in self.flows and step.call not in self.passable:
                continue
            onward = [goto for goto, _ in targets(step)]
            if "back" in onward:
                return True
            ahead += [(name, goto) for goto in onward]
        return False


def _node(flow: str, goto: str) -> Node:
    return ("", goto) if goto in PLACES else (flow, goto)


def _step(flows: Mapping[str, Flow], node: Node) -> Step | None:
    flow = flows.get(node[0])
    return flow.steps.get(node[1]) if flow else None
