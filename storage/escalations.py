"""Records of serious cases: only ever added to, each sealed with a key of its own, chained over the ciphertext.

Deleting a student's words leaves the record, because its key is another one. The chain's head and the checkpoints
that pruning leaves are signed with a key that the database does not hold: who changes, moves or takes away a line
there cannot make the chain fit again. `record_proof` looks whether anybody has tried.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from storage.engine import Row
from storage.errors import Erased
from storage.ladder_records import Checkpoint, EscalationEntry, EscalationRecord
from storage.sealing import Box, new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

START = b"\0" * 32
_VERSION = 2  # of what a line's hash covers
_PAGE = 500
_RECORDS = "SELECT escalation.*, alert.drill FROM escalation JOIN alert ON alert.id = escalation.alert_id"


def chained(before: bytes, row: Row) -> bytes:
    """The hash of a line. `row` has the line, and of its record `record_uid`, `alert_id` and `contact_id`: a record
    that is moved to another alert fits its lines no more. Lines of version 1 do not cover that.
    """
    fields = [row["escalation_id"], row["uid"].hex(), row["at"], row["by_id"], row["kind"]]
    if row["version"] > 1:
        fields += [row["version"], row["record_uid"].hex(), row["alert_id"], row["contact_id"]]
    sealed = hashlib.sha256(row["body"]).digest()
    return hashlib.sha256(before + json.dumps(fields).encode() + sealed).digest()


class Escalations(Store):
    """One record per alert. It begins with what was noticed."""

    def open_for(self, alert_id: int, now: datetime, noticed: Mapping[str, Any] | None = None) -> int:
        """The alert's record; opened if there is none, with `noticed`, or with the alert as it stands now.

        Raises LookupError for an alert that is not there, and Erased when the record is destroyed for its age.
        """
        row = self._one("SELECT id, key_id FROM escalation WHERE alert_id = :id", id=alert_id)
        if row is not None and not row["key_id"]:
            raise Erased("the record is gone")
        if row is not None:
            return int(row["id"])
        alert = self._one("SELECT contact_id FROM alert WHERE id = :id", id=alert_id)
        if alert is None:
            raise LookupError("no such alert")
        uid = new_uid()
        wrapped, key_id, _ = self._tx.keys.new_contact_key(uid)
        added = self._value(
            "INSERT INTO escalation (uid, alert_id, contact_id, key_wrapped, key_id, opened_at, last_at)"
            " VALUES (:uid, :alert_id, :contact_id, :wrapped, :key_id, :now, :now)"
            " ON CONFLICT (alert_id) DO NOTHING RETURNING id",
            uid=uid,
            alert_id=alert_id,
            contact_id=alert["contact_id"],
            wrapped=wrapped,
            key_id=key_id,
            now=to_ms(now),
        )
        if added is None:
            return self.open_for(alert_id, now)
        self.add(int(added), None, "raised", self._noticed(alert_id) if noticed is None else noticed, now)
        return int(added)

    def _noticed(self, alert_id: int) -> dict[str, Any]:
        alert = self._tx.alerts.get(alert_id)
        assert alert is not None  # noqa: S101 - a foreign key
        return {
            "at": alert.raised_at.isoformat(),
            "tier": alert.tier.value,
            "category": alert.category,
            "rules": list(alert.rules),
            "words": list(alert.matched),
            "card": alert.card,
            "call_for_them": alert.call_for_them,
            "drill": alert.drill,
            "over": alert.closed_at is not None,
        }

    def add(
        self, escalation_id: int, by: int | None, kind: str, fields: Mapping[str, Any], now: datetime
    ) -> int:
        """One line; its id. `by` None: the service wrote it, and it is nobody's deed (see `rungs`: only what a
        person wrote counts as something done).
        """
        self._tx.audit.lock()  # who writes in both logs takes them in one order, and none waits for the other
        head = self._locked_head()
        record = self._row(escalation_id)
        uid = new_uid()
        row: Row = {
            "escalation_id": escalation_id,
            "uid": uid,
            "at": to_ms(now),
            "by_id": by,
            "kind": kind,
            "body": self._box(record).seal(json.dumps(dict(fields)).encode(), "escalation_entry.body", uid),
            "version": _VERSION,
        }
        whose = {
            "record_uid": record["uid"],
            "alert_id": record["alert_id"],
            "contact_id": record["contact_id"],
        }
        following = chained(head["hash"], row | whose)
        added = self._value(
            "INSERT INTO escalation_entry (escalation_id, uid, at, by_id, kind, body, version, hash)"
            " VALUES (:escalation_id, :uid, :at, :by_id, :kind, :body, :version, :hash) RETURNING id",
            **row,
            hash=following,
        )
        self._run("UPDATE escalation SET last_at = :now WHERE id = :id", id=escalation_id, now=to_ms(now))
        end = head | {"count": head["count"] + 1, "hash": following}
        self._set_head(end, is_ours=self.is_ours(head))
        self._tx.wake("screens")
        return int(added)

    def offer_debrief(self, escalation_id: int, now: datetime) -> None:
        """Somebody was offered a talk about it; the first time counts."""
        self._run(
            "UPDATE escalation SET debrief_at = COALESCE(debrief_at, :now) WHERE id = :id",
            id=escalation_id,
            now=to_ms(now),
        )
        self._tx.wake("screens")

    def newest(self, limit: int = 200) -> list[EscalationRecord]:
        """The newest records, without their lines."""
        rows = self._all(
            f"{_RECORDS} WHERE key_id <> '' ORDER BY escalation.id DESC LIMIT :limit", limit=limit
        )
        return [_record(row) for row in rows]

    def for_alert(self, alert_id: int) -> EscalationRecord | None:
        """The alert's record, with its lines."""
        row = self._one(f"{_RECORDS} WHERE alert_id = :id AND key_id <> ''", id=alert_id)
        if row is None:
            return None
        box = self._box(row)
        entries = self._all(
            "SELECT * FROM escalation_entry WHERE escalation_id = :id ORDER BY id", id=row["id"]
        )
        return replace(_record(row), entries=tuple(_entry(box, one) for one in entries))

    # The chain.

    def count(self) -> int:
        """Lines there are."""
        return int(self._value("SELECT count(*) FROM escalation_entry"))

    def prune(self, before: datetime, now: datetime) -> int:
        """Destroy the records that ended before `before`; how many lines went.

        Their keys go at once, so that nobody reads them any more. Their lines go from the oldest on, up to the first
        that must stay, so that what is left is still one chain: one case that goes on keeps no other's words.
        """
        self._locked_head()
        start = self.checkpoint()
        if start is None:
            return 0
        gone = self._run(
            "UPDATE escalation SET key_wrapped = :none, key_id = '' WHERE key_id <> '' AND last_at < :before"
            " AND alert_id IN (SELECT id FROM alert WHERE closed_at < :before"
            " AND (needs_confirm = 0 OR confirmed_at IS NOT NULL))",
            none=b"",
            before=to_ms(before),
        )
        done = self._prefix(to_ms(before))
        if not done and not gone:
            return 0
        last_id, last_hash = (done[-1]["id"], done[-1]["hash"]) if done else (start.last_id, start.hash)
        total, before_at = start.count + len(done), max(to_ms(before), start.before_at)
        self._run("DELETE FROM escalation_entry WHERE id <= :id", id=last_id)
        self._run(
            "INSERT INTO escalation_checkpoint (last_entry_id, count, hash, pruned_at, before_at, signature)"
            " VALUES (:last_id, :count, :hash, :now, :before_at, :signature)",
            last_id=last_id,
            count=total,
            hash=last_hash,
            now=to_ms(now),
            before_at=before_at,
            signature=self._signature("checkpoint", last_id, total, last_hash, before_at),
        )
        for ended in sorted({row["escalation_id"] for row in done}):
            if not self._one("SELECT id FROM escalation_entry WHERE escalation_id = :id LIMIT 1", id=ended):
                self._run("DELETE FROM identity_opening WHERE escalation_id = :id", id=ended)
                self._run("DELETE FROM escalation WHERE id = :id", id=ended)
        self._tx.shred()
        self._tx.wake("screens")
        return len(done)

    def _prefix(self, before: int) -> list[Row]:
        found: list[Row] = []
        for row in self._all(
            "SELECT entry.id, entry.escalation_id, entry.hash, entry.at, escalation.last_at, alert.closed_at,"
            " alert.needs_confirm, alert.confirmed_at FROM escalation_entry entry"
            " JOIN escalation ON escalation.id = entry.escalation_id"
            " JOIN alert ON alert.id = escalation.alert_id ORDER BY entry.id LIMIT :page",
            page=_PAGE,
        ):
            waits = row["closed_at"] is None or (row["needs_confirm"] and row["confirmed_at"] is None)
            if waits or row["last_at"] >= before:
                break
            found.append(row)
        return found

    def checkpoint(self) -> Checkpoint | None:
        """Where the chain begins. None: forged."""
        latest = Checkpoint(last_id=0, count=0, hash=START, before_at=0)
        for row in self._all("SELECT * FROM escalation_checkpoint ORDER BY last_entry_id, id"):
            parts = [
                row["last_entry_id"],
                row["count"],
                row["hash"],
                *[row["before_at"]] * bool(row["before_at"]),
            ]
            if row["signature"] != self._signature("checkpoint", *parts):
                return None
            latest = Checkpoint(
                last_id=row["last_entry_id"],
                count=row["count"],
                hash=row["hash"],
                before_at=row["before_at"],
            )
        return latest

    def begin(self) -> None:
        """Sign the end of the chain, once: from now on it has to be there, and every new alert has a record."""
        head = self._one("SELECT * FROM escalation_head WHERE id = 1 {for_update}")
        if head is None or head["since_alert"] is not None:
            return
        is_new = not head["signature"] and self._one("SELECT id FROM escalation_entry LIMIT 1") is None
        if not is_new and head["signature"] != self._signature("head", head["count"], head["hash"]):
            return  # not ours: it stays so, and shows
        since = int(self._value("SELECT MAX(id) FROM alert") or 0)
        self._set_head(head | {"hash": START if is_new else head["hash"], "since_alert": since}, is_ours=True)

    def is_ours(self, head: Row) -> bool:
        """Whether this end of the chain was signed by us."""
        signed = self._signature("head", head["count"], head["hash"], head["since_alert"] or 0)
        return head["since_alert"] is not None and bool(head["signature"] == signed)

    def _locked_head(self) -> Row:
        """The end of the chain. One that somebody took away or changed is gone on from, and never signed again."""
        for _ in range(2):
            head = self._one("SELECT * FROM escalation_head WHERE id = 1 {for_update}")
            if head is not None and head["since_alert"] is not None:
                return head
            self._run(
                "INSERT INTO escalation_head (id, count, hash, signature, since_alert)"
                " VALUES (1, 0, :hash, :none, 0) ON CONFLICT (id) DO NOTHING",
                hash=START,
                none=b"",
            )
            self.begin()
        assert head is not None  # noqa: S101 - inserted above
        return head

    def _set_head(self, head: Row, *, is_ours: bool) -> None:
        self._run(
            "UPDATE escalation_head SET count = :count, hash = :hash, since_alert = :since,"
            " signature = :signature WHERE id = 1",
            count=head["count"],
            hash=head["hash"],
            since=head["since_alert"],
            signature=self._signature("head", head["count"], head["hash"], head["since_alert"])
            if is_ours
            else b"",
        )

    def _signature(self, what: str, *parts: int | bytes) -> bytes:
        plain = [part.hex() if isinstance(part, bytes) else part for part in parts]
        return self._tx.keys.hash(f"escalation_{what}", *plain)

    def _row(self, escalation_id: int) -> Row:
        row = self._one("SELECT * FROM escalation WHERE id = :id", id=escalation_id)
        if row is None:
            raise LookupError("no such record")
        return row

    def _box(self, row: Row) -> Box:
        return self._tx.keys.contact_box(row["key_wrapped"], row["uid"])


def _record(row: Row) -> EscalationRecord:
    return EscalationRecord(
        id=row["id"],
        alert_id=row["alert_id"],
        contact_id=row["contact_id"],
        opened_at=from_ms(row["opened_at"]),
        last_at=from_ms(row["last_at"]),
        debrief_at=from_ms_or_none(row["debrief_at"]),
        drill=bool(row["drill"]),
    )


def _entry(box: Box, row: Row) -> EscalationEntry:
    return EscalationEntry(
        id=row["id"],
        at=from_ms(row["at"]),
        by=row["by_id"],
        kind=row["kind"],
        fields=json.loads(box.open(row["body"], "escalation_entry.body", row["uid"])),
    )
