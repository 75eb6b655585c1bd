"""Every setting of config.yaml as frozen models. Secrets and places come from the environment instead.

`bot.yaml_text` turns a wrong value into `config.yaml:12: ...`; nothing here reads a file.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


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


Interval = Annotated[str, AfterValidator(_interval)]


class ClosedDay(Model):
    """A day nobody answers. `date` is one day ("2027-07-01"), or a day of every year ("12-24")."""

    date: str
    reason: Words

    @field_validator("date")
    @classmethod
    def _date(cls, value: str) -> str:
        full = value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else f"2028-{value}"  # 2028: a leap year
        try:
            dt.date.fromisoformat(full)
        except ValueError:
            raise ValueError('write a date as "2027-07-01", or "12-24" for every year') from None
        return value


class ClosedSpan(Model):
    """Several closed days in a row, both ends included, such as the summer."""

    first: dt.date
    last: dt.date
    reason: Words


class ChangedDay(Model):
    """Other hours on one date; wins over the week, holidays and closed days."""

    date: dt.date
    hours: tuple[Interval, ...]
    reason: Words


class ServiceHours(Model):
    """When people answer, in the time zone's own clock."""

    time_zone: str = "Europe/Oslo"
    weekly: dict[str, tuple[Interval, ...]]  # weekday name to intervals; a weekday left out is closed
    public_holidays: str | None = "NO"  # country code of the `holidays` package; null: none
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
        for day, intervals in value.items():
            if day not in WEEKDAYS:
                raise ValueError(f"{day!r} is not a weekday; write one of {', '.join(WEEKDAYS)}")
            for earlier, later in itertools.pairwise(intervals):
                if earlier[6:] > later[:5]:
                    raise ValueError(f"{day}: {earlier} and {later} overlap or stand in the wrong order")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)


class Page(Model):
    """What the service calls itself, and where its notice can be read."""

    name: str
    privacy_url: str
    contact_email: str


class Messenger(Model):
    """The channel. Limits that Meta sets are in `handlers/messenger/limits.py`, not here."""

    graph_version: str = Field(default="26.0", pattern=r"^\d+\.\d+$")
    connect_timeout_seconds: float = 3.05
    read_timeout_seconds: float = 10.0
    senders: int = Field(default=256, ge=1, le=512)  # sends in flight at once
    typing_indicator: bool = True  # show "..." before the bot answers; costs one call more
    quiet_minutes: int = Field(
        default=60, ge=5
    )  # of open hours without a message: is the Page still subscribed?


class Waiting(Model):
    """How long is long. All in minutes."""

    ask_again_minutes: tuple[int, ...] = (15, 30)  # "is it ok to wait a bit more?"
    check_in_minutes: int = 30  # silence after a person's message
    park_minutes: int = 120
    close_minutes: int = 1440
    unread_elsewhere_minutes: int = 15  # a message in Meta's inbox that nobody answered
    quiet_danger_minutes: int = 10  # between short lines, and between two cards of one tier
    reachable_minutes: int = 10  # a console that was last seen longer ago is not reachable


class DangerReading(Model):
    """What reads messages for danger, beside the phrases."""

    model: Literal["on", "off"] = "on"  # the statistical reader of flows/risk_model.yaml
    extra_phrases: str | None = None  # a second file of phrases, kept out of the repository; see docs/risk.md


class Queue(Model):
    """Who gets how much."""

    cap: int = Field(default=3, ge=1)  # parallel conversations of one supporter
    cap_while_critical: int = Field(default=1, ge=1)
    window_soon_minutes: int = 120  # within a tier, those whose window closes sooner go first


class Retention(Model):
    """How long words live. All in hours."""

    text_hours_after_close: int = 72
    open_text_hours: int = 168


class Console(Model):
    """Sign-in and sessions."""

    second_factor: Literal["required", "optional"] = "required"
    session_idle_minutes: int = 480
    session_hours: int = 12
    sign_in_tries: int = 5  # wrong tries per account and per address before a pause
    sign_in_pause_minutes: int = 15
    undo_seconds: int = Field(default=5, ge=0, le=30)  # so long a reply waits and can be taken back
    streams: int = 256  # live connections one web process holds
    away_minutes: int = Field(
        default=10, ge=2, le=120
    )  # a console last seen longer ago: what waits there for an answer goes back to the queue
    proxies: int = Field(
        default=1, ge=0, le=5
    )  # how many of ours stand in front; their X-Forwarded-* is believed


Channel = Literal["banner", "push", "email", "webhook"]
ROLES_TOLD = ("on_duty", "duty_lead", "coordinator")


class Rung(Model):
    """One step of the ladder: whom to tell, so long after the alert, and how."""

    tell: str = Field(pattern=r"^(on_duty|duty_lead|coordinator|contact:[a-z0-9_]{1,30})$")
    after_minutes: float = Field(ge=0, le=1440)
    channels: tuple[Channel, ...] = Field(min_length=1)


def _climbing(rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    for earlier, later in itertools.pairwise(rungs):
        if later.after_minutes < earlier.after_minutes:
            raise ValueError("the rungs stand in the order of their after_minutes, the soonest first")
    return rungs


RungList = Annotated[tuple[Rung, ...], AfterValidator(_climbing)]


class Rungs(Model):
    """The rungs of each tier."""

    critical: RungList = ()
    high: RungList = ()
    elevated: RungList = ()

    def of(self, tier: str) -> tuple[Rung, ...]:
        """The tier's rungs; none for a tier that alerts nobody."""
        found: dict[str, tuple[Rung, ...]] = {
            "critical": self.critical,
            "high": self.high,
            "elevated": self.elevated,
        }
        return found.get(tier, ())

    @property
    def all(self) -> tuple[Rung, ...]:
        """Those of every tier."""
        return (*self.critical, *self.high, *self.elevated)


class ClosedRungs(Rungs):
    """Outside the hours. `nobody`: nobody is told before the next opening, and that is a decision."""

    nobody: bool = False

    @model_validator(mode="after")
    def _one_of_two(self) -> ClosedRungs:
        if self.nobody and self.all:
            raise ValueError("nobody: true means no rungs; take one of the two away")
        return self


class NamedContact(Model):
    """Somebody who is told by name: an account (`login`), or an address without one."""

    login: str | None = None
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    phone: str | None = Field(default=None, pattern=r"^\+?[0-9 ]{3,20}$")

    @model_validator(mode="after")
    def _reachable(self) -> NamedContact:
        if not (self.login or self.email or self.phone):
            raise ValueError("write a login, an email or a phone")
        return self


class ReplyMinutes(Model):
    """How long after "I have it" a person may be silent before the ladder goes on. Null: for ever."""

    critical: float | None = Field(default=5, gt=0)
    high: float | None = Field(default=10, gt=0)
    elevated: float | None = Field(default=None, gt=0)

    def of(self, tier: str) -> float | None:
        """The tier's limit in minutes."""
        found: dict[str, float | None] = {
            "critical": self.critical,
            "high": self.high,
            "elevated": self.elevated,
        }
        return found.get(tier)


def _rung(tell: str, after_minutes: float, *channels: Channel) -> Rung:
    return Rung(tell=tell, after_minutes=after_minutes, channels=channels or ("banner", "push", "email"))


class Ladder(Model):
    """Who is told of an alert, and after how long whom next, until somebody says "I have it"."""

    console_url: str = Field(
        default="https://example.org/console", pattern=r"^https://\S+$|^http://(127\.0\.0\.1|localhost)\S*$"
    )
    repeat_minutes: float = Field(default=5, ge=1)
    reply_minutes: ReplyMinutes = ReplyMinutes()
    confirm_hours: int = Field(default=24, ge=1)
    record_days: int = Field(default=365, ge=30)
    contacts: dict[str, NamedContact] = {}
    open: Rungs = Rungs(
        critical=(_rung("on_duty", 0), _rung("duty_lead", 2), _rung("coordinator", 5)),
        high=(_rung("on_duty", 0), _rung("duty_lead", 5), _rung("coordinator", 10)),
        elevated=(_rung("on_duty", 0, "banner"),),
    )
    closed: ClosedRungs = ClosedRungs(nobody=True)

    @model_validator(mode="after")
    def _sound(self) -> Ladder:
        for rung in (*self.open.all, *self.closed.all):
            name = rung.tell.removeprefix("contact:")
            if name != rung.tell and name not in self.contacts:
                raise ValueError(f"{rung.tell!r} is nobody: write {name!r} under contacts")
        if not self.open.critical or not self.open.high:
            raise ValueError("open: critical and high each need a rung")
        for rungs in (self.open.critical, self.closed.critical):
            if len(rungs) > 1 and self._persons(rungs[0]) & self._persons(rungs[1]):
                raise ValueError(
                    "critical: the first two rungs are one person; if they do not hear it, nobody else does"
                )
        return self

    def _persons(self, rung: Rung) -> frozenset[str]:
        contact = self.contacts.get(rung.tell.removeprefix("contact:"))
        if contact is None or rung.tell in ROLES_TOLD:
            return frozenset({rung.tell})
        addresses = (contact.login, contact.email, contact.phone)
        return frozenset(each.replace(" ", "").casefold() for each in addresses if each)


class Staffing(Model):
    """How many people are on shift in every open hour."""

    supporters: int = Field(default=2, ge=0, le=50)
    duty_lead: int = Field(default=1, ge=0, le=10)


class Rota(Model):
    """Shifts: how many people an open hour needs, and when somebody is reminded or missed."""

    minimum: Staffing = Staffing()
    minimum_on: dict[str, Staffing] = {}  # weekday name to another minimum on that day
    give_up_hours: int = Field(default=24, ge=0, le=336)  # later than this before a shift it must be swapped
    remind_minutes: int = Field(default=60, ge=0, le=1440)  # 0: nobody is reminded
    missing_minutes: int = Field(default=10, ge=1, le=60)  # a shift without its person for so long is told

    @field_validator("minimum_on")
    @classmethod
    def _weekdays(cls, value: dict[str, Staffing]) -> dict[str, Staffing]:
        for day in value:
            if day not in WEEKDAYS:
                raise ValueError(f"{day!r} is not a weekday; write one of {', '.join(WEEKDAYS)}")
        return value

    def minimum_for(self, date: dt.date) -> Staffing:
        """What an open hour of this local day needs."""
        return self.minimum_on.get(WEEKDAYS[date.weekday()], self.minimum)


class Settings(Model):
    """config.yaml."""

    page: Page
    service_hours: ServiceHours
    human_agent: Literal["granted", "not_granted"] = "not_granted"
    waiting: Waiting = Waiting()
    danger: DangerReading = DangerReading()
    queue: Queue = Queue()
    rota: Rota = Rota()
    ladder: Ladder = Ladder()
    retention: Retention = Retention()
    messenger: Messenger = Messenger()
    console: Console = Console()
