"""Who looks on while somebody else answers. Ids and times only."""

from __future__ import annotations

from datetime import datetime

from storage.store import Store
from storage.times import from_ms, to_ms


class Watches(Store):
    """A watch lasts as long as the page is open that keeps it fresh."""

    def look(self, contact_id: int, staff_id: int, now: datetime, fresh_since: datetime) -> bool:
        """This person has the conversation on the screen. True: they did not a moment ago."""
        known = self._one(
            "SELECT seen_at FROM watch WHERE contact_id = :contact_id AND staff_id = :staff_id",
            contact_id=contact_id,
            staff_id=staff_id,
        )
        is_new = known is None or known["seen_at"] < to_ms(fresh_since)
        self._run(
            "INSERT INTO watch (contact_id, staff_id, since, seen_at) VALUES (:contact_id, :staff_id, :now, :now)"
            " ON CONFLICT (contact_id, staff_id) DO UPDATE SET seen_at = :now,"
            " since = CASE WHEN watch.seen_at < :fresh THEN :now ELSE watch.since END",
            contact_id=contact_id,
            staff_id=staff_id,
            now=to_ms(now),
            fresh=to_ms(fresh_since),
        )
        if is_new:
            self._tx.wake("screens")
        return is_new

    def seen_at(self, contact_id: int, staff_id: int) -> datetime | None:
        """When they last had it on the screen."""
        row = self._one(
            "SELECT seen_at FROM watch WHERE contact_id = :contact_id AND staff_id = :staff_id",
            contact_id=contact_id,
            staff_id=staff_id,
        )
        return from_ms(row["seen_at"]) if row else None

    def of(self, contact_id: int, fresh_since: datetime) -> list[int]:
        """Who looks on: ids of staff."""
        rows = self._all(
            "SELECT staff_id FROM watch WHERE contact_id = :contact_id AND seen_at >= :since ORDER BY since",
            contact_id=contact_id,
            since=to_ms(fresh_since),
        )
        return [row["staff_id"] for row in rows]

    def prune(self, before: datetime) -> int:
        """Forget what was looked at before then."""
        return self._run("DELETE FROM watch WHERE seen_at < :before", before=to_ms(before))
