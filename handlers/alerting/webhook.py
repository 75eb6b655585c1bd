"""The outgoing webhook: an SMS gateway, a pager, anything that takes a signed POST.

The body is JSON: `id` (the idempotency key), `kind` (alert, drill, review), `to` (a phone number, or null for a
pager), `text`, `link`. `X-Peersupport-Signature` is `t=<seconds since 1970>,v1=<hex>`, where v1 is
HMAC-SHA256 over `<t>.<body>` with ALERT_WEBHOOK_SECRET. Another try has the same body and `Idempotency-Key`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl

from handlers.alerting.bounded_post import LIMIT_SECONDS, outcome, post
from handlers.alerting.notice import Notice


class Webhook:
    """One address for everybody; whom it is for stands in `to`."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        limit_seconds: float = LIMIT_SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url
        self._secret = secret.encode()
        self._limit = limit_seconds
        self._context = context

    def tell(self, notice: Notice) -> tuple[int, ...]:
        """Post it. Any 2xx means taken."""
        body = json.dumps(
            {
                "id": notice.key,
                "kind": notice.kind,
                "to": notice.phone,
                "text": notice.text,
                "link": notice.link,
            },
            ensure_ascii=False,
        ).encode()
        seconds = int(notice.at.timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": notice.key,
            "User-Agent": "peersupport",
            "X-Peersupport-Signature": f"t={seconds},v1={signature(self._secret, seconds, body)}",
        }
        outcome(post(self._url, body, headers, limit_seconds=self._limit, context=self._context))
        return ()


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """v1 of the signature, in hex."""
    return hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
