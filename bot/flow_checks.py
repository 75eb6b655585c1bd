"""What can be seen of a flow without walking it: names, ways, texts, buttons, saved answers, conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from bot import commands
from bot.content import Parts
from bot.fill import MAX_TITLE, units, wording_problems
from bot.flow.fold import fold, names
from bot.flow.graph import places_from, reachable, targets
from bot.flow.model import BUILT_IN, MAX_CHOICES, PLACES, WELCOME, Flow, FlowChoice, Step
from bot.language import guess
from bot.reading_level import ENOUGH_WORDS, HARD, counted, lix
from bot.services import Services
from bot.settings import Words
from bot.texts import length_problems
from bot.yaml_text import Located, Path, Problem, near

_EMERGENCY = frozenset({"110", "112", "113"})
FLOW_FIELDS = frozenset({"hours", "next_open"})
# What a choice must do to bear the name of a word that always works; nothing does what the others do.
_DOES: Mapping[str, str] = {"erase": "erase", "menu": "menu", "people": "people", "nb": "nb", "en": "en"}
# Every word that always works, as typed answers are read, to what it does. "1. Prate" is no such word.
_ALWAYS: Mapping[str, str] = {
    fold(word): name for name, words in commands.WORDS.items() for word in sorted(words)
}


class FlowCheck:
    """One flow's checks."""

    def __init__(
        self,
        parts: Parts,
        flow: Flow,
        located: Located,
        lines: Mapping[str, Mapping[str, int]] | None,
        values: Mapping[str, set[str] | None],
        *,
        marks_danger: bool,
    ) -> None:
        """`lines`: how long each service's line is, by id and language; None: services.yaml cannot be read.
        `marks_danger`: some flow has a button for those in danger.
        """
        self.parts = parts
        self.flow = flow
        self.located = located
        self.lines = lines
        self.numbers = Services(parts.services).numbers if parts.services else None
        self.values = values
        self.marks_danger = marks_danger
        self.words_read = {"nb": [0, 0, 0], "en": [0, 0, 0]}

    def all(self) -> Iterator[Problem]:
        flow = self.flow
        if flow.start not in flow.steps:
            said = f"start names the unknown step {flow.start!r}{near(flow.start, flow.steps)}"
            yield self.located.problem(said, "start", kind="start")
        first = flow.steps.get(flow.start)
        if flow.flow == WELCOME and first is not None and (first.say is None or first.waits):
            said = f"step {flow.start!r} says no notice; what {WELCOME} says first counts as the notice"
            yield self.problem("notice", said, flow.start)
        seen = reachable(flow)
        for name, step in flow.steps.items():
            if name in PLACES:
                said = f"{name!r} is a built-in place; name the step otherwise"
                yield self.problem("reserved", said, name)
            if name not in seen and flow.start in flow.steps:
                yield self.problem("unreached", f"no step leads to {name!r}", name)
            yield from self.leads(name, step)
            if not (
                step.say or step.services or step.waits or step.call or step.when or step.set or step.danger
            ):
                yield self.problem("does_nothing", f"step {name!r} does nothing but go on", name)
            yield from self.wording(name, step)
            yield from self.languages(name, step)
            if step.choices:
                yield from self.choices(name, step)
            yield from self.keeps(name, step)
            yield from self.conditions(name, step)

    def problem(self, kind: str, text: str, step: str, *path: str | int) -> Problem:
        line = self.located.line("steps", step, *path)
        return Problem(self.located.file, line, text, kind, step)

    def leads(self, name: str, step: Step) -> Iterator[Problem]:
        for goto, path in targets(step):
            if goto not in self.flow.steps and goto not in PLACES:
                hint = near(goto, [*self.flow.steps, *PLACES])
                said = f"step {name!r} jumps to unknown step {goto!r}{hint}"
                yield self.problem("jump", said, name, *path)
        if step.call and step.call not in self.parts.flows and step.call not in self.parts.unread:
            hint = near(step.call, self.parts.flows)
            said = f"step {name!r} calls unknown flow {step.call!r}{hint}"
            yield self.problem("call", said, name, "call")
        if step.goto:
            return
        if step.choices:
            for number, choice in enumerate(step.choices):
                if not choice.goto:
                    said = f"choice {choice.id!r} has no goto, and neither has its step {name!r}"
                    yield self.problem("nowhere", said, name, "choices", number)
        else:
            yield self.problem("nowhere", f"step {name!r} leads nowhere; give it a goto", name)

    # Texts

    def wording(self, name: str, step: Step) -> Iterator[Problem]:
        below = {"nb": 0, "en": 0}
        for number, id in enumerate(step.services):
            if self.lines is None:
                continue
            if id not in self.lines:
                said = f"unknown service {id!r}{near(id, self.lines)}"
                yield self.problem("service", said, name, "services", number)
                continue
            for language in below:
                below[language] += self.lines[id][language] + 1
        if step.services and step.say is None:
            said = f"step {name!r} lists services without a word about them"
            yield self.problem("numbers_alone", said, name, "services")
        if self.numbers is None:
            return
        yield from self.urgent(name, step, self.numbers)
        said_here: list[tuple[Words | None, Path, int]] = [
            (step.say, ("say",), sum(below.values())),
            (step.otherwise.say, ("otherwise", "say"), 0),
        ]
        for words, path, extra in said_here:
            if words is None:
                continue
            for text in wording_problems(words, FLOW_FIELDS, self.numbers):
                yield self.problem("wording", text, name, *path)
            for text in length_problems(words, self.numbers, extra):
                yield self.problem("too_long", text, name, *path)
            yield from self.reading(name, words, path)

    def urgent(self, name: str, step: Step, numbers: Mapping[str, str]) -> Iterator[Problem]:
        """Who is asked something below 110, 112 or 113 can also tap that there is danger."""
        if not (
            self.marks_danger and step.choices and any(numbers.get(i) in _EMERGENCY for i in step.services)
        ):
            return
        ahead = [self.flow.steps.get(choice.goto or step.goto or "") for choice in step.choices]
        if not (any(c.danger for c in step.choices) or any(each.danger for each in ahead if each)):
            said = f"step {name!r} lists an emergency number and has no button for those in danger"
            yield self.problem("urgent", said, name, "choices")

    def reading(self, name: str, words: Words, path: Path) -> Iterator[Problem]:
        for language, text in (("nb", words.nb), ("en", words.en)):
            count = counted(text)
            self.words_read[language] = [a + b for a, b in zip(self.words_read[language], count, strict=True)]
            if count[0] >= ENOUGH_WORDS and lix(*count) > HARD:
                said = f"the {language} text is hard to read: LIX {lix(*count)}"
                yield self.problem("reading", said, name, *path, language)

    def languages(self, name: str, step: Step) -> Iterator[Problem]:
        """Each text seems to be in its language. Buttons are too short to tell one by one."""
        said: list[tuple[str, str, Path]] = [
            (words.nb, words.en, path)
            for words, path in ((step.say, ("say",)), (step.otherwise.say, ("otherwise", "say")))
            if words is not None
        ]
        if step.choices:
            nb, en = " ".join(c.nb for c in step.choices), " ".join(c.en for c in step.choices)
            said.append((nb, en, ("choices",)))
        for nb, en, path in said:
            if nb == en and len(nb.split()) > 2:
                yield self.problem("untranslated", "nb and en are the same", name, *path)
            elif _seems(nb) == "en" or _seems(en) == "nb":
                language = "nb" if _seems(nb) == "en" else "en"
                other = "English" if language == "nb" else "Norwegian"
                said_of = f"{language} seems to be {other}"
                yield self.problem("swapped", said_of, name, *path, language)

    # Buttons

    def choices(self, name: str, step: Step) -> Iterator[Problem]:
        if len(step.choices) > MAX_CHOICES:
            said = f"step {name!r} has {len(step.choices)} choices; {MAX_CHOICES} is the most"
            yield self.problem("many", said, name, "choices")
        taken: dict[str, int] = {}
        for number, choice in enumerate(step.choices):
            yield from self.titles(name, choice, number)
            for meaning in sorted(names(choice)):
                first = step.choices[taken.setdefault(meaning, number)]
                if first is not choice:
                    meant = next(t for t in (choice.nb, choice.en, choice.id) if fold(t) == meaning)
                    said = f"choices {first.id!r} and {choice.id!r} are both called {meant!r} when typed"
                    yield self.problem("title_twice", said, name, "choices", number)
                    break
            yield from self.always(name, step, choice, number)
        yield from self.differences(name, step)

    def titles(self, name: str, choice: FlowChoice, number: int) -> Iterator[Problem]:
        where: Path = ("choices", number)
        for language, title in (("nb", choice.nb), ("en", choice.en)):
            if units(title) > MAX_TITLE:
                said = f"{title!r} has {units(title)} characters; a button takes {MAX_TITLE}"
                yield self.problem("title_long", said, name, *where, language)
            if not title.strip():
                said = f"choice {choice.id!r} has an empty {language}"
                yield self.problem("title", said, name, *where, language)
            elif "{" in title:
                said = "a button's title takes no placeholders"
                yield self.problem("title", said, name, *where, language)
            elif not any(letter.isalpha() for letter in title):
                said = f"{title!r} has no letters; typed, it means something else or nothing"
                yield self.problem("title_number", said, name, *where, language)

    def always(self, name: str, step: Step, choice: FlowChoice, number: int) -> Iterator[Problem]:
        """A word that always works may only stand on a button that does the same."""
        if names(choice).isdisjoint(_ALWAYS):
            return
        for title in (choice.nb, choice.en, choice.id):
            meaning = commands.named(title, None) or _ALWAYS.get(fold(title))
            if meaning is None:
                continue
            does = _DOES.get(meaning, "")
            if does in BUILT_IN["language"]:
                same = step.save == "language" and choice.id == does
                same = same or choice.set.get("language") == does
            else:
                goto = choice.goto or step.goto or ""
                same = bool(does) and does in places_from(self.parts.flows, self.flow.flow, goto)
            if not same:
                said = f"{title!r} is a word that always works and does something else; call the choice otherwise"
                yield self.problem("title_command", said, name, "choices", number)
                return

    def differences(self, name: str, step: Step) -> Iterator[Problem]:
        """Answers that are asked for make a difference, or are kept."""
        if step.save:
            return
        first: dict[tuple[object, ...], FlowChoice] = {}
        for number, choice in enumerate(step.choices):
            does = (choice.goto or step.goto, tuple(sorted(choice.set.items())), choice.danger)
            other = first.setdefault(does, choice)
            if other is not choice:
                said = f"choices {other.id!r} and {choice.id!r} do the same, and none is kept"
                yield self.problem("no_difference", said, name, "choices", number)

    # Saved answers and conditions

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
                yield self.problem("saved", said, name, *path)
        missing = [each for each in BUILT_IN.get(step.save or "", ()) if step.choice(each) is None]
        if missing:
            said = f"no choice of step {name!r} is kept as {step.save!r} {' or '.join(missing)}"
            yield self.problem("values", said, name, "save")
        if step.write in BUILT_IN:
            said = f"{step.write!r} takes {', '.join(BUILT_IN[step.write])}, no free text"
            yield self.problem("saved", said, name, "write")
        if "open" in (step.save, step.write) or any(key == "open" for key, _, _ in kept):
            yield self.problem("saved", "'open' cannot be saved; it says whether we are open", name)

    def conditions(self, name: str, step: Step) -> Iterator[Problem]:
        if self.parts.unread:  # what they save is not known
            return
        for number, branch in enumerate(step.when):
            for key, wanted in branch.if_.items():
                where: Path = ("when", number, "if", key)
                if key != "open" and key not in self.values:
                    said = f"nothing is saved as {key!r}{near(key, [*self.values, 'open'])}"
                    yield self.problem("condition", said, name, *where)
                    continue
                allowed = {"true", "false"} if key == "open" else self.values[key]
                for value in wanted if allowed is not None else ():
                    if value not in (allowed or ()):
                        hint = near(value, allowed or ())
                        hint = "; write true or false" if key == "open" else hint
                        said = f"{key!r} is never {value!r}{hint}"
                        yield self.problem("condition", said, name, *where)


@lru_cache(maxsize=4096)  # texts of flows, never of students
def _seems(text: str) -> str | None:
    return guess(text) if len(text) > 8 else None
