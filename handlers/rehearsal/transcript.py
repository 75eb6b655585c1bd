"""The acts of a conversation that has been held: from its transcript, for the demo and the console's preview."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from bot.content import Content
from bot.rehearsal.model import AMALIE
from handlers.rehearsal.script import Act, Opening, script_of
from storage.records import Entry

_PAUSE = timedelta(minutes=2)  # shorter ones say nothing
_KINDS = {"audio": "voice"}
_SENDS = frozenset({"like", "sticker", "image", "voice", "video", "file", "location"})
_SYSTEM = {"joined": "claims", "left": "releases", "closed": "closes"}


def script_of_entries(
    content: Content, entries: Sequence[Entry], name: str, duty: tuple[str, ...] = (AMALIE,)
) -> str | None:
    """The conversation as a rehearsal that passes; None when nothing was done in it."""
    zone = content.settings.service_hours.zone
    acts = list(acts_of(entries, zone))
    return script_of(content, Opening(name=name, at=entries[0].at, duty=duty), acts) if acts else None


def acts_of(entries: Sequence[Entry], zone: ZoneInfo) -> Iterator[Act]:
    """What the student and the supporter did, with the pauses between. What was taken back or erased is left out."""
    now = entries[0].at if entries else None
    for entry in entries:
        act = _act(entry)
        is_last = entry is entries[-1]
        if now is not None and entry.at - now >= _PAUSE and (act or is_last):
            now = entry.at if act else entry.at + timedelta(minutes=1)
            yield {"clock": f"{now.astimezone(zone):%Y-%m-%d %H:%M}"}
        if act:
            yield act


def _act(entry: Entry) -> Act | None:
    match entry.written_by, entry.kind:
        case "contact", "text" if entry.text:
            return {"student writes": entry.text}
        case "contact", "choice" if entry.text:
            return _tapped(entry.text)
        case "contact", "attachment":
            kind = (entry.detail or "").split(",")[0]
            kind = _KINDS.get(kind, kind)
            return {"student sends": kind if kind in _SENDS else "file"}
        case "supporter", _ if entry.text:
            return {"supporter writes": entry.text}
        case "system", "event" if entry.who and entry.detail in _SYSTEM:
            return {"supporter": _SYSTEM[entry.detail]}
        case _:
            return None


def _tapped(title: str) -> Act:
    started = title.casefold() in ("get started", "kom i gang")
    return {"student presses": "get started"} if started else {"student taps": title}
