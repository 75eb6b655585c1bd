"""An open console without a browser: it signs in, opens a page, and behaves as `console.js` does.

It hears the live stream; on each word it asks for whatever of its page has changed, one question at a time; it asks
once a minute for the clocks, and every five seconds while no stream is open. When each text or row was first in what
it had fetched is noted.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urlencode

import pyotp

SIGN = re.compile(r"\bref\d{6}\b")  # what a measured message has in it
_ROW = re.compile(r'id="(row-\d+)"')
_PART = re.compile(r'data-part="(\w+)" data-mark="(\w+)"')
_COOKIE = re.compile(r"(?im)^set-cookie: ([^=]+)=([^;\r\n]*)")
_LENGTH = re.compile(r"(?im)^content-length: (\d+)")
_POLL_SECONDS, _CLOCK_SECONDS, _LISTEN_AGAIN_SECONDS, _AGAIN_SECONDS = (
    5.0,
    60.0,
    60.0,
    0.1,
)  # as console.js has them


@dataclass(slots=True)
class Answer:
    """Of the service."""

    status: int
    text: str


class Connection:
    """One kept connection with the cookies of one browser; opened again when the server has closed it."""

    def __init__(self, port: int, cookies: dict[str, str]) -> None:
        self._port, self._cookies = port, cookies
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, path: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET, or POST with a form."""
        for last in (False, True):
            try:
                return await self._ask(path, form, headers or {})
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                if last:
                    raise
        raise AssertionError("not reached")

    async def _ask(self, path: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Answer:
        if self._ends is None:
            self._ends = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._ends
        writer.write(self.request(path, form, headers))
        status, head = await self.head(reader)
        found = _LENGTH.search(head)
        body = await reader.readexactly(int(found[1])) if found else b""
        return Answer(status, body.decode())

    def request(self, path: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
        """As a browser sends it."""
        body = urlencode(form).encode() if form is not None else b""
        lines = [f"{'GET' if form is None else 'POST'} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        if form is not None:
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self._cookies.items()))
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def head(self, reader: asyncio.StreamReader) -> tuple[int, str]:
        """Status and head of an answer; cookies are kept."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self._cookies.update(dict(_COOKIE.findall(head)))
        return int(head.split(" ", 2)[1]), head

    def close(self) -> None:
        """Let go of it."""
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None


@dataclass(slots=True)
class Console:
    """One supporter's open page."""

    port: int
    login: str
    password: str
    seen: dict[str, float] = field(default_factory=dict)  # text or row -> time.monotonic()
    asked: int = 0  # questions for what has changed
    heard: int = 0  # words on the stream
    refused: int = 0  # streams that there was no room for
    page_kb: float = 0.0
    _cookies: dict[str, str] = field(default_factory=dict)
    _marks: dict[str, str] = field(default_factory=dict)
    _where: dict[str, str] = field(default_factory=dict)  # which list, which conversation
    _headers: dict[str, str] = field(default_factory=dict)
    _shown: str = ""
    _asking: bool = False
    _again: str | None = None
    _polling: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = Connection(self.port, self._cookies)

    async def sign_in(self) -> None:
        """The password, a new second factor and its first code, as on somebody's first day."""
        page = await self.connection.ask("/console/sign-in")
        fields = {
            "csrf_token": _field(page.text, "csrf_token"),
            "login": self.login,
            "password": self.password,
        }
        page = await self.connection.ask("/console/sign-in", fields)
        found = re.search(r'class="secret">([^<]+)<', page.text)
        if found is None:
            raise RuntimeError(f"signing in was answered with {page.status}")
        code = pyotp.TOTP(found[1].replace(" ", "")).at(datetime.now(UTC))
        fields = {name: _field(page.text, name) for name in ("csrf_token", "ticket")} | {"code": code}
        page = await self.connection.ask("/console/sign-in/set-up", fields)
        if page.status != 200:
            raise RuntimeError(f"the code was answered with {page.status}")

    async def open(self, path: str) -> None:
        """Show a page; nothing listens yet."""
        page = await self.connection.ask(path)
        if page.status != 200:
            raise RuntimeError(f"the page was answered with {page.status}")
        self.page_kb = len(page.text) / 1024
        body = page.text[page.text.index("<body") :]
        self._marks = dict(_PART.findall(body))
        for name in ("which", "c"):
            if found := re.search(rf' data-{name}="([^"]+)"', body):
                self._where[name] = found[1]
        ticket = re.search(r' data-ticket="([^"]+)"', body)
        csrf = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        self._headers = {
            "X-Background": "1",
            "X-Ticket": unescape(ticket[1]) if ticket else "",
            "X-CSRFToken": unescape(csrf[1]) if csrf else "",
        }
        self._note(body)

    def listen(self) -> None:
        """From now on it is live."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(each()) for each in (self._stream, self._clock, self._poll)]

    async def close(self) -> None:
        """The page is closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.connection.close()

    async def _stream(self) -> None:
        while True:
            connection = Connection(self.port, self._cookies)
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(
                    connection.request(
                        f"/console/live?c={self._where['c']}", None, {"Accept": "text/event-stream"}
                    )
                )
                status, _ = await connection.head(reader)
                if status != 200:
                    self.refused += 1
                    self._polling = True
                    await asyncio.sleep(_LISTEN_AGAIN_SECONDS)
                    continue
                while line := await reader.readline():
                    if line.startswith(b"event: "):
                        self.heard += 1
                        self._polling = False
                        await self.refresh("list" if b"list" in line else "")
                self._polling = True
                await asyncio.sleep(2.0)  # what the stream itself says under `retry`
            finally:
                writer.close()

    async def _clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            await self.refresh()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if self._polling:
                await self.refresh()

    async def refresh(self, only: str = "") -> None:
        """Ask for what is no longer as this page shows it. A second wish while one is under way waits for it."""
        if self._asking:
            self._again = only if self._again in (None, only) else ""
            return
        self._asking = True
        task = asyncio.get_running_loop().create_task(self._ask(only))
        self._tasks = [*(each for each in self._tasks if not each.done()), task]

    async def _ask(self, only: str) -> None:
        try:
            await self.look(only)
        finally:
            self._asking = False
        if self._again is not None:
            only, self._again = self._again, None
            await asyncio.sleep(_AGAIN_SECONDS)
            await self.refresh(only)

    async def look(self, only: str = "") -> None:
        """One question for what has changed, and what came of it."""
        self.asked += 1
        wish = self._marks | self._where | ({"only": only} if only else {})
        path = f"/console/fresh?{urlencode(wish)}"
        answer = await self.connection.ask(path, headers=self._headers)
        if answer.status == 200:
            for name, part in json.loads(answer.text)["parts"].items():
                self._marks[name] = part["mark"]
                self._note(part["html"])
                if name == "strip":
                    await self._alert(part["html"])
        elif answer.status != 204:
            raise RuntimeError(f"asking for what has changed was answered with {answer.status}")

    async def _alert(self, strip: str) -> None:
        """A bar that nobody had on the screen yet is reported once."""
        found = re.search(r'data-show="([^"]+)"', strip)
        if found and found[1] != self._shown:
            self._shown = found[1]
            await self.connection.ask(found[1], {}, self._headers)

    def _note(self, html: str) -> None:
        now = time.monotonic()
        for sign in (*SIGN.findall(html), *_ROW.findall(html)):
            self.seen.setdefault(sign, now)


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""
