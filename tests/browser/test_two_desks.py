"""Two supporters, each at a browser: one student is one person's, and changes hands on a yes, without a reload."""

from __future__ import annotations

import time

import pytest
from browser import CHROMIUM, DemoPage, DemoServer, browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
CLICK = "at => setTimeout(() => document.querySelector('#rows-waiting .take')?.click(), at - Date.now())"


@pytest.fixture
def server(tmp_path):
    server = DemoServer(tmp_path, "2026-11-25 14:00")
    yield server
    server.kill()


def desk(chromium, server, number):
    """The console of one of the demo's samples, in a browser of its own."""
    page = chromium.new_context(locale="nb-NO").new_page()
    page.set_default_timeout(45_000)
    page.goto(f"{server.url}/simulator/sign-in/{number}")
    page.wait_for_selector(".menu")
    return page


def test_two_take_one_student_and_the_loser_is_asked_to_take_over(server):
    with browser() as chromium:
        student = DemoPage(chromium, server.url)
        desks = [desk(chromium, server, 0), desk(chromium, server, 1)]
        student.write("prate")
        for page in desks:
            page.locator("#rows-waiting .take").wait_for()
        at = (time.time() + 1) * 1000
        for page in desks:  # at the same instant, so that neither screen has heard of the other's
            page.evaluate(CLICK, at)
        desks[0].get_by_text("var før deg").or_(desks[0].locator("#text")).first.wait_for()
        first = 0 if desks[0].locator("#text").count() else 1
        winner, loser = desks[first], desks[1 - first]
        loser.get_by_text("var før deg").first.wait_for()
        winner.locator("a[data-dialog=dialog-transfer]").first.click()
        winner.locator("#dialog-transfer button.primary").click()
        loser.locator("#asked button.primary").click()  # it came by itself
        student.sees(f"Nå er {('Amalie', 'Marte')[1 - first]} her")
        loser.locator("#text").wait_for()
        assert student.problems == []
