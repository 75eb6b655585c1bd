"""The ladder: who is told of an alert, when, and who next, until somebody says "I have it".

Pure: what is known about an alert goes in, the rung that is due comes out. `next_step` looks at time alone,
`tellings` at people, so that nobody's name is opened while nothing is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from bot.conversation import Tier
from bot.settings import ROLES_TOLD, Channel, Ladder, Rung, Settings

Part = Literal["open", "closed"]
NOT_SET_UP = "not_set_up"  # the service has no such channel
NO_ADDRESS = "no_address"  # the person has none for this channel
NOBODY_ON_DUTY = (
    "nobody_on_duty"  # those whose shift it is were told instead, and the next rung does not wait
)
UNUSABLE = frozenset({NOT_SET_UP, NO_ADDRESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """An open alert, as far as the ladder goes. No content."""

    alert_id: int
    contact_id: int
    tier: Tier
    armed: int  # how many times people had to be told anew
    number: int  # counts arming and resuming: what was told in an earlier climb is not told in this one
    armed_at: datetime
    raised_at: datetime | None = None  # when it went off first; None: as armed
    acknowledged_at: datetime | None = None
    resumed_at: datetime | None = None  # after "I have it" nobody did anything: the ladder went on
    replied_at: datetime | None = None  # a person's latest words to the student
    acted_at: datetime | None = None  # a person's latest line in the escalation record
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """The latest rung of this climb."""

    step: int
    part: Part
    rung: int
    at: datetime
    moves_on: bool  # a channel failed, or it reached nobody: the next rung need not wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rung that is due. `step` counts the rungs of one climb from 1, through all its rounds."""

    step: int
    part: Part
    index: int
    rung: Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done now, and when to look again (None: not before something happens)."""

    due: Step | None = None
    resume: bool = False
    look_at: datetime | None = None
    next_tells: str | None = None  # whom the next rung tells

    @property
    def is_due(self) -> bool:
        """Whether there is something to do now."""
        return self.resume or self.due is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may be told. `who` is "staff:7" or "contact:name"."""

    who: str
    role: str  # a role of staff, or "contact"
    on_duty: bool = False  # and reachable
    on_shift: bool = False  # by the rota it is their shift now
    paused: bool = False
    channels: frozenset[Channel] = frozenset()  # for which they have an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One person, one channel. `code` says why it cannot be tried."""

    who: str
    channel: Channel
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who may be told, and the channels that the service has."""

    people: tuple[Person, ...] = ()
    channels: frozenset[Channel] = field(default=frozenset({"banner"}))


def next_step(
    climb: Climb,
    last: Fired | None,
    settings: Ladder,
    *,
    in_hours: bool,
    just_closed: bool = False,
    hours_change_at: datetime,
    now: datetime,
) -> Plan:
    """Which rung is due, or when to look next.

    `last` is the latest rung of this very climb. `hours_change_at` is the coming opening or closing: there
    another list of rungs begins, once the one of the open hours has come to its end. `just_closed`: the alert
    went off in the open stretch that has ended since.
    """
    if climb.acknowledged_at is not None:
        if _is_attended(climb, climb.acknowledged_at, in_hours=in_hours):
            return Plan()
        if climb.resumed_at is None:
            return _paused(climb, climb.acknowledged_at, settings, now)
    part = _part(last, len(settings.open.of(climb.tier.value)), in_hours=in_hours, just_closed=just_closed)
    rungs = (settings.open if part == "open" else settings.closed).of(climb.tier.value)
    if not rungs:
        return Plan(look_at=hours_change_at)
    index, due_at = _position(climb, last, part, rungs, settings)
    if now < due_at:
        return Plan(look_at=min(due_at, hours_change_at), next_tells=rungs[index].tell)
    number = last.step + 1 if last else 1
    return Plan(
        due=Step(step=number, part=part, index=index, rung=rungs[index]), next_tells=rungs[index].tell
    )


def _part(last: Fired | None, open_rungs: int, *, in_hours: bool, just_closed: bool) -> Part:
    """Which list holds. Closing time does not end what was begun: who went home has not taken it."""
    if in_hours:
        return "open"
    if last is None:  # an alert resumed, or that rose, after closing begins where it would have begun before
        return "open" if just_closed else "closed"
    return "open" if last.part == "open" and last.rung + 1 < open_rungs else "closed"


def _position(
    climb: Climb, last: Fired | None, part: Part, rungs: tuple[Rung, ...], settings: Ladder
) -> tuple[int, datetime]:
    """The next rung's place in the list, and when it is due."""
    if last is None or last.part != part:
        base = climb.resumed_at or climb.armed_at
        return 0, base + timedelta(minutes=rungs[0].after_minutes)
    index = last.rung + 1
    if index >= len(rungs):
        return 0, last.at + timedelta(minutes=settings.repeat_minutes)
    if last.moves_on:
        return index, last.at
    gap = rungs[index].after_minutes - rungs[last.rung].after_minutes
    return index, last.at + timedelta(minutes=gap)


def _is_attended(climb: Climb, since: datetime, *, in_hours: bool) -> bool:
    """Whether after "I have it" something happened: words to the student or, when closed, a recorded action."""
    if climb.replied_at is not None and climb.replied_at >= since:
        return True
    return not in_hours and climb.acted_at is not None and climb.acted_at >= since


def _paused(climb: Climb, acknowledged_at: datetime, settings: Ladder, now: datetime) -> Plan:
    minutes = settings.reply_minutes.of(climb.tier.value)
    if minutes is None:
        return Plan()
    ends_at = acknowledged_at + timedelta(minutes=minutes)
    return Plan(look_at=ends_at) if now < ends_at else Plan(resume=True)


def tellings(rung: Rung, roster: Roster) -> tuple[Telling, ...]:
    """Whom this rung tells, and how. Empty: nobody is there to be told.

    The banner reaches those whose console is open. A webhook without a phone number of somebody is a pager: it
    is told once for the whole rung. With nobody on duty, those whose shift it is are told, and the ladder moves
    on at once as if nobody had been: whether they come is not known.
    """
    people = _people(rung.tell, roster.people)
    found: list[Telling] = []
    instead = rung.tell == "on_duty" and not people
    if instead:
        people = [person for person in roster.people if person.on_shift and not person.paused]
    for channel in dict.fromkeys(rung.channels):
        if channel not in roster.channels:
            found += [Telling(who=person.who, channel=channel, code=NOT_SET_UP) for person in people]
            continue
        if channel == "banner":
            found += [Telling(who=person.who, channel=channel) for person in people if person.on_duty]
            continue
        able = [person for person in people if channel in person.channels]
        found += [Telling(who=person.who, channel=channel) for person in able]
        if channel == "webhook" and not able:
            found.append(Telling(who=f"rung:{rung.tell}", channel=channel))
        elif channel != "webhook":
            unable = [person for person in people if channel not in person.channels]
            found += [Telling(who=person.who, channel=channel, code=NO_ADDRESS) for person in unable]
    if instead and people and reaches(found):
        found.append(Telling(who=f"rung:{rung.tell}", channel="banner", code=NOBODY_ON_DUTY))
    return tuple(found)


def _people(tell: str, people: Iterable[Person]) -> list[Person]:
    """Those with a role: the ones on duty, else all of them; those who need a pause only if there is nobody else."""
    if tell == "on_duty":
        return [person for person in people if person.on_duty and not person.paused]
    if tell not in ROLES_TOLD:
        return [person for person in people if person.who == tell]
    having = [person for person in people if person.role == tell]
    fit = [person for person in having if not person.paused] or having
    return [person for person in fit if person.on_duty] or fit


def reaches(told: Collection[Telling]) -> bool:
    """Whether anything of it can be tried."""
    return any(one.code is None for one in told)


def warnings(settings: Settings) -> list[str]:
    """What is allowed, and should be meant: one sentence each, with the keys it is about."""
    closed, found = settings.ladder.closed, []
    pages = [r for r in closed.critical if "webhook" in r.channels or r.tell.startswith("contact:")]
    if not closed.nobody and not pages:
        found.append(
            "ladder.closed: outside the hours nobody would be woken: name a contact or a webhook for critical,"
            " or write nobody: true"
        )
    if closed.critical and not closed.high:
        found.append(
            "ladder.closed.high: outside the hours nobody is told of a wish to die without a plan before the next"
            " opening; name somebody, if only as for critical"
        )
    for part, rungs in (("open", settings.ladder.open.critical), ("closed", closed.critical)):
        if len(rungs) == 1:
            found.append(
                f"ladder.{part}.critical: there is one rung; if it is not heard, nobody else is told"
            )
    if "://example.org" in settings.ladder.console_url and "://example.org" not in settings.page.privacy_url:
        found.append("ladder.console_url: write the console's own address; it stands in every notification")
    return found
