"""What pages send us, read and bounded. Only shape is judged here; what may be done is judged by the deeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from flask import request

from bot.sight import UNSEEN, Sight, read

MAX_TEXT = 20_000  # characters of one reply or note; ten of Messenger's messages
Mode = Literal["reply", "note", "whisper"]
MODES: tuple[Mode, ...] = ("reply", "note", "whisper")


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the composer. A draft keeps its mode, so that a note can never come back as a reply."""

    mode: Mode
    text: str

    def pack(self) -> str:
        """As the store keeps it; empty when there is nothing to keep."""
        return f"{self.mode}\n{self.text}" if self.text else ""

    @classmethod
    def unpack(cls, kept: str | None) -> Written:
        """What `pack` made; an empty reply for nothing."""
        mode, newline, text = (kept or "").partition("\n")
        if not newline:
            return cls("reply", mode if mode not in MODES else "")
        return cls(_mode(mode), text)


def has_mode() -> bool:
    """Whether the composer said what its words are."""
    return request.form.get("mode") in MODES


def written() -> Written:
    """The composer as sent. Browsers send line ends as CR LF."""
    text = request.form.get("text", "").replace("\r\n", "\n").replace("\x00", "")[:MAX_TEXT]
    return Written(_mode(request.form.get("mode", "")), text)


def _mode(value: str) -> Mode:
    """What nobody can tell is a note: that never goes to a student."""
    return next((mode for mode in MODES if mode == value), "note")


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
