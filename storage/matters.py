"""What a person is to see to or to know: a report, somebody relieved, a conversation that changed hands.

Kinds, ids and times are readable; what somebody wrote is sealed with the service's own key, so that a student's
DELETE does not take away what a supporter reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.engine import Row
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

Kind = Literal[
    "report",  # to coordinators: a student bothers a supporter
    "relieved",  # to leads: somebody asked to be rid of a conversation
    "left",  # to leads: somebody has gone; what waited with them went back
    "left_danger",  # to leads: somebody has gone who has a student in danger
    "taken_over",  # to a supporter: a colleague answers from now on
    "accepted",  # to a supporter: the colleague who was asked has it now
    "declined",  # to a supporter: the colleague said no
    "lapsed",  # to a supporter: the colleague did not answer
    "went_back",  # to a supporter: it went back to the queue while they were away
]
FOR_COORDINATORS: frozenset[Kind] = frozenset({"report"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One of them. `for_id` None: for those who lead."""

    id: int
    kind: Kind
    contact_id: int | None
    by_id: int | None
    for_id: int | None
    opened_at: datetime
    words: str | None
    closed_at: datetime | None
    closed_by: int | None
    closing: str | None


class Matters(Store):
    """Opened once, closed once."""

    def open(
        self,
        kind: Kind,
        now: datetime,
        *,
        contact_id: int | None,
        by_id: int | None,
        for_id: int | None = None,
        words: str = "",
    ) -> int:
        """A new one's id; one that says the same and is open already stays as it is, if nothing was written."""
        uid = new_uid()
        if not words and (known := self._same(kind, contact_id, by_id, for_id)) is not None:
            return known
        added = self._value(
            "INSERT INTO matter (uid, kind, contact_id, by_id, for_id, opened_at, words)"
            " VALUES (:uid, :kind, :contact_id, :by_id, :for_id, :now, :words) RETURNING id",
            uid=uid,
            kind=kind,
            contact_id=contact_id,
            by_id=by_id,
            for_id=for_id,
            now=to_ms(now),
            words=self._tx.keys.seal(words, "matter.words", uid) if words else None,
        )
        self._tx.wake("screens")
        return int(added)

    def _same(self, kind: Kind, contact_id: int | None, by_id: int | None, for_id: int | None) -> int | None:
        for row in self._all("SELECT * FROM matter WHERE closed_at IS NULL AND kind = :kind", kind=kind):
            if (row["contact_id"], row["by_id"], row["for_id"]) == (contact_id, by_id, for_id):
                return int(row["id"])
        return None

    def get(self, matter_id: int) -> Matter | None:
        """One, open or closed."""
        row = self._one("SELECT * FROM matter WHERE id = :id", id=matter_id)
        return self._opened(row) if row else None

    def of(self, staff_id: int) -> list[Matter]:
        """What this person is to know, the oldest first."""
        return [
            self._opened(row)
            for row in self._all(
                "SELECT * FROM matter WHERE closed_at IS NULL AND for_id = :id ORDER BY opened_at, id",
                id=staff_id,
            )
        ]

    def open_between(self, after: datetime, before: datetime) -> list[Matter]:
        """Whatever was opened then and is open still, the oldest first; without what somebody wrote."""
        rows = self._all(
            "SELECT * FROM matter WHERE closed_at IS NULL AND opened_at > :after AND opened_at <= :before"
            " ORDER BY opened_at, id",
            after=to_ms(after),
            before=to_ms(before),
        )
        return [self._opened({**row, "words": None, "closing": None}) for row in rows]

    def of_leads(self, *, coordinator: bool) -> list[Matter]:
        """What those who lead are to see to, the oldest first; reports are for coordinators alone."""
        rows = self._all(
            "SELECT * FROM matter WHERE closed_at IS NULL AND for_id IS NULL ORDER BY opened_at, id"
        )
        return [self._opened(row) for row in rows if coordinator or row["kind"] not in FOR_COORDINATORS]

    def closed(self, since: datetime, *, coordinator: bool) -> list[Matter]:
        """What those who lead have closed since then, the newest first."""
        rows = self._all(
            "SELECT * FROM matter WHERE closed_at >= :since AND for_id IS NULL ORDER BY closed_at DESC, id DESC",
            since=to_ms(since),
        )
        return [self._opened(row) for row in rows if coordinator or row["kind"] not in FOR_COORDINATORS]

    def close(self, matter_id: int, by: int, now: datetime, words: str = "") -> bool:
        """Seen to. False: somebody was first, or there is no such thing."""
        row = self._one("SELECT uid FROM matter WHERE id = :id", id=matter_id)
        if row is None:
            return False
        changed = self._run(
            "UPDATE matter SET closed_at = :now, closed_by = :by, closing = :closing"
            " WHERE id = :id AND closed_at IS NULL",
            id=matter_id,
            by=by,
            now=to_ms(now),
            closing=self._tx.keys.seal(words, "matter.closing", row["uid"]) if words else None,
        )
        self._tx.wake("screens")
        return changed == 1

    def prune(self, before: datetime) -> int:
        """Forget what was closed before then; how many."""
        return self._run("DELETE FROM matter WHERE closed_at < :before", before=to_ms(before))

    def _opened(self, row: Row) -> Matter:
        def words(name: str) -> str | None:
            sealed = row[name]
            return None if sealed is None else self._tx.keys.open(sealed, f"matter.{name}", row["uid"])

        return Matter(
            id=row["id"],
            kind=row["kind"],
            contact_id=row["contact_id"],
            by_id=row["by_id"],
            for_id=row["for_id"],
            opened_at=from_ms(row["opened_at"]),
            words=words("words"),
            closed_at=from_ms_or_none(row["closed_at"]),
            closed_by=row["closed_by"],
            closing=words("closing"),
        )
