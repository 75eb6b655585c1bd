"""The link that a new person gets, or one who forgot the password: choose a password that nobody else knows.

The token stands behind the # of the link, so the address we see is always the same. welcome.js puts it into the form;
without scripts it is pasted there.
"""

from __future__ import annotations

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers import accounts
from handlers.console import auth
from handlers.console.parts import now, parts
from handlers.console.passwords import hash_password, password_problem
from storage import Tx
from storage.invitations import Invitation
from storage.records import Staff


def welcome() -> ResponseReturnValue:
    """Take the code, then the new password."""
    if request.method == "GET":
        return auth.page("welcome")
    token = accounts.token_of(request.form.get("code", "")[:500])
    found = parts().storage.read(lambda tx: _find(tx, token))
    if found is None:
        return auth.page("welcome", error="welcome.unknown", status=404)
    link, staff = found
    if link.state != "open":
        return auth.page("welcome", error=f"welcome.{link.state}", status=410)
    new = request.form.get("new")
    if new is None:
        return auth.page("password", code=token, person=staff, purpose=link.purpose)
    problem = password_problem(new, g.language, staff.login)
    if problem:
        return auth.page(
            "password", code=token, person=staff, purpose=link.purpose, problem=problem, status=400
        )
    hashed = hash_password(new)
    if not parts().storage.write(lambda tx: _choose(tx, link, token, hashed, g.language)):
        return auth.page("welcome", error="welcome.used", status=410)
    return auth.after_password(staff, hashed)


def _find(tx: Tx, token: str) -> tuple[Invitation, Staff] | None:
    link = tx.invitations.find(accounts.token_hash(token), now())
    staff = tx.staff.get(link.staff_id) if link else None
    return (link, staff) if link and staff and not staff.disabled else None


def _choose(tx: Tx, link: Invitation, token: str, hashed: str, language: str) -> bool:
    """The link is spent, and the password is theirs. False: somebody was first."""
    if not tx.invitations.use(accounts.token_hash(token), now()):
        return False
    tx.staff.set_password(link.staff_id, hashed)
    tx.sessions.end_all(link.staff_id)
    if link.purpose == "welcome":
        tx.staff.set_language(link.staff_id, language)
    tx.audit.add(now(), link.staff_id, "password_chosen", None, link.purpose)
    return True
