"""That a supporter is typing, on its way to the student. Worth something for seconds only."""

from __future__ import annotations

from datetime import datetime, timedelta

from storage.store import Store
from storage.times import to_ms

EVERY = timedelta(seconds=12)  # the channel shows "..." for about twenty seconds
_STALE = timedelta(seconds=6)  # later than this it would come after the words


class Typing(Store):
    """One per contact."""

    def want(self, contact_id: int, now: datetime) -> bool:
        """Show "..." to this contact. False: that was asked a moment ago."""
        changed = self._run(
            "INSERT INTO typing (contact_id, at, shown) VALUES (:contact_id, :now, 0)"
            " ON CONFLICT (contact_id) DO UPDATE SET at = excluded.at, shown = 0"
            " WHERE typing.at <= :before OR typing.at > :now",
            contact_id=contact_id,
            now=to_ms(now),
            before=to_ms(now - EVERY),
        )
        if changed:
            self._tx.wake("outbox")
        return bool(changed)

    def is_wanted(self) -> bool:
        """Whether `take` would find something."""
        return self._one("SELECT contact_id FROM typing WHERE shown = 0 LIMIT 1") is not None

    def take(self, now: datetime) -> list[str]:
        """The PSIDs to show it to now; nobody else gets them. What is too old to be true is left out."""
        rows = self._all("UPDATE typing SET shown = 1 WHERE shown = 0 RETURNING contact_id, at")
        since, at = to_ms(now - _STALE), to_ms(now)
        fresh = sorted(row["contact_id"] for row in rows if since <= row["at"] <= at)
        found = self._all_of(
            "SELECT id, uid, psid, key_wrapped FROM contact WHERE id IN {each} AND key_wrapped IS NOT NULL"
            " AND drill = 0 ORDER BY id",
            fresh,
        )
        return [
            self._tx.keep_box(row["id"], row).open(row["psid"], "contact.psid", row["uid"]).decode()
            for row in found
        ]

    def forget(self, contact_id: int) -> None:
        """They have sent it: nothing is being typed any more."""
        self._run("DELETE FROM typing WHERE contact_id = :contact_id AND shown = 0", contact_id=contact_id)
