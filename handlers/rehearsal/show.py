"""A rehearsal that was run, as text: the conversation as the student sees it, what differs marked with >>>."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from handlers.rehearsal.run import Line, Result

MARK = ">>>"


def shown(result: Result, zone: ZoneInfo) -> Iterator[str]:
    """Line by line."""
    yield f"{result.file}: {result.name}"
    yield from (str(problem) for problem in result.problems)
    for line in result.lines:
        yield from _line(line, zone)


def _line(line: Line, zone: ZoneInfo) -> Iterator[str]:
    first, *more = line.text.splitlines() or [""]
    match line.by:
        case "time":
            yield f"\n  -- {line.at.astimezone(zone):%A %d %B %Y %H:%M}{f', {first}' if first else ''} --"
        case "difference":
            yield f"{MARK} {first}"
        case "student":
            yield f"\n  student: {first}"
            yield from (f"           {each}" for each in more)
        case _:
            who = line.who or ("bot" if line.by == "bot" else "supporter")
            yield f"  {who + ':':<12}{first}"
            yield from (f"              {each}" for each in more)
            if line.buttons:
                yield "              " + " ".join(f"[{title}]" for title in line.buttons)
