"""A store with years of conversations behind it, filled fast: what is over and forgotten is a copy of one row.

What retention has yet to forget is sealed for its own contact, as the service does it; the rest lost its words already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.seeds import new_contact, talk
from bot.conversation import Conversation, Handoff, Status
from storage import Storage, Tx
from storage.sealing import new_uid
from storage.store import Store
from storage.times import to_ms

EACH = 10  # messages of one conversation; the student's and the supporter's in turn
_A_DAY = 275  # conversations; as many as make 100,000 in a year
_KEPT = timedelta(hours=72)  # words, after a conversation was closed: retention.text_hours_after_close
_REMEMBERED = timedelta(days=30)  # which events came in
_AT_ONCE = 100  # conversations in one commit
_ALERT_EACH = 30  # one conversation in so many was about danger

Row = dict[str, Any]
Pairs = list[tuple[int, datetime]]  # contact, and when the conversation was closed


def fill(storage: Storage, conversations: int) -> None:
    """So many that are over, the last of them just now."""
    now = datetime.now(UTC)
    for numbers in _parts(conversations):
        storage.write(lambda tx, numbers=numbers: _Past(tx, now).add(numbers))


def _parts(conversations: int) -> Iterator[range]:
    """The oldest first, counted by how many came after it."""
    for end in range(conversations, 0, -_AT_ONCE):
        yield range(end - 1, max(-1, end - 1 - _AT_ONCE), -1)


class _Past(Store):
    """Writes what is over."""

    def __init__(self, tx: Tx, now: datetime) -> None:
        super().__init__(tx)
        self._now = now

    def add(self, numbers: range) -> None:
        """Conversations, by how many came after them."""
        closed = {number: self._now - timedelta(days=(number + 1) / _A_DAY) for number in numbers}
        fresh = [at for at in closed.values() if at > self._now - _KEPT]
        old = [at for at in closed.values() if at <= self._now - _KEPT]
        for place, at in enumerate(fresh):
            self._add_fresh(f"{28_000_000_000_000_000 + numbers.start - place}", at)
        if old:
            self._add_old(old)

    def _add_fresh(self, psid: str, closed_at: datetime) -> None:
        """Its words are still there, and all can be opened."""
        began = closed_at - timedelta(hours=1)
        contact_id = new_contact(self._tx, psid, began)
        self._tx.conversations.save(
            replace(self._tx.conversations.get(contact_id, began), **_ended(began, closed_at)), closed_at
        )
        self._tx.handoffs.finish(contact_id, 1, "listened", 1, closed_at)
        lines = self._tx.transcript.add_all(talk(self._tx, contact_id, "Supporter 0", began, lines=EACH))
        self._run("UPDATE contact SET seen_entry_id = :last WHERE id = :id", last=lines[-1], id=contact_id)
        self._events([(contact_id, closed_at)])
        self._others([(contact_id, closed_at)])

    def _add_old(self, closed: list[datetime]) -> None:
        """All have one key and one name for their rows, so that one sealed value of each kind opens in all of them."""
        uid, first = new_uid(), closed[0]
        wrapped, key_id, box = self._tx.keys.new_contact_key(uid)
        self._tx.set_box(0, box)
        one = Conversation(contact_id=0, alias="Blå hegre", started_at=first)
        conversation = self._tx.conversations._row(replace(one, **_ended(first, first)), first)
        contact: Row = {"uid": uid, "psid": box.seal(b"28000000000000000", "contact.psid", uid)}
        contact |= {"key_wrapped": wrapped, "key_id": key_id, "created_at": to_ms(first)}
        entry: Row = {
            "uid": uid,
            "kind": "text",
            "meta": box.seal(b'{"who": "Supporter 0"}', "entry.meta", uid),
        }
        entry |= {"mid": box.seal(b"m" * 80, "entry.mid", uid)}
        added = self._insert(
            "contact", [contact | {"psid_hash": new_uid() * 2} for _ in closed], " RETURNING id"
        )
        pairs = list(zip([row["id"] for row in added], closed, strict=True))
        self._insert(
            "conversation",
            [
                conversation | {"contact_id": contact_id, "closed_at": to_ms(at), "forgotten_at": to_ms(at)}
                for contact_id, at in pairs
            ],
        )
        self._insert("handoff", [_handoff(contact_id, at) for contact_id, at in pairs])
        sent = [_sent(contact_id, at, number) for contact_id, at in pairs for number in range(1, EACH, 2)]
        ids = iter(self._insert("outbox", sent, " RETURNING id"))
        self._insert(
            "entry",
            [
                entry
                | {
                    "contact_id": contact_id,
                    "at": to_ms(at - timedelta(minutes=60 - number)),
                    "written_by": "supporter" if number % 2 else "contact",
                    "mid_hash": new_uid() * 2,
                    "outbox_id": next(ids)["id"] if number % 2 else None,
                }
                for contact_id, at in pairs
                for number in range(EACH)
            ],
        )
        self._run(
            "UPDATE contact SET last_entry_id = (SELECT MAX(id) FROM entry WHERE contact_id = contact.id),"
            " seen_entry_id = (SELECT MAX(id) FROM entry WHERE contact_id = contact.id) WHERE id >= :first",
            first=pairs[0][0],
        )
        self._events(pairs)
        self._others(pairs)

    def _events(self, pairs: Pairs) -> None:
        """What came in: the student's messages, and that ours were delivered and read."""
        rows: list[Row] = [
            {
                "contact_id": contact_id,
                "uid": new_uid(),
                "dedupe": new_uid() * 2,
                "sent_at": to_ms(at),
                "received_at": to_ms(at),
                "state": "done",
                "try_at": to_ms(at),
                "handled_at": to_ms(at),
            }
            for contact_id, at in pairs
            if at > self._now - _REMEMBERED
            for _ in range(EACH * 2)
        ]
        self._insert("inbox", rows)

    def _others(self, pairs: Pairs) -> None:
        """Alerts that are over, and who did what."""
        alerts: list[Row] = [
            {
                "contact_id": contact_id,
                "uid": new_uid(),
                "tier": "high",
                "category": "A-suicide",
                "rules": '["A1"]',
                "raised_at": to_ms(at - timedelta(hours=1)),
                "armed_at": to_ms(at - timedelta(hours=1)),
                "acknowledged_by": 1,
                "acknowledged_at": to_ms(at - timedelta(hours=1)),
                "closed_by": 1,
                "closed_at": to_ms(at),
                "card": "sent",
            }
            for contact_id, at in pairs
            if contact_id % _ALERT_EACH == 0
        ]
        self._insert("alert", alerts)
        for contact_id, at in pairs:
            self._tx.audit.add(at, 1, "opened", contact_id, None)

    def _insert(self, table: str, rows: list[Row], returning: str = "") -> list[Row]:
        """One kind of row."""
        if not rows:
            return []
        sql = f"INSERT INTO {table} ({', '.join(rows[0])}) {{rows}}"
        if returning:
            return self._all_from(sql + returning, rows)
        self._run_from(sql, rows)
        return []


def _ended(began: datetime, closed_at: datetime) -> dict[str, object]:
    handoff = Handoff(
        number=1,
        opened_at=began,
        claimed_by=1,
        claimed_alias="Supporter 0",
        claimed_at=began,
        answered_at=began,
        unanswered=False,
    )
    return {
        "status": Status.CLOSED,
        "language": "nb",
        "continued_at": began,
        "handoff": handoff,
        "handoffs": 1,
        "last_inbound_at": closed_at,
        "closed_at": closed_at,
    }


def _handoff(contact_id: int, at: datetime) -> dict[str, object]:
    began = to_ms(at - timedelta(hours=1))
    return {
        "contact_id": contact_id,
        "number": 1,
        "opened_at": began,
        "tier": "none",
        "rules": "[]",
        "claimed_by": 1,
        "claimed_at": began,
        "answered_at": began,
        "outcome": "listened",
        "closed_by": 1,
        "closed_at": to_ms(at),
    }


def _sent(contact_id: int, at: datetime, number: int) -> dict[str, object]:
    when = to_ms(at - timedelta(minutes=60 - number))
    return {
        "contact_id": contact_id,
        "uid": new_uid(),
        "purpose": "supporter",
        "place": 1,
        "state": "seen",
        "state_at": when,
        "created_at": when,
        "next_try_at": when,
        "claimed_at": when,
    }
