"""Retention: words go after their time; what happened when, and how it ended, stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.conversation import Conversation
from storage.store import Store
from storage.times import from_ms, ms_or_none, to_ms

_AT_ONCE = 500  # closed conversations per call, so that one commit stays short; the rest comes with the next

# Entries that nobody on the staff has opened wait longer, if the caller says so.
_MAY_GO = (
    "body IS NOT NULL AND (at < COALESCE(:unopened_before, at + 1)"
    " OR id <= (SELECT seen_entry_id FROM contact WHERE contact.id = entry.contact_id))"
)


class Retention(Store):
    """Destroys sealed text that has outlived its purpose."""

    def forget_text(
        self, closed_before: datetime, open_before: datetime, unopened_before: datetime | None = None
    ) -> int:
        """Destroy the texts of conversations closed before `closed_before`, and any text older than `open_before`.

        With `unopened_before`, an entry that no member of staff has opened stays until it is older than that.
        Returns how many entries lost their text. Run it again until it returns 0.
        """
        unopened = ms_or_none(unopened_before)
        count = self._forget_old(to_ms(open_before), unopened)
        rows = self._all(
            "SELECT contact_id, closed_at FROM conversation WHERE status = 'closed' AND forgotten_at IS NULL"
            " AND closed_at < :before ORDER BY closed_at LIMIT :limit",
            before=to_ms(closed_before),
            limit=_AT_ONCE,
        )
        for row in rows:
            count += self._forget_closed(row["contact_id"], from_ms(row["closed_at"]), unopened)
        if count or rows:
            self._tx.shred()
            self._tx.wake("screens")
        return count

    def forget_contact(self, contact_id: int) -> int:
        """Destroy everything this contact wrote so far, whoever has opened it; how many texts that were."""
        count = self._run(
            "UPDATE entry SET body = NULL, reactions = NULL WHERE contact_id = :contact_id AND body IS NOT NULL",
            contact_id=contact_id,
        )
        self._tx.shred()
        self._tx.wake("screens")
        return count

    def _forget_old(self, before: int, unopened: int | None) -> int:
        self._run(
            "UPDATE inbox SET body = NULL WHERE state = 'aside' AND received_at < :before", before=before
        )
        self._run(
            "UPDATE outbox SET body = NULL WHERE body IS NOT NULL AND created_at < :before"
            " AND state NOT IN ('waiting', 'sending')",
            before=before,
        )
        self._run("DELETE FROM draft WHERE updated_at < :before", before=before)
        self._run(
            "UPDATE alert SET matched = NULL WHERE matched IS NOT NULL AND closed_at < :before", before=before
        )
        for row in self._all(
            "SELECT DISTINCT contact_id FROM entry WHERE body IS NOT NULL AND at < :before ORDER BY contact_id",
            before=before,
        ):
            self._forget_recent(row["contact_id"], from_ms(before))
        return self._run(
            f"UPDATE entry SET body = NULL, reactions = NULL WHERE at < :before AND {_MAY_GO}",  # noqa: S608
            before=before,
            unopened_before=unopened,
        )

    def _forget_closed(self, contact_id: int, closed_at: datetime, unopened: int | None) -> int:
        if not self._is_still_closed(contact_id, closed_at):
            return 0
        count = self._run(
            f"UPDATE entry SET body = NULL, reactions = NULL WHERE contact_id = :contact_id AND {_MAY_GO}",  # noqa: S608
            contact_id=contact_id,
            unopened_before=unopened,
        )
        for statement in (
            "UPDATE outbox SET body = NULL WHERE contact_id = :contact_id AND state NOT IN ('waiting', 'sending')",
            "UPDATE alert SET matched = NULL WHERE contact_id = :contact_id AND closed_at IS NOT NULL",
            "DELETE FROM draft WHERE contact_id = :contact_id",
            "UPDATE handoff SET about = NULL, about_uid = NULL WHERE contact_id = :contact_id",
        ):
            self._run(statement, contact_id=contact_id)
        conversation = self._tx.conversations.peek(contact_id)
        if conversation is not None:
            self._resave(_without_words(conversation), closed_at)
        is_left = self._value(
            "SELECT id FROM entry WHERE contact_id = :contact_id AND body IS NOT NULL LIMIT 1",
            contact_id=contact_id,
        )
        if is_left is None:
            self._run(
                "UPDATE conversation SET forgotten_at = closed_at WHERE contact_id = :contact_id",
                contact_id=contact_id,
            )
        return count

    def _is_still_closed(self, contact_id: int, closed_at: datetime) -> bool:
        """Whether it has not been opened again since the list was read; locks the contact."""
        self._tx.contacts.lock(contact_id)
        row = self._one(
            "SELECT contact_id FROM conversation WHERE contact_id = :contact_id AND status = 'closed'"
            " AND closed_at = :closed_at",
            contact_id=contact_id,
            closed_at=to_ms(closed_at),
        )
        return row is not None

    def _forget_recent(self, contact_id: int, before: datetime) -> None:
        """The conversation keeps its latest texts a second time, to read split messages together."""
        self._tx.contacts.lock(contact_id)
        conversation = self._tx.conversations.peek(contact_id)
        if conversation is None:
            return
        kept = tuple(said for said in conversation.recent if said.at >= before)
        if kept != conversation.recent:
            self._resave(replace(conversation, recent=kept), before)

    def _resave(self, conversation: Conversation, at: datetime) -> None:
        self._tx.conversations.save(conversation, at)


def _without_words(conversation: Conversation) -> Conversation:
    handoff = conversation.handoff
    if handoff is not None:
        handoff = replace(handoff, offer=None, note_offered=None)
    return replace(conversation, recent=(), answers={}, handoff=handoff)
