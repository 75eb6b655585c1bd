"""HTTP to Graph: one pool of kept connections, and network trouble as errors that say what may have happened."""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util.retry import Retry

from handlers.messenger.errors import SendError


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph, or something in between, answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One pool of connections. Repeats only what was never sent: Meta has no idempotency key."""

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
        self._base_url, self._timeout = base_url, (connect_timeout, read_timeout)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "*/*",
            "User-Agent": "peersupport",
        }
        retries = Retry(total=None, connect=2, read=0, redirect=0, status=0, other=0, backoff_factor=0.1)
        # The adapter alone, without a Session around it: a Session would look for proxies and .netrc, which
        # could take the token elsewhere, keep cookies and follow redirects; and its merging of settings
        # cost more than the call itself.
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=retries)
        self._prepare = lru_cache(maxsize=64)(self._prepare_once)

    def call(self, method: str, path: str, params: Mapping[str, str], body: object) -> Answer:
        """One call. Raises SendError when there is no answer; it holds nothing of the request."""
        request = self._prepare(method, path, tuple(sorted(params.items()))).copy()
        if body is not None:
            request.body = json.dumps(body, allow_nan=False).encode()
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(request.body))
        try:
            response = self._adapter.send(request, timeout=self._timeout, verify=True)
            return Answer(response.status_code, response.headers, response.content)
        except requests.RequestException as error:
            unsent = _never_sent(error)
        # Raised here, outside, so that not even the exception's context leads back to the request.
        if unsent:
            raise SendError("graph_unreachable", kind="retry")
        raise SendError("no_answer", kind="unknown")

    def _prepare_once(
        self, method: str, path: str, params: tuple[tuple[str, str], ...]
    ) -> requests.PreparedRequest:
        """All of a call but its body; made once for each address."""
        url = f"{self._base_url}/{path}"
        return requests.Request(method, url, params=params, headers=self._headers).prepare()

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the request surely did not leave: no connection, no name, no valid certificate."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, Urllib3SSLError):  # other TLS trouble can also come in the middle of an answer
        return any(isinstance(detail, ssl.SSLCertVerificationError) for detail in reason.args)
    return isinstance(reason, ConnectTimeoutError)  # no name and no connection are kinds of it
