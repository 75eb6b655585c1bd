"""Every setting of config.yaml as frozen models. Secrets and places come from the environment instead.

`bot.yaml_text` turns a wrong value into `config.yaml:12: ...`; nothing here reads a file.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from bot.bounds import Between, Text, line, mail_address, web_address
from bot.service_hours import (
    WEEKDAYS,
    ChangedDay,
    ClosedDay,
    ClosedSpan,
    Interval,
    Model,
    Reason,
    ServiceHours,
    Words,
    known_days,
)

__all__ = [
    "WEEKDAYS",
    "ChangedDay",
    "ClosedDay",
    "ClosedSpan",
    "Interval",
    "Model",
    "Reason",
    "ServiceHours",
    "Words",
]


class Page(Model):
    """What the service calls itself, and where its notice can be read."""

    name: Annotated[str, line(75)]
    privacy_url: Annotated[str, web_address(200)]
    contact_email: Annotated[str, mail_address(100)]


class Messenger(Model):
    """The channel. Limits that Meta sets are in `handlers/messenger/limits.py`, not here."""

    graph_version: Annotated[str, Text(r"\d{1,3}\.\d{1,2}", 6, 'write a version as "26.0", in quotes')] = (
        "26.0"
    )
    connect_timeout_seconds: Annotated[float, Between(0.5, 30, "seconds")] = 3.05
    read_timeout_seconds: Annotated[float, Between(1, 60, "seconds")] = 10.0
    senders: Annotated[int, Between(1, 512)] = 256  # sends in flight at once
    typing_indicator: bool = True  # show "..." before the bot answers; costs one call more
    # Of open hours without a message: is the Page still subscribed?
    quiet_minutes: Annotated[int, Between(5, 1440, "minutes")] = 60


Minutes = Annotated[int, Between(1, 1440, "minutes")]


def _asked(patience: tuple[int, ...]) -> tuple[int, ...]:
    if len(patience) > 2 or list(patience) != sorted(set(patience)):
        raise ValueError("write two numbers of minutes at most, the smaller one first, or []")
    return patience


class Waiting(Model):
    """How long is long. All in minutes."""

    ask_again_minutes: Annotated[tuple[Minutes, ...], AfterValidator(_asked)] = (15, 30)  # "ok to wait more?"
    check_in_minutes: Minutes = 30  # silence after a person's message
    park_minutes: Annotated[int, Between(2, 4320, "minutes")] = 120
    close_minutes: Annotated[int, Between(30, 10080, "minutes")] = 1440
    unread_elsewhere_minutes: Minutes = 15  # a message in Meta's inbox that nobody answered
    # Between short lines, and between two cards of one tier.
    quiet_danger_minutes: Annotated[int, Between(1, 60, "minutes")] = 10
    # A console that was last seen longer ago is not reachable. One that is open is seen every minute.
    reachable_minutes: Annotated[int, Between(2, 60, "minutes")] = 10

    @model_validator(mode="after")
    def _in_turn(self) -> Waiting:
        if not self.check_in_minutes < self.park_minutes < self.close_minutes:
            raise ValueError(
                "check_in_minutes is less than park_minutes, and that is less than close_minutes"
            )
        return self


class DangerReading(Model):
    """What reads messages for danger, beside the phrases."""

    model: Literal["on", "off"] = "on"  # the statistical reader of flows/risk_model.yaml
    # A second file of phrases, kept out of the repository; see docs/risk.md.
    extra_phrases: Annotated[str, line(300)] | None = None


class Queue(Model):
    """Who gets how much."""

    cap: Annotated[int, Between(1, 50)] = 3  # parallel conversations of one supporter
    cap_while_critical: Annotated[int, Between(1, 50)] = 1
    # Within a tier, those whose window closes sooner go first.
    window_soon_minutes: Annotated[int, Between(0, 1440, "minutes")] = 120


class Retention(Model):
    """How long words live. All in hours."""

    text_hours_after_close: Annotated[int, Between(1, 2160, "hours")] = 72
    open_text_hours: Annotated[int, Between(24, 2160, "hours")] = 168


class Console(Model):
    """Sign-in and sessions."""

    second_factor: Literal["required", "optional"] = "required"
    session_idle_minutes: Annotated[int, Between(5, 1440, "minutes")] = 480
    session_hours: Annotated[int, Between(1, 168, "hours")] = 12
    sign_in_tries: Annotated[int, Between(3, 20)] = 5  # wrong tries per account before a pause
    sign_in_pause_minutes: Annotated[int, Between(5, 1440, "minutes")] = 15
    # So long a reply waits and can be taken back.
    undo_seconds: Annotated[int, Between(0, 30, "seconds")] = 5
    streams: Annotated[int, Between(1, 1000)] = 96  # live connections one web process holds
    # A console last seen longer ago: what waits there for an answer goes back to the queue.
    away_minutes: Annotated[int, Between(2, 120, "minutes")] = 10
    # How many of ours stand in front; their X-Forwarded-* is believed.
    proxies: Annotated[int, Between(0, 5)] = 1


Channel = Literal["banner", "push", "email", "webhook"]
ROLES_TOLD = ("on_duty", "duty_lead", "coordinator")


class Rung(Model):
    """One step of the ladder: whom to tell, so long after the alert, and how."""

    tell: Annotated[
        str,
        Text(
            r"on_duty|duty_lead|coordinator|contact:[a-z0-9_]{1,30}",
            38,
            "write on_duty, duty_lead, coordinator, or contact: and a name of small letters",
        ),
    ]
    after_minutes: Annotated[float, Between(0, 1440, "minutes")]
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

    login: Annotated[str, line(100)] | None = None
    email: Annotated[str, mail_address(254)] | None = None
    phone: Annotated[str, Text(r"\+?[0-9 ]{3,20}", 21, 'write a number as "+47 00 00 00 00"')] | None = None

    @model_validator(mode="after")
    def _reachable(self) -> NamedContact:
        if not (self.login or self.email or self.phone):
            raise ValueError("write a login, an email or a phone")
        return self


class ReplyMinutes(Model):
    """How long after "I have it" a person may be silent before the ladder goes on. Null: for ever."""

    critical: Annotated[float, Between(1, 60, "minutes")] | None = 5
    high: Annotated[float, Between(1, 240, "minutes")] | None = 10
    elevated: Annotated[float, Between(1, 1440, "minutes")] | None = None

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

    console_url: Annotated[str, web_address(200)] = "https://example.org/console"
    repeat_minutes: Annotated[float, Between(1, 60, "minutes")] = 5
    reply_minutes: ReplyMinutes = ReplyMinutes()
    confirm_hours: Annotated[int, Between(1, 168, "hours")] = 24
    record_days: Annotated[int, Between(30, 3650, "days")] = 365
    contacts: dict[str, NamedContact] = Field(default_factory=dict)
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

    supporters: Annotated[int, Between(0, 50)] = 2
    duty_lead: Annotated[int, Between(0, 10)] = 1


class Rota(Model):
    """Shifts: how many people an open hour needs, and when somebody is reminded or missed."""

    minimum: Staffing = Staffing()
    minimum_on: dict[str, Staffing] = Field(
        default_factory=dict
    )  # weekday name to another minimum on that day
    # Later than this before a shift it must be swapped.
    give_up_hours: Annotated[int, Between(0, 336, "hours")] = 24
    remind_minutes: Annotated[int, Between(0, 1440, "minutes")] = 60  # 0: nobody is reminded
    # A shift without its person for so long is told.
    missing_minutes: Annotated[int, Between(1, 60, "minutes")] = 10

    @field_validator("minimum_on")
    @classmethod
    def _weekdays(cls, value: dict[str, Staffing]) -> dict[str, Staffing]:
        return known_days(value)

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
