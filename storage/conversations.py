"""Conversations: one row per contact, everything in it sealed but what the queue is sorted and found by."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from bot import conversation as model
from bot.conversation import Conversation, Handoff, Status, Stopped
from storage import aliases
from storage.errors import Erased
from storage.sealing import new_uid
from storage.store import Store
from storage.times import ms_or_none, to_ms

_SHOWN_ANSWERS = ("topic", "campus", "for_whom")  # what a line in the queue shows

_SAVE = """INSERT INTO conversation (contact_id, uid, body, summary, alias_hash, status, tier, category, language,
    handoff_number, opened_at, claimed_by, claimed_at, last_inbound_at, closed_at, parked_at, updated_at, paused,
    elsewhere, forgotten_at)
VALUES (:contact_id, :uid, :body, :summary, :alias_hash, :status, :tier, :category, :language,
    :handoff_number, :opened_at, :claimed_by, :claimed_at, :last_inbound_at, :closed_at, :parked_at, :updated_at,
    :paused, :elsewhere, NULL)
ON CONFLICT (contact_id) DO UPDATE SET uid = excluded.uid, body = excluded.body, summary = excluded.summary,
    alias_hash = excluded.alias_hash, status = excluded.status, tier = excluded.tier,
    category = excluded.category, language = excluded.language, handoff_number = excluded.handoff_number,
    opened_at = excluded.opened_at, claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at,
    last_inbound_at = excluded.last_inbound_at, closed_at = excluded.closed_at, parked_at = excluded.parked_at,
    updated_at = excluded.updated_at, paused = excluded.paused, elsewhere = excluded.elsewhere,
    forgotten_at = NULL"""

_SAVE_HANDOFF = """INSERT INTO handoff (contact_id, number, opened_at, tier, category, rules, claimed_by, claimed_at,
    parked_at, answered_at)
VALUES (:contact_id, :number, :opened_at, :tier, :category, :rules, :claimed_by, :claimed_at, :parked_at,
    :answered_at)
ON CONFLICT (contact_id, number) DO UPDATE SET tier = excluded.tier, category = excluded.category,
    rules = excluded.rules, claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at,
    parked_at = excluded.parked_at, answered_at = excluded.answered_at"""


class Conversations(Store):
    """The state of each contact."""

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

    def peek(self, contact_id: int) -> Conversation | None:
        """The contact's conversation as it stands; None if there is none, or the contact is erased."""
        row = self._one("SELECT uid, body FROM conversation WHERE contact_id = :id", id=contact_id)
        if row is None:
            return None
        try:
            box = self._tx.box(contact_id)
        except Erased:
            return None
        return model.from_json(box.open(row["body"], "conversation.body", row["uid"]))

    def save(self, conversation: Conversation, now: datetime) -> None:
        """Keep this state, and the open handoff's columns with it. Raises Erased."""
        contact_id, uid = conversation.contact_id, new_uid()
        box = self._tx.box(contact_id)
        handoff = conversation.handoff if conversation.has_people else None
        self._run(
            _SAVE,
            contact_id=contact_id,
            uid=uid,
            body=box.seal(model.to_json(conversation), "conversation.body", uid),
            summary=box.seal(_summary(conversation, handoff), "conversation.summary", uid),
            alias_hash=self._tx.keys.hash("alias", conversation.alias),
            status=conversation.status.value,
            tier=conversation.tier.value,
            category=handoff.category if handoff else None,
            language=conversation.language,
            handoff_number=handoff.number if handoff else None,
            opened_at=to_ms(handoff.opened_at) if handoff else None,
            claimed_by=handoff.claimed_by if handoff else None,
            claimed_at=ms_or_none(handoff.claimed_at) if handoff else None,
            last_inbound_at=ms_or_none(conversation.last_inbound_at),
            closed_at=ms_or_none(conversation.closed_at),
            parked_at=ms_or_none(handoff.parked_at) if handoff else None,
            updated_at=to_ms(now),
            paused=int(conversation.stopped is Stopped.PAUSE),
            elsewhere=int(conversation.elsewhere_since is not None),
        )
        if conversation.handoff is not None:
            self._save_handoff(contact_id, conversation.handoff)
        self._tx.wake()

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
        return aliases.pick(lambda alias: self._is_taken(alias, contact_id))

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
    shown = {name: conversation.answers.get(name) for name in _SHOWN_ANSWERS}
    shown["alias"] = conversation.alias
    shown["claimed_alias"] = handoff.claimed_alias if handoff else None
    return json.dumps(shown).encode()
