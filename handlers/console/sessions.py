"""Who is signed in: a random token in a cookie, of which the store keeps only the SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta

from flask import Response, request

from handlers.console.devices import device_of
from handlers.console.parts import now, parts, settings
from storage import StorageUnavailable, Tx
from storage.records import Staff

COOKIE = "peersupport_session"
SEEN_EVERY = timedelta(minutes=1)


def token_hash(token: str) -> bytes:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def start(tx: Tx, staff_id: int) -> str:
    """A new session; returns its token, which is never seen again but in the cookie."""
    token = secrets.token_urlsafe(32)
    limits = settings().console
    idle = timedelta(minutes=limits.session_idle_minutes)
    expires_at = now() + timedelta(hours=limits.session_hours)
    device = device_of(request.user_agent.string)
    tx.sessions.add(staff_id, token_hash(token), now(), expires_at, idle, device)
    tx.staff.seen(staff_id, now())
    return token


def current_hash() -> bytes | None:
    """The hash of the token this request carries."""
    token = request.cookies.get(COOKIE, "")
    return token_hash(token) if token else None


def who(tx: Tx, key: bytes) -> Staff | None:
    """The person behind a session, without counting this as activity."""
    staff_id = tx.sessions.peek(key, now())
    staff = tx.staff.get(staff_id) if staff_id is not None else None
    return staff if staff is not None and not staff.disabled else None


def signed_in(*, background: bool) -> Staff | None:
    """Who sends this request. A request in the `background` keeps nobody's session from going idle."""
    key = current_hash()
    if key is None:
        return None
    storage, at = parts().storage, now()
    staff = storage.read(lambda tx: who(tx, key))
    if staff is None:
        return None
    if staff.seen_at is None or at - staff.seen_at >= SEEN_EVERY:
        staff_id = staff.id

        def touch(tx: Tx) -> None:
            if not background:
                tx.sessions.get(key, at)
            tx.staff.seen(staff_id, at)

        with suppress(StorageUnavailable):  # a full disk must not keep anybody from reading
            storage.write(touch)
    return staff


def keep(response: Response, token: str) -> Response:
    """Put the token into the cookie; it ends with the session itself."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings().console.session_hours * 3600,
        path="/console",
        secure=parts().secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def forget(response: Response) -> Response:
    """Take the cookie back."""
    response.delete_cookie(
        COOKIE, path="/console", secure=parts().secure_cookies, httponly=True, samesite="Lax"
    )
    return response
