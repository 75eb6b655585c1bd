"""Conversations: one row per contact, everything in it sealed but what the queue is sorted and found by."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot import conversation as model
from bot.conversation import Conversation, Handoff, Status
from storage import aliases
from storage.engine import Row
from storage.errors import Erased
from storage.publishing_records import Underway
from storage.sealing import new_uid
from storage.store import Store
from storage.times import ms_or_none, to_ms

if TYPE_CHECKING:
    from storage.tx import Tx

_SHOWN_ANSWERS = (
    "topic",
    "campus",
    "for_whom",
    "helper_gender",
)  # what a line in the queue shows or is routed by

_SAVE = """INSERT INTO conversation (contact_id, uid, body, summary, alias_hash, status, tier, category, language,
    handoff_number, opened_at, claimed_by, claimed_at, last_inbound_at, closed_at, parked_at, updated_at, paused,
    elsewhere, offered_to, offered_at, flow_set)
{rows}
ON CONFLICT (contact_id) DO UPDATE SET uid = excluded.uid, body = excluded.body, summary = excluded.summary,
    alias_hash = excluded.alias_hash, status = excluded.status, tier = excluded.tier,
    category = excluded.category, language = excluded.language, handoff_number = excluded.handoff_number,
    opened_at = excluded.opened_at, claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at,
    last_inbound_at = excluded.last_inbound_at, closed_at = excluded.closed_at, parked_at = excluded.parked_at,
    updated_at = excluded.updated_at, paused = excluded.paused, elsewhere = excluded.elsewhere,
    flow_set = excluded.flow_set, offered_to = excluded.offered_to, offered_at = excluded.offered_at,
    forgotten_at = NULL,
    knocked_at = CASE WHEN conversation.status = 'claimed' AND excluded.status = 'waiting' THEN NULL
        ELSE conversation.knocked_at END"""

# Columns that indices are over: while they stay as they are, the others are written for a fourth of the price.
_SORTED_BY = (
    "status",
    "alias_hash",
    "opened_at",
    "claimed_by",
    "closed_at",
    "offered_to",
    "offered_at",
    "flow_set",
)

_SAVE_WITHIN = """UPDATE conversation SET uid = :uid, body = :body, summary = :summary, tier = :tier,
    category = :category, language = :language, handoff_number = :handoff_number, claimed_at = :claimed_at,
    last_inbound_at = :last_inbound_at, parked_at = :parked_at, updated_at = :updated_at, paused = :paused,
    elsewhere = :elsewhere
WHERE contact_id = :contact_id"""

_SAVE_HANDOFF = """INSERT INTO handoff (contact_id, number, opened_at, tier, category, rules, claimed_by, claimed_at,
    parked_at, answered_at)
VALUES (:contact_id, :number, :opened_at, :tier, :category, :rules, :claimed_by, :claimed_at, :parked_at,
    :answered_at)
ON CONFLICT (contact_id, number) DO UPDATE SET tier = excluded.tier, category = excluded.category,
    rules = excluded.rules, claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at,
    parked_at = excluded.parked_at, answered_at = excluded.answered_at"""


class Conversations(Store):
    """The state of each contact."""

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx)
        self._rows: dict[int, Row | None] = {}  # looked up, and not changed since
        self._drawn: set[str] = set()  # aliases given out in this transaction

    def get(self, contact_id: int, now: datetime) -> Conversation:
        """The contact's conversation, a fresh one if there is none. Raises Erased.

        A fresh one, and a closed one that may be about to open again, has an alias that nobody open has now.
        """
        found = self.peek(contact_id)
        if found is None:
            self._tx.box(contact_id)
            return Conversation(contact_id=contact_id, alias=self._new_alias(contact_id), started_at=now)
        if found.status is Status.CLOSED and self._is_taken(found.alias, contact_id):
            return replace(found, alias=self._new_alias(contact_id))
        return found

    def look_up(self, ids: Collection[int]) -> None:
        """Read the conversations of these contacts, whom nobody else can change now, for `get` and `peek`."""
        rows = self._all_of(
            f"SELECT contact_id, uid, body, forgotten_at, {', '.join(_SORTED_BY)} FROM conversation"  # noqa: S608
            " WHERE contact_id IN {each}",
            ids,
        )
        self._rows = {contact_id: None for contact_id in ids} | {row["contact_id"]: row for row in rows}

    def peek(self, contact_id: int) -> Conversation | None:
        """The contact's conversation as it stands; None if there is none, or the contact is erased."""
        if contact_id in self._rows:
            row = self._rows[contact_id]
        else:
            row = self._one("SELECT uid, body FROM conversation WHERE contact_id = :id", id=contact_id)
        if row is None:
            return None
        try:
            box = self._tx.box(contact_id)
        except Erased:
            return None
        return model.from_json(box.open(row["body"], "conversation.body", row["uid"]))

    def underway(self) -> list[Underway]:
        """Everybody in the middle of a flow, drills apart. Opens each, so not for every page."""
        rows = self._all(
            "SELECT contact_id, contact.uid, key_wrapped FROM conversation"
            " JOIN contact ON contact.id = contact_id"
            " WHERE (flow_set IS NOT NULL OR status = 'bot') AND contact.drill = 0 AND contact.key_wrapped IS NOT NULL"
        )
        for row in rows:
            self._tx.note_key(row["contact_id"], row)
        self.look_up([row["contact_id"] for row in rows])
        return [
            Underway(flow_set=found.flow_set, state=found.flow, last_inbound_at=found.last_inbound_at)
            for row in rows
            if (found := self.peek(row["contact_id"])) is not None and found.flow is not None
        ]

    def save(self, conversation: Conversation, now: datetime) -> None:
        """Keep this state, and the open handoff's columns with it. Raises Erased."""
        self.save_all([conversation], now)

    def save_all(self, conversations: Sequence[Conversation], now: datetime) -> None:
        """As `save`, for different contacts."""
        within: list[dict[str, object]] = []
        others: list[dict[str, object]] = []
        for conversation in conversations:
            row = self._row(conversation, now)
            (within if self._stays_in_place(row) else others).append(row)
        self._run_each(_SAVE_WITHIN, within)
        self._run_from(_SAVE, others)
        for conversation in conversations:
            self._rows.pop(conversation.contact_id, None)
            if conversation.handoff is not None:
                self._save_handoff(conversation.contact_id, conversation.handoff)
        if conversations:
            self._tx.wake("screens")

    def _stays_in_place(self, row: Mapping[str, object]) -> bool:
        """Whether the row that was looked up differs from this one in no column that an index is over."""
        known = self._rows.get(row["contact_id"])  # type: ignore[call-overload]
        return (
            known is not None
            and known["forgotten_at"] is None
            and all(known[name] == row[name] for name in _SORTED_BY)
        )

    def _row(self, conversation: Conversation, now: datetime) -> dict[str, object]:
        uid, box = new_uid(), self._tx.box(conversation.contact_id)
        handoff = conversation.handoff if conversation.has_people else None
        return {
            "contact_id": conversation.contact_id,
            "uid": uid,
            "body": box.seal(model.to_json(conversation), "conversation.body", uid),
            "summary": box.seal(_summary(conversation, handoff), "conversation.summary", uid),
            "alias_hash": self._tx.keys.hash("alias", conversation.alias),
            "status": conversation.status.value,
            "tier": conversation.tier.value,
            "category": handoff.category if handoff else None,
            "language": conversation.language,
            "handoff_number": handoff.number if handoff else None,
            "opened_at": to_ms(handoff.opened_at) if handoff else None,
            "claimed_by": handoff.claimed_by if handoff else None,
            "claimed_at": ms_or_none(handoff.claimed_at) if handoff else None,
            "last_inbound_at": ms_or_none(conversation.last_inbound_at),
            "closed_at": ms_or_none(conversation.closed_at),
            "parked_at": ms_or_none(handoff.parked_at) if handoff else None,
            "updated_at": to_ms(now),
            "paused": int(conversation.needs_confirming),
            "elsewhere": int(conversation.elsewhere_since is not None),
            "offered_to": handoff.offer.to if handoff and handoff.offer else None,
            "offered_at": to_ms(handoff.offer.at) if handoff and handoff.offer else None,
            "flow_set": conversation.flow_set if conversation.flow else None,
        }

    def _save_handoff(self, contact_id: int, handoff: Handoff) -> None:
        self._run(
            _SAVE_HANDOFF,
            contact_id=contact_id,
            number=handoff.number,
            opened_at=to_ms(handoff.opened_at),
            tier=handoff.tier.value,
            category=handoff.category,
            rules=json.dumps(handoff.rules),
            claimed_by=handoff.claimed_by,
            claimed_at=ms_or_none(handoff.claimed_at),
            parked_at=ms_or_none(handoff.parked_at),
            answered_at=ms_or_none(handoff.answered_at),
        )

    def _new_alias(self, contact_id: int) -> str:
        alias = aliases.pick(lambda alias: alias in self._drawn or self._is_taken(alias, contact_id))
        self._drawn.add(alias)  # taken from now on, though perhaps not saved yet
        return alias

    def _is_taken(self, alias: str, contact_id: int) -> bool:
        """Whether another conversation that is not closed has this alias."""
        row = self._one(
            "SELECT contact_id FROM conversation"
            " WHERE alias_hash = :hash AND status <> 'closed' AND contact_id <> :contact_id LIMIT 1",
            hash=self._tx.keys.hash("alias", alias),
            contact_id=contact_id,
        )
        return row is not None


def _summary(conversation: Conversation, handoff: Handoff | None) -> bytes:
    shown: dict[str, object] = {name: conversation.answers.get(name) for name in _SHOWN_ANSWERS}
    shown["alias"] = conversation.alias
    shown["claimed_alias"] = handoff.claimed_alias if handoff else None
    shown["known_to"] = conversation.known_to
    if handoff:
        shown["passed_by"], shown["muted_by"] = handoff.passed_by, handoff.muted_by
        shown["unanswered"], shown["refused"] = handoff.unanswered, handoff.refused
        shown["offered_alias"] = handoff.offer.alias if handoff.offer else None
        shown["left"] = handoff.left_at is not None
    return json.dumps(shown).encode()
