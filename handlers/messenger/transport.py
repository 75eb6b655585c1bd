"""HTTP to Graph: one pool of kept connections, and network trouble as errors that say what may have happened."""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from certifi import where
from urllib3 import Retry, Timeout, connection_from_url
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, SSLError

from handlers.messenger.errors import SendError
from handlers.messenger.http_answer import Answer
from handlers.messenger.many_calls import Done, ManyCalls

_encode = json.JSONEncoder(allow_nan=False).encode  # `json.dumps` would make one for each call


class Transport:
    """One pool of connections for single calls, and a loop for many at once.

    Repeats only what was never sent: Meta has no idempotency key.
    """

    def __init__(
        self, base_url: str, token: str, connect_timeout: float, read_timeout: float, pool_size: int
    ) -> None:
        """Raises ValueError for plain http to another machine, where the token would travel readably, and
        for a token that no header can carry.
        """
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError("PAGE_ACCESS_TOKEN is empty or has a blank or a strange character in it")
        parts = urlsplit(base_url)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("GRAPH_API_URL must begin with https:// unless it is on this machine")
        # At their usual levels urllib3's loggers write whole URLs, and with them the app secret proof.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._base_path = parts.path.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "*/*",
            "User-Agent": "peersupport",
        }
        self._headers_with_body = self._headers | {"Content-Type": "application/json"}
        # The pool alone, without requests' Session around it: a Session would look for proxies and .netrc, which
        # could take the token elsewhere, keep cookies and follow redirects; and it costs more than the call itself.
        retries = Retry(total=None, connect=2, read=0, redirect=0, status=0, other=0, backoff_factor=0.1)
        settings: dict[str, Any] = {
            "maxsize": pool_size,
            "timeout": Timeout(connect=connect_timeout, read=read_timeout),
            "retries": retries,
        }
        if parts.scheme == "https":
            settings |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": where()}
        self._pool = connection_from_url(base_url, **settings)
        self._path = lru_cache(maxsize=64)(self._path_once)
        self._many = ManyCalls(base_url, self._headers_with_body, connect_timeout, read_timeout)

    def call(self, method: str, path: str, params: Mapping[str, str], body: object) -> Answer:
        """One call. Raises SendError when there is no answer; it holds nothing of the request."""
        where_to = self._path(path, tuple(sorted(params.items())))
        data, headers = None, self._headers
        if body is not None:
            data, headers = _encode(body).encode(), self._headers_with_body
        try:
            response = self._pool.urlopen(method, where_to, body=data, headers=headers, redirect=False)
            return Answer(response.status, response.headers, response.data)
        except HTTPError as error:
            unsent = _never_sent(error)
        # Raised here, outside, so that not even the exception's context leads back to the request.
        if unsent:
            raise SendError("graph_unreachable", kind="retry")
        raise SendError("no_answer", kind="unknown")

    def soon(self, work: Callable[[], None]) -> None:
        """Run this where `post` may be called."""
        self._many.soon(work)

    def post(
        self, path: str, params: Mapping[str, str], body: object, leaves: Callable[[], None], done: Done
    ) -> None:
        """As `call`, without waiting for the answer, which `done` gets; or the SendError. `leaves` is called just
        before the request leaves, and not where it does not.
        """
        data = _encode(body).encode()
        self._many.post(self._path(path, tuple(sorted(params.items()))), data, leaves, done)

    def _path_once(self, path: str, params: tuple[tuple[str, str], ...]) -> str:
        """Path and query of a call, made once for each."""
        query = f"?{urlencode(params)}" if params else ""
        return f"{self._base_path}/{quote(path)}{query}"

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._many.close()


def _never_sent(error: HTTPError) -> bool:
    """Whether the request surely did not leave: no connection, no name, no valid certificate."""
    reason = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(reason, SSLError):  # other TLS trouble can also come in the middle of an answer
        return any(isinstance(detail, ssl.SSLCertVerificationError) for detail in reason.args)
    return isinstance(reason, ConnectTimeoutError)  # no name and no connection are kinds of it
