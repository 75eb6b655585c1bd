"""A student may not have got what the bot wrote last: whoever is at work sees it, and sends it again with one tap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.messages import BotMessage, Purpose
from storage.records import Duty

SAID = "En student har kanskje ikke fått det siste boten skrev"
ONE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def lost(house):
    """In the middle of a flow a worker was killed, and nobody could tell what became of the next text."""
    contact = house.student("hei")
    house.storage.write(
        lambda tx: tx.outbox.sent({x.id: None for x in tx.outbox.claim(house.at, "w", 9)}, house.at)
    )
    house.storage.write(lambda tx: tx.run("UPDATE outbox SET state = 'sent' WHERE state = 'waiting'"))
    text = BotMessage(purpose=Purpose.FLOW, text="Hva gjelder det?", not_after=house.at + timedelta(hours=20))

    def lose(tx):
        outbox_id = tx.outbox.add(contact, text, house.at)
        tx.outbox.claim(house.at, "killed", 9)
        tx.outbox.unknown(outbox_id, house.at)
        tx.outbox.settle_unknown(outbox_id, house.at)
        return outbox_id

    return house.storage.write(lose)


def state(house, outbox_id):
    return house.storage.read(lambda tx: tx.one("SELECT state FROM outbox WHERE id = :id", id=outbox_id))[
        "state"
    ]


@ONE
def test_text_is_sent_again_with_one_tap_and_the_notice_goes(house, lost):
    browser = house.browser(house.staff("Amalie"))
    assert SAID not in browser.page(), "Meta may still tell"
    house.pass_time(minutes=3)
    page = browser.page()
    assert SAID in page and f"/unsure/{lost}/send" in page
    assert "Hva gjelder det?" not in page, "nobody has claimed this conversation"
    assert "Meldingen sendes på nytt." in browser.post(f"/unsure/{lost}/send", follow=True).text
    assert state(house, lost) == "waiting" and SAID not in browser.page()
    assert "ordnet allerede" in browser.post(f"/unsure/{lost}/send", follow=True).text
    assert [action for action, _ in house.audit()].count("sent_again") == 1


@ONE
def test_it_waits_for_whoever_comes_and_can_be_left(house, lost):
    house.pass_time(hours=12)
    browser = house.browser(house.staff("Amalie", duty=Duty.OFF))
    assert SAID in browser.page()
    browser.post(f"/unsure/{lost}/let")
    assert state(house, lost) == "unknown" and SAID not in browser.page()
    assert ("not_sent_again", 1) in house.audit()


@ONE
def test_student_who_has_written_again_is_not_waiting_for_it(house, lost):
    house.pass_time(minutes=3)
    browser = house.browser(house.staff("Amalie"))
    assert SAID in browser.page()
    house.student("er du der?")
    assert SAID not in browser.page()
    browser.post(f"/unsure/{lost}/send")
    assert state(house, lost) == "unknown"


@ONE
def test_text_that_is_past_its_time_is_not_offered_and_cannot_be_sent_again(house, lost):
    house.pass_time(hours=20)
    browser = house.browser(house.staff("Amalie"))
    assert SAID not in browser.page()
    assert "for sent" in browser.post(f"/unsure/{lost}/send", follow=True).text
    assert state(house, lost) == "unknown"
