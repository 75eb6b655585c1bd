"""The webhook: checks, keeps, answers. Everything else happens later, in the worker, reading included.

Source: Messenger Platform, "Webhooks": 200 within five seconds; any other answer makes Meta deliver again,
and an hour of them unsubscribes the app. So a body we cannot read is 4xx only when no redelivery could help.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from handlers.messenger import limits, wire
from handlers.messenger.intake import Intake
from handlers.messenger.signature import signed_by_meta
from storage import Storage, StorageUnavailable

log = logging.getLogger(__name__)


def blueprint(
    *,
    app_secret: str,
    verify_token: str,
    storage: Storage,
    clock: Callable[[], datetime],
    count: Callable[[str], None] = lambda outcome: None,
) -> Blueprint:
    """GET and POST /webhook. Exempt it from CSRF protection: the signature is its protection.

    `count` is told what became of each POST: accepted, bad_signature, too_large, not_json, other_object,
    store_unavailable. What a body held is counted in the store, when it is read.
    """
    routes = Blueprint("webhook", __name__)
    intake = Intake(storage)

    @routes.get("/webhook")
    def verify() -> Response:
        given = request.args.get("hub.verify_token", "")
        known = hmac.compare_digest(given.encode("utf-8", "replace"), verify_token.encode())
        challenge = request.args.get("hub.challenge")
        if not verify_token or not known or request.args.get("hub.mode") != "subscribe" or not challenge:
            return _plain("FORBIDDEN", 403)
        return _plain(challenge, 200)

    @routes.post("/webhook")
    def receive() -> Response:
        outcome, answer, body = _examine(app_secret)
        if body is not None:
            try:
                intake.keep(body, clock())
            except StorageUnavailable:
                outcome, answer = "store_unavailable", _plain("TRY AGAIN", 503)
                answer.headers["Retry-After"] = "5"
        count(outcome)
        if outcome != "accepted":
            log.warning("webhook: %s", outcome)
        return answer

    return routes


def _examine(app_secret: str) -> tuple[str, Response, bytes | None]:
    """What to answer, and what to keep first. Nothing is parsed before the signature has been checked."""
    body = _body()
    if body is None:
        return "too_large", _plain("TOO LARGE", 413), None
    if not signed_by_meta(body, request.headers.get("X-Hub-Signature-256"), app_secret):
        return "bad_signature", _plain("FORBIDDEN", 403), None
    try:
        data = wire.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return "not_json", _plain("NOT A JSON OBJECT", 400), None
    if data.get("object") != "page":
        return "other_object", _plain("NOT FOUND", 404), None
    return "accepted", _plain("EVENT_RECEIVED", 200), body


def _body() -> bytes | None:
    """The raw bytes; None when there are too many, also when no Content-Length announced them."""
    if (request.content_length or 0) > limits.BODY_BYTES:
        return None
    # One more than allowed: a body without Content-Length is silently cut there, not refused.
    request.max_content_length = limits.BODY_BYTES + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return None
    return body if len(body) <= limits.BODY_BYTES else None


def _plain(text: str, status: int) -> Response:
    answer = Response(text, status, mimetype="text/plain")
    answer.headers["X-Content-Type-Options"] = "nosniff"  # the challenge is somebody else's text
    return answer
