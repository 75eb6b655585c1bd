"""Timed work: each thing once, whatever the clock does and whoever died."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.conversation import Status
from bot.events import TimerDue
from bot.messages import BotMessage, Purpose
from handlers import jobs
from storage.records import Delivery


@pytest.fixture
def quiet(chat):
    """A contact with nothing on the way."""
    chat.contact_writes("hei")
    return chat


def say(chat, text="Hei", purpose=Purpose.ANSWER) -> int:
    message = BotMessage(purpose=purpose, text=text, not_after=chat.now + timedelta(days=30))
    return chat.local.storage.write(lambda tx: tx.outbox.add(chat.id_of(), message, chat.now))


def claim(chat):
    return chat.local.storage.write(lambda tx: next(iter(tx.outbox.claim(chat.now, "dead", 1)), None))


def delivery(chat, outbox_id) -> Delivery:
    entries = chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of()))
    return next(e.delivery for e in entries if e.outbox_id == outbox_id)


def change(chat) -> int:
    return chat.local.storage.read(lambda tx: tx.handoffs.last_change())


def test_due_timers_become_events_once_however_often_they_are_fired(quiet):
    storage, contact_id = quiet.local.storage, quiet.id_of()
    storage.write(lambda tx: tx.timers.set(contact_id, "idle", quiet.now))
    assert [jobs.fire_timers(storage, quiet.now) for _ in range(2)] == [1, 0]
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 1


def test_timer_of_an_erased_contact_harms_nobody(quiet):
    storage, contact_id = quiet.local.storage, quiet.id_of()
    storage.write(lambda tx: tx.contacts.erase(contact_id, "KODE", quiet.now))
    storage.write(lambda tx: tx.timers.set(contact_id, "idle", quiet.now))
    assert jobs.fire_timers(storage, quiet.now) == 1
    assert quiet.local.settle() == []


def test_send_of_a_dead_worker_is_of_unknown_fate_and_one_under_way_here_is_not(quiet):
    first = say(quiet)
    claim(quiet)
    quiet.local.now += timedelta(minutes=5)
    assert jobs.recover_sends(quiet.local.storage, quiet.now, in_flight={first}) == 0
    assert delivery(quiet, first) is Delivery.SENDING
    assert jobs.recover_sends(quiet.local.storage, quiet.now) == 1
    assert delivery(quiet, first) is Delivery.UNKNOWN


def test_killed_workers_card_that_was_taken_is_known_to_have_gone_and_what_had_not_begun_goes_out(quiet):
    storage = quiet.local.storage
    storage.write(lambda tx: tx.run("UPDATE outbox SET state = 'sent'"))
    card, first = say(quiet, purpose=Purpose.CARD), say(quiet)
    marks = storage.begun.marks_of("dead")
    marks.open()
    assert claim(quiet).id == card
    marks.mark(card, 0)
    marks.taken(card, 0)
    storage.write(
        lambda tx: tx.run("UPDATE outbox SET state = 'sending', worker = 'dead' WHERE state <> 'sent'")
    )
    marks._map.close()  # as when its process dies
    assert jobs.recover_unbegun(storage, quiet.now) == 1
    assert (delivery(quiet, card), delivery(quiet, first)) == (Delivery.SENT, Delivery.WAITING)
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 1, (
        "the alert is to say that the card has gone"
    )
    assert jobs.recover_unbegun(storage, quiet.now) == 0


def test_unknown_fate_is_told_once(quiet):
    first = say(quiet, purpose=Purpose.GOODBYE)
    claim(quiet)
    quiet.local.storage.write(lambda tx: tx.outbox.unknown(first, quiet.now))
    quiet.local.now += timedelta(seconds=21)
    assert [jobs.settle_unknown(quiet.local.storage, quiet.now) for _ in range(2)] == [1, 0]
    assert quiet.local.storage.read(lambda tx: tx.inbox.pending_count()) == 1


def test_held_card_is_shown_as_not_delivered_and_the_consoles_hear_of_it_once(quiet):
    quiet.contact_writes("jeg vil ta livet mitt nå")
    say(quiet, "Kort", Purpose.CARD)
    quiet.local.now += timedelta(seconds=21)
    jobs.flag_late_cards(quiet.local.storage, quiet.now)
    assert quiet.alerts[0].card == "failed"
    number = change(quiet)
    jobs.flag_late_cards(quiet.local.storage, quiet.now)
    quiet.local.storage.write(lambda tx: tx.alerts.mark_card(quiet.id_of(), "failed", quiet.now))
    rows = quiet.local.storage.read(lambda tx: tx.outbox.late_cards(quiet.now))
    assert rows == [quiet.id_of()] and change(quiet) <= number + 1
    quiet.local.settle()
    assert quiet.alerts[0].card == "sent"


def test_conversation_of_a_closed_account_goes_back_to_the_queue_with_its_place(quiet):
    staff = quiet.on_duty()
    quiet.contact_writes("prate")
    opened_at = quiet.queue[0].opened_at
    quiet.claim(staff)
    quiet.local.storage.write(lambda tx: tx.staff.disable(staff.id, quiet.now))
    assert [jobs.release_abandoned(quiet.local.storage, quiet.content, quiet.now) for _ in range(2)] == [1, 0]
    assert quiet.status is Status.WAITING and quiet.queue[0].opened_at == opened_at


def test_clock_put_back_by_days_holds_up_neither_events_nor_messages(quiet):
    storage, long_ago = quiet.local.storage, quiet.now - timedelta(days=5)
    lost, waiting = say(quiet), say(quiet, "neste")
    claim(quiet)
    storage.write(lambda tx: tx.outbox.unknown(lost, quiet.now))
    contact_id = quiet.id_of()
    event = TimerDue(sent_at=long_ago, name="idle")
    storage.write(lambda tx: tx.inbox.add_internal(contact_id, "t", event, quiet.now))
    quiet.local.now = long_ago
    assert quiet.local.inbound.drain() + quiet.local.sender.drain() == 0
    storage.write(lambda tx: tx.worker.clock_went_back(long_ago))
    assert quiet.local.inbound.drain() == 1
    quiet.local.now += timedelta(seconds=21)
    jobs.settle_unknown(storage, quiet.now)
    quiet.local.sender.drain()
    assert delivery(quiet, waiting) is Delivery.SENT


def test_a_scheduled_run_belongs_to_one_of_many_workers(quiet):
    storage = quiet.local.storage
    asked = [jobs.once(storage, "forget", "2026-11-25T12", quiet.now) for _ in range(3)]
    assert asked == [True, False, False]


def test_words_nobody_has_opened_outlive_those_that_somebody_has(quiet):
    storage, staff = quiet.local.storage, quiet.on_duty()
    for who in ("A", "B"):
        quiet.contact_writes("prate", who=who).claim(staff, who=who).closes(staff, who=who)
    opened, unopened = quiet.id_of("A"), quiet.id_of("B")
    newest = storage.read(lambda tx: tx.transcript.last_id(opened))
    storage.write(lambda tx: tx.transcript.mark_opened(opened, staff.id, newest, quiet.now))
    quiet.wait(days=4)  # Wednesday to Sunday: more than 72 hours, fewer than three open days
    jobs.forget(storage, quiet.content, quiet.now)

    def words(contact_id):
        entries = storage.read(lambda tx: tx.transcript.entries(contact_id))
        return [e.text for e in entries if e.written_by == "contact" and e.text]

    assert words(opened) == [] and words(unopened) != []
    quiet.wait(days=4)
    jobs.forget(storage, quiet.content, quiet.now)
    assert words(unopened) == []
