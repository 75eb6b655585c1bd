"""Drills: a student who does not exist. There is no PSID, so there is nobody to send to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from storage.sealing import new_uid
from storage.store import Store
from storage.times import to_ms

if TYPE_CHECKING:
    from storage.tx import Tx


class Drills(Store):
    """A drill's contact has a key like any other, and is erased like any other when the drill is over."""

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx)
        self._known: set[int] | None = None

    def add_contact(self, now: datetime) -> int:
        """An invented student's id."""
        uid = new_uid()
        wrapped, key_id, _ = self._tx.keys.new_contact_key(uid)
        added = self._value(
            "INSERT INTO contact (uid, key_wrapped, key_id, created_at, drill)"
            " VALUES (:uid, :wrapped, :key_id, :now, 1) RETURNING id",
            uid=uid,
            wrapped=wrapped,
            key_id=key_id,
            now=to_ms(now),
        )
        self._known = None
        return int(added)

    def running(self) -> list[int]:
        """Contacts of drills that are not over."""
        rows = self._all("SELECT id FROM contact WHERE drill = 1 AND key_wrapped IS NOT NULL ORDER BY id")
        return [row["id"] for row in rows]

    def is_drill(self, contact_id: int) -> bool:
        """Whether this contact is invented."""
        if self._known is None:
            rows = self._all("SELECT id FROM contact WHERE drill = 1 ORDER BY id")
            self._known = {row["id"] for row in rows}
        return contact_id in self._known
