"""`peersupport check`: everything that is wrong with what authors write, each with file and line.

`load_content` finds mistakes of form. Here is the rest: whether flows lead somewhere, whether texts fit into a
message, whether phrases find what they should and nothing else.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bot.always_proof import swallowed
from bot.cards import card_problems
from bot.content import CONFIG, PHRASES, REPLIES, SERVICES, TEXTS, Content, Parts, content_of, read_parts
from bot.conversation import Tier
from bot.fill import LANGUAGES, LONGEST, units
from bot.findings import errors
from bot.flow.graph import Silent
from bot.flow.model import BUILT_IN, MENU, WELCOME, Flow
from bot.flow.proofs import flaws
from bot.flow.run import MAX_STEPS, marked_in_words
from bot.flow.walk import Walk
from bot.flow_checks import FLOW_FIELDS, FlowCheck
from bot.ladder import warnings
from bot.reading_level import lix
from bot.replies import reply_problems
from bot.risk_check import risk_problems
from bot.services import Services
from bot.settings import Settings
from bot.texts import REQUIRED, text_problems
from bot.wording import week_in_words
from bot.yaml_text import Located, Problem


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, sorted by file and line, and how much was looked at."""

    findings: list[Problem]
    questions: int = 0  # that anybody may come to, each with all that decides what comes after it
    answers: int = 0  # tried at them
    complete: bool = False  # every way was walked; False also when mistakes kept the walk from beginning
    reading: Mapping[str, int] = field(default_factory=dict)  # LIX of the flows' texts, by language


def check(files: Mapping[str, str]) -> list[Problem]:
    """Every mistake in these files, sorted by file and line. Empty: they may go live."""
    return errors(report(files).findings)


def report(files: Mapping[str, str]) -> Report:
    """Every finding in these files, mistakes or not; `bot.findings.level` tells them apart."""
    with _uncollected():
        return _report(files)


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is made here stays until the end: to look through it again and again for cycles is a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _report(files: Mapping[str, str]) -> Report:
    parts = read_parts(files)
    flows = flow_report(parts)
    found = [*parts.problems, *flows.findings]
    if parts.risk is not None:
        risk = risk_problems(parts.located[PHRASES], parts.risk)
        extra = parts.settings.danger.extra_phrases if parts.settings else None
        if parts.extra is not None and extra is not None and not risk:
            risk = risk_problems(parts.located[extra], parts.extra, parts.risk)
        if risk:  # with their own lines, instead of the one that only says that something is wrong
            found = [each for each in found if each.file != PHRASES or each.line != 1]
        found += _of("phrases", risk)
    found += _other_problems(parts)
    content = content_of(parts)
    if content is not None and not errors(found):  # the bot itself is asked: it needs files without a mistake
        found += swallowed(content, parts.located[PHRASES])
    return replace(flows, findings=sorted(set(found)))


def flow_report(parts: Parts) -> Report:
    """What is to be said about the flows alone, once their form is right."""
    flows = _FlowProblems(parts)
    found = list(flows.all())
    content = content_of(parts)
    walk = None
    if content is not None and not any(each.kind in _NO_WALK for each in found):
        walk = Walk(content)
        found += _proved(parts, walk)
        found += _titles_of_danger(parts, content)
    return Report(
        findings=sorted(set(found)),
        questions=len(walk.nodes) if walk else 0,
        answers=walk.answers if walk else 0,
        complete=walk is not None and not walk.bounded,
        reading={language: lix(*count) for language, count in flows.words_read.items()},
    )


def _other_problems(parts: Parts) -> Iterator[Problem]:
    """Those of texts.yaml, services.yaml and config.yaml."""
    numbers = Services(parts.services).numbers if parts.services else None
    if parts.words is not None and numbers is not None:
        yield from _of("texts", text_problems(parts.located[TEXTS], parts.words, numbers))
    if parts.services is not None:
        yield from _of("services", _service_problems(parts.located[SERVICES], parts))
    if parts.replies is not None and numbers is not None:
        yield from _of("replies", reply_problems(parts.located[REPLIES], parts.replies, numbers))
    if parts.words is not None and parts.services is not None:
        yield from _of("cards", card_problems(parts.located[TEXTS], parts.words, parts.services))
    if parts.settings is not None:
        yield from _settings_problems(parts.located[CONFIG], parts.settings)


# Mistakes that lead the walk astray: what it would find besides is told once they are mended.
_NO_WALK = frozenset({"no_flow", "start", "jump", "call", "reserved", "nowhere", "circle", "long"})


def _of(kind: str, found: Iterable[Problem]) -> list[Problem]:
    return [replace(each, kind=kind) for each in found]


def _settings_problems(located: Located, settings: Settings) -> Iterator[Problem]:
    """The hours are no longer than the check of lengths allows for; and what is worth a thought."""
    week = settings.service_hours
    text = max((week_in_words(week, each) for each in LANGUAGES), key=units)
    if units(text) > LONGEST["hours"]:
        said = f"{{hours}} is {units(text)} characters long; {LONGEST['hours']} is the most"
        yield located.problem(said, "service_hours", "weekly", kind="fill")
    for warning in warnings(settings):
        key, _, said = warning.partition(": ")
        yield located.problem(f"{key}: {said}", *key.split("."), kind="think")


def _proved(parts: Parts, walk: Walk) -> Iterator[Problem]:
    for flaw in flaws(walk):
        located = parts.located[parts.flow_files[flaw.flow]]
        where = ("steps", flaw.step, *flaw.where) if flaw.step else flaw.where
        yield Problem(located.file, located.line(*where), flaw.text, flaw.kind, flaw.step, flaw.path)


def _titles_of_danger(parts: Parts, content: Content) -> Iterator[Problem]:
    """A button's words mean the same typed as tapped. A title is read once, however often it stands there."""
    read: dict[str, tuple[Tier, str]] = {}
    for name, flow in content.flows.items():
        located = parts.located[parts.flow_files[name]]
        for step_name, step in flow.steps.items():
            for number, choice in enumerate(step.choices):
                for language, title in (("nb", choice.nb), ("en", choice.en)):
                    after = flow.steps.get(choice.goto or step.goto or "")
                    if choice.danger or (after and after.danger):
                        continue
                    if title not in read and len(read) >= _MOST_TITLES:
                        continue
                    if title not in read:
                        read[title] = _typed(content, title)
                    tier, why = read[title]
                    if tier is not Tier.NONE:
                        line = located.line("steps", step_name, "choices", number, language)
                        said = f"{title!r}, typed, is read as danger ({tier}{why}); tapped, it is not"
                        kind = "title_soft" if tier is Tier.ELEVATED else "title_danger"
                        yield Problem(located.file, line, said, kind, step_name)


def _typed(content: Content, title: str) -> tuple[Tier, str]:
    """What these words mean when somebody writes them: as another button that is marked, or as a phrase."""
    marks = marked_in_words(content, None, title)
    if marks:
        where, mark = marks[0]
        return Tier(mark.tier), f" by {where}"
    finding = content.phrases.read(title)
    return (finding.tier if finding else Tier.NONE), ""


_MOST_TITLES = 1_000  # that are read for danger


def _service_problems(located: Located, parts: Parts) -> Iterator[Problem]:
    for number, service in enumerate(parts.services.services if parts.services else ()):
        if service.id in REQUIRED or service.id in FLOW_FIELDS:
            yield located.problem(f"{service.id!r} cannot be a service's id", "services", number, "id")
        line = Services(parts.services).line(service.id, "nb") if parts.services else ""
        if units(line) > 300:
            yield located.problem(
                f"{service.id!r}: the line is longer than 300 characters", "services", number
            )


class _FlowProblems:
    """What can be seen in the flows without walking them."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.words_read = {"nb": [0, 0, 0], "en": [0, 0, 0]}

    def all(self) -> Iterator[Problem]:
        parts = self.parts
        for name in (WELCOME, MENU):
            if name not in parts.flows and name not in parts.unread:
                yield Problem(f"flows/{name}.yaml", 1, f"there is no flow named {name!r}", "no_flow")
        values = _saved_values(parts.flows)
        lines = _service_lines(parts)
        marks = any(c.danger for f in parts.flows.values() for s in f.steps.values() for c in s.choices)
        for name, flow in parts.flows.items():
            located = parts.located[parts.flow_files[name]]
            flow_check = FlowCheck(parts, flow, located, lines, values, marks_danger=marks)
            yield from flow_check.all()
            for language, count in flow_check.words_read.items():
                self.words_read[language] = [
                    a + b for a, b in zip(self.words_read[language], count, strict=True)
                ]
        yield from _uncalled(parts)
        yield from _silent_problems(parts)


def _service_lines(parts: Parts) -> dict[str, dict[str, int]] | None:
    """How long each service's line is, by id and language."""
    if parts.services is None:
        return None
    services = Services(parts.services)
    return {
        each.id: {language: units(services.line(each.id, language)) for language in LANGUAGES}
        for each in parts.services.services
    }


def _uncalled(parts: Parts) -> Iterator[Problem]:
    called = {step.call for flow in parts.flows.values() for step in flow.steps.values()}
    sections = (
        {str(path[0]) for path in parts.located[TEXTS].lines if path} if TEXTS in parts.located else set()
    )
    for name in parts.flows:
        if name not in called | sections | {WELCOME, MENU} and not parts.unread:
            located = parts.located[parts.flow_files[name]]
            yield located.problem(f"no step calls the flow {name!r}", "flow", kind="uncalled")


def _silent_problems(parts: Parts) -> Iterator[Problem]:
    silent = Silent(parts.flows)
    for name, steps in silent.circles().items():
        located = parts.located[parts.flow_files[name]]
        ordered = [each for each in parts.flows[name].steps if each in steps]
        said = f"step {ordered[0]!r} goes round in a circle that never waits: {', '.join(ordered)}"
        line = located.line("steps", ordered[0])
        yield Problem(located.file, line, said, "circle", ordered[0])
    lengths, _ = silent.measured
    for name, flow in parts.flows.items():
        located = parts.located[parts.flow_files[name]]
        length = lengths.get((name, flow.start), 0)
        if length > MAX_STEPS:
            said = f"{length} steps may follow without waiting for an answer; {MAX_STEPS} is the most"
            yield located.problem(said, "start", kind="long")


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
