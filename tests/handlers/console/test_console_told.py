"""Who has no console open hears that a colleague wants something: once, when they wish it, without a word of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time

import pytest

from handlers.alerting.colleagues import ColleagueNews
from handlers.alerting.notice import ChannelFailed
from storage.records import Role

once = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Box:
    """A channel of those who chose e-mail; who was told what."""

    def __init__(self):
        self.notices, self.fails = [], []

    def tell(self, notice):
        if self.fails:
            raise self.fails.pop()
        self.notices.append(notice)
        return ()


@pytest.fixture
def post(house):
    box = Box()
    workers = [
        ColleagueNews(house.storage, lambda: house.content, lambda: house.at, {"email": box})
        for _ in range(2)
    ]

    def look(**span):
        """Who has been told after so long, by two workers; `all` are the notices."""
        house.pass_time(**span)
        del box.notices[:]
        for worker in workers:
            worker.look()
        return sorted(one.email.partition("@")[0] for one in box.notices)

    look.box = box
    return look


def away(house, alias, role=Role.SUPPORTER, **profile):
    """Somebody on duty with no console open, who hears of colleagues by e-mail."""
    staff = house.staff(alias, role)

    def set_up(tx):
        tx.staff.set_contact(staff.id, email=f"{alias.lower()}@example.org", phone=None)
        tx.staff.set_profile(staff.id, replace(staff, notify=frozenset({"email:mention"}), **profile))

    house.storage.write(set_up)
    return house.again(staff)


def test_colleague_who_is_asked_to_take_over_hears_of_it_in_time_to_answer(house, amalie, post):
    jonas = away(house, "Jonas")
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    house.pass_time(minutes=2)
    house.deeds.team.offer(contact, amalie, jonas.id, "hun heter Ragnhild")
    assert [post(seconds=10), post(seconds=15), post(minutes=1)] == [[], ["jonas"], []]
    house.deeds.team.withdraw(contact, amalie)
    house.deeds.team.offer(contact, amalie, jonas.id, "")
    assert post(seconds=25) == ["jonas"], "another question is another notice"
    (notice,) = post.box.notices
    said = notice.title + notice.text + notice.link
    assert not re.search(f"Ragnhild|Amalie|{house.row(contact).alias}|/c/", said)


@once
def test_report_reaches_every_coordinator_once_and_nobody_else(house, amalie, post):
    away(house, "Ida", Role.COORDINATOR)
    away(house, "Liv", Role.DUTY_LEAD)
    post.box.fails.append(ChannelFailed("no_connection", again=True))
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    house.pass_time(minutes=2)
    house.deeds.team.report(contact, amalie, "Sender stygge ting")
    assert post(seconds=25) == []
    assert post(seconds=10) == ["ida"], "a channel that failed is tried again"
    assert "stygge" not in post.box.notices[0].text and post(hours=3) == []


@once
def test_leads_hear_of_somebody_relieved_unless_their_console_is_open(house, amalie, post):
    liv = away(house, "Liv", Role.DUTY_LEAD)
    away(house, "Ida", Role.COORDINATOR)
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    house.pass_time(minutes=2)
    house.storage.write(lambda tx: tx.staff.seen(liv.id, house.at))
    house.deeds.team.relieve(contact, amalie)
    assert post(seconds=60) == [], "may be looking at it"
    assert post(seconds=60) == ["liv"]


@once
def test_quiet_hours_put_it_off_and_what_was_seen_to_meanwhile_is_not_told(house, amalie, post):
    away(house, "Ida", Role.COORDINATOR, quiet_from=time(11), quiet_to=time(14))
    push = post.box
    house.storage.write(
        lambda tx: [
            tx.matters.open("report", house.at, contact_id=None, by_id=amalie.id, words=w) for w in "ab"
        ]
    )
    worker = ColleagueNews(house.storage, lambda: house.content, lambda: house.at, {"push": push})
    ida = next(one for one in house.storage.read(lambda tx: tx.staff.all()) if one.alias == "Ida")
    house.storage.write(
        lambda tx: tx.staff.set_profile(ida.id, replace(ida, notify=frozenset({"push:mention"})))
    )
    house.pass_time(minutes=5)
    assert worker.look() == 0
    house.pass_time(hours=2)
    assert worker.look() == 1, "one notice, however much there is"
    house.storage.write(
        lambda tx: tx.matters.open("report", house.at, contact_id=None, by_id=amalie.id, words="c")
    )
    for one in house.storage.read(lambda tx: tx.matters.of_leads(coordinator=True)):
        house.deeds.team.close_matter(one.id, house.again(ida), "snakket med")
    house.pass_time(minutes=5)
    assert worker.look() == 0
