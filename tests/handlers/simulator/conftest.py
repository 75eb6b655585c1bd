"""A stand-in with a clock that only tests move, and a small app that receives webhooks over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
from flask import Flask, request
from patience import PATIENCE
from werkzeug.serving import WSGIRequestHandler, make_server

from handlers.simulator.graph import StandIn
from handlers.simulator.server import standing_graph

MONDAY = datetime(2026, 11, 23, 13, 21, tzinfo=UTC)
SECRET = "demo-secret"
TOKEN = "demo-token"


class Clock:
    def __init__(self) -> None:
        self.at = MONDAY

    def now(self) -> datetime:
        return self.at

    def set(self, at: datetime) -> None:
        self.at = at

    def advance(self, by: timedelta) -> None:
        self.at += by

    def next_opening(self) -> datetime:
        return datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def real(self) -> None:
        self.at = datetime(2027, 1, 1, tzinfo=UTC)


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        pass


class Receiver:
    """Answers like a good webhook: 200 for what is rightly signed, 403 for the rest."""

    def __init__(self) -> None:
        self.bodies: list[dict] = []
        self.raw: list[bytes] = []
        self.answers: list[int] = []  # statuses for the next requests, before the ordinary ones
        self.changed = threading.Condition()
        app = Flask("receiver")
        app.post("/webhook")(self.receive)
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def receive(self) -> tuple[str, int]:
        data = request.get_data()
        right = "sha256=" + hmac.new(SECRET.encode(), data, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(request.headers["X-Hub-Signature-256"], right):
            return "", 403
        if self.answers:
            return "", self.answers.pop(0)
        with self.changed:
            self.raw.append(data)
            self.bodies.append(json.loads(data))
            self.changed.notify_all()
        return "EVENT_RECEIVED", 200

    def items(self, where: str = "messaging") -> list[dict]:
        """All items so far, in the order they came."""
        return [item for body in self.bodies for entry in body["entry"] for item in entry.get(where, [])]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Caller:
    """Calls the Graph API over HTTP, with the right token unless told otherwise."""

    def __init__(self, url: str, page_id: str) -> None:
        self.url, self.page_id, self.session = url, page_id, requests.Session()

    def __call__(
        self,
        method: str,
        path: str,
        body: dict | None = None,
        *,
        token: str | None = TOKEN,
        timeout: float = PATIENCE,
        **params: str,
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.session.request(
            method, f"{self.url}/v26.0{path}", json=body, params=params, headers=headers, timeout=timeout
        )

    def send(self, psid: str, text: str = "Hei", **more: object) -> requests.Response:
        """Send a text; `message` and other parameters replace the plain ones."""
        body = {"recipient": {"id": psid}, "messaging_type": "RESPONSE", "message": {"text": text}, **more}
        return self("POST", f"/{self.page_id}/messages", {k: v for k, v in body.items() if v is not None})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def graph(clock):
    with standing_graph(clock=clock.now) as running:
        yield running


@pytest.fixture
def stand_in(graph) -> StandIn:
    return graph.stand_in


@pytest.fixture
def new_caller(graph):
    """Makes callers: one for each thread."""
    return lambda: Caller(graph.url, graph.stand_in.page_id)


@pytest.fixture
def call(new_caller):
    caller = new_caller()
    yield caller
    caller.session.close()


@pytest.fixture
def psid(stand_in) -> str:
    """A student who has just written."""
    psid = stand_in.new_student()
    stand_in.write(psid, "Hei")
    return psid


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.stop()
