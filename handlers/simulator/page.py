"""What the demo page is shown, as plain data."""

from __future__ import annotations

from typing import Any

from handlers.simulator.graph import StandIn
from handlers.simulator.poster import Poster
from handlers.simulator.records import Message, Thread
from handlers.simulator.webhooks import INBOX_APP

Json = dict[str, Any]


def state(stand_in: StandIn, poster: Poster, number: int | None) -> Json:
    """The students, and the thread of one of them: by number, the newest student's when there is no such."""
    with stand_in.locked():
        return _state(stand_in, poster, number)


def _state(stand_in: StandIn, poster: Poster, number: int | None) -> Json:
    threads = list(stand_in.threads.values())
    newest = threads[-1] if threads else None
    shown = next((thread for thread in threads if thread.number == number), newest)
    failure = stand_in.switch.now
    return {
        "version": stand_in.version,
        "failure": {"mode": failure.mode, "left": failure.left},
        "delivery": "held" if poster.is_held else "twice" if poster.copies > 1 else "normal",
        "waiting": poster.waiting,
        "subscribed": bool(stand_in.subscribed_fields),
        "students": [{"psid": thread.psid, "number": thread.number} for thread in threads],
        "profile": {
            name: stand_in.profile[name]
            for name in ("greeting", "persistent_menu", "ice_breakers")
            if name in stand_in.profile
        },
        "thread": _thread(stand_in, shown) if shown else None,
    }


def _thread(stand_in: StandIn, thread: Thread) -> Json:
    owner = stand_in.owner(thread)
    return {
        "psid": thread.psid,
        "number": thread.number,
        "blocked": thread.blocked,
        "typing": thread.typing if thread.is_typing else 0,
        "owner": "inbox" if owner == INBOX_APP else "app",
        "requested": thread.requested_by is not None,
        "unseen": any(message.by == "page" and not message.seen for message in thread.messages),
        "offered": thread.offered,
        "messages": [_message(message) for message in thread.messages],
    }


def _message(message: Message) -> Json:
    return {
        "mid": message.mid,
        "by": message.by,
        "at": message.at,
        "text": message.text,
        "attachments": message.attachments,
        "buttons": message.buttons,
        "edits": message.edits,
        "withdrawn": message.withdrawn,
        "reaction": message.reaction,
        "page_reaction": message.page_reaction,
        "inbox": message.app_id == INBOX_APP,
        "mark": "seen" if message.seen else "delivered" if message.accepted else "sending",
    }
