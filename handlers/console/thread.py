"""The thread as it is shown: what is folded away, and under which messages a delivery state stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.records import Alert, Delivery, Entry, QueueRow

INTAKE = timedelta(hours=12)  # the student's own words this long before the handoff belong to it
TROUBLE = frozenset({Delivery.FAILED, Delivery.UNKNOWN, Delivery.LAPSED})
SETTLE = timedelta(minutes=2)  # an unknown fate may still be settled by an echo


@dataclass(frozen=True, slots=True)
class Line:
    """One entry and what goes with it."""

    entry: Entry
    state: bool  # say below what became of it
    may_undo: bool  # nobody has begun to send it
    trouble: bool
    may_retry: bool
    quote: str | None  # the start of the message it answers


@dataclass(frozen=True, slots=True)
class Thread:
    """What is left of earlier conversations (shown only with consent), the folded beginning, and the rest."""

    earlier: list[Line]
    intake: list[Line]
    lines: list[Line]
    last_id: int
    last_at: datetime | None
    matched: tuple[str, ...]
    where: list[Entry]


def where_they_are(entries: list[Entry], opened_at: datetime) -> list[Entry]:
    """What they wrote from "I can't call" until a person answered, the newest first: some of it says where they are."""
    said = next(
        (
            index
            for index, entry in enumerate(entries)
            if (entry.written_by, entry.detail) == ("system", "cannot_call") and entry.at >= opened_at
        ),
        None,
    )
    if said is None:
        return []
    after = entries[max(0, said - 1) :]  # with the very words, typed: "I can't call, I am in ..."
    answered = next(
        (index for index, entry in enumerate(after) if entry.written_by in ("supporter", "inbox")), len(after)
    )
    return [
        entry
        for entry in reversed(after[:answered])
        if entry.written_by == "contact" and entry.kind != "choice" and not entry.withdrawn
    ]


def thread(entries: list[Entry], row: QueueRow, alert: Alert | None, now: datetime) -> Thread:
    """`entries` oldest first."""
    start = _start(entries, row)
    cut = next(
        (
            index
            for index, entry in enumerate(entries)
            if index >= start
            and (
                (entry.at >= row.opened_at and entry.written_by != "bot")
                or (
                    entry.written_by == "contact"
                    and entry.kind != "choice"
                    and entry.at >= row.opened_at - INTAKE
                )
            )
        ),
        len(entries),
    )
    outbound = [
        each for each in entries if each.delivery is not None and each.delivery is not Delivery.DROPPED
    ]
    last_out = outbound[-1].id if outbound else None
    texts = {each.mid: each.text for each in entries if each.mid and each.text}
    lines = [_line(entry, last_out, texts, now) for entry in entries]
    return Thread(
        earlier=[line for line in lines[:start] if line.entry.written_by != "note"],
        intake=lines[start:cut],
        lines=lines[cut:],
        last_id=entries[-1].id if entries else 0,
        last_at=entries[-1].at if entries else None,
        matched=alert.matched if alert else (),
        where=where_they_are(entries, row.opened_at) if alert and alert.call_for_them else [],
    )


def _start(entries: list[Entry], row: QueueRow) -> int:
    """Where this conversation begins: behind the last line that says that one before it was closed."""
    closed = [
        index
        for index, entry in enumerate(entries)
        if entry.written_by == "system" and entry.detail == "closed" and entry.at <= row.opened_at
    ]
    return closed[-1] + 1 if closed else 0


def _line(entry: Entry, last_out: int | None, texts: dict[str, str], now: datetime) -> Line:
    trouble = entry.delivery in TROUBLE
    settled = entry.delivery is not Delivery.UNKNOWN or now - (entry.delivery_at or entry.at) >= SETTLE
    quoted = texts.get(entry.reply_to) if entry.reply_to else None
    return Line(
        entry=entry,
        state=trouble or entry.send_at is not None or entry.id == last_out,
        may_undo=entry.send_at is not None and entry.written_by == "supporter",
        trouble=trouble,
        may_retry=trouble and settled and entry.written_by == "supporter" and entry.outbox_id is not None,
        quote=quoted[:60] + ("…" if len(quoted) > 60 else "") if quoted else None,
    )
