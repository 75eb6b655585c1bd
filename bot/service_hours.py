"""The part of config.yaml about when people answer, and what every part of it is made of."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.bounds import Text, line

LONGEST_SPAN_DAYS = 366  # a longer one is a service that has ended
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Each = TypeVar("Each")


class Model(BaseModel):
    """Frozen, and an unknown key is a mistake, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Model):
    """One text in both languages."""

    nb: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def in_(self, language: str | None) -> str:
        """The text in `language`; bokmål for anything else."""
        return self.en if language == "en" else self.nb


def _interval(text: str) -> str:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", text)
    if not match or text[:5] >= text[6:] or (match[3] == "24" and match[4] != "00"):
        raise ValueError('write an interval as "09:00-20:00", the earlier time first')
    return text


Interval = Annotated[
    str,
    AfterValidator(_interval),
    Field(json_schema_extra={"pattern": r"^[0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d$"}),
]


def _in_order(intervals: tuple[str, ...]) -> tuple[str, ...]:
    for earlier, later in itertools.pairwise(intervals):
        if earlier[6:] > later[:5]:
            raise ValueError(f"{earlier} and {later} overlap or stand in the wrong order")
    return intervals


Intervals = Annotated[tuple[Interval, ...], AfterValidator(_in_order)]


def _of_our_time(date: dt.date) -> dt.date:
    if not 2000 <= date.year <= 2100:
        raise ValueError("write a date from the year 2000 to the year 2100")
    return date


Date = Annotated[dt.date, AfterValidator(_of_our_time)]


class Reason(Words):
    """Why there are other hours: some words on one line."""

    nb: Annotated[str, line(100)]
    en: Annotated[str, line(100)]


class ClosedDay(Model):
    """A day nobody answers. `date` is one day ("2027-07-01"), or a day of every year ("12-24")."""

    date: str = Field(json_schema_extra={"pattern": r"^(20\d\d-|2100-)?\d\d-\d\d$"})
    reason: Reason

    @field_validator("date")
    @classmethod
    def _date(cls, value: str) -> str:
        full = value if len(value) == len("2027-07-01") else f"2028-{value}"  # 2028: a leap year
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", full):  # ISO has more forms, of weeks
                raise ValueError
            _of_our_time(dt.date.fromisoformat(full))
        except ValueError:
            raise ValueError('write a date as "2027-07-01", or "12-24" for every year') from None
        return value


class ClosedSpan(Model):
    """Several closed days in a row, both ends included, such as the summer."""

    first: Date
    last: Date
    reason: Reason

    @model_validator(mode="after")
    def _forwards(self) -> ClosedSpan:
        if not 0 <= (self.last - self.first).days < LONGEST_SPAN_DAYS:
            raise ValueError(f"'last' is the day of 'first' or a later one, {LONGEST_SPAN_DAYS} days at most")
        return self


class ChangedDay(Model):
    """Other hours on one date; wins over the week, holidays and closed days."""

    date: Date
    hours: Intervals
    reason: Reason


def known_days(value: dict[str, Each]) -> dict[str, Each]:
    """Raises ValueError for a key that is no weekday."""
    for day in value:
        if day not in WEEKDAYS:
            raise ValueError(f"{day!r} is not a weekday; write one of {', '.join(WEEKDAYS)}")
    return value


class ServiceHours(Model):
    """When people answer, in the time zone's own clock."""

    time_zone: str = Field(default="Europe/Oslo", json_schema_extra={"maxLength": 64})
    weekly: dict[str, Intervals]  # weekday name to intervals; a weekday left out is closed
    public_holidays: (
        Annotated[str, Text("[A-Z]{2}", 2, 'write a country as "NO", or null for none')] | None
    ) = "NO"  # country code of the `holidays` package; null: none
    closed_days: tuple[ClosedDay, ...] = ()
    closed_spans: tuple[ClosedSpan, ...] = ()
    changes: tuple[ChangedDay, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a time zone; Oslo's is Europe/Oslo")
        return value

    @field_validator("weekly")
    @classmethod
    def _weekdays(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return known_days(value)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)
