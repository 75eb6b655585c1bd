"""A rehearsal that was run, as text: the conversation as the student sees it, what differs marked with >>>."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.translated import sentence_in
from handlers.rehearsal.run import Line, Result

MARK = ">>>"
_INDENT = " " * 14


def shown(result: Result, zone: ZoneInfo, language: str = "en") -> Iterator[str]:
    """Line by line; what is wrong in the reader's `language`."""
    yield f"{result.file}: {result.name}"
    yield from (sentence_in(str(problem), language) for problem in result.problems)
    now: datetime | None = None
    for line in result.lines:
        match line.by:
            case "time":
                now = line.at
                more = f", {line.text}" if line.text else ""
                yield f"\n  -- {now.astimezone(zone):%A %d %B %Y %H:%M}{more} --"
            case "difference":
                yield f"{MARK} {sentence_in(line.text, language)}"
            case "student":
                yield ""
                yield from _message("student", line)
            case _:
                who = line.who or line.by
                came = line.at.astimezone(zone).strftime("(%a %H:%M) ") if now and line.at < now else ""
                yield from _message(who, line, came)


def _message(who: str, line: Line, came: str = "") -> Iterator[str]:
    """`came`: when, of what was said while nobody did anything."""
    first, *more = line.text.splitlines() or [""]
    yield f"  {who + ':':<12}{came}{first}"
    yield from (f"{_INDENT}{each}" for each in more)
    if line.buttons:
        yield _INDENT + " ".join(f"[{title}]" for title in line.buttons)
