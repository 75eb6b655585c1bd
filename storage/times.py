"""Times in the database are whole milliseconds since 1970, so that they sort and compare on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970, rounded down. `at` must be aware; a naive time raises TypeError."""
    return (at - _EPOCH) // _MILLISECOND


def ms_or_none(at: datetime | None) -> int | None:
    """As `to_ms`, with None for none."""
    return None if at is None else to_ms(at)


def from_ms(ms: int) -> datetime:
    """The aware UTC time that `to_ms` wrote."""
    return _EPOCH + ms * _MILLISECOND


def from_ms_or_none(ms: int | None) -> datetime | None:
    """As `from_ms`, with None for none."""
    return None if ms is None else from_ms(ms)
