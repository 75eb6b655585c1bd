"""Inbound events: each is one thing that happened in one contact's conversation.

Frozen, and free of Meta's names for things. No event holds the PSID: the inbox knows whose it is, so an
event can be passed around, compared and decided on without carrying an identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    sent_at: datetime  # aware, UTC; when it happened according to the channel (webhook `timestamp`)
    standby: bool = False  # True: another app owns the thread, we only overhear (`entry[].standby[]`)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReceived(_Event):
    """The contact wrote to the Page. Source: `message.text`."""

    kind: Literal["text"] = "text"
    mid: str  # the channel's message id; the inbox keeps each one once
    text: str  # as typed, never empty; NUL and lone surrogates are gone
    reply_to: str | None = None  # mid of the message it answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceTapped(_Event):
    """The contact tapped a quick reply, a menu item or Get started. Source: `quick_reply`, `postback`."""

    kind: Literal["choice"] = "choice"
    mid: str | None = None  # a postback may come without one
    title: str  # what stood on the button; may be empty
    payload: str | None  # ours, or None when the button belongs to another app


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentReceived(_Event):
    """Something that is not words. Nothing is fetched; a caption is in `text`. Source: `message.attachments`."""

    kind: Literal["attachment"] = "attachment"
    mid: str
    kinds: tuple[str, ...]  # like, sticker, image, audio, video, file, link, post, location, product, other
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(_Event):
    """The contact changed an earlier message; it is read for danger again. Source: `message_edit`."""

    kind: Literal["edit"] = "edit"
    mid: str
    text: str
    number: int  # 1 for the first edit; the client allows five


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWithdrawn(_Event):
    """The contact took a message back. Source: `message.is_deleted` (documented for Instagram, honoured here)."""

    kind: Literal["withdrawn"] = "withdrawn"
    mid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged(_Event):
    """The contact put a reaction on a message, or took it off. Source: `reaction`."""

    kind: Literal["reaction"] = "reaction"
    mid: str  # the message reacted to
    reaction: str  # smile, angry, sad, wow, love, like, dislike, other
    emoji: str | None = None
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesDelivered(_Event):
    """Everything sent up to `watermark` reached the contact's device. Source: `delivery`."""

    kind: Literal["delivered"] = "delivered"
    watermark: datetime
    mids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesRead(_Event):
    """Everything sent up to `watermark` was seen. Source: `read`."""

    kind: Literal["read"] = "read"
    watermark: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoReceived(_Event):
    """The Page said something: we ourselves, Meta's inbox, or another app. Source: `message.is_echo`.

    `outbox_id` is ours, read from the metadata we sent along; None means the metadata is not ours. Whether
    the mid is one of ours is known to storage, and passed to `decide` as `known`.
    """

    kind: Literal["echo"] = "echo"
    mid: str
    outbox_id: int | None = None
    app: Literal["us", "inbox", "other", "unknown"] = "unknown"
    text: str | None = None
    kinds: tuple[str, ...] = ()  # attachment kinds, as in AttachmentReceived
    known: bool = False  # filled in by handlers/inbound.py: the mid or the outbox id is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralReceived(_Event):
    """The contact came through a link. Source: `referral`; `source` is omitted for European accounts."""

    kind: Literal["referral"] = "referral"
    ref: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptinReceived(_Event):
    """The contact ticked a plugin or asked for notices. We use neither; kept so that it can be counted."""

    kind: Literal["optin"] = "optin"
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLinked(_Event):
    """An account was linked or unlinked. Not offered in Europe; counted only."""

    kind: Literal["account_linked"] = "account_linked"
    linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRated(_Event):
    """Thumbs under a bot message. We do not subscribe to it; shown with meaning if it comes."""

    kind: Literal["rated"] = "rated"
    mid: str | None = None
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChanged(_Event):
    """The thread was passed, taken, requested, or roles were told. Source: `messaging_handovers`."""

    kind: Literal["control"] = "control"
    action: Literal["passed", "taken", "requested", "roles"]
    owner: Literal["us", "inbox", "other", "nobody"]  # who has it now (for `requested`: who asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEnforced(_Event):
    """Meta warned, blocked or unblocked the Page. Has no contact; staff are told."""

    kind: Literal["policy"] = "policy"
    action: Literal["warning", "block", "unblock", "other"]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownReceived(_Event):
    """An item we cannot read. Its content is not kept, only what kind of thing it seemed to be."""

    kind: Literal["unknown"] = "unknown"
    field: str  # the key or subscription field, at most 40 characters, letters and underscores
    reason: str  # why it could not be read; fixed wording, never content


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerDue(_Event):
    """A timer that an earlier decision set has come due. `sent_at` is when it was due."""

    kind: Literal["timer"] = "timer"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettled(_Event):
    """The sender is done with one outbound message, for better or worse."""

    kind: Literal["settled"] = "settled"
    outbox_id: int
    purpose: str  # bot.messages.Purpose
    outcome: Literal["sent", "failed", "unknown", "lapsed"]
    code: str | None = None  # stable error code, such as "window_closed"


Event = Annotated[
    TextReceived
    | ChoiceTapped
    | AttachmentReceived
    | MessageEdited
    | MessageWithdrawn
    | ReactionChanged
    | MessagesDelivered
    | MessagesRead
    | EchoReceived
    | ReferralReceived
    | OptinReceived
    | AccountLinked
    | ResponseRated
    | ControlChanged
    | PolicyEnforced
    | UnknownReceived
    | TimerDue
    | SendSettled,
    Field(discriminator="kind"),
]

_codec: TypeAdapter[Event] = TypeAdapter(Event)


def to_json(event: Event) -> bytes:
    """The event as JSON, for the inbox."""
    return _codec.dump_json(event)


def from_json(data: bytes) -> Event:
    """The event that `to_json` wrote. Raises pydantic.ValidationError for anything else."""
    return _codec.validate_json(data)
