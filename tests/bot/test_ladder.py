"""The ladder, pure: which rung is due, for whom, on which channels, and when to look next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from talk_support import content_files

from bot.checks import check
from bot.conversation import Tier
from bot.ladder import Climb, Fired, Person, Roster, Telling, next_step, reaches, tellings, warnings
from bot.settings import ClosedRungs, Ladder, NamedContact, Rung, Rungs

RAISED = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CHANGE = RAISED + timedelta(hours=7)
ALL = frozenset({"banner", "push", "email", "webhook"})


def rung(tell="on_duty", after=0.0, *channels) -> Rung:
    return Rung(tell=tell, after_minutes=after, channels=channels or ("banner", "email"))


def at(minutes: float) -> datetime:
    return RAISED + timedelta(minutes=minutes)


def climb(tier=Tier.CRITICAL, **changes) -> Climb:
    fields = {"alert_id": 1, "contact_id": 2, "tier": tier, "armed": 1, "number": 1, "armed_at": RAISED}
    return Climb(**(fields | changes))


def fired(index=0, minutes=0.0, *, step=1, part="open", moves_on=False) -> Fired:
    return Fired(step=step, part=part, rung=index, at=at(minutes), moves_on=moves_on)


def plan(one, last=None, minutes=0.0, settings=None, in_hours=True, just_closed=False):
    return next_step(
        one,
        last,
        settings or Ladder(),
        in_hours=in_hours,
        just_closed=just_closed,
        hours_change_at=CHANGE,
        now=at(minutes),
    )


def test_the_first_rung_is_due_at_once_and_the_next_after_its_minutes():
    first = plan(climb())
    assert (first.due.step, first.due.index, first.due.rung.tell) == (1, 0, "on_duty")
    waiting = plan(climb(), fired(), minutes=1)
    assert (waiting.due, waiting.look_at, waiting.next_tells) == (None, at(2), "duty_lead")
    second = plan(climb(), fired(), minutes=2)
    assert (second.due.step, second.due.rung.tell) == (2, "duty_lead")
    assert plan(climb(), fired(1, 2, step=2), minutes=5).due.rung.tell == "coordinator"


def test_after_the_last_rung_the_first_comes_again_and_so_on_for_ever():
    last = fired(2, 5, step=3)
    assert plan(climb(), last, minutes=9).look_at == at(10)
    again = plan(climb(), last, minutes=10).due
    assert (again.step, again.index) == (4, 0)
    late = plan(climb(), fired(2, 600, step=363), minutes=605).due
    assert (late.step, late.index) == (364, 0)


def test_a_rung_that_failed_or_reached_nobody_moves_the_ladder_on_at_once_but_starts_no_new_round():
    assert plan(climb(), fired(moves_on=True), minutes=0).due.rung.tell == "duty_lead"
    assert plan(climb(), fired(2, 0, step=3, moves_on=True), minutes=1).due is None


@pytest.mark.parametrize(("tier", "limit"), [(Tier.CRITICAL, 5), (Tier.HIGH, 10)])
def test_i_have_it_pauses_the_ladder_until_a_person_should_have_written(tier, limit):
    taken = climb(tier, acknowledged_at=at(1))
    assert plan(taken, fired(), minutes=limit).look_at == at(1 + limit)
    assert plan(taken, fired(), minutes=1 + limit).resume
    answered = climb(tier, acknowledged_at=at(1), replied_at=at(3))
    assert not plan(answered, fired(), minutes=600).is_due
    before = climb(tier, acknowledged_at=at(1), replied_at=at(0))
    assert plan(before, fired(), minutes=1 + limit).resume


def test_an_elevated_one_stays_with_whoever_took_it():
    assert not plan(climb(Tier.ELEVATED, acknowledged_at=at(1)), minutes=600).is_due


def test_a_recorded_action_counts_when_closed_and_not_while_open():
    acted = climb(acknowledged_at=at(1), acted_at=at(2))
    settings = Ladder(
        contacts={"vakt": NamedContact(phone="123"), "to": NamedContact(phone="124")},
        closed=ClosedRungs(critical=(rung("contact:vakt", 0, "webhook"), rung("contact:to", 5, "webhook"))),
    )
    assert not plan(acted, minutes=60, settings=settings, in_hours=False).is_due
    assert plan(acted, minutes=60, settings=settings).resume


def test_a_resumed_ladder_begins_at_the_first_rung_and_ends_with_a_persons_words():
    resumed = climb(number=2, acknowledged_at=at(1), resumed_at=at(6))
    assert plan(resumed, None, minutes=6).due.rung.tell == "on_duty"
    answered = climb(number=2, acknowledged_at=at(1), resumed_at=at(6), replied_at=at(7))
    assert not plan(answered, fired(0, 6), minutes=60).is_due


def test_with_nobody_outside_the_hours_it_waits_for_the_opening_and_begins_there():
    night = plan(climb(), minutes=30, in_hours=False)
    assert (night.is_due, night.look_at) == (False, CHANGE)
    assert plan(climb(), minutes=420).due.rung.tell == "on_duty"


WOKEN = Ladder(
    contacts={"vakt": NamedContact(phone="123"), "to": NamedContact(phone="124")},
    closed=ClosedRungs(critical=(rung("contact:vakt", 0, "webhook"), rung("contact:to", 5, "webhook"))),
)


def test_opening_begins_the_open_ladder_under_an_alert_that_nobody_took():
    opening = plan(climb(), fired(1, 5, step=2, part="closed"), minutes=8, settings=WOKEN).due
    assert (opening.step, opening.part, opening.rung.tell) == (3, "open", "on_duty")


# What of the open ladder has been climbed when the doors close, and what comes after: (part, index, minute).
AFTER_CLOSING = {
    "nothing yet": (climb(), None, 0, ("open", 0, 0)),
    "the first": (climb(), fired(), 1, ("open", 1, 2)),
    "all but one": (climb(), fired(1, 2, step=2), 3, ("open", 2, 5)),
    "all": (climb(), fired(2, 5, step=3), 6, ("closed", 0, 6)),
    "half of a later round": (climb(), fired(1, 62, step=5), 63, ("open", 2, 65)),
    "a rung of the closed list": (climb(), fired(0, 6, step=4, part="closed"), 7, ("closed", 1, 11)),
    "taken, then silence": (
        climb(number=2, acknowledged_at=at(1), resumed_at=at(6)),
        None,
        6,
        ("open", 0, 6),
    ),
    "the first of a resumed one": (
        climb(number=2, acknowledged_at=at(1), resumed_at=at(6)),
        fired(0, 6),
        7,
        ("open", 1, 8),
    ),
    "a rise after closing": (
        climb(number=2, armed=2, armed_at=at(9), raised_at=RAISED),
        None,
        9,
        ("open", 0, 9),
    ),
}


@pytest.mark.parametrize("settings", [None, WOKEN], ids=["nobody", "woken"])
@pytest.mark.parametrize("case", AFTER_CLOSING)
def test_an_alert_that_went_off_while_open_finishes_its_open_rungs_after_closing(case, settings):
    one, last, minute, (part, index, due) = AFTER_CLOSING[case]
    if last is not None and last.part == "closed" and settings is None:
        return
    if part == "closed" and settings is None:  # nobody is named: it waits for the opening
        found = plan(one, last, minute, in_hours=False, just_closed=True)
        assert (found.is_due, found.look_at) == (False, CHANGE)
        return
    step = plan(one, last, due, settings, in_hours=False, just_closed=True).due
    assert (step.part, step.index, step.step) == (part, index, last.step + 1 if last else 1)
    if due > minute:
        assert plan(one, last, minute, settings, in_hours=False, just_closed=True).look_at == at(due)


def test_i_have_it_just_before_closing_and_then_silence_sets_the_ladder_off_again():
    taken = climb(acknowledged_at=at(1))
    assert plan(taken, fired(), minutes=5, in_hours=False, just_closed=True).look_at == at(6)
    assert plan(taken, fired(), minutes=6, in_hours=False, just_closed=True).resume


def test_an_alert_of_the_night_or_of_an_earlier_day_climbs_as_the_closed_hours_say():
    night = plan(climb(), minutes=30, settings=WOKEN, in_hours=False).due
    assert (night.part, night.rung.tell) == ("closed", "contact:vakt")
    assert not plan(climb(), minutes=30, in_hours=False).is_due


ON = Person(who="staff:1", role="supporter", on_duty=True, channels=frozenset({"banner", "email"}))
AWAY = Person(who="staff:2", role="supporter", channels=frozenset({"banner", "email"}))
LEAD = Person(who="staff:3", role="duty_lead", channels=frozenset({"banner", "email", "webhook"}))


def test_on_duty_are_those_who_are_there_and_need_no_pause():
    tired = Person(who="staff:4", role="supporter", on_duty=True, paused=True, channels=ALL)
    told = tellings(rung(), Roster((ON, AWAY, LEAD, tired), ALL))
    assert told == (Telling(who="staff:1", channel="banner"), Telling(who="staff:1", channel="email"))
    assert not reaches(tellings(rung(), Roster((AWAY, LEAD), ALL)))


def test_of_those_with_a_role_the_ones_on_duty_are_told_else_all_of_them():
    there = Person(who="staff:5", role="duty_lead", on_duty=True, channels=ALL)
    assert {t.who for t in tellings(rung("duty_lead"), Roster((LEAD, there), ALL))} == {"staff:5"}
    assert {t.who for t in tellings(rung("duty_lead"), Roster((LEAD, AWAY), ALL))} == {"staff:3"}
    paused = Person(who="staff:6", role="duty_lead", paused=True, channels=ALL)
    assert {t.who for t in tellings(rung("duty_lead"), Roster((LEAD, paused), ALL))} == {"staff:3"}
    assert {t.who for t in tellings(rung("duty_lead"), Roster((paused,), ALL))} == {"staff:6"}


def test_the_banner_reaches_only_a_console_that_is_open():
    told = tellings(rung("duty_lead", 0, "banner"), Roster((LEAD,), ALL))
    assert told == ()


def test_what_cannot_be_tried_says_why():
    told = tellings(rung("duty_lead", 0, "push", "email"), Roster((LEAD,), frozenset({"banner", "push"})))
    assert {(t.channel, t.code) for t in told} == {("push", "no_address"), ("email", "not_set_up")}
    assert not reaches(told)


def test_a_webhook_without_anybodys_number_is_a_pager_and_is_told_once():
    two = (AWAY, ON)
    told = tellings(rung("on_duty", 0, "webhook"), Roster(two, ALL))
    assert told == (Telling(who="rung:on_duty", channel="webhook"),)
    assert tellings(rung("duty_lead", 0, "webhook"), Roster((LEAD,), ALL)) == (
        Telling(who="staff:3", channel="webhook"),
    )


def test_a_named_contact_is_told_by_name():
    vakt = Person(who="contact:vakt", role="contact", channels=frozenset({"webhook"}))
    told = tellings(rung("contact:vakt", 0, "webhook"), Roster((ON, vakt), ALL))
    assert told == (Telling(who="contact:vakt", channel="webhook"),)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Ladder(open=Rungs(critical=(rung("duty_lead"), rung("duty_lead", 2)), high=(rung(),))),
        lambda: Ladder(
            contacts={"a": NamedContact(phone="+47 1234"), "b": NamedContact(phone="+471234")},
            closed=ClosedRungs(critical=(rung("contact:a"), rung("contact:b", 3))),
        ),
        lambda: Ladder(open=Rungs(critical=(), high=(rung(),))),
        lambda: Ladder(open=Rungs(critical=(rung("contact:nobody"),), high=(rung(),))),
        lambda: ClosedRungs(nobody=True, critical=(rung(),)),
        lambda: Rungs(critical=(rung("on_duty", 5), rung("duty_lead", 2))),
        NamedContact,
        lambda: rung("everybody"),
        lambda: Ladder(console_url="http://example.org/console"),
    ],
)
def test_a_ladder_that_would_let_somebody_down_is_refused(wrong):
    with pytest.raises(ValidationError):
        wrong()


def test_check_names_the_line_of_a_critical_ladder_whose_first_two_rungs_are_one_person():
    files = content_files()
    files["config.yaml"] = files["config.yaml"].replace(
        "{tell: duty_lead, after_minutes: 2", "{tell: on_duty, after_minutes: 2"
    )
    found = [str(problem) for problem in check(files)]
    assert len(found) == 1
    assert found[0].startswith("config.yaml:")
    assert "one person" in found[0]


def test_closed_hours_without_a_pager_are_warned_of_unless_that_is_a_decision(content):
    assert warnings(content.settings) == []
    silent = content.settings.model_copy(update={"ladder": Ladder(closed=ClosedRungs())})
    assert any("nobody: true" in warning for warning in warnings(silent))
    mailed = Ladder(closed=ClosedRungs(critical=(rung("coordinator"), rung("duty_lead", 5))))
    assert warnings(content.settings.model_copy(update={"ladder": mailed})) != []
    pager = (rung("coordinator", 0, "webhook"), rung("duty_lead", 5))
    paged = Ladder(closed=ClosedRungs(critical=pager, high=pager))
    assert warnings(content.settings.model_copy(update={"ladder": paged})) == []
    half = Ladder(closed=ClosedRungs(critical=pager))
    assert any(
        "closed.high" in said for said in warnings(content.settings.model_copy(update={"ladder": half}))
    )
