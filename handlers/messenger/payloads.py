"""A webhook body as events: every item of every entry, in Meta's order. `read.py` knows the items."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from bot.events import UnknownReceived
from handlers.messenger import read, wire
from handlers.messenger.context import Context, Unreadable
from storage.records import NewEvent


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a body held."""

    events: tuple[NewEvent, ...]
    foreign: int  # entries and items for another Page; ignored
    unknown: int  # items nobody here can read, each kept as UnknownReceived (the same one only once)


@dataclass(slots=True)
class _Reading:
    page_id: str
    app_id: str | None
    now: datetime
    events: list[NewEvent] = field(default_factory=list)
    foreign: int = 0
    unknown: int = 0
    unknown_keys: set[str] = field(default_factory=set)


def read_body(data: object, *, page_id: str, app_id: str | None, now: datetime) -> Parsed:
    """The events of one webhook body, whatever JSON value it is; never raises.

    An entry or item for another Page is left out and counted. An item that cannot be read becomes
    UnknownReceived, with its PSID where that much can be read, and keeps nothing of its content.
    """
    reading = _Reading(page_id, app_id, now)
    entries = wire.mapping(data).get("entry")
    if not isinstance(entries, list) or not entries:
        _keep_unknown(reading, data, "entry", "no entries", None)
    for entry in wire.items(entries):
        _read_entry(reading, entry)
    return Parsed(tuple(reading.events), reading.foreign, reading.unknown)


def _read_entry(reading: _Reading, entry: object) -> None:
    if not isinstance(entry, dict):
        _keep_unknown(reading, entry, "entry", "not an object", None)
        return
    entry_id = wire.person_id(entry.get("id"))
    if entry_id is not None and entry_id != reading.page_id:
        reading.foreign += 1
        return
    ours = entry_id is not None
    found = False
    for name in ("messaging", "standby", "changes"):
        items = entry.get(name)
        if items is None:
            continue
        found = True
        if not isinstance(items, list):
            _keep_unknown(reading, items, name, "not a list", None)
        for item in wire.items(items):
            if name == "changes":
                _read_change(reading, item, ours, entry.get("time"))
            else:
                _read_item(reading, item, ours, entry.get("time"), standby=name == "standby")
    if not found:
        _keep_unknown(reading, entry, "entry", "no items", None)


def _read_change(reading: _Reading, change: object, ours: bool, entry_time: object) -> None:
    """Page fields. A messaging item can hide in `value`: the dashboard's test button writes them so."""
    value = wire.mapping(change).get("value")
    if isinstance(value, dict) and "sender" in value and "recipient" in value:
        _read_item(reading, value, ours, entry_time, standby=False)
        return
    name = wire.text(wire.mapping(change).get("field")) or "changes"
    _keep_unknown(reading, change, name, "not a messaging field", None)


def _read_item(reading: _Reading, item: object, ours: bool, entry_time: object, *, standby: bool) -> None:
    if not isinstance(item, dict):
        _keep_unknown(reading, item, "item", "not an object", None)
        return
    sender, recipient = wire.person_id(item.get("sender")), wire.person_id(item.get("recipient"))
    if not ours and reading.page_id not in (sender, recipient):
        # Neither the entry nor the item names our Page.
        if sender is None and recipient is None:
            _keep_unknown(reading, item, "item", "names no Page", None)
        else:
            reading.foreign += 1
        return
    from_page = wire.is_true(wire.mapping(item.get("message")).get("is_echo")) or sender == reading.page_id
    page, psid = (sender, recipient) if from_page else (recipient, sender)
    if page is not None and page != reading.page_id:
        reading.foreign += 1
        return
    own_time = item.get("timestamp")
    context = Context(
        psid=None if psid == reading.page_id else psid,
        from_page=from_page,
        app_id=reading.app_id,
        now=reading.now,
        sent_at=wire.instant(own_time, reading.now) or wire.instant(entry_time, reading.now) or reading.now,
        stamp=wire.short(own_time, wire.DIGITS) or wire.short(entry_time, wire.DIGITS) or "",
        standby=standby,
    )
    for name, result in read.item(item, context):
        if isinstance(result, Unreadable):
            _keep_unknown(reading, item, name, result.reason, context)
        else:
            reading.events.append(result)


def _keep_unknown(
    reading: _Reading, content: object, name: str, reason: str, context: Context | None
) -> None:
    """Count it, and keep that there was something. `name` is cleaned: it comes from the body."""
    reading.unknown += 1
    cleaned = re.sub(r"[^A-Za-z_]", "", name)[:40] or "item"
    key = f"unknown:{cleaned}|{wire.digest(content)}"
    if key in reading.unknown_keys:
        return
    reading.unknown_keys.add(key)
    event = UnknownReceived(
        sent_at=context.sent_at if context else reading.now,
        standby=context.standby if context else False,
        field=cleaned,
        reason=reason,
    )
    reading.events.append(NewEvent(psid=context.psid if context else None, key=key, event=event))
