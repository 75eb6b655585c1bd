"""Accounts of others: who has one, new ones, and what a coordinator may change. Nobody here ever sees a password."""

from __future__ import annotations

from typing import cast

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from bot.routing import is_danger
from handlers import accounts
from handlers.alerting.people import email_of
from handlers.console.forms import line
from handlers.console.letters import link_to, tell
from handlers.console.parts import HELPERS, me, now, parts
from handlers.console.words import t
from storage import Tx
from storage.profile import Trained
from storage.records import Duty, Role, Staff

TRAINED: tuple[Trained, ...] = ("basic", "full")


def grantable(staff: Staff) -> list[Role]:
    """The roles this person may give. Only an admin makes admins."""
    return [role for role in Role if role is not Role.ADMIN or staff.role is Role.ADMIN]


def staff_page() -> ResponseReturnValue:
    """All accounts, and the form for a new one."""
    people, awaited = parts().storage.read(lambda tx: (tx.staff.all(), tx.invitations.awaited(now())))
    people.sort(key=lambda each: (each.disabled, each.alias.casefold()))
    return render_template(
        "console/staff.html", people=people, awaited=awaited, roles=grantable(me()), trained=TRAINED
    )


def add() -> ResponseReturnValue:
    """A new account, and its link: shown once, here, and e-mailed where that can be done."""
    role, trained = request.form.get("role", ""), _trained()
    if role not in grantable(me()):
        flash(t("staff.incomplete"), "error")
        return redirect(url_for("console.staff_page"))
    alias, email, login = line("alias", 60), line("email", 200), line("login", 120)
    by = me().id
    try:
        other, token = parts().storage.write(
            lambda tx: accounts.add(
                tx, now(), by, alias=alias, role=Role(role), email=email, login=login, trained=trained
            )
        )
    except NotPossible as wrong:
        flash(t(f"account.{wrong}"), "error")
        return redirect(url_for("console.staff_page"))
    return _person(other, token)


def person_page(staff_id: int) -> ResponseReturnValue:
    """One account."""
    return _person(_other(staff_id))


def _person(other: Staff, token: str = "") -> str:
    has_factor, places, awaited = parts().storage.read(
        lambda tx: (
            tx.factors.secret(other.id) is not None,
            len(tx.sessions.of(other.id, now())),
            tx.invitations.awaited(now()).get(other.id),
        )
    )
    link = link_to(token) if token else ""
    holds = parts().act.mine(other)
    return render_template(
        "console/person.html",
        person=other,
        email=email_of(other),
        roles=grantable(me()),
        trained=TRAINED,
        has_factor=has_factor,
        places=places,
        holds=len(holds),
        danger=sum(map(is_danger, holds)),
        awaited=awaited,
        link=link,
        told=tell(other, "welcome" if other.seen_at is None else "password", link=link) if link else "",
        code=token,
    )


def _other(staff_id: int) -> Staff:
    """The account, if this person may change it."""
    other = parts().storage.read(lambda tx: tx.staff.get(staff_id))
    if other is None:
        abort(404)
    if other.id == me().id or other.role not in grantable(me()):
        abort(403)
    return other


def change(staff_id: int) -> ResponseReturnValue:
    """Another role, another level of training."""
    other, role, trained, by = _other(staff_id), request.form.get("role", ""), _trained(), me().id
    if role not in grantable(me()):
        abort(400)

    def save(tx: Tx) -> None:
        if role != other.role:
            tx.staff.set_role(other.id, Role(role))
            if role not in HELPERS:
                tx.staff.set_duty(other.id, Duty.OFF, now())  # else alerts would go on waiting for them
            tx.audit.add(now(), by, "role_changed", None, f"{other.id}:{role}")
        if trained != other.trained:
            tx.staff.set_trained(other.id, trained)
            tx.audit.add(now(), by, "training_changed", None, f"{other.id}:{trained}")

    parts().storage.write(save)
    flash(t("more.saved"))
    return redirect(url_for("console.person_page", staff_id=other.id))


def _trained() -> Trained:
    wanted = request.form.get("trained", "basic")
    if wanted not in TRAINED:
        abort(400)
    return cast(Trained, wanted)


def disable(staff_id: int) -> ResponseReturnValue:
    """Stop an account at once; all its sessions end, and what its owner had goes back to the queue.

    With somebody in danger among them it takes a tick beside the warning.
    """
    other = _other(staff_id)
    if request.form.get("sure") != "1" and any(map(is_danger, parts().act.mine(other))):
        flash(t("person.danger_first", alias=other.alias), "error")
        return redirect(url_for("console.person_page", staff_id=other.id))

    def save(tx: Tx) -> None:
        tx.staff.disable(other.id, now())
        tx.audit.add(now(), me().id, "staff_disabled", None, str(other.id))

    parts().storage.write(save)
    flash(t("staff.disabled_done", alias=other.alias))
    return redirect(url_for("console.staff_page"))


def reopen(staff_id: int) -> ResponseReturnValue:
    """A stopped account opens again, with a link to choose a password."""
    other, by = _other(staff_id), me().id
    if not other.disabled:
        abort(404)
    try:
        token = parts().storage.write(lambda tx: accounts.reopen(tx, other, now(), by))
    except NotPossible as wrong:
        flash(t(f"account.{wrong}"), "error")
        return redirect(url_for("console.person_page", staff_id=other.id))
    return _person(_other(other.id), token)


def reset(staff_id: int) -> ResponseReturnValue:
    """A link to choose a new password; the old one and all sessions end."""
    other, by = _open(staff_id), me().id
    token = parts().storage.write(lambda tx: accounts.new_password_link(tx, other, now(), by))
    return _person(other, token)


def reset_factor(staff_id: int) -> ResponseReturnValue:
    """The phone is lost: the second factor and all sessions end, and the person is told."""
    other, by = _open(staff_id), me().id
    parts().storage.write(lambda tx: accounts.remove_second_factor(tx, other, now(), by))
    told = tell(other, "factor_removed") == "sent"
    flash(t("person.factor_removed_told" if told else "person.factor_removed", alias=other.alias))
    return redirect(url_for("console.person_page", staff_id=other.id))


def end_sessions(staff_id: int) -> ResponseReturnValue:
    """Sign somebody out everywhere."""
    other, by = _open(staff_id), me().id

    def save(tx: Tx) -> None:
        tx.sessions.end_all(other.id)
        tx.audit.add(now(), by, "sessions_ended", None, str(other.id))

    parts().storage.write(save)
    flash(t("person.signed_out", alias=other.alias))
    return redirect(url_for("console.person_page", staff_id=other.id))


def _open(staff_id: int) -> Staff:
    """As `_other`, for what makes no sense with a stopped account."""
    other = _other(staff_id)
    if other.disabled:
        abort(404)
    return other
