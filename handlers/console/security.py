"""One's own password, second factor, and where one is signed in."""

from __future__ import annotations

import binascii

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import auth, leave, second_factor, sessions, tickets, tries
from handlers.console.parts import me, now, parts
from handlers.console.passwords import hash_password, password_problem, verify_password
from handlers.console.words import t
from storage import Tx


def security_page() -> ResponseReturnValue:
    """All of it."""
    return _page()


def _page(codes: list[str] | None = None) -> str:
    staff, this = me(), sessions.current_hash()
    has, left, places = parts().storage.read(
        lambda tx: (
            tx.factors.secret(staff.id) is not None,
            tx.factors.recovery_codes_left(staff.id),
            tx.sessions.of(staff.id, now(), this),
        )
    )
    return render_template(
        "console/security.html",
        has_factor=has,
        required=auth.factor_required(),
        left=left,
        places=places,
        codes=codes or [],
    )


def _is_me(password: str) -> str | None:
    """The stored hash, if this is my password. A wrong one counts as a wrong try and is said."""
    staff = me()
    attempt = tries.begin(staff.login)
    if attempt is None:
        flash(auth.paused(), "error")
        return None
    found = parts().storage.read(lambda tx: tx.staff.by_login(staff.login))
    if found is None or not verify_password(found[1], password):
        flash(t("password.old_wrong"), "error")
        return None
    parts().storage.write(attempt.was_right)
    return found[1]


def change_password() -> ResponseReturnValue:
    """Change one's own password; ends every other session of the account."""
    staff, new = me(), request.form.get("new", "")
    if _is_me(request.form.get("old", "")) is None:
        return redirect(url_for("console.security_page"))
    problem = password_problem(new, staff.language, staff.login)
    if problem:
        flash(problem, "error")
        return redirect(url_for("console.security_page"))
    hashed = hash_password(new)

    def change(tx: Tx) -> str:
        tx.staff.set_password(staff.id, hashed)
        tx.sessions.end_all(staff.id)
        tx.audit.add(now(), staff.id, "password_changed", None, None)
        return sessions.start(tx, staff.id)

    token = parts().storage.write(change)
    flash(t("password.changed"))
    answer = redirect(url_for("console.security_page"))
    return sessions.keep(answer, token)  # type: ignore[arg-type]


def new_factor() -> ResponseReturnValue:
    """Set up a second factor, or move it to another phone: the password again, and a code if there is one already."""
    staff = me()
    stored = _is_me(request.form.get("password", ""))
    if stored is None:
        return redirect(url_for("console.security_page"))
    has = parts().storage.read(lambda tx: tx.factors.secret(staff.id)) is not None
    if has and not _spent(request.form.get("code", "")[:40]):
        flash(t("factor.wrong"), "error")
        return redirect(url_for("console.security_page"))
    fresh = second_factor.fresh_secret()
    return auth.page("set_up", ticket=tickets.issue(staff, stored, "another" if has else "first", fresh))


def _spent(code: str) -> bool:
    """Whether this was a code of mine, of the app (digits alone) or a recovery code."""
    staff, attempt = me(), tries.begin(me().login)
    is_recovery = not code.replace(" ", "").isdecimal()
    return attempt is not None and parts().storage.write(
        lambda tx: auth.spend(tx, staff, attempt, code, code if is_recovery else "")
    )


def new_codes() -> ResponseReturnValue:
    """Ten fresh recovery codes, shown once; the old ones end. Takes a code of the app, so that a password alone
    never gets past it."""
    staff = me()
    if _is_me(request.form.get("password", "")) is None:
        return redirect(url_for("console.security_page"))
    if not _spent(request.form.get("code", "")[:40]):
        flash(t("factor.wrong"), "error")
        return redirect(url_for("console.security_page"))
    codes = second_factor.fresh_recovery_codes()

    def renew(tx: Tx) -> bool:
        if tx.factors.secret(staff.id) is None:
            return False
        tx.factors.set_recovery_codes(staff.id, second_factor.kept(codes))
        tx.audit.add(now(), staff.id, "recovery_codes_renewed", None, None)
        return True

    return _page(codes) if parts().storage.write(renew) else redirect(url_for("console.security_page"))


def end_session() -> ResponseReturnValue:
    """Sign out in one of my places, or everywhere but here. Here, it is signing out: the way by what one still has."""
    staff, this = me(), sessions.current_hash() or b""
    place = request.form.get("place", "")
    uid = _bytes(place)
    places = parts().storage.read(lambda tx: tx.sessions.of(staff.id, now(), this))
    if any(each.uid == uid and each.is_this for each in places):
        return leave.sign_out()

    def end(tx: Tx) -> None:
        if place == "others":
            tx.sessions.end_others(staff.id, this)
        else:
            tx.sessions.end_one(staff.id, uid)
        tx.audit.add(now(), staff.id, "sessions_ended", None, str(staff.id))

    parts().storage.write(end)
    flash(t("security.ended_all") if place == "others" else t("security.ended"))
    return redirect(url_for("console.security_page"))


def _bytes(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b""
