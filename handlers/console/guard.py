"""The guard before every page: closed unless the table of routes opens it to this role."""

from __future__ import annotations

from flask import abort, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

from handlers.console import sessions
from handlers.console.routes import BACKGROUND, OPEN, WHO
from handlers.console.words import LANGUAGES

csrf = CSRFProtect()
MOST = 2**63 - 1  # a database's largest whole number


def guard() -> ResponseReturnValue | None:
    """Before every request: who asks, the CSRF token, and whether this role may."""
    endpoint = (request.endpoint or "").removeprefix("console.")
    background = endpoint in BACKGROUND or request.headers.get("X-Background") == "1"
    staff = sessions.signed_in(background=background)
    g.staff, g.language = staff, staff.language if staff else guess_language()
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method not in ("GET", "HEAD"):
        abort(403)
    csrf.protect()
    if endpoint in OPEN:
        return None
    if staff is None:
        if request.method == "GET" and not background:
            return redirect("/console/sign-in")
        abort(401)
    if staff.role not in WHO.get(endpoint, frozenset()):
        abort(403)
    if any(isinstance(value, int) and value > MOST for value in (request.view_args or {}).values()):
        abort(404)  # no database has a row of that number
    return None


def guess_language() -> str:
    """Of somebody who is not signed in: what they chose, else what their browser asks for."""
    asked = request.values.get("language")
    return asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "nb"
