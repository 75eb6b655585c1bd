"""Runs rehearsals against any content, also unsaved: the conversation as the student sees it, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from bot.content import Content, load_content
from bot.conversation import Status
from bot.flow.edges import Edge
from bot.hours import Hours
from bot.messages import SupporterMessage
from bot.rehearsal.model import Rehearsal, Turn, days, wall
from bot.rehearsal.read import Script, is_rehearsal, read_script
from bot.rehearsal.wording import is_said
from bot.settings import ClosedSpan, Reason
from bot.yaml_text import Problem
from handlers.local_chat import Said
from handlers.rehearsal.player import CannotPlayError, Heard, stage

By = Literal["time", "student", "bot", "supporter", "difference"]
SENT = {
    "like": "thumbs up",
    "voice": "voice message",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the conversation. A difference stands below what it is about."""

    by: By
    text: str
    at: datetime
    buttons: tuple[str, ...] = ()
    who: str | None = None  # the supporter's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One rehearsal that was run, or (`problems`) could not be read."""

    file: str
    name: str
    lines: tuple[Line, ...] = ()
    differences: tuple[Problem, ...] = ()  # at the turn's line in the file
    problems: tuple[Problem, ...] = ()
    walked: Mapping[Edge, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Read, and all as expected."""
        return not self.differences and not self.problems


def rehearse(files: Mapping[str, str], only: frozenset[str] | None = None) -> list[Result]:
    """Run the rehearsals among `files` (name to text), or those of them in `only`, on the content among them.

    Nothing outside is touched. Raises ContentError when the content cannot be read.
    """
    return rehearse_on(load_content(files), files, only)


def rehearse_on(
    content: Content, files: Mapping[str, str], only: frozenset[str] | None = None
) -> list[Result]:
    """The same on content that has been read already."""
    wanted = [name for name in sorted(files) if is_rehearsal(name) and (only is None or name in only)]
    return [run_text(content, files[name], name) for name in wanted]


def run_text(content: Content, text: str, file: str) -> Result:
    """One rehearsal."""
    script = read_script(text, file, content)
    if isinstance(script, list):
        return Result(file=file, name=file, problems=tuple(script))
    return _Run(content, script).result()


class _Run:
    def __init__(self, content: Content, script: Script) -> None:
        self.content = content
        self.script = script
        self.language: str = script.rehearsal.language
        self.lines: list[Line] = []
        self.differences: list[Problem] = []
        self.walked: Counter[Edge] = Counter()

    def result(self) -> Result:
        rehearsal = self.script.rehearsal
        if rehearsal.closed:
            self.content = also_closed(self.content, *days(rehearsal.closed))
        at = wall(rehearsal.at, self.content.settings.service_hours.zone)
        assert at is not None  # noqa: S101 - read_script has looked
        with stage(self.content, at, rehearsal.duty, rehearsal.waiting) as player:
            self.lines.append(_time(at))
            for turn, line in zip(rehearsal.turns, self.script.lines, strict=True):
                try:
                    heard = player.play(turn)
                except CannotPlayError as error:
                    self._shown(turn, player.chat.now)
                    self._differs(line, str(error), player.chat.now)
                    break  # what comes after it would speak of another conversation
                except Exception as error:  # unsaved content may hold what `check` would have found
                    self._shown(turn, player.chat.now)
                    said = f"the service fails here ({type(error).__name__}); `peersupport check` says what is wrong"
                    self._differs(line, said, player.chat.now)
                    break
                self._shown(turn, heard.at, heard.refused)
                self.lines += [_said(one) for one in heard.said if not _is_echo(turn, one)]
                for difference in self._compared(turn, heard):
                    self._differs(line, difference, heard.at)
            self.walked = player.walked()
        return self._made(rehearsal)

    def _made(self, rehearsal: Rehearsal) -> Result:
        return Result(
            file=self.script.file,
            name=rehearsal.name,
            lines=tuple(self.lines),
            differences=tuple(self.differences),
            walked=dict(self.walked),
        )

    def _differs(self, line: int, text: str, at: datetime) -> None:
        self.differences.append(Problem(self.script.file, line, text))
        self.lines.append(Line(by="difference", text=text, at=at))

    def _shown(self, turn: Turn, at: datetime, refused: str | None = None) -> None:
        not_done = f"(not possible: {refused}) " if refused else ""
        match turn.acts[0]:
            case "silence" | "clock":
                self.lines.append(_time(at))
            case "on duty":
                there = ", ".join(turn.duty or ()) or "nobody"
                self.lines.append(Line(by="time", text=f"on duty: {there}", at=at))
            case "supporter":
                self.lines.append(Line(by="supporter", text=f"{not_done}({turn.supporter})", at=at))
            case "supporter writes":
                self.lines.append(Line(by="supporter", text=f"{not_done}{turn.replies}", at=at))
            case _:
                self.lines += [Line(by="student", text=text, at=at) for text in _acted(turn)]

    # What was expected.

    def _compared(self, turn: Turn, heard: Heard) -> Iterator[str]:
        self.language = turn.language or self.language
        if heard.refused != turn.refused and (heard.refused or turn.refused):
            expected = f"expected: refused, {turn.refused}" if turn.refused else "expected: this is possible"
            yield f"{expected}; it is {f'refused: {heard.refused}' if heard.refused else 'not refused'}"
        if turn.says is not None:
            yield from self._said_wrong(turn.says, heard)
        if turn.buttons is not None and turn.buttons != heard.buttons:
            yield f"expected buttons: {_listed(turn.buttons)}; there: {_listed(heard.buttons)}"
        conversation = heard.conversation
        status = conversation.status if conversation else Status.CLOSED
        if turn.status is not None and turn.status is not status:
            yield f"expected status: {turn.status}; it is {status}"
        if turn.queue is not None and turn.queue != (heard.place or "no"):
            yield f"expected place in the queue: {turn.queue}; it is {heard.place or 'no'}"
        tier = conversation.tier.value if conversation else "none"
        if turn.tier is not None and turn.tier.value != tier:
            yield f"expected tier: {turn.tier}; it is {tier}"
        if turn.alert is not None and not _is_alert(turn.alert, heard):
            yield f"expected alert: {turn.alert}; there is {alert_words(heard)}"

    def _said_wrong(self, expected: tuple[tuple[str, ...], ...], heard: Heard) -> Iterator[str]:
        there = heard.by_bot
        for number, items in enumerate(expected):
            if number >= len(there):
                yield f"expected: {' + '.join(items)}; nothing more is said"
                continue
            for item in items:
                if not is_said(self.content, item, there[number].text, self.language):
                    yield f"expected: {item}; message {number + 1} is another"
        for one in there[len(expected) :]:
            yield f"expected: nothing more; this is said, too: {one.text.splitlines()[0][:60]}"


def also_closed(content: Content, first: date, last: date) -> Content:
    """The content as if it were closed on these days, too."""
    span = ClosedSpan(first=first, last=last, reason=Reason(nb="øvelse", en="rehearsal"))
    hours = content.settings.service_hours
    hours = hours.model_copy(update={"closed_spans": (*hours.closed_spans, span)})
    settings = content.settings.model_copy(update={"service_hours": hours})
    return replace(content, settings=settings, hours=Hours(hours))


def alert_words(heard: Heard) -> str:
    """The open alert as a rehearsal writes it."""
    return f"{heard.alert.tier.value} {heard.alert.category}" if heard.alert else "no"


def _is_alert(expected: str, heard: Heard) -> bool:
    there = alert_words(heard)
    return there == expected or (" " not in expected and there.split()[0] == expected)


def _acted(turn: Turn) -> list[str]:
    if turn.writes is not None:
        return [turn.writes]
    if turn.at_once is not None:
        return list(turn.at_once)
    named = {
        turn.taps: "[{}]",
        turn.presses: "[{}]",
        SENT.get(turn.sends or "", turn.sends): "({})",
        turn.edits: "(edited) {}",
        turn.unsends: "(taken back: {})",
        turn.again: "(delivered again: {})",
    }
    return [shape.format(what) for what, shape in named.items() if what]


def _said(one: Said) -> Line:
    message = one.message
    if isinstance(message, SupporterMessage):
        return Line(by="supporter", text=one.text, at=one.at, who=message.alias)
    return Line(by="bot", text=one.text, at=one.at, buttons=tuple(choice.title for choice in one.choices))


def _is_echo(turn: Turn, one: Said) -> bool:
    """The supporter's own words stand there already."""
    return isinstance(one.message, SupporterMessage) and one.text == turn.replies


def _time(at: datetime) -> Line:
    return Line(by="time", text="", at=at)


def _listed(titles: tuple[str, ...]) -> str:
    return ", ".join(titles) or "none"
