"""The order of the queue: who needs people most, then whom we soon may not answer, then who has waited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bot.conversation import Tier
from bot.window import person_until


class Queued(Protocol):
    """What the order looks at: any row of the queue has it."""

    @property
    def tier(self) -> Tier: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def last_inbound_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One contact's own standing in the queue."""

    tier: Tier
    opened_at: datetime
    last_inbound_at: datetime | None


Q = TypeVar("Q", bound=Queued)


def rank(place: Queued, now: datetime, *, soon_minutes: int, granted: bool) -> tuple[int, int, datetime]:
    """Sorts ascending: tier, window closing soon, time since the handoff opened.

    Writing more never moves anybody back: `opened_at` stays. A window that is closed already is not
    "soon"; nothing is won by taking that conversation first.
    """
    until = person_until(place.last_inbound_at, granted=granted)
    left = until - now if until else timedelta(0)
    is_soon = timedelta(0) < left < timedelta(minutes=soon_minutes)
    return (-place.tier.rank, 0 if is_soon else 1, place.opened_at)


def in_order(places: Iterable[Q], now: datetime, *, soon_minutes: int, granted: bool) -> list[Q]:
    """The queue as people should take it."""
    return sorted(places, key=lambda place: rank(place, now, soon_minutes=soon_minutes, granted=granted))


def ahead_of(
    place: Queued, others: Iterable[Queued], now: datetime, *, soon_minutes: int, granted: bool
) -> int:
    """How many of `others` stand before `place`."""
    mine = rank(place, now, soon_minutes=soon_minutes, granted=granted)
    return sum(rank(other, now, soon_minutes=soon_minutes, granted=granted) < mine for other in others)
