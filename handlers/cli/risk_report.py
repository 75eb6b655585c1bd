"""How well danger is read: misses and false alarms per tier, language and category, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

TIERS = ("critical", "high", "elevated", "none")
_Z = 1.959964  # 95 %
_NAMED = 40  # ids that one list names


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text whose tier is known."""

    id: str
    lang: str
    category: str
    tier: str
    case: dict[str, Any]  # as `risk scan` takes it


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, from 0 to 1. https://doi.org/10.1080/01621459.1927.10502953"""
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z
    middle = share + square / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    low, high = (middle - spread) / (1 + square / of), (middle + spread) / (1 + square / of)
    return max(low, 0.0), min(high, 1.0)


def report(rows: Sequence[Labelled], read: Sequence[str]) -> list[str]:
    """The report, line by line. `read`: the tier that was read of each row."""
    pairs = list(zip(rows, read, strict=True))
    lines = ["By tier (flagged: read as anything but none; urgent: as critical or high)"]
    for tier in TIERS:
        lines += _share(tier, [tier_read for row, tier_read in pairs if row.tier == tier])
    keys: list[tuple[str, Callable[[Labelled], str]]] = [
        ("language", lambda row: row.lang),
        ("category", lambda row: row.category),
    ]
    for name, key in keys:
        lines += ["", f"By {name}"]
        for value in sorted({key(row) for row in rows}):
            risky = [got for row, got in pairs if key(row) == value and row.tier != "none"]
            calm = [got for row, got in pairs if key(row) == value and row.tier == "none"]
            lines += _share(f"{value}, danger", risky) + _share(f"{value}, none", calm)
    lines += _named("Missed", [row.id for row, got in pairs if row.tier != "none" and got == "none"])
    return lines + _named("False alarms", [row.id for row, got in pairs if row.tier == "none" != got])


def alarms(talks: Sequence[tuple[str, str]]) -> list[str]:
    """What conversations reach on the way, which is what the service alarms on. `talks`: labelled, reached."""
    if not talks:
        return []
    danger = [reached for tier, reached in talks if tier != "none"]
    calm = [reached for tier, reached in talks if tier == "none"]
    title = "Conversations, the gravest after any message (on which the service alarms at once)"
    return ["", title, *_share("danger", danger), *_share("none", calm)]


def _share(name: str, read: Sequence[str]) -> list[str]:
    if not read:
        return []
    flagged = sum(tier != "none" for tier in read)
    urgent = sum(tier in ("critical", "high") for tier in read)
    return [
        f"  {name:<28} {len(read):>5}  flagged {_percent(flagged, len(read))}  urgent {_percent(urgent, len(read))}"
    ]


def _percent(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{100 * hits / of:5.1f} % ({100 * low:.0f}-{100 * high:.0f})"


def _named(title: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return ["", f"{title}: none"]
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ["", f"{title}: {', '.join(ids[:_NAMED])}{more}"]
