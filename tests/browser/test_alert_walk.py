"""An alert as a supporter meets it: heard once, taken, asked about, written down, closed, confirmed; and a drill."""

from __future__ import annotations

import json

import pytest
from browser import CHROMIUM, DemoPage, DemoServer, browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
DANGER = "jeg skal ta livet mitt i kveld"
# Counts the tones that are played, in the page and in those that come after it.
COUNT = """
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  sessionStorage.tones = Number(sessionStorage.tones || 0) + 1;
  return start.apply(this, when);
};
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = DemoServer(tmp_path_factory.mktemp("demo"), "2026-11-25 14:00")
    yield server
    server.kill()


class Desk:
    """A member of staff at a browser of their own."""

    def __init__(self, chromium, server, login, **context):
        self.url = f"{server.url}/console"
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "nb-NO", **context}
        self.page = chromium.new_context(**options).new_page()
        self.page.add_init_script(COUNT)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        password = json.loads((server.home / "data" / "demo" / "demo.json").read_text("utf-8"))["password"]
        self.page.goto(f"{self.url}/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", password)
        self.page.locator("button.primary").click()
        self.page.wait_for_selector(".menu")

    def open(self, path):
        self.page.goto(self.url + path)
        return self.page

    def press(self, name):
        self.page.get_by_role("button", name=name).first.click()

    @property
    def tones(self):
        return int(self.page.evaluate("sessionStorage.tones || 0"))


def test_an_alert_from_the_first_sound_to_the_second_person_and_then_a_drill(server):
    with browser() as chromium:
        phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True}
        amalie, marte = Desk(chromium, server, "amalie", **phone), Desk(chromium, server, "marte")
        amalie.press("Prøv lyden")  # says yes to sound, and plays it
        assert amalie.tones == 2

        student = DemoPage(chromium, server.url)
        student.write("hei")
        student.sees("taushetsplikt")
        student.write(DANGER)
        page = amalie.page
        page.locator(".strip-alert").wait_for()  # without a reload
        page.wait_for_function("Number(sessionStorage.tones) === 4")
        assert page.title().startswith("⚠ (1) ")
        amalie.open("/mine")
        page.locator(".strip-alert").wait_for()
        assert amalie.tones == 4  # heard already
        assert marte.tones == 0  # nobody there said yes to sound

        amalie.press("Jeg har den")
        page.locator("#text").wait_for()
        assert not page.title().startswith("⚠")
        assert page.locator(".call-row a").first.get_attribute("href") == "tel:113"
        page.locator(".details-link").click()
        page.locator(".number-first", has_text="113").wait_for()
        page.get_by_text("De på vakt").wait_for()
        page.get_by_role("button", name="Tenker du på å ta livet ditt?").click()
        page.wait_for_url("**/c/*#text")
        assert page.locator("#text").input_value() == "Tenker du på å ta livet ditt?"
        page.locator("#send").click()
        student.sees("Tenker du på å ta livet ditt?")

        page.locator(".details-link").click()
        page.locator("summary", has_text="Hva er gjort").click()
        page.locator("summary", has_text="Ringt").click()
        page.locator("#rec-called-whom").fill("113")
        page.locator("form:has(#rec-called-whom) button").click()
        page.get_by_text("Skrevet ned.").first.wait_for()
        page.locator(".details-link").click()
        page.get_by_role("link", name="Les og skriv mer").click()
        page.locator(".record", has_text="Ringt").wait_for()

        page.get_by_role("link", name="Til samtalen").click()
        page.wait_for_url("**/console/c/*")
        page.wait_for_load_state("load")  # until the styles are in, what a phone hides can be seen
        page.get_by_role("link", name="Avslutt").locator("visible=true").first.click()
        dialog = page.locator("#dialog-tool")
        dialog.get_by_text("En annen person ser etterpå").wait_for()
        dialog.get_by_role("radio").first.check()
        dialog.get_by_role("button").last.click()
        page.get_by_text("Det der var tungt").wait_for()
        amalie.press("Ja takk")
        page.get_by_text("Vaktleder og koordinator har fått vite det").first.wait_for()

        marte.open("/confirm")
        marte.press("Det var riktig å avslutte")
        marte.page.get_by_text("Ingenting venter på å bli bekreftet").wait_for()

        marte.open("/drill")
        marte.press("Start øvelsen")
        page.locator(".strip-alert", has_text="ØVELSE").wait_for()
        marte.page.locator("#part-ladder", has_text="De på vakt").wait_for()
        marte.press("Stopp øvelsen")
        page.locator(".strip-calm").wait_for()
        assert amalie.problems == marte.problems == student.problems == []


def test_a_browser_offers_alerts_that_come_while_the_console_is_closed(server):
    with browser() as chromium:
        amalie = Desk(chromium, server, "amalie")
        page = amalie.open("/reached")
        page.get_by_role("button", name="Slå på varsler her").wait_for()
        scope = page.evaluate("navigator.serviceWorker.ready.then((worker) => worker.scope)")
        assert scope.endswith("/console/")
        assert amalie.problems == []
