"""Between the steps of signing in: a signed note in the page that says how far its reader is. It opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from handlers.console.parts import parts
from storage.records import Staff

SECONDS = 15 * 60
Step = Literal["code", "first", "another"]  # give a code; set up the first one; set up another after a code


@dataclass(frozen=True, slots=True)
class Ticket:
    """The password was right, and what comes next."""

    staff: Staff
    step: Step
    secret: str  # the second factor that is being set up; the page around it shows it anyway
    text: str  # as it stands in the page


def issue(staff: Staff, password_hash: str, step: Step, secret: str = "") -> Ticket:
    """A ticket that ends with the password."""
    return Ticket(staff, step, secret, _signer().dumps([staff.id, password_hash[-16:], step, secret]))


def shown() -> Ticket | None:
    """The ticket this request carries. None: none, too old, changed, or the account has moved on since."""
    text = request.form.get("ticket", "")
    try:
        staff_id, tail, step, secret = _signer().loads(text, max_age=SECONDS)
    except BadData:
        return None
    found = parts().storage.read(
        lambda tx: tx.staff.by_login(staff.login) if (staff := tx.staff.get(staff_id)) else None
    )
    if found is None or found[0].disabled or not found[1] or not found[1].endswith(tail):
        return None
    return Ticket(found[0], step, secret, text)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="console sign-in step")
