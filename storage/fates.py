"""What became of messages that were under way when a worker died, or whose answer never came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from bot import messages
from bot.messages import BotMessage, Purpose
from storage.begun import Try
from storage.engine import Row
from storage.errors import WrongKey
from storage.records import LostSend
from storage.store import Store
from storage.times import from_ms, to_ms

# Nothing has been said to the student since, and nothing is on its way.
_LAST = (
    " NOT EXISTS (SELECT 1 FROM outbox later WHERE later.contact_id = outbox.contact_id AND later.id > outbox.id"
    " AND later.state IN ('waiting', 'sending', 'sent', 'delivered', 'seen', 'unknown'))"
)
# Nor has the student a person, nor asked not to be written to.
_BOT_MAY = (
    "conversation.status IN ('bot', 'waiting') AND conversation.paused = 0 AND conversation.elsewhere = 0"
)
_UNSURE = (
    "outbox.state = 'unknown' AND outbox.settled = 1 AND outbox.purpose NOT IN ('card', 'supporter')"
    f" AND outbox.taken_back = 0 AND outbox.body IS NOT NULL AND {_BOT_MAY} AND {_LAST}"
)
_LOST = (
    "outbox.id, outbox.contact_id, outbox.uid, outbox.body, outbox.claimed_at, outbox.state_at,"
    " contact.uid AS contact_uid, contact.psid, contact.key_wrapped"
)
# Meta's clock, by which `last_inbound_at` goes, may be ahead of ours by so much: who wrote is still shown as waiting.
_AHEAD_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """A text of the bot that a student may not have got, and is waiting behind."""

    outbox_id: int
    contact_id: int
    said_at: datetime


class Fates(Store):
    """Rows of the outbox that nobody is sending and that may have gone out."""

    def under_way(self, worker: str, tries: Collection[Try]) -> list[tuple[int, int, Purpose]]:
        """Those of `tries` that this worker has under way: id, contact, purpose."""
        rows = self._all_of(
            "SELECT id, contact_id, purpose, tries FROM outbox WHERE state = 'sending' AND worker = :worker"
            " AND id IN {each} ORDER BY id {for_update}",
            sorted({outbox_id for outbox_id, _ in tries}),
            worker=worker,
        )
        return [
            (row["id"], row["contact_id"], Purpose(row["purpose"]))
            for row in rows
            if (row["id"], row["tries"]) in tries
        ]

    def recover(self, worker: str, begun: Collection[Try], now: datetime) -> int:
        """What a dead worker had under way: of unknown fate if it had begun to leave; else it waits again. How many
        of those there are.
        """
        self._run_of(
            "UPDATE outbox SET state = 'unknown', state_at = :now, code = NULL"
            " WHERE state = 'sending' AND worker = :worker AND id IN {each}",
            [outbox_id for outbox_id, _, _ in self.under_way(worker, begun)],
            worker=worker,
            now=to_ms(now),
        )
        count = self._run(
            "UPDATE outbox SET state = CASE WHEN taken_back = 1 THEN 'dropped' ELSE 'waiting' END,"
            " body = CASE WHEN taken_back = 1 THEN NULL ELSE body END, state_at = :now, claimed_at = NULL"
            " WHERE state = 'sending' AND worker = :worker",
            worker=worker,
            now=to_ms(now),
        )
        self._tx.wake("outbox", "screens")
        return count

    def lost(self, since: datetime) -> list[LostSend]:
        """Those of unknown fate since then, whose words can be read."""
        rows = self._all(
            f"SELECT {_LOST} FROM outbox JOIN contact ON contact.id = outbox.contact_id"  # noqa: S608
            " WHERE outbox.state = 'unknown' AND outbox.state_at > :since AND outbox.claimed_at IS NOT NULL"
            " AND outbox.body IS NOT NULL AND contact.key_wrapped IS NOT NULL AND contact.drill = 0"
            " ORDER BY outbox.state_at, outbox.id",
            since=to_ms(since),
        )
        return self._opened(rows)

    def _opened(self, rows: Sequence[Row]) -> list[LostSend]:
        opened = map(self._open, rows)
        return [each for each in opened if each is not None]

    def _open(self, row: Row) -> LostSend | None:
        contact = {"uid": row["contact_uid"], "key_wrapped": row["key_wrapped"]}
        try:
            box = self._tx.keep_box(row["contact_id"], contact)
            message = messages.from_json(box.open(row["body"], "outbox.body", row["uid"]))
            psid = box.open(row["psid"], "contact.psid", row["contact_uid"]).decode()
        except (WrongKey, ValidationError):
            return None
        return LostSend(
            id=row["id"],
            contact_id=row["contact_id"],
            psid=psid,
            message=message,
            claimed_at=from_ms(row["claimed_at"]),
            unknown_at=from_ms(row["state_at"]),
        )

    def not_arrived(self, outbox_id: int, now: datetime) -> Literal["waiting", "failed"] | None:
        """The channel does not have it. A card waits again, once, whatever was said since; so does another text of the
        bot, if nothing was said since by either side, read or not, and the bot may still speak. What was taken back
        does not, and anything else is shown as failed. None: its fate is known by now. Lock the contact before.
        """
        again = self._run(
            "UPDATE outbox SET state = 'waiting', state_at = :now, next_try_at = :now, claimed_at = NULL,"  # noqa: S608
            " tries = tries + 1, repeats = repeats + 1, settled = 0, code = NULL"
            " WHERE id = :id AND state = 'unknown' AND body IS NOT NULL AND taken_back = 0 AND repeats = 0"
            f" AND (purpose = 'card' OR (purpose <> 'supporter' AND {_LAST} AND EXISTS (SELECT 1 FROM conversation"
            f" WHERE conversation.contact_id = outbox.contact_id AND {_BOT_MAY}"
            " AND outbox.claimed_at >= conversation.last_inbound_at) AND NOT EXISTS (SELECT 1 FROM inbox"
            " WHERE inbox.contact_id = outbox.contact_id AND inbox.state = 'new')))",
            id=outbox_id,
            now=to_ms(now),
        )
        failed = (
            0
            if again
            else self._run(
                "UPDATE outbox SET state = 'failed', state_at = :now, code = 'not_arrived'"
                " WHERE id = :id AND state = 'unknown'",
                id=outbox_id,
                now=to_ms(now),
            )
        )
        if again or failed:
            self._tx.wake("outbox", "screens")
        return "waiting" if again else "failed" if failed else None

    def unsure(self, now: datetime, before: datetime, since: datetime) -> Sequence[Unsure]:
        """Texts of unknown fate since `since` and before `before` that are worth sending even now, and behind which a
        student waits, whom no person answers: nothing was said since, by either side. The oldest first.
        """
        rows = self._all(
            f"SELECT {_LOST} FROM outbox JOIN conversation ON conversation.contact_id = outbox.contact_id"  # noqa: S608
            f" JOIN contact ON contact.id = outbox.contact_id WHERE {_UNSURE}"
            " AND outbox.state_at < :before AND outbox.state_at > :since"
            " AND contact.key_wrapped IS NOT NULL"
            " AND outbox.claimed_at >= conversation.last_inbound_at - :ahead ORDER BY outbox.state_at, outbox.id",
            before=to_ms(before),
            since=to_ms(since),
            ahead=_AHEAD_MS,
        )
        return [
            Unsure(outbox_id=each.id, contact_id=each.contact_id, said_at=each.claimed_at)
            for each in self._opened(rows)
            if isinstance(each.message, BotMessage) and each.message.not_after > now
        ]

    def let_be(self, outbox_id: int) -> None:
        """A person has looked, and it is not to be sent again."""
        self._run(
            "UPDATE outbox SET settled = 2 WHERE id = :id AND state = 'unknown' AND settled = 1", id=outbox_id
        )
        self._tx.wake("screens")
