"""The inbox: events that came in, each kept once, handled in order per contact, destroyed when handled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

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


@dataclass(frozen=True, slots=True)
class _Come:
    """An event that came in, and whose it is. `sent_at`: its place among those of the contact."""

    contact_id: int | None
    dedupe: bytes
    event: Event
    sent_at: int
    at: datetime


class Inbox(Store):
    """Stored events not yet handled."""

    def add(
        self, news: Sequence[NewEvent], now: datetime, *, came_at: Sequence[datetime] | None = None
    ) -> list[int]:
        """Keep events; contacts are added when new. `came_at`: when each came in, if not now.

        The ids of those kept: the others were here before, concern nobody we know, or somebody whose key we cannot
        read (which opens the incident contact_unreadable). Counts each as `event_<kind>`.
        """
        return self.begin(news, now, came_at or [now] * len(news), 0)[0]

    def begin(
        self, news: Sequence[NewEvent], now: datetime, came_at: Sequence[datetime], limit: int
    ) -> tuple[list[int], list[TakenEvent]]:
        """As `add`; and those of them, at most `limit`, that are next of their contacts, to be handled in this very
        transaction: they are done with its commit, and their words never lie here. Only where one writes at a time.
        """
        come = self._come(news, now, came_at)
        at_once = self._firsts(come, limit)
        rows = [self._row(each, now, is_done=each.dedupe in at_once) for each in come]
        ids = self._insert(rows, {each.dedupe: each.event.kind for each in come})
        taken = [
            TakenEvent(
                id=ids[each.dedupe],
                contact_id=each.contact_id,
                event=each.event,
                received_at=each.at,
                tries=0,
            )
            for each in come
            if each.dedupe in at_once and each.dedupe in ids
        ]
        self._tx.handling |= {each.contact_id: each.id for each in taken if each.contact_id is not None}
        return list(ids.values()), taken

    def _come(self, news: Sequence[NewEvent], now: datetime, came_at: Sequence[datetime]) -> list[_Come]:
        contacts = self._contacts_of(news, now)
        places = _Places(self._last_of_second)
        come: dict[bytes, _Come] = {}
        for new, at in zip(news, came_at, strict=True):
            contact_id = None if new.psid is None else contacts.get(new.psid)
            if new.psid is not None and contact_id is None:
                if new.psid not in contacts and isinstance(new.event, MessageWithdrawn):
                    # Nobody is remembered for it. But its message may yet come, and must not be shown then.
                    self._tx.missed.shut_out(new.key, now)
                continue
            dedupe = self._tx.keys.hash("inbox", new.key)
            if dedupe not in come:
                sent_at = places.place(contact_id, to_ms(new.event.sent_at))
                come[dedupe] = _Come(contact_id, dedupe, new.event, sent_at, at)
        return list(come.values())

    def _firsts(self, come: Sequence[_Come], limit: int) -> set[bytes]:
        """Of each contact with nothing that waits, the event that was sent first: their hashes, `limit` at most."""
        if not limit:
            return set()
        ids = {each.contact_id for each in come if each.contact_id is not None}
        waiting = {
            row["contact_id"]
            for row in self._all_of(
                "SELECT contact_id FROM inbox WHERE contact_id IN {each} AND state = 'new'", sorted(ids)
            )
        }
        first: dict[object, _Come] = {}
        for each in come:
            whose = each.dedupe if each.contact_id is None else each.contact_id
            if whose not in waiting and (whose not in first or each.sent_at < first[whose].sent_at):
                first[whose] = each
        return {each.dedupe for each in islice(first.values(), limit)}

    def add_internal(self, contact_id: int, key: str, event: Event, now: datetime) -> bool:
        """Keep an event of our own making. `key` is unique within the contact. False: seen before, or erased.

        Counted as in `add`, unless it is about a drill.
        """
        dedupe = self._tx.keys.hash("own", contact_id, key)
        sent_at = _Places(self._last_of_second).place(contact_id, to_ms(event.sent_at))
        try:
            row = self._row(_Come(contact_id, dedupe, event, sent_at, now), now)
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

    def _row(self, come: _Come, now: datetime, *, is_done: bool = False) -> dict[str, object]:
        uid = new_uid()
        return {
            "contact_id": come.contact_id,
            "uid": uid,
            "dedupe": come.dedupe,
            "body": None if is_done else self._seal(come.contact_id, uid, events.to_json(come.event)),
            "sent_at": come.sent_at,
            "received_at": to_ms(come.at),
            "try_at": to_ms(now),
            "state": "done" if is_done else "new",
            "handled_at": to_ms(now) if is_done else None,
        }

    def _insert(self, rows: Sequence[Mapping[str, object]], kinds: Mapping[bytes, str]) -> dict[bytes, int]:
        """The ids of those that were not here before, by their hashes."""
        added = self._all_from(
            "INSERT INTO inbox (contact_id, uid, dedupe, body, sent_at, received_at, try_at, state, handled_at)"
            " {rows} ON CONFLICT (dedupe) DO NOTHING RETURNING id, dedupe",
            rows,
        )
        ids: dict[bytes, int] = {row["dedupe"]: row["id"] for row in added}
        for kind, count in Counter(kinds[key] for key in ids if key in kinds).items():
            self._tx.counters.bump(f"event_{kind}", count)
        if any(row["dedupe"] in ids and row["state"] == "new" for row in rows):
            self._tx.wake("inbox")
        return ids

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

    def may_be_due(self, now: datetime) -> bool:
        """Whether `take` is worth asking; cheaper than `next_try_at`."""
        row = self._one("SELECT id FROM inbox WHERE state = 'new' AND try_at <= :now LIMIT 1", now=to_ms(now))
        return row is not None

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
