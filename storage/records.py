"""Rows as dataclasses: what storage hands out. Times are aware UTC; ids are integers of our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.conversation import Status, Tier
from bot.events import Event
from bot.messages import OutboundMessage
from storage.profile import Profile, Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event as the webhook hands it over. `psid` None: an event without a contact (policy, unreadable)."""

    psid: str | None
    key: str  # what makes it the same event again; stored only as a keyed hash
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenEvent:
    """An inbox row that this transaction is handling; its contact is locked."""

    id: int
    contact_id: int | None
    event: Event
    received_at: datetime
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSend:
    """An outbox row that this worker is sending."""

    id: int
    inbox_id: int | None  # the event that it came of; None: a person's words
    contact_id: int
    psid: str
    message: OutboundMessage
    tries: int  # earlier attempts that failed and may be repeated
    created_at: datetime
    last_inbound_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSend:
    """An outbox row of unknown fate."""

    id: int
    contact_id: int
    psid: str
    message: OutboundMessage
    claimed_at: datetime
    unknown_at: datetime


class Delivery(StrEnum):
    """What became of an outbound message."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    SEEN = "seen"
    FAILED = "failed"
    UNKNOWN = "unknown"  # it may have arrived
    LAPSED = "lapsed"  # too late to be worth sending
    DROPPED = "dropped"  # taken back before it was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a conversation as the console shows it."""

    id: int
    at: datetime
    written_by: Literal["contact", "bot", "supporter", "inbox", "system", "note"]
    kind: Literal["text", "choice", "attachment", "event"]
    text: str | None  # None: withdrawn, erased by retention, or nothing to show
    detail: str | None = None
    who: str | None = None  # alias of the supporter or of the person in a system line
    between: tuple[int, int] | None = None  # whispered: by whom, to whom; nobody else may read it
    mid: str | None = None
    reply_to: str | None = None
    edits: int = 0
    withdrawn: bool = False
    reactions: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()  # titles of the quick replies that were shown
    outbox_id: int | None = None
    delivery: Delivery | None = None  # of outbound messages only
    delivery_at: datetime | None = None
    failure: str | None = None  # stable error code, such as window_closed
    send_at: datetime | None = None  # not tried yet, and held back until then: its writer may take it back


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """An open handoff, for the queue and the list of my own."""

    contact_id: int
    alias: str
    status: Status
    tier: Tier
    category: str | None
    language: str | None
    topic: str | None
    campus: str | None
    for_whom: str | None
    opened_at: datetime
    last_inbound_at: datetime | None  # newest message that opens the messaging window
    last_entry_id: int  # newest transcript entry; changes when anything arrives
    unread: int  # entries by the contact since the claiming supporter last opened it
    claimed_by: int | None
    claimed_alias: str | None
    parked: bool
    paused: bool  # PAUSE, or the student said so: may not be safe to write
    elsewhere: bool  # somebody answered in Meta's inbox
    unanswered: bool = True  # the student spoke last, or nobody has written yet
    wants_gender: str | None = (
        None  # of the one who answers, if a flow asked the student (answer `helper_gender`)
    )
    known_to: tuple[int, ...] = ()  # supporters who know the student
    passed_by: tuple[int, ...] = ()  # supporters who laid it down
    muted_by: tuple[int, ...] = ()
    offered_to: int | None = None  # a colleague is asked to take it
    offered_alias: str | None = None
    offered_at: datetime | None = None
    refused: str | None = None  # alias of the colleague who did not
    left: bool = False  # in danger, and the one who has it has gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A waiting handoff as the order needs it; no content."""

    contact_id: int
    tier: Tier
    opened_at: datetime
    last_inbound_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that somebody should take."""

    id: int
    contact_id: int
    alias: str
    tier: Tier
    category: str  # of the danger that leads: that of the last card, where two are of one tier
    rules: tuple[str, ...]
    matched: tuple[str, ...]  # words; shown only inside the conversation
    raised_at: datetime
    shown_at: datetime | None  # the bar was open at somebody on duty
    acknowledged_by: int | None
    acknowledged_alias: str | None
    acknowledged_at: datetime | None
    closed_at: datetime | None
    card: Literal["not_due", "waiting", "sent", "failed", "unknown", "blocked"]
    armed: int = 1  # how many times people had to be told anew
    armed_at: datetime | None = None
    alerted_at: datetime | None = None  # since it was armed: a channel took it
    resumed_at: datetime | None = None  # acknowledged, then nothing happened: the ladder goes on
    call_for_them: bool = False  # they cannot call themselves
    drill: bool = False  # invented: must look so, and counts nowhere
    verdict: Literal["right", "wrong", "unclear"] | None = None
    closed_by: int | None = None
    needs_confirm: bool = False  # a person closed a critical one, and no second person has confirmed it
    confirmed_by: int | None = None
    confirmed_at: datetime | None = None


class Role(StrEnum):
    """What a member of staff may do. See docs/roles.md."""

    SUPPORTER = "supporter"  # the queue, own conversations
    DUTY_LEAD = "duty_lead"  # as supporter; every open conversation, alerts, assignment
    COORDINATOR = "coordinator"  # as duty lead; wording, staff, figures
    ADMIN = "admin"  # runs the machine: staff, incidents; sees no text
    REVIEWER = "reviewer"  # escalation records only


class Duty(StrEnum):
    """Whether somebody takes conversations now."""

    ON = "on"
    PAUSE = "pause"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff(Profile):
    """A person with an account. `alias` is what students see; no two accounts that are open have the same."""

    id: int
    login: str
    alias: str
    role: Role
    duty: Duty
    duty_at: datetime | None = None  # since when it is what it is
    language: str  # of the console: nb or en
    theme: Literal["auto", "light", "dark"]
    disabled: bool
    seen_at: datetime | None  # when their console was last connected
    paused_at: datetime | None = None  # takes nobody new until they say that they are ready
    email: str | None = None  # where alerts go
    phone: str | None = None
    trained: Trained = "full"  # set by a coordinator; a wish of routing, no wall: see `Profile`


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where somebody is signed in."""

    uid: bytes  # names it among the person's own; not the token, and not made of it
    device: str | None  # families only, such as "Firefox/Android"; None: not known
    created_at: datetime
    last_seen_at: datetime  # to the minute
    is_this: bool  # the one that asks


@dataclass(frozen=True, slots=True)
class ContentLine:
    """Which set one process uses. `problem`: why it is not the newest."""

    process: str  # web-..., worker-... or serve-...
    version: str
    problem: str | None
    differs: str | None = None  # names of files on its disk that are not as published


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something staff must see that is not about one student: a dead token, a policy warning."""

    kind: str
    opened_at: datetime
    last_at: datetime
    count: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Who did what, when, to which conversation."""

    at: datetime
    by: int | None
    action: str
    contact_id: int | None
    detail: str | None
