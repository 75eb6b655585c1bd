"""The guide's table of what check finds: the English one is the code's own, the Norwegian one has the same rows."""

from __future__ import annotations

import guide
import pytest

KINDS = pytest.importorskip("bot.findings", reason="this version's findings have no kinds").KINDS
LEVELS = {"feil": "error", "advarsel": "warning", "merknad": "note"}


def rows(language: str) -> list[list[str]]:
    text = guide.chapters(language)["findings.md"]
    found = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found]


def test_the_english_table_is_that_of_the_code() -> None:
    assert rows("en") == [[f"`{name}`", kind.level, kind.means, kind.instead] for name, kind in KINDS.items()]


def test_the_norwegian_table_has_every_kind_with_its_level_and_two_sentences() -> None:
    assert [(name, LEVELS[level]) for name, level, _, _ in rows("nb")] == [
        (f"`{name}`", kind.level) for name, kind in KINDS.items()
    ]
    for name, _, means, instead in rows("nb"):
        assert means.endswith(".") and instead.endswith("."), name
