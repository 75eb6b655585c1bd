"""Timed work: plain functions of the store and the time, safe to run twice and after any crash."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from bot import handoff
from bot.content import Content
from bot.conversation import Status
from bot.events import TimerDue
from bot.messages import Purpose
from handlers.turns import draft_for, save, tell
from storage import Storage, Tx

NO_ECHO = timedelta(seconds=20)  # how long a message of unknown fate waits for its echo
OLD_SHIFTS = timedelta(days=365)  # who had which shift is nobody's business for longer
LOST_SEND = timedelta(seconds=90)  # longer than other workers' sends take: whoever sent it is gone
UNREAD_OPEN_DAYS = 3
SEEN_EVENTS = timedelta(days=30)  # how long an event is remembered so that it is taken only once


def fire_timers(storage: Storage, now: datetime, limit: int = 200) -> int:
    """Turn due timers into events, in the same transaction: each comes once. Returns how many."""

    def fire(tx: Tx) -> int:
        due = tx.timers.due(now, limit)
        for contact_id, name, due_at in due:
            key = f"timer:{contact_id}:{name}:{due_at.isoformat()}"
            tx.inbox.add_internal(contact_id, key, TimerDue(sent_at=due_at, name=name), now)
            tx.timers.remove(contact_id, name, due_at)
        if due:
            tx.wake("screens")
        return len(due)

    return storage.write(fire)


def recover_sends(
    storage: Storage, now: datetime, *, older_than: timedelta = LOST_SEND, in_flight: Collection[int] = ()
) -> int:
    """Sends whose worker died, or could not record them: of unknown fate from now on.

    `in_flight`: those that this process knows to be under way, however long they take.
    """

    def recover(tx: Tx) -> int:
        stuck = [row for row in tx.outbox.stuck(now - older_than) if row[0] not in in_flight]
        for outbox_id, _, _ in stuck:
            tx.outbox.unknown(outbox_id, now)
        return len(stuck)

    return storage.write(recover)


def settle_unknown(storage: Storage, now: datetime) -> int:
    """No echo in time: a card is sent once more (a double is harmless), anything else is shown to a person."""

    def settle(tx: Tx) -> int:
        rows = tx.outbox.unsettled(now - NO_ECHO)
        for outbox_id, contact_id, purpose in rows:
            if not tx.outbox.is_unsettled(outbox_id):  # another worker was first
                continue
            if purpose == Purpose.CARD and tx.outbox.resend(outbox_id, now):
                continue
            tx.outbox.settle_unknown(outbox_id, now)
            tell(tx, contact_id, outbox_id, purpose, "unknown", "unknown_fate", now)
        if rows:
            tx.wake("screens")
        return len(rows)

    return storage.write(settle)


def flag_late_cards(storage: Storage, now: datetime) -> int:
    """A card that has not left for twenty seconds raises "card not delivered" on its alert."""

    def flag(tx: Tx) -> int:
        late = tx.outbox.late_cards(now - NO_ECHO)
        for contact_id in late:
            tx.alerts.mark_card(contact_id, "failed")
        if late:
            tx.wake("screens")
        return len(late)

    return storage.write(flag)


def release_abandoned(storage: Storage, content: Content, now: datetime) -> int:
    """Whoever is held by a closed account goes back to the queue: nobody else would see them."""

    def release(tx: Tx) -> int:
        found = [pair for pair in tx.handoffs.abandoned() if tx.contacts.lock(pair[0])]
        for contact_id, staff_id in found:
            staff = tx.staff.get(staff_id)
            if staff is None:
                continue
            draft = draft_for(tx, contact_id, content, now)
            held = draft.conv.handoff
            if draft.conv.status is Status.CLAIMED and held and held.claimed_by == staff_id:
                handoff.release(draft, handoff.Person(id=staff.id, alias=staff.alias))
                save(tx, draft.turn(), now)
        return len(found)

    return storage.write(release) if storage.read(lambda tx: tx.handoffs.abandoned()) else 0


def forget(storage: Storage, content: Content, now: datetime) -> int:
    """Destroy words that have lived long enough; returns how many texts went.

    What nobody has opened waits until three open days have passed: a student must not be deleted unread.
    """
    keep = content.settings.retention

    def sweep(tx: Tx) -> int:
        tx.inbox.forget(now - SEEN_EVENTS)
        return tx.transcript.forget_text(
            now - timedelta(hours=keep.text_hours_after_close),
            now - timedelta(hours=keep.open_text_hours),
            content.hours.open_days_before(now, UNREAD_OPEN_DAYS),
        )

    return storage.write(sweep)


def flag_unconfirmed(storage: Storage, content: Content, now: datetime) -> int:
    """What waited too long for a second person becomes an incident; returns how many are newly so."""
    before = now - timedelta(hours=content.settings.ladder.confirm_hours)

    def flag(tx: Tx) -> int:
        late = tx.closures.overdue(before, now)
        if late:
            tx.incidents.open("confirmation_overdue", now)
        return late

    return storage.write(flag)


def forget_records(storage: Storage, content: Content, now: datetime) -> int:
    """Destroy records of serious cases that were kept long enough; returns how many lines went."""
    before = now - timedelta(days=content.settings.ladder.record_days)

    def sweep(tx: Tx) -> int:
        tx.rota.prune(now - OLD_SHIFTS)
        tx.rungs.prune(now)
        return tx.escalations.prune(before, now)

    return storage.write(sweep)


def once(storage: Storage, job: str, slot: str, now: datetime) -> bool:
    """Whether this process is the one that runs this job for this slot; among many, one is."""
    return storage.write(lambda tx: tx.jobs.once(job, slot, now))
