"""What pages send us, read and bounded. Only shape is judged here; what may be done is judged by the deeds."""

from __future__ import annotations

from dataclasses import replace

from flask import request

from bot.sight import UNSEEN, Sight, read
from handlers.written import MODES, Written, mode_of

MAX_TEXT = 20_000  # characters of one reply or note; ten of Messenger's messages


def has_mode() -> bool:
    """Whether the composer said what its words are."""
    return request.form.get("mode") in MODES


def written() -> Written:
    """The composer as sent. Browsers send line ends as CR LF."""
    text = request.form.get("text", "").replace("\r\n", "\n").replace("\x00", "")[:MAX_TEXT]
    return Written(mode_of(request.form.get("mode", "")), text)


def number(name: str) -> int | None:
    """A whole number from the form or the address; None when it is missing, something else or too large for a row."""
    value = request.values.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else None


def sight() -> Sight:
    """What the page showed that the form stands on. A form that does not say has shown nothing.

    Lines that a live page has shown since then count as seen; a danger that rose meanwhile does not.
    """
    drawn = read(request.form.get("sight", ""))
    return replace(drawn, said=max(drawn.said, number("said") or 0)) if drawn != UNSEEN else UNSEEN


def line(name: str, limit: int = 200) -> str:
    """A single line from the form, trimmed."""
    return " ".join(request.form.get(name, "").replace("\x00", "").split())[:limit]


def paragraph(name: str, limit: int) -> str:
    """Words from the form, with their lines, trimmed."""
    return request.form.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()[:limit]
