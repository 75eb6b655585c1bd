"""A week of the rota as its page shows it: days, places, gaps in words, questions between colleagues."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.hours import Hours
from bot.rota import Gap, Shift, clashing, gaps, may_have
from bot.settings import Rota
from bot.wall import instant
from handlers.console.words import say
from storage.records import Staff
from storage.swaps import Swap

_WEEK = timedelta(days=7)
_DASH = "\u2060–\u2060"  # between word joiners
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """One shift on the page."""

    shift: Shift
    span: str
    who: str
    state: Literal["mine", "open", "other"]
    over: bool
    now: bool
    may_take: bool
    mark: str  # of a question about it; empty: none


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. `closed` says why nobody is needed; None: the service is open."""

    date: date
    name: str
    today: bool
    over: bool
    closed: str | None
    places: tuple[Place, ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A swap in words. `answer`: what the reader can do about it."""

    id: int
    shift_id: int
    text: str
    answer: Literal["yes_no", "yes", "withdraw", "none"]


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday."""

    monday: date
    number: int
    title: str
    days: tuple[Day, ...]
    missing: int  # gaps from now on
    is_this: bool

    @property
    def before(self) -> date:
        """The Monday of the week before."""
        return self.monday - _WEEK

    @property
    def after(self) -> date:
        """The Monday of the week after."""
        return self.monday + _WEEK


class Reader:
    """Puts shifts into words for one person at one instant."""

    def __init__(
        self,
        staff: Staff,
        *,
        now: datetime,
        hours: Hours,
        settings: Rota,
        language: str,
        names: Mapping[int, str],
        there: Collection[int] = (),
    ) -> None:
        """`there`: who is on duty and reachable."""
        self._staff, self._now, self._hours, self._settings = staff, now, hours, settings
        self._language, self._names, self._there = language, names, there

    @property
    def zone(self) -> ZoneInfo:
        """The service's."""
        return self._hours.zone

    def today(self) -> date:
        """Here."""
        return self._now.astimezone(self.zone).date()

    def bounds(self, monday: date) -> tuple[datetime, datetime]:
        """The week from midnight to midnight."""
        return (
            instant(self.zone, monday, "00:00", end=False),
            instant(self.zone, monday + _WEEK, "00:00", end=False),
        )

    # Words.

    def say(self, key: str, **blanks: object) -> str:
        """In the reader's language."""
        return say(f"rota.{key}", self._language, **blanks)

    def name(self, staff_id: int | None) -> str:
        """An alias; the reader is "you"."""
        if staff_id is None:
            return self.say("open")
        return self.say("you") if staff_id == self._staff.id else self._names.get(staff_id, "?")

    def span(self, starts_at: datetime, ends_at: datetime) -> str:
        """ "09–13", "09:30–13"; it is never broken over two lines."""
        return f"{self._clock(starts_at)}{_DASH}{self._clock(ends_at)}"

    def _clock(self, at: datetime) -> str:
        local = at.astimezone(self.zone)
        return f"{local:%H:%M}" if local.minute else f"{local:%H}"

    def day(self, day: date) -> str:
        """ "Onsdag 25. nov." """
        word = say("time.weekday", self._language).split()[day.weekday()]
        month = say("time.month_short", self._language).split()[day.month - 1]
        return self.say("day", day=word, n=day.day, month=month)

    def when(self, shift: Shift) -> str:
        """ "onsdag 25. nov. 12–16"."""
        words = self.day(shift.starts_at.astimezone(self.zone).date())
        lower = words if self._language == "en" else words[:1].lower() + words[1:]
        return f"{lower} {self.span(shift.starts_at, shift.ends_at)}"

    def gap(self, gap: Gap) -> str:
        """ "Mangler 1 likeperson 16–20"."""
        many = "one" if gap.missing == 1 else "many"
        span = self.span(gap.starts_at, gap.ends_at)
        if gap.starts_at == self._now:  # cut off there: no shift begins at such a minute
            span = f"{self.say('now')}{_DASH}{self._clock(gap.ends_at)}"
        return self.say(f"gap_{gap.kind}_{many}", n=gap.missing, span=span)

    # The week.

    def week(self, monday: date, shifts: Sequence[Shift], swaps: Sequence[Swap]) -> Week:
        """`shifts`: every one with some time in it, and the reader's own around it."""
        asked = {swap.shift_id: swap for swap in swaps}
        days = tuple(self._day(monday + n * _DAY, shifts, asked) for n in range(7))
        sunday = monday + 6 * _DAY
        month = say("time.month", self._language).split()
        first = "" if monday.month == sunday.month else month[monday.month - 1]
        key = "week_one_month" if not first else "week_two_months"
        title = self.say(
            key,
            n=monday.isocalendar().week,
            first=monday.day,
            last=sunday.day,
            first_month=first,
            month=month[sunday.month - 1],
        )
        return Week(
            monday=monday,
            number=monday.isocalendar().week,
            title=title,
            days=days,
            missing=sum(len(day.gaps) for day in days),
            is_this=monday <= self.today() <= sunday,
        )

    def _day(self, day: date, shifts: Sequence[Shift], asked: Mapping[int, Swap]) -> Day:
        open_hours = self._hours.intervals_on(day)
        ahead = [(max(start, self._now), end) for start, end in open_hours if end > self._now]
        reason = self._hours.closed_reason(day)
        closed = None if open_hours else reason.in_(self._language) if reason else self.say("closed")
        own = [shift for shift in shifts if shift.starts_at.astimezone(self.zone).date() == day]
        return Day(
            date=day,
            name=self.day(day),
            today=day == self.today(),
            over=day < self.today(),
            closed=closed,
            places=tuple(self._place(shift, shifts, asked.get(shift.id)) for shift in own),
            gaps=tuple(self.gap(gap) for gap in gaps(shifts, ahead, self._settings.minimum_for(day))),
        )

    def _place(self, shift: Shift, shifts: Sequence[Shift], swap: Swap | None) -> Place:
        mine = shift.staff_id == self._staff.id
        mark = ""
        if swap is not None and swap.state == "open":
            mark = self.say("swap_mine" if mine else "swap_other")
        elif self._is_missed(shift):
            mark = self.say("not_there")
        return Place(
            shift=shift,
            span=self.span(shift.starts_at, shift.ends_at),
            who=self.name(shift.staff_id),
            state="mine" if mine else "open" if shift.staff_id is None else "other",
            over=shift.ends_at <= self._now,
            now=shift.is_running(self._now),
            may_take=shift.staff_id is None and self.may_take(shift, shifts),
            mark=mark,
        )

    def _is_missed(self, shift: Shift) -> bool:
        begun = shift.starts_at + timedelta(minutes=self._settings.missing_minutes) <= self._now
        return shift.staff_id not in (None, *self._there) and begun and shift.is_running(self._now)

    def may_take(self, shift: Shift, shifts: Sequence[Shift], *, leaving: int | None = None) -> bool:
        """Whether the reader could have it: of their kind, not over, no other shift of theirs beside it."""
        own = clashing(shifts, self._staff.id, shift.starts_at, shift.ends_at)
        return (
            shift.ends_at > self._now
            and may_have(self._staff.role.value, shift.kind)
            and all(each.id == leaving for each in own)
        )

    # Swaps.

    def questions(self, swaps: Sequence[Swap], shifts: Mapping[int, Shift]) -> list[Question]:
        """What the reader is asked, what they have asked, and what was answered with no."""
        found = [self._question(swap, shifts) for swap in swaps if swap.shift_id in shifts]
        return [question for question in found if question is not None]

    def _question(self, swap: Swap, shifts: Mapping[int, Shift]) -> Question | None:
        shift = shifts[swap.shift_id]
        theirs = shifts.get(swap.in_return) if swap.in_return is not None else None
        blanks = {
            "who": self.name(swap.asked_by),
            "other": self.name(swap.asked_of) if swap.asked_of is not None else self.say("anybody"),
            "shift": self.when(shift),
            "in_return": self.when(theirs) if theirs else "",
        }
        against = "_against" if theirs else ""
        if swap.asked_by == self._staff.id and shift.staff_id == self._staff.id:
            if swap.state == "open":
                return Question(swap.id, shift.id, self.say(f"you_asked{against}", **blanks), "withdraw")
            if swap.state == "declined":
                return Question(swap.id, shift.id, self.say("said_no", **blanks), "none")
            return None
        if swap.state != "open" or swap.asked_of not in (None, self._staff.id):
            return None
        able = self.may_take(shift, tuple(shifts.values()), leaving=swap.in_return)
        if swap.asked_of is None and not able:
            return None
        return Question(
            swap.id,
            shift.id,
            self.say(f"asks{against}", **blanks),
            "yes" if swap.asked_of is None else "yes_no",
        )
