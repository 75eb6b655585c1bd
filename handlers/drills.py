"""A drill: an invented student raises an alert, and the real ladder is climbed.

It looks like a drill wherever it shows: the alias, the words, the alert, the record and every notification. There
is no PSID and no message that waits to be sent. When it is over the invented student is erased like a real one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from bot import queue
from bot.content import Content
from bot.conversation import Tier
from bot.draft import Draft
from bot.effects import AddEntry, RaiseAlert
from bot.errors import NotPossible
from handlers.clock import Clock
from handlers.turns import save, world_for
from storage import Storage, Tx
from storage.records import Role, Staff

ALIAS = "ØVELSE"
WORDS = "ØVELSE: Dette er ikke en student. DRILL: This is not a student."
RULE = "drill"


class Drills:
    """For coordinators, and for the command line (`staff` None)."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock

    def start(self, staff: Staff | None, tier: Tier = Tier.CRITICAL) -> int:
        """Begin; the alert's id. Raises NotPossible while another drill is on, and for other roles."""

        def deed(tx: Tx) -> int:
            now, by = self._clock(), self._by(tx, staff)
            if tx.drills.running():
                raise NotPossible("a drill is on already")
            contact_id = tx.drills.add_contact(now)
            fresh = tx.conversations.get(contact_id, now)
            conv = replace(fresh, alias=ALIAS, language="nb", notice_at=now, last_inbound_at=now)
            draft = Draft(conv, self._content(), world_for(tx, conv, self._content(), now), now)
            draft.do(AddEntry(written_by="contact", kind="text", mid=None, at=now, text=WORDS))
            queue.open_handoff(draft, tier=tier, category="A-attempt", rules=(RULE,), quietly=True)
            draft.do(RaiseAlert(tier=tier, category="A-attempt", rules=(RULE,), at=now))
            save(tx, draft.turn(), now)
            tx.audit.add(now, by, "drill_started", contact_id, tier.value)
            alert = tx.alerts.open_for(contact_id)
            assert alert is not None  # noqa: S101 - raised above
            return alert.id

        return self._storage.write(deed)

    def stop(self, staff: Staff | None) -> int:
        """End every drill that is on; how many."""

        def deed(tx: Tx) -> int:
            now, by = self._clock(), self._by(tx, staff)
            running = tx.drills.running()
            for contact_id in running:
                if tx.contacts.lock(contact_id):
                    tx.contacts.erase(contact_id, secrets.token_hex(8), now, even_unread=True)
                    tx.audit.add(now, by, "drill_stopped", contact_id, None)
            return len(running)

        return self._storage.write(deed)

    def is_on(self) -> bool:
        """Whether a drill is on."""
        return bool(self._storage.read(lambda tx: tx.drills.running()))

    @staticmethod
    def _by(tx: Tx, staff: Staff | None) -> int | None:
        if staff is None:
            return None
        current = tx.staff.get(staff.id)
        if current is None or current.disabled or current.role is not Role.COORDINATOR:
            raise NotPossible("not for this role")
        return staff.id
