"""Who would like to talk about a hard case, and who saw to it. Readable columns: ids and times.

What was asked for in a drill shows while the drill is on, and says so.
"""

from __future__ import annotations

from datetime import datetime

from storage.ladder_records import Debrief
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

_FROM = (
    " FROM debrief JOIN alert ON alert.id = debrief.alert_id LEFT JOIN contact ON contact.id = alert.contact_id"
    " WHERE (alert.drill = 0 OR contact.key_wrapped IS NOT NULL)"
)


class Debriefs(Store):
    """One for each person and alert."""

    def ask(self, alert_id: int, staff_id: int, now: datetime) -> bool:
        """They would like to talk. False: that is known already."""
        added = self._run(
            "INSERT INTO debrief (alert_id, staff_id, asked_at) VALUES (:alert_id, :staff_id, :now)"
            " ON CONFLICT (alert_id, staff_id) DO NOTHING",
            alert_id=alert_id,
            staff_id=staff_id,
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return added == 1

    def since(self, at: datetime) -> list[Debrief]:
        """Those that wait, the oldest first; then those done since `at`."""
        rows = self._all(
            f"SELECT debrief.*, alert.drill{_FROM} AND (done_at IS NULL OR done_at >= :at)"
            " ORDER BY (done_at IS NOT NULL), asked_at, debrief.id",
            at=to_ms(at),
        )
        return [
            Debrief(
                id=row["id"],
                alert_id=row["alert_id"],
                staff_id=row["staff_id"],
                asked_at=from_ms(row["asked_at"]),
                done_by=row["done_by"],
                done_at=from_ms_or_none(row["done_at"]),
                drill=bool(row["drill"]),
            )
            for row in rows
        ]

    def waiting(self, without: int) -> int:
        """How many wait for somebody; `without`: not the person's own."""
        return int(
            self._value(
                f"SELECT count(*){_FROM} AND done_at IS NULL AND staff_id <> :without",
                without=without,
            )
        )

    def done(self, debrief_id: int, staff_id: int, now: datetime) -> bool:
        """Another person has talked with them. False: it was done, or it is their own."""
        changed = self._run(
            "UPDATE debrief SET done_by = :by, done_at = :now WHERE id = :id AND done_at IS NULL"
            " AND staff_id <> :by",
            id=debrief_id,
            by=staff_id,
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return changed == 1
