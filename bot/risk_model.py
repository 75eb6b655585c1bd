"""A linear model of danger: pieces of words, short rows of words and pairs of beginnings of words near each other.

Made by flows/model/train.py, kept in flows/risk_model.yaml. Two scores: is this danger at all, and is it grave.
A feature is known by a number, the hash of its text, so what is kept are two rows of small weights and no words.
Of what contacts write, single words and what they weigh are remembered for a while, in memory, without who wrote
them or when.
"""

from __future__ import annotations

import base64
import re
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple
from zlib import crc32

from bot.risk_words import Reading

VERSION = "4"  # of the file; another number when the features are others
BITS = 21
MASK = (1 << BITS) - 1
SHORTEST, LONGEST = 3, 5  # characters of a piece, the edge of the word counted as one
PIECE = 0.5  # what a piece counts beside a row of words: every word has many pieces
NEAR, PAIR = 5, 0.5  # how far apart the words of a pair may stand, and what it counts
STEM = 4  # letters of a word that a pair goes by, so that "orker" and "orket" are one
UNIT = 100  # marks in the file are hundredths
LONG = 36  # words; a longer text is also read in parts,
PARTS, STEP = 30, 10  # whole sentences of up to so many words, which begin so many words apart at least;
SURER = 1.0  # and a part must score so much higher than a whole text: one of many looks dangerous by chance
MOST_TOKENS = 600  # of one text, from its end
_ROW = crc32(b"=")
_REMEMBERED = 4096  # words, each about 400 bytes; weighing one takes 20 us
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


def number(feature: str) -> int:
    """Where a feature's weight stands."""
    return crc32(feature.encode("utf-8", "replace")) & MASK


def pieces(word: str) -> list[str]:
    """Every row of three to five characters, the word's edges being characters too: `_ik`, `ikke`, `ke_`."""
    edged = f"_{word}_"
    size = len(edged)
    return [
        edged[start : start + length]
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(size - length + 1)
    ]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def phrases(tokens: Sequence[Token], index: int) -> Iterator[tuple[str, float, int]]:
    """The features of several words that end with this one: the text, what it counts, how many words back it
    begins. Rows of one to three within a sentence, `ikke+mer`; pairs of their beginnings, `vil~leve`.
    """
    text = tokens[index].text
    row = text
    yield "=" + row, 1.0, 0
    for back in (1, 2):
        if index < back or tokens[index - back + 1].breaks:
            break
        row = f"{tokens[index - back].text}+{row}"
        yield row, 1.0, back
    for back in range(1, min(NEAR, index) + 1):
        yield f"{tokens[index - back].text[:STEM]}~{text[:STEM]}", PAIR, back


@dataclass(frozen=True, slots=True)
class Score:
    """How dangerous a text looks, and how grave; above 0 more likely than not. `words`: what weighed most, in
    their order.
    """

    danger: float
    grave: float
    words: tuple[str, ...]
    category: str


class Weighed(NamedTuple):
    """What a word is by itself, without its neighbours."""

    danger: float  # sums of weights, of its pieces and of the word
    grave: float
    square: float  # of their length
    hash: int
    after: bytes  # it, and its beginning, as they stand behind others
    begun: int  # the hash of its beginning
    near: bytes


@dataclass(frozen=True, slots=True)
class RiskModel:
    """The weights, ready to use. One step of a weight is `step`; scores are in units, not in hundredths."""

    danger: array[int]
    grave: array[int]
    step: float
    biases: tuple[float, float]
    elevated: float  # from this score for danger on a text is elevated
    high: float  # from this score for gravity on it is high
    groups: Mapping[str, Mapping[str, int]]  # category to the words that speak for it
    otherwise: str  # the category when no group stands out
    clear: int  # how much a group must have to stand out
    known: dict[str, Weighed] = field(repr=False, default_factory=dict)  # the commonest words, weighed once

    def score(self, tokens: Sequence[Token]) -> Score:
        """Of a text's tokens, with what it is owed to."""
        danger, grave, part = self.worst(tokens)
        return Score(danger, grave, self.reasons(part), self.category(part))

    def reasons(self, tokens: Sequence[Token]) -> tuple[str, ...]:
        """The words that weighed most, in their order."""
        shares = self._shares(tokens)
        most = sorted(
            (i for i, each in enumerate(shares) if each > 0 and tokens[i].word), key=lambda i: -shares[i]
        )
        return tuple(tokens[index].shown for index in sorted(most[:5]))

    def worst(self, tokens: Sequence[Token]) -> tuple[float, float, Sequence[Token]]:
        """The scores of the whole text or, of a long one, of its worst part; and what looks most dangerous."""
        worst = tokens = tokens[-MOST_TOKENS:]
        danger, grave = self.values(tokens)
        for part in _parts(tokens):
            one, two = self.values(part)
            grave = max(grave, two - SURER)
            if one - SURER > danger:
                danger, worst = one - SURER, part
        return danger, grave, worst

    def values(self, tokens: Sequence[Token]) -> tuple[float, float]:
        """The two scores of the tokens as one text, for danger and for gravity.

        As adding up `phrases` one by one, many times as fast: a row's hash goes on from that of its beginning,
        and all of a kind are hashed in one go.
        """
        weighed = [self._weighed(token.text) for token in tokens]
        breaks = [token.breaks for token in tokens]
        one, two, squares, alone, after, begun, near = zip(*weighed, strict=True) if weighed else [()] * 7
        twos = list(map(crc32, after[1:], alone))
        rows = [row & MASK for row, ends in zip(twos, breaks[1:], strict=True) if not ends]
        rows += [
            row & MASK
            for row, ends, ended in zip(map(crc32, after[2:], twos), breaks[2:], breaks[1:], strict=False)
            if not ends and not ended
        ]
        pairs = [at & MASK for back in range(1, NEAR + 1) for at in map(crc32, near[back:], begun)]
        square = sum(squares) + len(rows) + len(pairs) * (PAIR * PAIR)
        scale = self.step / (sqrt(square) or 1.0)
        danger, grave = self.danger.__getitem__, self.grave.__getitem__
        return (
            self.biases[0] + (sum(one) + sum(map(danger, rows)) + sum(map(danger, pairs)) * PAIR) * scale,
            self.biases[1] + (sum(two) + sum(map(grave, rows)) + sum(map(grave, pairs)) * PAIR) * scale,
        )

    def _weighed(self, word: str) -> Weighed:
        found = self.known.get(word)
        if found is None:
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            found = self.known[word] = self.weigh(word)
        return found

    def weigh(self, word: str) -> Weighed:
        """A word with its pieces."""
        text, stem = _bytes(word), _bytes(word[:STEM])
        whole = crc32(text, _ROW) & MASK
        places = [crc32(piece) & MASK for piece in _bytes("\0".join(pieces(word))).split(b"\0")]
        return Weighed(
            self.danger[whole] + round(PIECE * sum(map(self.danger.__getitem__, places))),
            self.grave[whole] + round(PIECE * sum(map(self.grave.__getitem__, places))),
            1.0 + PIECE * PIECE * len(places),
            crc32(text),
            b"+" + text,
            crc32(stem),
            b"~" + stem,
        )

    def _shares(self, tokens: Sequence[Token]) -> list[float]:
        """What each word adds to the first score; what several add together is shared among them."""
        shares = [self._weighed(token.text).danger for token in tokens]
        for index in range(len(tokens)):
            for feature, counts, back in phrases(tokens, index):
                if feature[0] == "=":
                    continue  # the word itself is in already
                share = self.danger[number(feature)] * counts
                members = range(index - back, index + 1) if "~" not in feature else (index - back, index)
                for member in members:
                    shares[member] += share / len(members)
        return shares

    def category(self, tokens: Sequence[Token]) -> str:
        """The category whose words stand out."""
        names = {token.text for token in tokens}
        best, most = self.otherwise, self.clear
        for category, words in self.groups.items():
            speaks = sum(words.get(name, 0) for name in names)
            if speaks > most:
                best, most = category, speaks
        return best


def _parts(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The parts of a long text: sentences that follow each other, of a very long one its middle too."""
    if len(tokens) <= LONG:
        return
    starts = [at for at, token in enumerate(tokens) if at == 0 or token.breaks]
    ends = [*starts[1:], len(tokens)]
    last = -STEP
    for place, start in enumerate(starts):
        if start < last + STEP:
            continue
        last = start
        # A sentence a little too long stays whole: what takes it back ("and I'm fine") often stands at its end.
        alone = ends[place] if ends[place] <= start + LONG else start + PARTS
        end = max((each for each in ends[place:] if each <= start + PARTS), default=alone)
        yield tokens[start:end]
        for middle in range(start + PARTS // 2, ends[place] - PARTS // 2, PARTS // 2):
            yield tokens[middle : middle + PARTS]


_HEAD = ("version", "bias_danger", "bias_grave", "step", "elevated", "high", "clear", "otherwise", "sum")


def parse(text: str) -> RiskModel:
    """The model in a file's text. Raises ValueError with a sentence for a file that is broken or changed."""
    numbers = dict(re.findall(r"^(\w+): (-?\w[\w-]*)$", text, re.MULTILINE))
    packed = {
        name: re.sub(r"\s", "", block) for name, block in re.findall(r"^(\w+): >-\n((?:  .*\n)+)", text, re.M)
    }
    groups = {
        name: {word: int(weight) for word, weight in re.findall(r"(\S+)=(-?\d+)", words)}
        for name, words in re.findall(r'^  ([A-O]-[a-z-]+): "([^"]*)"$', text, re.MULTILINE)
    }
    if (
        any(name not in numbers for name in _HEAD)
        or numbers["version"] != VERSION
        or not groups
        or "weights" not in packed
    ):
        raise ValueError(
            f"this is no danger model of version {VERSION}; make it anew with flows/model/train.py"
        )
    if checksum(text) != numbers["sum"]:
        raise ValueError("the file is cut off or was changed by hand; make it anew with flows/model/train.py")
    danger, grave = unpack(packed["weights"])
    return RiskModel(
        danger=danger,
        grave=grave,
        step=int(numbers["step"]) / 1_000_000,
        biases=(int(numbers["bias_danger"]) / UNIT, int(numbers["bias_grave"]) / UNIT),
        elevated=int(numbers["elevated"]) / UNIT,
        high=int(numbers["high"]) / UNIT,
        groups=groups,
        otherwise=numbers["otherwise"],
        clear=int(numbers["clear"]),
    )


def pack(danger: Sequence[int], grave: Sequence[int]) -> str:
    """Both rows of weights, -127 to 127, as text: where they are not 0, as steps from one place to the next."""
    steps, ones, twos, last = bytearray(), array("b"), array("b"), -1
    for at, (one, two) in enumerate(zip(danger, grave, strict=True)):
        if one or two:
            step, last = at - last, at
            while step > 255:
                steps += b"\0"
                step -= 255
            steps.append(step)
            ones.append(one)
            twos.append(two)
    body = len(steps).to_bytes(4, "big") + bytes(steps) + ones.tobytes() + twos.tobytes()
    return base64.b64encode(zlib.compress(body, 9)).decode()


def unpack(text: str) -> tuple[array[int], array[int]]:
    """What `pack` was given."""
    body = zlib.decompress(base64.b64decode(text))
    size = int.from_bytes(body[:4], "big")
    steps, rest = body[4 : 4 + size], body[4 + size :]
    ones, twos = array("b", rest[: len(rest) // 2]), array("b", rest[len(rest) // 2 :])
    danger, grave = array("b", bytes(1 << BITS)), array("b", bytes(1 << BITS))
    at, count = -1, 0
    for step in steps:
        if not step:
            at += 255
            continue
        at += step
        danger[at], grave[at] = ones[count], twos[count]
        count += 1
    return danger, grave


def checksum(text: str) -> str:
    """Over everything but comments and the sum itself; shows that a file is whole, not who made it."""
    kept = [line for line in text.splitlines() if not line.startswith(("#", "sum:"))]
    return f"x{zlib.crc32(chr(10).join(kept).encode()):08x}"


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
