"""What somebody had on the screen when they decided. A page may be minutes old; what it ends must not be newer."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import Tier
from bot.errors import ChangedMeanwhile, NobodyHasIt


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How far a conversation had come. No content: it travels in a form."""

    said: int  # the newest line of the student's (its id); 0: none
    tier: Tier
    armed: int  # how many times the open alert went off; 0: none is open

    def __str__(self) -> str:
        return f"{self.said}.{self.tier.value}.{self.armed}"


UNSEEN = Sight(said=0, tier=Tier.NONE, armed=0)  # nothing of it


def read(text: str) -> Sight:
    """What `str` made of one. Anything else has seen nothing."""
    said, _, rest = text.partition(".")
    tier, _, armed = rest.partition(".")
    numbers = all(each.isdecimal() and each.isascii() and len(each) < 19 for each in (said, armed))
    if not numbers or tier not in {each.value for each in Tier}:
        return UNSEEN
    return Sight(said=int(said), tier=Tier(tier), armed=int(armed))


def check(seen: Sight, now: Sight, *, taken: bool = True) -> None:
    """Raises ChangedMeanwhile when there is more than was seen: words, another tier, an alert that went off anew.

    `taken` False: the open alert is nobody's. Raises NobodyHasIt then.
    """
    if now.said > seen.said or (now.tier, now.armed) != (seen.tier, seen.armed):
        raise ChangedMeanwhile("there is something new")
    if now.armed and not taken:
        raise NobodyHasIt("nobody has taken the alert")
