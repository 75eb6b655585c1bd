"""Accounts: who has one, new ones with a one-time password, stopping and resetting them."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console.forms import line
from handlers.console.parts import me, now, parts
from handlers.console.passwords import hash_one_time, one_time_password
from handlers.console.words import t
from storage import Tx
from storage.errors import StorageError, StorageUnavailable
from storage.records import Role, Staff


def grantable(staff: Staff) -> list[Role]:
    """The roles this person may give. Only an admin makes admins."""
    return [role for role in Role if role is not Role.ADMIN or staff.role is Role.ADMIN]


def staff_page() -> ResponseReturnValue:
    """All accounts."""
    return _page()


def _page(new_login: str = "", new_password: str = "") -> str:
    people = parts().storage.read(lambda tx: tx.staff.all())
    people.sort(key=lambda each: (each.disabled, each.alias.casefold()))
    return render_template(
        "console/staff.html",
        people=people,
        roles=grantable(me()),
        new_login=new_login,
        new_password=new_password,
    )


def add() -> ResponseReturnValue:
    """A new account. Its password is shown once, here, and must be changed at the first sign-in."""
    login, alias, role = line("login", 100), line("alias", 40), request.form.get("role", "")
    if not login or not alias or role not in grantable(me()):
        flash(t("staff.incomplete"), "error")
        return redirect(url_for("console.staff_page"))
    password = one_time_password()
    hashed = hash_one_time(password)

    def save(tx: Tx) -> None:
        staff_id = tx.staff.add(login, alias, Role(role), hashed, now())
        tx.audit.add(now(), me().id, "staff_added", None, f"{staff_id}:{role}")

    try:
        parts().storage.write(save)
    except StorageUnavailable:
        raise
    except StorageError:
        flash(t("staff.taken"), "error")
        return redirect(url_for("console.staff_page"))
    return _page(login, password)


def _other(staff_id: int) -> Staff:
    """The account, if this person may change it."""
    other = parts().storage.read(lambda tx: tx.staff.get(staff_id))
    if other is None:
        abort(404)
    if other.id == me().id or other.role not in grantable(me()):
        abort(403)
    return other


def disable(staff_id: int) -> ResponseReturnValue:
    """Stop an account at once; all its sessions end. Its open conversations stay visible to duty leads."""
    other = _other(staff_id)

    def save(tx: Tx) -> None:
        tx.staff.disable(other.id, now())
        tx.audit.add(now(), me().id, "staff_disabled", None, str(other.id))

    parts().storage.write(save)
    flash(t("staff.disabled_done", alias=other.alias))
    return redirect(url_for("console.staff_page"))


def reset(staff_id: int) -> ResponseReturnValue:
    """A new one-time password; the old one and all sessions end."""
    other = _other(staff_id)
    password = one_time_password()
    hashed = hash_one_time(password)

    def save(tx: Tx) -> None:
        tx.staff.set_password(other.id, hashed)
        tx.sessions.end_all(other.id)
        tx.audit.add(now(), me().id, "password_reset", None, str(other.id))

    parts().storage.write(save)
    return _page(other.login, password)
