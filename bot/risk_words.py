"""A message as words, the way people in distress type them: capitals, stretched letters, leet, masks, gaps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"[$@]?[^\W_](?:[^\W_]|[*@$!](?=[^\W_]))*|[.!?]+|[^\w\s]")
_STRETCHED = re.compile(r"(.)\1{2,}")
_QUOTES = re.compile(r"(?<=\w)['\u2019\u2018\u00b4`](?=\w)")
_ACCENTS = str.maketrans("äöéèêëóòôàáâüúùíìï", "æøeeeeoooaaauuuiii")
_LEET = (str.maketrans("0134578@$!", "oieastbasi"), str.maketrans("0134578@$!", "oleastbasl"))
_WRITTEN = (("æ", "ae", "a"), ("ø", "oe", "o"), ("å", "aa", "a"))
_LONGEST_SPLIT = 40  # letters; nobody writes longer words without spaces by mistake
_LONG_ENOUGH = 6  # letters, before words are joined or split


@dataclass(frozen=True, slots=True)
class Word:
    """One word, every way it may be read, and where it stands."""

    text: str  # as written, in small letters
    forms: tuple[str, ...]
    message: int
    sentence: int
    repaired: bool = False  # joined or split by us


@dataclass(frozen=True, slots=True)
class Mark:
    """An emoji, or another sign that is no word. `before`: the index of the word it stands before."""

    text: str
    before: int
    message: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Several messages as one row of words. `newest`: the index of the last message's first word."""

    words: tuple[Word, ...]
    marks: tuple[Mark, ...]
    newest: int
    last: int  # the number of the last message

    def places(self, span: tuple[int, int]) -> set[tuple[int, int]]:
        """The sentences a span of words stands in, as (message, sentence). A mark's span is (~index, ~index)."""
        if span[0] < 0:
            mark = self.marks[~span[0]]
            return {(mark.message, mark.sentence)}
        return {(word.message, word.sentence) for word in self.words[slice(*span)]}

    def is_new(self, span: tuple[int, int]) -> bool:
        """Whether a part of the span stands in the last message."""
        if span[0] < 0:
            return self.marks[~span[0]].message == self.last
        return span[1] > self.newest

    def quoted(self, span: tuple[int, int]) -> str:
        """The span as it was written."""
        if span[0] < 0:
            return self.marks[~span[0]].text
        return " ".join(word.text for word in self.words[slice(*span)])


def read(messages: Sequence[str]) -> Reading:
    """The messages, oldest first, as they were written."""
    words: list[Word] = []
    marks: list[Mark] = []
    sentence = newest = 0
    for message, text in enumerate(messages):
        newest = len(words)
        for match in _TOKEN.finditer(cleaned(text)):
            token = match[0]
            if token[0] in ".!?":
                # Two dots and more are a pause for breath, not the end of a sentence.
                sentence += not (len(token) > 1 and set(token) == {"."})
            elif token[-1].isalnum():
                words.append(Word(token, forms(token), message, sentence))
            else:
                marks.append(Mark(token, len(words), message, sentence))
    return Reading(tuple(words), tuple(marks), newest, len(messages) - 1)


def cleaned(text: str) -> str:
    """One way to write each letter: NFKC, small, without what cannot be seen, without apostrophes."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn"))
    return _QUOTES.sub("", unicodedata.normalize("NFC", text).translate(_ACCENTS))


def forms(token: str) -> tuple[str, ...]:
    """Every way to read one word: stretched letters squeezed to one or two, digits and signs as letters."""
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

    def __init__(self, words: Iterable[str], beginnings: Iterable[str]) -> None:
        self.words = frozenset(words)
        self.beginnings = tuple(sorted(each for each in beginnings if len(each) >= _LONG_ENOUGH))
        self._by_length: dict[int, list[str]] = {}
        for word in sorted(self.words | set(self.beginnings)):
            self._by_length.setdefault(len(word), []).append(word)

    def repaired(self, reading: Reading) -> Reading | None:
        """The same messages with s p a c e d, bro ken, runtogether and m*sked words mended; None: nothing to mend."""
        words: list[Word] = []
        moved: list[int] = []  # where each word of the reading has gone
        index = 0
        while index < len(reading.words):
            taken, mended = self._mend(reading.words, index)
            moved += [len(words)] * taken
            words += mended
            index += taken
        if not any(word.repaired for word in words):
            return None
        moved.append(len(words))
        marks = tuple(Mark(m.text, moved[m.before], m.message, m.sentence) for m in reading.marks)
        return Reading(tuple(words), marks, moved[reading.newest], reading.last)

    def _mend(self, words: Sequence[Word], index: int) -> tuple[int, list[Word]]:
        """How many words to take from `index` on, and what they become."""
        run = self._spaced(words, index)
        if run >= 3:
            joined = "".join(word.text for word in words[index : index + run])
            return run, self._apart(words[index], joined) or [_mended(words[index], joined)]
        word = words[index]
        if index + 1 < len(words):
            joined = word.text + words[index + 1].text
            if len(joined) >= _LONG_ENOUGH and self._known(joined):
                return 2, [_mended(word, joined)]
        if "*" in word.text:
            meant = tuple(self._masked(word.text))
            return 1, [Word(word.text, meant, word.message, word.sentence, True)] if meant else [word]
        if len(word.text) >= _LONG_ENOUGH and not any(self._known(form) for form in word.forms):
            return 1, self._apart(word, word.text) or [word]
        return 1, [word]

    @staticmethod
    def _spaced(words: Sequence[Word], index: int) -> int:
        end = index
        while end < len(words) and len(words[end].text) == 1 and words[end].message == words[index].message:
            end += 1
        return end - index

    def _known(self, word: str) -> bool:
        return word in self.words or word.startswith(self.beginnings)

    def _masked(self, text: str) -> Iterable[str]:
        pattern = re.compile("".join("." if c == "*" else re.escape(c) for c in text))
        return [word for word in self._by_length.get(len(text), ()) if pattern.fullmatch(word)]

    def _apart(self, word: Word, text: str) -> list[Word]:
        """The text as known words of two letters or more, as few as possible; empty when that fails."""
        if len(text) > _LONGEST_SPLIT:
            return []
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
            return []
        return [_mended(word, piece) for piece in pieces]


def _mended(word: Word, text: str) -> Word:
    return Word(text, forms(text), word.message, word.sentence, True)
