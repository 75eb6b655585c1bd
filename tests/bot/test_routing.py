"""Who is offered whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation import Tier
from bot.routing import fit, is_hidden, offers

NOW = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class Helper:
    id: int = 1
    trained: str = "full"
    languages: tuple[str, ...] = ("nb", "en")
    campus: str | None = None
    avoid_own_campus: bool = False
    gender: str | None = None


@dataclass(frozen=True)
class Row:
    name: str = "row"
    tier: Tier = Tier.NONE
    opened_at: datetime = NOW - timedelta(minutes=1)
    language: str | None = "nb"
    campus: str | None = None
    wants_gender: str | None = None
    known_to: tuple[int, ...] = ()
    passed_by: tuple[int, ...] = ()


def names(helper, rows, *, now=NOW, room=True):
    return [row.name for row in offers(helper, rows, now, anybody_after=PATIENCE, room=room)]


@pytest.mark.parametrize(
    ("helper", "row", "against", "good"),
    [
        (Helper(), Row(), (), ()),
        (Helper(), Row(language=None), (), ()),
        (Helper(languages=("en",)), Row(), ("language",), ()),
        (Helper(trained="basic"), Row(), (), ()),
        (Helper(trained="basic"), Row(tier=Tier.ELEVATED), ("training",), ()),
        (Helper(campus="uio"), Row(campus="uio"), (), ("campus",)),
        (Helper(campus="uio"), Row(campus="bi"), (), ()),
        (Helper(campus="uio", avoid_own_campus=True), Row(campus="uio"), ("own_campus",), ()),
        (Helper(gender="Kvinne"), Row(wants_gender="woman"), (), ("gender",)),
        (Helper(gender="mann"), Row(wants_gender="woman"), ("gender",), ()),
        (Helper(), Row(wants_gender="man"), ("gender",), ()),
        (Helper(), Row(wants_gender="any"), (), ()),
        (Helper(), Row(passed_by=(1,)), ("passed",), ()),
        (Helper(trained="basic"), Row(known_to=(1,), tier=Tier.HIGH), ("known", "training"), ()),
    ],
)
def test_training_languages_and_wishes_speak_for_or_against(helper, row, against, good):
    assert (fit(helper, row).against, fit(helper, row).good) == (against, good)


@pytest.mark.parametrize("tier", [Tier.CRITICAL, Tier.HIGH])
def test_danger_is_offered_first_to_anybody_hands_full_or_not(tier):
    danger = Row("danger", tier=tier, language="en", campus="uio", wants_gender="man")
    helper = Helper(trained="basic", languages=("nb",), campus="uio", avoid_own_campus=True, gender="kvinne")
    assert names(helper, [danger, Row()]) == ["danger", "row"]
    assert names(helper, [danger, Row()], room=False) == ["danger"]


def test_danger_that_i_laid_down_or_whose_writer_i_know_comes_after_other_danger_but_comes():
    rows = [
        Row("known", tier=Tier.CRITICAL, known_to=(1,)),
        Row("passed", tier=Tier.HIGH, passed_by=(1,)),
        Row("other", tier=Tier.HIGH),
    ]
    assert names(Helper(), rows) == ["other", "known", "passed"]
    assert not is_hidden(Helper(), rows[0]) and is_hidden(Helper(), Row(known_to=(1,)))


def test_what_does_not_suit_is_left_to_others_until_the_student_has_waited_long():
    early, late = (
        Row("early", language="en", opened_at=NOW - PATIENCE + timedelta(seconds=1)),
        Row("late", language="en", opened_at=NOW - PATIENCE),
    )
    assert names(Helper(languages=("nb",)), [late, early, Row()]) == ["row", "late"]


def test_what_i_laid_down_or_whose_writer_i_know_is_never_offered_again_however_long_it_waits():
    old = NOW - timedelta(hours=5)
    assert names(Helper(), [Row(passed_by=(1,), opened_at=old), Row(known_to=(1,), opened_at=old)]) == []
    assert names(Helper(id=2), [Row(passed_by=(1,), opened_at=old)]) == ["row"]


@pytest.mark.parametrize(("minutes", "first"), [(10, "mine"), (11, "longer")])
def test_somebody_who_suits_goes_before_somebody_who_came_little_earlier(minutes, first):
    came = NOW - timedelta(minutes=1)
    rows = [
        Row("longer", opened_at=came - timedelta(minutes=minutes)),
        Row("mine", campus="uio", opened_at=came),
    ]
    assert names(Helper(campus="uio"), rows)[0] == first


def test_wish_never_lifts_an_ordinary_one_over_an_elevated_one():
    rows = [Row("elevated", tier=Tier.ELEVATED), Row("mine", campus="uio")]
    assert names(Helper(campus="uio"), rows) == ["elevated", "mine"]
