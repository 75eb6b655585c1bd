"""Times as a student reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.settings import ServiceHours
from bot.wording import hours_in_words, opening_in_words, week_in_words

OSLO = ZoneInfo("Europe/Oslo")


def oslo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "opening", "nb", "en"),
    [
        ("2026-11-30T07:00", "2026-11-30T09:00", "i dag kl. 09", "today at 9:00"),
        ("2026-11-30T00:10", "2026-11-30T09:00", "i dag kl. 09", "today at 9:00"),
        ("2026-11-30T23:50", "2026-12-01T09:00", "i morgen kl. 09", "tomorrow at 9:00"),
        ("2026-11-28T12:00", "2026-11-30T09:00", "mandag kl. 09", "Monday at 9:00"),
        ("2027-03-24T20:00", "2027-03-30T09:00", "tirsdag kl. 09", "Tuesday at 9:00"),
        ("2027-03-23T20:00", "2027-03-30T09:00", "tirsdag 30. mars kl. 09", "Tuesday 30 March at 9:00"),
        ("2026-11-30T07:00", "2026-11-30T12:30", "i dag kl. 12:30", "today at 12:30"),
        ("2026-12-30T20:00", "2027-01-04T09:00", "mandag kl. 09", "Monday at 9:00"),
    ],
)
def test_an_opening_is_named_by_the_nearest_word_that_cannot_be_misread(now, opening, nb, en):
    assert opening_in_words(oslo(opening), oslo(now), "nb", OSLO) == nb
    assert opening_in_words(oslo(opening), oslo(now), "en", OSLO) == en


def test_bokmaal_is_spoken_when_no_language_is_known():
    assert opening_in_words(oslo("2026-11-30T09:00"), oslo("2026-11-30T07:00"), None, OSLO) == "i dag kl. 09"


WORKING = ("monday", "tuesday", "wednesday", "thursday", "friday")


@pytest.mark.parametrize(
    ("weekly", "nb", "en"),
    [
        ({day: ["09:00-20:00"] for day in WORKING}, "hverdager 09-20", "weekdays 9-20"),
        (
            {**{day: ["09:00-20:00"] for day in WORKING[:4]}, "friday": ["09:00-15:30"]},
            "mandag–torsdag 09-20, fredag 09-15:30",
            "Monday–Thursday 9-20, Friday 9-15:30",
        ),
        (
            {"tuesday": ["09:00-12:00", "13:00-24:00"]},
            "tirsdag 09-12 og 13-24",
            "Tuesday 9-12 and 13-24",
        ),
        (
            {day: ["10:00-12:00"] for day in [*WORKING, "saturday", "sunday"]},
            "mandag–søndag 10-12",
            "Monday–Sunday 10-12",
        ),
    ],
)
def test_a_week_is_said_as_shortly_as_it_can_be(weekly, nb, en):
    settings = ServiceHours.model_validate({"weekly": weekly})
    assert week_in_words(settings, "nb") == nb
    assert week_in_words(settings, "en") == en


@pytest.mark.parametrize(
    ("hours", "nb", "en"),
    [
        (1, "1 time", "1 hour"),
        (24, "24 timer", "24 hours"),
        (48, "48 timer", "48 hours"),
        (72, "3 dager", "3 days"),
        (100, "100 timer", "100 hours"),
        (2160, "90 dager", "90 days"),
    ],
)
def test_durations_are_days_where_days_are_whole_and_more_than_two(hours, nb, en):
    assert hours_in_words(hours, "nb") == nb
    assert hours_in_words(hours, "en") == en
