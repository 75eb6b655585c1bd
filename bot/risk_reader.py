"""The two danger readers as one: phrases, which people own, and a model that catches what no phrase says.

The model only ever adds: it never lowers what a phrase found, and says nothing about texts of fewer than five words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import NamedTuple, Protocol

from bot.conversation import Tier
from bot.risk import REMEMBERED, SHORT, YOUNG, Finding, Phrases, RiskFile
from bot.risk_model import RiskModel, Token, tokens_of
from bot.risk_words import Part, reading

RULE = "model"
FEWEST_WORDS = 5
_TOGETHER = 40  # words of earlier messages that are looked at
# Several harmless messages in a row look graver than each of them: so much more makes them high, and so much elevated.
_SURER, _LATER = 0.6, 0.3
_FEW, _HASTY = 8, 1.0  # with fewer words than this much more makes it elevated: little is easily misread
_NEARLY = 1.0  # below the mark for danger: with less, gravity counts for nothing


class Reader(Protocol):
    """What reads a text for danger."""

    @property
    def file(self) -> RiskFile:
        """The phrases it goes by."""

    @property
    def version(self) -> int:
        """Their version."""

    def read(self, text: str, earlier: Sequence[str] = ()) -> Finding | None:
        """The gravest thing that `text` may mean, or None. `earlier`: the messages before it, oldest first."""


class LateReader:
    """Becomes a reader when it is first asked to read. `load` may raise ContentError then."""

    def __init__(self, load: Callable[[], Reader]) -> None:
        self._reader = cache(load)

    @property
    def file(self) -> RiskFile:
        """See `Reader`."""
        return self._reader().file

    @property
    def version(self) -> int:
        """See `Reader`."""
        return self._reader().version

    def read(self, text: str, earlier: Sequence[str] = ()) -> Finding | None:
        """See `Reader`."""
        return self._reader().read(text, earlier)


class _Message(NamedTuple):
    """One message as both readers know it."""

    part: Part
    tokens: list[Token]


class RiskReader:
    """Phrases first; the model where they found nothing."""

    def __init__(self, phrases: Phrases, model: RiskModel) -> None:
        self.phrases = phrases
        self.model = model
        self.file = phrases.file
        self.version = phrases.version
        self._known = lru_cache(maxsize=REMEMBERED)(self._message)

    def read(self, text: str, earlier: Sequence[str] = ()) -> Finding | None:
        """As `Phrases.read`. What earlier messages alone had reached is not found again."""
        messages = [
            self._known(each) if len(each) <= SHORT else self._message(each) for each in (*earlier, text)
        ]
        found = self.phrases.read_parts([message.part for message in messages])
        if found is not None and found.tier is not Tier.ELEVATED:
            return found
        tokens = messages[-1].tokens
        if found is not None and found.category == YOUNG:
            return self._beside(found, messages[:-1], tokens) or found
        weighed = self._of(tokens) or (None if found else self._together(messages[:-1], tokens))
        if found is None or weighed is None or weighed.tier is not Tier.HIGH:
            return found or weighed
        # Both see danger, and the model is very sure that it is grave: the category and the words stay the phrases'.
        return replace(found, tier=Tier.HIGH)

    def _beside(self, age: Finding, earlier: Sequence[_Message], tokens: Sequence[Token]) -> Finding | None:
        """What is said beside an age, which is neither to hide it nor to thin it: the gravest that can be read."""
        words = {word for quoted in age.matched for word in quoted.casefold().split()}
        rest = [token for token in tokens if token.shown.casefold() not in words]
        found = [
            each
            for some in (tokens, rest)
            for each in (self._of(some), self._together(earlier, some))
            if each is not None
        ]
        return max(found, key=lambda each: each.tier.rank, default=None)

    def read_whole(self, messages: Sequence[str]) -> Finding | None:
        """All messages as one text. Rarer than `read`: nothing is remembered."""
        found = self.phrases.read("\n".join(messages))
        tokens = [token for text in messages for token in self._message(text).tokens]
        danger, grave = self.model.values(tokens)
        tier = self._tier(danger, grave - _SURER) if _enough(tokens) else None
        if tier is None or (found is not None and found.tier.rank >= tier.rank):
            return found
        return self._finding(tier, tokens)

    def _message(self, text: str) -> _Message:
        part = self.phrases.part(text)
        return _Message(part, tokens_of(reading([part])))

    def _together(self, earlier: Sequence[_Message], tokens: Sequence[Token]) -> Finding | None:
        """A thought that was sent in pieces: the newest words with those right before them."""
        before: list[Token] = []
        messages = 0
        for message in reversed(earlier):
            if message.tokens == tokens:
                continue  # who says the same once more has not said more
            before = message.tokens + before
            messages += 1
            if len(before) >= _TOGETHER:
                break
        if not before or not tokens:
            return None
        together = [*before[-_TOGETHER:], *tokens]
        if not _enough(together):
            return None
        tier = self._tier(*self.model.values(together), in_pieces=True)
        if tier and _enough(before) and self._tier(*self.model.values(before), in_pieces=messages > 1):
            return None  # what they said before has been found already
        return self._finding(tier, together) if tier else None

    def _of(self, tokens: Sequence[Token]) -> Finding | None:
        """What one message is."""
        if not _enough(tokens):
            return None
        danger, grave, part = self.model.worst(tokens)
        tier = self._tier(danger - _HASTY * (_words(tokens) < _FEW), grave)
        return self._finding(tier, part) if tier else None

    def _finding(self, tier: Tier, tokens: Sequence[Token]) -> Finding:
        return Finding(
            tier=tier,
            category=self.model.category(tokens),
            rule=RULE,
            matched=self.model.reasons(tokens) or ("...",),
            language=None,
        )

    def _tier(self, danger: float, grave: float, *, in_pieces: bool = False) -> Tier | None:
        # Gravity alone says how grave danger would be: it counts where there is nearly enough danger, too.
        if grave - _SURER * in_pieces >= self.model.high and danger >= self.model.elevated - _NEARLY:
            return Tier.HIGH
        return Tier.ELEVATED if danger - _LATER * in_pieces >= self.model.elevated else None


def _words(tokens: Sequence[Token]) -> int:
    return sum(token.word for token in tokens)


def _enough(tokens: Sequence[Token]) -> bool:
    return _words(tokens) >= FEWEST_WORDS
