"""A page may be minutes old. What it ends must not be newer than what it showed."""

from __future__ import annotations

import re

import pytest

from bot.conversation import Tier
from bot.errors import NotPossible
from bot.sight import UNSEEN, Sight, read
from storage.records import Duty, Role

DANGER = "Jeg skal ta livet mitt i kveld"
WISH = "jeg vil dø"


@pytest.fixture
def mine(house, amalie):
    """Amalie has answered a student who sleeps badly, and has everything on the screen."""
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    writes(house, amalie, contact)
    return contact


def writes(house, staff, contact):
    newest = house.storage.read(lambda tx: tx.transcript.last_id(contact))
    house.deeds.reply(contact, staff, "Hei, jeg er her", newest)
    house.browser(staff).page(f"/c/{contact}")


def sight_of(page: str) -> str:
    return re.search(r'name="sight" value="([^"]+)"', page)[1]


def alert_of(house, contact):
    return house.storage.read(lambda tx: tx.alerts.open_for(contact))


def test_a_sight_travels_in_a_form_and_anything_else_has_seen_nothing():
    seen = Sight(said=12, tier=Tier.ELEVATED, armed=2)
    assert read(str(seen)) == seen
    for odd in ("", "12", "12.high", "12.worse.1", "-1.none.0", "x.none.0", "1.none.²", "1.none.0.0"):
        assert read(odd) == UNSEEN


def test_an_old_closing_form_does_not_end_a_danger_that_nobody_has_seen(house, amalie, mine):
    browser = house.browser(amalie)
    old = sight_of(browser.page(f"/c/{mine}/close"))
    house.student(WISH)
    answer = browser.post(f"/c/{mine}/close", outcome="listened", talk="later", sight=old)
    assert answer.status_code == 409 and house.row(mine) is not None
    assert "Samtalen er ikke avsluttet" in answer.text and "jeg vil dø" in re.sub("<[^>]+>", "", answer.text)
    alert = alert_of(house, mine)
    assert alert.acknowledged_by is None and alert.closed_at is None
    # Seen by now, but nobody has taken it: that comes first, and the page has the button for it.
    assert f"/alert/{alert.id}/acknowledge" in answer.text and ">Avslutt</button>" not in answer.text
    again = browser.post(f"/c/{mine}/close", outcome="listened", sight=sight_of(answer.text))
    assert again.status_code == 409 and house.row(mine) is not None
    browser.post(f"/alert/{alert.id}/acknowledge")
    assert browser.post(f"/c/{mine}/close", outcome="emergency_by_us").status_code == 302
    assert house.row(mine) is None


def test_an_old_closing_form_shows_ordinary_words_first_and_then_closes(house, amalie, mine):
    browser = house.browser(amalie)
    old = sight_of(browser.page(f"/c/{mine}/close"))
    house.student("Vent, en ting til")
    answer = browser.post(f"/c/{mine}/close", outcome="listened", sight=old)
    assert answer.status_code == 409 and "Vent, en ting til" in answer.text
    assert re.search(r'value="listened" required[^>]* checked', answer.text), "what was chosen stands"
    assert ("opened", amalie.id) in house.audit()[-1:], "whoever reads is written down"
    assert "Vent, en ting til" not in browser.page(f"/c/{mine}/close"), "now it has been on the screen"
    again = browser.post(f"/c/{mine}/close", outcome="listened", sight=sight_of(answer.text))
    assert again.status_code == 302 and house.row(mine) is None


def test_the_closing_form_itself_shows_what_was_not_on_the_screen_yet(house, amalie, mine):
    house.student("Og så fikk jeg ikke sove")
    browser = house.browser(amalie)
    page = browser.page(f"/c/{mine}/close")
    assert "Og så fikk jeg ikke sove" in page and "ikke avsluttet" not in page
    # A form that does not say what it showed closes nothing.
    assert browser.post(f"/c/{mine}/close", outcome="listened", sight="").status_code == 409
    assert house.row(mine) is not None


def test_an_old_form_does_not_lower_a_tier_that_has_risen(house, amalie, mine):
    house.student("jeg orker ikke mer")
    assert house.row(mine).tier is Tier.ELEVATED
    browser = house.browser(amalie)
    old = sight_of(browser.page(f"/c/{mine}"))
    house.student(DANGER)
    # A live page has shown the words by now; the form is still the one for the lower tier.
    said = house.deeds.sight(mine).said
    answer = browser.post(
        f"/c/{mine}/tier", follow=True, tier="none", reason="Bare sliten", sight=old, said=said
    )
    assert "Nivået er ikke senket" in answer.text and "i kveld" in answer.text
    assert 'value="Bare sliten"' in answer.text and '"none" selected' in answer.text, "what was typed is lost"
    assert house.row(mine).tier is Tier.CRITICAL
    assert alert_of(house, mine).acknowledged_by is None


def test_an_old_form_does_not_lower_a_danger_that_was_written_of_again(house, amalie):
    contact, browser = house.student(DANGER), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    writes(house, amalie, contact)
    old = sight_of(browser.page(f"/c/{contact}"))
    house.student(DANGER)
    browser.post(f"/c/{contact}/tier", tier="none", reason="Det gikk over", sight=old)
    assert house.row(contact).tier is Tier.CRITICAL and alert_of(house, contact).acknowledged_at is None


def test_words_that_a_live_page_has_shown_hinder_nobody_who_lowers_a_tier(house, amalie, mine):
    house.student("jeg orker ikke mer")
    browser = house.browser(amalie)
    old = sight_of(browser.page(f"/c/{mine}"))
    house.student("Jo, det går bedre nå")
    fields = {"tier": "none", "reason": "Bare sliten", "sight": old}
    browser.post(f"/c/{mine}/tier", **fields)
    assert house.row(mine).tier is Tier.ELEVATED
    said = re.search(r'name="said" form="tier-form" value="(\d+)"', browser.page(f"/c/{mine}"))[1]
    browser.post(f"/c/{mine}/tier", **fields, said=said)
    assert house.row(mine).tier is Tier.NONE


# Refusals that say what is so.


def test_full_hands_are_said_to_be_full_and_the_student_still_waits(house, amalie):
    for who in "BCDEFGHI":
        contact = house.waiting(who=who)
        try:
            house.deeds.claim(contact, amalie)
        except NotPossible:
            break
    browser = house.browser(amalie)
    page = browser.post(f"/c/{contact}/claim", follow=True).text
    assert "Hendene er fulle" in page and "ligger ikke i køen lenger" not in page
    words = browser.post(f"/c/{contact}/write", json=True, text="Hei", mode="reply", seen=0).get_json()[
        "words"
    ]
    assert "Ta den først" in words and "avsluttet" not in words
    assert house.row(contact).claimed_by is None


def test_who_has_said_that_they_know_the_student_is_told_that(house, amalie):
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    house.deeds.team.know(contact, amalie)
    assert "kjenner denne studenten" in house.browser(amalie).post(f"/c/{contact}/claim", follow=True).text


def test_only_the_one_who_has_the_conversation_sends_a_failed_reply_again_and_after_pause_only_knowingly(
    house, amalie, mine
):
    said = house.storage.read(lambda tx: tx.transcript.entries(mine))
    lost = next(each.outbox_id for each in said if each.written_by == "supporter")
    house.storage.write(lambda tx: tx.outbox.claim(house.at, "w", 9))
    house.storage.write(lambda tx: tx.outbox.failed(lost, "graph_down", house.at))
    house.student("PAUSE")

    def state() -> str:
        return house.storage.read(lambda tx: tx.all("SELECT state FROM outbox WHERE id = :id", id=lost))[0][
            "state"
        ]

    for other in (house.staff("Jonas"), house.staff("Liv", Role.DUTY_LEAD)):
        house.browser(other).post(f"/c/{mine}/retry/{lost}", confirmed=1)
        assert state() == "failed"
    browser = house.browser(amalie)
    assert "Meldingen er ikke sendt" in browser.post(f"/c/{mine}/retry/{lost}", follow=True).text
    assert state() == "failed" and "Send på nytt likevel" in browser.page(f"/c/{mine}")
    browser.post(f"/c/{mine}/retry/{lost}", confirmed=1)
    assert state() == "waiting"


# Other forms that are older than the danger.


def test_a_conversation_is_not_muted_over_a_danger_that_nobody_has_taken(house, amalie, mine):
    house.student(WISH)
    browser = house.browser(amalie)
    assert "ingen har tatt" in browser.post(f"/c/{mine}/mute", on=1, follow=True).text
    assert house.row(mine).muted_by == ()
    browser.post(f"/alert/{alert_of(house, mine).id}/acknowledge")
    browser.post(f"/c/{mine}/mute", on=1)
    assert house.row(mine).muted_by == (amalie.id,)


def test_a_question_about_a_note_does_not_come_between_a_question_about_their_safety_and_its_answer(
    house, amalie, mine
):
    house.student("jeg orker ikke mer")
    before = house.storage.read(lambda tx: tx.transcript.last_id(mine))
    house.student(DANGER)
    asked = house.storage.read(lambda tx: tx.conversations.peek(mine)).danger.asked
    assert asked
    house.browser(amalie).post(f"/c/{mine}/keep", note="Sover dårlig")
    conv = house.storage.read(lambda tx: tx.conversations.peek(mine))
    assert (conv.asked, conv.danger.asked) == (None, asked)
    # Words that were begun before: they go out, and the student's stand unanswered, the bot's question too.
    house.browser(amalie).post(f"/c/{mine}/write", text="Så bra", mode="reply", seen=before)
    conv = house.storage.read(lambda tx: tx.conversations.peek(mine))
    assert conv.handoff.unanswered and conv.danger.asked == asked
    house.student("ja")
    assert house.row(mine).tier is Tier.CRITICAL and alert_of(house, mine).acknowledged_at is None


def test_nobody_leaves_a_danger_they_have_not_seen_without_an_alarm(house, amalie, mine):
    house.student(WISH)
    browser = house.browser(amalie)
    browser.post("/duty", duty="off", sure=1)
    browser.post("/pause")
    again = house.again(amalie)
    assert (again.duty, again.paused_at, house.row(mine).claimed_by) == (Duty.ON, None, amalie.id)
    for way in ("release", "relieve", "know"):
        browser.post(f"/c/{mine}/{way}")
        assert house.row(mine).claimed_by is None and house.row(mine).tier is Tier.HIGH
        alert = alert_of(house, mine)
        assert alert.acknowledged_at is None and alert.closed_at is None, way
        house.deeds.claim(mine, amalie)
        house.student(WISH)


def test_taking_over_or_saying_yes_shows_the_conversation_that_comes_with_the_alert(house, amalie, mine):
    lead = house.staff("Liv", Role.DUTY_LEAD)
    house.student(WISH)
    assert house.browser(lead).post(f"/c/{mine}/take-over").location == f"/console/c/{mine}"
    house.deeds.team.offer(mine, lead, amalie.id, "")
    house.student(DANGER)
    assert house.browser(amalie).post(f"/c/{mine}/accept").location == f"/console/c/{mine}"
    assert alert_of(house, mine).acknowledged_by == amalie.id
