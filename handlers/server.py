"""The web server: gunicorn with threads, one process, and an end that does not wait for open streams.

One process on purpose: live streams and the database's writer share it. 128 threads cost about 3 MB.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

log = logging.getLogger(__name__)

GRACE_SECONDS = 10


def run_web(
    app_factory: Callable[[], Any],
    *,
    port: int,
    threads: int,
    on_start: Callable[[], None],
    on_stop: Callable[[], None],
    host: str = "0.0.0.0",  # noqa: S104 - the platform's router, or the proxy, stands in front
) -> None:
    """Serve until SIGTERM or SIGINT; leaves by SystemExit, 0 when all went well.

    `app_factory` and `on_start` run in the serving process, after the fork, so what they open is its own.
    `on_stop` runs once in a thread of its own, at the moment the stop is asked for and before open requests
    are waited for: it should end long streams. Requests that then still run get ten seconds.
    """
    _Server(app_factory, _options(host, port, threads, on_start, on_stop)).run()


def _options(
    host: str, port: int, threads: int, on_start: Callable[[], None], on_stop: Callable[[], None]
) -> dict[str, Any]:
    stopping = _Stopping(on_stop)

    def started(worker: Any) -> None:
        on_start()
        _stop_streams_first(worker, stopping)
        log.info("serving", extra={"port": port, "threads": threads})

    return {
        "bind": f"{host}:{port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": threads,
        # Connections kept alive need places of their own beside those that are being answered.
        "worker_connections": max(1000, threads * 4),
        "graceful_timeout": GRACE_SECONDS,
        # Longer than proxies keep a connection, so that none sends into one that we have just closed.
        "keepalive": 75,
        "control_socket_disable": True,
        "accesslog": None,
        "logger_class": _QuietLogger,
        "proc_name": "peersupport",
        "post_worker_init": started,
        "worker_int": lambda worker: stopping.begin(),
        "worker_exit": lambda server, worker: stopping.finish(),
    }


class _Server(BaseApplication):
    """gunicorn without its command line and its configuration files."""

    def __init__(self, app_factory: Callable[[], Any], options: dict[str, Any]) -> None:
        self._app_factory = app_factory
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app_factory()


class _QuietLogger(Logger):
    """Sends gunicorn's own lines to our log, which keeps words, addresses and query strings out."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for each in (self.error_log, self.access_log):
            each.handlers.clear()
            each.propagate = True
        self.error_log.setLevel(logging.WARNING)


class _Stopping:
    """Calls `on_stop` once, whichever signal comes first, and can wait for it."""

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="on-stop", daemon=True)

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


def _stop_streams_first(worker: Any, stopping: _Stopping) -> None:
    """gunicorn waits for open responses; a live stream is one that never ends by itself."""

    def handle(signum: int, frame: FrameType | None) -> None:
        stopping.begin()
        worker.handle_exit(signum, frame)

    signal.signal(signal.SIGTERM, handle)
    signal.siginterrupt(signal.SIGTERM, False)
