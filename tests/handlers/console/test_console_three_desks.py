"""Three people at once, each at a browser of their own: a laptop, a phone in English, and a lead who looks on.

Nothing is reloaded: whatever one does stands on the others' screens by itself.
"""

from __future__ import annotations

import re
import time

import pytest
from browser import CHROMIUM, browser
from desks import desk

from storage.records import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
CLICK = "at => setTimeout(() => document.querySelector('#rows-waiting .take')?.click(), at - Date.now())"
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

        # Both take it at the same instant, so that neither screen has heard of the other's.
        began = time.monotonic()
        for page in desks.values():
            page.evaluate("Date.now()")
        soon = 0.3 + 10 * (time.monotonic() - began)  # time enough to tell both, on a busy machine too
        at = (time.time() + soon) * 1000
        for page in desks.values():
            page.evaluate(CLICK, at)
        for page in desks.values():
            page.get_by_text(re.compile("var før deg|was before you")).or_(
                page.locator("#text")
            ).first.wait_for()
        first = house.row(contact).claimed_by
        (second,) = set(desks) - {first}
        winner, loser = desks[first], desks[second]
        loser.get_by_text(re.compile("var før deg|was before you")).first.wait_for()

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
