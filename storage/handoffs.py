"""Handoffs: who waits, and who has whom. Reads the conversations' rows, never a transcript."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.conversation import Status, Tier
from storage.engine import Row
from storage.records import Place, QueueRow
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

_COLUMNS = (
    "SELECT conversation.contact_id, conversation.uid AS row_uid, conversation.summary, conversation.status,"
    " conversation.tier, conversation.category, conversation.language, conversation.opened_at,"
    " conversation.last_inbound_at, conversation.claimed_by, conversation.parked_at, conversation.paused,"
    " conversation.elsewhere, conversation.offered_to, conversation.offered_at,"
    " contact.uid, contact.key_wrapped, contact.last_entry_id, contact.unread"
    " FROM conversation JOIN contact ON contact.id = conversation.contact_id WHERE "
)
_MAY_KNOCK = (
    "(conversation.knocked_at IS NULL OR (conversation.knocked_at <= :quiet_until"
    " AND (conversation.last_inbound_at > conversation.knocked_at"
    " OR conversation.opened_at > conversation.knocked_at))) AND contact.drill = 0"
)
_ORDER = " ORDER BY conversation.opened_at, conversation.contact_id"


class Handoffs(Store):
    """The queue. Its order is decided by `bot.triage`; here it is the order of opening.

    What is asked all the time names one status and leaves sorting to us: an order by contact would have SQLite walk
    through every conversation there has ever been instead of the open ones' index.
    """

    def places(self) -> list[Place]:
        """The waiting handoffs, as the order needs them. A drill's is not among them: it keeps no student waiting."""
        rows = self._all(
            "SELECT contact_id, tier, opened_at, last_inbound_at FROM conversation"
            " WHERE status = 'waiting' AND contact_id NOT IN (SELECT id FROM contact WHERE drill = 1)"
            " ORDER BY opened_at, contact_id"
        )
        return [
            Place(
                contact_id=row["contact_id"],
                tier=Tier(row["tier"]),
                opened_at=from_ms(row["opened_at"]),
                last_inbound_at=from_ms_or_none(row["last_inbound_at"]),
            )
            for row in rows
        ]

    def queue(self) -> list[QueueRow]:
        """The waiting handoffs."""
        return self._rows("conversation.status = 'waiting'")

    def claimed(self) -> list[QueueRow]:
        """Those that somebody has."""
        return self._rows("conversation.status = 'claimed'")

    def mine(self, supporter_id: int) -> list[QueueRow]:
        """Those that this supporter has."""
        return self._rows(
            "conversation.status = 'claimed' AND conversation.claimed_by = :by", by=supporter_id
        )

    def row(self, contact_id: int) -> QueueRow | None:
        """This contact's open handoff; None if there is none."""
        rows = self._rows(
            "conversation.contact_id = :contact_id AND conversation.status IN ('waiting', 'claimed')",
            contact_id=contact_id,
        )
        return rows[0] if rows else None

    def open_count(self, supporter_id: int) -> int:
        """How many this supporter has; parked ones do not count. For write transactions: whoever else asks for the
        same person waits until this one ends, so that two clicks at once do not pass the cap.
        """
        self._one("SELECT id FROM staff WHERE id = :by {for_update}", by=supporter_id)
        return int(
            self._value(
                "SELECT count(*) FROM conversation"
                " WHERE status = 'claimed' AND claimed_by = :by AND parked_at IS NULL",
                by=supporter_id,
            )
        )

    def offered_to(self, staff_id: int) -> list[QueueRow]:
        """Those that this person is asked to take."""
        return self._rows(
            "conversation.status = 'claimed' AND conversation.offered_to = :staff_id", staff_id=staff_id
        )

    def offers(self, before: datetime) -> list[tuple[int, int, datetime]]:
        """Questions to colleagues that were asked before then and wait for an answer: contact, who is asked, when."""
        rows = self._all(
            "SELECT contact_id, offered_to, offered_at FROM conversation"
            " WHERE status = 'claimed' AND offered_to IS NOT NULL AND offered_at <= :before ORDER BY contact_id",
            before=to_ms(before),
        )
        return [(row["contact_id"], row["offered_to"], from_ms(row["offered_at"])) for row in rows]

    def lapsed_offers(self, before: datetime) -> list[int]:
        """Whose question to a colleague was asked before then: contacts."""
        rows = self._all(
            "SELECT contact_id FROM conversation WHERE offered_to IS NOT NULL AND offered_at <= :before",
            before=to_ms(before),
        )
        return sorted(row["contact_id"] for row in rows)

    def left_behind(self, seen_before: datetime) -> list[tuple[int, int]]:
        """Conversations whose holder went off duty, or has had no console open since then: contact, staff id.

        Whoever took one after that was there to take it. Closed accounts are `abandoned`'s.
        """
        rows = self._all(
            "SELECT conversation.contact_id, staff.id FROM conversation"
            " JOIN staff ON staff.id = conversation.claimed_by"
            " WHERE conversation.status = 'claimed' AND staff.disabled_at IS NULL"
            " AND ((staff.duty = 'off' AND conversation.claimed_at <= staff.duty_at)"
            " OR (COALESCE(staff.seen_at, 0) < :before AND conversation.claimed_at < :before))",
            before=to_ms(seen_before),
        )
        return sorted((row["contact_id"], row["id"]) for row in rows)

    def knocking(self, quiet_until: datetime) -> list[QueueRow]:
        """Who wrote, or came, since people were last pushed about them: those who wait, and those somebody has who
        has not read it. Danger that waits is the ladder's.

        Nobody is pushed about the same student again before a while (`quiet_until`) has passed.
        """
        rows = [
            row
            for some in (
                "conversation.status = 'waiting' AND conversation.tier IN ('none', 'elevated')",
                "conversation.status = 'claimed' AND contact.unread > 0",
            )
            for row in self._rows(f"{some} AND {_MAY_KNOCK}", quiet_until=to_ms(quiet_until))
        ]
        return sorted(rows, key=lambda row: (row.opened_at, row.contact_id))

    def knocked(self, contact_ids: list[int], now: datetime) -> None:
        """People are being pushed about these."""
        self._run_of(
            "UPDATE conversation SET knocked_at = :now WHERE contact_id IN {each}",
            contact_ids,
            now=to_ms(now),
        )

    def abandoned(self) -> list[tuple[int, int]]:
        """Conversations that somebody has whose account was closed meanwhile: contact, staff id."""
        rows = self._all(
            "SELECT conversation.contact_id, staff.id FROM conversation"
            " JOIN staff ON staff.id = conversation.claimed_by"
            " WHERE conversation.status = 'claimed' AND staff.disabled_at IS NOT NULL"
        )
        return sorted((row["contact_id"], row["id"]) for row in rows)

    def finish(self, contact_id: int, number: int, outcome: str, by: int | None, now: datetime) -> None:
        """Say how a handoff ended; `outcome` is a code. The conversation itself is saved elsewhere."""
        self._run(
            "UPDATE handoff SET outcome = :outcome, closed_by = :by, closed_at = :now"
            " WHERE contact_id = :contact_id AND number = :number",
            contact_id=contact_id,
            number=number,
            outcome=outcome,
            by=by,
            now=to_ms(now),
        )
        self._tx.wake("screens")

    def set_about(self, contact_id: int, number: int, about: Mapping[str, Any]) -> None:
        """What it was about, and whom the student was shown the way to; sealed. Raises Erased."""
        uid = new_uid()
        self._run(
            "UPDATE handoff SET about = :about, about_uid = :uid"
            " WHERE contact_id = :contact_id AND number = :number",
            contact_id=contact_id,
            number=number,
            uid=uid,
            about=self._tx.box(contact_id).seal(json.dumps(about).encode(), "handoff.about", uid),
        )

    def about(self, contact_id: int, number: int) -> dict[str, Any]:
        """What `set_about` kept; empty where nothing was."""
        row = self._one(
            "SELECT about, about_uid FROM handoff WHERE contact_id = :contact_id AND number = :number",
            contact_id=contact_id,
            number=number,
        )
        if row is None or row["about"] is None:
            return {}
        kept: dict[str, Any] = json.loads(
            self._tx.box(contact_id).open(row["about"], "handoff.about", row["about_uid"])
        )
        return kept

    def last_change(self) -> int:
        """Another number whenever something that staff see has changed."""
        return int(self._value("SELECT SUM(number) FROM change"))

    def _rows(self, condition: str, **parameters: int) -> list[QueueRow]:
        found = self._all(
            _COLUMNS + condition + " AND contact.key_wrapped IS NOT NULL" + _ORDER, **parameters
        )
        return [self._opened(row) for row in found]

    def _opened(self, row: Row) -> QueueRow:
        box = self._tx.keep_box(row["contact_id"], row)
        shown = json.loads(box.open(row["summary"], "conversation.summary", row["row_uid"]))
        return QueueRow(
            contact_id=row["contact_id"],
            alias=shown["alias"],
            status=Status(row["status"]),
            tier=Tier(row["tier"]),
            category=row["category"],
            language=row["language"],
            topic=shown["topic"],
            campus=shown["campus"],
            for_whom=shown["for_whom"],
            opened_at=from_ms(row["opened_at"]),
            last_inbound_at=from_ms_or_none(row["last_inbound_at"]),
            last_entry_id=row["last_entry_id"],
            unread=row["unread"],
            claimed_by=row["claimed_by"],
            claimed_alias=shown["claimed_alias"],
            parked=row["parked_at"] is not None,
            paused=bool(row["paused"]),
            elsewhere=bool(row["elsewhere"]),
            unanswered=shown.get("unanswered", True),
            wants_gender=shown.get("helper_gender"),
            known_to=tuple(shown.get("known_to", ())),
            passed_by=tuple(shown.get("passed_by", ())),
            muted_by=tuple(shown.get("muted_by", ())),
            offered_to=row["offered_to"],
            offered_alias=shown.get("offered_alias"),
            offered_at=from_ms_or_none(row["offered_at"]),
            refused=shown.get("refused"),
            left=shown.get("left", False),
        )
