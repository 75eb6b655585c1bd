"""A push when somebody new waits or writes again: to whom, how often, and without a word of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from handlers.alerting.knocks import Knocks
from storage.records import Duty

KEY = "k" * 20


class Browsers:
    """A push service that takes everything."""

    def __init__(self):
        self.told = []

    def tell(self, notice):
        self.told.append(notice)
        return ()


@pytest.fixture
def service(chat):
    chat.amalie = chat.on_duty("Amalie")
    chat.browsers = Browsers()
    chat.knocks = Knocks(chat.local.storage, lambda: chat.content, chat.local.clock, {"push": chat.browsers})
    subscribe(chat, chat.amalie)
    chat.contact_writes("hei").contact_writes("prate")
    return chat


def subscribe(chat, staff):
    chat.local.storage.write(
        lambda tx: tx.push.subscribe(staff.id, f"https://push.example/{staff.id}", KEY, KEY, chat.now)
    )


def test_somebody_new_knocks_once_and_each_later_message_again_but_not_at_once(service):
    assert (service.knocks.look(), service.knocks.look()) == (1, 0)
    service.wait(minutes=1).contact_writes("er det noen der")
    assert service.knocks.look() == 0
    service.wait(minutes=1)
    assert (service.knocks.look(), service.knocks.look()) == (1, 0)


def test_student_who_comes_back_into_the_queue_knocks_again(service):
    service.knocks.look()
    service.claim(service.amalie)
    service.local.deeds.team.relieve(service.id_of(), service.amalie)
    assert (service.knocks.look(), service.knocks.look()) == (1, 0)


def test_push_says_nothing_of_who_or_what(service):
    service.knocks.look()
    notice = service.browsers.told[0]
    said = f"{notice.title} {notice.text} {notice.link} {notice.key}"
    assert service.queue[0].alias not in said and "prate" not in said and notice.kind == "new"


def test_nobody_off_duty_paused_in_quiet_hours_or_who_said_no_is_pushed(service):
    for change in (
        lambda tx, one: tx.staff.set_duty(one.id, Duty.OFF, service.now),
        lambda tx, one: tx.staff.pause(one.id, service.now),
        lambda tx, one: tx.staff.set_profile(one.id, replace(one, quiet_from=time(11), quiet_to=time(13))),
        lambda tx, one: tx.staff.set_profile(one.id, replace(one, notify=frozenset())),
    ):
        one = service.on_duty(f"N{len(service.browsers.told)}{id(change)}")
        subscribe(service, one)
        service.local.storage.write(lambda tx, one=one, change=change: change(tx, one))
    assert service.knocks.look() == 1


def test_danger_is_left_to_the_ladder_and_a_muted_conversation_makes_no_push(service):
    service.knocks.look()
    service.claim(service.amalie)
    service.local.storage.write(lambda tx: tx.staff.seen(service.amalie.id, service.now))
    service.wait(minutes=3).contact_writes("hei igjen")
    assert service.knocks.look() == 1 and service.browsers.told[-1].key.startswith("mine-")
    service.local.deeds.team.mute(service.id_of(), service.amalie, on=True)
    service.wait(minutes=3).contact_writes("og igjen")
    assert service.knocks.look() == 0
    service.contact_writes("jeg vil ta livet mitt nå", "B")
    service.wait(minutes=3)
    assert service.knocks.look() == 0
