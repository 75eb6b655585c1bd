"""A small linear model of danger: pieces of words and short rows of words, each with a weight.

The weights are made by flows/model/train.py and stand in flows/risk_model.yaml, a file of YAML's simplest
kind, which is read here line by line: that takes a twentieth of the time, and every web process reads it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import sqrt
from typing import NamedTuple

from bot.risk_words import Reading

SHORTEST, LONGEST = 3, 5  # characters of a piece, the edge of the word counted as one
PIECE = 0.5  # what a piece counts beside a row of words: every word has many pieces
WINDOW, STEP = 16, 8  # words that are weighed together; a long text counts as its worst window
UNIT = 100  # weights and marks in the file are hundredths
_FEWEST = 4  # words; a text is never scaled as if it were shorter
_FOLD = str.maketrans("æøå", "aoa")
_STRETCHED = re.compile(r"(.)\1{2}")


class Token(NamedTuple):
    """A word as the model knows it, and as it was written. `breaks`: a sentence begins here."""

    text: str
    shown: str
    breaks: bool
    word: bool  # False: an emoji or a number


def tokens_of(reading: Reading) -> list[Token]:
    """Words and emoji in order."""
    found: list[Token] = []
    sentence = 0
    marks = iter(mark for mark in reading.marks if not mark.text.isascii() and ord(mark.text) > 0x2190)
    mark = next(marks, None)
    for index, word in enumerate(reading.words):
        while mark is not None and mark.before <= index:
            _add_emoji(found, mark.text)
            mark = next(marks, None)
        text = _folded(word.forms)
        found.append(Token(text, word.text, word.sentence != sentence, text.isalpha() and len(text) > 1))
        sentence = word.sentence
    while mark is not None:
        _add_emoji(found, mark.text)
        mark = next(marks, None)
    return found


def pieces(word: str) -> list[str]:
    """Every row of three to five characters, the word's edges being characters too: `_ik`, `ikke`, `ke_`."""
    edged = f"_{word}_"
    size = len(edged)
    return [
        edged[start : start + length]
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(size - length + 1)
    ]


def rows(tokens: Sequence[Token], index: int) -> Iterator[str]:
    """The rows of one, two and three words that end with this one, within a sentence: `=mer`, `ikke+mer`."""
    row = tokens[index].text
    yield "=" + row
    for back in (1, 2):
        if index < back or tokens[index - back + 1].breaks:
            return
        row = f"{tokens[index - back].text}+{row}"
        yield row


def scale(count: int) -> float:
    """What the sum over `count` words is multiplied by."""
    return 1 / sqrt(max(count, _FEWEST))


@dataclass(frozen=True, slots=True)
class Score:
    """How dangerous a text looks; above 0 more likely than not. `words`: what weighed most, in their order."""

    value: float
    words: tuple[str, ...]
    category: str


@dataclass(frozen=True, slots=True)
class RiskModel:
    """The weights, ready to use. All numbers are in hundredths, as in the file."""

    weights: Mapping[str, int]
    groups: Mapping[str, Mapping[str, int]]  # category to the words that speak for it
    bias: int
    elevated: int  # from this score on a text is elevated
    high: int
    otherwise: str  # the category when no group stands out
    clear: int  # how much a group must have to stand out
    _known: dict[str, int] = field(
        default_factory=dict, repr=False
    )  # words of the file only, never of contacts

    def score(self, tokens: Sequence[Token]) -> Score:
        """The score of the worst window, in hundredths."""
        gains = [self._gain(tokens, index) for index in range(len(tokens))]
        value, start, end = self._worst(gains)
        inside = range(start, end)
        shares = self._shares(tokens, gains, inside)
        most = sorted((i for i in inside if shares[i] > 0 and tokens[i].word), key=lambda i: -shares[i])[:5]
        words = tuple(tokens[index].shown for index in sorted(most))
        return Score(value, words, self._category(tokens[start:end]))

    def value(self, tokens: Sequence[Token]) -> float:
        """The score alone."""
        return self._worst([self._gain(tokens, index) for index in range(len(tokens))])[0]

    def _gain(self, tokens: Sequence[Token], index: int) -> float:
        """What one word adds: its pieces, itself, and the rows that end with it."""
        weigh = self.weights.get
        text = tokens[index].text
        gain = self._known.get(text)
        if gain is None:
            gain = round(PIECE * sum(weigh(piece, 0) for piece in pieces(text)))
            if "=" + text in self.weights:
                self._known[text] = gain
        return gain + sum(weigh(row, 0) for row in rows(tokens, index))

    def _worst(self, gains: Sequence[float]) -> tuple[float, int, int]:
        """The highest score of any window, and where the window begins and ends."""
        sums = [0.0, *accumulate(gains)]
        last = max(len(gains) - WINDOW, 0)
        starts = [*range(0, last, STEP), last]
        windows = ((start, min(start + WINDOW, len(gains))) for start in starts)
        value, start, end = max(((sums[e] - sums[s]) * scale(e - s), s, e) for s, e in windows)
        return self.bias + value, start, end

    def _shares(self, tokens: Sequence[Token], gains: Sequence[float], inside: range) -> dict[int, float]:
        """The gains, those of rows being shared among their words."""
        shares = {index: gains[index] for index in inside}
        for index in inside:
            for size, row in enumerate(rows(tokens, index), 1):
                share = self.weights.get(row, 0) / size
                shares[index] -= share * (size - 1)
                for other in range(max(index - size + 1, inside.start), index):
                    shares[other] += share
        return shares

    def _category(self, tokens: Sequence[Token]) -> str:
        names = {token.text for token in tokens}
        best, most = self.otherwise, self.clear
        for category, words in self.groups.items():
            speaks = sum(words.get(name, 0) for name in names)
            if speaks > most:
                best, most = category, speaks
        return best


def parse(text: str) -> RiskModel:
    """The model in a file's text. Raises ValueError with a sentence for a file that is broken or changed."""
    head, found, body = text.partition("\nweights:\n")
    numbers = dict(re.findall(r"^(\w+): (-?\w[\w-]*)$", head, re.MULTILINE))
    groups = {
        name: {word: int(weight) for word, weight in re.findall(r"(\S+)=(-?\d+)", words)}
        for name, words in re.findall(r'^  ([A-O]-[a-z-]+): "([^"]*)"$', head, re.MULTILINE)
    }
    wanted = ("version", "bias", "elevated", "high", "clear", "otherwise", "sum")
    missing = [name for name in wanted if name not in numbers]
    if not found or missing or numbers["version"] != "1" or not groups:
        raise ValueError("this is no danger model of version 1; make it anew with flows/model/train.py")
    if checksum(head, body) != numbers["sum"]:
        raise ValueError("the file is cut off or was changed by hand; make it anew with flows/model/train.py")
    weights: dict[str, int] = {}
    for line in body.splitlines():
        weight, _, names = line.partition(": ")
        weights.update(dict.fromkeys(names.strip('"').split(), int(weight)))
    model = RiskModel(
        weights=weights,
        groups=groups,
        bias=int(numbers["bias"]),
        elevated=int(numbers["elevated"]),
        high=int(numbers["high"]),
        otherwise=numbers["otherwise"],
        clear=int(numbers["clear"]),
    )
    if not weights or model.high < model.elevated:
        raise ValueError("the marks for elevated and high do not fit; make it anew with flows/model/train.py")
    return model


def checksum(head: str, body: str) -> str:
    """Over everything but comments and the sum itself; shows that a file is whole, not who made it."""
    kept = [line for line in head.splitlines() if not line.startswith(("#", "sum:"))]
    return f"x{zlib.crc32(chr(10).join([*kept, body]).encode()):08x}"


def _folded(forms: Sequence[str]) -> str:
    """One spelling: squeezed, leet undone, without æ, ø, å and their ways of being written, letters alone."""
    text = next((form for form in forms[1:] if not _STRETCHED.search(form)), forms[0])
    if text.isdigit():
        return "0"
    text = "".join(c for c in text if c.isalnum()).translate(_FOLD)
    return text.replace("aa", "a").replace("oe", "o").replace("ae", "a") or "0"


def _add_emoji(found: list[Token], text: str) -> None:
    if not found or found[-1].text != text:
        found.append(Token(text, text, False, False))
