"""The shapes of webhook items, and of the body around them. Pure.

Source: Messenger Platform "Webhook events". Times are milliseconds since 1970.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from handlers.simulator.records import Happening

Json = dict[str, Any]

LIKE_STICKER = 369239263222822  # the thumbs-up
INBOX_APP = "263902037430900"  # the Page inbox (Meta Business Suite)
FIELDS = (
    "messages",
    "messaging_postbacks",
    "message_echoes",
    "message_deliveries",
    "message_reads",
    "message_reactions",
    "message_edits",
    "messaging_referrals",
    "messaging_handovers",
    "standby",
    "messaging_policy_enforcement",
)
REACTIONS = {  # Meta's names and what stands on the button
    "love": "❤",
    "smile": "😆",
    "wow": "😮",
    "sad": "😢",
    "angry": "😠",
    "like": "👍",
    "dislike": "👎",
}


def from_student(page_id: str, psid: str, at: int, **parts: Any) -> Json:
    """An item the student caused."""
    return {"sender": {"id": psid}, "recipient": {"id": page_id}, "timestamp": at, **parts}


def from_page(page_id: str, psid: str, at: int, **parts: Any) -> Json:
    """An item the Page caused: an echo."""
    return {"sender": {"id": page_id}, "recipient": {"id": psid}, "timestamp": at, **parts}


def number(app_id: str) -> int | str:
    """App ids are numbers in Meta's echoes."""
    return int(app_id) if app_id.isdecimal() else app_id


def attachment(kind: str, mid: str) -> Json:
    """What a student can attach. The addresses lead nowhere: nothing is ever fetched from them."""
    url = f"https://scontent.xx.fbcdn.net/v/{mid[2:14]}"
    if kind == "like":
        return {"type": "sticker", "payload": {"url": url, "sticker_id": LIKE_STICKER}}
    return {"type": kind, "payload": {"url": url}}


def reaction_name(emoji: str) -> str:
    """Meta's name for an emoji; `other` for those without one."""
    return next((name for name, sign in REACTIONS.items() if sign == emoji.rstrip("\ufe0f")), "other")


def body(happenings: Sequence[Happening], now: int) -> bytes:
    """One POST body with all of these, in order, non-ASCII escaped as Meta does it (`\\u00e5`)."""
    entries = []
    for (page_id, standby), items in groupby(happenings, key=lambda each: (each.page_id, each.standby)):
        entry: Json = {"id": page_id, "time": now}
        entry["standby" if standby else "messaging"] = [each.item for each in items]
        entries.append(entry)
    return json.dumps({"object": "page", "entry": entries}, separators=(",", ":")).encode("ascii")


def signature(app_secret: str, data: bytes) -> str:
    """The value of `X-Hub-Signature-256` for these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), data, hashlib.sha256).hexdigest()
