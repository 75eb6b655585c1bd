"""The ladder climbs until somebody has it: by day, by night, with dead workers, with two, with channels that fail."""

from __future__ import annotations

import math
import threading
from datetime import timedelta

import pytest
from alerting_bench import DANGER, Heard, climber, ladder, rung, settle, with_ladder

from bot.conversation import Tier
from bot.messages import Purpose
from bot.settings import ClosedRungs, Rungs
from handlers.alerting.climber import Climber
from handlers.alerting.notice import ChannelFailed
from handlers.escalation import Escalation
from handlers.jobs import flag_unconfirmed
from storage.records import Duty, Role


@pytest.fixture
def night(chat):
    """A Wednesday at noon, a supporter on duty, a duty lead and a coordinator at home."""
    chat.local.content = with_ladder(chat.content, ladder())
    chat.mail, chat.pager = Heard(), Heard()
    chat.channels = {"email": chat.mail, "webhook": chat.pager}
    chat.ola = chat.on_duty("ola@example.org")
    add = chat.local.storage.write
    for login, role in (("lead@example.org", Role.DUTY_LEAD), ("koord@example.org", Role.COORDINATOR)):
        staff_id = add(lambda tx, w=login, r=role: tx.staff.add(w, w.partition("@")[0], r, "x", chat.now))
        setattr(chat, role.value, chat.local.storage.read(lambda tx, i=staff_id: tx.staff.get(i)))
    chat.climber = climber(chat, chat.channels)
    chat.escalation = Escalation(chat.local.storage, lambda: chat.local.content, chat.local.clock)
    chat.contact_writes("hei")
    return chat


def pass_time(chat, minutes: float) -> None:
    chat.local.now += timedelta(minutes=minutes)
    settle(chat.climber)


def told(chat) -> list[str]:
    """Whom the mails of this step reached."""
    found = [one.partition("@")[0] for one in chat.mail.told]
    chat.mail.notices.clear()
    return found


def alerted_messages(chat, who="A") -> int:
    said = [s for s in chat.local.channel.said if s.psid == who]
    return sum(1 for s in said if getattr(s.message, "purpose", None) is Purpose.ALERTED)


def test_an_alert_whose_next_rung_cannot_be_counted_out_holds_up_no_other(night):
    for_ever = ladder().model_copy(update={"repeat_minutes": math.inf})
    night.local.content = with_ladder(night.content, for_ever)
    night.contact_writes(DANGER)
    settle(night.climber)
    for minutes in (2, 3, 1):
        pass_time(night, minutes)
    told(night)
    night.contact_writes(DANGER, "B")
    settle(night.climber)
    assert told(night) == ["ola"]


def test_people_are_told_one_after_the_other_and_again_until_somebody_has_it(night):
    night.contact_writes(DANGER)
    settle(night.climber)
    assert told(night) == ["ola"]
    pass_time(night, 1)
    assert told(night) == []
    pass_time(night, 1)
    assert told(night) == ["lead"]
    pass_time(night, 3)
    assert told(night) == ["koord"]
    pass_time(night, 4)
    assert told(night) == []
    pass_time(night, 1)
    assert told(night) == ["ola"]
    night.escalation.acknowledge(night.alerts[0].id, night.ola)
    pass_time(night, 4)
    assert told(night) == []


def test_a_student_hears_once_that_people_know_and_only_when_a_channel_took_it(night):
    night.mail.fails = [ChannelFailed("no_connection", again=True)] * 3
    night.contact_writes(DANGER)
    settle(night.climber)
    night.local.settle()
    assert alerted_messages(night) == 0
    pass_time(night, 0.1)
    night.local.settle()
    assert alerted_messages(night) == 1
    pass_time(night, 10)
    night.local.settle()
    assert alerted_messages(night) == 1


def test_a_channel_that_fails_moves_the_ladder_on_at_once_is_shown_and_comes_back(night):
    night.mail.fails = [ChannelFailed("no_connection", again=True)]
    night.contact_writes(DANGER)
    settle(night.climber)
    assert told(night) == ["lead"]
    alert_id = night.alerts[0].id
    first, second = night.escalation.standing(alert_id).rungs
    assert [(t.state, t.code, t.tries) for t in first.tellings] == [("waiting", "no_connection", 1)]
    assert [t.state for t in second.tellings] == ["accepted"]
    pass_time(night, 0.05)
    assert told(night) == ["ola"]
    assert not night.local.storage.read(lambda tx: tx.incidents.is_open("alert_channel:email"))


def test_a_channel_that_goes_on_failing_is_an_incident_and_gives_up_after_its_tries(night):
    night.mail.fails = [ChannelFailed("no_connection", again=True) for _ in range(99)]
    night.contact_writes(DANGER)
    settle(night.climber)
    assert night.local.storage.read(lambda tx: tx.incidents.is_open("alert_channel:email"))
    for _ in range(4):
        pass_time(night, 2.1)
    first = night.escalation.standing(night.alerts[0].id).rungs[0].tellings[0]
    assert (first.state, first.tries) == ("failed", 5)


def test_a_channel_that_crashes_does_not_end_the_ladder(night):
    night.mail.fails = [RuntimeError("not ours")]
    night.contact_writes(DANGER)
    settle(night.climber)
    assert told(night) == ["lead"]
    assert night.escalation.standing(night.alerts[0].id).rungs[0].tellings[0].code == "crashed"


def test_with_nobody_reachable_inside_the_hours_it_starts_at_the_duty_lead(night):
    night.local.storage.write(lambda tx: tx.staff.pause(night.ola.id, night.now))
    night.contact_writes(DANGER)
    settle(night.climber)
    assert told(night) == ["lead"]


def test_with_nobody_on_duty_whose_shift_it_is_hears_of_it_and_the_duty_lead_at_once_too(night):
    def home_with_a_shift(tx):
        tx.staff.set_duty(night.ola.id, Duty.OFF, night.now)
        tx.rota.add("supporter", night.now, night.now + timedelta(hours=3), night.ola.id, night.now)

    night.local.storage.write(home_with_a_shift)
    night.contact_writes(DANGER)
    settle(night.climber)
    assert sorted(told(night)) == ["lead", "ola"]
    first = night.escalation.standing(night.alerts[0].id).rungs[0]
    assert (first.tell, {one.code for one in first.tellings}) == ("on_duty", {None, "nobody_on_duty"})
    assert night.local.storage.read(lambda tx: tx.incidents.open_ones()) == []


def test_at_night_the_named_contact_is_paged_then_the_next_and_at_opening_those_on_duty(night):
    night.at("2026-11-25 23:00")
    night.contact_writes(DANGER)
    settle(night.climber)
    assert [n.phone for n in night.pager.notices] == ["+479999"]
    pass_time(night, 3)
    assert told(night) == ["sjef"]
    night.local.now += timedelta(hours=10)  # 09:03
    settle(night.climber)
    assert told(night) == ["ola"]


def test_with_nobody_named_it_fires_at_opening_to_the_first_on_duty(night):
    night.local.content = with_ladder(night.content, ladder(closed=ClosedRungs(nobody=True)))
    night.at("2026-11-25 23:00")
    night.contact_writes(DANGER)
    settle(night.climber)
    assert (night.pager.notices, told(night)) == ([], [])
    alert_id = night.alerts[0].id
    opens_at = night.escalation.standing(alert_id).plan.look_at
    night.local.now = opens_at - timedelta(seconds=1)
    settle(night.climber)
    assert told(night) == []
    night.local.now = opens_at
    settle(night.climber)
    assert told(night) == ["ola"]


def test_closing_time_silences_no_alert_that_went_off_before_it(night):
    """A Friday at a minute to eight, and nobody named for the weekend."""
    night.local.content = with_ladder(night.content, ladder(closed=ClosedRungs(nobody=True)))
    night.at("2026-11-27 19:59")
    night.contact_writes(DANGER)
    settle(night.climber)
    night.local.settle()
    assert told(night) == ["ola"]
    pass_time(night, 2)
    night.local.settle()
    assert told(night) == ["lead"]
    pass_time(night, 3)
    assert told(night) == ["koord"]
    # What the student is told: nobody promises a time, and nobody says that no one reads before Monday.
    night.at("2026-11-27 20:15")
    night.contact_writes("er det noen der")
    closed = night.text("card.line_closed_contact", next_open="mandag kl. 09", number="113")
    assert night.last_reply == closed
    pass_time(night, 60 * 60)
    assert told(night) == []
    night.local.now = night.escalation.standing(night.alerts[0].id).plan.look_at
    settle(night.climber)
    assert told(night) == ["ola"]


def test_i_have_it_at_two_minutes_to_closing_and_then_silence_tells_everybody_once_more(night):
    night.local.content = with_ladder(night.content, ladder(closed=ClosedRungs(nobody=True)))
    night.at("2026-11-27 19:57")
    night.contact_writes(DANGER)
    settle(night.climber)
    night.local.now += timedelta(minutes=1)
    night.escalation.acknowledge(night.alerts[0].id, night.ola)
    told(night)
    heard = []
    for _ in range(20):
        pass_time(night, 1)
        heard += told(night)
    assert heard == ["ola", "lead", "koord"]


def test_a_danger_that_rises_after_closing_is_told_no_less_than_the_one_before_it(night):
    night.local.content = with_ladder(night.content, ladder(closed=ClosedRungs(nobody=True)))
    night.at("2026-11-27 19:55")
    night.contact_writes("jeg vil ikke leve")
    assert night.alerts[0].tier is Tier.HIGH
    for _ in range(5):
        pass_time(night, 1)
    told(night)
    night.at("2026-11-27 20:10").contact_writes(DANGER)
    assert night.text("card.when_closed_contact", next_open="mandag kl. 09") in "".join(night.replies)
    settle(night.climber)
    assert told(night) == ["ola"]
    night.at("2026-11-30 20:30").contact_writes("jeg gjør det nå, jeg tar livet mitt")
    assert night.text("card.when_closed_contact", next_open="i morgen kl. 09") not in "".join(night.replies)


def test_a_rung_that_reaches_nobody_all_round_is_an_incident(night):
    lonely = Rungs(critical=(rung("contact:vakt", 0, "push"),), high=(rung("on_duty", 0),))
    night.local.content = with_ladder(night.content, ladder(open=lonely))
    night.contact_writes(DANGER)
    settle(night.climber)

    def unheard() -> bool:
        night.climber.recover(night.now)
        return night.local.storage.read(lambda tx: tx.incidents.is_open("alert_reaches_nobody"))

    assert unheard()
    night.escalation.acknowledge(night.alerts[0].id, night.ola)
    assert not unheard()


def test_i_have_it_and_then_nothing_sets_the_ladder_going_again(night):
    night.contact_writes(DANGER)
    settle(night.climber)
    alert_id = night.alerts[0].id
    night.escalation.acknowledge(alert_id, night.ola)
    told(night)
    pass_time(night, 4.9)
    assert told(night) == []
    pass_time(night, 0.1)
    assert told(night) == ["ola"]
    pass_time(night, 2)
    assert told(night) == ["lead"]
    night.escalation.acknowledge(alert_id, night.duty_lead)
    assert night.alerts[0].acknowledged_by == night.duty_lead.id
    pass_time(night, 4)
    assert told(night) == []


def test_a_persons_words_end_it_until_the_danger_rises_or_comes_again(night):
    night.contact_writes(DANGER)
    settle(night.climber)
    night.claim(night.ola).supporter_writes(night.ola, "Jeg er her.")
    told(night)
    pass_time(night, 60)
    assert told(night) == []
    night.contact_writes(DANGER)
    settle(night.climber)
    assert night.alerts[0].armed == 2
    assert told(night) == ["ola"]


def test_at_night_a_recorded_action_counts_as_something_done(night):
    night.at("2026-11-25 23:00")
    night.contact_writes(DANGER)
    settle(night.climber)
    alert_id = night.alerts[0].id
    night.escalation.acknowledge(alert_id, night.duty_lead)
    night.escalation.record(alert_id, night.duty_lead, "asked", {"asked": True, "answer": "yes"})
    night.pager.notices.clear()
    pass_time(night, 60)
    assert (night.pager.notices, told(night)) == ([], [])


def test_an_alert_is_raised_and_told_however_old_the_message_is(night):
    from bot.events import TextReceived

    event = TextReceived(sent_at=night.now - timedelta(days=6), mid="old", text=DANGER)
    night.local.happens("B", event)
    settle(night.climber)
    assert told(night) == ["ola"]


def test_a_notification_holds_nothing_of_the_student_and_is_in_the_readers_language(night):
    night.local.storage.write(lambda tx: tx.staff.set_language(night.ola.id, "en"))
    night.contact_writes(DANGER)
    settle(night.climber)
    pass_time(night, 2)
    english, norwegian = night.mail.notices
    alias = night.alerts[0].alias
    assert (english.kind, english.link) == ("alert", "https://example.org/console")
    assert english.text == "Somebody needs you in the console now. Sign in: https://example.org/console"
    assert norwegian.text == "Noen trenger deg i konsollen nå. Logg inn: https://example.org/console"
    for notice in (english, norwegian):
        for word in ("livet", "kveld", alias, "kritisk", "critical", "selvmord", "A-attempt"):
            assert word not in (notice.title + notice.text).split()


def test_elevated_alerts_climb_their_own_rungs(night):
    from bot.effects import RaiseAlert

    one = RaiseAlert(tier=Tier.ELEVATED, category="C-indirect", rules=("r",), at=night.now)
    night.local.storage.write(lambda tx: tx.alerts.raise_(night.id_of(), one))
    settle(night.climber)
    assert told(night) == ["ola"]


# Dead workers.


class Cut(BaseException):
    """The process is gone."""


class Dying:
    """A store whose process dies at its n-th write: before the transaction, inside it, or after the commit."""

    def __init__(self, storage, at: int, moment: str) -> None:
        self._storage, self._left, self._moment = storage, at, moment

    def read(self, fn):
        return self._storage.read(fn)

    def write(self, fn):
        self._left -= 1
        if self._left:
            return self._storage.write(fn)
        if self._moment == "before":
            raise Cut
        if self._moment == "inside":

            def half(tx):
                fn(tx)
                raise CutInside

            try:
                self._storage.write(half)
            except CutInside:
                raise Cut from None
        self._storage.write(fn)
        raise Cut


class CutInside(Exception):
    """Undoes the transaction, as the end of the process would."""


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("write", range(1, 8))
def test_killed_at_any_instant_the_ladder_goes_on_after_the_restart(night, write, moment):
    """Three people are told: seven writes and more. Whichever of them is cut, all three hear of it in time."""
    night.contact_writes(DANGER)
    dying = climber(night, night.channels, "dying", Dying(night.local.storage, write, moment))

    def climb_for_a_while(one: Climber) -> None:
        for minutes in (0, 2, 3, 5, 2, 3):
            night.local.now += timedelta(minutes=minutes)
            settle(one)
            night.local.settle()

    with pytest.raises(Cut):
        climb_for_a_while(dying)
    heard = set(told(night))
    fresh = climber(night, night.channels, "fresh")
    fresh.recover(night.now, older_than=timedelta(seconds=-1))
    climb_for_a_while(fresh)
    heard |= set(told(night))
    assert heard == {"ola", "lead", "koord"}
    lines = night.escalation.standing(night.alerts[0].id).rungs
    assert {t.state for line in lines for t in line.tellings} == {"accepted"}
    assert alerted_messages(night) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_killed_while_a_mail_was_on_its_way_it_is_sent_again(night, arrived):
    night.contact_writes(DANGER)

    class Dies:
        def tell(self, notice):
            if arrived:
                night.mail.tell(notice)
            raise Cut

    with pytest.raises(Cut):
        settle(climber(night, {"email": Dies()}, "dying"))
    fresh = climber(night, night.channels, "fresh")
    fresh.recover(night.now)
    settle(fresh)
    assert len(night.mail.notices) == int(arrived)  # perhaps another worker's: not before ninety seconds
    night.local.now += timedelta(seconds=91)
    fresh.recover(night.now)
    fresh.send_one()
    assert night.mail.told == ["ola@example.org"] * (1 + arrived)
    assert len(set(night.mail.keys)) == 1


def test_two_workers_climb_each_rung_once_and_send_each_notification_once(night):
    students = [f"S{n}" for n in range(6)]
    for who in students:
        night.contact_writes("hei", who=who).contact_writes(DANGER, who=who)
    workers = [climber(night, night.channels, f"w{n}") for n in range(2)]
    for minutes in (0, 2, 3, 5):
        night.local.now += timedelta(minutes=minutes)
        start = threading.Barrier(len(workers) * 2)
        errors: list[BaseException] = []

        def run(one: Climber, start=start, errors=errors) -> None:
            try:
                start.wait()
                settle(one)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(one,)) for one in workers * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        settle(*workers)
    assert len(night.mail.keys) == len(set(night.mail.keys)) == 4 * len(students)
    for alert in night.alerts:
        assert [line.step for line in night.escalation.standing(alert.id).rungs] == [1, 2, 3, 4]
    night.local.settle()
    assert [alerted_messages(night, who) for who in students] == [1] * len(students)


def test_nothing_of_it_is_done_twice_by_asking_twice(night):
    night.contact_writes(DANGER)
    settle(night.climber)
    assert not night.climber.climb()
    assert not night.climber.send_one()
    assert night.climber.recover(night.now) == 0


# Others.


def test_what_nobody_confirmed_in_a_day_is_an_incident(night):
    night.contact_writes(DANGER).claim(night.ola).supporter_writes(night.ola, "Hei").closes(night.ola)
    storage, content = night.local.storage, night.local.content
    assert flag_unconfirmed(storage, content, night.now + timedelta(hours=23)) == 0
    late = night.now + timedelta(hours=24)
    assert [flag_unconfirmed(storage, content, late) for _ in range(2)] == [1, 0]
    assert storage.read(lambda tx: tx.incidents.is_open("confirmation_overdue"))
    alert_id = night.escalation.unconfirmed()[0].alert_id
    night.escalation.confirm_closure(alert_id, night.duty_lead)
    assert not storage.read(lambda tx: tx.incidents.is_open("confirmation_overdue"))
