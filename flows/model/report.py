"""Figures of the cross-validation as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train import Measured

BEGIN, END = "<!-- figures: written by train.py -->\n", "<!-- end of figures -->\n"
Row = tuple[int, str, float]


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` independent cases."""
    z = 1.96
    centre = share + z * z / (2 * count)
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (centre - spread) / (1 + z * z / count)), (centre + spread) / (1 + z * z / count)


def report(measured: Measured) -> str:
    """Shares of texts that reach each mark; the intervals count items, since texts of an item are alike."""
    items, rows = measured.items, measured.rows
    kinds = Counter(item.danger for item in items)
    lines = [
        f"{kinds[True]} items of danger and {kinds[False]} harmless ones. Marks: elevated {measured.elevated},"
        f" high {measured.high} (hundredths).",
        "",
        "| texts | items | texts | read as elevated or high | 95 % | read as high | 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    groups: list[tuple[str, Callable[[Row], str | None]]] = [
        ("danger, all", lambda row: "" if items[row[0]].danger else None),
        ("danger, ", lambda row: items[row[0]].tier if items[row[0]].danger else None),
        ("danger, ", lambda row: items[row[0]].lang if items[row[0]].danger else None),
        ("danger, category ", lambda row: items[row[0]].group if items[row[0]].danger else None),
        ("harmless, all", lambda row: None if items[row[0]].danger else ""),
        ("harmless, ", lambda row: None if items[row[0]].danger else items[row[0]].lang),
    ]
    for title, key in groups:
        for name in sorted({key(row) for row in rows} - {None}, key=str):
            lines.append(_line(f"{title}{name}", [row for row in rows if key(row) == name], measured))
    named = [(items[item].group, category) for item, category, value in rows if value >= measured.elevated]
    right = sum(group == category[0] for group, category in named if group not in ("none", "N"))
    known = sum(group not in ("none", "N") for group, _ in named)
    lines += [
        "",
        f"The category was the right one for {100 * right / known:.0f} % of the texts of danger found.",
    ]
    return "\n".join(lines) + "\n"


def _line(title: str, rows: Iterable[Row], measured: Measured) -> str:
    rows = list(rows)
    count = len({item for item, _, _ in rows})
    cells = [title, str(count), str(len(rows))]
    for mark in (measured.elevated, measured.high):
        share = sum(value >= mark for _, _, value in rows) / len(rows)
        low, high = wilson(share, count)
        cells += [f"{100 * share:.1f} %", f"{100 * low:.1f}-{100 * high:.1f}"]
    return "| " + " | ".join(cells) + " |"


def into_readme(readme: str, figures: str) -> str:
    """The README with its figures renewed."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}{figures}{END}{rest.partition(END)[2]}"
