"""The stand-in's Graph endpoints on a free port of 127.0.0.1, in a thread: for tests and benchmarks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from handlers.simulator.endpoints import add_graph
from handlers.simulator.graph import StandIn


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open, as Meta does, and writes no request lines: they carry tokens."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class StandingGraph:
    """A running stand-in. `url` is what `GRAPH_API_URL` takes; versions come after it."""

    url: str
    stand_in: StandIn


@contextmanager
def standing_graph(stand_in: StandIn | None = None, **settings: Any) -> Iterator[StandingGraph]:
    """Serve the Graph API until the block ends. `settings` make the StandIn, unless one is given."""
    stand_in = stand_in or StandIn(**settings)
    app = Flask("standing-graph", static_folder=None)
    blueprint = Blueprint("graph", __name__)
    add_graph(blueprint, stand_in, prefix="")
    app.register_blueprint(blueprint)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="standing-graph", daemon=True)
    thread.start()
    try:
        yield StandingGraph(f"http://127.0.0.1:{server.server_port}", stand_in)
    finally:
        stand_in.fail("normal")  # lets go of whoever is being kept waiting
        server.shutdown()
        thread.join()
        server.server_close()
