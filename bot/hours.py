"""When people answer: opening hours in the service's own clock, closed days and why, the next opening.

Every instant that goes in or comes out is aware UTC. Days and intervals are those of the service's time zone,
so a week with a change to summer time is as long as it really is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot import norway
from bot.errors import ContentError
from bot.settings import WEEKDAYS, ClosedDay, ServiceHours, Words
from bot.wall import instant

LOOK_AHEAD_DAYS = 400  # no opening within this many days is a mistake in the settings
_DAY = dt.timedelta(days=1)

Stretch = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedStretch:
    """Nobody answers from `from_at` up to, not including, `to_at`."""

    from_at: dt.datetime
    to_at: dt.datetime
    reason: Words | None  # the closed days in it; None: an ordinary night or weekend

    @property
    def length(self) -> dt.timedelta:
        """How long it really lasts, changes of the clock included."""
        return self.to_at - self.from_at


class Hours:
    """The service hours, ready to be asked. Safe to share between threads.

    Raises ContentError if there is a time from which nothing opens within 400 days.
    """

    def __init__(self, settings: ServiceHours) -> None:
        self.settings = settings
        self.zone = settings.zone
        self._weekly = tuple(settings.weekly.get(day, ()) for day in WEEKDAYS)
        self._changes = {change.date: change for change in settings.changes}
        self._closed = {day.date: day for day in settings.closed_days}
        self._check_country()
        # A day is computed once; 4096 days are eleven years.
        self._day = lru_cache(maxsize=4096)(self._compute_day)
        self._holidays = lru_cache(maxsize=64)(self._compute_holidays)
        self._check_openings()

    def is_open(self, now: dt.datetime) -> bool:
        """Whether `now` is inside an interval: from its start up to, not including, its end."""
        return any(start <= now < end for start, end in self._day(self._date(now)))

    def has_just_closed(self, at: dt.datetime, now: dt.datetime) -> bool:
        """Whether `at` was inside the open stretch that ended last before `now`. False while open."""
        if self.is_open(now) or not self.is_open(at):
            return False
        return self.next_opening(at) == self.next_opening(now)

    def next_opening(self, now: dt.datetime) -> dt.datetime:
        """The coming opening. While open: the one after this stretch.

        A service that never closes has none; then the next day's start, so that a promise still has a time.
        """
        end = self.closes_at(now)
        if end is not None and end - now > LOOK_AHEAD_DAYS * _DAY - 2 * _DAY:
            return self._day(self._date(now) + _DAY)[0][0]
        after = now if end is None else end
        for start, _ in self._from(self._date(after)):
            if start > after or (start == after and end is None):
                return start
        raise ContentError([f"the service does not open within {LOOK_AHEAD_DAYS} days of {after:%Y-%m-%d}"])

    def closes_at(self, now: dt.datetime) -> dt.datetime | None:
        """The end of the open stretch that `now` is in; None when closed. Looks 400 days ahead at most."""
        end: dt.datetime | None = None
        for start, stop in self._from(self._date(now)):
            if end is None and start <= now < stop:
                end = stop
            elif end is not None and start > end:
                break
            elif end is not None:
                end = stop
            elif start > now:
                break
        return end

    def opened_at(self, now: dt.datetime) -> dt.datetime | None:
        """The start of the open stretch that `now` is in; None when closed. Looks 400 days back at most."""
        begin: dt.datetime | None = None
        today = self._date(now)
        for back in range(LOOK_AHEAD_DAYS):
            for start, stop in reversed(self._day(today - back * _DAY)):
                inside = start <= now < stop if begin is None else stop == begin
                if inside:
                    begin = start
                elif begin is not None:
                    return begin
            if begin is None or begin > self._utc(today - back * _DAY, "00:00", end=False):
                return begin
        return begin

    def intervals_on(self, date: dt.date) -> tuple[Stretch, ...]:
        """The open intervals of one local day, as UTC instants, in order; empty: closed all day."""
        return self._day(date)

    def open_days_after(self, now: dt.datetime, days: int) -> dt.datetime:
        """The end of the local day at which `days` whole open days have passed, today not counted."""
        date = self._date(now)
        while days:
            date += _DAY
            days -= bool(self._day(date))
        return self._utc(date + _DAY, "00:00", end=False)

    def open_days_before(self, now: dt.datetime, days: int) -> dt.datetime:
        """The start of the local day since which there have been `days` whole open days, today not counted."""
        date = self._date(now)
        while days:
            date -= _DAY
            days -= bool(self._day(date))
        return self._utc(date, "00:00", end=False)

    def closed_reason(self, date: dt.date) -> Words | None:
        """Why a local day is closed. None for an open day, and for a day the week itself leaves out."""
        return None if self._day(date) else self._reason(date)

    def stretches(self, first: dt.date, last: dt.date) -> list[ClosedStretch]:
        """Every closed stretch that begins on a local day from `first` to `last`, nights included."""
        found: list[ClosedStretch] = []
        previous = self._last_end_before(first)
        for start, end in self._from(first, days=(last - first).days + 1 + LOOK_AHEAD_DAYS):
            if previous is not None and start > previous and first <= self._date(previous) <= last:
                found.append(
                    ClosedStretch(from_at=previous, to_at=start, reason=self._reasons(previous, start))
                )
            if self._date(end) > last:
                break
            previous = end
        return found

    # Days

    def _date(self, instant: dt.datetime) -> dt.date:
        return instant.astimezone(self.zone).date()

    def _from(self, first: dt.date, days: int = LOOK_AHEAD_DAYS) -> Iterator[Stretch]:
        for ahead in range(days + 1):
            yield from self._day(first + ahead * _DAY)

    def _last_end_before(self, first: dt.date) -> dt.datetime | None:
        """The end of the last interval before `first`, so that a stretch is seen from its beginning."""
        for back in range(1, LOOK_AHEAD_DAYS):
            intervals = self._day(first - back * _DAY)
            if intervals:
                return intervals[-1][1]
        return None

    def _compute_day(self, date: dt.date) -> tuple[Stretch, ...]:
        texts = self._texts(date)
        pairs = [(self._utc(date, t[:5], end=False), self._utc(date, t[6:], end=True)) for t in texts]
        return tuple((start, end) for start, end in sorted(pairs) if start < end)

    def _texts(self, date: dt.date) -> tuple[str, ...]:
        if date in self._changes:
            return self._changes[date].hours
        if self._own_closed(date) or date in self._holidays(date.year):
            return ()
        return self._weekly[date.weekday()]

    def _utc(self, date: dt.date, clock: str, *, end: bool) -> dt.datetime:
        return instant(self.zone, date, clock, end=end)

    # Reasons

    def _reason(self, date: dt.date) -> Words | None:
        if date in self._changes:
            return self._changes[date].reason
        return self._own_closed(date) or self._holidays(date.year).get(date)

    def _own_closed(self, date: dt.date) -> Words | None:
        day: ClosedDay | None = self._closed.get(date.isoformat()) or self._closed.get(date.isoformat()[5:])
        if day:
            return day.reason
        return next((s.reason for s in self.settings.closed_spans if s.first <= date <= s.last), None)

    def _reasons(self, start: dt.datetime, end: dt.datetime) -> Words | None:
        """The reasons of every whole day between two instants, each once, in order."""
        found: list[Words] = []
        day = self._date(start)
        while day <= self._date(end):
            reason = self.closed_reason(day)
            if reason and reason not in found:
                found.append(reason)
            day += _DAY
        if not found:
            return None
        return Words(nb=", ".join(r.nb for r in found), en=", ".join(r.en for r in found))

    def _compute_holidays(self, year: int) -> dict[dt.date, Words]:
        country = self.settings.public_holidays
        if country is None:
            return {}
        if country == "NO":
            return norway.holidays_of(year)
        norwegian = self._names(country, year, "no")
        english = self._names(country, year, "en_US")
        return {
            date: Words(nb=_lower(name).replace("; ", " og "), en=english[date].replace("; ", " and "))
            for date, name in norwegian.items()
        }

    @staticmethod
    def _names(country: str, year: int, language: str) -> dict[dt.date, str]:
        import holidays  # only now: nearly every service is Norwegian, and the whole world takes 14 MB

        # An explicit language: else the names follow the machine's locale. A country that has not got it
        # falls back to its own.
        return dict(holidays.country_holidays(country, years=year, language=language).items())

    # Checks

    def _check_country(self) -> None:
        country = self.settings.public_holidays
        if country in (None, "NO"):
            return
        import holidays

        if country not in holidays.list_supported_countries():
            raise ContentError(
                [f'service_hours.public_holidays: {country!r} is not a country; Norway is "NO", none is null']
            )

    def _check_openings(self) -> None:
        """The week repeats for ever, so only the long closed spans and the days of every year can shut it."""
        if not any(self._weekly):
            raise ContentError(['service_hours.weekly: no weekday has hours; write monday: ["09:00-20:00"]'])
        for first in [dt.date(2028, 1, 1), *(span.first for span in self.settings.closed_spans)]:
            if next(self._from(first), None) is None:
                raise ContentError(
                    [
                        f"service_hours: nothing opens within {LOOK_AHEAD_DAYS} days of {first:%Y-%m-%d}; "
                        "shorten closed_spans or closed_days"
                    ]
                )


def _lower(name: str) -> str:
    """Norwegian holidays are written small within a sentence, save for the one named after Christ."""
    return "; ".join(p if p.startswith("Kristi") else p[:1].lower() + p[1:] for p in name.split("; "))
