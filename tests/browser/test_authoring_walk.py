"""A coordinator changes a flow while two students are in it: written, mended, tried, published, taken back."""

from __future__ import annotations

import json
import shutil

import pytest
from browser import CHROMIUM, DemoPage, DemoServer, axe, browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]


@pytest.fixture
def server(tmp_path):
    server = DemoServer(tmp_path, "2026-11-25 14:00", rehearsals=("crisis-first-words-nb",))
    yield server
    server.kill()
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


class Author:
    """Marte at the authoring pages. The editor and the way to publish are looked at by axe."""

    def __init__(self, chromium, server):
        self.url = f"{server.url}/console"
        self.page = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="nb-NO").new_page()
        self.problems = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._said)
        password = json.loads((server.home / "data" / "demo" / "demo.json").read_text("utf-8"))["password"]
        self.page.goto(f"{self.url}/sign-in")
        self.page.fill("#login", "marte")
        self.page.fill("#password", password)
        self.page.locator("button.primary").click()
        self.page.wait_for_selector(".menu")

    def _said(self, message):
        if message.type == "error":
            self.problems.append(message.text)

    def open(self, path):
        self.page.goto(self.url + path)
        return self.page

    def sound(self):
        assert axe(self.page) == [], self.page.url

    def press(self, name):
        self.page.get_by_role("button", name=name).first.click()

    def publish(self, path="/flows/publish", **moves):
        page = self.open(path)
        page.locator("#run:not([data-going='1'])").wait_for()
        page.locator("#go .primary:not([aria-disabled])").wait_for()
        for place, step in moves.items():
            page.get_by_label("De flyttes til den nye").check()
            page.get_by_label(f"Fra intake.{place}").select_option(step)
        page.get_by_label("Hvorfor").fill("prøver")
        if moves:
            self.sound()
        page.locator("#go .primary").click()
        page.locator("#reached[data-reached=everywhere]").wait_for()


def test_a_flow_is_changed_under_two_students_and_changed_back(server):
    with browser() as chromium:
        demo = DemoPage(chromium, server.url)
        for number in range(2):
            if number:
                demo.new_student()
            demo.write("hei")
            demo.tap("Prate med noen")
            demo.sees("Hva vil du snakke om?")

        marte = Author(chromium, server)
        page = marte.open("/flows")
        page.get_by_role("link", name="intake").click()
        page.locator(".cm-content").wait_for()
        marte.sound()

        # Another name for a step: what leads there is a finding at its line, and one press mends it.
        page.locator(".cm-line", has_text="topic:").filter(has_not_text="save").last.click()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.type("s")
        page.locator(".cm-finding", has_text="topic").first.wait_for()
        page.locator(".box-missing").wait_for()
        page.locator(".cm-finding button").first.click()
        page.locator("#count.state-good").wait_for()
        assert page.locator(".cm-finding.cm-error").count() == 0

        # Sunday 22:00, on what is not saved yet.
        marte.press("Søndag 22")
        page.locator("#say").fill("hei")
        page.keyboard.press("Enter")
        chat = page.locator("#chat")
        chat.get_by_text("Vi er stengt nå").wait_for()
        chat.get_by_role("button", name="Prate med noen").click()
        chat.get_by_text("intake.topics").wait_for()
        page.locator("#rehearsal").fill("sondag")
        page.locator(".chat-keep button").click()
        page.get_by_text("Lagret som øvelsen sondag").wait_for()
        page.locator(".cm-content").wait_for()
        marte.press("Lagre utkast")
        page.locator("#saved", has_text="Lagret").wait_for()

        # Escape, then Tab leaves the editor.
        page.locator(".cm-content").click()
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") != "code"

        marte.publish(topic="intake.topics")
        demo.tap("Det sosiale")  # a button of the old step
        demo.phone.get_by_text("Hva vil du snakke om?").nth(1).wait_for()
        demo.tap("Det sosiale")
        demo.sees("Hvor studerer du?")

        marte.publish("/flows/publish?restore=1")
        page = marte.open("/flows/file/flows/intake.yaml")
        assert "  topic:\n" in page.locator("#source").input_value()
        page.set_viewport_size({"width": 360, "height": 740})
        for path in ("/flows/file/flows/intake.yaml", "/flows", "/flows/publish?restore=2", "/flows/year"):
            marte.open(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert marte.problems == demo.problems == []
