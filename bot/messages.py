"""Outbound messages: what we say, who says it, and how long it is worth saying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter


class Purpose(StrEnum):
    """Why an automatic message is sent. The sender's order and the late-message rule depend on it."""

    CARD = "card"  # emergency card; ahead of everything; repeated once when its fate is unknown
    ALERTED = "alerted"  # "the people on duty have been alerted", after a channel took the alert
    SAFETY = "safety"  # soft question, its answers' texts, the short line against silence
    NOTICE = "notice"  # greeting with the confidentiality notice
    FLOW = "flow"  # anything a flow step says; rebuilt when late
    CLOSED = "closed"  # the closed reply; rebuilt when late
    QUEUE = "queue"  # place in the queue, wait questions
    ANSWER = "answer"  # one line to a word that always works
    PRESENCE = "presence"  # "X is here", "X had to leave"
    GOODBYE = "goodbye"  # closing text, feedback, deletion receipt
    SUPPORTER = "supporter"  # a person wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A quick reply. `title` at most 20 characters, `payload` at most 1000."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotMessage:
    """Written by the bot. Can never carry the HUMAN_AGENT tag: see `window.human_agent_tag`."""

    kind: Literal["bot"] = "bot"
    purpose: Purpose
    text: str
    choices: tuple[Choice, ...] = ()  # at most 13
    not_after: datetime  # aware, UTC; never sent later than this


@dataclass(frozen=True, slots=True, kw_only=True)
class SupporterMessage:
    """Written and sent by a signed-in person, whose id it carries."""

    kind: Literal["supporter"] = "supporter"
    supporter_id: int
    alias: str  # the name shown to the student
    text: str
    purpose: Literal[Purpose.SUPPORTER] = Purpose.SUPPORTER


OutboundMessage = Annotated[BotMessage | SupporterMessage, Field(discriminator="kind")]

_codec: TypeAdapter[OutboundMessage] = TypeAdapter(OutboundMessage)


def to_json(message: OutboundMessage) -> bytes:
    """The message as JSON, for the outbox."""
    return _codec.dump_json(message)


def from_json(data: bytes) -> OutboundMessage:
    """The message that `to_json` wrote."""
    return _codec.validate_json(data)
