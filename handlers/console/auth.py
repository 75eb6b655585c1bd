"""Signing in and out, and changing one's own password."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from flask import Response, current_app, flash, g, make_response, redirect, render_template, request
from flask import session as browser
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from handlers.console import sessions
from handlers.console.parts import me, now, parts, settings
from handlers.console.passwords import hash_password, is_one_time, password_problem, verify_password
from handlers.console.words import t
from storage import Tx
from storage.records import Role, Staff

TICKET_SECONDS = 15 * 60  # to choose a password after the one-time one was right


def home(staff: Staff) -> str:
    """Where somebody of this role starts."""
    match staff.role:
        case Role.REVIEWER:
            return "/console/records"
        case Role.ADMIN:
            return "/console/staff"
        case _:
            return "/console/"


def sign_in() -> ResponseReturnValue:
    """The sign-in page. One text for every kind of failure, so it names no account."""
    if g.staff is not None and request.method == "GET":
        return redirect(home(g.staff))
    if request.method == "GET":
        return _page()
    login, password = request.form.get("login", "")[:200], request.form.get("password", "")
    keys = sessions.throttle_keys(login)
    if _paused(keys):
        verify_password(_nobody(), password)  # takes as long as any other answer
        return _page(error="sign_in.wrong", status=429)
    found = parts().storage.read(lambda tx: tx.staff.by_login(login))
    stored = found[1] if found else _nobody()
    if not verify_password(stored, password) or found is None or found[0].disabled:
        parts().storage.write(lambda tx: _count_failure(tx, keys))
        return _page(error="sign_in.wrong", status=401)
    if is_one_time(stored):
        return _page(ticket=_signer().dumps([found[0].id, stored[-16:]]))
    return _welcome(found[0], keys)


def _count_failure(tx: Tx, keys: tuple[bytes, ...]) -> None:
    for key in keys:
        tx.sessions.add_failure(key, now())


def first_password() -> ResponseReturnValue:
    """The second page after a one-time password: choose one that nobody else knows."""
    ticket = request.form.get("ticket", "")
    try:
        staff_id, tail = _signer().loads(ticket, max_age=TICKET_SECONDS)
    except BadData:
        return redirect("/console/sign-in")
    staff = parts().storage.read(lambda tx: tx.staff.get(staff_id))
    found = parts().storage.read(lambda tx: tx.staff.by_login(staff.login)) if staff else None
    if staff is None or staff.disabled or found is None or not found[1].endswith(tail):
        return redirect("/console/sign-in")
    new = request.form.get("new", "")
    problem = password_problem(new, g.language, staff.login)
    if problem is None and verify_password(found[1], new):
        problem = t("password.own")
    if problem:
        return _page(ticket=ticket, problem=problem, status=400)
    hashed = hash_password(new)

    def change(tx: Tx) -> None:
        tx.staff.set_password(staff.id, hashed)
        tx.audit.add(now(), staff.id, "password_changed", None, None)

    parts().storage.write(change)
    return _welcome(staff, sessions.throttle_keys(staff.login))


def _welcome(staff: Staff, keys: tuple[bytes, bytes]) -> Response:
    def enter(tx: Tx) -> str:
        tx.sessions.clear_failures(keys[0])  # the address keeps its count: others may be trying from there
        tx.audit.add(now(), staff.id, "signed_in", None, None)
        return sessions.start(tx, staff.id)

    token = parts().storage.write(enter)
    browser.clear()  # a new CSRF secret, too
    return sessions.keep(make_response(redirect(home(staff))), token)


def sign_out() -> ResponseReturnValue:
    """End this session, here and in the store."""
    key = sessions.current_hash()
    if key is not None:
        parts().storage.write(lambda tx: tx.sessions.end(key))
    browser.clear()
    return sessions.forget(make_response(redirect("/console/sign-in")))


def change_password() -> ResponseReturnValue:
    """Change one's own password; ends every other session of the account."""
    staff = me()
    old, new = request.form.get("old", ""), request.form.get("new", "")
    keys = sessions.throttle_keys(staff.login)
    found = parts().storage.read(lambda tx: tx.staff.by_login(staff.login))
    if found is None or _paused(keys) or not verify_password(found[1], old):
        parts().storage.write(lambda tx: _count_failure(tx, keys[:1]))
        flash(t("password.old_wrong"), "error")
        return redirect("/console/more#password")
    problem = password_problem(new, staff.language, staff.login)
    if problem:
        flash(problem, "error")
        return redirect("/console/more#password")
    hashed = hash_password(new)

    def change(tx: Tx) -> str:
        tx.staff.set_password(staff.id, hashed)
        tx.sessions.end_all(staff.id)
        tx.audit.add(now(), staff.id, "password_changed", None, None)
        return sessions.start(tx, staff.id)

    token = parts().storage.write(change)
    flash(t("password.changed"))
    return sessions.keep(make_response(redirect("/console/more")), token)


def _paused(keys: tuple[bytes, bytes]) -> bool:
    limits = settings().console
    since = now() - timedelta(minutes=limits.sign_in_pause_minutes)
    return parts().storage.read(
        lambda tx: any(tx.sessions.failures(key, since) >= limits.sign_in_tries for key in keys)
    )


def _page(
    *, error: str | None = None, ticket: str | None = None, problem: str | None = None, status: int = 200
) -> Response:
    page = render_template(
        "console/sign_in.html", error=error, ticket=ticket, problem=problem, page=settings().page
    )
    return make_response(page, status)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="console first password")


@cache
def _nobody() -> str:
    """A hash that no password fits, so that an unknown login takes as long as a known one."""
    return hash_password("nobody has this password \x00")
