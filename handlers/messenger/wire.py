"""Reading values that somebody else wrote: JSON, ids, texts and instants of any shape, without surprises."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta

ID_LENGTH = 1000  # message ids are about 120 characters; what is longer is replaced by its hash
PSID_LENGTH = 128
DIGITS = 30  # Python refuses to turn more than 4300 digits into a number; no honest one has more than 20

_UNWANTED = re.compile(r"[\x00\ud800-\udfff]")  # no database takes NUL, and no encoder a lone surrogate
_EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)  # before this there was no Facebook
_LATEST = datetime(4000, 1, 1, tzinfo=UTC)
_SLACK = timedelta(minutes=10)  # clocks differ; a later instant would stretch the messaging window
_HASHED_BYTES = 65_536


def loads(data: bytes | str) -> object:
    """JSON as Python values; numbers too long to be honest, and NaN, become None.

    Raises ValueError for anything that is not JSON, too deeply nested JSON included.
    """
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
        return _decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _short_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= DIGITS else None


# `json.loads` would make a decoder for each text.
_decode = json.JSONDecoder(parse_int=_short_int, parse_constant=lambda _: None).decode


def graph_time(value: object) -> datetime | None:
    """ "2026-11-25T12:00:00+0000", as Graph writes it, which is to the second."""
    try:
        at = datetime.fromisoformat(text(value) or "")
    except ValueError:
        return None
    return at if at.tzinfo else None


def mapping(value: object) -> dict[str, object]:
    """The JSON object itself, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """The JSON list itself, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """A text or number as text, without NUL and lone surrogates; None when nothing is left of it."""
    if isinstance(value, str):
        return _UNWANTED.sub("", value) or None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**DIGITS:
        return str(value)
    return None


def short(value: object, length: int) -> str | None:
    """As `text`, at most `length` characters."""
    found = text(value)
    return found[:length] if found else None


def message_id(value: object) -> str | None:
    """A message id. One that is absurdly long is replaced by its hash, so that it stays the same id."""
    found = (text(value) or "").strip()
    if len(found) > ID_LENGTH:
        return f"long-{digest(found)}"
    return found or None


def person_id(value: object) -> str | None:
    """The `id` of a sender or recipient, or an id itself; None when it cannot be one."""
    found = (text(value.get("id") if isinstance(value, dict) else value) or "").strip()
    return found if 0 < len(found) <= PSID_LENGTH else None


def is_true(value: object) -> bool:
    """Meta sends true; some relays send 1 or "true"."""
    return value is True or value == 1 or (isinstance(value, str) and value.lower() == "true")


def whole(value: object) -> int | None:
    """A whole number, also when written as text or as 3.0; None for anything else or absurdly large."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        stripped = value.strip()
        if len(stripped) > DIGITS or not re.fullmatch(r"-?[0-9]+", stripped):
            return None
        value = int(stripped)
    if isinstance(value, float):
        if not abs(value) < 1e18:  # so written that NaN is refused too
            return None
        value = int(value)
    return value if isinstance(value, int) and abs(value) < 10**DIGITS else None


def instant(value: object, now: datetime) -> datetime | None:
    """Milliseconds since 1970 (seconds, when below 1e11) as an aware UTC instant.

    None when it is missing, mistyped, before 2004, or more than ten minutes after `now`.
    """
    number = whole(value)
    if number is None or number <= 0:
        return None
    milliseconds = number * 1000 if number < 10**11 else number
    if milliseconds > 10**14:  # the year 5138; beyond, datetime itself gives up
        return None
    at = datetime.fromtimestamp(milliseconds // 1000, UTC) + timedelta(milliseconds=milliseconds % 1000)
    return at if _EARLIEST <= at <= now + _SLACK else None


def passed(value: object, now: datetime) -> datetime | None:
    """As `instant`, of something that has happened: what lies ahead of our clock, which can be behind, is now."""
    at = instant(value, _LATEST)
    return None if at is None else min(at, now)


def digest(value: object) -> str:
    """SHA-256 of the value's canonical JSON, of which at most the first 64 kB and the length count."""
    try:
        written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):  # huge numbers, mixed keys, deep nesting
        written = f"unwritable {type(value).__name__}"
    data = written.encode("ascii", "replace")
    return hashlib.sha256(b"%d:%s" % (len(data), data[:_HASHED_BYTES])).hexdigest()
