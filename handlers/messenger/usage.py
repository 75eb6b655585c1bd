"""How much of Meta's rate limits is used up, as its answers tell.

Source: Graph API, "Rate limiting": X-App-Usage and X-Business-Use-Case-Usage carry JSON with percentages, the
latter a list for each business with `estimated_time_to_regain_access` in minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handlers.messenger import wire

_FIGURES = ("call_count", "total_cputime", "total_time")


def percent(headers: Mapping[str, str]) -> int | None:
    """The highest of all percentages; None when the answer tells none."""
    figures = [wire.whole(rows.get(name)) for rows in _rows(headers) for name in _FIGURES]
    return max((figure for figure in figures if figure is not None), default=None)


def regain_seconds(headers: Mapping[str, str]) -> float | None:
    """How long until calls are allowed again; None when the answer does not say, or says at once."""
    minutes = [wire.whole(row.get("estimated_time_to_regain_access")) or 0 for row in _rows(headers)]
    return min(max(minutes, default=0), 24 * 60) * 60.0 or None


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header when it is a number of seconds, at most a day."""
    seconds = wire.whole(_header(headers, "retry-after"))
    return float(min(seconds, 86_400)) if seconds and seconds > 0 else None


def _rows(headers: Mapping[str, str]) -> Iterator[dict[str, object]]:
    for name in ("x-app-usage", "x-business-use-case-usage"):
        text = _header(headers, name)
        if not text:
            continue
        try:
            data = wire.mapping(wire.loads(text))
        except ValueError:
            continue
        yield data
        for rows in data.values():
            for row in wire.items(rows):
                yield wire.mapping(row)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
