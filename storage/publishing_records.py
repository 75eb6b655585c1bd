"""What comes out of the stores of published sets, proposals and drafts of files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.conversation import FlowState
from bot.versions import Plan

Origin = Literal["first", "disk", "console", "restore", "demo"]  # where a set came from
State = Literal["open", "approved", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSet:
    """One set, without its texts."""

    number: int
    at: datetime
    by: int | None  # staff id; None: the command line, or the first start
    second: int | None  # who agreed, where that was needed
    why: str  # empty when its key is gone
    origin: Origin
    hash: str  # hexadecimal, of all names and texts
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A set that waits for a second person, or has been decided."""

    id: int
    base: int
    at: datetime
    by: int
    why: str
    origin: Origin
    plan: Plan
    reasons: tuple[str, ...]  # phrases, cards ...: see `bot.differences.sensitive`
    state: State
    decided_by: int | None
    decided_at: datetime | None
    number: int | None  # the set that it became


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDraft:
    """What somebody has written and not published."""

    staff_id: int
    name: str
    text: str
    base: str | None  # hexadecimal hash of the published text it began from; None: a new file
    hash: str  # of the draft itself: hand it back with the next save
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """A conversation in the middle of a flow, as far as publishing needs it. No contact, no words."""

    flow_set: int | None
    state: FlowState
    last_inbound_at: datetime | None
