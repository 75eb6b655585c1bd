"""Signing in: the password, then a code from the phone; setting that up; signing out."""

from __future__ import annotations

from functools import cache

from flask import Response, flash, g, make_response, redirect, render_template, request
from flask import session as browser
from flask.typing import ResponseReturnValue

from handlers.console import second_factor, sessions, tickets, tries
from handlers.console.parts import now, parts, settings
from handlers.console.passwords import hash_password, verify_password
from handlers.console.words import t
from storage import Tx
from storage.records import Role, Staff


def home(staff: Staff) -> str:
    """Where somebody of this role starts."""
    match staff.role:
        case Role.REVIEWER:
            return "/console/records"
        case Role.ADMIN:
            return "/console/staff"
        case _:
            return "/console/"


def factor_required() -> bool:
    """Whether everybody needs a second factor."""
    return settings().console.second_factor == "required" and not parts().one_tap


def sign_in() -> ResponseReturnValue:
    """The sign-in page. One text for every kind of failure, so it names no account."""
    if g.staff is not None and request.method == "GET":
        return redirect(home(g.staff))
    if request.method == "GET":
        return page("sign_in")
    login, password = request.form.get("login", "")[:200], request.form.get("password", "")
    attempt = tries.begin(login)
    if attempt is None:
        return page("sign_in", problem=paused(), status=429)
    found = parts().storage.read(lambda tx: tx.staff.by_login(login))
    stored = (found[1] if found else "") or _nobody()
    if not verify_password(stored, password) or found is None or found[0].disabled:
        return page("sign_in", error="sign_in.wrong", status=401)
    parts().storage.write(attempt.was_right)
    return after_password(found[0], stored)


def after_password(staff: Staff, password_hash: str) -> Response:
    """The password was right: ask for the code, have a second factor set up, or let them in."""
    if parts().storage.read(lambda tx: tx.factors.secret(staff.id)):
        return page("code", ticket=tickets.issue(staff, password_hash, "code"))
    if factor_required():
        fresh = second_factor.fresh_secret()
        return page("set_up", ticket=tickets.issue(staff, password_hash, "first", fresh))
    return let_in(staff, home(staff))


def second_step() -> ResponseReturnValue:
    """The code from the app, or a recovery code. Tries are limited together with those of the password."""
    ticket = tickets.shown()
    if ticket is None or ticket.step != "code":
        return redirect("/console/sign-in")
    staff, attempt = ticket.staff, tries.begin(ticket.staff.login)
    if attempt is None:
        return page("code", ticket=ticket, problem=paused(), status=429)
    code, recovery = request.form.get("code", "")[:40], request.form.get("recovery", "")[:40]
    if not parts().storage.write(lambda tx: spend(tx, staff, attempt, code, recovery)):
        return page("code", ticket=ticket, error="factor.wrong", status=401)
    if not recovery:
        return let_in(staff, home(staff))
    answer = let_in(staff, "/console/security")
    left = parts().storage.read(lambda tx: tx.factors.recovery_codes_left(staff.id))
    flash(t("factor.recovery_used_one") if left == 1 else t("factor.recovery_used", n=left))
    return answer


def spend(tx: Tx, staff: Staff, attempt: tries.Try, code: str, recovery: str) -> bool:
    """Take the code, or the recovery code. A wrong one stays counted as a wrong try."""
    if recovery:
        if not second_factor.take_recovery(tx, staff.id, recovery, now()):
            return False
        tx.audit.add(now(), staff.id, "recovery_code_used", None, None)
    elif not second_factor.take(tx, staff.id, code, now()):
        return False
    attempt.was_right(tx)
    return True


def set_up() -> ResponseReturnValue:
    """The first code of a new second factor. It counts from now on; ten recovery codes are shown, once."""
    ticket = tickets.shown()
    if ticket is None or ticket.step == "code":
        return redirect("/console/sign-in")
    staff = ticket.staff
    step = second_factor.step_of(ticket.secret, request.form.get("code", "")[:40], now())
    if step is None:
        return page("set_up", ticket=ticket, error="factor.wrong_first", status=400)
    codes = second_factor.fresh_recovery_codes()

    def keep(tx: Tx) -> str | None:
        if ticket.step == "first" and tx.factors.secret(staff.id):
            return None  # another page was first; whoever has only the password does not get past that one
        tx.factors.set(staff.id, ticket.secret, step, second_factor.kept(codes))
        tx.sessions.end_all(staff.id)
        tx.audit.add(now(), staff.id, "second_factor_set", None, None)
        return enter(tx, staff)

    token = parts().storage.write(keep)
    if token is None:
        return redirect("/console/sign-in")
    browser.clear()
    answer = sessions.keep(page("recovery", codes=codes, onward=home(staff)), token)
    return tries.remember(answer, staff.login)


def let_in(staff: Staff, onward: str) -> Response:
    """A session, and where it begins."""
    token = parts().storage.write(lambda tx: enter(tx, staff))
    browser.clear()  # a new CSRF secret, too
    return tries.remember(sessions.keep(make_response(redirect(onward)), token), staff.login)


def enter(tx: Tx, staff: Staff) -> str:
    """The token of a new session."""
    tries.clear(tx, staff.login)
    tx.audit.add(now(), staff.id, "signed_in", None, None)
    return sessions.start(tx, staff.id)


def sign_out() -> ResponseReturnValue:
    """End this session, here and in the store."""
    key = sessions.current_hash()
    if key is not None:
        parts().storage.write(lambda tx: tx.sessions.end(key))
    browser.clear()
    return sessions.forget(make_response(redirect("/console/sign-in")))


def paused() -> str:
    """What somebody reads whose try was not looked at."""
    return t("sign_in.paused", minutes=settings().console.sign_in_pause_minutes)


def page(
    step: str,
    *,
    ticket: tickets.Ticket | None = None,
    error: str | None = None,
    status: int = 200,
    **more: object,
) -> Response:
    """One step of signing in."""
    qr, secret = "", ""
    if step == "set_up" and ticket:
        secret = second_factor.spaced(ticket.secret)
        qr = second_factor.qr_code(ticket.secret, ticket.staff.login, settings().page.name)
    made = render_template(
        "console/sign_in.html",
        step=step,
        ticket=ticket.text if ticket else "",
        error=error,
        qr=qr,
        secret=secret,
        page=settings().page,
        **more,
    )
    return make_response(made, status)


@cache
def _nobody() -> str:
    """A hash that no password fits, so that an unknown login takes as long as a known one."""
    return hash_password("nobody has this password \x00")
