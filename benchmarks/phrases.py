"""What reading for danger costs, in processor time, beside trying phrase after phrase.

2,000 phrases, the service's own among them. Fresh messages of 100 and 200 characters; the newest of ten messages
of which nine were read before; 10,000 characters that were made to be slow, read by phrases and model together
(the slowest kind of text, the best of three readings of it).
`python -m benchmarks.phrases` prints it all.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.traffic import FREE_TEXTS
from bot.content import Content
from bot.risk import Phrases, Rule

_PHRASES, _MESSAGES, _LETTERS = 2000, 200, 200
_LONG = 10_000  # characters
_WINDOW = 10  # messages
_SYLLABLES = [start + vowel for start in "bdfghklmnrstv" for vowel in "aeio"]
_SLOW = (
    "jeg vil ta livet mitt ",
    "s e l v m o r d ",
    "ikke ",
    "vil bare ",
    "ta ",
    "han slår meg ",
    "aaaa bbbb ",
    "selvmor",
    "selvm sjølvm overd ",  # the openings of words that are taken apart and put together
    "voldt atts ",
    "x",  # one word
    "😂",
    "🙂😂",
    "lol 😂 haha ",
    "a\u0301\u200b",  # marks that cannot be seen
    "d*k*e* ",
    "1 2 3 ",
)


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of processor time for one reading; `build` for all phrases at the start."""

    build: float
    fresh: float  # 100 characters
    window: float  # 100 characters, nine messages before
    worst: float  # 10,000 characters


def microseconds(content: Content) -> tuple[float, float]:
    """For one message: our reader, with the service's own phrases among the 2,000; and a plain substring loop."""
    chance = random.Random(20261125)
    reader, everything = _reader(content, chance)
    messages = [_message(chance, _LETTERS) for _ in range(_MESSAGES)]

    def naive(text: str) -> list[str]:
        lower = text.lower()
        return [phrase for phrase in everything if phrase in lower]

    return _each(reader.read, messages), _each(naive, messages)


def costs(content: Content) -> Costs:
    """With the service's own phrases alone."""
    chance = random.Random(20261125)
    before = time.process_time()
    reader = Phrases(_own(content).file)
    build = time.process_time() - before
    texts = [_message(chance, 100) for _ in range(_MESSAGES * 5)]
    reader.read(texts.pop())
    fresh = _seconds(lambda: [reader.read(text) for text in texts]) / len(texts)
    windows = [texts[at : at + _WINDOW] for at in range(len(texts) - _WINDOW)]
    newest = [f"{window[-1]} {number}" for number, window in enumerate(windows)]  # not read before
    window = _seconds(
        lambda: [reader.read(text, each[:-1]) for text, each in zip(newest, windows, strict=True)]
    ) / len(windows)
    slow = [[piece] * 3 for piece in _SLOW] + _own_words(reader, chance)
    worst = max(min(_long(content, piece) for piece in pieces) for pieces in slow)
    return Costs(*(1000 * each for each in (build, fresh, window, worst)))


def _own_words(reader: Phrases, chance: random.Random) -> list[list[str]]:
    """The words of the phrases in random order, right, and three times with a letter too many, never read before."""
    words = sorted({word.rstrip("*~") for listed in reader.file.words.values() for word in listed})
    chance.shuffle(words)
    return [[" ".join(words) + " "] * 3, [f"{letter} ".join(words) + f"{letter} " for letter in "xqz"]]


def _long(content: Content, piece: str) -> float:
    """Seconds for 10,000 characters of it, read by phrases and model."""
    text = (piece * _LONG)[:_LONG]
    return _seconds(lambda: content.phrases.read(text))


def _own(content: Content) -> Phrases:
    """The phrase reader alone, whether or not a second reader stands beside it."""
    return Phrases(content.phrases.file)


def _reader(content: Content, chance: random.Random) -> tuple[Phrases, Sequence[str]]:
    own = content.phrases.file
    count = sum(len(rule.nb) + len(rule.en) for rule in own.rules)
    made = [_phrase(chance) for _ in range(max(0, _PHRASES - count))]
    more = [Rule(id="X-made", category="A-made", tier="high", nb=tuple(made))] if made else []
    reader = Phrases(own.model_copy(update={"rules": (*own.rules, *more)}))
    return reader, [*made, *(phrase for rule in own.rules for phrase in (*rule.nb, *rule.en))]


def _phrase(chance: random.Random) -> str:
    def word() -> str:
        return "".join(chance.choice(_SYLLABLES) for _ in range(chance.randint(2, 4)))

    return " ".join(word() for _ in range(chance.randint(2, 4)))


def _message(chance: random.Random, letters: int) -> str:
    """Sentences that people might write, in random order, with a word now and then that nobody ever wrote."""
    text = ""
    while len(text) < letters:
        text += f"{chance.choice(FREE_TEXTS)} {chance.choice(_SYLLABLES)}{chance.choice(_SYLLABLES)}. "
    return text[:letters]


def _each(read: Callable[[str], object], messages: list[str]) -> float:
    return (
        min(_seconds(lambda: [read(message) for message in messages]) for _ in range(3)) / len(messages) * 1e6
    )


def _seconds(run: Callable[[], object]) -> float:
    before = time.process_time()
    run()
    return time.process_time() - before


def lines(content: Content) -> list[str]:
    """Everything, to be printed."""
    found = costs(content)
    ours, naive = microseconds(content)
    return [
        f"building the reader                {found.build:8.1f} ms",
        f"a fresh message of 100 characters  {found.fresh:8.3f} ms",
        f"the newest of ten messages         {found.window:8.3f} ms",
        f"10,000 characters made to be slow  {found.worst:8.1f} ms",
        f"2,000 phrases, 200 characters      {ours / 1000:8.3f} ms",
        f"the same, phrase after phrase      {naive / 1000:8.3f} ms, {naive / ours:.1f} times ours",
    ]


if __name__ == "__main__":
    from handlers.folder import content_of

    sys.stdout.write("\n".join(lines(content_of(Path(__file__).parents[1]))) + "\n")
