"""The webhook: checks, keeps, answers. Everything else happens later, in the worker, reading included.

Source: Messenger Platform, "Webhooks": 200 within five seconds; any other answer makes Meta deliver again,
and an hour of them unsubscribes the app. So a body we cannot read is 4xx only when no redelivery could help.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from flask import Blueprint, Response, request

from handlers.messenger import limits, wire
from handlers.messenger.signature import signed_by_meta
from handlers.together import Answer, Arrived
from storage import Storage, StorageUnavailable

log = logging.getLogger(__name__)
PATH = "/webhook"
# The challenge is somebody else's text.
_HEADERS = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
_ANSWERS = {
    "accepted": Answer("200 OK", _HEADERS, b"EVENT_RECEIVED"),
    "bad_signature": Answer("403 FORBIDDEN", _HEADERS, b"FORBIDDEN"),
    "not_json": Answer("400 BAD REQUEST", _HEADERS, b"NOT A JSON OBJECT"),
    "other_object": Answer("404 NOT FOUND", _HEADERS, b"NOT FOUND"),
    "store_unavailable": Answer("503 SERVICE UNAVAILABLE", (*_HEADERS, ("Retry-After", "5")), b"TRY AGAIN"),
    "too_large": Answer("413 CONTENT TOO LARGE", _HEADERS, b"TOO LARGE"),
    "broke": Answer("500 INTERNAL SERVER ERROR", _HEADERS, b"TRY AGAIN"),
}


def questions(verify_token: str) -> Blueprint:
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


class Webhook:
    """POST: a `Door`. None is asked for a CSRF token: the signature is what protects it."""

    path = PATH

    def __init__(
        self,
        *,
        app_secret: str,
        storage: Storage,
        clock: Callable[[], datetime],
        count: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        """`count` is told what became of each POST: a key of `_ANSWERS`. What a body held is counted in the store,
        when it is read.
        """
        self._app_secret = app_secret
        self._storage = storage
        self._clock = clock
        self._count = count

    def answers(self, arrived: Sequence[Arrived]) -> list[Answer]:
        """Judges each by itself, and keeps in one commit all that are to be kept."""
        judged = [self._judged(each) for each in arrived]
        outcomes = iter(self._kept([found for found in judged if isinstance(found, bytes)], self._clock()))
        return [self._answer(next(outcomes) if isinstance(found, bytes) else found) for found in judged]

    def _answer(self, outcome: str) -> Answer:
        self._count(outcome)
        if outcome != "accepted":
            log.warning("webhook_refused", extra={"reason": outcome})
        return _ANSWERS[outcome]

    def _judged(self, arrived: Arrived) -> bytes | str:
        """The body to be kept, or what is wrong with it. Nothing is parsed before the signature has been checked."""
        try:
            body = arrived.body()
            if len(body) > limits.BODY_BYTES:
                return "too_large"
            if not signed_by_meta(body, arrived.headers.get("X_HUB_SIGNATURE_256"), self._app_secret):
                return "bad_signature"
            try:
                data = wire.loads(body)
            except ValueError:
                return "not_json"
            if not isinstance(data, dict):
                return "not_json"
            return body if data.get("object") == "page" else "other_object"
        except Exception as error:
            return _broke(error)

    def _kept(self, bodies: Sequence[bytes], now: datetime) -> list[str]:
        """What became of each. Nothing is accepted before it is kept."""
        if not bodies:
            return []
        try:
            ids = self._storage.posts.keep([(body, now) for body in bodies])
        except StorageUnavailable:
            return ["store_unavailable"] * len(bodies)
        except Exception as error:
            if len(bodies) > 1:  # one of them: alone, each shows what it is
                return [outcome for body in bodies for outcome in self._kept([body], now)]
            return [_broke(error)]
        log.info("webhook_stored", extra={"post_ids": ids, "count": len(ids)})
        return ["accepted"] * len(bodies)


def _broke(error: Exception) -> str:
    """Meta delivers again."""
    log.error("webhook_broke", extra={"error": type(error).__name__})
    return "broke"
