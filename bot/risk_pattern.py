"""Phrases that a coordinator can read, such as `ta|tar ... livet mitt`, and where they occur.

All phrases of a file share one `Lexicon`. It numbers the distinct words of phrases ("elements"), says of each
word of a message which elements it fits, and which phrases are worth looking for because their rarest word is there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.flow.fold import one_typo
from bot.risk_words import Reading, Word, cleaned, forms, spellings

GAPS = {"...": 3, "......": 6}  # how many words a row of dots may skip
NEAR = 12  # words between two parts of `this & that`, which stand in one sentence
FAR = 30  # words between two parts of `this + that`, wherever sentences end
TAIL = 24  # words before the newest message that are read again with it
_BLOCK = 16  # words; no row of words reaches further than two blocks
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
        tuple(_row(row, phrase, lists.words) for row in _rows(part, phrase, lists.groups))
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


def _row(text: str, phrase: str, lists: Mapping[str, Sequence[str]]) -> Row:
    elements: list[Element] = []
    for part in re.sub(r"(\.{3,})", r" \1 ", text.replace("\u2026", "...")).split():
        pieces = part.split("-") if "|" not in part and "<" not in part else [part]
        elements += [_element(piece, phrase, lists) for piece in pieces if piece]
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


@dataclass(frozen=True, slots=True)
class _Step:
    """An element by its number, as matching wants it."""

    number: int
    optional: bool
    gap: int


class _Row:
    """A row of words that is looked for from its rarest word outwards."""

    __slots__ = ("after", "anchor", "before", "end", "need")

    def __init__(self, steps: Sequence[_Step], anchor: int, end: int | None) -> None:
        self.end = end  # the element that may follow where nothing else may; None: anything may
        self.anchor = steps[anchor].number
        self.need = 0  # the elements it cannot do without, as bits
        for step in steps:
            if not (step.optional or step.gap):
                self.need |= 1 << step.number
        self.before = tuple(reversed(steps[:anchor]))
        self.after = tuple(steps[anchor + 1 :])

    def at(self, reading: Reading, here: int, *, widest: bool) -> Span | None:
        """The row's tightest (or widest) place with its rarest word at `here`."""
        starts = _walk(reading, self.before, here, -1)
        if not starts:
            return None
        ends = _walk(reading, self.after, here, 1)
        if self.end is not None:
            ends = {each for each in ends if self._over(reading, each + 1)}
        if not ends:
            return None
        return (min(starts), max(ends) + 1) if widest else (max(starts), min(ends) + 1)

    def _over(self, reading: Reading, there: int) -> bool:
        return reading.breaks_at(there) or self.end in reading.words[there].fits


def _walk(reading: Reading, steps: Sequence[_Step], here: int, way: int) -> set[int]:
    """Every index that the last of these steps may stand at, going from `here` one way."""
    at = {here}
    words, sentences = reading.words, reading.sentences
    sentence = sentences[here]
    skip = {0}
    for step in steps:
        if step.gap:
            skip = set(range(step.gap + 1))
            continue
        fits: set[int] = set()
        for place in at:
            for gap in skip:
                there = place + way * (gap + 1)
                if not 0 <= there < len(words) or (gap and sentences[there - way] != sentence):
                    break
                if step.number in words[there].fits:
                    fits.add(there)
        if step.optional:
            if len(skip) > 1:
                fits |= at
                at = fits
                continue  # the gap stays open
            at = at | fits
        else:
            at = fits
            skip = {0}
        if not at:
            break
    return at


class Lexicon:
    """The elements, rows and phrases of a file, numbered in their order.

    Phrases with numbers from `widest_from` on (exceptions, shifts) are taken as wide as they go, others as tight.
    """

    def __init__(self, patterns: Iterable[Pattern], widest_from: int) -> None:
        self.patterns = tuple(patterns)
        self._exact: dict[str, list[int]] = {}
        self._beginnings: dict[str, list[int]] = {}
        self._typos: dict[str, list[tuple[str, int]]] = {}  # by the word, and the word less one letter
        self._longest = 0
        self.signs: dict[str, list[int]] = {}
        self._rows: list[_Row] = []
        self._wide: list[bool] = []
        self._parts: list[tuple[tuple[int, ...], ...]] = []  # of each phrase, the rarest part first: its rows
        self._phrases: list[list[int]] = []  # of each row, those whose first part it belongs to
        self._leads: dict[int, list[int]] = {}  # element to rows that are looked for when it occurs
        numbers = self._numbered()
        distinct = {row for pattern in self.patterns for part in pattern.parts for row in part}
        rare = Counter(word for row in distinct for each in row for word in _all(each))
        known: dict[tuple[Row, bool], int] = {}
        for number, pattern in enumerate(self.patterns):
            if pattern.sign is not None:
                self.signs.setdefault(pattern.sign, []).append(number)
            parts = sorted(pattern.parts, key=lambda part: sum(_cost(row, rare)[0] for row in part))
            wide = number >= widest_from
            rows = [tuple(self._row(row, wide, numbers, rare, known) for row in part) for part in parts]
            self._parts.append(tuple(rows))
            for row in rows[0] if rows else ():
                if not self._phrases[row]:
                    self._leads.setdefault(self._rows[row].anchor, []).append(row)
                if number not in self._phrases[row]:
                    self._phrases[row].append(number)

    def _row(
        self,
        row: Row,
        wide: bool,
        numbers: Mapping[Element, int],
        rare: Mapping[str, int],
        known: dict[tuple[Row, bool], int],
    ) -> int:
        if (row, wide) not in known:
            known[row, wide] = len(self._rows)
            end = numbers[row[-1]] if row[-1].end else None
            steps = [_Step(numbers.get(each, -1), each.optional, each.gap) for each in row if not each.end]
            self._rows.append(_Row(steps, _cost(row, rare)[1], end))
            self._wide.append(wide)
            self._phrases.append([])
        return known[row, wide]

    def _numbered(self) -> dict[Element, int]:
        numbers: dict[Element, int] = {}
        for pattern in self.patterns:
            for element in pattern.elements:
                if element in numbers:
                    continue
                number = numbers[element] = len(numbers)
                for word in element.exact:
                    self._exact.setdefault(word, []).append(number)
                for word in element.beginnings:
                    self._beginnings.setdefault(word, []).append(number)
                    self._longest = max(self._longest, len(word))
                for word in element.typos:
                    for less in _less(word):
                        self._typos.setdefault(less, []).append((word, number))
        return numbers

    def word(self, forms: tuple[str, ...], text: str) -> Word:
        """A word with what it fits."""
        fits: set[int] = set()
        for form in forms:
            fits.update(self._exact.get(form, ()))
            for length in range(2, min(len(form), self._longest) + 1):
                fits.update(self._beginnings.get(form[:length], ()))
            if TYPO_LETTERS - 1 <= len(form) <= 30 and form not in self._exact:
                for less in _less(form):
                    for word, number in self._typos.get(less, ()):
                        if one_typo(form, word):
                            fits.add(number)
        leads = {number for each in fits for number in self._leads.get(each, ())}
        mask = sum(1 << each for each in fits)
        return Word(text, forms, frozenset(fits), tuple(sorted(leads)), mask)

    def token(self, text: str) -> Word:
        """A word as it was written, with what it fits."""
        return self.word(forms(text), text)

    def found(self, reading: Reading) -> set[tuple[int, Span]]:
        """Every phrase that occurs, by number, with its span; an emoji's span is (~index, ~index).

        Earlier messages are looked through alone, once, and again only as far as a phrase may run on from there.
        """
        found = set(self._search(reading, max(reading.newest - TAIL, 0)))
        for part, (words, marks) in zip(reading.parts[:-1], reading.starts, strict=False):
            if not part.alone:
                part.alone.append(tuple(self._search(Reading([part]), 0)))
            for number, (start, end) in part.alone[0]:
                span = (start + words, end + words) if start >= 0 else (start - marks, end - marks)
                found.add((number, span))
        return found

    def _search(self, reading: Reading, first: int) -> Iterator[tuple[int, Span]]:
        search = _Search(self._rows, self._wide, reading)
        near = _near(reading)
        for here in range(first, len(reading.words)):
            word = reading.words[here]
            local = near[here // _BLOCK]
            for row in word.leads:
                need = self._rows[row].need
                if need & local != need:
                    continue
                span = self._rows[row].at(reading, here, widest=self._wide[row])
                if not span:
                    continue
                for number in self._phrases[row]:
                    parts = self._parts[number]
                    whole: Span | None = span
                    if len(parts) > 1:
                        whole = search.joined(parts[1:], span, loose=self.patterns[number].loose)
                    if whole:
                        yield number, whole
        for place, mark in enumerate(reading.marks):
            for number in self.signs.get(mark.text, ()):
                yield number, (~place, ~place)


def _near(reading: Reading) -> list[int]:
    """For each block of words, the elements that fit a word in it or in the two blocks on either side, as bits."""
    blocks = [0] * (len(reading.words) // _BLOCK + 5)
    for here, word in enumerate(reading.words):
        blocks[here // _BLOCK + 2] |= word.mask
    return [
        blocks[at] | blocks[at + 1] | blocks[at + 2] | blocks[at + 3] | blocks[at + 4]
        for at in range(len(blocks) - 4)
    ]


class _Search:
    """Looks in one reading for the parts that a phrase has beside its rarest, each row once."""

    def __init__(self, rows: Sequence[_Row], wide: Sequence[bool], reading: Reading) -> None:
        self._rows = rows
        self._wide = wide
        self._reading = reading
        self._fits: dict[int, list[int]] = {}  # where each element fits
        self._whole = 0  # all elements that fit a word, as bits
        for word in reading.words:
            self._whole |= word.mask
        self._spans: dict[tuple[int, ...], list[Span]] = {}

    def joined(self, parts: Sequence[tuple[int, ...]], first: Span, *, loose: bool) -> Span | None:
        """From the first to the last of a phrase's parts, if all are near the first one found."""
        start, end = first
        sentences = self._reading.sentences
        for part in parts:
            spans = self._all(part)
            best: tuple[int, Span] | None = None
            reach = FAR if loose else NEAR
            for at in range(bisect_left(spans, (first[0] - reach - 8, 0)), len(spans)):
                span = spans[at]
                away = max(first[0] - span[1], span[0] - first[1])
                if span[0] > first[1] + reach:
                    break
                if away < 0 or away > reach or (best and away >= best[0]):
                    continue
                if loose or sentences[span[0]] == sentences[first[0]]:
                    best = away, span
            if best is None:
                return None
            start, end = min(start, best[1][0]), max(end, best[1][1])
        return start, end

    def _all(self, part: tuple[int, ...]) -> list[Span]:
        if part not in self._spans:
            found = set()
            for row in (self._rows[number] for number in part):
                if row.need & self._whole == row.need:
                    for here in self._places(row.anchor):
                        span = row.at(self._reading, here, widest=False)
                        if span:
                            found.add(span)
            self._spans[part] = sorted(found)
        return self._spans[part]

    def _places(self, element: int) -> list[int]:
        if element not in self._fits:
            words = self._reading.words
            self._fits[element] = [here for here, word in enumerate(words) if element in word.fits]
        return self._fits[element]


def _all(element: Element) -> set[str]:
    return {*element.exact, *element.beginnings}


def _cost(row: Sequence[Element], rare: Mapping[str, int]) -> tuple[float, int]:
    """How common the row's rarest word is, and where it stands."""
    costs = [
        (sum(rare[word] * (30 if word in _COMMON else 1) for word in _all(element)), place)
        for place, element in enumerate(row)
        if not (element.gap or element.optional or element.end)
    ]
    return min(costs)


# In nearly every message, so no good reason to look for a phrase.
_WORDS = (
    "jeg eg æ i er det og å på til en av ikke for meg med som har at du vi de så kan vil skal om min bare a"
    " the to and of in is it my me not you that im dont this so have be for on but with was just are he she"
    " han hun ho hva når nå no hvis den et ein ei fra men være var mye noe alt da når man opp mer"
)
_COMMON = frozenset(_WORDS.split())


def _less(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
