"""Rows of the ladder and of the escalation records as dataclasses. Times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.settings import Channel

TellingState = Literal["waiting", "sending", "accepted", "failed", "unknown", "dropped"]
Purpose = Literal["ladder", "identity", "debrief"]
Verdict = Literal["right", "wrong", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTelling:
    """A notification that this worker is sending."""

    id: int
    key: str  # the same at every try, so that the other side can tell a repetition
    alert_id: int
    contact_id: int
    purpose: Purpose
    who: str  # "staff:7", "contact:name", or "rung:duty_lead" for a pager
    channel: Channel
    tries: int  # earlier ones
    armed: int | None  # of the alert; None: not of the ladder
    drill: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingLine:
    """What became of one notification, for the console."""

    who: str
    channel: Channel
    purpose: Purpose
    state: TellingState
    state_at: datetime
    code: str | None  # why it failed, or why it could not be tried
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RungLine:
    """One rung that was climbed, for the console."""

    step: int
    armed: int
    part: Literal["open", "closed"]
    tell: str
    at: datetime
    tellings: tuple[TellingLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A browser that takes pushes."""

    id: int
    endpoint: str
    p256dh: str  # its public key, base64url
    auth: str  # its secret, base64url


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationEntry:
    """One line of a record. `fields` is what `bot.record_entries` described."""

    id: int
    at: datetime
    by: int | None  # staff id; None is the system
    kind: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRecord:
    """The record of one serious case."""

    id: int
    alert_id: int
    contact_id: int
    opened_at: datetime
    last_at: datetime
    debrief_at: datetime | None  # a talk about it was offered
    drill: bool = False
    entries: tuple[EscalationEntry, ...] = ()  # empty in a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Up to where lines of records were destroyed because they were old."""

    last_id: int
    count: int  # of all that were
    hash: bytes  # of the last of them: the chain goes on from it
    before_at: int  # whatever had ended before then (milliseconds) may be gone; 0: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Debrief:
    """Somebody who had a hard case and would like to talk about it; until another person has seen to it."""

    id: int
    alert_id: int
    staff_id: int
    asked_at: datetime
    done_by: int | None
    done_at: datetime | None
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A critical conversation that one person closed and nobody has confirmed."""

    alert_id: int
    contact_id: int
    closed_by: int | None
    closed_at: datetime
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityOpening:
    """One person opened who a student is; a second one reviews it."""

    id: int
    alert_id: int
    opened_by: int
    opened_at: datetime
    review_by: datetime
    reviewed_by: int | None
    reviewed_at: datetime | None
    verdict: Verdict | None
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How alerts of one rule or category were judged."""

    kind: Literal["rule", "category"]
    name: str
    right: int
    wrong: int
    unclear: int
    unmarked: int

    @property
    def marked(self) -> int:
        """Alerts that somebody has judged."""
        return self.right + self.wrong + self.unclear
