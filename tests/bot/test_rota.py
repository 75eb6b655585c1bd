"""The rota, pure: hours on the wall, what is missing, whose shift it is, what the console offers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from talk_support import content_files

from bot.ladder import NOBODY_ON_DUTY, Person, Roster, Telling, tellings
from bot.rota import Gap, Shift, clashing, gaps, may_have, missed, offer, on_shift, standing, stretch, weekly
from bot.settings import Rota, Rung, Settings, Staffing
from bot.yaml_text import read_yaml, validate

OSLO = ZoneInfo("Europe/Oslo")
DAY = date(2026, 11, 25)  # a Wednesday


def at(clock: str, day: date = DAY) -> datetime:
    return stretch(OSLO, day, clock, "23:59")[0]


def shift(start: str, end: str, staff_id: int | None = 1, *, kind="supporter", id=1) -> Shift:
    starts_at, ends_at = stretch(OSLO, DAY, start, end)
    return Shift(id=id, kind=kind, starts_at=starts_at, ends_at=ends_at, staff_id=staff_id)


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (DAY, "09:00", "13:00", 4),
        (date(2026, 10, 24), "22:00", "06:00", 9),  # the clock goes back
        (date(2026, 10, 25), "02:30", "03:30", 2),  # the hour that comes twice is inside both times
        (date(2027, 3, 27), "22:00", "06:00", 7),  # and forward
    ],
)
def test_a_shift_is_as_long_as_the_night_really_is(day, start, end, hours):
    starts_at, ends_at = stretch(OSLO, day, start, end)
    assert ends_at - starts_at == timedelta(hours=hours)
    assert f"{ends_at.astimezone(OSLO):%H:%M}" == end


@pytest.mark.parametrize(("start", "end"), [("09:00", "09:00"), ("04:00", "21:00")])
def test_a_shift_over_sixteen_hours_is_a_slip_of_the_pen(start, end):
    with pytest.raises(ValueError, match="sixteen"):
        stretch(OSLO, DAY, start, end)


def test_a_pattern_keeps_its_clock_when_summer_time_begins():
    found = weekly(OSLO, date(2027, 3, 22), date(2027, 4, 4), [0, 2], "09:00", "13:00")
    assert [day.isoformat() for day, _ in found] == ["2027-03-22", "2027-03-24", "2027-03-29", "2027-03-31"]
    assert [start.hour for _, (start, _) in found] == [8, 8, 7, 7]


def test_what_is_missing_is_said_for_each_kind_and_stretch():
    taken = [
        shift("09:00", "13:00"),
        shift("11:00", "20:00", 2, id=2),
        shift("09:00", "20:00", None, id=3),
        shift("09:00", "20:00", 3, kind="duty_lead", id=4),
    ]
    found = gaps(taken, [(at("09:00"), at("20:00"))], Staffing(supporters=2, duty_lead=1))
    assert found == [
        Gap(starts_at=at("09:00"), ends_at=at("11:00"), kind="supporter", missing=1),
        Gap(starts_at=at("13:00"), ends_at=at("20:00"), kind="supporter", missing=1),
    ]


def test_one_person_twice_at_the_same_time_fills_one_place():
    found = gaps(
        [shift("09:00", "20:00"), shift("09:00", "20:00", id=2)], [(at("09:00"), at("20:00"))], Staffing()
    )
    assert [(gap.kind, gap.missing) for gap in found] == [("duty_lead", 1), ("supporter", 1)]


def test_the_minimum_of_a_weekday_wins():
    rota = Rota(minimum_on={"wednesday": Staffing(supporters=1, duty_lead=0)})
    assert rota.minimum_for(DAY).supporters == 1
    assert rota.minimum_for(DAY + timedelta(days=1)).supporters == 2


def test_shifts_that_follow_at_once_are_one():
    own = [shift("09:00", "13:00"), shift("13:00", "15:00", id=2), shift("18:00", "20:00", id=3)]
    state = standing(own, 1, at("10:00"))
    assert (state.running, state.until, state.next) == (own[0], at("15:00"), own[1])
    assert on_shift(own, at("12:59")) == {1} and not on_shift(own, at("15:00"))


def test_what_touches_does_not_clash():
    own = [shift("09:00", "13:00")]
    assert clashing(own, 1, at("13:00"), at("15:00")) == []
    assert clashing(own, 1, at("12:59"), at("15:00")) == own
    assert clashing(own, 2, at("09:00"), at("13:00")) == []


def test_a_lead_may_be_one_of_the_supporters_and_not_the_other_way_round():
    assert may_have("duty_lead", "supporter") and may_have("coordinator", "duty_lead")
    assert not may_have("supporter", "duty_lead") and not may_have("reviewer", "supporter")


@pytest.mark.parametrize(
    ("now", "duty", "duty_at", "offered"),
    [
        ("08:49", "off", None, None),
        ("08:50", "off", None, "start"),
        ("09:30", "off", "08:00", "start"),
        ("09:30", "off", "09:20", None),  # gone before the end, on purpose
        ("09:30", "pause", "08:00", None),
        ("09:30", "on", "09:00", None),
        ("13:00", "on", "09:00", "stop"),
        ("13:30", "on", "13:10", None),  # once more after the end: extra
        ("13:30", "off", "13:10", None),
    ],
)
def test_the_console_offers_to_begin_and_to_stop_and_does_neither_by_itself(now, duty, duty_at, offered):
    state = standing([shift("09:00", "13:00")], 1, at(now))
    assert offer(state, duty=duty, duty_at=at(duty_at) if duty_at else None, now=at(now)) == offered


def test_who_should_have_begun_and_is_not_there_is_missing():
    begun = [shift("09:00", "13:00"), shift("09:00", "13:00", 2, id=2), shift("09:00", "13:00", None, id=3)]
    assert missed(begun, [1], at("09:00")) == ({2}, False)
    assert missed(begun[2:], [], at("09:00")) == (frozenset(), True)


def person(who: str, **changes) -> Person:
    return Person(who=who, role="supporter", channels=frozenset({"email"}), **changes)


def test_with_nobody_on_duty_those_whose_shift_it_is_are_told_and_the_ladder_goes_on_at_once():
    rung = Rung(tell="on_duty", after_minutes=0, channels=("banner", "email"))
    channels = frozenset({"banner", "email"})
    home = (
        person("staff:1"),
        person("staff:2", on_shift=True),
        person("staff:3", on_shift=True, paused=True),
    )
    told = tellings(rung, Roster(people=home, channels=channels))
    assert told == (
        Telling(who="staff:2", channel="email"),
        Telling(who="rung:on_duty", channel="banner", code=NOBODY_ON_DUTY),
    )
    there = (*home, person("staff:4", on_duty=True))
    assert {one.who for one in tellings(rung, Roster(people=there, channels=channels))} == {"staff:4"}
    assert tellings(rung, Roster(people=home[:1], channels=channels)) == ()


def test_wrong_settings_are_refused_with_their_line():
    text = content_files()["config.yaml"].replace("minimum_on: {} ", "minimum_on: {fryday: {supporters: 1}} ")
    text = text.replace("remind_minutes: 60", "remind_minutes: -5")
    found = validate(Settings, read_yaml(text, "config.yaml"))
    wrong = {n for n, line in enumerate(text.splitlines(), 1) if "fryday" in line or "minutes: -5" in line}
    assert isinstance(found, list) and len(wrong) == 2
    assert {problem.line for problem in found} == wrong
