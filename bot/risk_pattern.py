"""Phrases that a coordinator can read, such as `ta|tar ... livet mitt`, as rows of words that may be looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.risk_words import cleaned, spellings

GAPS = {"...": 3, "......": 6}  # how many words a row of dots may skip
MOST = 400  # rows that one phrase may stand for
END = "end"  # the list of words after which a thought may end
TYPO_LETTERS = 5  # shorter words have too many neighbours
LONG_LETTERS = 9  # from here on a typo is allowed without asking

Span = tuple[int, int]  # first word, and the word after the last


@dataclass(frozen=True, slots=True)
class Element:
    """One word of a phrase with its alternatives, a gap of so many words, or the end of the thought.

    `end`: nothing more follows, or a sign, or one of the words in `exact` ("og", "but").
    """

    exact: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    typos: tuple[str, ...] = ()
    optional: bool = False
    gap: int = 0
    end: bool = False


Row = tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """What phrases may refer to: `<name>` is any word of a list, `{name}` any row of words of a group."""

    words: Mapping[str, Sequence[str]]
    groups: Mapping[str, Sequence[str]]
    known: dict[str, Element] = field(
        default_factory=dict, compare=False, repr=False
    )  # by how they are written


@dataclass(frozen=True, slots=True)
class Pattern:
    """One phrase: parts that must all be near each other, each with the rows of words that it may be.

    `loose`: the parts need not share a sentence. `sign`: an emoji that stands alone.
    """

    text: str
    parts: tuple[tuple[Row, ...], ...] = ()
    loose: bool = False
    sign: str | None = None

    @property
    def elements(self) -> Iterator[Element]:
        """Every word of the phrase."""
        return (element for rows in self.parts for row in rows for element in row if not element.gap)


def parse(phrase: str, lists: Lists) -> Pattern:
    """The phrase ready to match. Raises ValueError with a sentence when it cannot be read."""
    text = cleaned(phrase).strip()
    if text and not any(c.isalnum() or c in ".|<>{}()*~&+" for c in text):
        if len(text) > 2:
            raise ValueError(f"{phrase!r}: an emoji stands alone in its phrase")
        return Pattern(phrase, sign=text[0])
    if "&" in text and "+" in text:
        raise ValueError(f"{phrase!r}: write & or +, not both")
    parts = tuple(
        tuple(_row(row, phrase, lists) for row in _rows(part, phrase, lists.groups))
        for part in re.split("[&+]", text)
    )
    return Pattern(phrase, parts, loose="+" in text)


def _rows(text: str, phrase: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The text once for every row of every group that it names."""
    rows = [""]
    for piece in re.split(r"(\{[^{}]*\})", text):
        options: Sequence[str] = [piece]
        if piece.startswith("{"):
            name = piece[1:-1]
            if name not in groups:
                raise ValueError(f"{phrase!r}: there is no group {name!r} under groups")
            options = [cleaned(each) for each in groups[name]]
            if any(c in each for each in options for c in "{&+"):
                raise ValueError(f"{phrase!r}: the group {name!r} may hold rows of words only")
        rows = [f"{row} {option}" for row in rows for option in options]
        if len(rows) > MOST:
            raise ValueError(f"{phrase!r}: stands for more than {MOST} rows of words; name fewer groups")
    return rows


def _row(text: str, phrase: str, lists: Lists) -> Row:
    elements: list[Element] = []
    for part in re.sub(r"(\.{3,})", r" \1 ", text.replace("\u2026", "...")).split():
        pieces = part.split("-") if "|" not in part and "<" not in part else [part]
        for piece in pieces:
            if piece and piece not in lists.known:
                lists.known[piece] = _element(piece, phrase, lists.words)
            elements += [lists.known[piece]] if piece else []
    while elements and (elements[0].optional or elements[0].gap):
        elements.pop(0)
    while elements and (elements[-1].optional or elements[-1].gap):
        elements.pop()
    if not elements or elements[0].end:
        raise ValueError(f"{phrase!r}: a phrase needs at least one word")
    if any(each.end for each in elements[:-1]):
        raise ValueError(f"{phrase!r}: . stands at the end of a row of words only")
    return tuple(elements)


def _element(part: str, phrase: str, lists: Mapping[str, Sequence[str]]) -> Element:
    if part == ".":
        return Element(frozenset(map(cleaned, lists.get(END, ()))), end=True)
    if set(part) == {"."}:
        if part not in GAPS:
            raise ValueError(f"{phrase!r}: an end is . and a gap is ... (up to 3 words) or ...... (up to 6)")
        return Element(gap=GAPS[part])
    optional = part.startswith("(") and part.endswith(")")
    exact: set[str] = set()
    beginnings: set[str] = set()
    typos: set[str] = set()
    for word in _alternatives(part[1:-1] if optional else part, phrase, lists):
        stem = word.rstrip("*~")
        if not re.fullmatch(r"[^\W_]+", stem) or len(word) - len(stem) > 1:
            raise ValueError(f"{phrase!r}: {word!r} is no word; words have letters, a * or ~ only at the end")
        if word.endswith("*"):
            if len(stem) < 2:
                raise ValueError(f"{phrase!r}: {word!r} is too short for an open ending")
            beginnings |= spellings(stem)
            continue
        if word.endswith("~") and len(stem) < TYPO_LETTERS:
            raise ValueError(f"{phrase!r}: {word!r} is too short for a typo; {TYPO_LETTERS} letters or more")
        if word.endswith("~") or len(stem) >= LONG_LETTERS:
            typos |= spellings(stem)
        exact |= spellings(stem)
    return Element(frozenset(exact), tuple(sorted(beginnings)), tuple(sorted(typos)), optional)


def _alternatives(part: str, phrase: str, lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for each in part.split("|"):
        if not each:
            raise ValueError(f"{phrase!r}: a word is missing beside |")
        if each.startswith("<") and each.endswith(">"):
            name = each[1:-1]
            if name not in lists:
                raise ValueError(f"{phrase!r}: there is no list {name!r} under words")
            for word in lists[name]:
                yield cleaned(word)
        else:
            yield each
