"""What stands in the composer, as the store keeps it: a draft of a reply, a note or a whisper. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
        return cls(mode_of(mode), text)

    def with_back(self, words: str) -> Written:
        """With words of a reply that came back. A note or a whisper that was begun does not become a reply by it."""
        if not self.text.strip():
            return Written("reply", words)
        if self.mode != "reply":
            return Written(self.mode, f"{self.text.rstrip()}\n\n{words}")
        return Written("reply", f"{words}\n{self.text}")


def mode_of(value: str) -> Mode:
    """What a form or a store says. What nobody can tell is a note: that never goes to a student."""
    return next((mode for mode in MODES if mode == value), "note")
