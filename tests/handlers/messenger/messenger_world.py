"""The webhook over real HTTP on a real store, and a stand-in for Graph that answers what a test puts in."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask
from patience import PATIENCE
from serving import served
from sqlite_files import put_migrated

from handlers.messenger import deletion, webhook
from handlers.messenger.client import MessengerClient
from handlers.messenger.intake import PostReader
from handlers.messenger.signature import sign
from storage import Storage, open_storage
from storage.sealing import Keys

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAGE_ID, APP_ID = "1000000000001", "555000555"
APP_SECRET, VERIFY_TOKEN, TOKEN = "an-app-secret", "a-verify-token", "EAAtoken0123456789"


def open_test_store(tmp_path: Path) -> Iterator[Storage]:
    keys = Keys.from_environment(f"a:{base64.b64encode(b'k' * 32).decode()}", "s" * 43)
    store = open_storage(f"sqlite:///{put_migrated(tmp_path / 'test.db')}", keys, home=tmp_path)
    store.migrate(NOW)
    yield store
    store.close()


@dataclass
class Service:
    """The web process, as far as Meta sees it."""

    url: str
    storage: Storage
    outcomes: list[str]

    def post(self, body: bytes, **headers: str) -> requests.Response:
        """A delivery, signed unless the headers say otherwise."""
        sent = {"X-Hub-Signature-256": sign(body, APP_SECRET), "Content-Type": "application/json"} | headers
        return requests.post(f"{self.url}/webhook", data=body, headers=sent, timeout=PATIENCE)

    def reads(self) -> int:
        """The worker's first half: what was posted becomes events. How many wait to be handled."""
        reader = PostReader(lambda: NOW, page_id=PAGE_ID, app_id=APP_ID)
        while self.storage.posts.read(reader, 64, NOW):
            pass
        return self.storage.read(lambda tx: tx.inbox.pending_count())

    def get(self, path: str, **params: str) -> requests.Response:
        return requests.get(self.url + path, params=params, timeout=PATIENCE)


def serve(storage: Storage) -> Iterator[Service]:
    """Run what Meta talks to until the test is over."""
    outcomes: list[str] = []
    app = Flask("test")
    app.register_blueprint(webhook.questions(VERIFY_TOKEN))
    app.register_blueprint(
        deletion.blueprint(
            app_secret=APP_SECRET,
            storage=storage,
            page_name="Peer Support Oslo",
            contact_email="a@example.org",
        )
    )
    with served(app, new_door(storage, outcomes.append)) as url:
        yield Service(url, storage, outcomes)


def new_door(storage: Storage, count: Callable[[str], None] = lambda outcome: None) -> webhook.Webhook:
    """Who is given what Meta posts."""
    return webhook.Webhook(app_secret=APP_SECRET, storage=storage, clock=lambda: NOW, count=count)


@dataclass
class Call:
    """One request that reached the stand-in."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: dict
    port: int  # of the connection it came through


@dataclass
class FakeGraph:
    """Answers with what is in `answers` (status, body, headers), then with success. `None` hangs up."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[int, object, dict[str, str]] | None] = field(default_factory=list)
    silent_for: threading.Event | None = None  # set: an answer waits until then
    silent_until: int = 0  # so many calls have come
    came: threading.Condition = field(default_factory=threading.Condition)

    def take(self, call: Call) -> int:
        """It has come, as the how manieth."""
        with self.came:
            self.calls.append(call)
            self.came.notify_all()
            return len(self.calls)

    def hears(self, calls: int) -> bool:
        """Wait until so many have come: whoever no longer waits for an answer may be sooner than the call itself."""
        with self.came:
            return self.came.wait_for(lambda: len(self.calls) >= calls, PATIENCE)

    def will_answer(self, status: int, body: object, **headers: str) -> None:
        self.answers.append(
            (status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        )

    def fails(self, code: int, subcode: int | None = None, status: int = 400, **headers: str) -> None:
        error = {"message": "x", "type": "OAuthException", "code": code, "fbtrace_id": "AbC"}
        self.will_answer(
            status, {"error": error | ({"error_subcode": subcode} if subcode else {})}, **headers
        )


def fake_graph() -> Iterator[FakeGraph]:
    fake = FakeGraph()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(parts.query).items()}
            number = fake.take(
                Call(self.command, parts.path, params, dict(self.headers), body, self.client_address[1])
            )
            mid = {"recipient_id": "7", "message_id": f"m_{number}"}
            answer = fake.answers.pop(0) if fake.answers else (200, mid, {})
            if fake.silent_for is not None:
                fake.silent_for.wait(PATIENCE)
            fake.hears(fake.silent_until)
            if answer is None:
                self.close_connection = True
                return
            status, content, headers = answer
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - named by http.server

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


def new_client(url: str, **changes: object) -> MessengerClient:
    settings = {
        "page_id": PAGE_ID,
        "token": TOKEN,
        "app_secret": APP_SECRET,
        "graph_version": "26.0",
        "graph_url": url,
        "connect_timeout": PATIENCE,
        "read_timeout": PATIENCE,
        "pool_size": 4,
    }
    return MessengerClient(**(settings | changes))
