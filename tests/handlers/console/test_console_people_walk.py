"""A new person's first minutes in a browser, and every page of it before axe: link, password, phone, codes."""

from __future__ import annotations

import pyotp
import pytest
from browser import CHROMIUM, axe, browser

from storage.records import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
PASSWORD = "helt nye ord sammen"


@pytest.fixture
def engine() -> str:
    return "sqlite"


def look(page, name):
    """axe finds nothing, and nothing scrolls sideways."""
    assert axe(page) == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_a_new_person_comes_in_by_the_link_and_every_page_of_it_is_for_everybody(house, served):
    address = served[0]
    kari = house.browser(house.staff("Kari", Role.COORDINATOR, language="en"))
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark", locale="en-GB")
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))

        answer = kari.post("/staff/add", alias="Ola", role="coordinator", trained="full").text
        token = answer.partition("welcome#")[2].partition("<")[0]
        page.goto(f"{address}/welcome#{token}")
        page.wait_for_selector("#new")  # the script has put the code into the form, and sent it
        assert token not in page.url
        look(page, "password")
        page.fill("#new", PASSWORD)
        page.click("main .primary")
        page.wait_for_selector(".qr")
        look(page, "set-up")
        secret = page.inner_text(".secret").replace(" ", "")
        page.fill("#code", pyotp.TOTP(secret).at(house.at))
        page.click("main .primary")
        page.wait_for_selector(".codes")
        look(page, "recovery codes")
        page.click("main .primary")
        page.wait_for_selector(".menu")
        page.goto("about:blank")  # what the page still asks for must not bring its cookie back
        page.context.clear_cookies()
        page.goto(f"{address}/welcome#{token}")
        page.get_by_role("alert").wait_for()
        look(page, "a used link")
        page.goto(f"{address}/sign-in")
        look(page, "sign-in")
        page.fill("#login", "ola")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#code")
        page.fill("#code", "000000")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.click("summary")
        look(page, "a wrong code")
        assert problems == []
    assert len(served) > 10 and not any(token in one or secret in one for one in served)
