"""Typed answers to choices: what the contact may have meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from bot.flow.model import FlowChoice

_TYPO_LETTERS = 4  # shorter words are one typo away from too many others
_PREFIX_LETTERS = 2


def fold(text: str) -> str:
    """Small letters and digits alone: case, accents, signs and ways to write æ, ø and å do not count."""
    text = text.casefold() if text.isascii() else _plain(unicodedata.normalize("NFKC", text).casefold())
    text = text.replace("ae", "a").replace("oe", "o").replace("aa", "a")
    text = text.replace("'", "").replace("\u2019", "")
    return " ".join(re.findall(r"[^\W_]+", text))


@lru_cache(maxsize=1)  # a message is looked at several times; nothing older is kept
def typed_words(text: str) -> str:
    """The beginning of what somebody typed, folded: longer than any title."""
    return fold(text[:200])


def _plain(text: str) -> str:
    text = text.replace("æ", "ae").replace("ø", "o").replace("å", "a")
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def chosen(text: str, choices: Sequence[FlowChoice]) -> FlowChoice | None:
    """The one choice that the typed text means; None when it means none, or more than one.

    In this order: title in either language or id, number, beginning of a title, title with one typo.
    """
    typed = typed_words(text)
    if not typed:
        return None
    named = [(choice, names(choice)) for choice in choices]
    exact = [choice for choice, folded in named if typed in folded]
    if typed.isdecimal():
        number = int(typed) if len(typed) <= 2 else 0
        if len(exact) == 1:
            return exact[0]
        return choices[number - 1] if 1 <= number <= len(choices) else None
    if len(typed) > 1 + max((len(name) for _, folded in named for name in folded), default=0):
        return None  # longer than any title with a typo, as most messages are
    letters = len(typed.replace(" ", ""))
    meant = exact
    if not meant and letters >= _PREFIX_LETTERS:
        meant = [choice for choice, folded in named if any([name.startswith(typed) for name in folded])]
    if not meant and letters >= _TYPO_LETTERS:
        lengths = range(max(_TYPO_LETTERS, len(typed) - 1), len(typed) + 2)
        meant = [
            choice
            for choice, folded in named
            if any(len(n) in lengths and one_typo(typed, n) for n in folded)
        ]
    return meant[0] if len(meant) == 1 else None


def names(choice: FlowChoice) -> frozenset[str]:
    """Everything that means this choice when written out, folded."""
    return _folded((choice.nb, choice.en, choice.id))


def titles(choice: FlowChoice) -> frozenset[str]:
    """What stands on the button, folded."""
    return _folded((choice.nb, choice.en))


@lru_cache(maxsize=16_384)  # what stands on buttons, never what somebody typed
def _folded(titles: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold, titles)) - {""}


def one_typo(one: str, other: str) -> bool:
    """At most one letter more, less, other, or swapped with its neighbour."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    if a[1:] == b[1:] or a[1:] == b or a == b[1:]:
        return True
    return len(a) >= 2 and len(b) >= 2 and a[:2] == b[1::-1] and a[2:] == b[2:]
