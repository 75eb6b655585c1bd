"""A message longer than anybody should have to scroll through: read whole, kept in part."""

from __future__ import annotations

KEPT = 20_000  # characters of one message in the transcript and in what the bot remembers
_TAIL = 2000
_CUT = "\n[...]\n"


def kept(text: str, most: int = KEPT) -> str:
    """The text, or the beginning and the end of one over `most` characters, with "[...]" where it was cut.

    Both ends are kept because what matters most often comes last.
    """
    if len(text) <= most:
        return text
    return text[: most - _TAIL - len(_CUT)] + _CUT + text[-_TAIL:]
