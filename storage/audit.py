"""The audit log: who did what to which conversation. Each row carries a hash of all that came before it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from storage.records import AuditLine
from storage.store import Store
from storage.times import from_ms, to_ms

_START = b"\0" * 32
_PAGE = 1000


def _chained(before: bytes, *fields: int | str | None) -> bytes:
    """`fields`: at, by, action, contact_id, detail."""
    return hashlib.sha256(before + json.dumps(fields, ensure_ascii=False).encode()).digest()


class Audit(Store):
    """Only ever added to."""

    def add(
        self,
        now: datetime,
        by: int | None,
        action: str,
        contact_id: int | None = None,
        detail: str | None = None,
    ) -> None:
        """One line. `by` None is the system; `detail` holds codes, never content."""
        head = self.lock()
        at = to_ms(now)
        following = _chained(head, at, by, action, contact_id, detail)
        self._run(
            "INSERT INTO audit (at, by_id, action, contact_id, detail, hash)"
            " VALUES (:at, :by, :action, :contact_id, :detail, :hash)",
            at=at,
            by=by,
            action=action,
            contact_id=contact_id,
            detail=detail,
            hash=following,
        )
        self._run("UPDATE audit_head SET hash = :hash WHERE id = 1", hash=following)

    def lock(self) -> bytes:
        """Keep others from adding until the transaction ends; the hash of the last line."""
        self._run(
            "INSERT INTO audit_head (id, hash) VALUES (1, :start) ON CONFLICT (id) DO NOTHING", start=_START
        )
        head: bytes = self._value("SELECT hash FROM audit_head WHERE id = 1 {for_update}")
        return head

    def lines(self, limit: int = 200) -> list[AuditLine]:
        """The newest lines, the newest first."""
        return [
            AuditLine(
                at=from_ms(row["at"]),
                by=row["by_id"],
                action=row["action"],
                contact_id=row["contact_id"],
                detail=row["detail"],
            )
            for row in self._all("SELECT * FROM audit ORDER BY id DESC LIMIT :limit", limit=limit)
        ]

    def was_handled(self, staff_id: int, since: datetime) -> bool:
        """Whether another member of staff has made, opened, reset or promoted this account since then."""
        found = self._value(
            "SELECT 1 FROM audit WHERE at > :since AND by_id IS NOT NULL AND by_id <> :staff_id"
            " AND action IN ('staff_added', 'staff_reopened', 'password_reset', 'second_factor_removed',"
            " 'link_made', 'role_changed') AND (detail = :whose OR detail LIKE :whose_what) LIMIT 1",
            since=to_ms(since),
            staff_id=staff_id,
            whose=str(staff_id),
            whose_what=f"{staff_id}:%",
        )
        return found is not None

    def verify(self) -> bool:
        """Whether no line was changed, moved, or taken out, at the end either."""
        current, last_id = _START, 0
        while True:
            rows = self._all(
                "SELECT * FROM audit WHERE id > :last_id ORDER BY id LIMIT :page", last_id=last_id, page=_PAGE
            )
            for row in rows:
                current = _chained(
                    current, row["at"], row["by_id"], row["action"], row["contact_id"], row["detail"]
                )
                if current != row["hash"]:
                    return False
                last_id = row["id"]
            if len(rows) < _PAGE:
                break
        head = self._value("SELECT hash FROM audit_head WHERE id = 1")
        return bool((head or _START) == current)
