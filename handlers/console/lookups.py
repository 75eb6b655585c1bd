"""Pages to look things up: the year's hours, a sentence as it would be read, when services were called.

All of them show my drafts, where there are some.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from flask import render_template, request
from flask.typing import ResponseReturnValue

from bot.hours import ClosedStretch, Hours
from bot.risk import Finding, Phrases, RiskFile
from bot.services import EXEMPT_NUMBERS, Service
from bot.verified import FLAG_DAYS, STOP_DAYS
from bot.window import HUMAN_WINDOW, STANDARD_WINDOW
from handlers.console import desk, drafting
from handlers.console.parts import me, now, parts
from handlers.console.words import language, say

_DAY = dt.timedelta(days=1)
MAX_SENTENCE = 2000


# The year.


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar."""

    date: dt.date
    state: str  # open, closed, named (closed with a reason), other (open at other hours than its weekday)
    words: str  # hours, or the reason
    long: str  # "", "day": in a closed stretch beyond 24 h, "week": beyond 7 d

    @property
    def mark(self) -> str:
        """Its sign, beside the colour."""
        return {"week": "··", "day": "·", "": ""}[self.long]


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks from Monday; None where the week belongs to another month."""

    name: str
    weeks: tuple[tuple[Day | None, ...], ...]


def year_page() -> ResponseReturnValue:
    """A year with closed days, and the stretches that outlast the two limits for answers."""
    work = desk.open_for(me())
    content = drafting.content_of(work.files)
    hours = (content or parts().content()).hours
    this_year = now().astimezone(hours.zone).year
    wanted = request.args.get("year", "")
    year = int(wanted) if wanted.isdecimal() and 1970 <= int(wanted or 0) <= 2099 else this_year
    long = [
        each
        for each in hours.stretches(dt.date(year, 1, 1), dt.date(year, 12, 31))
        if each.length > STANDARD_WINDOW
    ]
    return render_template(
        "console/year.html",
        year=year,
        months=list(_months(hours, year, long)),
        named=[each for each in long if each.reason],
        ordinary=sum(1 for each in long if not each.reason),
        weekdays=say("time.weekday_short", language()).split(),
        reason=lambda each: each.reason.in_(_tongue()) if each.reason else "",
        long_as=lambda each: "week" if each.length > HUMAN_WINDOW else "day",
        moment=lambda at: _moment(at.astimezone(hours.zone), year),
        readable=content is not None,
        draft="config.yaml" in work.drafts,
    )


def _moment(local: dt.datetime, year: int) -> str:
    """ "1. april 20:00"; with the year where it is not the one on the page."""
    month = say("time.month_short", language()).split()[local.month - 1]
    other = "" if local.year == year else f" {local.year}"
    return say("time.date_short", language(), n=local.day, month=month + other, clock=f"{local:%H:%M}")


def _tongue() -> str:
    return "en" if language() == "en" else "nb"


def _months(hours: Hours, year: int, long: list[ClosedStretch]) -> Iterator[Month]:
    names = say("time.month", language()).split()
    weeks = calendar.Calendar(firstweekday=0)
    for month in range(1, 13):
        yield Month(
            names[month - 1],
            tuple(
                tuple(_day(hours, day, long) if day.month == month else None for day in week)
                for week in weeks.monthdatescalendar(year, month)
            ),
        )


def _day(hours: Hours, day: dt.date, long: list[ClosedStretch]) -> Day:
    reason = hours.closed_reason(day)
    spans = hours.intervals_on(day)
    clocks = ", ".join(
        f"{start.astimezone(hours.zone):%H:%M}-{end.astimezone(hours.zone):%H:%M}" for start, end in spans
    )
    usual = hours.settings.weekly.get(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")[day.weekday()], ()
    )
    state = "named" if reason and not spans else "closed" if not spans else "open"
    if spans and clocks != ", ".join(usual):
        state = "other"
    noon = dt.datetime.combine(day, dt.time(12), hours.zone)
    inside = [each for each in long if each.from_at <= noon < each.to_at]
    beyond = "" if not inside else "week" if inside[0].length > HUMAN_WINDOW else "day"
    return Day(day, state, reason.in_(_tongue()) if reason and not spans else clocks, beyond)


# A sentence.


@lru_cache(maxsize=2)
def _bare(written: str) -> Phrases:
    """The phrases with nothing that holds them back: no exceptions, no partners, no words that lower."""
    file = RiskFile.model_validate_json(written)
    rules = tuple(rule.model_copy(update={"except_": (), "unless": (), "with_": ()}) for rule in file.rules)
    return Phrases(file.model_copy(update={"rules": rules, "shifts": ()}))


@dataclass(frozen=True, slots=True)
class Read:
    """How a sentence is read, by phrases alone and with the second reader."""

    found: Finding | None
    phrases: Finding | None
    without: Finding | None  # what the phrases would say if nothing held them back


def sentence_page() -> ResponseReturnValue:
    """The empty form."""
    return _sentence("")


def sentence_read() -> ResponseReturnValue:
    """Try a sentence: which rule, which words, and why not. Nothing is kept, and it stands in no address."""
    return _sentence(request.form.get("text", "").replace("\x00", "")[:MAX_SENTENCE].strip())


def _sentence(text: str) -> str:
    work = desk.open_for(me())
    content = drafting.content_of(work.files)
    read, rule = None, None
    if text:
        reader = (content or parts().content()).phrases
        phrases = getattr(reader, "phrases", reader)
        found = reader.read(text)
        without = _bare(phrases.file.model_dump_json(by_alias=True)).read(text)
        read = Read(found, phrases.read(text), without if without != found else None)
        named = found or without
        rule = next((each for each in phrases.file.rules if named and each.id == named.rule), None)
    return render_template(
        "console/sentence.html",
        text=text,
        read=read,
        rule=rule,
        readable=content is not None,
        draft="flows/risk_phrases.yaml" in work.drafts,
    )


# Services.


@dataclass(frozen=True, slots=True)
class Called:
    """One service, and how long ago somebody called it."""

    service: Service
    days: int | None  # None: nobody has
    state: str  # fresh, soon (flagged), late (keeps a new set from being published), never, exempt


def verified_page() -> ResponseReturnValue:
    """Every service with who called it, and when; the oldest first."""
    work = desk.open_for(me())
    content = drafting.content_of(work.files) or parts().content()
    today = now().astimezone(content.hours.zone).date()
    called = [_called(content.services[id], today) for id in content.services]
    order = ("late", "never", "soon", "fresh", "exempt")
    called.sort(key=lambda each: (order.index(each.state), -(each.days or 0), each.service.id))
    return render_template("console/verified.html", called=called, flag=FLAG_DAYS, stop=STOP_DAYS)


def _called(service: Service, today: dt.date) -> Called:
    days = (today - service.verified_on).days if service.verified_on else None
    if service.number in EXEMPT_NUMBERS:
        return Called(service, days, "exempt")
    if days is None or not service.verified_by:
        return Called(service, days, "never")
    return Called(service, days, "late" if days >= STOP_DAYS else "soon" if days >= FLAG_DAYS else "fresh")
