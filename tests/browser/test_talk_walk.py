"""A whole conversation by keyboard alone, through a restart of the server, and what axe says on the way."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from browser import CHROMIUM, DemoServer, axe, browser
from patience import PATIENCE
from playwright.sync_api import expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]


@pytest.fixture
def server(tmp_path):
    server = DemoServer(
        tmp_path, "2026-11-25 14:00", undo_seconds=30
    )  # long enough to take something back on a slow machine
    yield server
    server.kill()


class Student:
    """Somebody on the other side of the stand-in."""

    def __init__(self, server):
        self.url = f"{server.url}/simulator/api"
        self.number = self._ask("/students", {})["student"]
        self.psid = self._state()["thread"]["psid"]

    def _ask(self, path, data):
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def _state(self):
        return self._ask(f"/state?student={self.number}", None)

    def write(self, text):
        self._ask("/acts/write", {"psid": self.psid, "text": text})

    def minute_passes(self):
        """By the service's clock."""
        self._ask("/clock", {"minutes": 1})

    def has(self):
        """Everything that stands in the thread."""
        return json.dumps(self._state()["thread"], ensure_ascii=False)


def test_a_conversation_by_keyboard_alone_through_a_restart_of_the_server(server):
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1440, "height": 900}, locale="nb-NO")
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{server.url}/simulator/sign-in/0?lang=nb")
        keys, student = page.keyboard, Student(server)
        student.write("prate")
        page.locator("#rows-waiting .row").first.wait_for()
        keys.press("n")
        page.locator("#text").wait_for()

        keys.press("r")
        keys.type("Hei, n jeg er r her")  # no letter is a shortcut here
        keys.press("Enter")
        page.locator("[data-undo]").wait_for()
        keys.press("Control+z")
        expect(page.locator("#text")).to_have_value("Hei, n jeg er r her")
        expect(page.locator(".entry-supporter")).to_have_count(0)

        keys.press("Escape")
        keys.press("/")
        page.locator("#tool-q").wait_for()
        assert axe(page) == []
        keys.type("har jeg forstått")
        keys.press("Enter")
        keys.press("Enter")
        button = page.locator("details[open] button.primary")
        expect(button).to_be_disabled()
        assert axe(page) == []
        keys.press("Tab")
        keys.type("å stå opp om morgenen")
        keys.press("Tab")
        keys.press("Enter")
        expect(page.locator("#text")).to_have_value(
            re.compile("r her\nJeg vil .* å stå opp om morgenen. Stemmer")
        )
        keys.press("Enter")
        page.locator(".counting").wait_for()

        server.kill()  # what waits to be sent is on disk
        page.locator("#lost:not([hidden])").wait_for()
        assert axe(page) == []
        keys.type("Dette skrev jeg uten nett")
        server.start()
        page.get_by_text("Tilbake. Ingenting gikk tapt.").first.wait_for()
        assert page.locator("#text").input_value() == "Dette skrev jeg uten nett"
        student.minute_passes()
        student.write("ja, det stemmer")
        page.locator(".entry-contact", has_text="ja, det stemmer").wait_for()  # by itself
        # Not "Venter på å bli sendt", which has the same word in it.
        page.locator(".entry-supporter .delivery", has_text=re.compile("Sendt|Levert")).first.wait_for()
        assert page.locator(".entry-supporter").count() == 1
        assert page.locator(".entry-contact", has_text="ja, det stemmer").count() == 1
        assert student.has().count("å stå opp om morgenen. Stemmer") == 1

        assert axe(page) == []
        keys.press("Escape")
        keys.press("e")
        page.locator("#close-topic").wait_for()
        assert axe(page) == []
        keys.press("Space")
        keys.press("Enter")
        page.wait_for_url("**/console/")
        page.get_by_text("Samtalen er avsluttet.").first.wait_for()
        assert problems == []
