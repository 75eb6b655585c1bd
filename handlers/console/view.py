"""How times, deadlines and rows read on the screen. Pure: the instant and the zone come in as arguments."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from bot.window import STANDARD_WINDOW, person_until, window
from handlers.console.words import say

SOON = timedelta(hours=2)  # a window that closes within this is shown in brown
GLYPHS = ("bird", "waves", "leaf", "tree", "drop", "mountain", "sun")


@dataclass(frozen=True, slots=True)
class Moments:
    """Formats instants for one reader: `now` is aware UTC, `zone` the service's own."""

    now: datetime
    zone: ZoneInfo
    language: str

    def clock(self, at: datetime) -> str:
        """ "14:31" today, "fre. 21:40" within six days, else with the date."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone).date()
        days = (today - local.date()).days
        time = f"{local:%H:%M}"
        if days == 0:
            return time
        if 0 < days < 7:
            return f"{self._word('weekday_short', local.weekday())} {time}"
        month = self._word("month_short", local.month - 1)
        return say("time.date_short", self.language, n=local.day, month=month, clock=time)

    def clock_ahead(self, at: datetime) -> str:
        """As `clock`, for an instant to come."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone).date()
        if 0 < (local.date() - today).days < 7:
            return f"{self._word('weekday_short', local.weekday())} {local:%H:%M}"
        return self.clock(at)

    def long_date(self) -> str:
        """ "Mandag 23. november 14:32", "Monday 23 November 14:32"."""
        local = self.now.astimezone(self.zone)
        day, month = self._word("weekday", local.weekday()), self._word("month", local.month - 1)
        return say("time.long", self.language, day=day, n=local.day, month=month, clock=f"{local:%H:%M}")

    def short_clock(self) -> str:
        """The time of day now."""
        return f"{self.now.astimezone(self.zone):%H:%M}"

    def waited(self, since: datetime) -> str:
        """ "venter 3 min" today; older than today is a weekday and a clock time."""
        if since.astimezone(self.zone).date() != self.now.astimezone(self.zone).date():
            return self.clock(since)
        return say("time.waits", self.language, time=self.span(self.now - since))

    def span(self, span: timedelta) -> str:
        """ "23 t 51 min", "38 min"; days from two days on."""
        minutes = max(0, int(span.total_seconds() // 60))
        if minutes >= 48 * 60:
            return say("time.days", self.language, n=minutes // 1440)
        if minutes >= 60:
            return say("time.hours", self.language, h=minutes // 60, m=minutes % 60)
        return say("time.minutes", self.language, n=minutes)

    def stopwatch(self, since: datetime) -> str:
        """ "1:12" under an hour, else as `span`."""
        seconds = max(0, int((self.now - since).total_seconds()))
        return f"{seconds // 60}:{seconds % 60:02}" if seconds < 3600 else self.span(self.now - since)

    def window(self, last_inbound_at: datetime | None, *, granted: bool) -> Deadline:
        """Until when we may write to this contact."""
        match window(last_inbound_at, self.now, granted=granted):
            case "open":
                assert last_inbound_at is not None  # noqa: S101 - "open" says so
                left = last_inbound_at + STANDARD_WINDOW - self.now
                if left < SOON:
                    return Deadline("soon", say("window.soon", self.language, time=self.span(left)))
                return Deadline("open", say("window.open", self.language, time=self.span(left)))
            case "person":
                until = person_until(last_inbound_at, granted=granted)
                left = until - self.now if until else timedelta()
                return Deadline("person", say("window.person", self.language, time=self._rough(left)))
            case _:
                return Deadline("closed", say("window.closed", self.language))

    def _rough(self, span: timedelta) -> str:
        hours = int(span.total_seconds() // 3600)
        if hours >= 24:
            return say("time.days_short", self.language, n=hours // 24)
        return say("time.hours_only", self.language, n=hours) if hours else self.span(span)

    def _word(self, group: str, index: int) -> str:
        return say(f"time.{group}", self.language).split()[index]


@dataclass(frozen=True, slots=True)
class Deadline:
    """The window clock: what kind it is (which icon, which colour) and what it says."""

    kind: Literal["open", "soon", "person", "closed"]
    text: str

    @property
    def icon(self) -> str:
        """Name of its symbol."""
        return {"open": "clock", "soon": "clock-soon", "person": "person", "closed": "barred"}[self.kind]


def glyph(alias: str) -> str:
    """The nature glyph that goes with an alias; always the same for the same words."""
    return GLYPHS[zlib.crc32(alias.encode()) % len(GLYPHS)]


def marked(text: str, words: tuple[str, ...]) -> Markup:
    """`text`, escaped, with the words that raised the alert underlined."""
    found = sorted({word for word in words if word.strip()}, key=len, reverse=True)
    if not found:
        return escape(text)
    pieces = re.split("(" + "|".join(re.escape(word) for word in found) + ")", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup('<mark class="hit">{}</mark>').format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )
