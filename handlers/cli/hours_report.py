"""The lines of `peersupport hours`: the week, closed days, and stretches that outlast Meta's windows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from bot.hours import ClosedStretch, Hours
from bot.settings import WEEKDAYS, Settings
from bot.window import HUMAN_WINDOW, STANDARD_WINDOW


def report(settings: Settings, year: int) -> list[str]:
    """The whole answer for one year, in English, on the service's own clock."""
    hours = Hours(settings.service_hours)
    return [
        *_week(settings),
        "",
        *_closed_days(hours, year),
        *_changes(settings, year),
        "",
        *_stretches(hours, settings, year),
    ]


def _week(settings: Settings) -> Iterator[str]:
    yield f"Open, on the clock in {settings.service_hours.time_zone}:"
    for day in WEEKDAYS:
        yield f"  {day.capitalize():<10} {', '.join(settings.service_hours.weekly.get(day, ())) or 'closed'}"


def _closed_days(hours: Hours, year: int) -> Iterator[str]:
    yield f"Closed days in {year}:"
    day = dt.date(year, 1, 1)
    while day.year == year:
        reason = hours.closed_reason(day)
        if reason:
            yield f"  {day:%a} {day}  {reason.en} ({reason.nb})"
        day += dt.timedelta(days=1)


def _changes(settings: Settings, year: int) -> Iterator[str]:
    changes = sorted((c for c in settings.service_hours.changes if c.date.year == year), key=lambda c: c.date)
    changes = [change for change in changes if change.hours]
    if changes:
        yield ""
        yield f"Other hours in {year}:"
    for change in changes:
        yield f"  {change.date:%a} {change.date}  {', '.join(change.hours)}  {change.reason.en}"


def _stretches(hours: Hours, settings: Settings, year: int) -> Iterator[str]:
    found = hours.stretches(dt.date(year, 1, 1), dt.date(year, 12, 31))
    long = [stretch for stretch in found if stretch.length > STANDARD_WINDOW]
    ordinary = Counter(stretch.length for stretch in long if not stretch.reason)
    named = [stretch for stretch in long if stretch.reason]
    yield f"Closed for longer than {_length(STANDARD_WINDOW)}, beginning in {year}:"
    if not long:
        yield "  none"
        return
    for length, number in sorted(ordinary.items()):
        yield f"  {number} ordinary ones: {_length(length)}"
    for stretch in named:
        yield f"  {_from_to(hours, stretch)}  {_length(stretch.length)}  {_reason(stretch)}"
    yield ""
    yield from _meaning(long, granted=settings.human_agent == "granted")


def _meaning(long: list[ClosedStretch], *, granted: bool) -> Iterator[str]:
    """What the two limits of the channel make of these stretches. Source: see `bot.window`."""
    longest = max(stretch.length for stretch in long)
    if granted:
        yield (
            "Longer than 24 h: at opening, only people may answer the messages that are older than 24 h "
            "(human_agent: granted)."
        )
    else:
        yield (
            "Longer than 24 h: messages that are older than 24 h at opening cannot be answered until the "
            "student writes again (human_agent: not_granted)."
        )
    if longest > HUMAN_WINDOW:
        number = sum(1 for stretch in long if stretch.length > HUMAN_WINDOW)
        yield (
            f"Longer than 7 d ({number}, the longest {_length(longest)}): what is older than 7 d at opening "
            "nobody may answer, with or without the permission, until the student writes again."
        )
    yield "The closed reply tells students so."


def _from_to(hours: Hours, stretch: ClosedStretch) -> str:
    start, end = (at.astimezone(hours.zone) for at in (stretch.from_at, stretch.to_at))
    return f"{start:%a %Y-%m-%d %H:%M} to {end:%a %Y-%m-%d %H:%M}"


def _reason(stretch: ClosedStretch) -> str:
    return stretch.reason.en if stretch.reason else ""


def _length(length: dt.timedelta) -> str:
    """ "61 h" and, from seven days on, "14 d 13 h"."""
    minutes = round(length.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    if length >= HUMAN_WINDOW:
        days, hours = divmod(hours, 24)
        return " ".join(part for part, number in ((f"{days} d", days), (f"{hours} h", hours)) if number)
    return f"{hours} h" + (f" {rest} min" if rest else "")
