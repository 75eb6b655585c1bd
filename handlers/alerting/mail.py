"""Alerts, letters and news of shifts by e-mail, through the mail server that SMTP_URL names."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from handlers.alerting.notice import ChannelFailed, Notice

TIMEOUT_SECONDS = 8.0  # for each answer of the server,
LIMIT_SECONDS = 15.0  # and for all of it, however slowly the server sends its bytes
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Mail:
    """`smtps://` speaks TLS from the start; `smtp://` must offer STARTTLS unless the server is this machine."""

    def __init__(
        self,
        url: str,
        *,
        sender: str,
        context: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> None:
        parts = urlsplit(url)
        self._implicit = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._implicit else 587)
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._sender = sender
        self._domain = sender.rpartition("@")[2] or "localhost"
        self._context = context or ssl.create_default_context()
        self._timeout = min(timeout_seconds, limit_seconds)
        self._limit = limit_seconds

    def tell(self, notice: Notice) -> tuple[int, ...]:
        """Hand it to the mail server, which says yes or no."""
        if not notice.email:
            raise ChannelFailed("no_address", again=False)
        message = self._message(notice.email, notice.title, notice.text, notice.at, notice.key)
        if notice.kind not in ("rota", "mention"):
            message["X-Priority"] = "1"
        self._hand_over(message, notice.email)
        return ()

    def write(self, to: str, title: str, text: str, at: datetime, key: str) -> None:
        """A letter that is no alert. Raises ChannelFailed."""
        self._hand_over(self._message(to, title, text, at, key), to)

    def _hand_over(self, message: EmailMessage, to: str) -> None:
        try:
            with self._server() as server:
                self._secure(server)
                self._sign_in(server)
                server.send_message(message, self._sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise ChannelFailed("mail_refused", again=all(code < 500 for code in codes)) from None
        except smtplib.SMTPResponseException as error:
            raise ChannelFailed("mail_refused", again=error.smtp_code < 500) from None
        except (smtplib.SMTPException, OSError):  # TimeoutError and ssl.SSLError are OSErrors
            raise ChannelFailed("no_connection", again=True) from None

    def _server(self) -> smtplib.SMTP:
        where = (self._host, self._port, self._domain)
        limits = {"limit_seconds": self._limit, "timeout": self._timeout}
        if self._implicit:
            return _BoundedTls(*where, **limits, context=self._context)
        return _Bounded(*where, **limits)

    def _secure(self, server: smtplib.SMTP) -> None:
        if self._implicit:
            return
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=self._context)
            server.ehlo()
        elif self._host not in _LOOPBACK:
            raise ChannelFailed("mail_no_tls", again=False)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        if not self._login:
            return
        try:
            server.login(*self._login)
        except smtplib.SMTPException:  # many servers hang up on a wrong password
            raise ChannelFailed("mail_sign_in", again=True) from None

    def _message(self, to: str, title: str, text: str, at: datetime, key: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = title
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{key}@{self._domain}>"  # at every try the same: doubles can be told
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message


class _Bounded(smtplib.SMTP):
    """Is cut off so many seconds after it was connected: smtplib's own timeout begins anew with every byte."""

    limit_seconds: float
    _watch: threading.Timer | None = None

    def __init__(self, *where: Any, limit_seconds: float, **options: Any) -> None:
        self.limit_seconds = limit_seconds
        super().__init__(*where, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        # A copy: TLS takes the socket itself over, now or later.
        self._watch = threading.Timer(self.limit_seconds, _cut, (found.dup(),))
        self._watch.daemon = True
        self._watch.start()
        return found

    def close(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            watch.args[0].close()
        super().close()


class _BoundedTls(smtplib.SMTP_SSL, _Bounded):
    """The same with TLS from the start."""

    def __init__(self, *where: Any, limit_seconds: float, **options: Any) -> None:
        self.limit_seconds = limit_seconds
        smtplib.SMTP_SSL.__init__(self, *where, **options)


def _cut(copy: socket.socket) -> None:
    with copy, contextlib.suppress(OSError):
        copy.shutdown(socket.SHUT_RDWR)
