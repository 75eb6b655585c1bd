"""Shifts. One row is one place; who takes it is decided by one statement, so that two cannot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.rota import Kind, Shift, Standing, on_shift, standing
from storage.engine import Row
from storage.store import Store
from storage.times import from_ms, to_ms

_AROUND = timedelta(hours=24)  # longer than a shift and the time after it that somebody is reminded
# A shift of an account that was closed is open again.
_SHIFT = (
    "SELECT shift.*, CASE WHEN staff.disabled_at IS NULL THEN shift.staff_id END AS holder"
    " FROM shift LEFT JOIN staff ON staff.id = shift.staff_id"
)
_FREE = "(staff_id IS NULL OR staff_id IN (SELECT id FROM staff WHERE disabled_at IS NOT NULL))"
_ORDER = " ORDER BY starts_at, ends_at, kind, shift.id"


class RotaStore(Store):
    """Times come and go as aware UTC."""

    def add(
        self, kind: Kind, starts_at: datetime, ends_at: datetime, staff_id: int | None, now: datetime
    ) -> int:
        """A new shift's id."""
        added = self._value(
            "INSERT INTO shift (kind, starts_at, ends_at, staff_id, changed_at)"
            " VALUES (:kind, :starts_at, :ends_at, :staff_id, :now) RETURNING id",
            kind=kind,
            starts_at=to_ms(starts_at),
            ends_at=to_ms(ends_at),
            staff_id=staff_id,
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return int(added)

    def get(self, shift_id: int) -> Shift | None:
        """One shift."""
        row = self._one(_SHIFT + " WHERE shift.id = :id", id=shift_id)
        return _shift(row) if row else None

    def between(self, first: datetime, last: datetime) -> list[Shift]:
        """Every shift that has some time between the two, in order."""
        rows = self._all(
            _SHIFT + " WHERE ends_at > :first AND starts_at < :last" + _ORDER,
            first=to_ms(first),
            last=to_ms(last),
        )
        return [_shift(row) for row in rows]

    def of(self, staff_id: int, since: datetime) -> list[Shift]:
        """This person's shifts that end after `since`, in order."""
        rows = self._all(
            _SHIFT + " WHERE shift.staff_id = :id AND ends_at > :since" + _ORDER,
            id=staff_id,
            since=to_ms(since),
        )
        return [_shift(row) for row in rows]

    def changed_at(self, shift_ids: Iterable[int]) -> dict[int, datetime]:
        """When each was last changed."""
        rows = self._all_of("SELECT id, changed_at FROM shift WHERE id IN {each}", shift_ids)
        return {row["id"]: from_ms(row["changed_at"]) for row in rows}

    def standing(self, staff_id: int, now: datetime) -> Standing:
        """This person's shift now, until when it goes on, the next one, and the one that is just over."""
        return standing(self.of(staff_id, now - _AROUND), staff_id, now)

    def on_shift(self, now: datetime) -> dict[int, datetime]:
        """Everybody whose shift it is now, and until when: shifts that follow at once are one."""
        around = self.between(now, now + _AROUND)
        found = {staff_id: standing(around, staff_id, now).until for staff_id in on_shift(around, now)}
        return {staff_id: until for staff_id, until in found.items() if until is not None}

    def lock(self, staff_id: int) -> bool:
        """Nobody else changes this person's shifts until we are done. False: the account is closed."""
        row = self._one("SELECT disabled_at FROM staff WHERE id = :id {for_update}", id=staff_id)
        return row is not None and row["disabled_at"] is None

    def take(self, shift: Shift, staff_id: int, now: datetime) -> int | None:
        """Give an open place to this person: that one, or another of the same hours and kind; which, or None."""
        alike = self._all(
            f"SELECT id FROM shift WHERE {_FREE} AND kind = :kind AND starts_at = :starts_at"  # noqa: S608
            " AND ends_at = :ends_at ORDER BY CASE WHEN id = :id THEN 0 ELSE 1 END, id",
            kind=shift.kind,
            starts_at=to_ms(shift.starts_at),
            ends_at=to_ms(shift.ends_at),
            id=shift.id,
        )
        for row in alike:
            if self._run(
                f"UPDATE shift SET staff_id = :staff_id, changed_at = :now WHERE id = :id AND {_FREE}",  # noqa: S608
                staff_id=staff_id,
                now=to_ms(now),
                id=row["id"],
            ):
                self._tx.wake("screens")
                return int(row["id"])
        return None

    def hand(self, shift_id: int, giver: int, taker: int | None, now: datetime) -> bool:
        """From one person to another, or to nobody. False: `giver` does not have it any more."""
        changed = self._run(
            "UPDATE shift SET staff_id = :taker, changed_at = :now WHERE id = :id AND staff_id = :giver",
            taker=taker,
            now=to_ms(now),
            id=shift_id,
            giver=giver,
        )
        self._tx.wake("screens")
        return changed == 1

    def change(self, shift: Shift, now: datetime) -> None:
        """Other hours, another kind, somebody else."""
        self._run(
            "UPDATE shift SET kind = :kind, starts_at = :starts_at, ends_at = :ends_at, staff_id = :staff_id,"
            " changed_at = :now WHERE id = :id",
            id=shift.id,
            kind=shift.kind,
            starts_at=to_ms(shift.starts_at),
            ends_at=to_ms(shift.ends_at),
            staff_id=shift.staff_id,
            now=to_ms(now),
        )
        self._tx.wake("screens")

    def remove(self, shift_id: int) -> None:
        """There is no such shift, nor a question about it."""
        self._run("DELETE FROM swap WHERE shift_id = :id", id=shift_id)
        self._run("DELETE FROM shift WHERE id = :id", id=shift_id)
        self._tx.wake("screens")

    def prune(self, before: datetime) -> int:
        """Forget shifts that were over before then; how many."""
        old = "(SELECT id FROM shift WHERE ends_at < :before)"
        self._run(f"DELETE FROM swap WHERE shift_id IN {old}", before=to_ms(before))  # noqa: S608 - fixed words
        return self._run("DELETE FROM shift WHERE ends_at < :before", before=to_ms(before))


def _shift(row: Row) -> Shift:
    return Shift(
        id=row["id"],
        kind=row["kind"],
        starts_at=from_ms(row["starts_at"]),
        ends_at=from_ms(row["ends_at"]),
        staff_id=row["holder"],
    )
