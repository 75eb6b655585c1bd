"""Phrases that a coordinator can read, such as `ta|tar ... livet mitt`, and where they occur."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.flow.fold import one_typo
from bot.risk_words import Reading, Word, cleaned, spellings

GAP = 3  # words that `...` may skip
TYPO_LETTERS = 5  # shorter words have too many neighbours

Span = tuple[int, int]  # first word, and the word after the last


@dataclass(frozen=True, slots=True)
class Element:
    """One word of a phrase with its alternatives, or a gap."""

    exact: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    typos: tuple[str, ...] = ()
    optional: bool = False
    gap: bool = False

    def fits(self, word: Word) -> bool:
        """Whether the word may be read as this one."""
        return any(
            form in self.exact
            or (self.beginnings and form.startswith(self.beginnings))
            or (self.typos and any(one_typo(form, each) for each in self.typos))
            for form in word.forms
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """One phrase. `sign`: an emoji that stands alone, then there are no elements."""

    text: str
    elements: tuple[Element, ...] = ()
    sign: str | None = None

    def ends(self, words: Sequence[Word], start: int) -> set[int]:
        """Every index at which the phrase may end when its first word is the one at `start`."""
        if not self.elements[0].fits(words[start]):
            return set()
        at = {start + 1}
        for element in self.elements[1:]:
            if element.gap:
                at = {end for here in at for end in _skip(words, here)}
                continue
            fits = {here + 1 for here in at if here < len(words) and element.fits(words[here])}
            at = at | fits if element.optional else fits
            if not at:
                break
        return at


def _skip(words: Sequence[Word], here: int) -> Iterator[int]:
    yield here
    sentence = words[here - 1].sentence
    for end in range(here + 1, here + GAP + 1):
        if end >= len(words) or words[end].sentence != sentence:
            return
        yield end


def parse(phrase: str, lists: Mapping[str, Sequence[str]]) -> Pattern:
    """The phrase ready to match. Raises ValueError with a sentence when it cannot be read."""
    text = cleaned(phrase).strip()
    if text and not any(c.isalnum() or c in ".|<>()*~" for c in text):
        if len(text) > 2:
            raise ValueError(f"{phrase!r}: an emoji stands alone in its phrase")
        return Pattern(phrase, sign=text[0])
    elements: list[Element] = []
    for part in text.replace("\u2026", "...").replace("...", " ... ").split():
        pieces = part.split("-") if "|" not in part and "<" not in part else [part]
        elements += [_element(piece, phrase, lists) for piece in pieces if piece]
    while elements and (elements[0].optional or elements[0].gap):
        elements.pop(0)
    while elements and (elements[-1].optional or elements[-1].gap):
        elements.pop()
    if not elements:
        raise ValueError(f"{phrase!r}: a phrase needs at least one word")
    return Pattern(phrase, tuple(elements))


def _element(part: str, phrase: str, lists: Mapping[str, Sequence[str]]) -> Element:
    if part == "...":
        return Element(gap=True)
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
        if word.endswith("~"):
            if len(stem) < TYPO_LETTERS:
                raise ValueError(
                    f"{phrase!r}: {word!r} is too short for a typo; {TYPO_LETTERS} letters or more"
                )
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


@dataclass(slots=True)
class Index:
    """Phrases by their first word, so that a message is read once whatever their number."""

    exact: dict[str, list[int]] = field(default_factory=dict)
    beginnings: dict[str, list[int]] = field(default_factory=dict)
    typos: dict[str, list[int]] = field(default_factory=dict)  # by the word, and the word less one letter
    signs: dict[str, list[int]] = field(default_factory=dict)
    longest: int = 0
    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[Pattern]) -> Index:
        """The index of these phrases, numbered in their order."""
        index = cls(patterns=tuple(patterns))
        for number, pattern in enumerate(index.patterns):
            if pattern.sign is not None:
                index.signs.setdefault(pattern.sign, []).append(number)
                continue
            first = pattern.elements[0]
            for word in first.exact:
                index.exact.setdefault(word, []).append(number)
            for word in first.beginnings:
                index.beginnings.setdefault(word, []).append(number)
                index.longest = max(index.longest, len(word))
            for word in first.typos:
                for less in _less(word):
                    index.typos.setdefault(less, []).append(number)
        return index

    def found(self, reading: Reading) -> Iterator[tuple[int, Span]]:
        """Every phrase that occurs, by number, with its span; an emoji's span is (~index, ~index)."""
        for start, word in enumerate(reading.words):
            for number in sorted(self._candidates(word)):
                for end in sorted(self.patterns[number].ends(reading.words, start)):
                    yield number, (start, end)
        for place, mark in enumerate(reading.marks):
            for number in self.signs.get(mark.text, ()):
                yield number, (~place, ~place)

    def _candidates(self, word: Word) -> set[int]:
        found: set[int] = set()
        for form in word.forms:
            found.update(self.exact.get(form, ()))
            if self.beginnings:
                for length in range(2, min(len(form), self.longest) + 1):
                    found.update(self.beginnings.get(form[:length], ()))
            if self.typos and TYPO_LETTERS - 1 <= len(form) <= 30:
                for less in _less(form):
                    found.update(self.typos.get(less, ()))
        return found


def _less(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
