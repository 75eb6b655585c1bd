"""Runs flows: a place in a flow and an answer go in, what to say and the next place come out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.conversation import FlowState, Frame
from bot.fill import Field, in_languages
from bot.flow import edges
from bot.flow.fold import chosen, fold, typed_words
from bot.flow.model import MENU, PLACES, DangerMark, FlowChoice, Step
from bot.messages import Choice
from bot.settings import Words

if TYPE_CHECKING:
    from bot.content import Content

MAX_STEPS = 50  # in one go, without the contact saying anything
MAX_RETURNS = 20  # flows that called each other
SKIP = "skip"
_SKIP_WORDS = frozenset({"skip", "hopp over"})

Place = Literal["people", "menu", "end", "erase"]
_PLACES: Mapping[str, Place] = {"menu": "menu", "end": "end", "erase": "erase"}
_UNKNOWN: Mapping[str, Field] = {"hours": "", "next_open": ""}  # rather a gap in a text than no text


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a flow may ask about, and the words it may fill in."""

    language: str | None
    open_now: bool
    answers: Mapping[str, str] = field(default_factory=dict)  # what earlier steps saved
    safe: bool | None = None  # is it safe to get messages here
    fields: Mapping[str, Field] = field(default_factory=dict)  # hours, next_open ...
    wordless: bool = False  # each message is an empty one: whoever only asks where ways lead needs no words

    def after(self, saves: Mapping[str, str]) -> Facts:
        """The facts once these answers are kept."""
        language = saves["language"] if saves.get("language") in ("nb", "en") else self.language
        safe = saves["safe"] == "yes" if "safe" in saves else self.safe  # "not sure" counts as no
        return replace(self, language=language, safe=safe, answers={**self.answers, **saves})


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One message."""

    text: str
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where it led. `state` is set exactly when the flow waits for an answer; else `goes` names a place.

    Neither: an old button that fits nowhere, and the caller shows the menu.
    """

    state: FlowState | None = None
    says: tuple[Say, ...] = ()
    saves: dict[str, str] = field(default_factory=dict)
    goes: Place | None = None
    danger: tuple[str, DangerMark] | None = None  # `flow.step` that means it; then nothing is said
    after_minutes: int | None = None  # silence that long is answered by `silence`
    understood: bool = True
    passed: tuple[tuple[str, str], ...] = ()  # flow and step of every step taken, in order
    ways: tuple[edges.Edge, ...] = ()  # every step and way taken, for those who count


def start(content: Content, flow_name: str, facts: Facts, now: datetime) -> Outcome:
    """Begin a flow. An unknown one goes to the menu, an unknown menu to people."""
    flow = content.flows.get(flow_name)
    if flow is None:
        return Outcome(goes="people" if flow_name == MENU else "menu")
    outcome = _Sprint(content, facts, now, flow_name).enter(flow.start)
    if flow_name == MENU and outcome.goes == "menu":
        return replace(outcome, goes="people")  # a menu that only leads to itself
    return outcome


def enter(
    content: Content, flow_name: str, step: str, returns: tuple[Frame, ...], facts: Facts, now: datetime
) -> Outcome:
    """Go on at this step, whatever was asked before: the conversation has been moved there."""
    return _Sprint(content, facts, now, flow_name, returns).enter(step)


def answer(
    content: Content,
    state: FlowState | None,
    text: str | None,
    payload: str | None,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The contact wrote, or tapped a button of a flow (`payload`), be it one shown long ago.

    `text` and `payload` None: something that is not words. An answer that is not understood counts as a try.
    """
    if payload is not None:
        return _tapped(content, state, payload, facts, now)
    step = _step(content, state)
    if state is None or step is None or not step.waits:
        return Outcome(goes="menu")  # the flow has been edited since
    sprint = _Sprint(content, facts, now, state.at.flow, state.returns)
    words = (text or "").strip()
    if step.write is not None:
        if step.optional and fold(words) in _skip_words(content):
            sprint.took(state.at.step, edges.SKIP)
            return sprint.onward(state.at.step, step)
        if not words:
            return sprint.not_understood(state, step)
        sprint.save({step.write: words})
        return sprint.onward(state.at.step, step)
    choice = chosen(words, step.choices)
    return sprint.choose(state.at.step, step, choice) if choice else sprint.not_understood(state, step)


def silence(content: Content, state: FlowState, facts: Facts, now: datetime) -> Outcome:
    """No answer came for as long as the step's `after` says. Without one nothing changes."""
    step = _step(content, state)
    if step is None:
        return Outcome(goes="menu")
    if step.after is None:
        return Outcome(state=state)
    sprint = _Sprint(content, facts, now, state.at.flow, state.returns)
    sprint.took(state.at.step, edges.SILENCE)
    return sprint.go(step.after.goto)


def ask_again(content: Content, state: FlowState, facts: Facts, now: datetime) -> Outcome:
    """Repeat the question that waits, such as after a change of language. Tries are kept."""
    step = _step(content, state)
    if step is None or not step.waits:
        return Outcome(goes="menu")
    sprint = _Sprint(content, facts, now, state.at.flow, state.returns)
    return sprint.wait(state.at.step, step, tries=state.tries)


def picks(content: Content, state: FlowState, text: str) -> bool:
    """Whether these words mean one of the choices of the step that waits."""
    step = _step(content, state)
    return step is not None and chosen(text, step.choices) is not None


def knows(content: Content, payload: str) -> bool:
    """Whether the step and the choice of this button are still there."""
    _, flow_name, step_name, choice_id = (*payload.split(":"), "", "", "", "")[:4]
    flow = content.flows.get(flow_name)
    step = flow.steps.get(step_name) if flow else None
    return step is not None and (step.choice(choice_id) is not None or (step.optional and choice_id == SKIP))


def titles(content: Content, payload: str) -> tuple[str, ...]:
    """What this button says, in both languages; nothing if it is gone."""
    choice = _choice(content, payload)
    return (choice.nb, choice.en) if choice else ()


def marked(content: Content, payload: str) -> tuple[str, DangerMark] | None:
    """`flow.step.choice` and the mark of this button, if it means danger."""
    choice = _choice(content, payload)
    where = ".".join(payload.split(":")[1:4])
    return (where, choice.danger) if choice and choice.danger else None


def _choice(content: Content, payload: str) -> FlowChoice | None:
    kind, flow_name, step_name, choice_id = (*payload.split(":"), "", "", "", "")[:4]
    flow = content.flows.get(flow_name) if kind == "f" else None
    step = flow.steps.get(step_name) if flow else None
    return step.choice(choice_id) if step else None


def marked_in_words(content: Content, state: FlowState | None, text: str) -> list[tuple[str, DangerMark]]:
    """The same for a title written out: of the step that waits, or else of any step."""
    step = _step(content, state)
    choice = chosen(text, step.choices) if step else None
    if state and choice:
        return [(f"{state.at.flow}.{state.at.step}.{choice.id}", choice.danger)] if choice.danger else []
    typed = typed_words(text)
    return [(where, mark) for where, mark, shown in content.danger_choices if typed in shown]


def payload_of(flow: str, step: str, choice: str) -> str:
    """What a button of a flow carries."""
    return f"f:{flow}:{step}:{choice}"


def _tapped(content: Content, state: FlowState | None, payload: str, facts: Facts, now: datetime) -> Outcome:
    """A button of the step that waits, or an older one: then the conversation jumps back there."""
    kind, _, rest = payload.partition(":")
    flow_name, step_name, choice_id = (*rest.split(":"), "", "", "")[:3]
    flow = content.flows.get(flow_name) if kind == "f" else None
    step = flow.steps.get(step_name) if flow else None
    choice = step.choice(choice_id) if step else None
    skips = step is not None and step.optional and choice_id == SKIP
    if step is None or (choice is None and not skips):
        return Outcome(state=state if _step(content, state) else None, understood=False)
    sprint = _Sprint(content, facts, now, flow_name, _returns_at(state, flow_name))
    if choice:
        return sprint.choose(step_name, step, choice)
    sprint.took(step_name, edges.SKIP)
    return sprint.onward(step_name, step)


def _returns_at(state: FlowState | None, flow_name: str) -> tuple[Frame, ...]:
    """The callers of `flow_name`, if it is the running flow or one of those that called it."""
    if state is None:
        return ()
    if state.at.flow == flow_name:
        return state.returns
    for depth in range(len(state.returns) - 1, -1, -1):
        if state.returns[depth].flow == flow_name:
            return state.returns[:depth]
    return ()


def _step(content: Content, state: FlowState | None) -> Step | None:
    flow = content.flows.get(state.at.flow) if state else None
    return flow.steps.get(state.at.step) if flow and state else None


def _skip_words(content: Content) -> set[str]:
    titles = (fold(content.texts.title("skip_button", each)) for each in ("nb", "en"))
    return {*_SKIP_WORDS, *titles}


class _Sprint:
    """Steps taken in one go, from one answer to the next question."""

    def __init__(
        self, content: Content, facts: Facts, now: datetime, flow: str, returns: tuple[Frame, ...] = ()
    ) -> None:
        self.content = content
        self.facts = facts
        self.now = now
        self.flow = flow
        self.returns = returns
        self.language = facts.language
        self.says: list[Say] = []
        self.saves: dict[str, str] = {}
        self.passed: list[tuple[str, str]] = []
        self.ways: list[edges.Edge] = []

    # Moving

    def took(self, step: str, way: str) -> None:
        """Note for those who count that this way was taken."""
        if not self.facts.wordless:
            self.ways.append(edges.Edge(self.flow, step, way))

    def go(self, target: str | None) -> Outcome:
        """On to a step of this flow or a built-in place. A missing target leads to people: no dead end."""
        while target == "back" and self.returns:
            frame, self.returns = self.returns[-1], self.returns[:-1]
            self.flow = frame.flow
            caller = self._step_named(frame.step)
            if caller is None:  # edited since
                return self.leave("menu")
            target = self._target(frame.step, caller)
        if target == "back":
            return self.leave("menu")
        if target is None:
            return self.leave("people")
        return self.leave(target) if target in PLACES else self.enter(target)

    def enter(self, name: str) -> Outcome:
        """Take steps from `name` on until one waits or the flow leaves."""
        while True:
            step = self._step_named(name)
            if step is None:
                return self.leave("menu")
            self.passed.append((self.flow, name))
            self.took(name, edges.STEP)
            if len(self.passed) > MAX_STEPS or len(self.returns) > MAX_RETURNS:
                return self.leave("people")
            self.save(step.set)
            if step.danger:
                self.took(name, edges.GOTO)
                return self.in_danger(name, step.danger)
            if step.waits:
                return self.wait(name, step)
            if step.say or step.services:
                self.say(step)
            called = self.content.flows.get(step.call) if step.call else None
            if called:
                self.took(name, edges.CALL)
                self.returns = (*self.returns, Frame(flow=self.flow, step=name))
                self.flow, name = called.flow, called.start
                continue
            target = self._target(name, step)
            if target is None or target in PLACES:
                return self.go(target)
            name = target

    def choose(self, name: str, step: Step, choice: FlowChoice) -> Outcome:
        """The contact picked this choice of step `name`."""
        self.took(name, edges.choice(choice.id))
        if step.save:
            self.save({step.save: choice.id})
        self.save(choice.set)
        if choice.danger:
            return self.in_danger(f"{name}.{choice.id}", choice.danger)
        return self.go(choice.goto) if choice.goto else self.onward(name, step)

    def onward(self, name: str, step: Step) -> Outcome:
        """From an answered step to wherever its `when` and `goto` lead."""
        return self.go(self._target(name, step))

    def not_understood(self, state: FlowState, step: Step) -> Outcome:
        """Say so and ask again, until the tries are used up."""
        if state.tries >= step.otherwise.tries:
            self.took(state.at.step, edges.OTHERWISE)
            return replace(self.go(step.otherwise.goto), understood=False)
        outcome = self.wait(state.at.step, step, tries=state.tries + 1, words=step.otherwise.say)
        return replace(outcome, understood=False)

    def wait(self, name: str, step: Step, *, tries: int = 0, words: Words | None = None) -> Outcome:
        """Ask and wait. `words` instead of the step's own, below them the same buttons."""
        self.say(step, name, words)
        state = FlowState(
            at=Frame(flow=self.flow, step=name), returns=self.returns, tries=tries, asked_at=self.now
        )
        minutes = step.after.minutes if step.after else None
        return self.outcome(state=state, after_minutes=minutes)

    def leave(self, place: str) -> Outcome:
        """Out of the flows."""
        return self.outcome(goes=_PLACES.get(place, "people"))

    def outcome(
        self, *, state: FlowState | None = None, goes: Place | None = None, after_minutes: int | None = None
    ) -> Outcome:
        """What all these steps came to."""
        return Outcome(
            state=state,
            says=tuple(self.says),
            saves=self.saves,
            goes=goes,
            after_minutes=after_minutes,
            passed=tuple(self.passed),
            ways=tuple(self.ways),
        )

    def in_danger(self, where: str, mark: DangerMark) -> Outcome:
        """To people at once; what the flow had to say is left out, the card is first."""
        return replace(self.leave("people"), says=(), danger=(f"{self.flow}.{where}", mark))

    # Saying and keeping

    def save(self, kept: Mapping[str, str]) -> None:
        """Keep answers; a language counts from the next word on."""
        self.saves.update(kept)
        if kept.get("language") in ("nb", "en"):
            self.language = kept["language"]

    def say(self, step: Step, name: str = "", words: Words | None = None) -> None:
        """Add the step's message, with its lines of services and its buttons."""
        words = words or step.say
        if self.facts.wordless:
            self.says.append(Say(text=""))
            return

        def in_one(language: str) -> str:
            lines = [self._filled(words.in_(language), language)] if words else []
            lines += [
                self.content.services.line(id, language)
                for id in step.services
                if id in self.content.services
            ]
            return "\n".join(lines)

        text = in_languages(self.language, in_one)
        if text.strip():
            self.says.append(Say(text=text, choices=self._buttons(name, step) if name else ()))

    def _buttons(self, name: str, step: Step) -> tuple[Choice, ...]:
        made, key = self.content.buttons, (self.flow, name, self.language)
        if key not in made:
            made[key] = self._new_buttons(name, step)
        return made[key]

    def _new_buttons(self, name: str, step: Step) -> tuple[Choice, ...]:
        if step.write is not None:
            title = self.content.texts.title("skip_button", self.language)
            return (Choice(title=title, payload=payload_of(self.flow, name, SKIP)),) if step.optional else ()
        return tuple(
            Choice(title=choice.title(self.language), payload=payload_of(self.flow, name, choice.id))
            for choice in step.choices
        )

    def _filled(self, text: str, language: str) -> str:
        return self.content.texts.fill(text, language, **{**_UNKNOWN, **self.facts.fields})

    # Where to

    def _step_named(self, name: str) -> Step | None:
        flow = self.content.flows.get(self.flow)
        return flow.steps.get(name) if flow else None

    def _target(self, name: str, step: Step) -> str | None:
        for number, branch in enumerate(step.when):
            if all(self._fact(fact) in values for fact, values in branch.if_.items()):
                self.took(name, edges.when(number))
                return branch.goto
        self.took(name, edges.GOTO)
        return step.goto

    def _fact(self, name: str) -> str | None:
        if name == "open":
            return "true" if self.facts.open_now else "false"
        if name == "language":
            return self.language
        if name in self.saves:
            return self.saves[name]
        if name == "safe" and self.facts.safe is not None:
            return "yes" if self.facts.safe else "no"
        return self.facts.answers.get(name)
