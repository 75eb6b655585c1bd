"""Style sheet and script in gzip: half of what a phone waits for on its first page.

Pages are left as they are: they hold secrets beside what somebody wrote, and the length of a compressed page would
tell about both (https://breachattack.com/).
"""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Response, request

_TEXT = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")


def squeezed(response: Response) -> Response:
    """A static file, in gzip where the browser takes it."""
    if request.endpoint != "console.static" or response.mimetype not in _TEXT:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if response.status_code != 200 or request.accept_encodings.quality("gzip") <= 0:
        return response
    response.direct_passthrough = False
    body = _gzip(response.get_data())
    tag = response.get_etag()[0]
    response.set_data(body)
    response.headers["Content-Encoding"] = "gzip"
    if tag:
        response.set_etag(tag, weak=True)  # the same file, in other bytes
    return response


@lru_cache(maxsize=16)
def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
