"""The Conversations API: what was said, for an app that was not told. Pure.

Source: Page `conversations` and Message in the Graph API reference, "Conversations API". Times are to the second.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from handlers.simulator.faults import bad_parameter
from handlers.simulator.records import Message, Thread

Json = dict[str, Any]
Place = tuple[int, str]  # sorts the conversation first in which something was said last

LIMIT = 25  # where the caller names none, of conversations and of messages
MOST = 100
MIME_TYPES = {"image": "image/jpeg", "audio": "audio/mp4", "video": "video/mp4"}


def conversations(threads: Iterable[Thread], params: Json, *, page_id: str) -> Json:
    """The answer to `GET /{page}/conversations`: newest first, a page at a time."""
    if params.get("platform") not in (None, "messenger"):
        raise bad_parameter("Param platform must be one of {MESSENGER}")
    fields = str(params.get("fields") or "id,updated_time")
    ordered = sorted((_place(thread), thread) for thread in threads if thread.messages)
    after = _after(params.get("after"))
    rest = [(place, thread) for place, thread in ordered if after is None or place > after]
    shown = rest[: _limit(params.get("limit"))]
    answer: Json = {"data": [_conversation(thread, fields, page_id) for _, thread in shown]}
    if shown:
        cursors = {"before": _cursor(shown[0][0]), "after": _cursor(shown[-1][0])}
        answer["paging"] = {"cursors": cursors}
        if len(shown) < len(rest):
            answer["paging"]["next"] = (
                f"https://graph.facebook.com/{page_id}/conversations?after={cursors['after']}"
            )
    return answer


def _place(thread: Thread) -> Place:
    return -thread.messages[-1].at, thread.psid


def _conversation(thread: Thread, fields: str, page_id: str) -> Json:
    found: Json = {"id": f"t_{thread.number}{thread.psid}", "updated_time": _time(thread.messages[-1].at)}
    people = [_person(thread), {"name": "Demo Page", "email": f"{page_id}@facebook.com", "id": page_id}]
    if "participants" in fields:
        found["participants"] = {"data": people}
    wanted = re.search(r"messages(?:\.limit\((\d+)\))?", fields)
    if wanted:
        newest = [message for message in reversed(thread.messages) if not message.withdrawn]
        shown = newest[: _limit(wanted[1])]
        found["messages"] = {
            "data": [_message(message, people[message.by == "page"], fields) for message in shown]
        }
    return found


def _person(thread: Thread) -> Json:
    return {
        "name": f"Student {thread.number}",
        "email": f"{thread.psid}@facebook.com",
        "id": thread.psid,
    }


def _message(message: Message, author: Json, fields: str) -> Json:
    found: Json = {
        "id": message.mid,  # as in webhooks
        "created_time": _time(message.at),
        "from": author,
        "message": message.text or "",
    }
    if "like" in message.attachments and "sticker" in fields:
        found["sticker"] = "https://scontent.xx.fbcdn.net/v/369239263222822.png"
    files = [MIME_TYPES.get(kind, "file") for kind in message.attachments if kind not in ("like", "template")]
    if files and "attachments" in fields:
        found["attachments"] = {"data": [{"id": message.mid[2:20], "mime_type": kind} for kind in files]}
    return found


def _time(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _limit(value: Any) -> int:
    try:
        return max(1, min(int(value), MOST)) if value else LIMIT
    except ValueError:
        raise bad_parameter("Param limit must be a number") from None


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _after(cursor: Any) -> Place | None:
    if not cursor:
        return None
    try:
        place, psid = json.loads(base64.urlsafe_b64decode(str(cursor)))
        return int(place), str(psid)
    except (ValueError, TypeError, binascii.Error):
        raise bad_parameter("Invalid cursor") from None
