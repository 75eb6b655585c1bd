"""The record of a case begins with the alert itself: it says what happened also where nobody wrote a line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alerting_bench import DANGER, Heard, climber, ladder, settle, with_ladder

from bot.conversation import Tier
from handlers.alerting.notice import ChannelFailed
from handlers.escalation import Escalation
from handlers.talk_deeds import TalkDeeds
from storage.case_lines import UNREADABLE
from storage.records import Role

AGAIN = "jeg vil ta livet mitt nå"


@pytest.fixture
def case(chat):
    """A student in danger; Ola and Kari help, Liv leads."""
    chat.local.content = with_ladder(chat.content, ladder())
    chat.ola, chat.kari = chat.on_duty("ola@example.org"), chat.on_duty("Kari")
    chat.liv = chat.on_duty("liv@example.org", Role.DUTY_LEAD)
    chat.do = Escalation(chat.local.storage, lambda: chat.local.content, chat.local.clock)
    chat.contact_writes("hei").contact_writes(DANGER)
    chat.alert = chat.alerts[0]
    return chat


def lines(case):
    return case.do.open_record(case.alert.id, case.liv).entries


def kinds(case):
    return [entry.kind for entry in lines(case)]


def fields(case, kind):
    return [entry.fields for entry in lines(case) if entry.kind == kind]


def minutes(case, number, *people):
    """The ladder is climbed each minute."""
    for _ in range(number):
        case.local.now += timedelta(minutes=1)
        settle(*people)


def test_a_case_in_which_nobody_wrote_a_line_has_its_record(case):
    case.claim(case.ola).supporter_writes(case.ola, "Hei").closes(case.ola)
    assert kinds(case) == ["raised", "card", "acknowledged", "closed"]
    (raised,), (card,), (closed,) = (fields(case, kind) for kind in ("raised", "card", "closed"))
    assert (raised["tier"], raised["in_hours"], raised["rules"]) == ("critical", True, list(case.alert.rules))
    assert card == {"card": "sent", "which": "life"}
    assert closed == {"staff": case.ola.id, "outcome": "listened", "to_confirm": True}
    assert fields(case, "acknowledged") == [{"staff": case.ola.id}]


def test_after_delete_the_second_person_still_sees_the_words_that_it_went_off_for(case):
    case.claim(case.ola).supporter_writes(case.ola, "Hei").closes(case.ola)
    case.contact_writes("slett").contact_taps("Ja, slett")
    assert case.local.storage.read(lambda tx: tx.alerts.get(case.alert.id)).matched == ()
    case.do.confirm_closure(case.alert.id, case.liv)
    assert fields(case, "raised")[0]["words"] == ["ta livet mitt i kveld"]
    assert kinds(case)[-1] == "closure_confirmed"


def test_who_said_i_have_it_is_kept_when_it_goes_off_again(case):
    case.do.acknowledge(case.alert.id, case.ola)
    case.contact_writes(AGAIN)
    assert case.alerts[0].acknowledged_by is None
    assert kinds(case)[-2:] == ["acknowledged", "raised_again"]
    assert fields(case, "acknowledged") == [{"staff": case.ola.id}]


def test_new_words_have_a_line_and_the_same_ones_again_have_none(case):
    for _ in range(4):
        case.wait(minutes=11)  # longer than messages are read together
        case.contact_writes(AGAIN)
    (again,) = fields(case, "raised_again")
    assert again["words"] == ["ta livet mitt nå"]


def test_a_rise_says_its_tier(chat):
    chat.do = Escalation(chat.local.storage, lambda: chat.content, chat.local.clock)
    chat.liv = chat.on_duty("Liv", Role.DUTY_LEAD)
    chat.contact_writes("hei").contact_writes("jeg vil ikke leve")
    chat.alert = chat.alerts[0]
    assert fields(chat, "raised")[0]["tier"] == Tier.HIGH
    chat.contact_writes(DANGER)
    assert fields(chat, "raised_again")[0]["tier"] == Tier.CRITICAL


def test_each_rung_has_one_line_however_often_it_is_repeated(case):
    mail = Heard()
    people = climber(case, {"email": mail})
    settle(people)
    minutes(case, 40, people)
    assert len(mail.notices) > 6
    told = fields(case, "told")
    assert [each["tell"] for each in told] == ["on_duty", "duty_lead"]
    assert (told[0]["who"], told[0]["channel"]) == (f"staff:{case.ola.id}", "email")


def test_a_rung_that_reached_nobody_says_so_once(case):
    mail = Heard()
    mail.fails = [ChannelFailed("http_503", again=False) for _ in range(100)]
    people = climber(case, {"email": mail})
    settle(people)
    minutes(case, 15, people)
    assert [(each["tell"], each.get("code")) for each in fields(case, "not_told")] == [
        ("on_duty", "http_503"),
        ("duty_lead", "http_503"),
        ("coordinator", None),
    ]
    assert fields(case, "told") == []


def test_a_channel_that_takes_it_at_another_try_has_its_line(case):
    mail = Heard()
    mail.fails = [ChannelFailed("http_503", again=True)]
    people = climber(case, {"email": mail})
    settle(people)
    minutes(case, 1, people)
    assert [kind for kind in kinds(case) if "told" in kind][:2] == ["not_told", "told"]


def test_the_bar_on_a_screen_is_a_line_with_whose_screen(case):
    for person in (case.kari, case.ola):
        case.local.deeds.alert_shown(case.alert.id, person)
    assert fields(case, "told") == [{"channel": "banner", "who": f"staff:{case.kari.id}"}]


def test_whom_it_told_is_known_after_the_ladder_has_forgotten(case):
    people = climber(case, {"email": Heard()})
    settle(people)
    case.claim(case.ola).supporter_writes(case.ola, "Hei").closes(case.ola)
    later = case.now + timedelta(days=91)
    case.local.storage.write(lambda tx: tx.rungs.prune(later))
    assert case.do.standing(case.alert.id).rungs == ()
    assert len(fields(case, "told")) == 1


def test_who_put_it_back_and_who_took_it_then_stand_there(case):
    case.claim(case.ola)
    case.local.deeds.release(case.id_of(), case.ola)
    case.claim(case.kari)
    assert kinds(case)[2:] == ["acknowledged", "released", "acknowledged"]
    assert fields(case, "released") == [{"staff": case.ola.id}]


def test_danger_that_a_person_saw_says_whose_eyes_it_was(chat):
    chat.do = Escalation(chat.local.storage, lambda: chat.content, chat.local.clock)
    ola, chat.liv = chat.on_duty("Ola"), chat.on_duty("Liv", Role.DUTY_LEAD)
    chat.contact_writes("prate")
    chat.claim(ola)
    TalkDeeds(chat.local.storage, lambda: chat.content, chat.local.clock).raise_tier(
        chat.id_of(), ola, Tier.HIGH, "B"
    )
    chat.alert = chat.alerts[0]
    (raised,) = fields(chat, "raised")
    assert (raised["rules"], raised["staff"]) == (["person"], ola.id)


def test_a_message_that_was_taken_back_leaves_what_raised_the_alert(case):
    case._said(case.local.withdraw("A", case.last_mid))
    assert fields(case, "raised")[0]["words"] == ["ta livet mitt i kveld"]


def test_what_the_service_writes_is_nobodys_deed(case):
    people = climber(case, {"email": Heard()})
    settle(people)
    case.do.acknowledge(case.alert.id, case.ola)
    assert {entry.by for entry in lines(case)} == {None}
    assert case.local.storage.read(lambda tx: tx.rungs.climb(case.alert.id)).acted_at is None
    minutes(case, 6, people)
    assert "resumed" in kinds(case), "nobody wrote to the student: the ladder goes on"


def test_a_record_that_somebody_damaged_keeps_no_alert_from_going_off(case):
    storage = case.local.storage
    case.do.acknowledge(case.alert.id, case.ola)
    storage.write(
        lambda tx: tx.run(
            "UPDATE escalation SET key_wrapped = (SELECT key_wrapped FROM contact WHERE id = 1)"
        )
    )
    case.contact_writes(AGAIN)
    assert (case.alerts[0].armed, case.alerts[0].acknowledged_by) == (2, None)
    assert storage.read(lambda tx: tx.incidents.is_open(UNREADABLE))
