"""A real headless Chromium and the real demo, for tests and for the pictures in the documentation."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patience import PATIENCE
from processes import ROOT, free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's is small
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class DemoServer:
    """`peersupport demo` in a folder of its own."""

    def __init__(
        self, home: Path, at: str, rehearsals: tuple[str, ...] | None = None, *, undo_seconds: int = 0
    ) -> None:
        """`rehearsals`: only these of them. Without a name all are there."""
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        shutil.copytree(ROOT / "flows", home / "flows")
        config = (ROOT / "config.yaml").read_text("utf-8")
        shown = re.sub(r"undo_seconds: \d+", f"undo_seconds: {undo_seconds}", config)  # a test need not wait
        (home / "config.yaml").write_text(shown, "utf-8")
        for path in (home / "flows" / "rehearsals").glob("*.yaml"):
            if rehearsals is not None and path.stem not in rehearsals:
                path.unlink()
        self.start("--at", at)

    def start(self, *more: str) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, str(ROOT / "app.py"), "--home", str(self.home), "demo"]
        with (self.home / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--no-browser", "--port", str(self.port), *more],
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        pause, deadline = threading.Event(), time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.is_running:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=10).close()
                return
            except (urllib.error.URLError, OSError):
                pause.wait(0.1)
        self.kill()
        raise AssertionError((self.home / "log.txt").read_text("utf-8")[-3000:])

    @property
    def is_running(self) -> bool:
        """False: killed, or ended by itself."""
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9, everything; nothing if that was done already."""
        if self.is_running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Patient:
    """Chromium whose pages wait long for what is to come, and in which nothing moves by itself meanwhile."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    def new_context(self, **options: Any) -> Any:
        """As Playwright's."""
        context = self._chromium.new_context(**{"reduced_motion": "reduce", **options})
        context.set_default_timeout(PATIENCE * 1000)
        return context

    def new_page(self, **options: Any) -> Any:
        """As Playwright's: in a context of its own."""
        return self.new_context(**options).new_page()


@contextmanager
def browser() -> Iterator[Patient]:
    """Chromium, driven by Playwright. One that does not come up on a busy machine is started once more."""
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    how: dict[str, Any] = {"executable_path": CHROMIUM, "args": FLAGS, "timeout": PATIENCE * 1000}
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(**how)
        except Error:
            chromium = playwright.chromium.launch(**how)
        try:
            yield Patient(chromium)
        finally:
            chromium.close()


def axe(page: Any, *rules: str) -> list[tuple[str, str]]:
    """What axe finds on this page as it stands, with where; of these rules alone, or of all."""
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}  # all our styles are our own
    if rules:
        options["runOnly"] = list(rules)
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(options)", options)
    assert found["passes"], page.url
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]


class DemoPage:
    """The demo's page, as somebody clicks through it."""

    def __init__(self, chromium: Any, url: str, **context: Any) -> None:
        options = {"viewport": {"width": 1560, "height": 960}, "locale": "nb-NO", **context}
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("response", self._answered)
        self.page.goto(f"{url}/simulator")

    def _said(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # those are below
            self.problems.append(message.text)

    def _answered(self, response: Any) -> None:
        """409 is how a page is told that what it shows is over."""
        if response.status >= 400 and response.status != 409:
            self.problems.append(f"{response.status} {response.url.partition('?')[0]}")

    @property
    def phone(self) -> Any:
        """The student's side."""
        return self.page.locator("#view-student")

    @property
    def console(self) -> Any:
        """The supporter's side."""
        return self.page.frame_locator("iframe")

    def write(self, text: str) -> None:
        """The student writes."""
        box = self.phone.get_by_role("textbox")
        box.fill(text)
        box.press("Enter")

    def tap(self, title: str) -> None:
        """The student taps a quick reply, once it is there."""
        self.phone.get_by_role("button", name=title, exact=True).last.click()

    def sees(self, text: str, *, count: int | None = None) -> None:
        """The student sees these words."""
        found = self.phone.get_by_text(text)
        found.last.wait_for()
        if count is not None:
            assert found.count() == count, f"{text!r} {found.count()} times"

    def jump(self, to: str) -> None:
        """Press one of the clock's buttons: sunday, opening. The service's clock has moved afterwards."""
        with self.page.expect_response(lambda response: response.url.endswith("/api/clock")):
            self.page.locator(f"[data-jump={to}]").click()

    def new_student(self) -> None:
        """Somebody else writes now."""
        before = self.page.locator("#students button").count()
        self.page.locator("#new-student").click()
        self.page.wait_for_function(
            "n => document.querySelectorAll('#students button').length > n", arg=before
        )
