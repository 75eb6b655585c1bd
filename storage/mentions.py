"""Mentions: colleagues who are named in a note. Ids and times only; the words stand in the transcript."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from storage.store import Store
from storage.times import from_ms, to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Somebody was named, and has not looked yet."""

    id: int
    contact_id: int
    entry_id: int
    staff_id: int
    at: datetime


class Mentions(Store):
    """Who is asked to look where."""

    def add(self, contact_id: int, entry_id: int, staff_ids: Collection[int], by: int, now: datetime) -> None:
        """This note names these colleagues."""
        for staff_id in sorted(set(staff_ids)):
            self._run(
                "INSERT INTO mention (contact_id, entry_id, staff_id, by_id, at)"
                " VALUES (:contact_id, :entry_id, :staff_id, :by, :now)",
                contact_id=contact_id,
                entry_id=entry_id,
                staff_id=staff_id,
                by=by,
                now=to_ms(now),
            )
        if staff_ids:
            self._tx.wake("screens")

    def unseen(self, staff_id: int) -> list[Mention]:
        """Where this person is named and has not looked; the newest first, and of each conversation the newest."""
        rows = self._all(
            "SELECT * FROM mention WHERE staff_id = :staff_id AND seen_at IS NULL ORDER BY id DESC",
            staff_id=staff_id,
        )
        newest: dict[int, Mention] = {}
        for row in rows:
            newest.setdefault(row["contact_id"], _opened(row))
        return list(newest.values())

    def mark_seen(self, contact_id: int, staff_id: int, now: datetime) -> None:
        """They have the conversation on the screen."""
        changed = self._run(
            "UPDATE mention SET seen_at = :now WHERE contact_id = :contact_id AND staff_id = :staff_id"
            " AND seen_at IS NULL",
            contact_id=contact_id,
            staff_id=staff_id,
            now=to_ms(now),
        )
        if changed:
            self._tx.wake("screens")

    def are_untold(self, before: datetime) -> bool:
        """Whether `take_untold` would find something."""
        row = self._one(
            "SELECT id FROM mention WHERE told_at IS NULL AND at <= :before LIMIT 1", before=to_ms(before)
        )
        return row is not None

    def take_untold(self, before: datetime, now: datetime) -> list[Mention]:
        """Those of before then whom nobody has told outside the console; told from now on. Seen ones are left out."""
        rows = self._all(
            "UPDATE mention SET told_at = :now WHERE told_at IS NULL AND at <= :before"
            " RETURNING id, contact_id, entry_id, staff_id, at, seen_at",
            before=to_ms(before),
            now=to_ms(now),
        )
        return sorted((_opened(row) for row in rows if row["seen_at"] is None), key=lambda one: one.id)


def _opened(row: dict[str, int]) -> Mention:
    return Mention(
        id=row["id"],
        contact_id=row["contact_id"],
        entry_id=row["entry_id"],
        staff_id=row["staff_id"],
        at=from_ms(row["at"]),
    )
