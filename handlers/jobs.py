"""Timed work: plain functions of the store and the time, safe to run twice and after any crash."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from bot import handoff, leaving, offers, rota
from bot.content import Content
from bot.conversation import Status
from bot.events import TimerDue
from bot.messages import Purpose
from handlers.escalation import end_incidents
from handlers.turns import draft_for, save, tell
from storage import Storage, Tx
from storage.begun import Left
from storage.matters import Kind
from storage.records import Duty

log = logging.getLogger("peersupport.jobs")

NO_ECHO = timedelta(seconds=20)  # how long a message of unknown fate waits for its echo
OLD_SHIFTS = timedelta(days=365)  # who had which shift is nobody's business for longer
LOST_SEND = timedelta(seconds=90)  # longer than other workers' sends take: whoever sent it is gone
UNREAD_OPEN_DAYS = 3
SHIFT_OVER = timedelta(minutes=2)  # a console closed for so long after the end of a shift will not open again
OLD_WATCHES = timedelta(days=1)  # who looked on is in the audit log
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


def recover_unbegun(storage: Storage, now: datetime) -> int:
    """What killed workers had claimed: what the channel took is sent, what had begun to leave is of unknown fate, and
    whatever had not goes out after all. How many those last are.
    """

    def recover(tx: Tx, left: Left) -> int:
        taken = tx.fates.under_way(left.worker, left.taken)
        tx.outbox.sent({outbox_id: None for outbox_id, _, _ in taken}, now)
        for outbox_id, contact_id, purpose in taken:
            tell(tx, contact_id, outbox_id, purpose, "sent", None, now)
        count = tx.fates.recover(left.worker, left.begun, now)
        tx.counters.bump("send_recovered", count)
        return count

    again = sum(storage.write(partial(recover, left=left)) for left in storage.begun.left())
    if again:
        log.info("sends_recovered", extra={"count": again})
    return again


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
        late = [each for each in tx.outbox.late_cards(now - NO_ECHO) if tx.contacts.lock(each)]
        for contact_id in late:
            tx.alerts.mark_card(contact_id, "failed", now)
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


def hand_back(storage: Storage, content: Content, now: datetime) -> int:
    """What waits with somebody who is not there goes back to its place; in danger people are alarmed anew.

    Those who lead are told, once for each person who has gone. Returns how many conversations changed.
    """
    before = now - timedelta(minutes=content.settings.console.away_minutes)

    def left(tx: Tx) -> list[tuple[int, int]]:
        gone = set(tx.handoffs.left_behind(before))
        soon = set(tx.handoffs.left_behind(now - SHIFT_OVER)) - gone
        gone |= {pair for pair in soon if _shift_is_over(tx, pair[1], now)}
        return [pair for pair in sorted(gone) if _is_left(tx, pair[0])]

    def hand(tx: Tx) -> int:
        changed = 0
        found = [pair for pair in left(tx) if tx.contacts.lock(pair[0])]
        for contact_id, staff_id in found:
            draft = draft_for(tx, contact_id, content, now)
            held, staff = draft.conv.handoff, tx.staff.get(staff_id)
            if held is None or held.claimed_by != staff_id or staff is None:
                continue
            why: leaving.Gone = "shift_over" if _shift_is_over(tx, staff_id, now) else "away"
            outcome = leaving.gone(draft, "off_duty" if staff.duty is Duty.OFF else why)
            if outcome is None:
                continue
            save(tx, draft.turn(), now)
            changed += 1
            if outcome != "parked":
                kind: Kind = "left" if outcome == "returned" else "left_danger"
                about = contact_id if outcome == "alarmed" else None
                tx.matters.open(kind, now, contact_id=about, by_id=staff_id)
            if outcome == "returned":
                tx.matters.open("went_back", now, contact_id=contact_id, by_id=None, for_id=staff_id)
        return changed

    return storage.write(hand) if storage.read(left) else 0


def _shift_is_over(tx: Tx, staff_id: int, now: datetime) -> bool:
    """Their shift has ended, and they have not gone on duty once more since."""
    staff = tx.staff.get(staff_id)
    if staff is None:
        return False
    state = tx.rota.standing(staff_id, now)
    return rota.offer(state, duty=staff.duty.value, duty_at=staff.duty_at, now=now) == "stop"


def _is_left(tx: Tx, contact_id: int) -> bool:
    conversation = tx.conversations.peek(contact_id)
    return conversation is not None and leaving.is_left(conversation)


def lapse_offers(storage: Storage, content: Content, now: datetime) -> int:
    """A colleague who was asked to take a conversation has not answered: the one who asked is told."""
    before = now - offers.ANSWER_WITHIN

    def lapse(tx: Tx) -> int:
        late = [each for each in tx.handoffs.lapsed_offers(before) if tx.contacts.lock(each)]
        lapsed = 0
        for contact_id in late:
            draft = draft_for(tx, contact_id, content, now)
            held = draft.conv.handoff
            asked = held.offer if held else None
            if held is None or asked is None or not offers.lapse(draft):
                continue
            save(tx, draft.turn(), now)
            tx.matters.open("lapsed", now, contact_id=contact_id, by_id=asked.to, for_id=held.claimed_by)
            lapsed += 1
        return lapsed

    return storage.write(lapse) if storage.read(lambda tx: tx.handoffs.lapsed_offers(before)) else 0


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
        end_incidents(tx, now)
        return late

    return storage.write(flag)


def forget_records(storage: Storage, content: Content, now: datetime) -> int:
    """Destroy records of serious cases that were kept long enough; returns how many lines went."""
    before = now - timedelta(days=content.settings.ladder.record_days)

    def sweep(tx: Tx) -> int:
        tx.rota.prune(now - OLD_SHIFTS)
        tx.rungs.prune(now)
        tx.watches.prune(now - OLD_WATCHES)
        tx.matters.prune(before)
        return tx.escalations.prune(before, now)

    return storage.write(sweep)


def once(storage: Storage, job: str, slot: str, now: datetime) -> bool:
    """Whether this process is the one that runs this job for this slot; among many, one is."""
    return storage.write(lambda tx: tx.jobs.once(job, slot, now))
