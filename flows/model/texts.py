"""The training texts: rows of texts/*.jsonl, one JSON object a line.

{"text": "...", "tier": "critical|high|elevated|none", "category": "A".."O" or null, "lang": "nb|nn|en|mixed"}
Each line of a text is a message that was sent by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("texts")


@dataclass(frozen=True, slots=True)
class Item:
    """One invented text and what it means. `group`: category letter, or none."""

    text: str
    tier: str
    group: str
    lang: str
    block: int  # neighbours in a file are often twins: they are held out together

    @property
    def danger(self) -> bool:
        """Whether a person must see it."""
        return self.tier != "none"

    @property
    def grave(self) -> bool:
        """Whether it is high or critical."""
        return self.tier in ("high", "critical")


def read_items(folder: Path = FOLDER) -> list[Item]:
    """Every text, in the order of file names and lines. One that stands twice counts once."""
    found: dict[str, Item] = {}
    block = 0
    for path in sorted(folder.glob("*.jsonl")):
        block += 1
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            row = json.loads(line)
            block += number % 10 == 0
            item = Item(row["text"], row["tier"], row["category"] or "none", row["lang"], block)
            found.setdefault(" ".join(row["text"].casefold().split()), item)
    return list(found.values())
