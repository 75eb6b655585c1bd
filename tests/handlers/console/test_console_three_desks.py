"""Three people at once, each at a browser of their own: a laptop, a phone in English, and a lead who looks on.

Nothing is reloaded: whatever one does stands on the others' screens by itself.
"""

from __future__ import annotations

import re

import pytest
from browser import CHROMIUM, browser
from desks import desk

from storage.records import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_one_student_goes_through_three_hands_and_everybody_sees_it_happen(house, served):
    amalie, jonas = house.staff("Amalie"), house.staff("Jonas", language="en")
    liv = house.staff("Liv", Role.DUTY_LEAD)
    with browser() as chromium:
        desks = {
            amalie.id: desk(house, chromium, amalie, served[0]),
            jonas.id: desk(house, chromium, jonas, served[0], **PHONE),
        }
        lead, problems = desk(house, chromium, liv, served[0]), []
        for page in (*desks.values(), lead):
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(served[0])
        contact = house.waiting("Hei, er det noen der")
        for page in desks.values():  # it came by itself
            page.locator("#rows-waiting .take").wait_for()

        # Both take it before either screen has heard of the other's: no news comes to the second meanwhile.
        winner, loser, second = desks[amalie.id], desks[jonas.id], jonas.id
        loser.route("**/console/fresh?*", lambda route: route.fulfill(status=204))
        winner.locator("#rows-waiting .take").click()
        winner.locator("#text").wait_for()
        assert house.row(contact).claimed_by == amalie.id
        loser.locator("#rows-waiting .take").click()
        loser.get_by_text(re.compile("var før deg|was before you")).first.wait_for()
        loser.unroute("**/console/fresh?*")

        # A lead looks on, is seen, and whispers to one alone.
        lead.goto(f"{served[0]}/c/{contact}")
        winner.get_by_text(re.compile("Liv (følger med|is following)")).first.wait_for()
        lead.locator("#text").fill("Spør om hun er trygg")
        lead.locator("#send").click()
        winner.locator("#part-thread").get_by_text("Spør om hun er trygg").wait_for()

        # It is handed over, and the other says yes.
        winner.goto(f"{served[0]}/c/{contact}/transfer")
        winner.locator("form[action$='/offer'] button.primary").click()
        loser.locator("#asked button.primary").click()
        loser.locator("#text").wait_for()
        assert house.row(contact).claimed_by == second
        assert loser.get_by_text("Spør om hun er trygg").count() == 0
        house.student("takk, det går bedre")
        loser.locator(".entry-contact", has_text="takk, det går bedre").wait_for()

        # The lead takes over.
        lead.get_by_role("button", name="Ta over").click()
        lead.locator("#mode-reply").wait_for(state="attached")
        assert house.row(contact).claimed_by == liv.id
        loser.goto(served[0])
        loser.get_by_text(re.compile("Liv (tok over|took over)")).first.wait_for()
        assert problems == []
