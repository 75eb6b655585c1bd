"""What reading for danger costs: 2,000 phrases, messages of 200 characters, beside trying phrase after phrase."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.traffic import FREE_TEXTS
from bot.content import Content
from bot.risk import Phrases, Rule

_PHRASES, _MESSAGES, _LETTERS = 2000, 200, 200
_SYLLABLES = [start + vowel for start in "bdfghklmnrstv" for vowel in "aeio"]


def microseconds(content: Content) -> tuple[float, float]:
    """For one message: our reader, with the service's own phrases among the 2,000; and a plain substring loop."""
    chance = random.Random(20261125)
    own = content.phrases.file
    count = sum(len(rule.nb) + len(rule.en) for rule in own.rules)
    made = [_phrase(chance) for _ in range(max(0, _PHRASES - count))]
    more = Rule(id="X-made", category="A-made", tier="high", nb=tuple(made), hits=(made[0],))
    reader = Phrases(own.model_copy(update={"rules": (*own.rules, more)}))
    everything = [*made, *(phrase for rule in own.rules for phrase in (*rule.nb, *rule.en))]
    messages = [_message(chance) for _ in range(_MESSAGES)]

    def naive(text: str) -> list[str]:
        lower = text.lower()
        return [phrase for phrase in everything if phrase in lower]

    return _each(reader.read, messages), _each(naive, messages)


def _phrase(chance: random.Random) -> str:
    def word() -> str:
        return "".join(chance.choice(_SYLLABLES) for _ in range(chance.randint(2, 4)))

    return " ".join(word() for _ in range(chance.randint(2, 4)))


def _message(chance: random.Random) -> str:
    text = ""
    while len(text) < _LETTERS:
        text += f"{chance.choice(FREE_TEXTS)}. "
    return text[:_LETTERS]


def _each(read: Callable[[str], object], messages: list[str]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        for message in messages:
            read(message)
        times.append((time.perf_counter() - start) / len(messages) * 1e6)
    return min(times)
