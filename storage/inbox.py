"""The inbox: events that came in, each kept once, handled in order per contact, destroyed when handled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from bot import events
from bot.events import EchoReceived, Event, MessageWithdrawn
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
_CANDIDATES = (1, 16)  # heads to look at beyond those wanted: none, and more when somebody else has a contact


class Inbox(Store):
    """Stored events not yet handled."""

    def add(
        self, news: Sequence[NewEvent], now: datetime, *, came_at: Sequence[datetime] | None = None
    ) -> list[int]:
        """Keep events; contacts are added when new. `came_at`: when each came in, if not now.

        The ids of those kept: the others were here before, concern nobody we know, or somebody whose key we cannot
        read (which opens the incident contact_unreadable). Counts each as `event_<kind>`.
        """
        contacts = self._contacts_of(news, now)
        places = _Places(self._last_of_second)
        rows: list[dict[str, object]] = []
        kinds: dict[bytes, str] = {}
        for new, at in zip(news, came_at or [now] * len(news), strict=True):
            contact_id = None if new.psid is None else contacts.get(new.psid)
            if new.psid is not None and contact_id is None:
                if new.psid not in contacts and isinstance(new.event, MessageWithdrawn):
                    # Nobody is remembered for it. But its message may yet come, and must not be shown then.
                    self._tx.missed.shut_out(new.key, now)
                continue
            dedupe = self._tx.keys.hash("inbox", new.key)
            rows.append(self._row(contact_id, dedupe, new.event, now, places) | {"received_at": to_ms(at)})
            kinds.setdefault(dedupe, new.event.kind)
        return self._insert(rows, kinds)

    def add_internal(self, contact_id: int, key: str, event: Event, now: datetime) -> bool:
        """Keep an event of our own making. `key` is unique within the contact. False: seen before, or erased.

        Counted as in `add`, unless it is about a drill.
        """
        dedupe = self._tx.keys.hash("own", contact_id, key)
        try:
            row = self._row(contact_id, dedupe, event, now, _Places(self._last_of_second))
        except Erased:
            return False
        kinds = {} if self._tx.drills.is_drill(contact_id) else {dedupe: event.kind}
        return bool(self._insert([row], kinds))

    def _contacts_of(self, news: Sequence[NewEvent], now: datetime) -> dict[str, int | None]:
        """The contacts of these events by PSID. Who is not remembered anew for what came is left out."""
        beginners = {new.psid: None for new in news if new.psid is not None and _is_a_beginning(new.event)}
        others = {new.psid: None for new in news if new.psid is not None and new.psid not in beginners}
        found = self._tx.contacts.find_or_add(beginners, now) | self._tx.contacts.find_all(others)
        if None in found.values():
            self._tx.incidents.open("contact_unreadable", now)
        return found

    def _row(
        self, contact_id: int | None, dedupe: bytes, event: Event, now: datetime, places: _Places
    ) -> dict[str, object]:
        uid = new_uid()
        return {
            "contact_id": contact_id,
            "uid": uid,
            "dedupe": dedupe,
            "body": self._seal(contact_id, uid, events.to_json(event)),
            "sent_at": places.place(contact_id, to_ms(event.sent_at)),
            "received_at": to_ms(now),
            "try_at": to_ms(now),
        }

    def _insert(self, rows: Sequence[Mapping[str, object]], kinds: Mapping[bytes, str]) -> list[int]:
        added = self._all_from(
            "INSERT INTO inbox (contact_id, uid, dedupe, body, sent_at, received_at, try_at) {rows}"
            " ON CONFLICT (dedupe) DO NOTHING RETURNING id, dedupe",
            rows,
        )
        for kind, count in Counter(kinds[key] for row in added if (key := row["dedupe"]) in kinds).items():
            self._tx.counters.bump(f"event_{kind}", count)
        if added:
            self._tx.wake("inbox")
        return [row["id"] for row in added]

    def _last_of_second(self, contact_id: int, second: int) -> int | None:
        """When the last event of the contact was sent that waits from this second (milliseconds)."""
        last: int | None = self._value(
            "SELECT MAX(sent_at) FROM inbox WHERE contact_id = :contact_id AND state = 'new'"
            " AND sent_at >= :second AND sent_at < :next_second",
            contact_id=contact_id,
            second=second,
            next_second=second + 1000,
        )
        return last

    def take(self, now: datetime, limit: int = 1) -> list[TakenEvent]:
        """The next events to handle in this very transaction, which then calls `done`, `retry` or `set_aside`.

        One of each contact, the first in order of sending; an event that waits to be tried again holds up its
        contact, nobody else. The contacts are locked, and what is sent to them in this transaction carries the
        event's id. What cannot be read is set aside and opens the incident poison_event.
        """
        while rows := self._next(now, limit):
            taken = [each for each in (self._opened(row, now) for row in rows) if each is not None]
            if taken:
                return taken
        return []

    def _next(self, now: datetime, limit: int) -> list[Row]:
        for more in _CANDIDATES:
            heads = self._all(
                f"SELECT id, contact_id FROM inbox WHERE try_at <= :now AND {_HEAD}"  # noqa: S608
                " ORDER BY id LIMIT :limit {skip_locked}",  # heads that another worker handles are not among them
                now=to_ms(now),
                limit=limit + more - 1,
            )
            rows = self._lock(heads)[:limit]
            if rows or len(heads) < limit + more - 1:
                return rows
        return []

    def _lock(self, heads: Sequence[Row]) -> list[Row]:
        """The whole rows whose contacts nobody else has, with those locked, as far as they are still new."""
        ids = {head["contact_id"] for head in heads if head["contact_id"] is not None}
        mine = self._tx.contacts.lock_free(ids)
        wanted = [head["id"] for head in heads if head["contact_id"] is None or head["contact_id"] in mine]
        rows = self._all_of(f"SELECT * FROM inbox WHERE id IN {{each}} AND {_HEAD}", wanted)  # noqa: S608
        return sorted(rows, key=lambda row: int(row["id"]))

    def _opened(self, row: Row, now: datetime) -> TakenEvent | None:
        try:
            event = events.from_json(self._open(row))
        except Erased:
            self.done([row["id"]], now)
            return None
        except (WrongKey, ValidationError):
            self.set_aside(row["id"], now, "unreadable")
            self._tx.incidents.open("poison_event", now)
            return None
        if row["contact_id"] is not None:
            self._tx.handling[row["contact_id"]] = row["id"]
        return TakenEvent(
            id=row["id"],
            contact_id=row["contact_id"],
            event=event,
            received_at=from_ms(row["received_at"]),
            tries=row["tries"],
        )

    def done(self, ids: Collection[int], now: datetime) -> None:
        """Handled: the words are destroyed, the hashes stay so that a repetition is known."""
        self._run_of(
            "UPDATE inbox SET state = 'done', body = NULL, handled_at = :now WHERE id IN {each}",
            ids,
            now=to_ms(now),
        )

    def retry(self, event_id: int, now: datetime, retry_at: datetime) -> None:
        """Handling failed; not again before `retry_at`, and nothing later from this contact before it."""
        self._run(
            "UPDATE inbox SET tries = tries + 1, try_at = :retry_at WHERE id = :id AND state = 'new'",
            id=event_id,
            retry_at=max(to_ms(retry_at), to_ms(now)),
        )
        self._tx.wake("inbox")

    def set_aside(self, event_id: int, now: datetime, reason: str) -> None:
        """Give up on it for now: kept sealed, no longer in anybody's way. `reason` is a code, never content."""
        self._run(
            "UPDATE inbox SET state = 'aside', handled_at = :now, reason = :reason WHERE id = :id AND state = 'new'",
            id=event_id,
            now=to_ms(now),
            reason=reason,
        )
        self._tx.wake("inbox")

    def read_again(self, now: datetime) -> int:
        """Take up again what could not be read: the version that runs now may know what it is. How many."""
        count = self._run(
            "UPDATE inbox SET state = 'new', try_at = :now, handled_at = NULL WHERE state = 'aside'"
            " AND reason = 'unreadable' AND body IS NOT NULL",
            now=to_ms(now),
        )
        if count:
            self._tx.wake("inbox")
        return count

    def pending_count(self) -> int:
        """Events not handled yet; those set aside do not count."""
        return int(self._value("SELECT count(*) FROM inbox WHERE state = 'new'"))

    def is_waiting(self, contact_id: int) -> bool:
        """Whether anything of this contact has not been handled yet."""
        return (
            self._one("SELECT id FROM inbox WHERE contact_id = :id AND state = 'new' LIMIT 1", id=contact_id)
            is not None
        )

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


def _is_a_beginning(event: Event) -> bool:
    is_our_echo = isinstance(event, EchoReceived) and (event.outbox_id is not None or event.app == "us")
    return event.kind not in _NOT_A_BEGINNING and not is_our_echo


class _Places:
    """Where events stand among those of their contact, in milliseconds.

    A whole second comes from an API that tells no smaller part: what waits from the same second was here first.
    """

    def __init__(self, last_of_second: Callable[[int, int], int | None]) -> None:
        self._stored = last_of_second
        self._here: dict[int, list[int]] = {}

    def place(self, contact_id: int | None, sent_at: int) -> int:
        """The place of an event that was sent then, after those asked for before."""
        if contact_id is None:
            return sent_at
        here = self._here.setdefault(contact_id, [])
        if sent_at % 1000 == 0:
            before = [at for at in here if sent_at <= at < sent_at + 1000]
            sent_at = max([sent_at, *before, self._stored(contact_id, sent_at) or 0])
        here.append(sent_at)
        return sent_at
