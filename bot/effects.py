"""What a decision asks for. All effects of one event are saved in one transaction, sending comes after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.conversation import Conversation, Tier
from bot.flow.edges import Edge
from bot.messages import OutboundMessage, Purpose

HANDED_ON = frozenset(
    {"released", "transferred", "left_alone"}
)  # why an alert goes off anew, not what raised it


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """Put a message into the outbox and the transcript."""

    message: OutboundMessage
    not_before: datetime | None = None  # held back until then, so that whoever wrote it may take it back


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPending:
    """Take back what is still unsent and has one of these purposes: it no longer fits."""

    purposes: frozenset[Purpose]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldBack:
    """Send none of people's words that wait to be sent. They go back to the draft of whoever wrote them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEntry:
    """Keep something the contact (or Meta's inbox) said in the transcript."""

    written_by: Literal["contact", "inbox", "system"]
    kind: Literal["text", "choice", "attachment", "event"]
    mid: str | None
    at: datetime
    text: str | None = None
    detail: str | None = None  # attachment kinds, or which system line: joined, left, closed, paused ...
    reply_to: str | None = None
    who: str | None = None  # alias in a system line


@dataclass(frozen=True, slots=True, kw_only=True)
class EditEntry:
    """The contact changed a message; the earlier wording is not kept."""

    mid: str
    text: str
    number: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawEntry:
    """The contact took a message back: hidden everywhere, its text destroyed."""

    mid: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkReaction:
    """Show a reaction under a message, or take it away."""

    mid: str
    reaction: str
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkDelivered:
    """Everything sent up to `watermark` was delivered."""

    watermark: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRead:
    """Everything sent up to `watermark` was seen."""

    watermark: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmSend:
    """Our own echo: the outbox message went out under this mid, whatever the sender believed."""

    outbox_id: int | None
    mid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Tell people. One open alert a conversation: a rise or a new hit re-arms it."""

    tier: Tier
    category: str
    rules: tuple[str, ...]
    matched: tuple[str, ...] = ()  # the words, for the console; kept encrypted
    mid: str | None = None
    at: datetime
    leads: bool = False  # people are shown this category from now on, also where the tier is no higher
    card: Literal["waiting", "blocked"] | None = None  # on its way, or it cannot go; None: none was due
    call_for_them: bool = False  # they cannot call themselves: help must be called for them
    by: int | None = None  # the person who raised it or handed it on; None: the service
    in_hours: bool | None = None  # these two are filled in by the draft
    content_set: int | None = None  # which published set it was read with


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkCard:
    """Say on the open alert whether the card went out."""

    outcome: Literal["sent", "failed", "unknown"]
    card: str | None = None  # the key of its text
    content_set: int | None = None  # which published set its words are of


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAlert:
    """The open alert is over: a person has closed the handoff, or a person has it."""

    by: int | None
    at: datetime
    what: Literal["acknowledged", "closed"]
    outcome: str | None = None  # a code of bot.outcomes: how the handoff ended with which it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishHandoff:
    """The handoff is over; how it ended is counted."""

    number: int
    outcome: str  # a code of bot.outcomes
    by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Wake this conversation at `due_at` with a TimerDue of this name; replaces one of the same name."""

    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTimers:
    """Forget these timers; `names` None means all of the conversation's."""

    names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFeedback:
    """How the contact rated the talk; counted, not tied to the contact."""

    answer: Literal["yes", "some", "no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetWords:
    """Destroy what this contact wrote so far; the conversation itself stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line in the audit log: who did what to which conversation. No content."""

    action: str  # claim, release, transfer, close, tier_lowered, opened, erased ...
    by: int | None  # supporter id; None is the system
    detail: str | None = None  # codes only: outcome code, tier, reason code


@dataclass(frozen=True, slots=True, kw_only=True)
class TellStaff:
    """Open (or count up) a visible incident that is not about one student's danger."""

    incident: str  # policy_warning, policy_block, token_dead, page_restricted, poison_event ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseContact:
    """Destroy the contact's key and everything sealed with it, after the receipt has gone out."""

    code: str


Effect = (
    SendMessage
    | DropPending
    | HoldBack
    | AddEntry
    | EditEntry
    | WithdrawEntry
    | MarkReaction
    | MarkDelivered
    | MarkRead
    | ConfirmSend
    | RaiseAlert
    | MarkCard
    | CloseAlert
    | FinishHandoff
    | SetTimer
    | CancelTimers
    | CountFeedback
    | ForgetWords
    | Record
    | TellStaff
    | EraseContact
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one event led to."""

    conversation: Conversation
    effects: tuple[Effect, ...] = ()
    ways: tuple[
        tuple[int, Edge], ...
    ] = ()  # steps and ways taken, to be counted; each with its published set
