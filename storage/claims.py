"""What is to be sent next, and by whom: one message at a time per contact, in order, an emergency card before all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bot import messages
from storage.engine import Row
from storage.errors import WrongKey
from storage.records import TakenSend
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

if TYPE_CHECKING:
    from storage.tx import Tx

# A message of unknown fate holds up its contact until `settle_unknown`; no longer than this if nobody settles it.
_UNKNOWN_HOLDS_MS = 60_000

# The first waiting row of a contact who has nothing in flight. Only a card does not wait for a message of
# unknown fate: it goes ahead of everything anyway, and a double is harmless.
_HEAD = (
    " outbox.state = 'waiting'"
    " AND NOT EXISTS (SELECT 1 FROM outbox other WHERE other.state = 'sending'"
    " AND other.contact_id = outbox.contact_id)"
    " AND NOT EXISTS (SELECT 1 FROM outbox first WHERE first.state = 'waiting'"
    " AND first.contact_id = outbox.contact_id AND (first.place, first.id) < (outbox.place, outbox.id))"
    " AND (outbox.place = 0 OR NOT EXISTS (SELECT 1 FROM outbox lost WHERE lost.state = 'unknown'"
    " AND lost.settled = 0 AND lost.contact_id = outbox.contact_id AND lost.state_at > :unknown_after))"
)
# Of whom a message is claimed as it is written: nothing of theirs waits, is under way or of unknown fate.
_FREE = (
    " NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.contact_id = contact.id AND outbox.state = 'waiting')"
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.contact_id = contact.id AND outbox.state = 'sending')"
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.contact_id = contact.id AND outbox.state = 'unknown'"
    " AND outbox.settled = 0)"
)
_WHOSE = (
    "SELECT id, uid, psid, key_wrapped, (SELECT last_inbound_at FROM conversation"
    " WHERE conversation.contact_id = contact.id) AS last_inbound_at FROM contact"
    " WHERE id IN {each} AND key_wrapped IS NOT NULL AND drill = 0"
)
_CANDIDATES = (0, 16)  # rows to look at beyond those wanted, when some cannot be had


@dataclass(frozen=True, slots=True)
class _Begun:
    """Of rows that are about to be written: the contacts whose first one is claimed with it."""

    contacts: Mapping[int, Row]
    leaves_some: bool  # another one may be claimed at once


class Claims(Store):
    """The part of the outbox from which workers take."""

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx)
        self._worker: str | None = None
        self._most = 0
        self.begun: list[TakenSend] = []  # claimed as they were written

    def may_begin(self, worker: str, limit: int) -> None:
        """Up to so many messages that `add_all` writes in this transaction may be claimed for this worker at once."""
        self._worker, self._most = worker, limit

    def claim(self, now: datetime, worker: str, limit: int) -> list[TakenSend]:
        """Give this worker the next messages to send, one per contact; they are in state `sending` from now on.

        Cards of any contact come first, then the order of writing. A contact's message that waits to be tried
        again holds up that contact's later ones.
        """
        at = to_ms(now)
        taken: list[TakenSend] = []
        for more in _CANDIDATES:
            wanted = limit - len(taken) + more
            heads = self._all(
                f"SELECT id, contact_id FROM outbox WHERE next_try_at <= :now AND {_HEAD}"  # noqa: S608
                " ORDER BY place, id LIMIT :limit {skip_locked}",
                now=at,
                unknown_after=at - _UNKNOWN_HOLDS_MS,
                limit=wanted,
            )
            taken += self._claim(heads, at, worker, limit - len(taken))
            if len(taken) == limit or len(heads) < wanted:
                break
        return taken

    def is_due(self, now: datetime) -> bool:
        """Whether `claim` would find something."""
        at = to_ms(now)
        row = self._one(
            f"SELECT id FROM outbox WHERE next_try_at <= :now AND {_HEAD} LIMIT 1",  # noqa: S608
            now=at,
            unknown_after=at - _UNKNOWN_HOLDS_MS,
        )
        return row is not None

    def next_due_at(self, now: datetime) -> datetime | None:
        """When `claim` will next have something; None: not before a send ends or a message is added."""
        return from_ms_or_none(
            self._value(
                f"SELECT MIN(next_try_at) FROM outbox WHERE {_HEAD}",  # noqa: S608
                unknown_after=to_ms(now) - _UNKNOWN_HOLDS_MS,
            )
        )

    def _begin(self, rows: Sequence[dict[str, object]], now: datetime) -> _Begun:
        """Mark those of `rows`, not written yet, that are claimed as they are written."""
        at, first = to_ms(now), dict[int, dict[str, object]]()
        for row in sorted(rows, key=itemgetter("place")):  # a card goes before what was written before it
            if row["state"] == "waiting":
                first.setdefault(row["contact_id"], row)  # type: ignore[arg-type]
        left = self._most - len(self.begun)
        if self._worker is None or left < len(first):
            return _Begun({}, leaves_some=bool(first))
        found = {row["id"]: row for row in self._all_of(f"{_WHOSE} AND {_FREE}", first)}
        for contact_id in found:
            first[contact_id] |= {"state": "sending", "claimed_at": at, "worker": self._worker}
        return _Begun(found, leaves_some=len(found) < len(first))

    def _keep_begun(
        self, rows: Sequence[Mapping[str, object]], ids: Sequence[int], begun: _Begun, now: datetime
    ) -> None:
        for row, outbox_id in zip(rows, ids, strict=True):
            if row["state"] == "sending":
                contact = begun.contacts[row["contact_id"]]  # type: ignore[index]
                send = self._opened({**row, "id": outbox_id, "tries": 0}, contact, to_ms(now))
                self.begun += [send] if send else []

    def _claim(self, heads: Sequence[Row], at: int, worker: str, limit: int) -> list[TakenSend]:
        """Those of `heads` whose contacts nobody else has, in their order, `limit` at most."""
        contacts = {
            row["id"]: row
            for row in self._all_of(
                f"{_WHOSE} ORDER BY id {{skip_locked}}",
                sorted({head["contact_id"] for head in heads}),
            )
        }
        mine = [head["id"] for head in heads if head["contact_id"] in contacts][:limit]
        rows = {
            row["id"]: row
            for row in self._all_of(
                "UPDATE outbox SET state = 'sending', state_at = :now, claimed_at = :now, worker = :worker"  # noqa: S608
                f" WHERE id IN {{each}} AND {_HEAD} RETURNING id, contact_id, inbox_id, uid, body, tries,"
                " created_at",
                mine,
                now=at,
                worker=worker,
                unknown_after=at - _UNKNOWN_HOLDS_MS,
            )
        }
        opened = (self._opened(rows[id], contacts[rows[id]["contact_id"]], at) for id in mine if id in rows)
        return [send for send in opened if send is not None]

    def _opened(self, row: Row, contact: Row, at: int) -> TakenSend | None:
        try:
            box = self._tx.keep_box(row["contact_id"], contact)
            message = self._tx.written.get(row["id"])  # it may have been written a moment ago
            message = message or messages.from_json(box.open(row["body"], "outbox.body", row["uid"]))
            psid = box.open(contact["psid"], "contact.psid", contact["uid"]).decode()
        except (WrongKey, ValidationError):  # nobody can send it; the others must not wait behind it
            self._tx.outbox.failed(row["id"], "unreadable", from_ms(at))
            self._tx.incidents.open("poison_message", from_ms(at))
            return None
        return TakenSend(
            id=row["id"],
            inbox_id=row["inbox_id"],
            contact_id=row["contact_id"],
            psid=psid,
            message=message,
            tries=row["tries"],
            created_at=from_ms(row["created_at"]),
            last_inbound_at=from_ms_or_none(contact["last_inbound_at"]),
        )
