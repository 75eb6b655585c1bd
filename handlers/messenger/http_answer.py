"""Reading an HTTP answer as its bytes come (RFC 9112), with nothing that Graph does not send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LARGEST = 1_000_000  # bytes of an answer
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: |$)")
_NO_BODY = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph, or something in between, answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AnswerReader:
    """One answer in the making. `may_stay`: the connection may be used again after it."""

    __slots__ = ("_data", "_headers", "_length", "_status", "may_stay")

    def __init__(self) -> None:
        self._data = b""
        self._status = 0  # not read yet
        self._headers: dict[str, str] = {}
        self._length: int | None = None  # None: in chunks, or until the connection ends
        self.may_stay = False

    def feed(self, data: bytes) -> Answer | None:
        """The answer, once it is whole. Raises ValueError for what is no HTTP, or too much."""
        self._data += data
        if len(self._data) > _LARGEST:
            raise ValueError("too much")
        while not self._status:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return None
            self._data = rest
            self._read_head(head)
        if self._is_chunked:
            body = _from_chunks(self._data)
        elif self._length is not None and len(self._data) >= self._length:
            self.may_stay = self.may_stay and len(self._data) == self._length
            body = self._data[: self._length]
        else:
            body = None
        return None if body is None else Answer(self._status, self._headers, body)

    def ended(self) -> Answer | None:
        """The answer, if it was to last until the connection ends, which it now has."""
        if not self._status or self._is_chunked or self._length is not None:
            return None
        return Answer(self._status, self._headers, self._data)

    @property
    def _is_chunked(self) -> bool:
        return "transfer-encoding" in self._headers

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        found = _STATUS.match(first)
        if found is None:
            raise ValueError("no HTTP")
        status = int(found[2])
        if status < 200:  # "go on" and the like; the answer follows
            return
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise ValueError("no header")
            headers[name.strip().lower()] = value.strip()
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise ValueError("packed in a way that nobody asked for")
        length = headers.get("content-length")
        if length is not None and not (length.isascii() and length.isdecimal() and len(length) < 10):
            raise ValueError("no length")
        self._status, self._headers = status, headers
        self._length = 0 if status in _NO_BODY else None if length is None else int(length)
        delimited = self._length is not None or self._is_chunked
        kept = "close" not in headers.get("connection", "").lower()
        self.may_stay = found[1] == b"1" and kept and delimited


def _from_chunks(data: bytes) -> bytes | None:
    """The chunks put together; None while the last one is missing. Raises ValueError for what is none."""
    body, at = b"", 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(data[at:end].partition(b";")[0], 16)
        if size < 0:
            raise ValueError("no size")
        if size == 0:
            return body if data.endswith(b"\r\n\r\n") else None
        start = end + 2
        if len(data) < start + size + 2:
            return None
        body += data[start : start + size]
        at = start + size + 2
