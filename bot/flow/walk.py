"""Walks every way through all flows at once, with the same moves that answer students.

A node is a question that waits, with everything that may decide what comes after it: the step, who called it, and
the saved answers that some condition ahead asks for. Answers that no condition can tell apart count as one; hours
are no part of a node, since they may change between two answers: each answer is given open and closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.conversation import FlowState
from bot.flow import run
from bot.flow.graph import targets
from bot.flow.model import MENU, WELCOME, Flow, FlowChoice, Step
from bot.flow.run import Facts, Outcome

if TYPE_CHECKING:
    from bot.content import Content

MAX_NODES = 25_000  # more are not walked, and `Walk.bounded` says so
ANYTHING = "..."  # written where free words are asked for; no condition names it
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # no way depends on the time
_Kept = tuple[tuple[str, str], ...]
_Key = tuple[str, str, tuple[object, ...], _Kept, str | None, bool | None]


@dataclass(frozen=True, slots=True)
class Way:
    """One answer to a question, and what it leads to: another question (`to`), or a place (`goes`)."""

    how: str  # tap, skip, words, nonsense, sticker, silence; nb, en: another language, asked for by its word
    choice: FlowChoice | None
    open_now: bool
    to: int | None  # index of the node
    goes: str  # people, end, erase; empty with `to`
    said: int  # messages
    last: tuple[str, str]  # flow and step that came last; the question itself when no other step was taken

    @property
    def is_willing(self) -> bool:
        """Whether somebody who reads and answers may go this way."""
        return self.how in ("tap", "skip", "words")


@dataclass(slots=True)
class Node:
    """A question that waits."""

    state: FlowState
    step: Step
    kept: _Kept
    language: str | None
    safe: bool | None
    came: tuple[int, Way] | None  # the shortest way here; None: the first question of all
    begins: str  # with what, when `came` is None
    ways: list[Way] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, str]:
        """Flow and step."""
        return self.state.at.flow, self.state.at.step


class Walk:
    """All questions that anybody may come to, shortest ways first. Pure: the same content, the same walk."""

    def __init__(self, content: Content, limit: int = MAX_NODES) -> None:
        self.content = content
        self.limit = limit
        self.nodes: list[Node] = []
        self.passed: set[tuple[str, str]] = set()
        self.starts: list[Way] = []  # what the first message of all, or a later one, leads to
        self.bounded = False
        self._hours_met = False  # some step on the ways from the node at hand asks whether we are open
        self._numbers: dict[_Key, int] = {}
        self._facts: dict[tuple[_Kept, str | None, bool | None, bool], Facts] = {}
        self._saved: dict[tuple[int, tuple[tuple[str, str], ...]], Facts] = {}
        self._asked = _Asked(content.flows)
        self._menus: set[tuple[_Kept, str | None, bool | None]] = set()
        for language in (None, "nb", "en"):
            self._begin(WELCOME, (), language, None)
        for language in (None, "nb", "en"):
            self._begin(MENU, (), language, None)
        done = 0
        while done < len(self.nodes):  # breadth first: the first way to a node is a shortest
            node = self.nodes[done]
            node.ways = list(self._ways(done, node))
            done += 1

    @property
    def answers(self) -> int:
        """How many answers were tried."""
        return sum(len(node.ways) for node in self.nodes)

    def path(self, number: int) -> tuple[list[tuple[Node, Way]], str]:
        """The shortest way to a node: question and answer, one after the other; and with what it begins."""
        found: list[tuple[Node, Way]] = []
        node = self.nodes[number]
        while node.came is not None:
            earlier, way = node.came
            node = self.nodes[earlier]
            found.append((node, way))
        return found[::-1], node.begins

    # Walking

    def _begin(self, flow: str, kept: _Kept, language: str | None, safe: bool | None) -> None:
        if flow not in self.content.flows:
            return
        for open_now in self._asked.hours(flow):
            outcome = run.start(self.content, flow, self._fact(kept, language, safe, open_now), _NEVER)
            facts = self._fact(kept, language, safe, open_now)
            way = self._way("start", None, outcome, facts, (flow, ""), came=None, begins=flow)
            self.starts.append(way)

    def _ways(self, number: int, node: Node) -> Iterator[Way]:
        """Every kind of answer to a question, open and closed."""
        frames = (node.state.at, *node.state.returns)
        self._hours_met = any((each.flow, each.step) in self._asked.of_hours for each in frames)
        for open_now in self._asked.hours(node.state.at.flow):
            if not (open_now or self._hours_met):
                break  # no step on any way from here asks for the hours
            facts = self._fact(node.kept, node.language, node.safe, open_now)
            for how, choice, outcome in self._outcomes(node, facts):
                yield self._way(how, choice, outcome, facts, node.place, came=number, begins="")
        if self._asked.matters(node.state.at.flow, "language"):  # NORSK and ENGLISH work at every question
            for language in ("nb", "en"):
                if language != node.language:
                    facts = self._fact(node.kept, language, node.safe, True)
                    outcome = run.ask_again(self.content, node.state, facts, _NEVER)
                    yield self._way(language, None, outcome, facts, node.place, came=number, begins="")

    def _outcomes(self, node: Node, facts: Facts) -> Iterator[tuple[str, FlowChoice | None, Outcome]]:
        content, state, step = self.content, node.state, node.step
        flow, name = node.place
        tired = FlowState(at=state.at, returns=state.returns, tries=step.otherwise.tries, asked_at=_NEVER)
        for choice in step.choices:
            payload = run.payload_of(flow, name, choice.id)
            yield "tap", choice, run.answer(content, state, None, payload, facts, _NEVER)
        if step.write is not None:
            if step.optional:
                payload = run.payload_of(flow, name, run.SKIP)
                yield "skip", None, run.answer(content, state, None, payload, facts, _NEVER)
            for words in (*self._asked.values(step.write), ANYTHING):
                yield "words", None, run.answer(content, state, words, None, facts, _NEVER)
            yield "sticker", None, run.answer(content, tired, None, None, facts, _NEVER)
        else:  # words that are none of the choices, and what is no words at all, count the same
            yield "nonsense", None, run.answer(content, tired, None, None, facts, _NEVER)
        if step.after:
            yield "silence", None, run.silence(content, state, facts, _NEVER)

    def _way(
        self,
        how: str,
        choice: FlowChoice | None,
        outcome: Outcome,
        facts: Facts,
        place: tuple[str, str],
        *,
        came: int | None,
        begins: str,
    ) -> Way:
        said, last = len(outcome.says), place
        facts = self._after(facts, outcome.saves)
        self._note(outcome)
        if outcome.passed:
            last = outcome.passed[-1]
        if outcome.goes == "menu":
            outcome = run.start(self.content, MENU, facts, _NEVER)
            said += len(outcome.says)
            facts = self._after(facts, outcome.saves)
            self._note(outcome)
            last = outcome.passed[-1] if outcome.passed and outcome.state else last
        if outcome.danger is not None:
            return Way(how, choice, facts.open_now, None, "people", 1, last)
        if outcome.state is None:
            self._comes_back(facts)
            return Way(how, choice, facts.open_now, None, outcome.goes or "people", said, last)
        to, is_new = self._node(outcome.state, facts)
        way = Way(how, choice, facts.open_now, to, "", said, last)
        if is_new and to is not None:
            node = self.nodes[to]
            node.came, node.begins = (came, way) if came is not None else None, begins
        return way

    def _note(self, outcome: Outcome) -> None:
        self.passed.update(outcome.passed)
        if not self._asked.of_hours.isdisjoint(outcome.passed):
            self._hours_met = True

    def _comes_back(self, facts: Facts) -> None:
        """It is over; whoever writes again finds the menu, and what was saved."""
        kept = self._asked.kept(MENU, facts.answers)
        language = facts.language if self._asked.matters(MENU, "language") else None
        safe = facts.safe if self._asked.matters(MENU, "safe") else None
        known = (kept, language, safe)
        if known not in self._menus and not self.bounded:
            self._menus.add(known)
            self._begin(MENU, *known)

    def _node(self, state: FlowState, facts: Facts) -> tuple[int | None, bool]:
        flow = state.at.flow
        kept = self._asked.kept(flow, facts.answers)
        language = facts.language if self._asked.matters(flow, "language") else None
        safe = facts.safe if self._asked.matters(flow, "safe") else None
        callers = tuple((frame.flow, frame.step) for frame in state.returns)
        key = (flow, state.at.step, callers, kept, language, safe)
        number = self._numbers.get(key)
        if number is not None:
            return number, False
        if len(self.nodes) >= self.limit:
            self.bounded = True
            return None, False
        step = self.content.flows[flow].steps[state.at.step]
        self._numbers[key] = len(self.nodes)
        self.nodes.append(Node(state, step, kept, language, safe, None, ""))
        return len(self.nodes) - 1, True

    def _after(self, facts: Facts, saves: Mapping[str, str]) -> Facts:
        """The facts once `saves` are kept."""
        if not saves:
            return facts
        key = (id(facts), tuple(saves.items()))  # all facts are kept here, so no id comes twice
        if key not in self._saved:
            self._saved[key] = facts.after(saves)
        return self._saved[key]

    def _fact(self, kept: _Kept, language: str | None, safe: bool | None, open_now: bool) -> Facts:
        key = (kept, language, safe, open_now)
        if key not in self._facts:
            self._facts[key] = Facts(
                language=language, open_now=open_now, answers=dict(kept), safe=safe, wordless=True
            )
        return self._facts[key]


class _Asked:
    """What conditions ask for, and from where in the flows they can still be met."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self._classes = _classes(flows)
        self._names = _names_ahead(flows)
        self.of_hours = {
            (flow.flow, name)
            for flow in flows.values()
            for name, step in flow.steps.items()
            if any("open" in branch.if_ for branch in step.when)
        }

    def matters(self, flow: str, name: str) -> bool:
        """Whether a condition that may come after a question of this flow asks for `name`."""
        return name in self._names.get(flow, ())

    def hours(self, flow: str) -> tuple[bool, ...]:
        """Open and closed, where that makes a difference."""
        return (True, False) if self.matters(flow, "open") else (True,)

    def values(self, name: str) -> Iterator[str]:
        """One value of each kind that conditions can tell apart, save for those they never name."""
        return iter(sorted(set(self._classes.get(name, {}).values())))

    def kept(self, flow: str, answers: Mapping[str, str]) -> _Kept:
        """The answers that matter, each as the first of its kind; those that no condition names are left out."""
        names = self._names.get(flow)
        if not names or not answers:
            return ()
        found = []
        for name in answers:
            if name in names and name not in ("language", "safe", "open"):
                kind = self._classes[name].get(answers[name])
                if kind is not None:
                    found.append((name, kind))
        return tuple(sorted(found)) if len(found) > 1 else tuple(found)


def _classes(flows: Mapping[str, Flow]) -> dict[str, dict[str, str]]:
    """For each name that conditions ask for: each value they name to the first that meets the same conditions."""
    met: dict[str, dict[str, set[int]]] = {}
    number = 0
    for flow in flows.values():
        for step in flow.steps.values():
            for branch in step.when:
                for name, wanted in branch.if_.items():
                    number += 1
                    for value in wanted:
                        met.setdefault(name, {}).setdefault(value, set()).add(number)
    classes: dict[str, dict[str, str]] = {}
    for name, values in met.items():
        first: dict[frozenset[int], str] = {}
        classes[name] = {
            value: first.setdefault(frozenset(conditions), value) for value, conditions in values.items()
        }
    return classes


def _names_ahead(flows: Mapping[str, Flow]) -> dict[str, frozenset[str]]:
    """For each flow the names that conditions ask for there, in flows it calls, in its callers, in the menu."""
    asks: dict[str, set[str]] = {}
    leads: dict[str, set[str]] = {}
    for name, flow in flows.items():
        asks[name] = {key for step in flow.steps.values() for branch in step.when for key in branch.if_}
        leads.setdefault(name, set()).add(MENU)
        for step in flow.steps.values():
            if step.call in flows:
                leads[name].add(step.call or "")
                if any(
                    goto == "back"
                    for each in flows[step.call or ""].steps.values()
                    for goto, _ in targets(each)
                ):
                    leads.setdefault(step.call or "", set()).add(name)
    found: dict[str, frozenset[str]] = {}
    for name in flows:
        seen, ahead = set(), [name]
        while ahead:
            each = ahead.pop()
            if each not in seen:
                seen.add(each)
                ahead += leads.get(each, ())
        found[name] = frozenset().union(*(asks.get(each, ()) for each in seen))
    return found
