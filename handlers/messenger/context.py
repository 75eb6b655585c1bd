"""What the readers of one webhook item share: who, when, and how an event and its key are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict

from bot.events import Event
from handlers.messenger import limits
from storage.records import NewEvent


class Common(TypedDict):
    """What every event has."""

    sent_at: datetime
    standby: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known about an item before looking at what it says."""

    psid: str | None
    from_page: bool  # the Page said or did it: an echo, or something that is none of the contact's doing
    app_id: str | None  # ours; None: not configured
    now: datetime
    sent_at: datetime  # the item's time, else the entry's, else `now`
    stamp: str  # the same time as Meta wrote it, for keys: it must not depend on when we read it
    standby: bool

    @property
    def common(self) -> Common:
        """The fields every event takes from here."""
        return {"sent_at": self.sent_at, "standby": self.standby}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why an item could not be read. Fixed wording, never content."""

    reason: str


Result = NewEvent | Unreadable
Results = Iterator[Result]


def new_event(context: Context, event: Event, name: str, *parts: object) -> NewEvent:
    """The event with its key: the same for every delivery of the same thing, in whatever field it came."""
    key = name + ":" + "|".join("" if part is None else str(part) for part in parts)
    return NewEvent(psid=context.psid, key=key, event=event)


def app_name(app_id: str | None, context: Context) -> Literal["us", "inbox", "other"] | None:
    """Whose an app id is; None when there is none."""
    if app_id is None:
        return None
    if app_id == context.app_id:
        return "us"
    return "inbox" if app_id == limits.INBOX_APP_ID else "other"
