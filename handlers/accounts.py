"""Accounts, for the console and the command line alike: new ones, and links instead of passwords.

Nobody but its owner ever knows a password: whoever adds a person, or helps one who forgot, hands on a link.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from bot.errors import NotPossible
from handlers.reaching import contact_of
from storage import Tx
from storage.errors import StorageError
from storage.invitations import Purpose
from storage.profile import Trained
from storage.records import Role, Staff

LINK_LIVES = timedelta(hours=72)
ALIAS_LENGTH = 30
LOGIN_LENGTH = 100


def token_hash(token: str) -> bytes:
    """What the store keeps of a link's token."""
    return hashlib.sha256(token.encode()).digest()


def link_address(console_url: str, token: str) -> str:
    """The link. Its token is behind the #: browsers send that to nobody, so no log and no referrer has it."""
    return f"{console_url.rstrip('/')}/welcome#{token}"


def token_of(pasted: str) -> str:
    """The token, of a pasted code or a whole pasted link."""
    return pasted.rpartition("#")[2].strip()


def new_link(tx: Tx, staff_id: int, purpose: Purpose, now: datetime, by: int | None) -> str:
    """A link's token, which is never seen again; the account's older links end."""
    token = secrets.token_urlsafe(24)
    tx.invitations.add(staff_id, purpose, token_hash(token), now, now + LINK_LIVES)
    tx.audit.add(now, by, "link_made", None, f"{staff_id}:{purpose}")
    return token


def add(
    tx: Tx,
    now: datetime,
    by: int | None,
    *,
    alias: str,
    role: Role,
    email: str = "",
    login: str = "",
    trained: Trained = "basic",
) -> tuple[Staff, str]:
    """A new account without a password, and the token of the link that lets its owner choose one.

    Without a `login` it is the e-mail address, else made of the alias. Raises NotPossible with the reason: one of
    `alias_problem`, "email", "login" (too long) or "login_taken".
    """
    problem = alias_problem(tx, alias)
    if problem:
        raise NotPossible(problem)
    address, _ = contact_of(email, None)
    login = login.strip() or address or _free_login(tx, alias)
    if len(login) > LOGIN_LENGTH:
        raise NotPossible("login")
    if tx.staff.by_login(login) is not None:
        raise NotPossible("login_taken")
    try:
        staff_id = tx.staff.add(login, alias, role, "", now)
    except StorageError as error:  # two at once
        if "taken" not in str(error):
            raise
        raise NotPossible("login_taken") from None
    if address:
        tx.staff.set_contact(staff_id, email=address, phone=None)
    tx.staff.set_trained(staff_id, trained)
    tx.audit.add(now, by, "staff_added", None, f"{staff_id}:{role}")
    staff = tx.staff.get(staff_id)
    assert staff is not None  # noqa: S101 - just added
    return staff, new_link(tx, staff_id, "welcome", now, by)


def new_password_link(tx: Tx, staff: Staff, now: datetime, by: int | None) -> str:
    """The old password and every session end; the token of the link that lets the owner choose another."""
    tx.staff.set_password(staff.id, "")
    tx.sessions.end_all(staff.id)
    tx.audit.add(now, by, "password_reset", None, str(staff.id))
    return new_link(tx, staff.id, "welcome" if staff.seen_at is None else "password", now, by)


def reopen(tx: Tx, staff: Staff, now: datetime, by: int | None) -> str:
    """A stopped account opens again; the token of the link that lets its owner choose a password.

    Raises NotPossible("alias_taken") when somebody else has the name by now.
    """
    problem = alias_problem(tx, staff.alias, staff.id)
    if problem:
        raise NotPossible(problem)
    tx.staff.enable(staff.id)
    tx.audit.add(now, by, "staff_reopened", None, str(staff.id))
    return new_password_link(tx, staff, now, by)


def remove_second_factor(tx: Tx, staff: Staff, now: datetime, by: int | None) -> None:
    """The phone is lost: sessions end, and at the next sign-in a second factor is set up anew."""
    tx.factors.remove(staff.id)
    tx.sessions.end_all(staff.id)
    tx.audit.add(now, by, "second_factor_removed", None, str(staff.id))


def alias_problem(tx: Tx, alias: str, own_id: int | None = None) -> str | None:
    """What is wrong with a name for students: "alias_length", "alias_odd", "alias_taken"; None when it will do."""
    if not 1 <= len(alias) <= ALIAS_LENGTH:
        return "alias_length"
    if not any(sign.isalpha() for sign in alias) or any(sign in "@/\\<>{}" for sign in alias):
        return "alias_odd"
    for other in tx.staff.all():
        if other.id != own_id and not other.disabled and other.alias.casefold() == alias.casefold():
            return "alias_taken"
    return None


def _free_login(tx: Tx, alias: str) -> str:
    """The alias as a user name, with a number behind it if somebody has that."""
    base = "".join(sign for sign in alias.casefold() if sign.isalnum()) or "person"
    number = 1
    while tx.staff.by_login(base if number == 1 else f"{base}{number}") is not None:
        number += 1
    return base if number == 1 else f"{base}{number}"
