"""The demo as a newcomer walks it: in a browser, from a student's first word to the feedback after closing."""

from __future__ import annotations

import pytest
from browser import CHROMIUM, DemoPage, DemoServer, browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory):
    """One for all: whoever comes later is somebody new."""
    server = DemoServer(tmp_path_factory.mktemp("demo"), "2026-11-25 14:00")
    yield server
    server.kill()


@pytest.fixture
def server(one_server):
    """It runs, whatever the test before did to it."""
    if not one_server.is_running:
        one_server.start()
    return one_server


def supporter_takes_the_next(demo):
    demo.console.get_by_role("button", name="Gi meg neste").first.click()


def supporter_writes(demo, text):
    box = demo.console.locator("#text")
    box.fill(text)
    demo.console.locator("#send").click()


def supporter_closes(demo):
    demo.console.get_by_role("link", name="Avslutt").first.click()
    dialog = demo.console.locator("#dialog-tool")
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("button").last.click()


def test_intake_in_both_languages_to_feedback_and_a_night_that_is_kept(server):
    with browser() as chromium:
        demo = DemoPage(chromium, server.url)
        # In Norwegian, from the first word to the feedback.
        demo.write("Hei, jeg vil gjerne snakke med noen")
        demo.sees("taushetsplikt")
        for title in ("Prate med noen", "Hvordan jeg har det", "UiO", "Ja"):
            demo.tap(title)
        demo.sees("neste i køen")
        supporter_takes_the_next(demo)
        demo.sees("Nå er Amalie her")
        supporter_writes(demo, "Hei, så fint at du skriver.")
        demo.sees("Hei, så fint at du skriver.")
        demo.write("Takk, det er litt mye om dagen")
        demo.console.get_by_text("Takk, det er litt mye om dagen").first.wait_for()  # without a reload
        supporter_closes(demo)
        demo.tap("Litt")
        demo.sees("Takk skal du ha")

        # In English, somebody else.
        demo.new_student()
        demo.write("Hello, I would like to talk to someone please")
        demo.sees("confidential")
        for title in ("Talk to someone", "How I feel", "BI", "Yes"):
            demo.tap(title)
        demo.sees("next in the queue")
        supporter_takes_the_next(demo)
        demo.sees("Amalie, a fellow student, is here now")
        supporter_writes(demo, "Hi, I am here.")
        demo.sees("Hi, I am here.")
        supporter_closes(demo)
        demo.tap("Yes")
        demo.sees("You can always write again")

        # Sunday 22:00: the closed reply once, the place kept until Monday.
        demo.jump("sunday")
        for who in ("første", "andre"):
            demo.new_student()
            demo.write(f"hei på dere, jeg er den {who}")
            demo.sees("Vi er stengt nå")
            demo.write("prate")
            demo.sees("plass i køen")
            demo.write("er det noen der")
            demo.sees("Vi er stengt nå", count=1)
        demo.jump("opening")
        demo.console.locator('nav a[href="/console/"]').first.click()
        supporter_takes_the_next(demo)
        demo.console.get_by_text("jeg er den første").first.wait_for()
        assert demo.problems == []


def test_demo_goes_on_after_kill_9_as_if_nothing_had_been(server):
    with browser() as chromium:
        demo = DemoPage(chromium, server.url)
        demo.new_student()
        demo.write("Hei, jeg vil gjerne snakke med noen")
        demo.tap("Prate med noen")
        demo.sees("Hva vil du snakke om?")
        server.kill()
        server.start()
        demo.tap("Det sosiale")
        demo.sees("Hvor studerer du?")


def test_danger_turns_the_strip_red_and_the_student_is_told_that_people_know(server):
    with browser() as chromium:
        demo = DemoPage(chromium, server.url)
        demo.console.get_by_role("button", name="Gi meg neste").first.wait_for()
        demo.new_student()
        demo.write("jeg vil ta livet mitt i kveld")
        demo.sees("ring 113")
        demo.console.get_by_text("Kritisk varsel").first.wait_for()
        demo.sees("Jeg har varslet dem som er på vakt")
        demo.console.get_by_role("button", name="Jeg har den").first.click()
        demo.console.get_by_text("har den").first.wait_for()
