"""A new person's first minutes in a browser, and every page of it before axe: link, password, phone, codes, profile."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, browser
from flask import request
from werkzeug.serving import WSGIRequestHandler, make_server

from storage.records import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
PASSWORD = "helt nye ord sammen"


@pytest.fixture
def engine() -> str:
    return "sqlite"


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def asked(house) -> Iterator[list[str]]:
    """The console on this machine; what any log could hold of the requests. Its address is the first."""
    seen: list[str] = []
    house.app.config["SESSION_COOKIE_SECURE"] = False
    house.app.extensions["peersupport-console"] = dataclasses.replace(house.parts, secure_cookies=False)
    house.app.before_request(lambda: seen.append(f"{request.full_path} {request.headers}"))
    server = make_server("127.0.0.1", 0, house.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    seen.append(f"http://127.0.0.1:{server.server_port}/console")
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


def look(page, name):
    """axe finds nothing, and nothing scrolls sideways."""
    found = Axe().run(page).response
    assert found["passes"] and not found["violations"], (name, [one["id"] for one in found["violations"]])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_a_new_person_comes_in_by_the_link_and_every_page_of_it_is_for_everybody(house, asked):
    address = asked[0]
    kari = house.browser(house.staff("Kari", Role.COORDINATOR, language="en"))
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark", locale="en-GB")
        page.set_default_timeout(45_000)
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
        for path in ("/me", "/security", "/staff", "/staff/1"):
            page.goto(address + path)
            look(page, path)
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
    assert len(asked) > 10 and not any(token in one or secret in one for one in asked)
