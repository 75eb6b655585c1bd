"""Long texts in parts that the Send API takes, cut where a reader would pause."""

from __future__ import annotations

import re
import unicodedata

from handlers.messenger import limits

# A pause, best first. `gap` is where the part ends; the white space behind it is left out. A no-break space
# is none, and the groups of a phone number stay together.
_BLANK = r"[^\S\u00a0\u2007\u202f]"
_PAUSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<gap>\n)[^\S\n]*\n",
        r"(?P<gap>\n)",
        rf"[.!?…][\"'»”’)\]]*(?P<gap>{_BLANK})",
        rf"(?P<gap>(?<!\d){_BLANK}|{_BLANK}(?!\d))",
        rf"(?P<gap>{_BLANK})",
    )
)
_ZWJ = "\u200d"


def units(text: str) -> int:
    """The length in UTF-16 units, the largest of the units Meta may count in for letters and emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = limits.PART_UNITS) -> list[str]:
    """The text in parts of at most `limit` UTF-16 units; none when it is blank.

    Cut between paragraphs, lines, sentences or words, white space at the cuts left out. Only a single word
    over the limit is cut inside, and even then no emoji, flag or letter with its marks.
    """
    # Surrogate pairs become one character, lone surrogates go: neither can be sent.
    rest = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore").strip()
    parts = []
    while units(rest) > limit:
        cut = _cut(rest, _fitting(rest, limit))
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def shortened(text: str, length: int) -> str:
    """The text, cut to at most `length` UTF-16 units between characters as a reader counts them."""
    if units(text) <= length:
        return text
    return text[: _last_border(text, _fitting(text, length))].rstrip()


def _fitting(text: str, limit: int) -> int:
    """How many characters fit into `limit` units; at least one."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > limit:
            return max(index, 1)
    return len(text)


def _cut(text: str, most: int) -> int:
    """Where to cut, at `most` at the latest: the best kind of pause in the second half, else any."""
    for pause in _PAUSES:
        first = 1 if pause is _PAUSES[-1] else most // 2
        places = [
            match.start("gap")
            for match in pause.finditer(text, first, min(most + 3, len(text)))
            if 0 < match.start("gap") <= most
        ]
        if places:
            return places[-1]
    return _last_border(text, most)


def _last_border(text: str, most: int) -> int:
    """The last border between characters at or before `most`; `most` itself when there is none."""
    for index in range(most, 0, -1):
        if _is_border(text, index):
            return index
    return most


def _is_border(text: str, index: int) -> bool:
    """Whether a reader sees two characters left and right of `index`.

    Covers what people write here: combining marks, emoji with skin tones, joiners, variation selectors and
    tags, flags, CR LF. After Unicode Standard Annex 29, without its rules for Hangul and Indic scripts.
    """
    if index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if _ZWJ in (before, after) or unicodedata.category(after).startswith("M") or before + after == "\r\n":
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        start = index
        while start > 0 and _is_flag_half(text[start - 1]):
            start -= 1
        return (index - start) % 2 == 0
    return True


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
