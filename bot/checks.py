"""`peersupport check`: everything that is wrong with what authors write, each with file and line.

`load_content` finds mistakes of form. Here is the rest: whether flows lead somewhere, whether texts fit into a
message, whether phrases find what they should and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.cards import card_problems
from bot.content import PHRASES, REPLIES, SERVICES, TEXTS, Parts, read_parts
from bot.fill import MAX_TITLE, units, wording_problems
from bot.flow.fold import fold
from bot.flow.graph import Silent, places_from, reachable, targets
from bot.flow.model import BUILT_IN, MAX_CHOICES, MENU, PLACES, WELCOME, Flow, FlowChoice, Step
from bot.flow.run import MAX_STEPS
from bot.replies import reply_problems
from bot.risk_check import risk_problems
from bot.services import Services
from bot.settings import Words
from bot.texts import REQUIRED, length_problems, text_problems
from bot.yaml_text import Located, Path, Problem, near

_FLOW_FIELDS = frozenset({"hours", "next_open"})

# The words that always work, and what a choice of that name must do to be allowed one.
ALWAYS: Mapping[str, str] = {
    "help": "",
    "hjelp": "",
    "stop": "",
    "stopp": "",
    "pause": "",
    "delete": "erase",
    "slett": "erase",
    "menu": "menu",
    "meny": "menu",
    "human": "people",
    "menneske": "people",
    "prate": "people",
    "norsk": "nb",
    "english": "en",
}


def check(files: Mapping[str, str]) -> list[Problem]:
    """Every mistake in these files, sorted by file and line. Empty: they may go live."""
    parts = read_parts(files)
    found = list(parts.problems)
    numbers = Services(parts.services).numbers if parts.services else None
    if parts.words is not None and numbers is not None:
        found += text_problems(parts.located[TEXTS], parts.words, numbers)
    if parts.services is not None:
        found += _service_problems(parts.located[SERVICES], parts)
    if parts.replies is not None and numbers is not None:
        found += reply_problems(parts.located[REPLIES], parts.replies, numbers)
    if parts.words is not None and parts.services is not None:
        found += card_problems(parts.located[TEXTS], parts.words, parts.services)
    if parts.risk is not None:
        risk = risk_problems(parts.located[PHRASES], parts.risk)
        extra = parts.settings.danger.extra_phrases if parts.settings else None
        if parts.extra is not None and extra is not None and not risk:
            risk = risk_problems(parts.located[extra], parts.extra, parts.risk)
        if risk:  # with their own lines, instead of the one that only says that something is wrong
            found = [each for each in found if each.file != PHRASES or each.line != 1]
        found += risk
    found += _flow_problems(parts, numbers)
    return sorted(set(found))


def _service_problems(located: Located, parts: Parts) -> Iterator[Problem]:
    for number, service in enumerate(parts.services.services if parts.services else ()):
        if service.id in REQUIRED or service.id in _FLOW_FIELDS:
            yield located.problem(f"{service.id!r} cannot be a service's id", "services", number, "id")
        line = Services(parts.services).line(service.id, "nb") if parts.services else ""
        if units(line) > 300:
            yield located.problem(
                f"{service.id!r}: the line is longer than 300 characters", "services", number
            )


def _flow_problems(parts: Parts, numbers: Mapping[str, str] | None) -> Iterator[Problem]:
    for name in (WELCOME, MENU):
        if name not in parts.flows and name not in parts.unread:
            yield Problem(f"flows/{name}.yaml", 1, f"there is no flow named {name!r}")
    values = _saved_values(parts.flows)
    for name, flow in parts.flows.items():
        yield from _FlowCheck(parts, flow, parts.located[parts.flow_files[name]], numbers, values).all()
    called = {step.call for flow in parts.flows.values() for step in flow.steps.values()}
    sections = (
        {str(path[0]) for path in parts.located[TEXTS].lines if path} if TEXTS in parts.located else set()
    )
    for name in parts.flows:
        if name not in called | sections | {WELCOME, MENU} and not parts.unread:
            located = parts.located[parts.flow_files[name]]
            yield located.problem(f"no step calls the flow {name!r}", "flow")
    yield from _silent_problems(parts)


def _silent_problems(parts: Parts) -> Iterator[Problem]:
    silent = Silent(parts.flows)
    for name, steps in silent.circles().items():
        located = parts.located[parts.flow_files[name]]
        ordered = [each for each in parts.flows[name].steps if each in steps]
        said = f"step {ordered[0]!r} goes round in a circle that never waits: {', '.join(ordered)}"
        yield located.problem(said, "steps", ordered[0])
    lengths, _ = silent.measured()
    for name, flow in parts.flows.items():
        located = parts.located[parts.flow_files[name]]
        length = lengths.get((name, flow.start), 0)
        if length > MAX_STEPS:
            said = f"{length} steps may follow without waiting for an answer; {MAX_STEPS} is the most"
            yield located.problem(said, "start")


def _saved_values(flows: Mapping[str, Flow]) -> dict[str, set[str] | None]:
    """Every saved name with the values it may have; None: free text."""
    found: dict[str, set[str] | None] = {name: set(values) for name, values in BUILT_IN.items()}
    for step in (step for flow in flows.values() for step in flow.steps.values()):
        kept = [(step.save, choice.id) for choice in step.choices if step.save]
        kept += [
            (name, value)
            for each in (step.set, *(c.set for c in step.choices))
            for name, value in each.items()
        ]
        for name, value in kept:
            known = found.setdefault(name, set())
            if known is not None:
                known.add(value)
        if step.write:
            found[step.write] = None
    return found


class _FlowCheck:
    """One flow's checks."""

    def __init__(
        self,
        parts: Parts,
        flow: Flow,
        located: Located,
        numbers: Mapping[str, str] | None,
        values: Mapping[str, set[str] | None],
    ) -> None:
        self.parts = parts
        self.flow = flow
        self.located = located
        self.numbers = numbers
        self.values = values

    def all(self) -> Iterator[Problem]:
        flow = self.flow
        if flow.start not in flow.steps:
            said = f"start names the unknown step {flow.start!r}{near(flow.start, flow.steps)}"
            yield self.located.problem(said, "start")
        seen = reachable(flow)
        for name, step in flow.steps.items():
            if name in PLACES:
                yield self.problem(f"{name!r} is a built-in place; name the step otherwise", name)
            if name not in seen and flow.start in flow.steps:
                yield self.problem(f"no step leads to {name!r}", name)
            yield from self.leads(name, step)
            yield from self.wording(name, step)
            yield from self.choices(name, step)
            yield from self.keeps(name, step)
            yield from self.conditions(name, step)

    def problem(self, text: str, step: str, *path: str | int) -> Problem:
        return self.located.problem(text, "steps", step, *path)

    def leads(self, name: str, step: Step) -> Iterator[Problem]:
        known = [*self.flow.steps, *PLACES]
        for goto, path in targets(step):
            if goto not in known:
                yield self.problem(
                    f"step {name!r} jumps to unknown step {goto!r}{near(goto, known)}", name, *path
                )
        if step.call and step.call not in self.parts.flows and step.call not in self.parts.unread:
            hint = near(step.call, self.parts.flows)
            yield self.problem(f"step {name!r} calls unknown flow {step.call!r}{hint}", name, "call")
        if step.goto:
            return
        if step.choices:
            for number, choice in enumerate(step.choices):
                if not choice.goto:
                    said = f"choice {choice.id!r} has no goto, and neither has its step {name!r}"
                    yield self.problem(said, name, "choices", number)
        else:
            yield self.problem(f"step {name!r} leads nowhere; give it a goto", name)

    def wording(self, name: str, step: Step) -> Iterator[Problem]:
        lines: dict[str, int] = {"nb": 0, "en": 0}
        for number, id in enumerate(step.services):
            if self.numbers is None:
                continue
            if id not in self.numbers or self.parts.services is None:
                yield self.problem(
                    f"unknown service {id!r}{near(id, self.numbers)}", name, "services", number
                )
                continue
            for language in lines:
                lines[language] += units(Services(self.parts.services).line(id, language)) + 1
        if self.numbers is None:
            return
        said: list[tuple[Words | None, Path, int]] = [
            (step.say, ("say",), sum(lines.values())),
            (step.otherwise.say, ("otherwise", "say"), 0),
        ]
        for words, path, extra in said:
            if words is None:
                continue
            for text in wording_problems(words, _FLOW_FIELDS, self.numbers):
                yield self.problem(text, name, *path)
            for text in length_problems(words, self.numbers, extra):
                yield self.problem(text, name, *path)

    def choices(self, name: str, step: Step) -> Iterator[Problem]:
        if len(step.choices) > MAX_CHOICES:
            said = f"step {name!r} has {len(step.choices)} choices; {MAX_CHOICES} is the most"
            yield self.problem(said, name, "choices")
        taken: dict[str, int] = {}
        for number, choice in enumerate(step.choices):
            where: Path = ("choices", number)
            for language, title in (("nb", choice.nb), ("en", choice.en)):
                if units(title) > MAX_TITLE:
                    said = f"{title!r} has {units(title)} characters; a button takes {MAX_TITLE}"
                    yield self.problem(said, name, *where, language)
                if not title.strip():
                    yield self.problem(
                        f"choice {choice.id!r} has an empty {language}", name, *where, language
                    )
                elif "{" in title:
                    yield self.problem("a button's title takes no placeholders", name, *where, language)
            for meaning in (choice.nb, choice.en, choice.id):
                first = step.choices[taken.setdefault(fold(meaning), number)]
                if first is not choice:
                    said = f"choices {first.id!r} and {choice.id!r} are both called {meaning!r} when typed"
                    yield self.problem(said, name, *where)
                    break
            yield from self.always(name, step, choice, number)

    def always(self, name: str, step: Step, choice: FlowChoice, number: int) -> Iterator[Problem]:
        """A word that always works may only stand on a button that does the same."""
        for title in (choice.nb, choice.en, choice.id):
            word = fold(title)
            meaning = next((does for each, does in ALWAYS.items() if fold(each) == word), None)
            if meaning is None:
                continue
            if meaning in BUILT_IN["language"]:
                same = step.save == "language" and choice.id == meaning
                same = same or choice.set.get("language") == meaning
            else:
                goto = choice.goto or step.goto or ""
                same = bool(meaning) and meaning in places_from(self.parts.flows, self.flow.flow, goto)
            if not same:
                said = f"{title!r} is a word that always works and does something else; call the choice otherwise"
                yield self.problem(said, name, "choices", number)
                return

    def keeps(self, name: str, step: Step) -> Iterator[Problem]:
        kept: list[tuple[str, str, Path]] = []
        if step.save:
            kept += [(step.save, c.id, ("choices", n, "id")) for n, c in enumerate(step.choices)]
        kept += [(key, value, ("set", key)) for key, value in step.set.items()]
        for number, choice in enumerate(step.choices):
            kept += [(key, value, ("choices", number, "set", key)) for key, value in choice.set.items()]
        for key, value, path in kept:
            allowed = BUILT_IN.get(key)
            if allowed and value not in allowed:
                said = f"{key!r} takes {', '.join(allowed)}, not {value!r}{near(value, allowed)}"
                yield self.problem(said, name, *path)
        if step.write in BUILT_IN:
            yield self.problem(
                f"{step.write!r} takes {', '.join(BUILT_IN[step.write])}, no free text", name, "write"
            )
        if "open" in {step.save, step.write, *step.set}:
            yield self.problem("'open' cannot be saved; it says whether we are open", name)

    def conditions(self, name: str, step: Step) -> Iterator[Problem]:
        if self.parts.unread:  # what they save is not known
            return
        for number, branch in enumerate(step.when):
            for key, wanted in branch.if_.items():
                where: Path = ("when", number, "if", key)
                if key != "open" and key not in self.values:
                    yield self.problem(
                        f"nothing is saved as {key!r}{near(key, [*self.values, 'open'])}", name, *where
                    )
                    continue
                allowed = {"true", "false"} if key == "open" else self.values[key]
                for value in wanted if allowed is not None else ():
                    if value not in (allowed or ()):
                        said = f"{key!r} is never {value!r}{near(value, allowed or ())}"
                        yield self.problem(said, name, *where)
