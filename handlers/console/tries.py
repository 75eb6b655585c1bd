"""Tries to sign in. Each counts as wrong before anybody looks at it, so that many at once are no way past the limit.

What is counted: wrong tries for an account, and, with a much higher limit, those from an address, for a whole campus
can be one. A browser in which somebody has signed in before has a count of its own for that account, and for nothing
else: strangers who try cannot lock out its owner, and whoever steals the browser's mark wins a handful of tries.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from handlers.console.parts import now, parts, settings
from storage import Tx

DEVICE = "peersupport_device"
ADDRESS_TIMES = 10  # as many wrong tries from an address as of an account
_DEVICE_SECONDS = 180 * 24 * 3600
_ACCOUNTS = 6  # that one browser is known for


@dataclass(frozen=True, slots=True)
class Try:
    """One that may be looked at. It has been counted as wrong."""

    first: bytes  # the count of the account, or of this browser for it
    ids: tuple[int, ...]

    def was_right(self, tx: Tx) -> None:
        """It does not count, then."""
        tx.sessions.withdraw_failures(self.ids)


def begin(login: str) -> Try | None:
    """A try for this account, whether there is one or not. None: there were too many lately."""
    counts, at = _counts(login), now()
    # Two transactions, so that whoever counts sees all who were written down before: also on PostgreSQL, where two
    # that run at once do not see each other.
    ids = parts().storage.write(lambda tx: tuple(tx.sessions.add_failure(key, at) for key, _ in counts))
    since = at - timedelta(minutes=settings().console.sign_in_pause_minutes)
    full = parts().storage.read(
        lambda tx: any(tx.sessions.failures(key, since) > most for key, most in counts)
    )
    if full:  # not looked at, so not counted: else who goes on trying would keep it shut for ever
        parts().storage.write(lambda tx: tx.sessions.withdraw_failures(ids))
        return None
    return Try(counts[0][0], ids)


def clear(tx: Tx, login: str) -> None:
    """Somebody is in: their earlier slips are forgiven. The address keeps its count, others may try from there."""
    tx.sessions.clear_failures(_counts(login)[0][0])


def remember(response: Response, login: str) -> Response:
    """Mark the browser as one in which this account has signed in."""
    name, accounts = _device()
    tag = _tag(login)
    kept = [tag, *(each for each in accounts if each != tag)][:_ACCOUNTS]
    response.set_cookie(
        DEVICE,
        _signer().dumps([name or secrets.token_hex(16), kept]),
        max_age=_DEVICE_SECONDS,
        path="/console",
        secure=parts().secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def _counts(login: str) -> list[tuple[bytes, int]]:
    """Under which keyed hashes a try is counted, and how many each may have."""
    most = settings().console.sign_in_tries
    name, accounts = _device()
    if _tag(login) in accounts:
        return [(_keyed("device", f"{name} {_account(login)}"), most)]
    address = (_keyed("address", request.remote_addr or ""), most * ADDRESS_TIMES)
    return [(_keyed("account", _account(login)), most), address]


def _device() -> tuple[str, list[str]]:
    """The browser's name, and the accounts it is known for."""
    try:
        name, accounts = _signer().loads(request.cookies.get(DEVICE, ""))
        return str(name), [str(each) for each in accounts]
    except (BadData, TypeError, ValueError):
        return "", []


def _account(login: str) -> str:
    return login.strip().casefold()


def _tag(login: str) -> str:
    return _keyed("known account", _account(login)).hex()[:24]


def _keyed(kind: str, text: str) -> bytes:
    secret = str(current_app.secret_key).encode()
    return hmac.digest(secret, f"sign-in {kind} {text}".encode(), "sha256")


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="console known browser")
