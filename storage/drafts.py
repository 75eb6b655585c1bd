"""Drafts: what a supporter has typed and not sent."""

from __future__ import annotations

from datetime import datetime

from storage.errors import Erased
from storage.sealing import new_uid
from storage.store import Store
from storage.times import to_ms


class Drafts(Store):
    """One per supporter and contact."""

    def save(self, contact_id: int, staff_id: int, text: str, now: datetime) -> None:
        """Keep a draft; an empty one clears it. Raises Erased."""
        if not text:
            self.clear(contact_id, staff_id)
            return
        uid = new_uid()
        self._run(
            "INSERT INTO draft (contact_id, staff_id, uid, body, updated_at)"
            " VALUES (:contact_id, :staff_id, :uid, :body, :now)"
            " ON CONFLICT (contact_id, staff_id) DO UPDATE SET uid = excluded.uid, body = excluded.body,"
            " updated_at = excluded.updated_at",
            contact_id=contact_id,
            staff_id=staff_id,
            uid=uid,
            body=self._tx.box(contact_id).seal_text(text, "draft.body", uid),
            now=to_ms(now),
        )

    def get(self, contact_id: int, staff_id: int) -> str | None:
        """The draft, or None."""
        row = self._one(
            "SELECT uid, body FROM draft WHERE contact_id = :contact_id AND staff_id = :staff_id",
            contact_id=contact_id,
            staff_id=staff_id,
        )
        if row is None:
            return None
        try:
            return self._tx.box(contact_id).open_text(row["body"], "draft.body", row["uid"])
        except Erased:
            return None

    def clear(self, contact_id: int, staff_id: int) -> None:
        """Forget the draft."""
        self._run(
            "DELETE FROM draft WHERE contact_id = :contact_id AND staff_id = :staff_id",
            contact_id=contact_id,
            staff_id=staff_id,
        )
