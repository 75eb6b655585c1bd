"""Meta's signatures: over webhook bodies, and over the signed request of the deletion callback.

Source: Messenger Platform, "Webhooks" (X-Hub-Signature-256 over the raw bytes, keyed with the app secret);
"Data deletion request callback" (signed_request).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from handlers.messenger import wire

_SIGNED_REQUEST_LENGTH = 10_000


def sign(body: bytes, app_secret: str) -> str:
    """The value of X-Hub-Signature-256 for these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def signed_by_meta(body: bytes, header: str | None, app_secret: str) -> bool:
    """Whether `header` is the signature of exactly these bytes. Takes the same time for every wrong one.

    False also for a missing header and for an empty app secret, which would sign anything.
    """
    if not header or not app_secret:
        return False
    return hmac.compare_digest(header.encode("utf-8", "replace"), sign(body, app_secret).encode())


def parse_signed_request(text: str, app_secret: str) -> dict[str, object] | None:
    """What a `signed_request` carries; None when it is malformed or not signed with the app secret."""
    signature, dot, payload = text.partition(".")
    if not dot or not app_secret or len(text) > _SIGNED_REQUEST_LENGTH or not text.isascii():
        return None
    expected = hmac.new(app_secret.encode(), payload.encode(), hashlib.sha256).digest()
    try:
        if not hmac.compare_digest(_decoded(signature), expected):
            return None
        data = wire.loads(_decoded(payload))
    except ValueError:  # binascii.Error and bad JSON are both ValueErrors
        return None
    if not isinstance(data, dict) or (wire.text(data.get("algorithm")) or "").upper() != "HMAC-SHA256":
        return None
    return data


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
