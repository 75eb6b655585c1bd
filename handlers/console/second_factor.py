"""The second factor: six digits that an app makes of a secret and the time (RFC 6238), and recovery codes."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

import pyotp
from markupsafe import Markup

from storage import Tx

STEP_SECONDS = 30
_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on paper


def fresh_secret() -> str:
    """160 random bits in base32, as apps read them."""
    return pyotp.random_base32()


def spaced(secret: str) -> str:
    """The secret in groups of four, to be typed."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def qr_code(secret: str, login: str, issuer: str) -> Markup:
    """What an app's camera reads, as SVG inside the page: no other address ever hears of the secret."""
    import segno  # only now: 0.8 MB, for a page that each of the staff sees once

    address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)
    code = segno.make(address, error="m", micro=False)
    return Markup(code.svg_inline(dark="#000", light="#fff", border=3, omitsize=True, svgclass="qr"))  # noqa: S704


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The time step that `code` belongs to; None when it is wrong. One step early or late will do: clocks differ."""
    made, now = pyotp.TOTP(secret, interval=STEP_SECONDS), int(at.timestamp()) // STEP_SECONDS
    digits = "".join(code.split())
    for step in (now, now - 1, now + 1):
        if hmac.compare_digest(made.generate_otp(step).encode(), digits.encode()):
            return step
    return None


def take(tx: Tx, staff_id: int, code: str, at: datetime) -> bool:
    """Whether this is a code of the account's app that nobody has used; it is spent now."""
    secret = tx.factors.secret(staff_id)
    step = step_of(secret, code, at) if secret else None
    return step is not None and tx.factors.take_step(staff_id, step)


def take_recovery(tx: Tx, staff_id: int, code: str, at: datetime) -> bool:
    """Whether this is a recovery code of the account that nobody has used; it is spent now."""
    return tx.factors.take_recovery_code(staff_id, _tidy(code), at)


def fresh_recovery_codes() -> list[str]:
    """Ten, of 49 bits each, as they are shown."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(2)) for _ in range(_CODES)
    ]


def kept(codes: list[str]) -> list[str]:
    """As the store is told of them."""
    return [_tidy(code) for code in codes]


def _tidy(code: str) -> str:
    return "".join(sign for sign in code.casefold() if sign.isalnum())
