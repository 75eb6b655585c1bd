"""What people do to the rota: sign up, give up, swap; and what coordinators do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from rota_plan import Plan, only_sqlite

from bot.errors import NotPossible
from handlers.rota import Planned
from storage.records import Role

pytestmark = only_sqlite
THURSDAY = date(2026, 11, 26)


def refused(code: str):
    return pytest.raises(NotPossible, match=f"^{code}$")


def test_a_person_takes_an_open_shift_and_no_second_one_at_the_same_time(plan: Plan):
    anna = plan.staff("anna")
    first, beside = plan.shift(THURSDAY, "09:00", "13:00"), plan.shift(THURSDAY, "12:00", "16:00")
    plan.rota.take(first, anna)
    assert plan.holder(first) == anna.id
    with refused("clash"):
        plan.rota.take(beside, anna)
    with refused("taken"):
        plan.rota.take(first, plan.staff("bo"))


def test_a_place_as_duty_lead_is_for_those_who_lead(plan: Plan):
    wanted = plan.shift(THURSDAY, "09:00", "13:00", kind="duty_lead")
    with refused("kind"):
        plan.rota.take(wanted, plan.staff("anna"))
    lead = plan.staff("lead", Role.DUTY_LEAD)
    plan.rota.take(wanted, lead)
    assert plan.holder(wanted) == lead.id


def test_a_shift_is_given_up_in_time_and_must_be_swapped_after_that(plan: Plan):
    anna = plan.staff("anna")
    soon, later = (
        plan.shift(THURSDAY, "09:00", "13:00", anna),
        plan.shift(THURSDAY + timedelta(days=1), "09:00", "13:00", anna),
    )
    with refused("late"):
        plan.rota.give_up(soon, anna)
    plan.rota.give_up(later, anna)
    assert (plan.holder(soon), plan.holder(later)) == (anna.id, None)


def test_the_one_who_was_asked_takes_the_shift_or_says_no(plan: Plan):
    anna, bo, cai = plan.staff("anna"), plan.staff("bo"), plan.staff("cai")
    shift = plan.shift(THURSDAY, "09:00", "13:00", anna)
    swap = plan.ask(shift, anna, of=bo.id)
    with refused("answered"):
        plan.rota.accept(swap, cai)
    plan.rota.decline(swap, bo)
    assert plan.holder(shift) == anna.id
    again = plan.ask(shift, anna, of=bo.id)
    plan.rota.accept(again, bo)
    assert plan.holder(shift) == bo.id
    assert plan.told() == {(anna.id, "answered"), (bo.id, "asked")}


def test_of_two_who_say_yes_to_a_question_to_all_the_first_has_it(plan: Plan):
    anna, bo, cai = plan.staff("anna"), plan.staff("bo"), plan.staff("cai")
    shift = plan.shift(THURSDAY, "09:00", "13:00", anna)
    swap = plan.ask(shift, anna)
    plan.rota.accept(swap, bo)
    with refused("answered"):
        plan.rota.accept(swap, cai)
    assert plan.holder(shift) == bo.id


def test_two_shifts_change_hands_together_or_not_at_all(plan: Plan):
    anna, bo = plan.staff("anna"), plan.staff("bo")
    hers = plan.shift(THURSDAY, "09:00", "13:00", anna)
    his = plan.shift(THURSDAY, "12:00", "16:00", bo)  # at the same time: each gives one for the other
    swap = plan.ask(hers, anna, in_return=his)
    plan.rota.accept(swap, bo)
    assert (plan.holder(hers), plan.holder(his)) == (bo.id, anna.id)
    back = plan.ask(hers, bo, in_return=his)
    plan.rota.remove(his, plan.coordinator)
    with refused("answered"):
        plan.rota.accept(back, anna)
    assert plan.holder(hers) == bo.id


def test_a_question_lapses_when_the_shift_is_no_longer_the_askers(plan: Plan):
    anna, bo = plan.staff("anna"), plan.staff("bo")
    shift = plan.shift(THURSDAY + timedelta(days=5), "09:00", "13:00", anna)
    swap = plan.ask(shift, anna, of=bo.id)
    plan.rota.give_up(shift, anna)
    with refused("answered"):
        plan.rota.accept(swap, bo)


def test_a_weekly_pattern_leaves_closed_days_out(plan: Plan):
    wanted = Planned(day=date(2026, 12, 14), start="09:00", end="13:00", kind="supporter", places=2)
    made, left_out = plan.rota.repeat(plan.coordinator, wanted, date(2026, 12, 31), frozenset({3, 4}))
    assert (made, left_out) == (4, 3)  # the 17th and the 18th; not the 24th, the 25th, the 31st
    shifts = plan.storage.read(
        lambda tx: tx.rota.between(datetime(2026, 12, 14, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    )
    assert {shift.starts_at.day for shift in shifts} == {17, 18}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": "02:00", "start": "09:00"}, "times"),
        ({"places": 11}, "places"),
        ({"staff_id": 999}, "nobody"),
        ({"staff_id": 1, "places": 2}, "places"),
    ],
)
def test_what_makes_no_sense_is_refused(plan: Plan, changes, code):
    fields = {"day": THURSDAY, "start": "09:00", "end": "13:00", "kind": "supporter"}
    with refused(code):
        plan.rota.add(plan.coordinator, Planned(**(fields | changes)))


def test_whoever_has_a_shift_hears_that_a_coordinator_changed_it(plan: Plan):
    anna, bo = plan.staff("anna"), plan.staff("bo")
    shift = plan.shift(THURSDAY, "09:00", "13:00", anna)
    changed = Planned(day=THURSDAY, start="10:00", end="14:00", kind="supporter", staff_id=bo.id)
    plan.rota.change(shift, plan.coordinator, changed)
    assert plan.holder(shift) == bo.id
    assert plan.told() == {(anna.id, "changed"), (bo.id, "changed")}
    with refused("clash_other"):
        plan.rota.add(plan.coordinator, changed)
