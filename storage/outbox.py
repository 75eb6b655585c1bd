"""The outbox: messages on their way out. One at a time per contact, in order, an emergency card before all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bot import messages
from bot.messages import OutboundMessage, Purpose
from storage.claims import Claims
from storage.engine import Row
from storage.sealing import new_uid
from storage.times import from_ms_or_none, to_ms

_Whom = tuple[int, OutboundMessage]  # a message, and its contact before it


class Outbox(Claims):
    """Messages and their fate. A row that has been sent, or is gone, ignores what comes too late."""

    def add(
        self, contact_id: int, message: OutboundMessage, now: datetime, not_before: datetime | None = None
    ) -> int:
        """Queue a message and write it into the transcript; its outbox id. Nobody begins to send it before
        `not_before`. Raises Erased.
        """
        (outbox_id,) = self.add_all([(contact_id, message)], now, not_before)
        self._tx.transcript.add_all([self._tx.transcript.line_of(contact_id, message, outbox_id, now)])
        return outbox_id

    def add_all(
        self,
        whom: Sequence[_Whom],
        now: datetime,
        not_before: datetime | None = None,
        *,
        begins: bool = False,
    ) -> list[int]:
        """Queue messages, each with its contact; their ids. The caller writes them into the transcript.

        `begins`: what `may_begin` allows is claimed as it is written, the first message of each contact who has
        nothing under way. For contacts whom nobody else can change now, whose conversations are saved.
        """
        rows = [self._new(contact_id, message, now, not_before) for contact_id, message in whom]
        claims = self._begin(rows, now) if begins and not_before is None else None
        added = self._all_from(
            "INSERT INTO outbox (contact_id, inbox_id, uid, purpose, place, state, state_at, body, created_at,"
            " next_try_at, claimed_at, worker) {rows} RETURNING id, uid",
            rows,
        )
        by_uid: dict[object, int] = {row["uid"]: row["id"] for row in added}
        ids = [by_uid[row["uid"]] for row in rows]
        self._tx.written.update(zip(ids, (message for _, message in whom), strict=True))
        if claims is None or claims.leaves_some:
            self._tx.wake("outbox")
        if claims is not None:
            self._keep_begun(rows, ids, claims, now)
        return ids

    def _new(
        self, contact_id: int, message: OutboundMessage, now: datetime, not_before: datetime | None
    ) -> dict[str, object]:
        uid, at = new_uid(), to_ms(now)
        return {
            "contact_id": contact_id,
            "inbox_id": self._tx.handling.get(contact_id),
            "uid": uid,
            "purpose": message.purpose.value,
            "place": 0 if message.purpose is Purpose.CARD else 1,
            # For a drill's invented student nothing ever waits to be sent.
            "state": "dropped" if self._tx.drills.is_drill(contact_id) else "waiting",
            "state_at": at,
            "body": self._tx.box(contact_id).seal(messages.to_json(message), "outbox.body", uid),
            "created_at": at,
            "next_try_at": at if not_before is None else max(at, to_ms(not_before)),
            "claimed_at": None,
            "worker": None,
        }

    def hurry(self, contact_id: int, outbox_id: int, staff_id: int, now: datetime) -> None:
        """Send a person's own words now that were held back. What waits no more, or is another's, stays as it is."""
        if self._held(contact_id, outbox_id, staff_id) is not None:
            self._run(
                "UPDATE outbox SET next_try_at = :now WHERE id = :id AND state = 'waiting' AND tries = 0",
                id=outbox_id,
                now=to_ms(now),
            )
            self._tx.wake("outbox", "screens")

    def take_back(self, contact_id: int, outbox_id: int, staff_id: int, now: datetime) -> str | None:
        """A person's own words that nobody has begun to send: they will not be. None: too late, or not theirs."""
        text = self._held(contact_id, outbox_id, staff_id)
        if text is None:
            return None
        changed = self._run(
            "UPDATE outbox SET state = 'dropped', state_at = :now, body = NULL WHERE id = :id AND state = 'waiting'",
            id=outbox_id,
            now=to_ms(now),
        )
        if not changed:
            return None
        self._tx.transcript.unsay(contact_id, outbox_id)
        self._tx.wake("outbox")
        return text

    def hold_back(self, contact_id: int, now: datetime) -> list[tuple[int, str]]:
        """People's words that wait to be sent will not be: who wrote them, and the words, the oldest first.

        What is being sent may still go out, but is not tried again.
        """
        rows = self._all(
            "SELECT id, uid, body FROM outbox WHERE contact_id = :contact_id AND purpose = 'supporter'"
            " AND state = 'waiting' ORDER BY id {for_update}",
            contact_id=contact_id,
        )
        box, back = self._tx.box(contact_id), []
        for row in rows:
            message = messages.from_json(box.open(row["body"], "outbox.body", row["uid"]))
            if isinstance(message, messages.SupporterMessage):
                back.append((message.supporter_id, message.text))
                self._tx.transcript.unsay(contact_id, row["id"])
        self.drop(contact_id, {Purpose.SUPPORTER}, now)
        return back

    def _held(self, contact_id: int, outbox_id: int, staff_id: int) -> str | None:
        row = self._one(
            "SELECT uid, body FROM outbox WHERE id = :id AND contact_id = :contact_id AND purpose = 'supporter'"
            " AND state = 'waiting' AND tries = 0 {for_update}",
            id=outbox_id,
            contact_id=contact_id,
        )
        if row is None:
            return None
        message = messages.from_json(self._tx.box(contact_id).open(row["body"], "outbox.body", row["uid"]))
        is_theirs = isinstance(message, messages.SupporterMessage) and message.supporter_id == staff_id
        return message.text if is_theirs else None

    def drop(self, contact_id: int, purposes: Collection[Purpose], now: datetime) -> int:
        """Take back what nobody has begun to send and has one of these purposes; how many.

        What is being sent, or is of unknown fate, may still go out, but is not tried again.
        """
        count = 0
        for purpose in sorted(purposes):
            count += self._run(
                "UPDATE outbox SET state = 'dropped', state_at = :now, body = NULL"
                " WHERE contact_id = :contact_id AND state = 'waiting' AND purpose = :purpose",
                contact_id=contact_id,
                purpose=purpose.value,
                now=to_ms(now),
            )
            self._run(
                "UPDATE outbox SET taken_back = 1"
                " WHERE contact_id = :contact_id AND state IN ('sending', 'unknown') AND purpose = :purpose",
                contact_id=contact_id,
                purpose=purpose.value,
            )
        if count:
            self._tx.wake("outbox", "screens")
        return count

    def sent(self, mids: Mapping[int, str | None], now: datetime) -> None:
        """These went out, by id, with the channel's ids as far as it told them; the words are kept in the
        transcript only.
        """
        self._lock(mids)
        self._set_sent(mids, now)
        self._tx.transcript.set_mids({id: mid for id, mid in mids.items() if mid is not None})
        self._tx.wake("outbox", "screens")

    def _lock(self, ids: Collection[int]) -> None:
        """In one order for all, or two writers wait for each other."""
        self._all_of("SELECT id FROM outbox WHERE id IN {each} ORDER BY id {for_update}", sorted(ids))

    def retry(self, outbox_id: int, now: datetime, next_try_at: datetime, code: str) -> None:
        """It did not go out and may be tried again from `next_try_at` on, unless it was taken back meanwhile.

        `code` is a stable error code.
        """
        self._run(
            "UPDATE outbox SET state = CASE WHEN taken_back = 1 THEN 'dropped' ELSE 'waiting' END,"
            " body = CASE WHEN taken_back = 1 THEN NULL ELSE body END, state_at = :now,"
            " next_try_at = :next_try_at, tries = tries + 1, code = :code WHERE id = :id AND state = 'sending'",
            id=outbox_id,
            now=to_ms(now),
            next_try_at=to_ms(next_try_at),
            code=code,
        )
        self._tx.wake("outbox", "screens")

    def failed(self, outbox_id: int, code: str, now: datetime) -> None:
        """It cannot be sent. The words stay until retention, for a person to send again."""
        self._end(outbox_id, "failed", code, now, "'waiting', 'sending', 'unknown'")

    def unknown(self, outbox_id: int, now: datetime) -> None:
        """It may have arrived. Holds up its contact until the echo comes or `settle_unknown`."""
        self._end(outbox_id, "unknown", None, now, "'sending'")

    def lapsed(self, outbox_id: int, now: datetime) -> None:
        """It is too late to be worth sending."""
        self._end(outbox_id, "lapsed", None, now, "'waiting', 'sending', 'unknown'")

    def resend(self, outbox_id: int, now: datetime) -> bool:
        """Back to waiting: a card of unknown fate, or a person's second try.

        False when nothing will be sent: it did go out, its words are gone, or it is a card that has been
        repeated once already and is of unknown fate again (which is then settled).
        """
        changed = self._run(
            "UPDATE outbox SET state = 'waiting', state_at = :now, next_try_at = :now, tries = tries + 1,"
            " repeats = repeats + 1, settled = 0, taken_back = 0, code = NULL WHERE id = :id AND body IS NOT NULL"
            " AND (state IN ('failed', 'lapsed') OR (state = 'unknown' AND (place = 1 OR repeats = 0)))",
            id=outbox_id,
            now=to_ms(now),
        )
        if not changed:
            self.settle_unknown(outbox_id, now)
        self._tx.wake("outbox", "screens")
        return changed == 1

    def confirm(self, contact_id: int, outbox_id: int | None, mid: str, now: datetime) -> int | None:
        """The echo of a message of ours; its outbox id if only now we know that it went out."""
        if outbox_id is None:
            return None  # with a mid that we know it is recorded as sent already
        row = self._row(outbox_id)
        if row is None or row["contact_id"] != contact_id:
            return None
        settled = self._set_sent([outbox_id], now)
        self._tx.transcript.set_mids({outbox_id: mid})
        if settled:
            self._tx.wake("outbox", "screens")
        return outbox_id if settled else None

    def is_unsettled(self, outbox_id: int) -> bool:
        """Whether its fate is unknown and nobody has settled it; nobody else will while this transaction lasts."""
        row = self._one(
            "SELECT id FROM outbox WHERE id = :id AND state = 'unknown' AND settled = 0 {for_update}",
            id=outbox_id,
        )
        return row is not None

    def settle_unknown(self, outbox_id: int, now: datetime) -> None:
        """Nothing more will be learnt: it stays unknown and no longer holds up its contact."""
        self._run("UPDATE outbox SET settled = 1 WHERE id = :id AND state = 'unknown'", id=outbox_id)
        self._tx.wake("outbox", "screens")

    def purpose(self, outbox_id: int) -> Purpose | None:
        """Why it was written; None when it is gone with its contact."""
        found = self._value("SELECT purpose FROM outbox WHERE id = :id", id=outbox_id)
        return None if found is None else Purpose(found)

    def stuck(self, claimed_before: datetime) -> list[tuple[int, int, Purpose]]:
        """Rows still in `sending` that were claimed before then: id, contact, purpose."""
        return self._triples("state = 'sending' AND claimed_at < :before", before=to_ms(claimed_before))

    def unsettled(self, unknown_before: datetime) -> list[tuple[int, int, Purpose]]:
        """Rows of unknown fate since before then that nobody has settled: id, contact, purpose."""
        return self._triples(
            "state = 'unknown' AND settled = 0 AND state_at < :before", before=to_ms(unknown_before)
        )

    def late_cards(self, written_before: datetime) -> list[int]:
        """Contacts whose emergency card was written before then and has not left."""
        rows = self._all(
            "SELECT contact_id FROM outbox WHERE place = 0 AND state = 'waiting' AND created_at < :before"
            " UNION SELECT contact_id FROM outbox WHERE place = 0 AND state = 'sending' AND created_at < :before"
            " ORDER BY contact_id",
            before=to_ms(written_before),
        )
        return [row["contact_id"] for row in rows]

    def waiting_count(self) -> int:
        """Messages that nobody has begun to send."""
        return int(self._value("SELECT count(*) FROM outbox WHERE state = 'waiting'"))

    def oldest_waiting_at(self) -> datetime | None:
        """When the oldest waiting message was written."""
        return from_ms_or_none(self._value("SELECT MIN(created_at) FROM outbox WHERE state = 'waiting'"))

    def _row(self, outbox_id: int) -> Row | None:
        return self._one("SELECT contact_id, state FROM outbox WHERE id = :id {for_update}", id=outbox_id)

    def _set_sent(self, ids: Collection[int], now: datetime) -> int:
        """How many: of the others it is known already that they were sent, or they were taken back before."""
        return self._run_of(
            "UPDATE outbox SET state = 'sent', state_at = :now, body = NULL, code = NULL, settled = 0,"
            " claimed_at = COALESCE(claimed_at, :now)"
            " WHERE id IN {each} AND state NOT IN ('sent', 'delivered', 'seen')",
            ids,
            now=to_ms(now),
        )

    def _end(self, outbox_id: int, state: str, code: str | None, now: datetime, earlier: str) -> None:
        self._run(
            "UPDATE outbox SET state = :state, state_at = :now, code = :code"  # noqa: S608 - fixed words
            f" WHERE id = :id AND state IN ({earlier})",
            id=outbox_id,
            state=state,
            code=code,
            now=to_ms(now),
        )
        self._tx.wake("outbox", "screens")

    def _triples(self, condition: str, *, before: int) -> list[tuple[int, int, Purpose]]:
        rows = self._all(
            f"SELECT id, contact_id, purpose FROM outbox WHERE {condition} ORDER BY contact_id, id",  # noqa: S608
            before=before,
        )
        return [(row["id"], row["contact_id"], Purpose(row["purpose"])) for row in rows]
