"""Where phrases occur in a row of words.

All phrases of a file share one `Lexicon`. It numbers the distinct words of phrases ("elements"), says of each
word of a message which elements it fits, and which phrases are worth looking for because their rarest word is there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.flow.fold import one_typo
from bot.risk_pattern import TYPO_LETTERS, Element, Pattern, Row, Span
from bot.risk_words import Part, Window, Word, forms

NEAR = 12  # words between two parts of `this & that`, which stand in one sentence
FAR = 30  # words between two parts of `this + that`, wherever sentences end
TAIL = 24  # words before the newest message that are read again with it
_BLOCK = 16  # words; no row of words reaches further than two blocks
_REMEMBERED = 8192  # single words whose meaning is kept, in memory, without who wrote them or when


@dataclass(frozen=True, slots=True)
class _Step:
    """An element by its number, as matching wants it."""

    number: int
    optional: bool
    gap: int


class _Row:
    """A row of words that is looked for from its rarest word outwards."""

    __slots__ = ("after", "anchor", "before", "end", "need", "wide")

    def __init__(self, steps: Sequence[_Step], anchor: int, end: int | None, *, wide: bool) -> None:
        self.wide = wide
        self.end = end  # the element that may follow where nothing else may; None: anything may
        self.anchor = steps[anchor].number
        self.need = 0  # the elements it cannot do without beside its rarest, as bits
        for place, step in enumerate(steps):
            if place != anchor and not (step.optional or step.gap):
                self.need |= 1 << step.number
        self.before = tuple(reversed(steps[:anchor]))
        self.after = tuple(steps[anchor + 1 :])

    def at(self, reading: Window, here: int) -> Span | None:
        """The row's tightest (or, when `wide`, widest) place with its rarest word at `here`."""
        starts = _walk(reading, self.before, here, -1)
        if not starts:
            return None
        ends = _walk(reading, self.after, here, 1)
        if self.end is not None:
            ends = {each for each in ends if self._over(reading, each + 1)}
        if not ends:
            return None
        return (min(starts), max(ends) + 1) if self.wide else (max(starts), min(ends) + 1)

    def _over(self, reading: Window, there: int) -> bool:
        return reading.breaks_at(there) or self.end in reading.words[there].fits


def _walk(reading: Window, steps: Sequence[_Step], here: int, way: int) -> set[int]:
    """Every index that the last of these steps may stand at, going from `here` one way."""
    at = {here}
    if not steps:
        return at
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

    Phrases with numbers from `widest_from` on (exceptions, shifts) are taken as wide as they go, others as tight;
    they are looked for apart, since most messages hold no phrase of a rule and need not be asked about the rest.
    """

    def __init__(self, patterns: Iterable[Pattern], widest_from: int) -> None:
        patterns = tuple(patterns)  # not kept: what is matched is in the tables below
        self._loose = [pattern.loose for pattern in patterns]
        self._widest_from = widest_from
        # Mostly one alone under a key, and the same one under many: hence tuples, which can be shared.
        self._exact: dict[str, tuple[int, ...]] = {}
        self._beginnings: dict[str, tuple[tuple[str, int], ...]] = {}  # by their first two letters
        self._typos: dict[str, tuple[tuple[str, int], ...]] = {}  # by the word, and the word less one letter
        self._known: dict[str, Word] = {}
        self.signs: dict[str, list[int]] = {}
        self._rows: list[_Row] = []
        self._parts: list[tuple[tuple[int, ...], ...]] = []  # of each phrase, the rarest part first: its rows
        self._phrases: list[list[int]] = []  # of each row, those whose first part it belongs to
        self._leads: dict[int, list[int]] = {}  # element to rows that are looked for when it occurs
        numbers = self._numbered(patterns)
        distinct = {row for pattern in patterns for part in pattern.parts for row in part}
        rare = Counter(word for row in distinct for each in row for word in _all(each))
        costs = {row: _cost(row, rare) for row in distinct}
        steps = {
            each: _Step(numbers.get(each, -1), each.optional, each.gap) for row in distinct for each in row
        }
        known: dict[tuple[Row, bool], int] = {}
        for number, pattern in enumerate(patterns):
            if pattern.sign is not None:
                self.signs.setdefault(pattern.sign, []).append(number)
            parts = sorted(pattern.parts, key=lambda part: sum(costs[row][0] for row in part))
            wide = number >= widest_from
            rows = [
                tuple(self._row(row, wide, steps, costs[row][1], known) for row in part) for part in parts
            ]
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
        steps: Mapping[Element, _Step],
        anchor: int,
        known: dict[tuple[Row, bool], int],
    ) -> int:
        if (row, wide) not in known:
            known[row, wide] = len(self._rows)
            end = steps[row[-1]].number if row[-1].end else None
            self._rows.append(_Row([steps[each] for each in row if not each.end], anchor, end, wide=wide))
            self._phrases.append([])
        return known[row, wide]

    def _numbered(self, patterns: Sequence[Pattern]) -> dict[Element, int]:
        numbers: dict[Element, int] = {}
        for pattern in patterns:
            for element in pattern.elements:
                if element in numbers:
                    continue
                number = numbers[element] = len(numbers)
                alone = (number,)
                for word in element.exact:
                    self._exact[word] = self._exact.get(word, ()) + alone
                for word in element.beginnings:
                    self._beginnings[word[:2]] = (*self._beginnings.get(word[:2], ()), (word, number))
                for word in element.typos:
                    meant = ((word, number),)
                    for less in set(_less(word)):
                        self._typos[less] = self._typos.get(less, ()) + meant
        return numbers

    def word(self, forms: tuple[str, ...], text: str) -> Word:
        """A word with what it fits."""
        fits: set[int] = set()
        for form in forms:
            exact = self._exact.get(form)
            if exact:
                fits.update(exact)
            for beginning, number in self._beginnings.get(form[:2], ()):
                if form.startswith(beginning):
                    fits.add(number)
            if not exact and TYPO_LETTERS - 1 <= len(form) <= 30:
                for less in _less(form):
                    for word, number in self._typos.get(less, ()):
                        if number not in fits and one_typo(form, word):
                            fits.add(number)
        if not fits:
            return Word(text, forms)
        mask = 0
        leads: set[int] = set()
        for each in fits:
            mask |= 1 << each
            leads.update(self._leads.get(each, ()))
        rules = sorted(row for row in leads if not self._rows[row].wide)
        others = sorted(row for row in leads if self._rows[row].wide)
        return Word(text, forms, frozenset(fits), tuple(rules), tuple(others), mask)

    def token(self, text: str) -> Word:
        """A word as it was written, with what it fits. The commonest are worked out once."""
        word = self._known.get(text)
        if word is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            word = self._known[text] = self.word(forms(text), text)
        return word

    def rules(self, reading: Window) -> set[tuple[int, Span]]:
        """Every phrase of a rule that occurs, by number, with its span; an emoji's span is (~index, ~index).

        Earlier messages are looked through alone, once, and again only as far as a phrase may run on from there.
        """
        return self._found(reading, wide=False)

    def others(self, reading: Window) -> set[tuple[int, Span]]:
        """Likewise what is no rule: exceptions, shifts and what switches them off."""
        return self._found(reading, wide=True)

    def _found(self, reading: Window, *, wide: bool) -> set[tuple[int, Span]]:
        found = set(self._search(reading, max(reading.newest - TAIL, 0), wide=wide))
        for part, (words, marks) in zip(reading.parts[:-1], reading.starts, strict=False):
            for number, (start, end) in self._alone(part, wide=wide):
                span = (start + words, end + words) if start >= 0 else (start - marks, end - marks)
                found.add((number, span))
        return found

    def _alone(self, part: Part, *, wide: bool) -> tuple[tuple[int, Span], ...]:
        if wide not in part.alone:
            part.alone[wide] = tuple(self._search(Window([part]), 0, wide=wide))
        return part.alone[wide]

    def _search(self, reading: Window, first: int, *, wide: bool) -> Iterator[tuple[int, Span]]:
        rows, search = self._rows, _Search(self._rows, reading)
        near = _near(reading.words, first)
        for here in range(first, len(reading.words)):
            word = reading.words[here]
            leads = word.others if wide else word.leads
            if not leads:
                continue
            local = near[here // _BLOCK]
            for number in leads:
                row = rows[number]
                if row.need & local != row.need:
                    continue
                span = row.at(reading, here)
                if span:
                    yield from self._whole(number, span, search)
        for place, mark in enumerate(reading.marks):
            for number in self.signs.get(mark.text, ()):
                if (number >= self._widest_from) is wide:
                    yield number, (~place, ~place)

    def _whole(self, row: int, span: Span, search: _Search) -> Iterator[tuple[int, Span]]:
        """The phrases that begin with a row which was found, as far as their other parts are there too."""
        for number in self._phrases[row]:
            parts = self._parts[number]
            whole: Span | None = span
            if len(parts) > 1:
                whole = search.joined(parts[1:], span, loose=self._loose[number])
            if whole:
                yield number, whole


def _near(words: Sequence[Word], first: int) -> list[int]:
    """For each block of words, the elements that fit a word in it or in the two blocks on either side, as bits.

    Blocks that end before `first` are of no use and left at 0.
    """
    blocks = [0] * (len(words) // _BLOCK + 5)
    for here in range(max((first // _BLOCK - 2) * _BLOCK, 0), len(words)):
        blocks[here // _BLOCK + 2] |= words[here].mask
    return [
        blocks[at] | blocks[at + 1] | blocks[at + 2] | blocks[at + 3] | blocks[at + 4]
        for at in range(len(blocks) - 4)
    ]


class _Search:
    """Looks in one reading for the parts that a phrase has beside its rarest, each row once."""

    def __init__(self, rows: Sequence[_Row], reading: Window) -> None:
        self._rows = rows
        self._reading = reading
        self._fits: dict[int, list[int]] = {}  # where each element fits
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
                for here in self._places(row.anchor):
                    span = row.at(self._reading, here)
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


def _less(word: str) -> list[str]:
    return [word, *[word[:i] + word[i + 1 :] for i in range(len(word))]]
