"""Flask's session cookie, which carries flashed lines and the state of a sign-in, for the console's pages alone."""

from __future__ import annotations

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface


class PageSessions(SecureCookieSessionInterface):
    """Making ready to read the cookie takes a tenth of a webhook's time, and only pages are sent one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session; None where the cookie's path does not reach."""
        if not request.path.startswith(self.get_cookie_path(app)):
            return None
        return super().open_session(app, request)
