"""Words near a hit that move its tier: a joke, a denial, something long ago, tonight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from bot.conversation import Tier
from bot.risk_pattern import Span
from bot.risk_words import Window
from bot.settings import Model

BEFORE = 4  # words before a hit in which a denial counts

RuleId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=60)]
Phrase = Annotated[str, Field(min_length=1, max_length=600)]
Texts = tuple[Phrase, ...]
Place = tuple[int, int]  # message, sentence


class Shift(Model):
    """Words nearby that move a hit's tier: a joke, a denial, long ago, tonight."""

    id: RuleId
    by: int = Field(ge=-3, le=3)
    scope: Literal["sentence", "message", "before"] = "sentence"
    categories: tuple[str, ...] = ()
    tiers: tuple[Literal["critical", "high", "elevated"], ...] = ()
    floor: Literal["none", "elevated", "high"] = "none"
    unless: Texts = ()
    nb: Texts = ()
    en: Texts = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The places of one shift's words."""

    shift: Shift
    places: frozenset[Place]
    messages: frozenset[int]
    starts: Mapping[int, int]  # first word to the earliest end
    off: frozenset[Place]  # sentences in which it is switched off


def found(shift: Shift, spans: Iterable[Span], unless: Iterable[Span], reading: Window) -> Found:
    """Where a shift applies, given where its words and those that switch it off stand."""
    spans = list(spans)
    places = frozenset(place for span in spans for place in reading.places(span))
    starts: dict[int, int] = {}
    for start, end in spans:
        if start >= 0:
            starts[start] = min(end, starts.get(start, end))
    off = frozenset(place for span in unless for place in reading.places(span))
    return Found(shift, places, frozenset(message for message, _ in places), starts, off)


class Moved:
    """One reading with its shifts."""

    def __init__(self, found: Sequence[Found], reading: Window) -> None:
        self._found = [each for each in found if each.places]
        self._reading = reading

    def rank(self, tier: Tier, letter: str, span: Span, *, firm: bool) -> int:
        """The tier as a number, after the strongest raise and the strongest lowering that apply to a hit."""
        up, down = 0, (0, 0)
        for each in self._found:
            shift = each.shift
            if (shift.categories and letter not in shift.categories) or (
                shift.tiers and tier not in shift.tiers
            ):
                continue
            if not self._applies(each, span):
                continue
            if shift.by > 0:
                up = max(up, shift.by)
            elif not firm:
                down = min(down, (shift.by, -Tier(shift.floor).rank))
        raised = min(tier.rank + up, Tier.CRITICAL.rank)
        if not down[0]:
            return raised
        return max(raised + down[0], min(raised, -down[1]), 0)

    def _applies(self, found: Found, span: Span) -> bool:
        here = self._reading.places(span)
        if here & found.off:
            return False
        if found.shift.scope == "message":
            return any(message in found.messages for message, _ in here)
        if found.shift.scope == "sentence":
            return bool(here & found.places)
        for start in range(max(span[0] - BEFORE, 0), span[0]):
            if start in found.starts and found.starts[start] <= span[0]:
                return bool(here & self._reading.places((start, start + 1)))
        return False
