"""The webhook: checks, keeps, answers. Everything else happens later, in the worker, reading included.

Source: Messenger Platform, "Webhooks": 200 within five seconds; any other answer makes Meta deliver again,
and an hour of them unsubscribes the app. So a body we cannot read is 4xx only when no redelivery could help.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_content_length, get_input_stream

from handlers.messenger import limits, wire
from handlers.messenger.intake import Intake
from handlers.messenger.signature import signed_by_meta
from storage import Storage, StorageUnavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
PATH = "/webhook"
# The challenge is somebody else's text.
_HEADERS = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
_ANSWERS = {
    "accepted": ("200 OK", b"EVENT_RECEIVED"),
    "bad_signature": ("403 FORBIDDEN", b"FORBIDDEN"),
    "not_json": ("400 BAD REQUEST", b"NOT A JSON OBJECT"),
    "other_object": ("404 NOT FOUND", b"NOT FOUND"),
    "store_unavailable": ("503 SERVICE UNAVAILABLE", b"TRY AGAIN"),
    "too_large": ("413 CONTENT TOO LARGE", b"TOO LARGE"),
    "broke": ("500 INTERNAL SERVER ERROR", b"TRY AGAIN"),
}


def mount(
    app: Flask,
    *,
    app_secret: str,
    verify_token: str,
    storage: Storage,
    clock: Callable[[], datetime],
    count: Callable[[str], None] = lambda outcome: None,
) -> None:
    """Add GET and POST /webhook. Neither is asked for a CSRF token: the signature is what protects them.

    `count` is told what became of each POST: a key of `_ANSWERS`. What a body held is counted in the store, when
    it is read.
    """
    app.register_blueprint(_questions(verify_token))
    app.wsgi_app = Door(app.wsgi_app, app_secret, Intake(storage), clock, count)  # type: ignore[method-assign]


def _questions(verify_token: str) -> Blueprint:
    """GET: Meta asks once whether this address is ours."""
    routes = Blueprint("webhook", __name__)

    @routes.get(PATH)
    def verify() -> Response:
        given = request.args.get("hub.verify_token", "")
        known = hmac.compare_digest(given.encode("utf-8", "replace"), verify_token.encode())
        challenge = request.args.get("hub.challenge")
        if not verify_token or not known or request.args.get("hub.mode") != "subscribe" or not challenge:
            return Response("FORBIDDEN", 403, _HEADERS)
        return Response(challenge, 200, _HEADERS)

    return routes


class Door:
    """POST, in front of the application: what Flask does for a request costs more than all that is done here."""

    def __init__(
        self,
        app: WSGIApplication,
        app_secret: str,
        intake: Intake,
        clock: Callable[[], datetime],
        count: Callable[[str], None],
    ) -> None:
        self._app = app
        self._app_secret = app_secret
        self._intake = intake
        self._clock = clock
        self._count = count

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """A WSGI application."""
        if environ["REQUEST_METHOD"] != "POST" or environ.get("PATH_INFO") != PATH:
            return self._app(environ, start_response)
        try:
            outcome = self._receive(environ)
        except Exception as error:  # Meta delivers again
            log.error("webhook_broke", extra={"error": type(error).__name__})
            outcome = "broke"
        self._count(outcome)
        if outcome != "accepted":
            log.warning("webhook: %s", outcome)
        status, text = _ANSWERS[outcome]
        headers = [*_HEADERS, ("Content-Length", str(len(text)))]
        if outcome == "store_unavailable":
            headers.append(("Retry-After", "5"))
        start_response(status, headers)
        return [text]

    def _receive(self, environ: WSGIEnvironment) -> str:
        """Nothing is parsed before the signature has been checked, and nothing accepted before it is kept."""
        body = _body(environ)
        if body is None:
            return "too_large"
        if not signed_by_meta(body, environ.get("HTTP_X_HUB_SIGNATURE_256"), self._app_secret):
            return "bad_signature"
        try:
            data = wire.loads(body)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            return "not_json"
        if data.get("object") != "page":
            return "other_object"
        try:
            self._intake.keep(body, self._clock())
        except StorageUnavailable:
            return "store_unavailable"
        return "accepted"


def _body(environ: WSGIEnvironment) -> bytes | None:
    """The raw bytes; None when there are too many, also when no Content-Length announced them."""
    if (get_content_length(environ) or 0) > limits.BODY_BYTES:
        return None
    try:
        # One more than allowed: a body without Content-Length is silently cut there, not refused.
        body: bytes = get_input_stream(environ, max_content_length=limits.BODY_BYTES + 1).read()
    except RequestEntityTooLarge:
        return None
    return body if len(body) <= limits.BODY_BYTES else None
