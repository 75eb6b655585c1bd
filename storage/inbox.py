"""The inbox: events that came in, each kept once, handled in order per contact, destroyed when handled."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from bot import events
from bot.events import EchoReceived, Event
from storage.engine import Row
from storage.errors import Erased, WrongKey
from storage.records import NewEvent, TakenEvent
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

# About messages of ours, or already gone: an erased person is not remembered anew for them.
_NOT_A_BEGINNING = frozenset({"delivered", "read", "withdrawn"})

_HEAD = (
    " state = 'new' AND NOT EXISTS (SELECT 1 FROM inbox earlier WHERE earlier.state = 'new'"
    " AND earlier.contact_id = inbox.contact_id"
    " AND (earlier.sent_at, earlier.id) < (inbox.sent_at, inbox.id))"
)
_CANDIDATES = (1, 16)  # heads to look at: the first one, and more when somebody else has its contact


class Inbox(Store):
    """Stored events not yet handled."""

    def add(self, new: NewEvent, now: datetime) -> bool:
        """Keep an event; its contact is added when new. False: it was here before, or concerns nobody we know.

        Counts it as `event_<kind>`.
        """
        contact_id = None
        if new.psid is not None:
            if new.event.kind in _NOT_A_BEGINNING or _is_our_echo(new.event):
                contact_id = self._tx.contacts.find(new.psid)
                if contact_id is None:
                    return False
            else:
                contact_id = self._tx.contacts.find_or_add(new.psid, now)
        return self._insert(contact_id, self._tx.keys.hash("inbox", new.key), new.event, now)

    def add_internal(self, contact_id: int, key: str, event: Event, now: datetime) -> bool:
        """Keep an event of our own making. `key` is unique within the contact. False: seen before, or erased."""
        try:
            return self._insert(contact_id, self._tx.keys.hash("own", contact_id, key), event, now)
        except Erased:
            return False

    def _insert(self, contact_id: int | None, dedupe: bytes, event: Event, now: datetime) -> bool:
        uid = new_uid()
        added = self._value(
            "INSERT INTO inbox (contact_id, uid, dedupe, body, sent_at, received_at, try_at)"
            " VALUES (:contact_id, :uid, :dedupe, :body, :sent_at, :now, :now)"
            " ON CONFLICT (dedupe) DO NOTHING RETURNING id",
            contact_id=contact_id,
            uid=uid,
            dedupe=dedupe,
            body=self._seal(contact_id, uid, events.to_json(event)),
            sent_at=self._place(contact_id, to_ms(event.sent_at)),
            now=to_ms(now),
        )
        if added is None:
            return False
        self._tx.counters.bump(f"event_{event.kind}")
        self._tx.wake(changed=False)
        return True

    def _place(self, contact_id: int | None, sent_at: int) -> int:
        """Where an event stands among the contact's. A whole second comes from an API that tells no smaller part:
        what waits from the same second was here first.
        """
        if contact_id is None or sent_at % 1000:
            return sent_at
        last = self._value(
            "SELECT MAX(sent_at) FROM inbox WHERE contact_id = :contact_id AND state = 'new'"
            " AND sent_at >= :sent_at AND sent_at < :next_second",
            contact_id=contact_id,
            sent_at=sent_at,
            next_second=sent_at + 1000,
        )
        return sent_at if last is None else int(last)

    def take(self, now: datetime) -> TakenEvent | None:
        """The next event to handle in this very transaction, which then calls `done`, `retry` or `set_aside`.

        In order of sending per contact; an event that waits to be tried again holds up its contact, nobody
        else. The contact is locked. What cannot be read is set aside and opens the incident poison_event.
        """
        while (row := self._next(now)) is not None:
            taken = self._opened(row, now)
            if taken is not None:
                return taken
        return None

    def _next(self, now: datetime) -> Row | None:
        for limit in _CANDIDATES:
            rows = self._all(
                f"SELECT id, contact_id FROM inbox WHERE try_at <= :now AND {_HEAD}"  # noqa: S608
                " ORDER BY id LIMIT :limit {skip_locked}",  # heads that another worker handles are not among them
                now=to_ms(now),
                limit=limit,
            )
            row = next(filter(None, map(self._lock, rows)), None)
            if row is not None or len(rows) < limit:
                return row
        return None

    def _lock(self, candidate: Row) -> Row | None:
        """The whole row, with its contact locked; None when somebody else has it, or it is no longer new."""
        contact_id = candidate["contact_id"]
        if contact_id is not None and not self._one(
            "SELECT id FROM contact WHERE id = :id {skip_locked}", id=contact_id
        ):
            return None
        return self._one(f"SELECT * FROM inbox WHERE id = :id AND {_HEAD}", id=candidate["id"])  # noqa: S608

    def _opened(self, row: Row, now: datetime) -> TakenEvent | None:
        try:
            event = events.from_json(self._open(row))
        except Erased:
            self.done(row["id"], now)
            return None
        except (WrongKey, ValidationError):
            self.set_aside(row["id"], now, "unreadable")
            self._tx.incidents.open("poison_event", now)
            return None
        return TakenEvent(
            id=row["id"],
            contact_id=row["contact_id"],
            event=event,
            received_at=from_ms(row["received_at"]),
            tries=row["tries"],
        )

    def done(self, event_id: int, now: datetime) -> None:
        """Handled: the words are destroyed, the hash stays so that a repetition is known."""
        self._run(
            "UPDATE inbox SET state = 'done', body = NULL, handled_at = :now WHERE id = :id",
            id=event_id,
            now=to_ms(now),
        )

    def retry(self, event_id: int, now: datetime, retry_at: datetime) -> None:
        """Handling failed; not again before `retry_at`, and nothing later from this contact before it."""
        self._run(
            "UPDATE inbox SET tries = tries + 1, try_at = :retry_at WHERE id = :id AND state = 'new'",
            id=event_id,
            retry_at=max(to_ms(retry_at), to_ms(now)),
        )
        self._tx.wake(changed=False)

    def set_aside(self, event_id: int, now: datetime, reason: str) -> None:
        """Give up on it for now: kept sealed, no longer in anybody's way. `reason` is a code, never content."""
        self._run(
            "UPDATE inbox SET state = 'aside', handled_at = :now, reason = :reason WHERE id = :id AND state = 'new'",
            id=event_id,
            now=to_ms(now),
            reason=reason,
        )
        self._tx.wake(changed=False)

    def read_again(self, now: datetime) -> int:
        """Take up again what could not be read: the version that runs now may know what it is. How many."""
        count = self._run(
            "UPDATE inbox SET state = 'new', try_at = :now, handled_at = NULL WHERE state = 'aside'"
            " AND reason = 'unreadable' AND body IS NOT NULL",
            now=to_ms(now),
        )
        if count:
            self._tx.wake(changed=False)
        return count

    def pending_count(self) -> int:
        """Events not handled yet; those set aside do not count."""
        return int(self._value("SELECT count(*) FROM inbox WHERE state = 'new'"))

    def oldest_pending_at(self) -> datetime | None:
        """When the oldest event not yet handled came in."""
        return from_ms_or_none(
            self._value("SELECT received_at FROM inbox WHERE state = 'new' ORDER BY id LIMIT 1")
        )

    def next_try_at(self) -> datetime | None:
        """When `take` will next have something; None: there is nothing."""
        return from_ms_or_none(self._value(f"SELECT MIN(try_at) FROM inbox WHERE {_HEAD}"))  # noqa: S608

    def forget(self, before: datetime) -> int:
        """Delete the rows of events handled before then; a repetition of one of those would be taken as new."""
        return self._run(
            "DELETE FROM inbox WHERE state = 'done' AND handled_at < :before", before=to_ms(before)
        )

    def _seal(self, contact_id: int | None, uid: bytes, body: bytes) -> bytes:
        if contact_id is None:
            return self._tx.keys.seal(body.decode(), "inbox.body", uid)
        return self._tx.box(contact_id).seal(body, "inbox.body", uid)

    def _open(self, row: Row) -> bytes:
        if row["contact_id"] is None:
            return self._tx.keys.open(row["body"], "inbox.body", row["uid"]).encode()
        return self._tx.box(row["contact_id"]).open(row["body"], "inbox.body", row["uid"])


def _is_our_echo(event: Event) -> bool:
    return isinstance(event, EchoReceived) and (event.outbox_id is not None or event.app == "us")
