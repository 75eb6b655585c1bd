"""How most people store events first: one SQLite connection, a lock, and a flushed commit for each request.

    python one_commit.py PORT THREADS SECRET DATABASE

On the product's own server, so that only the way of committing differs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import sys
import threading
from pathlib import Path

from flask import Flask, request

sys.path.insert(0, str(Path(__file__).parents[2]))

from handlers.server import run_web


def create(secret: bytes, database: str) -> Flask:
    """The application, with its table."""
    app = Flask("one-commit")
    lock = threading.Lock()
    connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE IF NOT EXISTS event (mid TEXT PRIMARY KEY, psid TEXT NOT NULL, body TEXT NOT NULL)",
    ):
        connection.execute(statement).fetchall()

    @app.post("/webhook")
    def receive() -> tuple[str, int]:
        body = request.get_data()
        expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", "")):
            return "FORBIDDEN", 403
        rows = [
            (item["message"]["mid"], item["sender"]["id"], json.dumps(item))
            for entry in json.loads(body)["entry"]
            for item in entry["messaging"]
        ]
        with lock:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO event VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
        return "EVENT_RECEIVED", 200

    return app


if __name__ == "__main__":
    run_web(
        lambda: create(sys.argv[3].encode(), sys.argv[4]),
        port=int(sys.argv[1]),
        threads=int(sys.argv[2]),
        on_start=lambda: None,
        on_stop=lambda: None,
        host="127.0.0.1",
    )
