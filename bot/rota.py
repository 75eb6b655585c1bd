"""The rota: who is on shift when, what is missing, who should be on duty now. Pure; every instant is aware UTC.

A shift is one place: one person's, or nobody's yet. Two supporters at the same hours are two shifts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

from bot.settings import Staffing
from bot.wall import instant

Kind = Literal["supporter", "duty_lead"]
KINDS: tuple[Kind, ...] = ("supporter", "duty_lead")
LONGEST = timedelta(hours=16)  # a longer shift is a slip of the pen
EARLY = timedelta(minutes=10)  # so long before a shift the console offers to start it
LEFT_OVER = timedelta(hours=12)  # so long after a shift the console reminds somebody who is still on duty
_DAY = timedelta(days=1)
_MAY_HAVE = {
    "supporter": frozenset({"supporter"}),
    "duty_lead": frozenset(KINDS),
    "coordinator": frozenset(KINDS),
}

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From `starts_at` up to, not including, `ends_at`. `staff_id` None: open, anybody may take it."""

    id: int
    kind: Kind
    starts_at: datetime
    ends_at: datetime
    staff_id: int | None = None

    def is_running(self, now: datetime) -> bool:
        """Whether `now` is inside it."""
        return self.starts_at <= now < self.ends_at

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether they share any time. One that begins when another ends does not."""
        return self.starts_at < ends_at and starts_at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Open hours with too few people of a kind."""

    starts_at: datetime
    ends_at: datetime
    kind: Kind
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One person and the rota at one instant."""

    running: Shift | None = None
    until: datetime | None = None  # end of the running shift, and of those of theirs that follow at once
    next: Shift | None = None  # the first that has not begun
    ended: Shift | None = None  # the latest that is over


def may_have(role: str, kind: Kind) -> bool:
    """Whether somebody of this role can take a place of this kind: a lead may also be one of the supporters."""
    return kind in _MAY_HAVE.get(role, frozenset())


def stretch(zone: tzinfo, day: date, start: str, end: str) -> Stretch:
    """A shift's beginning and end from the clock on the wall; an end not after the start is the next day's.

    Raises ValueError for a time that is none, or a shift that is longer than 16 hours.
    """
    last = day if end > start else day + _DAY
    found = instant(zone, day, start, end=False), instant(zone, last, end, end=True)
    if not timedelta() < found[1] - found[0] <= LONGEST:
        raise ValueError("a shift lasts up to sixteen hours")
    return found


def weekly(
    zone: tzinfo, first: date, last: date, weekdays: Iterable[int], start: str, end: str
) -> list[tuple[date, Stretch]]:
    """The same hours on these weekdays (Monday is 0) from `first` to `last`, both included."""
    wanted, found, day = frozenset(weekdays), [], first
    while day <= last:
        if day.weekday() in wanted:
            found.append((day, stretch(zone, day, start, end)))
        day += _DAY
    return found


def on_shift(shifts: Iterable[Shift], now: datetime) -> frozenset[int]:
    """Who should be on duty at this instant."""
    return frozenset(
        shift.staff_id for shift in shifts if shift.staff_id is not None and shift.is_running(now)
    )


def standing(shifts: Iterable[Shift], staff_id: int, now: datetime) -> Standing:
    """This person's shift now, until when, the next and the last one, among the shifts given."""
    own = sorted((s for s in shifts if s.staff_id == staff_id), key=lambda s: s.starts_at)
    running = next((shift for shift in own if shift.is_running(now)), None)
    until = running.ends_at if running else None
    for shift in own:
        if until is not None and shift.starts_at <= until < shift.ends_at:
            until = shift.ends_at
    over = [shift for shift in own if shift.ends_at <= now]
    return Standing(
        running=running,
        until=until,
        next=next((shift for shift in own if shift.starts_at > now), None),
        ended=max(over, key=lambda s: s.ends_at, default=None),
    )


def offer(
    state: Standing, *, duty: str, duty_at: datetime | None, now: datetime
) -> Literal["start", "stop"] | None:
    """What the console offers: to start a shift that begins, or to go off duty after one that is over.

    Nothing to somebody who has a pause, who left a shift before its end, or who went on duty once more after it.
    """
    if state.running is not None or (state.next is not None and state.next.starts_at - now <= EARLY):
        begins = state.running or state.next
        assert begins is not None  # noqa: S101 - one of the two is there
        left = state.running is not None and duty_at is not None and duty_at >= begins.starts_at
        return "start" if duty == "off" and not left else None
    ended = state.ended
    if duty != "on" or ended is None or now - ended.ends_at > LEFT_OVER:
        return None
    return None if duty_at is not None and duty_at >= ended.ends_at else "stop"


def clashing(shifts: Iterable[Shift], staff_id: int, starts_at: datetime, ends_at: datetime) -> list[Shift]:
    """This person's shifts that lie at the same time."""
    return [s for s in shifts if s.staff_id == staff_id and s.overlaps(starts_at, ends_at)]


def gaps(shifts: Iterable[Shift], open_hours: Sequence[Stretch], minimum: Staffing) -> list[Gap]:
    """Where fewer people than the minimum have a shift while the service is open; open places fill nothing."""
    taken = [shift for shift in shifts if shift.staff_id is not None]
    found: list[Gap] = []
    for kind, needed in (("supporter", minimum.supporters), ("duty_lead", minimum.duty_lead)):
        of_kind = [shift for shift in taken if shift.kind == kind]
        for start, end in open_hours:
            found += _gaps(of_kind, start, end, "supporter" if kind == "supporter" else "duty_lead", needed)
    return sorted(found, key=lambda gap: (gap.starts_at, gap.kind))


def _gaps(shifts: list[Shift], start: datetime, end: datetime, kind: Kind, needed: int) -> list[Gap]:
    edges = {start, end}
    edges |= {at for shift in shifts for at in (shift.starts_at, shift.ends_at) if start < at < end}
    found: list[Gap] = []
    ordered = sorted(edges)
    for begins, ends in itertools.pairwise(ordered):
        missing = needed - len({shift.staff_id for shift in shifts if shift.is_running(begins)})
        if missing <= 0:
            continue
        if found and found[-1].ends_at == begins and found[-1].missing == missing:
            begins = found.pop().starts_at  # noqa: PLW2901 - one longer gap
        found.append(Gap(starts_at=begins, ends_at=ends, kind=kind, missing=missing))
    return found


def missed(
    shifts: Iterable[Shift], on_duty: Iterable[int], starts_at: datetime
) -> tuple[frozenset[int], bool]:
    """Who should have begun at `starts_at` and is not on duty, and whether nobody at all is."""
    there = frozenset(on_duty)
    begun = {s.staff_id for s in shifts if s.starts_at == starts_at and s.staff_id is not None}
    return frozenset(begun - there), not there
