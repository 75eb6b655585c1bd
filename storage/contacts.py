"""Contacts: the PSID, the key to everything they wrote, and the end of both."""

from __future__ import annotations

from datetime import datetime

from storage.errors import Erased
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms_or_none, to_ms

# Children before parents. Alerts and the audit log stay, without words.
_ERASED_TABLES = ("entry", "outbox", "draft", "timer", "handoff", "conversation")


class Contacts(Store):
    """Who writes to us. A PSID is found by a keyed hash, and readable only with the contact's own key."""

    def find(self, psid: str) -> int | None:
        """The contact's id; None for somebody new, or somebody who was erased."""
        row = self._one(
            "SELECT id, uid, key_wrapped FROM contact WHERE psid_hash = :hash",
            hash=self._tx.keys.hash("psid", psid),
        )
        if row is None:
            return None
        self._tx.keep_box(row["id"], row)
        contact_id: int = row["id"]
        return contact_id

    def find_or_add(self, psid: str, now: datetime) -> int:
        """The contact's id; somebody new gets a fresh key."""
        found = self.find(psid)
        if found is not None:
            return found
        uid = new_uid()
        wrapped, key_id, box = self._tx.keys.new_contact_key(uid)
        added = self._value(
            "INSERT INTO contact (uid, psid_hash, psid, key_wrapped, key_id, created_at)"
            " VALUES (:uid, :hash, :psid, :wrapped, :key_id, :now)"
            " ON CONFLICT (psid_hash) DO NOTHING RETURNING id",
            uid=uid,
            hash=self._tx.keys.hash("psid", psid),
            psid=box.seal_text(psid, "contact.psid", uid),
            wrapped=wrapped,
            key_id=key_id,
            now=to_ms(now),
        )
        if added is None:  # another process was first
            added = self.find(psid)
        if added is None:
            raise Erased("the contact went away at this moment")
        return int(added)

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

    def erase(self, contact_id: int, code: str, now: datetime) -> None:
        """Destroy the contact's key and delete what it sealed. `code` lets the person ask whether it is done.

        Nothing can be kept for this contact afterwards; should they write again, they are somebody new.
        """
        self._one("SELECT id FROM contact WHERE id = :id {for_update}", id=contact_id)
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
            "UPDATE alert SET matched = NULL, acknowledged_alias = NULL, closed_at = COALESCE(closed_at, :now)"
            " WHERE contact_id = :id",
            id=contact_id,
            now=at,
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
        self._tx.wake()

    def erasure(self, code: str) -> datetime | None:
        """When the erasure with this code was done; None: no such code."""
        return from_ms_or_none(
            self._value(
                "SELECT at FROM erasure WHERE code_hash = :hash", hash=self._tx.keys.hash("erasure", code)
            )
        )
