"""Reminders, news from colleagues, and a lead who hears who has not come: once each, whoever looks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from alerting_bench import Heard
from rota_plan import Plan, only_sqlite

from handlers.alerting.notice import ChannelFailed
from handlers.alerting.shifts import ShiftNews
from storage.records import Duty, Role, Staff

pytestmark = only_sqlite
TODAY = date(2026, 11, 25)


class Desk:
    """Two workers over one rota and one push service."""

    def __init__(self, plan: Plan, content) -> None:
        self.plan, self.mail = plan, Heard()
        self.workers = [
            ShiftNews(plan.storage, lambda: content, lambda: plan.now, {"push": self.mail}) for _ in range(2)
        ]

    def look(self, minutes: float = 0) -> list[str]:
        """Both look after so long; who was told."""
        self.plan.now += timedelta(minutes=minutes)
        self.mail.notices.clear()
        for worker in self.workers:
            worker.look()
        return sorted(told.partition("@")[0] for told in self.mail.told)

    def comes(self, staff: Staff) -> None:
        def there(tx) -> None:
            tx.staff.set_duty(staff.id, Duty.ON, self.plan.now)
            tx.staff.seen(staff.id, self.plan.now)

        self.plan.storage.write(there)


@pytest.fixture
def desk(plan, content) -> Desk:
    return Desk(plan, content)


def test_a_shift_is_reminded_of_once_an_hour_before_with_two_workers(desk: Desk):
    anna = desk.plan.staff("anna")
    desk.plan.shift(TODAY, "14:00", "17:00", anna)
    desk.plan.shift(TODAY, "17:00", "20:00", anna)  # goes on: nobody needs to be told
    assert desk.look(55) == []
    assert desk.look(6) == ["anna"]
    said = desk.mail.notices[0]
    assert "14:00" in said.text and said.kind == "rota"
    assert [desk.look(10), desk.look(200)] == [[], []]


def test_a_channel_that_fails_is_tried_again_until_the_shift_begins(desk: Desk):
    desk.plan.shift(TODAY, "13:00", "17:00", desk.plan.staff("anna"))
    desk.mail.fails.append(ChannelFailed("no_connection", again=True))
    assert desk.look(1) == []
    assert desk.look(1) == ["anna"]
    desk.plan.shift(TODAY, "13:03", "17:00", desk.plan.staff("bo"))
    desk.mail.fails += [ChannelFailed("no_connection", again=True)] * 4
    assert [desk.look(1), desk.look(61)] == [[], []]


def test_the_duty_lead_hears_once_who_has_not_begun(desk: Desk):
    lead, anna = desk.plan.staff("lead", Role.DUTY_LEAD), desk.plan.staff("anna")
    desk.plan.shift(TODAY, "12:05", "17:00", lead, kind="duty_lead")
    desk.plan.shift(TODAY, "12:05", "17:00", anna)
    desk.look(13)
    desk.comes(lead)
    assert desk.look(1) == []
    assert desk.look(2) == ["lead"]
    text = desk.mail.notices[0].title + desk.mail.notices[0].text
    assert "anna" not in text
    assert desk.look(5) == []


def test_nobody_hears_of_a_shift_that_began_as_it_should(desk: Desk):
    desk.plan.staff("lead", Role.DUTY_LEAD)
    anna = desk.plan.staff("anna")
    desk.plan.shift(TODAY, "12:05", "17:00", anna)
    desk.look(9)
    desk.comes(anna)
    assert [desk.look(5), desk.look(2), desk.look(20)] == [[], [], []]


def test_with_nobody_at_all_the_leads_hear_of_it_even_if_the_place_was_open(desk: Desk):
    desk.plan.staff("lead", Role.DUTY_LEAD)
    desk.plan.shift(TODAY, "12:05", "17:00")
    assert desk.look(16) == ["lead"]


def test_a_lead_who_is_missing_is_not_told_about_themself(desk: Desk):
    desk.plan.shift(TODAY, "12:05", "17:00", desk.plan.staff("lead", Role.DUTY_LEAD), kind="duty_lead")
    desk.look(1)
    assert desk.look(15) == ["koord"]


def test_a_question_reaches_the_colleague(desk: Desk):
    anna, bo = desk.plan.staff("anna"), desk.plan.staff("bo")
    shift = desk.plan.shift(TODAY + timedelta(days=3), "09:00", "13:00", anna)
    desk.plan.ask(shift, anna, of=bo.id)
    assert [desk.look(), desk.look()] == [["bo"], []]
