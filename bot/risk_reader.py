"""The two danger readers as one: phrases, which people own, and a model that catches what no phrase says.

The model only ever adds. It never lowers what a phrase found, and says nothing about texts of one or two words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.conversation import Tier
from bot.risk import Finding, Phrases, RiskFile
from bot.risk_model import WINDOW, RiskModel, Score, Token, tokens_of
from bot.risk_words import read

RULE = "model"
FEWEST_WORDS = 3
_TOGETHER = 60  # words of earlier messages that are looked at


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


class RiskReader:
    """Phrases first; the model where they found nothing."""

    def __init__(self, phrases: Phrases, model: RiskModel) -> None:
        self.phrases = phrases
        self.model = model
        self.file = phrases.file
        self.version = phrases.version

    def read(self, text: str, earlier: Sequence[str] = ()) -> Finding | None:
        """As `Phrases.read`. What earlier messages alone had reached is not found again."""
        found = self.phrases.read(text, earlier)
        if found is not None:
            return found  # people chose this tier, and what lowers it
        tokens = tokens_of(read([text]))
        return self._of(tokens) or self._together(text, earlier, tokens)

    def _together(self, text: str, earlier: Sequence[str], tokens: Sequence[Token]) -> Finding | None:
        """A thought that was sent in pieces: the newest words with those right before them."""
        before: list[Token] = []
        for message in reversed(earlier):
            before = tokens_of(read([message])) + before
            if len(before) >= _TOGETHER:
                break
        if not before or not tokens or self._reaches(self.model.value(before)):
            return None
        # No window is wide enough to hold earlier words alone.
        return self._of([*before[1 - WINDOW :], *tokens])

    def _of(self, tokens: Sequence[Token]) -> Finding | None:
        if sum(token.word for token in tokens) < FEWEST_WORDS or not self._reaches(self.model.value(tokens)):
            return None
        return self._finding(self.model.score(tokens))

    def _reaches(self, value: float) -> bool:
        return value >= self.model.elevated

    def _finding(self, score: Score) -> Finding:
        tier = Tier.HIGH if score.value >= self.model.high else Tier.ELEVATED
        return Finding(
            tier=tier, category=score.category, rule=RULE, matched=score.words or ("...",), language=None
        )
