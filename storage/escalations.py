"""Records of serious cases: only ever added to, each sealed with a key of its own, chained over the ciphertext.

Deleting a student's words leaves the record, because its key is another one. The chain's head and the checkpoints
that pruning leaves are signed with a key that the database does not hold: who changes, moves or takes away a line
there cannot make the chain fit again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from storage.engine import Row
from storage.errors import WrongKey
from storage.ladder_records import EscalationEntry, EscalationRecord
from storage.sealing import Box, new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

_START = b"\0" * 32
_PAGE = 500
_RECORDS = "SELECT escalation.*, alert.drill FROM escalation JOIN alert ON alert.id = escalation.alert_id"


def _chained(before: bytes, row: Row) -> bytes:
    fields = [row["escalation_id"], row["uid"].hex(), row["at"], row["by_id"], row["kind"]]
    sealed = hashlib.sha256(row["body"]).digest()
    return hashlib.sha256(before + json.dumps(fields).encode() + sealed).digest()


class Escalations(Store):
    """One record per alert."""

    def open_for(self, alert_id: int, now: datetime) -> int:
        """The alert's record; opened if there is none. Raises LookupError for an alert that is not there."""
        row = self._one("SELECT id FROM escalation WHERE alert_id = :id", id=alert_id)
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
        return int(added) if added is not None else self.open_for(alert_id, now)

    def add(
        self, escalation_id: int, by: int | None, kind: str, fields: Mapping[str, Any], now: datetime
    ) -> int:
        """One line; its id. `by` None is the system."""
        count, head = self._locked_head()
        record = self._row(escalation_id)
        uid = new_uid()
        row: Row = {
            "escalation_id": escalation_id,
            "uid": uid,
            "at": to_ms(now),
            "by_id": by,
            "kind": kind,
            "body": self._box(record).seal(json.dumps(dict(fields)).encode(), "escalation_entry.body", uid),
        }
        following = _chained(head, row)
        added = self._value(
            "INSERT INTO escalation_entry (escalation_id, uid, at, by_id, kind, body, hash)"
            " VALUES (:escalation_id, :uid, :at, :by_id, :kind, :body, :hash) RETURNING id",
            **row,
            hash=following,
        )
        self._run("UPDATE escalation SET last_at = :now WHERE id = :id", id=escalation_id, now=to_ms(now))
        self._set_head(count + 1, following)
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
        rows = self._all(f"{_RECORDS} ORDER BY escalation.id DESC LIMIT :limit", limit=limit)
        return [_record(row) for row in rows]

    def for_alert(self, alert_id: int) -> EscalationRecord | None:
        """The alert's record, with its lines."""
        row = self._one(f"{_RECORDS} WHERE alert_id = :id", id=alert_id)
        if row is None:
            return None
        box = self._box(row)
        entries = self._all(
            "SELECT * FROM escalation_entry WHERE escalation_id = :id ORDER BY id", id=row["id"]
        )
        return replace(_record(row), entries=tuple(_entry(box, one) for one in entries))

    # The chain.

    def verify(self) -> list[str]:
        """What is wrong with the chain, a sentence each; empty: no line was changed, moved, or taken out."""
        start = self._checkpoint()
        if start is None:
            return ["a checkpoint of what was pruned is not ours"]
        last_id, count, current = start
        if self._one("SELECT id FROM escalation_entry WHERE id <= :id LIMIT 1", id=last_id):
            return ["there are lines older than what was pruned"]
        while True:
            rows = self._all(
                "SELECT * FROM escalation_entry WHERE id > :last_id ORDER BY id LIMIT :page",
                last_id=last_id,
                page=_PAGE,
            )
            for row in rows:
                current = _chained(current, row)
                if current != row["hash"]:
                    return [f"line {row['id']} was changed, or one before it was taken out"]
                last_id, count = row["id"], count + 1
            if len(rows) < _PAGE:
                break
        return self._wrong_head(count, current) + self._unreadable()

    def _wrong_head(self, count: int, current: bytes) -> list[str]:
        head = self._one("SELECT * FROM escalation_head WHERE id = 1")
        if head is None:
            return [] if count == 0 else ["the end of the chain is gone"]
        if head["signature"] != self._signature("head", head["count"], head["hash"]):
            return ["the end of the chain is not signed by us"]
        if (head["count"], head["hash"]) != (count, current):
            return ["lines at the end were taken out"]
        return []

    def _unreadable(self) -> list[str]:
        found = []
        for record in self._all("SELECT * FROM escalation ORDER BY id"):
            try:
                self.for_alert(record["alert_id"])
            except WrongKey:
                found.append(f"record {record['id']} cannot be opened with our keys")
        return found

    def count(self) -> int:
        """Lines there are."""
        return int(self._value("SELECT count(*) FROM escalation_entry"))

    def prune(self, before: datetime, now: datetime) -> int:
        """Destroy the oldest lines: those before `before` whose records have ended; how many.

        The first line that must stay ends it, so that what is left is still one chain.
        """
        self._locked_head()
        start = self._checkpoint()
        if start is None:
            return 0
        done = self._prefix(to_ms(before))
        if not done:
            return 0
        last, total = done[-1], start[1] + len(done)
        self._run("DELETE FROM escalation_entry WHERE id <= :id", id=last["id"])
        self._run(
            "INSERT INTO escalation_checkpoint (last_entry_id, count, hash, pruned_at, signature)"
            " VALUES (:last_id, :count, :hash, :now, :signature)",
            last_id=last["id"],
            count=total,
            hash=last["hash"],
            now=to_ms(now),
            signature=self._signature("checkpoint", last["id"], total, last["hash"]),
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

    def _checkpoint(self) -> tuple[int, int, bytes] | None:
        """Where the chain begins: the last line that was pruned, how many there were, its hash. None: forged."""
        latest = (0, 0, _START)
        for row in self._all("SELECT * FROM escalation_checkpoint ORDER BY last_entry_id"):
            signed = self._signature("checkpoint", row["last_entry_id"], row["count"], row["hash"])
            if row["signature"] != signed:
                return None
            latest = (row["last_entry_id"], row["count"], row["hash"])
        return latest

    def _locked_head(self) -> tuple[int, bytes]:
        self._run(
            "INSERT INTO escalation_head (id, count, hash, signature) VALUES (1, 0, :hash, :signature)"
            " ON CONFLICT (id) DO NOTHING",
            hash=_START,
            signature=self._signature("head", 0, _START),
        )
        row = self._one("SELECT count, hash FROM escalation_head WHERE id = 1 {for_update}")
        assert row is not None  # noqa: S101 - inserted above
        return row["count"], row["hash"]

    def _set_head(self, count: int, head: bytes) -> None:
        self._run(
            "UPDATE escalation_head SET count = :count, hash = :hash, signature = :signature WHERE id = 1",
            count=count,
            hash=head,
            signature=self._signature("head", count, head),
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
