"""Whether the records of serious cases are still what was written: the chain of their lines, its signed ends, and
what stands beside the records and must agree with them. It says what is wrong, and mends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from storage.engine import Row
from storage.errors import WrongKey
from storage.escalations import chained
from storage.ladder_records import Checkpoint
from storage.store import Store

_PAGE = 500
_LINES = (
    "SELECT entry.*, escalation.uid AS record_uid, escalation.alert_id, escalation.contact_id"
    " FROM escalation_entry entry JOIN escalation ON escalation.id = entry.escalation_id"
)


class RecordProof(Store):
    """Read in one unchanging state of the database."""

    def verify(self) -> list[str]:
        """What is wrong, a sentence each; empty: no line and no record was changed, moved, or taken out."""
        start = self._tx.escalations.checkpoint()
        if start is None:
            return ["a checkpoint of what was pruned is not ours"]
        if self._one("SELECT id FROM escalation_entry WHERE id <= :id LIMIT 1", id=start.last_id):
            return ["there are lines older than what was pruned"]
        count, current = start.count, start.hash
        for row in self._lines(start.last_id):
            current, count = chained(current, row), count + 1
            if current != row["hash"]:
                return [f"line {row['id']} was changed or moved, or one before it was taken out"]
        return [*self._of_the_end(count, current, start), *self._of_records(start)]

    def _lines(self, last_id: int) -> Iterator[Row]:
        while True:
            rows = self._all(
                _LINES + " WHERE entry.id > :last_id ORDER BY entry.id LIMIT :page",
                last_id=last_id,
                page=_PAGE,
            )
            yield from rows
            if len(rows) < _PAGE:
                return
            last_id = rows[-1]["id"]

    def _of_the_end(self, count: int, current: bytes, start: Checkpoint) -> list[str]:
        head = self._one("SELECT * FROM escalation_head WHERE id = 1")
        if head is None:
            return ["the end of the chain is gone"]
        if not self._tx.escalations.is_ours(head):
            return ["the end of the chain is not signed by us"]
        if (head["count"], head["hash"]) != (count, current):
            return ["lines at the end were taken out"]
        without = self._all(
            "SELECT alert.id FROM alert LEFT JOIN escalation ON escalation.alert_id = alert.id"
            " WHERE alert.id > :since AND escalation.id IS NULL"
            " AND (alert.closed_at IS NULL OR alert.closed_at >= :before) ORDER BY alert.id",
            since=head["since_alert"],
            before=start.before_at,
        )
        return [f"the record of alert {row['id']} is gone" for row in without]

    # What stands beside the records.

    def _of_records(self, start: Checkpoint) -> Iterator[str]:
        for record in self._all(
            "SELECT escalation.*, alert.closed_at, alert.closed_by, alert.needs_confirm, alert.confirmed_at,"
            " alert.confirmed_by FROM escalation JOIN alert ON alert.id = escalation.alert_id ORDER BY escalation.id"
        ):
            if not record["key_id"] and self._is_old(record, start):
                continue  # nobody is to read it any more
            try:
                lines = self._opened(record)
            except WrongKey:
                yield f"record {record['id']} cannot be opened with our keys"
                continue
            begins = bool(lines) and lines[0]["kind"] == "raised"  # none of it was pruned
            from_the_start = begins and lines[0]["version"] > 1 and not lines[0]["fields"].get("over")
            if not self._closing_agrees(record, lines, is_all=from_the_start):
                yield f"alert {record['alert_id']} was not closed or confirmed as its record says"
            if not self._openings_agree(record, lines, is_all=begins):
                yield f"who opened or reviewed the identity is not what record {record['id']} says"

    def _is_old(self, record: Row, start: Checkpoint) -> bool:
        last = self._value("SELECT MAX(at) FROM escalation_entry WHERE escalation_id = :id", id=record["id"])
        return record["closed_at"] is not None and max(last or 0, record["closed_at"]) < start.before_at

    def _opened(self, record: Row) -> list[Row]:
        box = self._tx.keys.contact_box(record["key_wrapped"], record["uid"])
        rows = self._all(
            "SELECT * FROM escalation_entry WHERE escalation_id = :id ORDER BY id", id=record["id"]
        )
        return [
            row | {"fields": json.loads(box.open(row["body"], "escalation_entry.body", row["uid"]))}
            for row in rows
        ]

    @staticmethod
    def _closing_agrees(alert: Row, lines: list[Row], *, is_all: bool) -> bool:
        """Whether the alert was closed by whom and when its record says, and confirmed likewise. `is_all` False:
        the record may have begun before such lines were written, or lost its first ones to age.
        """
        closed = [
            (line["at"], line["fields"].get("staff"), int(line["fields"]["to_confirm"]))
            for line in lines
            if line["kind"] == "closed"
        ]
        confirmed = [(line["at"], line["by_id"]) for line in lines if line["kind"] == "closure_confirmed"]
        as_closed = (alert["closed_at"], alert["closed_by"], alert["needs_confirm"])
        as_confirmed = (alert["confirmed_at"], alert["confirmed_by"])
        if (closed or (is_all and alert["closed_at"] is not None)) and closed != [as_closed]:
            return False
        if confirmed or (is_all and alert["confirmed_at"] is not None):
            return confirmed == [as_confirmed]
        return True

    def _openings_agree(self, record: Row, lines: list[Row], *, is_all: bool) -> bool:
        """Whether each opened identity has its line, and each line its opening; and reviews likewise."""
        rows = self._all("SELECT * FROM identity_opening WHERE escalation_id = :id", id=record["id"])
        opened = {(row["opened_at"], row["opened_by"]) for row in rows}
        reviewed = {
            (row["reviewed_at"], row["reviewed_by"], row["verdict"]) for row in rows if row["reviewed_at"]
        }
        said = {(line["at"], line["by_id"]) for line in lines if line["kind"] == "identity_opened"}
        judged = {
            (line["at"], line["by_id"], line["fields"].get("verdict"))
            for line in lines
            if line["kind"] == "identity_reviewed"
        }
        if is_all:
            return said == opened and judged == reviewed
        return said <= opened and judged <= reviewed
