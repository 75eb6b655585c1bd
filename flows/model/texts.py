"""The training texts: items read from texts/*.yaml, each expanded to at most a dozen texts, always the same."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

FOLDER = Path(__file__).with_name("texts")
MOST = 12  # texts of one item
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a file: what it means, and the texts it gives. Items, not texts, are held out together."""

    group: str  # category letter, or "none"
    tier: str
    lang: str
    line: str
    texts: tuple[str, ...]

    @property
    def danger(self) -> bool:
        """Whether a person must see it."""
        return self.tier != "none"


def read_items(folder: Path = FOLDER) -> list[Item]:
    """Every item, in the order of file names and lines. A line that stands twice counts once."""
    found: dict[str, Item] = {}
    for path in sorted(folder.glob("*.yaml")):
        for block in YAML(typ="safe", pure=True).load(path.read_text("utf-8")):
            for line in block["texts"].splitlines():
                texts = tuple(_expanded(line))
                found.setdefault(line, Item(block["group"], block["tier"], block["lang"], line, texts))
    return list(found.values())


def _expanded(line: str) -> Iterator[str]:
    """The line with its choices made; where there are too many ways, some drawn by the line itself."""
    parts = _CHOICE.split(line)
    ways = [
        part.split("|") if odd else [part] for odd, part in zip(itertools.cycle((0, 1)), parts, strict=False)
    ]
    texts = list(
        dict.fromkeys(" ".join("".join(way).split()).replace(" ,", ",") for way in itertools.product(*ways))
    )
    draw = random.Random(line)
    if len(texts) > MOST:
        texts = draw.sample(texts, MOST)
    yield from texts
    yield _mistyped(draw.choice(texts), draw)


def _mistyped(text: str, draw: random.Random) -> str:
    """One or two slips of the thumb: letters swapped, left out or doubled."""
    letters = list(text)
    for _ in range(1 + len(letters) // 40):
        at = draw.randrange(1, max(2, len(letters) - 1))
        slip = draw.choice(("swap", "drop", "double"))
        if slip == "swap" and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif slip == "drop":
            letters[at : at + 1] = []
        else:
            letters[at : at + 1] = letters[at : at + 1] * 2
    return "".join(letters)
