"""Questions between colleagues: will you take my shift? A shift has at most one that is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.engine import Row
from storage.store import Store
from storage.times import to_ms

SwapState = Literal["open", "accepted", "declined", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """One question. `asked_of` None: whoever wants it. `in_return`: a shift of theirs that `asked_by` would take."""

    id: int
    shift_id: int
    asked_by: int
    asked_of: int | None
    in_return: int | None
    state: SwapState


class Swaps(Store):
    """Asked once, answered once."""

    def ask(
        self, shift_id: int, asked_by: int, asked_of: int | None, in_return: int | None, now: datetime
    ) -> int | None:
        """A new question's id; None when one about this shift is open already."""
        added = self._value(
            "INSERT INTO swap (shift_id, asked_by, asked_of, in_return, state, asked_at)"
            " VALUES (:shift_id, :asked_by, :asked_of, :in_return, 'open', :now)"
            " ON CONFLICT (shift_id) WHERE state = 'open' DO NOTHING RETURNING id",
            shift_id=shift_id,
            asked_by=asked_by,
            asked_of=asked_of,
            in_return=in_return,
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return None if added is None else int(added)

    def get(self, swap_id: int) -> Swap | None:
        """One question."""
        row = self._one("SELECT * FROM swap WHERE id = :id", id=swap_id)
        return _swap(row) if row else None

    def coming(self, now: datetime) -> list[Swap]:
        """The latest question about each shift that has not begun."""
        rows = self._all(
            "SELECT swap.* FROM swap JOIN shift ON shift.id = swap.shift_id WHERE shift.starts_at > :now"
            " AND swap.id = (SELECT MAX(id) FROM swap AS later WHERE later.shift_id = shift.id)"
            " ORDER BY shift.starts_at, swap.id",
            now=to_ms(now),
        )
        return [_swap(row) for row in rows]

    def answer(self, swap_id: int, state: SwapState, by: int, now: datetime) -> bool:
        """Close an open question. False: it is not open any more."""
        changed = self._run(
            "UPDATE swap SET state = :state, answered_by = :by, answered_at = :now"
            " WHERE id = :id AND state = 'open'",
            id=swap_id,
            state=state,
            by=by,
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return changed == 1

    def lapse(self, shift_id: int, now: datetime) -> None:
        """The shift has changed hands: nothing is asked about it any more, nor offered in return for another."""
        self._run(
            "UPDATE swap SET state = 'withdrawn', answered_at = :now"
            " WHERE state = 'open' AND (shift_id = :id OR in_return = :id)",
            id=shift_id,
            now=to_ms(now),
        )


def _swap(row: Row) -> Swap:
    return Swap(
        id=row["id"],
        shift_id=row["shift_id"],
        asked_by=row["asked_by"],
        asked_of=row["asked_of"],
        in_return=row["in_return"],
        state=row["state"],
    )
