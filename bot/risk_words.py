"""A message as words, the way people in distress type them: capitals, stretched letters, leet, masks, gaps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(r"[$@]?[^\W_](?:[^\W_]|[*@$!](?=[^\W_]))*|[.!?]+|[^\w\s]|\n+")
_STRETCHED = re.compile(r"(.)\1{2,}")
_QUOTES = re.compile(r"(?<=\w)['\u2019\u2018\u00b4`](?=\w)")
_UNSEEN = re.compile(r"[\u00ad\u0300-\U0010ffff]")  # below are no signs that cannot be seen but this one
_ACCENTS = str.maketrans("äöéèêëóòôàáâüúùíìï", "æøeeeeoooaaauuuiii")
_LEET = (str.maketrans("0134578@$!", "oieastbasi"), str.maketrans("0134578@$!", "oleastbasl"))
_WRITTEN = (("æ", "ae", "a"), ("ø", "oe", "o"), ("å", "aa", "a"))
_LONGEST_SPLIT = 40  # letters; nobody writes longer words without spaces by mistake
_LONG_ENOUGH = 6  # letters, before words are joined or split


@dataclass(frozen=True, slots=True)
class Word:
    """One word, every way it may be read, and what of the phrases it fits."""

    text: str  # as written, in small letters
    forms: tuple[str, ...]
    fits: frozenset[int] = frozenset()  # elements of phrases, by number
    leads: tuple[int, ...] = ()  # rows of rules that are looked for when this word occurs, by number
    others: tuple[int, ...] = ()  # likewise rows of exceptions and shifts
    mask: int = 0  # `fits` as bits
    repaired: bool = False  # joined or split by us


class Mark(NamedTuple):
    """An emoji, or another sign that is no word. `before`: the index of the word it stands before."""

    text: str
    before: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Part:
    """One message: its words, the sentence of each, and its signs. Indices count from the message's start."""

    words: tuple[Word, ...]
    sentences: tuple[int, ...]
    marks: tuple[Mark, ...]
    ended: int  # sentences that ended in the message
    mended: Part | None = None  # the same with its words put together and taken apart; None: nothing to mend
    # What was found in it alone, kept from the first time it was read as an earlier message: by whether it is
    # an exception or shift (True) or a rule.
    alone: dict[bool, tuple[tuple[int, tuple[int, int]], ...]] = field(default_factory=dict, compare=False)


class Written(NamedTuple):
    """A word by itself, before anybody asks what it means. `sentence` counts from 0."""

    text: str
    forms: tuple[str, ...]
    sentence: int


class Reading(NamedTuple):
    """Words and signs of texts, for readers that do not go by phrases."""

    words: list[Written]
    marks: list[Mark]


def read(texts: Sequence[str]) -> Reading:
    """The texts as one row of words."""
    return reading([part_of(text, _plain) for text in texts])


def reading(parts: Sequence[Part]) -> Reading:
    """Messages that were taken apart before, as one row of words."""
    words: list[Written] = []
    marks: list[Mark] = []
    sentence = 0
    for part in parts:
        before = len(words)
        words += [
            Written(word.text, word.forms, sentence + place)
            for word, place in zip(part.words, part.sentences, strict=True)
        ]
        marks += _moved(part.marks, before, sentence)
        sentence += part.ended
    return Reading(words, marks)


def _moved(marks: tuple[Mark, ...], words: int, sentences: int) -> Iterable[Mark]:
    """The marks of a message that stands behind so many words and sentences."""
    if not (words or sentences):
        return marks
    return [Mark(mark.text, mark.before + words, mark.sentence + sentences) for mark in marks]


def _plain(token: str) -> Word:
    return Word(token, forms(token))


class Window:
    """Several messages as one row of words. `newest`: the index of the last message's first word."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.words: list[Word] = []
        self.marks: list[Mark] = []
        self.sentences: list[int] = []  # of each word; a sentence may run on into the next message
        self._messages: list[int] = []  # of each word
        self._marked: list[int] = []  # of each mark
        self.parts = parts
        self.starts: list[tuple[int, int]] = []  # of each message: its first word and its first mark
        self.newest = 0
        self.last = len(parts) - 1
        sentence = 0
        for message, part in enumerate(parts):
            self.newest = len(self.words)
            self.starts.append((self.newest, len(self.marks)))
            self.words += part.words
            self.sentences += [sentence + each for each in part.sentences] if sentence else part.sentences
            self._messages += [message] * len(part.words)
            if part.marks:
                self.marks += _moved(part.marks, self.newest, sentence)
                self._marked += [message] * len(part.marks)
            sentence += part.ended
        self._breaks = {mark.before for mark in self.marks}

    def places(self, span: tuple[int, int]) -> set[tuple[int, int]]:
        """The sentences a span of words stands in, as (message, sentence). A mark's span is (~index, ~index)."""
        if span[0] < 0:
            return {(self._marked[~span[0]], self.marks[~span[0]].sentence)}
        return {self.place(each) for each in range(*span)}

    def place(self, index: int) -> tuple[int, int]:
        """The sentence of a word, as (message, sentence)."""
        return self._messages[index], self.sentences[index]

    def around(self, span: tuple[int, int]) -> tuple[int, int]:
        """The span itself, or for a mark's the words on either side of it."""
        if span[0] >= 0:
            return span
        before = self.marks[~span[0]].before
        return max(before - 1, 0), min(before + 1, len(self.words))

    def is_new(self, span: tuple[int, int]) -> bool:
        """Whether a part of the span stands in the last message."""
        if span[0] < 0:
            return self._marked[~span[0]] == self.last
        return span[1] > self.newest

    def breaks_at(self, index: int) -> bool:
        """Whether a sentence or message ends, or a sign stands, before the word at `index`."""
        return (
            index >= len(self.words)
            or index in self._breaks
            or self.sentences[index] != self.sentences[index - 1]
            or self._messages[index] != self._messages[index - 1]
        )

    def quoted(self, span: tuple[int, int]) -> str:
        """The span as it was written."""
        if span[0] < 0:
            return self.marks[~span[0]].text
        return " ".join(word.text for word in self.words[slice(*span)])


def part_of(text: str, word: Callable[[str], Word]) -> Part:
    """One message as it was written. `word` makes a word of a token."""
    words: list[Word] = []
    sentences: list[int] = []
    marks: list[Mark] = []
    sentence = 0
    for match in _TOKEN.finditer(cleaned(text)):
        token = match[0]
        if token[0] in ".!?":
            # Two dots and more are a pause for breath, not the end of a sentence.
            sentence += not (len(token) > 1 and set(token) == {"."})
        elif token[-1].isalnum():
            words.append(word(token))
            sentences.append(sentence)
        elif token[0] == "\n":
            sentence += 1
        elif (mark := Mark(token, len(words), sentence)) != (marks and marks[-1]):
            marks.append(mark)  # one of a row of the same
    return Part(tuple(words), tuple(sentences), tuple(marks), sentence)


def cleaned(text: str) -> str:
    """One way to write each letter: NFKC, small, without what cannot be seen, without apostrophes."""
    text = unicodedata.normalize("NFKC", text).casefold()
    if _UNSEEN.search(text):
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn"))
    if text.isascii():
        return _QUOTES.sub("", text)
    return _QUOTES.sub("", unicodedata.normalize("NFC", text).translate(_ACCENTS))


def forms(token: str) -> tuple[str, ...]:
    """Every way to read one word: stretched letters squeezed to one or two, digits and signs as letters."""
    if token.isalpha() and not _STRETCHED.search(token):
        return (token,)
    found = {token: None}
    if not token.isalpha() and any(c.isalpha() for c in token):
        for table in _LEET:
            found[token.translate(table)] = None
    for form in list(found):
        if _STRETCHED.search(form):
            found[_STRETCHED.sub(r"\1", form)] = None
            found[_STRETCHED.sub(r"\1\1", form)] = None
    return tuple(found)


def spellings(word: str) -> set[str]:
    """A phrase's word with æ, ø and å written as they are, as ae, oe, aa, and as a, o, a."""
    found = {word}
    for way in (1, 2):
        written = word
        for letters in _WRITTEN:
            written = written.replace(letters[0], letters[way])
        found.add(written)
    return found


class Vocabulary:
    """Every word of every phrase: with it broken words are put together, run-together ones taken apart."""

    def __init__(
        self, words: Iterable[str], beginnings: Iterable[str], word: Callable[[tuple[str, ...], str], Word]
    ) -> None:
        self.words = frozenset(words)
        self.beginnings = frozenset(each for each in beginnings if len(each) >= _LONG_ENOUGH)
        self._word = word  # makes a word of its forms and its text
        self._longest = max(map(len, self.beginnings), default=0)
        whole = {each for each in self.words if len(each) >= _LONG_ENOUGH} | self.beginnings
        self._openings = frozenset(each[:end] for each in whole for end in range(1, len(each)))
        self._pieces = lru_cache(maxsize=1024)(self._cut)
        self._alike: dict[tuple[int, str], list[str]] = {}  # by length and first letter, which a mask leaves
        for each in sorted(self.words | self.beginnings):
            self._alike.setdefault((len(each), each[0]), []).append(each)
        self._masked = lru_cache(maxsize=256)(self._unmask)

    def mended(self, part: Part) -> Part | None:
        """The message with s p a c e d, bro ken, runtogether and m*sked words mended; None: nothing to mend."""
        found: dict[int, tuple[int, list[Word]]] = {}  # where words are taken: how many, and what they become
        index = 0
        while index < len(part.words):
            taken = 1
            if self._is_odd(part.words[index]):
                taken, made = self._mend(part.words, index)
                if made[0].repaired:
                    found[index] = taken, made
            index += taken
        return self._put(part, found) if found else None

    def _is_odd(self, word: Word) -> bool:
        text = word.text
        return (
            text in self._openings
            or len(text) == 1
            or (not word.fits and len(text) >= _LONG_ENOUGH)
            or "*" in text
        )

    @staticmethod
    def _put(part: Part, found: Mapping[int, tuple[int, list[Word]]]) -> Part:
        words: list[Word] = []
        sentences: list[int] = []
        moved: list[int] = []  # where each word of the message has gone
        index = 0
        while index < len(part.words):
            taken, mended = found.get(index) or (1, [part.words[index]])
            moved += [len(words)] * taken
            words += mended
            sentences += [part.sentences[index]] * len(mended)
            index += taken
        moved.append(len(words))
        marks = tuple(Mark(mark.text, moved[mark.before], mark.sentence) for mark in part.marks)
        return Part(tuple(words), tuple(sentences), marks, part.ended)

    def _mend(self, words: Sequence[Word], index: int) -> tuple[int, list[Word]]:
        """How many words to take from `index` on, and what they become."""
        word = words[index]
        if len(word.text) == 1:
            run = self._spaced(words, index)
            if run >= 3:
                joined = "".join(word.text for word in words[index : index + run])
                return run, self._apart(joined) or [self._made(joined)]
        if word.text in self._openings and index + 1 < len(words):
            joined = word.text + words[index + 1].text
            open_ = joined[: len(word.text) + 1] in self._openings or joined in self.words
            if open_ and len(joined) >= _LONG_ENOUGH and self._known(joined):
                return 2, [self._made(joined)]
        if "*" in word.text:
            meant = self._masked(word.text)
            return 1, [replace(self._word(meant, word.text), repaired=True)] if meant else [word]
        if len(word.text) >= _LONG_ENOUGH and not word.fits:
            return 1, self._apart(word.text) or [word]
        return 1, [word]

    @staticmethod
    def _spaced(words: Sequence[Word], index: int) -> int:
        end = index
        while end < len(words) and len(words[end].text) == 1:
            end += 1
        return end - index

    def _known(self, word: str) -> bool:
        ends = range(_LONG_ENOUGH, min(len(word), self._longest) + 1)
        return word in self.words or any(word[:end] in self.beginnings for end in ends)

    def _unmask(self, text: str) -> tuple[str, ...]:
        pattern = re.compile("".join("." if c == "*" else re.escape(c) for c in text))
        return tuple(word for word in self._alike.get((len(text), text[0]), ()) if pattern.fullmatch(word))

    def _apart(self, text: str) -> list[Word]:
        """The text as known words of two letters or more, as few as possible; empty when that fails."""
        return [self._made(piece) for piece in self._pieces(text)] if len(text) <= _LONGEST_SPLIT else []

    def _cut(self, text: str) -> tuple[str, ...]:
        best: list[list[str] | None] = [[], *[None] * len(text)]
        for end in range(2, len(text) + 1):
            for begin in range(end - 1):
                before, piece = best[begin], text[begin:end]
                if before is None or piece not in self.words:
                    continue
                here = best[end]
                if here is None or len(before) + 1 < len(here):
                    best[end] = [*before, piece]
        pieces = best[-1] or []
        if len(pieces) < 2 or max(map(len, pieces)) < 3:
            return ()
        return tuple(pieces)

    def _made(self, text: str) -> Word:
        return replace(self._word(forms(text), text), repaired=True)
