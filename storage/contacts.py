"""Contacts: the PSID, the key to everything they wrote, and the end of both."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from storage.engine import Row
from storage.errors import Erased, WrongKey
from storage.sealing import Box, new_uid
from storage.store import Store
from storage.times import from_ms_or_none, to_ms

# Children before parents. Alerts and the audit log stay, without words.
_ERASED_TABLES = (
    "watch",
    "mention",
    "typing",
    "entry",
    "outbox",
    "draft",
    "timer",
    "handoff",
    "conversation",
)


class Contacts(Store):
    """Who writes to us. A PSID is found by a keyed hash, and readable only with the contact's own key."""

    def find(self, psid: str) -> int | None:
        """The contact's id; None for somebody new, somebody who was erased, and somebody with a key we cannot read."""
        return self.find_all([psid]).get(psid)

    def find_all(self, psids: Collection[str]) -> dict[str, int | None]:
        """The contacts' ids by PSID, None where the key cannot be read. Left out is who is new, or was erased."""
        return self._find(psids, "")

    def _find(self, psids: Collection[str], lock: str) -> dict[str, int | None]:
        hashes = {self._tx.keys.hash("psid", psid): psid for psid in psids}
        rows = self._all_of(
            f"SELECT id, uid, psid_hash, key_wrapped FROM contact WHERE psid_hash IN {{each}} {lock}",  # noqa: S608
            hashes,
        )
        return {hashes[row["psid_hash"]]: self._readable(row) for row in rows}

    def _readable(self, row: Row) -> int | None:
        try:
            self._tx.keep_box(row["id"], row)
        except WrongKey:
            return None
        contact_id: int = row["id"]
        return contact_id

    def find_or_add(self, psids: Collection[str], now: datetime) -> dict[str, int | None]:
        """As `find_all`, but somebody new gets a fresh key and is in. Nobody is erased before the transaction ends."""
        found = self._find(psids, "{for_rows}")
        new = [psid for psid in psids if psid not in found]
        if new:
            found |= self._add(new, now)
        late = [psid for psid in new if psid not in found]  # another process was first
        return found | self._find(late, "{for_rows}") if late else found

    def _add(self, psids: Collection[str], now: datetime) -> dict[str, int]:
        rows: list[dict[str, object]] = []
        boxes: dict[bytes, tuple[str, Box]] = {}
        for psid in psids:
            uid = new_uid()
            wrapped, key_id, box = self._tx.keys.new_contact_key(uid)
            boxes[uid] = psid, box
            rows.append(
                {
                    "uid": uid,
                    "psid_hash": self._tx.keys.hash("psid", psid),
                    "psid": box.seal_text(psid, "contact.psid", uid),
                    "key_wrapped": wrapped,
                    "key_id": key_id,
                    "created_at": to_ms(now),
                }
            )
        rows.sort(
            key=lambda row: str(row["psid_hash"])
        )  # in one order for all, or two writers wait for each other
        added = self._all_from(
            "INSERT INTO contact (uid, psid_hash, psid, key_wrapped, key_id, created_at) {rows}"
            " ON CONFLICT (psid_hash) DO NOTHING RETURNING id, uid",
            rows,
        )
        for row in added:
            self._tx.set_box(row["id"], boxes[row["uid"]][1])
        return {boxes[row["uid"]][0]: row["id"] for row in added}

    def psid(self, contact_id: int) -> str:
        """To send to. Raises Erased."""
        box = self._tx.box(contact_id)
        row = self._one("SELECT uid, psid FROM contact WHERE id = :id", id=contact_id)
        psid = box.open_text(row["psid"], "contact.psid", row["uid"]) if row else None
        if psid is None:
            raise Erased(f"contact {contact_id} is gone")
        return psid

    def lock(self, contact_id: int) -> bool:
        """Keep others from this contact until the transaction ends. False: erased, or never there."""
        row = self._one(
            "SELECT id FROM contact WHERE id = :id AND key_wrapped IS NOT NULL {for_update}", id=contact_id
        )
        return row is not None

    def lock_free(self, ids: Collection[int]) -> set[int]:
        """As `lock`, for those that nobody else has now: which they are. The erased are among them."""
        rows = self._all_of(
            "SELECT id, uid, key_wrapped FROM contact WHERE id IN {each} ORDER BY id {skip_locked}",
            sorted(ids),
        )
        for row in rows:
            self._tx.note_key(row["id"], row)
        return {row["id"] for row in rows}

    def erase(self, contact_id: int, code: str, now: datetime, *, even_unread: bool = False) -> bool:
        """Destroy the contact's key and delete what it sealed. `code` lets the person ask whether it is done.

        False, and nothing is done, while anything they sent has not been handled, unless `even_unread`: it may be
        a cry for help. Nothing can be kept for this contact afterwards; should they write again, they are somebody new.
        """
        self._one("SELECT id FROM contact WHERE id = :id {for_end}", id=contact_id)
        if not even_unread and self._tx.inbox.is_waiting(contact_id):  # now that nobody can add to it
            return False
        self._tx.alerts.close(contact_id, None, now)
        for table in _ERASED_TABLES:
            self._run(f"DELETE FROM {table} WHERE contact_id = :id", id=contact_id)  # noqa: S608 - fixed names
        at = to_ms(now)
        # Bare hashes of message ids stay, tied to nobody, until retention deletes them. Otherwise a late delivery,
        # or what is read from Meta after an outage, would bring back what was erased.
        self._run(
            "UPDATE inbox SET contact_id = NULL, body = NULL, state = 'done', reason = NULL,"
            " handled_at = COALESCE(handled_at, :now) WHERE contact_id = :id",
            id=contact_id,
            now=at,
        )
        self._run(
            "UPDATE alert SET matched = NULL, acknowledged_alias = NULL WHERE contact_id = :id", id=contact_id
        )
        self._run(
            "UPDATE contact SET key_wrapped = NULL, key_id = NULL, psid = NULL, psid_hash = NULL,"
            " erased_at = COALESCE(erased_at, :now), last_entry_id = 0, seen_entry_id = 0, unread = 0"
            " WHERE id = :id",
            id=contact_id,
            now=at,
        )
        self._run(
            "INSERT INTO erasure (code_hash, at) VALUES (:hash, :now) ON CONFLICT (code_hash) DO NOTHING",
            hash=self._tx.keys.hash("erasure", code),
            now=at,
        )
        self._tx.forget_box(contact_id)
        self._tx.shred()
        self._tx.wake("screens")
        return True

    def erasure(self, code: str) -> datetime | None:
        """When the erasure with this code was done; None: no such code."""
        return from_ms_or_none(
            self._value(
                "SELECT at FROM erasure WHERE code_hash = :hash", hash=self._tx.keys.hash("erasure", code)
            )
        )
