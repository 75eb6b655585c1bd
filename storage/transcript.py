"""The transcript: what was said, line by line. Texts and names are sealed; mids are found by a keyed hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.effects import AddEntry, EditEntry
from bot.messages import BotMessage, OutboundMessage, SupporterMessage
from storage.engine import Row
from storage.records import Delivery, Entry
from storage.sealing import Box, new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

if TYPE_CHECKING:
    from storage.tx import Tx

_ENTRIES = """SELECT entry.*, outbox.state AS delivery, outbox.state_at AS delivery_at, outbox.code,
outbox.next_try_at, outbox.tries
FROM entry LEFT JOIN outbox ON outbox.id = entry.outbox_id
WHERE entry.contact_id = :contact_id AND entry.id > :after_id ORDER BY entry.id DESC LIMIT :limit"""


_FOUND = "id, uid, mid_hash, edits, withdrawn, reactions, outbox_id"

Line = dict[str, Any]  # a row of `entry` in the making


class Transcript(Store):
    """Lines of conversations. Every method raises Erased when the contact is gone and something must be sealed."""

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx)
        self._known: dict[bytes, Row | None] = {}  # looked up, by hash of the mid, and not changed since

    def look_up(self, mids: Iterable[tuple[int, str]]) -> None:
        """Read what stands there with these mids of contacts whom nobody else can change now."""
        hashes = [self._mid_hash(contact_id, mid) for contact_id, mid in mids]
        rows = self._all_of(f"SELECT {_FOUND} FROM entry WHERE mid_hash IN {{each}} ORDER BY id", hashes)  # noqa: S608
        self._known = dict.fromkeys(hashes) | {row["mid_hash"]: row for row in rows}

    def add(self, contact_id: int, entry: AddEntry) -> int:
        """Keep what the contact, Meta's inbox or the system said; the entry's id."""
        return self.add_all([self.line(contact_id, entry)])[0]

    def add_note(self, contact_id: int, by: int, alias: str, text: str, now: datetime) -> int:
        """Keep words between supporters, never sent; the entry's id."""
        line = self._line(
            contact_id, now, written_by="note", kind="text", text=text, meta={"who": alias, "by": by}
        )
        return self.add_all([line])[0]

    def unsay(self, contact_id: int, outbox_id: int) -> None:
        """The line of a message that never left goes without a trace."""
        self._run(
            "DELETE FROM entry WHERE contact_id = :contact_id AND outbox_id = :outbox_id",
            contact_id=contact_id,
            outbox_id=outbox_id,
        )
        self._tx.shred()
        self._tx.wake("screens")

    def add_whisper(self, contact_id: int, by: int, alias: str, to: int, text: str, now: datetime) -> None:
        """Keep words for the one who answers now. Nobody else reads them, nor whoever answers next."""
        meta = {"who": alias, "by": by, "to": to, "detail": "whisper"}
        self.add_all([self._line(contact_id, now, written_by="note", kind="text", text=text, meta=meta)])

    def line(self, contact_id: int, entry: AddEntry) -> Line:
        """A line for `add_all`."""
        return self._line(
            contact_id,
            entry.at,
            written_by=entry.written_by,
            kind=entry.kind,
            text=entry.text,
            meta={"detail": entry.detail, "who": entry.who, "reply_to": entry.reply_to},
            mid=entry.mid,
        )

    def line_of(self, contact_id: int, message: OutboundMessage, outbox_id: int, now: datetime) -> Line:
        """The line of what we are about to say; its fate is read from the outbox row."""
        is_supporter = isinstance(message, SupporterMessage)
        return self._line(
            contact_id,
            now,
            written_by="supporter" if is_supporter else "bot",
            kind="text",
            text=message.text,
            choices=[choice.title for choice in message.choices] if isinstance(message, BotMessage) else [],
            meta={"who": message.alias} if isinstance(message, SupporterMessage) else {},
            outbox_id=outbox_id,
        )

    def _line(
        self,
        contact_id: int,
        at: datetime,
        *,
        written_by: str,
        kind: str,
        text: str | None,
        meta: dict[str, Any],
        choices: list[str] | None = None,
        mid: str | None = None,
        outbox_id: int | None = None,
    ) -> Line:
        box, uid = self._tx.box(contact_id), new_uid()
        return {
            "contact_id": contact_id,
            "uid": uid,
            "at": to_ms(at),
            "written_by": written_by,
            "kind": kind,
            "body": None if text is None and not choices else _seal_body(box, uid, text, choices or []),
            "meta": box.seal(json.dumps(meta).encode(), "entry.meta", uid),
            "mid": box.seal_text(mid, "entry.mid", uid),
            "mid_hash": None if mid is None else self._mid_hash(contact_id, mid),
            "outbox_id": outbox_id,
        }

    def add_all(self, lines: Sequence[Line]) -> list[int]:
        """Keep lines, in this order; the entries' ids."""
        if not lines:
            return []
        added = self._all_from(
            "INSERT INTO entry (contact_id, uid, at, written_by, kind, body, meta, mid, mid_hash, outbox_id) {rows}"
            " RETURNING id, uid",
            lines,
        )
        ids: dict[bytes, int] = {row["uid"]: row["id"] for row in added}
        touched: dict[int, dict[str, int]] = {}
        for line in lines:
            self._known.pop(line["mid_hash"], None)
            row = touched.setdefault(line["contact_id"], {"id": line["contact_id"], "last": 0, "unread": 0})
            row["last"] = ids[line["uid"]]
            row["unread"] += int(line["written_by"] == "contact")
        self._run_each(
            "UPDATE contact SET last_entry_id = :last, unread = unread + :unread WHERE id = :id",
            list(touched.values()),
        )
        self._tx.wake("screens")
        return [ids[line["uid"]] for line in lines]

    def edit(self, contact_id: int, edit: EditEntry) -> bool:
        """Put the new wording in the place of the old. False: no such message, withdrawn, or a newer edit is in."""
        row = self._found(contact_id, edit.mid)
        if row is None or row["withdrawn"] or row["edits"] >= edit.number:
            return False
        box = self._tx.box(contact_id)
        self._run(
            "UPDATE entry SET body = :body, edits = :number WHERE id = :id",
            id=row["id"],
            body=_seal_body(box, row["uid"], edit.text, []),
            number=edit.number,
        )
        self._changed(row)
        return True

    def withdraw(self, contact_id: int, mid: str, at: datetime) -> bool:
        """The contact took it back: its words are destroyed. False: no such message."""
        row = self._found(contact_id, mid)
        if row is None:
            return False
        self._run(
            "UPDATE entry SET withdrawn = 1, body = NULL, reactions = NULL WHERE id = :id", id=row["id"]
        )
        self._tx.shred()
        self._changed(row)
        return True

    def react(self, contact_id: int, mid: str, reaction: str, added: bool) -> None:
        """Show a reaction, or take it away. A contact has one per message; a new one replaces it."""
        row = self._found(contact_id, mid)
        if row is None or row["withdrawn"]:
            return
        box = self._tx.box(contact_id)
        if not added and _open_list(box, row, "reactions") != [reaction]:
            return
        shown = json.dumps([reaction]).encode() if added else None
        self._run(
            "UPDATE entry SET reactions = :reactions WHERE id = :id",
            id=row["id"],
            reactions=None if shown is None else box.seal(shown, "entry.reactions", row["uid"]),
        )
        self._changed(row)

    def _changed(self, row: Row) -> None:
        self._known.pop(row["mid_hash"], None)
        self._tx.wake("screens")

    def delivered(self, contact_id: int, watermark: datetime) -> None:
        """What was sent up to `watermark` reached the contact."""
        self._reached(contact_id, watermark, Delivery.DELIVERED)

    def read(self, contact_id: int, watermark: datetime) -> None:
        """What was sent up to `watermark` was seen."""
        self._reached(contact_id, watermark, Delivery.SEEN)

    def _reached(self, contact_id: int, watermark: datetime, state: Delivery) -> None:
        # Compared with the moment the sending began: the channel stamps a message before we hear that it went.
        changed = self._run(
            "UPDATE outbox SET state = :state, state_at = :at WHERE contact_id = :contact_id"
            " AND state IN ('sent', 'delivered') AND state <> :state AND claimed_at <= :at",
            state=state.value,
            at=to_ms(watermark),
            contact_id=contact_id,
        )
        if changed:
            self._tx.wake("screens")

    def entries(self, contact_id: int, after_id: int = 0, limit: int = 500) -> list[Entry]:
        """The newest `limit` entries after `after_id`, oldest first."""
        rows = self._all(_ENTRIES, contact_id=contact_id, after_id=after_id, limit=limit)
        if not rows:
            return []
        box = self._tx.box(contact_id)
        return [_opened(box, row) for row in reversed(rows)]

    def last_id(self, contact_id: int) -> int:
        """The newest entry's id; 0 when there is none."""
        return int(self._value("SELECT last_entry_id FROM contact WHERE id = :id", id=contact_id) or 0)

    def last_of_contact(self, contact_id: int) -> int:
        """The id of the newest line that the contact wrote; 0 when there is none."""
        return int(
            self._value(
                "SELECT MAX(id) FROM entry WHERE contact_id = :id AND written_by = 'contact'", id=contact_id
            )
            or 0
        )

    def opened_to(self, contact_id: int) -> int:
        """How far somebody has had it on the screen: the last line's id."""
        return int(self._value("SELECT seen_entry_id FROM contact WHERE id = :id", id=contact_id) or 0)

    def knows(self, contact_id: int, mid: str) -> bool:
        """Whether this mid is a message that we sent."""
        row = self._found(contact_id, mid)
        return row is not None and row["outbox_id"] is not None

    def holds(self, contact_id: int, mid: str) -> bool:
        """Whether there is a line with this mid, whoever wrote it."""
        return self._found(contact_id, mid) is not None

    def edits(self, contact_id: int, mid: str) -> int:
        """Which edit's words stand in the line with this mid; 0: the first ones, or there is no such line."""
        row = self._found(contact_id, mid)
        return 0 if row is None else int(row["edits"])

    def words(self, contact_id: int, mid: str) -> str | None:
        """What the line with this mid says now; None: nothing any more, or there is no such line."""
        row = self._one(
            "SELECT uid, body FROM entry WHERE mid_hash = :hash ORDER BY id DESC LIMIT 1",
            hash=self._mid_hash(contact_id, mid),
        )
        if row is None or row["body"] is None:
            return None
        body = json.loads(self._tx.box(contact_id).open(row["body"], "entry.body", row["uid"]))
        text: str | None = body.get("text")
        return text

    def set_mids(self, mids: Mapping[int, str]) -> None:
        """The channel's ids of messages that went out, by outbox id. What is erased meanwhile is left out."""
        rows = self._all_of(
            "SELECT entry.id, entry.uid, entry.mid_hash, entry.outbox_id, entry.contact_id, contact.uid AS contact_uid,"
            " contact.key_wrapped FROM entry JOIN contact ON contact.id = entry.contact_id"
            " WHERE entry.outbox_id IN {each} AND contact.key_wrapped IS NOT NULL ORDER BY entry.id",
            mids,
        )
        changed = []
        for row in rows:
            contact_id, mid = row["contact_id"], mids[row["outbox_id"]]
            mid_hash = self._mid_hash(contact_id, mid)
            if row["mid_hash"] == mid_hash:
                continue
            box = self._tx.keep_box(contact_id, {**row, "uid": row["contact_uid"]})
            sealed = box.seal(mid.encode(), "entry.mid", row["uid"])
            changed.append({"id": row["id"], "mid": sealed, "mid_hash": mid_hash})
        self._run_each("UPDATE entry SET mid = :mid, mid_hash = :mid_hash WHERE id = :id", changed)

    def mark_opened(self, contact_id: int, staff_id: int, entry_id: int, now: datetime) -> None:
        """Somebody has had everything up to `entry_id` on the screen; unread counts for whoever has claimed it."""
        self._tx.contacts.lock(contact_id)  # before counting: a line may be on its way in
        changed = self._run(
            "UPDATE contact SET seen_entry_id = :entry_id WHERE id = :id AND seen_entry_id < :entry_id",
            id=contact_id,
            entry_id=entry_id,
        )
        changed += self._run(
            "UPDATE contact SET unread = (SELECT count(*) FROM entry WHERE entry.contact_id = :id"
            " AND entry.id > :entry_id AND entry.written_by = 'contact')"
            " WHERE id = :id AND unread > 0 AND EXISTS (SELECT 1 FROM conversation WHERE contact_id = :id"
            " AND status = 'claimed' AND claimed_by = :staff_id)",
            id=contact_id,
            entry_id=entry_id,
            staff_id=staff_id,
        )
        if changed:
            self._tx.wake("screens")

    def forget_text(
        self, closed_before: datetime, open_before: datetime, unopened_before: datetime | None = None
    ) -> int:
        """Retention; see `retention.Retention.forget_text`."""
        return self._tx.retention.forget_text(closed_before, open_before, unopened_before)

    def _found(self, contact_id: int, mid: str) -> Row | None:
        mid_hash = self._mid_hash(contact_id, mid)
        if mid_hash in self._known:
            return self._known[mid_hash]
        return self._one(
            f"SELECT {_FOUND} FROM entry WHERE mid_hash = :hash ORDER BY id DESC LIMIT 1",  # noqa: S608
            hash=mid_hash,
        )

    def _mid_hash(self, contact_id: int, mid: str) -> bytes:
        return self._tx.keys.hash("mid", contact_id, mid)


def _seal_body(box: Box, uid: bytes, text: str | None, choices: list[str]) -> bytes:
    return box.seal(json.dumps({"text": text, "choices": choices}).encode(), "entry.body", uid)


def _open_list(box: Box, row: Row, column: str) -> list[str]:
    if row[column] is None:
        return []
    opened: list[str] = json.loads(box.open(row[column], f"entry.{column}", row["uid"]))
    return opened


def _opened(box: Box, row: Row) -> Entry:
    uid, is_hidden = row["uid"], bool(row["withdrawn"])
    meta = json.loads(box.open(row["meta"], "entry.meta", uid))
    body = json.loads(box.open(row["body"], "entry.body", uid)) if row["body"] is not None else {}
    delivery = Delivery(row["delivery"]) if row["delivery"] is not None else None
    return Entry(
        id=row["id"],
        at=from_ms(row["at"]),
        written_by=row["written_by"],
        kind=row["kind"],
        text=body.get("text"),
        detail=None if is_hidden else meta.get("detail"),
        who=meta.get("who"),
        between=(meta["by"], meta["to"]) if "to" in meta else None,
        mid=box.open_text(row["mid"], "entry.mid", uid),
        reply_to=meta.get("reply_to"),
        edits=row["edits"],
        withdrawn=is_hidden,
        reactions=tuple(_open_list(box, row, "reactions")),
        choices=tuple(body.get("choices", ())),
        outbox_id=row["outbox_id"],
        delivery=delivery,
        delivery_at=from_ms_or_none(row["delivery_at"]),
        failure=row["code"] if delivery is Delivery.FAILED else None,
        send_at=from_ms(row["next_try_at"]) if delivery is Delivery.WAITING and not row["tries"] else None,
    )
