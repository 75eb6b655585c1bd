"""Who is offered whom by "give me the next one". It guides and never forbids: everybody may take anybody.

Critical and high ones are offered first, to anybody. For the others a person's training, languages and wishes count,
until the student has waited so long that anybody is better than nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

from bot.conversation import Tier

NEAR = timedelta(minutes=10)  # among students who came within this of each other, one who suits goes first
Reason = Literal["known", "passed", "training", "language", "own_campus", "gender", "campus"]
GOOD: frozenset[Reason] = frozenset({"campus", "gender"})  # as `Fit.good`
_ALIKE = (  # what people call themselves, in either language, by what a student may ask for
    ("woman", frozenset({"woman", "female", "she", "kvinne", "dame", "jente", "hun"})),
    ("man", frozenset({"man", "male", "he", "mann", "gutt", "han"})),
)


class Helper(Protocol):
    """What a supporter has said about themself; see `storage.profile.Profile`."""

    @property
    def id(self) -> int: ...
    @property
    def trained(self) -> Literal["basic", "full"]: ...
    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def campus(self) -> str | None: ...
    @property
    def avoid_own_campus(self) -> bool: ...
    @property
    def gender(self) -> str | None: ...


class Routed(Protocol):
    """What is looked at of somebody who waits."""

    @property
    def tier(self) -> Tier: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def language(self) -> str | None: ...
    @property
    def campus(self) -> str | None: ...
    @property
    def wants_gender(self) -> str | None: ...
    @property
    def known_to(self) -> tuple[int, ...]: ...
    @property
    def passed_by(self) -> tuple[int, ...]: ...


R = TypeVar("R", bound=Routed)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well the two suit each other. `against`: why not, the weightiest first; `good`: why they do."""

    against: tuple[Reason, ...] = ()
    good: tuple[Reason, ...] = ()

    @property
    def suits(self) -> bool:
        """Nothing speaks against it."""
        return not self.against


def is_danger(row: Routed) -> bool:
    """Nothing holds anybody back from these."""
    return row.tier.rank >= Tier.HIGH.rank


def is_hidden(helper: Helper, row: Routed) -> bool:
    """They know each other: it is neither offered nor shown, unless a life may be in danger."""
    return helper.id in row.known_to and not is_danger(row)


def fit(helper: Helper, row: Routed) -> Fit:
    """What speaks for these two and what against."""
    against: list[Reason] = []
    good: list[Reason] = []
    if helper.id in row.known_to:
        against.append("known")
    if helper.id in row.passed_by:
        against.append("passed")
    if helper.trained == "basic" and row.tier is not Tier.NONE:
        against.append("training")
    if row.language is not None and row.language not in helper.languages:
        against.append("language")
    if helper.campus and helper.campus == row.campus:
        (against if helper.avoid_own_campus else good).append(
            "own_campus" if helper.avoid_own_campus else "campus"
        )
    wanted = _gender(row.wants_gender)
    if wanted is not None:
        (good if wanted == _gender(helper.gender) else against).append("gender")
    return Fit(tuple(against), tuple(good))


def offers(
    helper: Helper, waiting: Sequence[R], now: datetime, *, anybody_after: timedelta, room: bool
) -> list[R]:
    """Whom "give me the next one" may give to this person, best first. `waiting` stands in the queue's order.

    `room`: an ordinary one still fits into this person's hands. `anybody_after`: who has waited that long is offered
    to whoever asks, except to those who have laid this very conversation down, or know the student.
    """
    flagged = [row for row in waiting if is_danger(row)]
    flagged.sort(key=lambda row: _refused(helper, row))  # stable; never left out, only last
    if not room:
        return flagged
    others = [row for row in waiting if not is_danger(row) and not _refused(helper, row)]
    suiting = [row for row in others if fit(helper, row).suits]
    late = [row for row in others if not fit(helper, row).suits and now - row.opened_at >= anybody_after]
    return [*flagged, *_liked_first(helper, suiting), *late]


def _refused(helper: Helper, row: Routed) -> bool:
    return helper.id in row.known_to or helper.id in row.passed_by


def _liked_first(helper: Helper, rows: Iterable[R]) -> list[R]:
    """Somebody who suits well goes before somebody of the same tier who came little earlier."""
    found: list[R] = []
    for row in rows:
        at = len(found)
        while (
            at > 0
            and fit(helper, row).good
            and not fit(helper, found[at - 1]).good
            and found[at - 1].tier is row.tier
            and timedelta() <= row.opened_at - found[at - 1].opened_at <= NEAR
        ):
            at -= 1
        found.insert(at, row)
    return found


def _gender(words: str | None) -> str | None:
    said = (words or "").strip().casefold()
    return next((name for name, alike in _ALIKE if said in alike), None)
