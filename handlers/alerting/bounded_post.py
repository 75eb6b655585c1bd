"""One POST that ends in time: no redirects, no proxies, the answer's body unread, HTTPS unless on this machine.

What an operator writes into the environment may be on this machine or beside it. What a member of staff gives us may
not (`public`): see `handlers.alerting.public_address`.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from handlers.alerting.notice import ChannelFailed
from handlers.alerting.public_address import NotPublicError, PublicConnection, is_public

LIMIT_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def address_problem(url: str, *, public: bool = False) -> str | None:
    """Why nothing may be sent there; None: it may. What a name leads to is only known once it is called."""
    try:
        parts = urlsplit(url)
        fits = parts.hostname and (parts.port or 1) and not parts.username and not parts.fragment
    except ValueError:
        return "is no address"
    if not fits or not url.isascii() or any(sign <= " " for sign in url):
        return "is no address"
    if public:
        return _public_problem(parts.scheme, parts.hostname or "")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return None
    return "must begin with https://"


def _public_problem(scheme: str, host: str) -> str | None:
    if scheme != "https":
        return "must begin with https://"
    host = host.rstrip(".")
    is_number = ":" in host or host.replace(".", "").isdigit()
    is_near = host in _LOOPBACK or host.endswith((".localhost", ".local", ".internal")) or "." not in host
    if is_public(host) if is_number else not is_near:
        return None
    return "must be on the internet"


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    limit_seconds: float = LIMIT_SECONDS,
    context: ssl.SSLContext | None = None,
    public: bool = False,
) -> int:
    """The status of the answer. Raises ChannelFailed: `unknown` once the words may have left.

    `limit_seconds` is for all of it, however slowly the other side sends its bytes.
    """
    if address_problem(url, public=public):
        raise ChannelFailed("bad_address", again=False)
    parts = urlsplit(url)
    connection = _connection(parts, limit_seconds, context, public=public)
    is_over = threading.Event()
    watch = threading.Timer(limit_seconds, _cut, (connection, is_over))
    watch.daemon = True
    watch.start()
    sent = False
    try:
        connection.connect()
        if is_over.is_set():  # before there was a socket to cut
            raise ChannelFailed("no_connection", again=True)
        sent = True
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers=dict(headers))
        status = connection.getresponse().status
        if is_over.is_set():  # an answer that was cut off is none
            raise ChannelFailed("no_answer", again=True, unknown=True)
        return status
    except NotPublicError:
        raise ChannelFailed("bad_address", again=False) from None
    except (OSError, HTTPException, UnicodeError):  # UnicodeError: a name that is none
        raise ChannelFailed("no_answer" if sent else "no_connection", again=True, unknown=sent) from None
    finally:
        watch.cancel()
        connection.close()


def outcome(status: int) -> None:
    """Raises ChannelFailed unless the answer means yes."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise ChannelFailed("redirected", again=False)
    raise ChannelFailed(f"http_{status}", again=status in (408, 425, 429) or status >= 500)


def _connection(
    parts: SplitResult, limit: float, context: ssl.SSLContext | None, *, public: bool
) -> HTTPConnection:
    host = parts.hostname or ""
    if public:
        safe = context or ssl.create_default_context()
        return PublicConnection(host, parts.port, timeout=limit, context=safe)
    if parts.scheme == "https":
        return HTTPSConnection(
            host, parts.port, timeout=limit, context=context or ssl.create_default_context()
        )
    return HTTPConnection(host, parts.port, timeout=limit)


def _cut(connection: HTTPConnection, is_over: threading.Event) -> None:
    """The time is over: whoever waits for this socket stops waiting."""
    is_over.set()
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
