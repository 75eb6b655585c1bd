"""Makes the pictures in docs/pictures from the running demo: `make screenshots` (needs Chromium).

Everything in them is invented; the staff are the demo's samples.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import CHROMIUM, DemoPage, DemoServer, browser  # noqa: E402 - needs the path above

PICTURES = ROOT / "docs" / "pictures"
STUDENTS = (
    ("Hei, jeg vil gjerne snakke med noen", ("Prate med noen", "Det sosiale", "OsloMet", "Ja")),
    ("Hi, I would like to talk to someone", ("Talk to someone", "Something practical", "BI", "Yes")),
    ("Hei, er det noen her som har tid", ("Prate med noen", "Hvordan jeg har det", "UiO", "Ja")),
)


def main() -> None:
    """Walk the demo and take the pictures."""
    if CHROMIUM is None:
        sys.exit("Chromium is missing; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        server = DemoServer(Path(folder), "2026-11-25 14:20")
        try:
            demo = walk(chromium, server.url)
            shoot(chromium, demo, server.url)
            guide(demo, server.url)
        finally:
            server.kill()


def walk(chromium, url: str) -> DemoPage:
    """Three students in the queue; the last one is being answered."""
    demo = DemoPage(chromium, url)
    for number, (words, titles) in enumerate(STUDENTS):
        if number:
            demo.new_student()
        demo.write(words)
        for title in titles:
            demo.tap(title)
        demo.sees("Blir det verre" if "Hei" in words else "If it gets worse")
    demo.console.locator("[id^=row-] button, .row button").last.click()
    demo.sees("Nå er Amalie her")
    demo.console.locator("#text").fill("Hei, så fint at du skriver. Hvordan har uka vært?")
    demo.console.locator("#send").click()
    demo.sees("Hvordan har uka vært?")
    demo.write("Ganske tung. Jeg sover lite før eksamen, og alle andre virker så rolige")
    demo.console.get_by_text("alle andre virker så rolige").first.wait_for()
    return demo


def shoot(chromium, demo: DemoPage, url: str) -> None:
    """The pictures."""
    demo.page.screenshot(path=PICTURES / "demo.png")
    for name, size, scheme in (
        ("console-light", (1440, 900), "light"),
        ("console-dark", (1440, 900), "dark"),
        ("console-phone", (390, 780), "light"),
    ):
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            locale="nb-NO",
            storage_state=demo.context.storage_state(),
        )
        page = context.new_page()
        page.goto(f"{url}/console/")
        if name != "console-phone":
            page.locator("a[href*='/console/c/']").first.click()
            page.get_by_text("alle andre virker så rolige").first.wait_for()
        page.locator("header.top").wait_for()
        page.screenshot(path=PICTURES / f"{name}.png")
        context.close()


def guide(demo: DemoPage, url: str) -> None:
    """The pictures in docs/supporters.md, in English: a conversation on a phone, an alert, danger, the rota."""
    page = demo.context.new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{url}/console/more")
    page.locator("#language").select_option("en")
    page.locator("#language ~ .buttons button").click()
    page.get_by_text("Saved").first.wait_for()

    page.goto(f"{url}/console/")
    page.set_viewport_size({"width": 390, "height": 780})
    page.locator(".row a").first.click()
    page.locator("#text").wait_for()
    page.screenshot(path=PICTURES / "guide-phone.png")
    page.set_viewport_size({"width": 1280, "height": 800})

    demo.new_student()
    demo.write("I do not want to live any more")
    page.goto(f"{url}/console/")
    page.locator(".strip-alert").wait_for()
    page.screenshot(path=PICTURES / "guide-alert.png")
    page.get_by_role("button", name="I have it").click()
    page.locator("#text").wait_for()
    page.screenshot(path=PICTURES / "guide-danger.png")

    page.goto(f"{url}/console/rota")
    page.screenshot(path=PICTURES / "guide-rota.png")


if __name__ == "__main__":
    main()
