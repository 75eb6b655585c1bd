"""The floor under everything: one Flask route on the product's own server that only checks the signature.

python bare_flask.py PORT THREADS SECRET
"""

from __future__ import annotations

import hashlib
import hmac
import sys
from pathlib import Path

from flask import Flask, request

sys.path.insert(0, str(Path(__file__).parents[2]))

from handlers.server import run_web


def create(secret: bytes) -> Flask:
    """The application."""
    app = Flask("bare")

    @app.post("/webhook")
    def receive() -> tuple[str, int]:
        expected = "sha256=" + hmac.new(secret, request.get_data(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", "")):
            return "FORBIDDEN", 403
        return "EVENT_RECEIVED", 200

    return app


if __name__ == "__main__":
    run_web(
        lambda: create(sys.argv[3].encode()),
        port=int(sys.argv[1]),
        threads=int(sys.argv[2]),
        on_start=lambda: None,
        on_stop=lambda: None,
        host="127.0.0.1",
    )
