"""Figures of the cross-validation as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from texts import Item
    from train import Measured

BEGIN, END = "<!-- figures: written by train.py -->\n", "<!-- end of figures -->\n"


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` independent cases."""
    z = 1.96
    centre = share + z * z / (2 * count)
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (centre - spread) / (1 + z * z / count)), (centre + spread) / (1 + z * z / count)


def report(measured: Measured) -> str:
    """Shares of texts that reach each mark."""
    items = [item for item, *_ in measured.rows]
    dangers = sum(item.danger for item in items)
    lines = [
        f"{dangers} texts of danger and {len(items) - dangers} harmless ones, two thirds of these written to look"
        " dangerous.",
        "",
        "| texts | how many | elevated or high | 95 % | high | 95 % |",
        "|---|---|---|---|---|---|",
    ]
    groups: list[tuple[str, Callable[[Item], str | None]]] = [
        ("danger, ", lambda item: item.tier if item.danger else None),
        ("critical, ", lambda item: item.lang if item.tier == "critical" else None),
        ("danger, category ", lambda item: item.group if item.danger else None),
        ("harmless", lambda item: None if item.danger else ""),
        ("harmless, ", lambda item: None if item.danger else item.lang),
    ]
    for title, key in groups:
        for name in sorted({str(key(item)) for item in items if key(item) is not None}):
            lines.append(
                _line(f"{title}{name}", [row for row in measured.rows if key(row[0]) == name], measured)
            )
    found = [
        (item.group, category)
        for item, one, _, category in measured.rows
        if item.danger and one >= measured.elevated
    ]
    right = sum({"A": "C", "B": "C", "N": "O"}.get(group, group) == category[0] for group, category in found)
    lines += [
        "",
        f"The category was the right one for {100 * right / len(found):.0f} % of the texts of danger found.",
    ]
    return "\n".join(lines) + "\n"


def _line(title: str, rows: Sequence[tuple[Item, float, float, str]], measured: Measured) -> str:
    high = [grave >= measured.high for _, _, grave, _ in rows]
    any_ = [danger >= measured.elevated or grave for (_, danger, _, _), grave in zip(rows, high, strict=True)]
    cells = [title, str(len(rows))]
    for reached in (any_, high):
        share = sum(reached) / len(rows)
        low, top = wilson(share, len(rows))
        cells += [f"{100 * share:.1f} %", f"{100 * low:.1f}-{100 * top:.1f}"]
    return "| " + " | ".join(cells) + " |"


def into_readme(readme: str, figures: str) -> str:
    """The README with its figures renewed."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}{figures}{END}{rest.partition(END)[2]}"
