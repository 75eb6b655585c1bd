"""Somebody is gone: what waits with them goes back once, and danger is never taken away in silence."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from bot.conversation import Status
from bot.errors import AlreadyClaimed, NotPossible
from bot.offers import ANSWER_WITHIN
from handlers import jobs
from storage.records import Duty, Role

DANGER = "jeg vil ta livet mitt nå"


@pytest.fixture
def held(chat):
    """Amalie has one student; her console was seen a moment ago."""
    chat.amalie, chat.jonas = chat.on_duty("Amalie"), chat.on_duty("Jonas")
    chat.contact_writes("hei").contact_writes("prate").claim(chat.amalie)
    seen(chat)
    return chat


def seen(chat, who=None):
    staff = who or chat.amalie
    chat.local.storage.write(lambda tx: tx.staff.seen(staff.id, chat.now))


def sweep(chat) -> int:
    return jobs.hand_back(chat.local.storage, chat.content, chat.now)


def matters(chat, staff=None):
    storage = chat.local.storage
    if staff:
        return [one.kind for one in storage.read(lambda tx: tx.matters.of(staff.id))]
    return [one.kind for one in storage.read(lambda tx: tx.matters.of_leads(coordinator=True))]


def together(*acts):
    found: list[object] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number):
        start.wait()
        try:
            found[number] = acts[number]()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_unanswered_student_of_a_closed_console_goes_back_to_the_same_place_and_is_told_once(held):
    opened_at = held.conv().handoff.opened_at
    held.wait(minutes=9)
    assert sweep(held) == 0
    held.wait(minutes=2)
    assert sorted(together(lambda: sweep(held), lambda: sweep(held))) == [0, 1]
    held._said(held.local.settle())
    assert held.replies == [held.text("person.left")]
    assert held.status is Status.WAITING and held.queue[0].opened_at == opened_at
    assert matters(held) == ["left"] and matters(held, held.amalie) == ["went_back"]
    assert held.queue[0].passed_by == (), "who was away may be offered it again"


def test_student_whom_we_answered_last_is_set_aside_and_comes_back_when_they_write(held):
    held.supporter_writes(held.amalie, "Hei, jeg er her")
    held.wait(minutes=11)
    assert sweep(held) == 1 and sweep(held) == 0
    assert held.status is Status.CLAIMED and held.conv().handoff.parked_at == held.now
    held.contact_writes("takk, jeg tenker på det")
    assert sweep(held) == 1 and held.status is Status.WAITING


@pytest.mark.parametrize(
    ("ended_minutes_ago", "closed_minutes", "again", "goes_back"),
    [(1, 3, False, True), (1, 1, False, False), (-30, 3, False, False), (5, 3, True, False)],
)
def test_after_the_end_of_a_shift_a_closed_console_is_not_waited_for(
    held, ended_minutes_ago, closed_minutes, again, goes_back
):
    now = held.now
    ends_at = now + timedelta(minutes=closed_minutes - ended_minutes_ago)

    def plan(tx):
        tx.rota.add("supporter", now - timedelta(hours=4), ends_at, held.amalie.id, now)
        on_duty_since = ends_at if again else now - timedelta(hours=1)
        tx.staff.set_duty(held.amalie.id, Duty.ON, on_duty_since)

    held.local.storage.write(plan)
    held.wait(minutes=closed_minutes)
    assert sweep(held) == int(goes_back)


def test_open_console_keeps_everything_however_long(held):
    held.wait(minutes=60)
    seen(held)
    assert sweep(held) == 0 and held.status is Status.CLAIMED


def test_danger_stays_by_name_and_alarms_anew_once(held):
    held.contact_writes(DANGER)
    held.local.deeds.acknowledge(held.alerts[0].id, held.amalie)
    held.supporter_writes(held.amalie, "Jeg er her")
    held.wait(minutes=11)
    assert sweep(held) == 1 and sweep(held) == 0
    assert held.conv().handoff.claimed_by == held.amalie.id
    alert = held.alerts[0]
    assert alert.acknowledged_at is None and "left_alone" in alert.rules
    assert matters(held) == ["left_danger"]


def test_whoever_comes_back_and_has_it_again_is_alone_no_longer(held):
    held.contact_writes(DANGER)
    held.local.deeds.acknowledge(held.alerts[0].id, held.amalie)
    held.wait(minutes=11)
    sweep(held)
    seen(held)
    held.local.deeds.acknowledge(held.alerts[0].id, held.amalie)
    assert held.conv().handoff.left_at is None and held.conv().handoff.claimed_by == held.amalie.id
    assert sweep(held) == 0


def test_only_one_of_two_gets_the_student_of_an_absent_colleague(held):
    held.contact_writes(DANGER)
    held.local.deeds.acknowledge(held.alerts[0].id, held.amalie)
    held.wait(minutes=11)
    sweep(held)
    birk, alert = held.on_duty("Birk"), held.alerts[0].id
    deeds = held.local.deeds
    found = together(lambda: deeds.acknowledge(alert, held.jonas), lambda: deeds.acknowledge(alert, birk))
    assert sum(isinstance(one, AlreadyClaimed) for one in found) == 1
    winner = held.jonas if found[0] is None else birk
    assert held.conv().handoff.claimed_by == winner.id
    assert matters(held, held.amalie) == ["taken_over"]


def test_parked_student_of_somebody_off_duty_who_writes_again_waits_for_everybody(held):
    held.supporter_writes(held.amalie, "Hei")
    held.local.deeds.set_duty(held.amalie, Duty.OFF)
    seen(held)
    held.contact_writes("er du der")
    assert sweep(held) == 1 and held.status is Status.WAITING


def test_yes_and_take_over_at_once_end_with_the_one_who_leads(held):
    lead = held.on_duty("Berit", Role.DUTY_LEAD)
    team, contact_id = held.local.deeds.team, held.id_of()
    team.offer(contact_id, held.amalie, held.jonas.id, "")
    found = together(lambda: team.accept(contact_id, held.jonas), lambda: team.take_over(contact_id, lead))
    assert found[1] is None and (found[0] is None or isinstance(found[0], NotPossible))
    assert held.conv().handoff.claimed_by == lead.id and held.conv().handoff.offer is None


def test_late_yes_finds_nothing_asked(held):
    team, contact_id = held.local.deeds.team, held.id_of()
    team.offer(contact_id, held.amalie, held.jonas.id, "")
    held.wait(seconds=ANSWER_WITHIN.total_seconds())
    lapse = lambda: jobs.lapse_offers(held.local.storage, held.content, held.now)  # noqa: E731
    assert sorted(together(lapse, lapse)) == [0, 1]
    with pytest.raises(NotPossible):
        team.accept(contact_id, held.jonas)
    assert matters(held, held.amalie) == ["lapsed"] and held.replies == []
