"""Many HTTP POSTs to Graph at once, in one thread: connections that are kept, and no waiting for any of them.

A thread for each call costs more in switching between them than the call itself. Here one loop writes what is to be
sent and reads what comes. What it answers with is as in `transport.Transport`, which makes single calls.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import threading
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from certifi import where

from handlers.messenger.errors import SendError
from handlers.messenger.http_answer import Answer, AnswerReader

Done = Callable[[Answer | SendError], None]

_CONNECT_TRIES = 3
_ENDS_SECONDS = 2.0
_PAUSE_SECONDS = 0.1  # between two of them, longer each time


class ManyCalls:
    """One host's connections. `soon` may be called from any thread; all else happens in the loop's own."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], connect_timeout: float, read_timeout: float
    ) -> None:
        """`base_url` as `Transport` has checked it; `headers` go with every call."""
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context(cafile=where()) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        lines = {"Host": parts.netloc.rpartition("@")[2], "Accept-Encoding": "identity", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("ascii")
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._idle: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._all: set[_Connection] = set()

    def soon(self, work: Callable[[], None]) -> None:
        """Run this in the loop's thread, which begins with the first call."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: a call that hangs must not keep the process from ending.
                self._thread = threading.Thread(
                    target=self._run, args=[self._loop], name="graph", daemon=True
                )
                self._thread.start()
            self._loop.call_soon_threadsafe(work)

    def post(self, target: str, body: bytes, leaves: Callable[[], None], done: Done) -> None:
        """One POST to a path with its query; `done` gets the answer, or why there is none. `leaves` is called just
        before it is written to a connection. In the loop's thread.
        """
        request = b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (
            target.encode("ascii"),
            self._head,
            len(body),
            body,
        )
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                connection.ask(request, leaves, done, self._read_timeout)
                return
        task = asyncio.ensure_future(self._open_and_ask(request, leaves, done), loop=self._loop)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open_and_ask(self, request: bytes, leaves: Callable[[], None], done: Done) -> None:
        for number in range(1, _CONNECT_TRIES + 1):
            try:
                connection = await self._connected()
            except ssl.SSLCertVerificationError:
                break
            except (OSError, TimeoutError):
                if number < _CONNECT_TRIES:
                    await asyncio.sleep(_PAUSE_SECONDS * number)
            else:
                connection.ask(request, leaves, done, self._read_timeout)
                return
        done(SendError("graph_unreachable", kind="retry"))  # nothing of the request has left

    async def _connected(self) -> _Connection:
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(
            partial(_Connection, self._all, self._idle, loop), self._host, self._port, ssl=self._tls
        )
        _, connection = await asyncio.wait_for(opening, self._connect_timeout)
        return connection

    def close(self) -> None:
        """Hang up, and end the loop. What is under way is not told of any more: nobody knows what became of it."""
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(_ENDS_SECONDS)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_forever()
        loop.run_until_complete(self._hang_up())
        loop.close()

    async def _hang_up(self) -> None:
        for task in self._opening:
            task.cancel()
        for connection in list(self._all):
            connection.drop()
        await asyncio.gather(*self._opening, return_exceptions=True)
        await asyncio.sleep(0)  # for the connections to hear that they ended


class _Connection(asyncio.Protocol):
    """One kept connection: a question at a time."""

    def __init__(
        self, known: set[_Connection], idle: list[_Connection], loop: asyncio.AbstractEventLoop
    ) -> None:
        """`known` holds all that are open, `idle` those with nothing to do."""
        self._known = known
        self._idle = idle
        self._loop = loop
        self._reader = AnswerReader()
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()

    @property
    def is_usable(self) -> bool:
        """Whether the other side has not hung up. What it said since the last answer can only be that."""
        return self._is_open and not self._poll.poll(0)

    @property
    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._known.add(self)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def ask(self, request: bytes, leaves: Callable[[], None], done: Done, seconds: float) -> None:
        """Send a request. `done` hears of it once."""
        if self._transport is None or self._transport.is_closing():
            done(SendError("graph_unreachable", kind="retry"))
            return
        self._done, self._reader = done, AnswerReader()
        self._timer = self._loop.call_later(seconds, self._fail)
        leaves()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._done is None:  # nobody asked
            self.close()
            return
        try:
            answer = self._reader.feed(data)
        except ValueError:
            self._fail()
            return
        if answer is not None:
            self._finish(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._known.discard(self)
        if self in self._idle:
            self._idle.remove(self)
        if self._done is not None:
            answer = self._reader.ended() if exc is None else None
            if answer is not None:
                self._finish(answer)
            else:
                self._fail()

    def _finish(self, answer: Answer) -> None:
        if self._reader.may_stay and self._is_open:
            self._idle.append(self)
        else:
            self.close()
        self._told(answer)

    def _fail(self) -> None:
        """The request may have arrived: nobody knows."""
        self.close()
        self._told(SendError("no_answer", kind="unknown"))

    def _told(self, outcome: Answer | SendError) -> None:
        done, self._done = self._done, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if done is not None:
            done(outcome)

    def drop(self) -> None:
        """Hang up, and tell nobody."""
        self._done = None
        self._told(SendError("no_answer", kind="unknown"))
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()
