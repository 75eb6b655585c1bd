"""A conversation: everything between one contact and us, with one status at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import TypeAdapter

from bot.errors import NotPossible

LANGUAGES = ("nb", "en")


class Status(StrEnum):
    """Who answers."""

    BOT = "bot"  # the flow answers
    WAITING = "waiting"  # a handoff is open, nobody has claimed it
    CLAIMED = "claimed"  # one supporter answers, the flow is silent
    CLOSED = "closed"  # over; the next message starts with the flow again


MOVES: dict[Status, frozenset[Status]] = {
    Status.BOT: frozenset({Status.WAITING, Status.CLOSED}),
    Status.WAITING: frozenset({Status.CLAIMED, Status.CLOSED}),
    Status.CLAIMED: frozenset({Status.WAITING, Status.CLAIMED, Status.CLOSED}),  # to itself: transferred
    Status.CLOSED: frozenset({Status.BOT, Status.WAITING}),
}


class Tier(StrEnum):
    """How soon a person must see it. A tier rises by itself; only a person lowers it, with a reason."""

    NONE = "none"  # queued by arrival, not flagged
    ELEVATED = "elevated"  # a sign that a person should see soon
    HIGH = "high"  # clear danger without immediacy
    CRITICAL = "critical"  # danger to life or health now or within a day

    @property
    def rank(self) -> int:
        """0 for none up to 3 for critical; higher goes first."""
        return list(Tier).index(self)


class Stopped(StrEnum):
    """What the contact has asked the bot to leave out."""

    NO = "no"
    # Both until they write on; a sign of danger ends STOP and leaves PAUSE.
    STOP = "stop"  # no flow and no automatic texts
    PAUSE = "pause"  # as STOP, and no queue notices, timers, closing, feedback; may not be safe to write


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A place in a flow: where we are, or where a called flow returns to."""

    flow: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """Where the contact stands. `returns` is the stack of callers, innermost last."""

    at: Frame
    returns: tuple[Frame, ...] = ()
    tries: int = 0  # answers at this step that were not understood
    asked_at: datetime | None = None  # when the step last asked; None: it waits for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The one who has a conversation asks a colleague to take it. It changes hands when they say yes."""

    to: int  # supporter id
    alias: str
    at: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A period in which people, not the flow, answer. Numbered from 1 within the conversation."""

    number: int
    opened_at: datetime
    tier: Tier = Tier.NONE
    category: str | None = None  # A-suicide ... O-distress: of the highest tier, what they were told last
    rules: tuple[str, ...] = ()  # ids of the rules that raised it, in order of appearance
    claimed_by: int | None = None  # supporter id
    claimed_alias: str | None = None
    claimed_at: datetime | None = None
    parked_at: datetime | None = None  # silent for two hours: does not count in the supporter's cap
    answered_at: datetime | None = None  # a person's first message in this handoff
    unanswered: bool = True  # the student spoke last, or nobody has written yet
    offer: Offer | None = None  # a colleague is asked to take it
    refused: str | None = None  # alias of the last colleague who did not; until the next message of ours
    passed_by: tuple[int, ...] = ()  # supporters who laid it down: not offered to them again
    muted_by: tuple[int, ...] = ()  # supporters who want no signal of it, until there is danger
    left_at: datetime | None = None  # in danger, and the one who has it has gone: people were alarmed anew
    signposted: tuple[str, ...] = ()  # ids of the services that a person named to the student
    history: Literal["asked", "yes", "no"] | None = None  # may the supporter read earlier conversations?
    note_offered: str | None = None  # a short note for next time that waits for the student's yes


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """What the bot has said about danger, so that it neither repeats itself nor falls silent."""

    tier: Tier
    category: str
    is_guess: bool = False  # the category: they asked for help, or answered, and said nothing of what it is
    raised_at: datetime
    heard_at: datetime | None = None  # people were last alarmed of it while we were open
    card_tier: Tier | None = None  # tier and time of the last card
    card_at: datetime | None = None
    card_owed: bool = False  # one was due and could not go: outside Messenger's window
    card_leads: tuple[str, ...] = ()  # the services that led the cards since the last repetition
    line_at: datetime | None = None  # last short line against silence
    soft_at: datetime | None = None  # last soft question
    soft_owed: bool = False  # not asked, for somebody else spoke with them, who has not answered since
    asked: str | None = None  # what waits for an answer: soft, soft_over, alone, near, now, friend, place
    echo_at: datetime | None = None  # another app spoke for the first time since the last sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One of the contact's latest texts, kept so that split messages can be read together."""

    at: datetime
    mid: str
    text: str


@dataclass(frozen=True, kw_only=True)  # without slots: `changed` copies them all at once
class Conversation:
    """The whole state of one contact. Replaced, never changed."""

    contact_id: int
    alias: str  # nature name that supporters see; chosen by storage when the contact is new
    started_at: datetime
    status: Status = Status.BOT
    language: str | None = None  # nb or en; None until chosen or recognised
    language_chosen: bool = False  # the contact tapped or wrote it
    notice_at: datetime | None = None  # the confidentiality notice was sent
    continued_at: datetime | None = None  # the contact went on after the notice: consent
    safe_to_message: bool | None = None
    answers: dict[str, str] = field(default_factory=dict)  # what the flows saved: topic, campus, about ...
    flow: FlowState | None = None
    flow_set: int | None = None  # the published set whose steps and texts the flow goes through
    handoff: Handoff | None = None  # the open one, or the last closed one
    handoffs: int = 0  # how many there have been
    danger: Danger | None = None
    recent: tuple[Said, ...] = ()  # newest last, at most 10
    last_inbound_at: datetime | None = None  # newest sent_at that opens the messaging window
    stopped: Stopped = Stopped.NO
    elsewhere_since: datetime | None = None  # somebody answered in Meta's inbox; the bot is silent
    elsewhere_waits_since: datetime | None = None  # their first message there that nobody has answered
    closed_reply_at: datetime | None = None
    closed_reply_for: datetime | None = None  # the opening that the last closed reply named
    closed_at: datetime | None = None
    asked: str | None = None  # the bot's own question that waits, a key of answers.QUESTIONS
    asked_at: datetime | None = None
    erase_asked_at: datetime | None = None  # they were asked whether to delete, and have not said
    erase_on_close: bool = False  # they asked for deletion while a person has to see to their safety first
    erasing: str | None = None  # the receipt's code: deleted as soon as the receipt is out
    note_kept: str | None = None  # a short note for whoever answers next time; the student said yes to it
    note_kept_at: datetime | None = None
    foreign_at: datetime | None = None  # words in no known language got the number line
    unopened_at: datetime | None = None  # they were last told that pictures and sound are not opened here
    known_to: tuple[int, ...] = ()  # supporters who know the student: it is not shown to them, but for danger

    def moved(self, status: Status) -> Conversation:
        """This conversation with another status. Raises NotPossible for a move outside the table."""
        if status is not self.status and status not in MOVES[self.status]:
            raise NotPossible(f"cannot go from {self.status} to {status}")
        if status is self.status and status is not Status.CLAIMED:
            return self
        return replace(self, status=status)

    @property
    def tier(self) -> Tier:
        """The open handoff's tier, or none."""
        return self.handoff.tier if self.handoff and self.has_people else Tier.NONE

    @property
    def may_be_unsafe(self) -> bool:
        """They said that messages here may not be safe, or that they are not sure: nothing comes unasked."""
        return self.safe_to_message is False

    @property
    def needs_confirming(self) -> bool:
        """Somebody else may see the phone: a person's words go out only when that person has said so."""
        return self.stopped is Stopped.PAUSE or self.may_be_unsafe

    @property
    def has_people(self) -> bool:
        """A handoff is open: waiting or claimed."""
        return self.status in (Status.WAITING, Status.CLAIMED)


_NAMES = frozenset(each.name for each in fields(Conversation))


def changed(conversation: Conversation, values: Mapping[str, object]) -> Conversation:
    """As `dataclasses.replace`, which goes through the constructor and takes twenty times as long."""
    if not values.keys() <= _NAMES:
        raise TypeError("a conversation has no such field")
    new = object.__new__(Conversation)
    new.__dict__.update(conversation.__dict__)
    new.__dict__.update(values)
    return new


_codec: TypeAdapter[Conversation] = TypeAdapter(Conversation)


def to_json(conversation: Conversation) -> bytes:
    """The conversation as JSON, for the store (which encrypts it)."""
    return _codec.dump_json(conversation)


def from_json(data: bytes) -> Conversation:
    """The conversation that `to_json` wrote. Unknown keys of a newer version are ignored."""
    return _codec.validate_json(data)
