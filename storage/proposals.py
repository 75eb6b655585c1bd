"""Sets that wait for a second person. They keep their texts beside those that are published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot import versions
from bot.versions import Plan
from storage.engine import Row
from storage.published import opened_why
from storage.publishing_records import Origin, Proposal, State
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms


class Proposals(Store):
    """Open ones and decided ones."""

    def add(
        self,
        files: Mapping[str, str],
        *,
        base: int,
        by: int,
        why: str,
        origin: Origin,
        plan: Plan,
        reasons: Sequence[str],
        now: datetime,
    ) -> int:
        """A new one; its id."""
        uid = new_uid()
        hashes = self._tx.published.keep_texts(files)
        proposal_id = int(
            self._value(
                "INSERT INTO proposal (uid, base, at, by_id, why, origin, plan, reasons)"
                " VALUES (:uid, :base, :at, :by, :why, :origin, :plan, :reasons) RETURNING id",
                uid=uid,
                base=base,
                at=to_ms(now),
                by=by,
                why=self._tx.keys.seal(why, "proposal.why", uid),
                origin=origin,
                plan=versions.to_json(plan),
                reasons=json.dumps(list(reasons)),
            )
        )
        self._run_from(
            "INSERT INTO proposal_file (proposal_id, name, text_hash) {rows}",
            [
                {"proposal_id": proposal_id, "name": name, "hash": bytes.fromhex(hash)}
                for name, hash in sorted(hashes.items())
            ],
        )
        self._tx.wake("screens")
        return proposal_id

    def get(self, proposal_id: int) -> Proposal | None:
        """One of them."""
        row = self._one("SELECT * FROM proposal WHERE id = :id", id=proposal_id)
        return self._opened(row) if row else None

    def open(self) -> list[Proposal]:
        """Those that wait, the oldest first."""
        return [
            self._opened(row) for row in self._all("SELECT * FROM proposal WHERE state = 'open' ORDER BY id")
        ]

    def files(self, proposal_id: int) -> dict[str, str]:
        """Its files as text. Raises StorageError when one is missing or damaged."""
        rows = self._all("SELECT name, text_hash FROM proposal_file WHERE proposal_id = :id", id=proposal_id)
        hashes = {row["name"]: bytes(row["text_hash"]).hex() for row in rows}
        texts = self._tx.published.texts(hashes.values())
        return {name: texts[hash] for name, hash in sorted(hashes.items())}

    def decide(
        self, proposal_id: int, by: int, state: State, now: datetime, *, number: int | None = None
    ) -> bool:
        """Close an open one. False: somebody else was first."""
        changed = self._run(
            "UPDATE proposal SET state = :state, decided_by = :by, decided_at = :now, number = :number"
            " WHERE id = :id AND state = 'open'",
            id=proposal_id,
            state=state,
            by=by,
            now=to_ms(now),
            number=number,
        )
        if changed:
            self._tx.wake("screens")
        return bool(changed)

    def _opened(self, row: Row) -> Proposal:
        return Proposal(
            id=row["id"],
            base=row["base"],
            at=from_ms(row["at"]),
            by=row["by_id"],
            why=opened_why(self, row, "proposal.why"),
            origin=row["origin"],
            plan=versions.from_json(row["plan"]),
            reasons=tuple(json.loads(row["reasons"])),
            state=row["state"],
            decided_by=row["decided_by"],
            decided_at=from_ms_or_none(row["decided_at"]),
            number=row["number"],
        )
