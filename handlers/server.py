"""The web server: one process, and an end that does not wait for open streams.

One process on purpose: live streams and the database's writer share it.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

from handlers.http_server import GRACE_SECONDS, HttpServer
from handlers.together import Door

log = logging.getLogger(__name__)


def run_web(
    app_factory: Callable[[], Any],
    *,
    port: int,
    threads: int,
    on_start: Callable[[], None],
    on_stop: Callable[[], None],
    door: Door | None = None,
    host: str = "0.0.0.0",  # noqa: S104 - the platform's router, or the proxy, stands in front
) -> None:
    """Serve until SIGTERM or SIGINT. Raises PortTaken. `door`: who is given the POSTs to its path.

    `on_start` runs when the port is open. `on_stop` runs once in a thread of its own, at the moment the stop is
    asked for and before open requests are waited for: it should end long streams. Requests that then still run
    get ten seconds.
    """
    server = HttpServer(app_factory(), host=host, port=port, threads=threads, door=door)
    stopping = _Stopping(on_stop)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.begin())
    try:
        on_start()
        log.info("serving", extra={"port": port, "threads": threads})
        while not stopping.is_asked:
            server.turn()
        server.drain()
    finally:
        stopping.finish()
        server.close()


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
            log.exception("stopping_failed")
