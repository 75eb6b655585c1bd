"""Until when the channel lets the bot, or a person, write to a contact.

Source: Messenger Platform, "Send messages" and the Send API reference: 24 hours after the contact's last
message; a person's words up to 7 days with the HUMAN_AGENT tag, where Meta has granted it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.errors import WindowClosed
from bot.messages import SupporterMessage

BOT_WINDOW = timedelta(hours=23, minutes=50)  # ten minutes of slack, so that a late send does not fail
STANDARD_WINDOW = timedelta(hours=24)
HUMAN_WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class HumanAgentTag:
    """Permission to send outside 24 hours. Only `human_agent_tag` makes one."""

    supporter_id: int


def bot_until(last_inbound_at: datetime | None) -> datetime | None:
    """The last instant an automatic message may be sent; None: the contact has never written."""
    return last_inbound_at + BOT_WINDOW if last_inbound_at else None


def bot_may_write(last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether an automatic message may be sent now."""
    until = bot_until(last_inbound_at)
    return until is not None and now <= until


def person_until(last_inbound_at: datetime | None, *, granted: bool) -> datetime | None:
    """The last instant a person may write. `granted`: Meta has granted the Human Agent permission."""
    if last_inbound_at is None:
        return None
    return last_inbound_at + (HUMAN_WINDOW if granted else STANDARD_WINDOW)


def window(
    last_inbound_at: datetime | None, now: datetime, *, granted: bool
) -> Literal["open", "person", "closed"]:
    """open: anybody may write. person: only a person, with the tag. closed: nobody."""
    if last_inbound_at is None:
        return "closed"
    age = now - last_inbound_at
    if age <= STANDARD_WINDOW:
        return "open"
    return "person" if granted and age <= HUMAN_WINDOW else "closed"


def human_agent_tag(
    message: SupporterMessage, last_inbound_at: datetime | None, now: datetime, *, granted: bool
) -> HumanAgentTag | None:
    """The tag this person's message needs: None within 24 hours. Raises WindowClosed when nobody may write.

    It takes a SupporterMessage and nothing else, so no automatic text can ever carry the tag.
    """
    if not isinstance(message, SupporterMessage):
        raise TypeError("only a person's message can carry the human agent tag")
    match window(last_inbound_at, now, granted=granted):
        case "open":
            return None
        case "person":
            return HumanAgentTag(message.supporter_id)
        case _:
            raise WindowClosed("the contact must write again first")
