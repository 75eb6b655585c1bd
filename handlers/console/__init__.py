"""The supporters' console: a Flask blueprint under /console."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from handlers.console import guard, refresh, routes, shell, squeeze
from handlers.console.live import Live
from handlers.console.page_sessions import PageSessions
from handlers.console.parts import ConsoleParts, parts
from handlers.console.words import known
from storage import StorageUnavailable

__all__ = ["ConsoleParts", "Live", "blueprint"]


def blueprint(services: ConsoleParts) -> Blueprint:
    """The console; mount it as it is. The application must set SECRET_KEY."""
    console = Blueprint(
        "console",
        __name__,
        url_prefix="/console",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )

    @console.record_once
    def set_up(state: BlueprintSetupState) -> None:
        app = state.app
        app.extensions["peersupport-console"] = services
        app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the webhook has its own signature
        app.config.setdefault(
            "WTF_CSRF_TIME_LIMIT", None
        )  # as long as the session: a draft must not be refused
        # The token is bound to a SameSite cookie and cross-site posts are refused by the guard; behind a
        # proxy that does not forward the host, the referrer check would refuse our own pages.
        app.config.setdefault("WTF_CSRF_SSL_STRICT", False)
        app.config["SESSION_COOKIE_SECURE"] = services.secure_cookies
        app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
        app.config["SESSION_COOKIE_HTTPONLY"] = True
        app.config["SESSION_COOKIE_PATH"] = "/console"
        app.session_interface = PageSessions()
        guard.csrf.init_app(app)
        for code in (404, 405):  # an address that is nobody's has no blueprint
            app.register_error_handler(code, _nowhere)

    console.before_request(guard.guard)
    console.after_request(_headers)
    console.after_request(squeeze.squeezed)
    console.context_processor(shell.context)
    console.context_processor(lambda: {"part": refresh.part})
    console.register_error_handler(HTTPException, _refused)
    console.register_error_handler(StorageUnavailable, _not_kept)
    routes.add_to(console)
    return console


def _headers(response: Response) -> Response:
    frame = parts().frame_ancestors
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {frame}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    if request.endpoint != "console.static":
        response.headers["Cache-Control"] = "no-store"  # nothing of a conversation stays on a shared machine
    return response


def _refused(error: HTTPException) -> ResponseReturnValue:
    """A refusal in words, for people; scripts look at the status."""
    if error.code is None or error.code < 400:
        return error.get_response()
    code = "csrf" if isinstance(error, CSRFError) else str(error.code)
    g.setdefault("language", "nb")
    page = render_template("console/refused.html", key=known("refused", code), **shell.context())
    return make_response(page, error.code)


def _nowhere(error: HTTPException) -> ResponseReturnValue:
    """An old link, or one that was typed: under the console, said by the console."""
    if not request.path.startswith("/console/"):
        return error.get_response()
    g.setdefault("language", guard.guess_language())
    return _headers(make_response(_refused(error)))


def _not_kept(error: StorageUnavailable) -> ResponseReturnValue:
    """Nothing was kept. The page's own text box still has what was written."""
    g.setdefault("language", "nb")
    return make_response(render_template("console/refused.html", key=known("refused", "503")), 503)
