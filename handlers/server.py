"""The web server: waitress with threads, one process, and an end that does not wait for open streams.

One process on purpose: live streams and the database's writer share it. Threads begin when they are needed: a hundred
that wait for nothing hold 3 MB.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher

from bot.errors import PeerSupportError

log = logging.getLogger(__name__)

GRACE_SECONDS = 10
_LOOK_SECONDS = 1.0  # how often the loop looks at the clock when nothing comes
_LARGEST_BODY = 16 * 1024 * 1024  # what takes bodies has far lower limits of its own
_LARGEST_ANSWER = 64 * 1024 * 1024


class PortTaken(PeerSupportError):
    """Somebody else listens there, or we may not."""


def run_web(
    app_factory: Callable[[], Any],
    *,
    port: int,
    threads: int,
    on_start: Callable[[], None],
    on_stop: Callable[[], None],
    host: str = "0.0.0.0",  # noqa: S104 - the platform's router, or the proxy, stands in front
) -> None:
    """Serve until SIGTERM or SIGINT. Raises PortTaken.

    `on_start` runs when the port is open. `on_stop` runs once in a thread of its own, at the moment the stop is
    asked for and before open requests are waited for: it should end long streams. Requests that then still run
    get ten seconds.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue is an ordinary minute
    server = _listening(app_factory(), host, port, threads)
    stopping = _Stopping(on_stop)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.begin())
    try:
        on_start()
        log.info("serving", extra={"port": port, "threads": threads})
        while not stopping.is_asked:
            _turn(server)
        _drain(server)
    finally:
        stopping.finish()
        server.task_dispatcher.shutdown(timeout=1)


def _listening(app: Any, host: str, port: int, threads: int) -> Any:
    opened: dict[int, Any] = {}
    try:
        return create_server(
            app,
            map=opened,
            host=host,
            port=port,
            _dispatcher=_Threads(threads),
            connection_limit=2000,
            asyncore_use_poll=True,
            asyncore_loop_timeout=_LOOK_SECONDS,
            channel_request_lookahead=1,  # so that a client who goes away in the middle of a stream is noticed
            clear_untrusted_proxy_headers=False,  # `console.proxies` says which to believe, see app.py
            ident=None,
            max_request_body_size=_LARGEST_BODY,
            # Nothing that anybody writes or reads is ever put into a file on the way.
            inbuf_overflow=_LARGEST_BODY + 1,
            outbuf_overflow=_LARGEST_ANSWER,
        )
    except OSError as error:
        for each in list(opened.values()):
            each.close()
        raise PortTaken(
            f"Port {port} cannot be used ({error.strerror or 'no reason given'}). Stop what listens there, or write"
            " another number into PORT (`peersupport demo --port NUMBER`)."
        ) from None


class _Threads(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress is not typed
    """Starts a thread whenever a request comes that no idle one can take, up to `limit`; none ends before the server.

    waitress' own starts all of them at once, and lets requests wander through them in turn.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._count = 0

    def add_task(self, task: Any) -> None:
        """As waitress': called for each request, from the loop or from a thread."""
        with self.lock:
            self.queue.append(task)
            idle = len(self.threads) - self.stop_count - self.active_count
            wants_one = len(self.queue) > idle and self._count < self._limit and not self.stop_count
            if not (wants_one and self._starts_one()):
                self.queue_cv.notify()

    def _starts_one(self) -> bool:
        try:
            self.start_new_thread(self.handler_thread, self._count)  # which first waits for the lock
        except RuntimeError:  # the system gives none: those there are take it, or the next request tries anew
            log.warning("no_thread", extra={"count": self._count})
            return False
        self.threads.add(self._count)
        self._count += 1
        self.active_count += 1  # as one that works, until it finds nothing to do
        return True


def _turn(server: Any, seconds: float = _LOOK_SECONDS) -> None:
    """Read and write whatever is ready; waits for so long when nothing is."""
    wasyncore.loop(timeout=seconds, use_poll=True, map=server._map, count=1)


def _drain(server: Any) -> None:
    """Take nothing new, and let what has begun come to its end, ten seconds at most."""
    wasyncore.dispatcher.close(
        server
    )  # the listening socket alone: waitress closes the others' alarm with it
    ends_at = time.monotonic() + GRACE_SECONDS
    while any(map(_is_busy, server.active_channels.copy().values())) and time.monotonic() < ends_at:
        _turn(server, 0.05)


def _is_busy(channel: Any) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


class _Stopping:
    """Calls `on_stop` once, whichever signal comes first, and can wait for it."""

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="on-stop", daemon=True)

    @property
    def is_asked(self) -> bool:
        """Whether somebody wants an end."""
        return self._begun.is_set()

    def begin(self) -> None:
        """From a signal handler: so nothing here may wait."""
        if not self._begun.is_set():
            self._begun.set()
            self._thread.start()

    def finish(self) -> None:
        """As the process ends, for whatever reason: let `on_stop` come to its end, ten seconds at most."""
        self.begin()
        self._thread.join(timeout=GRACE_SECONDS)

    def _run(self) -> None:
        try:
            self._on_stop()
        except Exception:
            log.exception("stopping.failed")
