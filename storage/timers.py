"""Timers: when to wake a conversation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms


class Timers(Store):
    """At most one timer of each name per contact."""

    def set(self, contact_id: int, name: str, due_at: datetime) -> None:
        """Set a timer; replaces one of the same name."""
        self._run(
            "INSERT INTO timer (contact_id, name, due_at) VALUES (:contact_id, :name, :due_at)"
            " ON CONFLICT (contact_id, name) DO UPDATE SET due_at = excluded.due_at",
            contact_id=contact_id,
            name=name,
            due_at=to_ms(due_at),
        )
        self._tx.wake("timers")

    def cancel(self, contact_id: int, names: Collection[str] | None) -> None:
        """Forget these timers of the contact; None: all of them."""
        if names is None:
            self._run("DELETE FROM timer WHERE contact_id = :contact_id", contact_id=contact_id)
            return
        for name in sorted(names):
            self._run(
                "DELETE FROM timer WHERE contact_id = :contact_id AND name = :name",
                contact_id=contact_id,
                name=name,
            )

    def change(self, timers: Mapping[tuple[int, str], datetime | None]) -> None:
        """As `set`, and `cancel` where there is no time, for many: each contact and name."""
        gone: list[dict[str, int | str]] = []
        due: list[dict[str, int | str]] = []
        for contact_id, name in sorted(timers):
            at = timers[contact_id, name]
            row: dict[str, int | str] = {"contact_id": contact_id, "name": name}
            if at is None:
                gone.append(row)
            else:
                due.append(row | {"due_at": to_ms(at)})
        self._run_each("DELETE FROM timer WHERE contact_id = :contact_id AND name = :name", gone)
        self._run_from(
            "INSERT INTO timer (contact_id, name, due_at) {rows}"
            " ON CONFLICT (contact_id, name) DO UPDATE SET due_at = excluded.due_at",
            due,
        )
        if due:
            self._tx.wake("timers")

    def due(self, now: datetime, limit: int = 100) -> list[tuple[int, str, datetime]]:
        """Timers that have come due, the oldest first: contact, name, due_at."""
        rows = self._all(
            "SELECT contact_id, name, due_at FROM timer WHERE due_at <= :now"
            " ORDER BY due_at, contact_id, name LIMIT :limit",
            now=to_ms(now),
            limit=limit,
        )
        return [(row["contact_id"], row["name"], from_ms(row["due_at"])) for row in rows]

    def remove(self, contact_id: int, name: str, due_at: datetime) -> None:
        """It has gone off. One that was set anew meanwhile stays."""
        self._run(
            "DELETE FROM timer WHERE contact_id = :contact_id AND name = :name AND due_at = :due_at",
            contact_id=contact_id,
            name=name,
            due_at=to_ms(due_at),
        )

    def next_due_at(self) -> datetime | None:
        """When the next one goes off."""
        return from_ms_or_none(self._value("SELECT MIN(due_at) FROM timer"))
