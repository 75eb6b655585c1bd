"""Service hours: what is open when, in Oslo's clock, whatever the calendar does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest

from bot import norway
from bot.errors import ContentError
from bot.hours import Hours
from bot.settings import ServiceHours

OSLO = ZoneInfo("Europe/Oslo")
WEEKDAYS = {day: ["09:00-20:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
EVES = [
    {"date": "12-24", "reason": {"nb": "julaften", "en": "Christmas Eve"}},
    {"date": "12-31", "reason": {"nb": "nyttårsaften", "en": "New Year's Eve"}},
]


def hours(**changes: object) -> Hours:
    return Hours(ServiceHours.model_validate({"weekly": WEEKDAYS, "closed_days": EVES} | changes))


def oslo(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-11-30T08:59:59", False),
        ("2026-11-30T09:00", True),
        ("2026-11-30T19:59:59", True),
        ("2026-11-30T20:00", False),
        ("2026-11-28T12:00", False),
        ("2027-03-25T12:00", False),
        ("2027-07-07T09:00", True),
    ],
)
def test_open_from_the_start_up_to_not_including_the_end(local, is_open):
    assert hours().is_open(oslo(local)) is is_open


@pytest.mark.parametrize(
    ("local", "opening"),
    [
        ("2026-11-30T07:00", "2026-11-30T09:00"),
        ("2026-11-30T12:00", "2026-12-01T09:00"),  # open: the next one after this stretch
        ("2026-11-30T20:00", "2026-12-01T09:00"),
        ("2026-11-27T21:00", "2026-11-30T09:00"),
        ("2026-12-23T20:00", "2026-12-28T09:00"),  # Christmas
        ("2026-12-30T20:00", "2027-01-04T09:00"),  # New Year
        ("2027-03-24T20:00", "2027-03-30T09:00"),  # Easter, with the change to summer time in it
        ("2027-05-14T20:00", "2027-05-18T09:00"),  # Whitsun and 17 May
        ("2027-10-29T20:00", "2027-11-01T09:00"),  # the change back
    ],
)
def test_next_opening_is_nine_on_the_wall_of_the_next_working_day(local, opening):
    assert hours().next_opening(oslo(local)) == oslo(opening)


@pytest.mark.parametrize(
    ("first", "real_hours"),
    [
        ("2026-11-27", 61),  # an ordinary weekend
        ("2027-05-05", 37),  # Ascension
        ("2027-05-14", 85),  # Whitsun
        ("2026-12-23", 109),
        ("2026-12-30", 109),
        ("2027-03-24", 132),  # Easter: one hour shorter than on the wall
        ("2027-10-29", 62),  # one hour longer than on the wall
    ],
)
def test_a_closed_stretch_is_as_long_as_it_really_is(first, real_hours):
    day = date.fromisoformat(first)
    assert [s.length for s in hours().stretches(day, day)] == [timedelta(hours=real_hours)]


def test_stretches_name_every_closed_day_in_them():
    (easter,) = hours().stretches(date(2027, 3, 24), date(2027, 3, 28))
    assert easter.reason.nb == "skjærtorsdag, langfredag, første påskedag, andre påskedag"
    assert easter.reason.en == "Maundy Thursday, Good Friday, Easter Sunday, Easter Monday"
    assert (easter.from_at, easter.to_at) == (oslo("2027-03-24T20:00"), oslo("2027-03-30T09:00"))


def test_an_ordinary_night_is_a_stretch_without_a_reason():
    week = hours().stretches(date(2026, 11, 23), date(2026, 11, 27))
    assert [s.length / timedelta(hours=1) for s in week] == [13, 13, 13, 13, 61]
    assert {s.reason for s in week} == {None}


def test_stretches_of_a_year_do_not_leave_gaps():
    calendar = hours()
    found = calendar.stretches(date(2027, 1, 1), date(2027, 12, 31))
    for stretch in found:
        assert not calendar.is_open(stretch.from_at)
        assert not calendar.is_open(stretch.to_at - timedelta(seconds=1))
        assert calendar.is_open(stretch.to_at)
        assert calendar.is_open(stretch.from_at - timedelta(seconds=1))


def test_seventeenth_of_may_2027_has_both_its_names():
    reason = hours().closed_reason(date(2027, 5, 17))
    assert (reason.nb, reason.en) == (
        "andre pinsedag og grunnlovsdag",
        "Constitution Day and Pentecost Monday",
    )


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-12-24", "julaften"),
        ("2026-12-25", "første juledag"),
        ("2027-12-31", "nyttårsaften"),
        ("2027-05-06", "Kristi himmelfartsdag"),
        ("2026-11-28", None),  # a Saturday: the week itself leaves it out
        ("2026-11-30", None),  # open
    ],
)
def test_closed_days_say_why(day, reason):
    found = hours().closed_reason(date.fromisoformat(day))
    assert (found.nb if found else None) == reason


def test_closes_at_and_opened_at_are_the_ends_of_this_stretch():
    calendar = hours(weekly={"monday": ["09:00-12:00", "13:00-20:00"]})
    noon = oslo("2026-11-30T11:00")
    assert (calendar.opened_at(noon), calendar.closes_at(noon)) == (
        oslo("2026-11-30T09:00"),
        oslo("2026-11-30T12:00"),
    )
    assert calendar.next_opening(noon) == oslo("2026-11-30T13:00")
    lunch = oslo("2026-11-30T12:30")
    assert (calendar.opened_at(lunch), calendar.closes_at(lunch)) == (None, None)
    assert calendar.next_opening(lunch) == oslo("2026-11-30T13:00")
    assert calendar.opened_at(oslo("2026-11-30T13:00")) == oslo("2026-11-30T13:00")


def test_a_night_shift_that_runs_past_midnight_is_one_stretch():
    calendar = hours(weekly={"friday": ["20:00-24:00"], "saturday": ["00:00-04:00"]})
    for moment in (oslo("2026-11-27T23:59"), oslo("2026-11-28T00:00"), oslo("2026-11-28T03:00")):
        assert calendar.is_open(moment)
        assert calendar.opened_at(moment) == oslo("2026-11-27T20:00")
        assert calendar.closes_at(moment) == oslo("2026-11-28T04:00")
        assert calendar.next_opening(moment) == oslo("2026-12-04T20:00")


def test_touching_intervals_are_one_stretch():
    calendar = hours(weekly={"monday": ["09:00-12:00", "12:00-20:00"]})
    assert calendar.closes_at(oslo("2026-11-30T10:00")) == oslo("2026-11-30T20:00")
    assert calendar.opened_at(oslo("2026-11-30T15:00")) == oslo("2026-11-30T09:00")


def test_a_service_that_never_closes_is_always_open():
    every = {
        d: ["00:00-24:00"]
        for d in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    }
    calendar = hours(weekly=every, public_holidays=None, closed_days=[])
    now = oslo("2027-03-28T02:59:59")
    assert calendar.is_open(now)
    assert calendar.next_opening(now) == oslo("2027-03-29T00:00")
    assert calendar.stretches(date(2027, 3, 1), date(2027, 3, 31)) == []


def test_the_hour_that_comes_twice_in_october_is_open_both_times():
    calendar = hours(weekly={"sunday": ["00:00-02:30"]})
    for fold in (0, 1):
        assert calendar.is_open(oslo("2027-10-31T02:15", fold))
    assert not calendar.is_open(oslo("2027-10-31T02:30", 1))
    assert calendar.closes_at(oslo("2027-10-31T01:00")) == oslo("2027-10-31T02:30", 1)


def test_an_opening_in_the_hour_that_march_leaves_out_is_the_moment_of_the_jump():
    calendar = hours(weekly={"sunday": ["02:30-04:00"]}, public_holidays=None)
    assert calendar.next_opening(oslo("2027-03-28T01:59")) == oslo("2027-03-28T03:00")
    assert not calendar.is_open(oslo("2027-03-28T01:59"))
    gone = hours(weekly={"sunday": ["02:10-02:50"]}, public_holidays=None)
    assert gone.intervals_on(date(2027, 3, 28)) == ()


def test_a_change_wins_over_holidays_closed_days_and_the_week():
    calendar = hours(
        changes=[
            {"date": "2026-12-24", "hours": ["10:00-12:00"], "reason": {"nb": "jul", "en": "Christmas"}},
            {"date": "2026-11-30", "hours": [], "reason": {"nb": "kurs", "en": "a course"}},
        ]
    )
    assert calendar.is_open(oslo("2026-12-24T11:00"))
    assert not calendar.is_open(oslo("2026-12-24T12:00"))
    assert not calendar.is_open(oslo("2026-11-30T12:00"))
    assert calendar.closed_reason(date(2026, 11, 30)).en == "a course"
    assert calendar.closed_reason(date(2026, 12, 24)) is None


def test_a_summer_is_closed_from_its_first_to_its_last_day():
    summer = {"first": "2027-07-05", "last": "2027-08-08", "reason": {"nb": "sommer", "en": "summer"}}
    calendar = hours(closed_spans=[summer])
    assert calendar.is_open(oslo("2027-07-02T12:00"))
    assert calendar.next_opening(oslo("2027-07-02T20:00")) == oslo("2027-08-09T09:00")
    assert calendar.closed_reason(date(2027, 7, 14)).nb == "sommer"


def test_a_service_that_never_opens_is_refused_at_the_start():
    with pytest.raises(ContentError, match="no weekday has hours"):
        hours(weekly={})
    why = {"nb": "stengt", "en": "closed"}
    for_ever = [{"first": f"{year}-01-01", "last": f"{year}-12-31", "reason": why} for year in (2027, 2028)]
    with pytest.raises(ContentError, match="nothing opens within 400 days of 2027-01-01"):
        hours(closed_spans=for_ever)
    with pytest.raises(ContentError, match="public_holidays: 'XX' is not a country"):
        hours(public_holidays="XX")


def test_our_own_norwegian_holidays_are_those_of_the_holidays_package_until_2060():
    for year in range(2020, 2061):
        ours = norway.holidays_of(year)
        for language, joined, of in (("no", " og ", "nb"), ("en_US", " and ", "en")):
            theirs = holidays.country_holidays("NO", years=year, language=language)
            wanted = {day: {name.lower() for name in names.split("; ")} for day, names in theirs.items()}
            found = {day: set(getattr(words, of).lower().split(joined)) for day, words in ours.items()}
            assert found == wanted, year


@pytest.mark.parametrize(
    ("at", "now", "so"),
    [
        ("2026-11-27 19:59", "2026-11-27 20:00", True),
        ("2026-11-27 20:00", "2026-11-27 20:00", False),  # the end itself is closed
        ("2026-11-27 09:00", "2026-11-30 08:59", True),  # Friday's first minute, all through the weekend
        ("2026-11-27 08:59", "2026-11-27 20:00", False),
        ("2026-11-27 19:59", "2026-11-30 09:00", False),  # open again
        ("2026-11-27 19:59", "2026-11-30 20:01", False),  # another day has been since
    ],
)
def test_what_happened_in_the_stretch_that_ended_last_is_told_from_what_is_older(at, now, so):
    assert hours().has_just_closed(oslo(at), oslo(now)) is so
