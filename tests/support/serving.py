"""The real server in a thread of the test, on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handlers.http_server import HttpServer
from handlers.together import Door


@contextmanager
def served(app: Any, door: Door | None = None, *, threads: int = 4) -> Iterator[str]:
    """Its address, as long as the block lasts; then it is drained as at the end of the service."""
    server, over = HttpServer(app, host="127.0.0.1", port=0, threads=threads, door=door), threading.Event()

    def turn() -> None:
        while not over.is_set():
            server.turn(0.02)
        server.drain()
        server.close()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        over.set()
        thread.join()
