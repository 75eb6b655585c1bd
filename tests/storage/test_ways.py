"""How often steps and ways were taken: sums over sets and writers, gone with a transaction that fails."""

from __future__ import annotations

from collections import Counter

import pytest
from storage_factories import NOW

from bot.flow.edges import Edge
from bot.versions import Plan
from storage import Storage

ASKED, BI, OTHER = (
    Edge("intake", "campus", "step"),
    Edge("intake", "campus", "choice:bi"),
    Edge("menu", "a", "step"),
)


def test_counts_add_up_from_a_set_on_and_by_flow(storage: Storage) -> None:
    storage.write(lambda tx: tx.ways.add([(1, ASKED), (1, ASKED), (1, BI), (2, ASKED), (2, OTHER)]))
    storage.write(lambda tx: tx.ways.add([(2, ASKED)]))
    storage.write(lambda tx: tx.ways.add([]))
    assert storage.read(lambda tx: tx.ways.since(0)) == Counter({ASKED: 4, BI: 1, OTHER: 1})
    assert storage.read(lambda tx: tx.ways.since(2)) == Counter({ASKED: 2, OTHER: 1})
    assert storage.read(lambda tx: tx.ways.since(2, "menu")) == Counter({OTHER: 1})


def test_a_step_that_is_not_kept_is_not_counted(storage: Storage) -> None:
    def fail(tx: object) -> None:
        tx.ways.add([(1, ASKED)])  # type: ignore[attr-defined]
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own
        storage.write(fail)
    assert not storage.read(lambda tx: tx.ways.since(0))


def test_a_file_is_unchanged_since_the_set_that_brought_its_text(storage: Storage) -> None:
    texts = ["one", "two", "two", "one", "one"]
    for number, text in enumerate(texts):
        files = {"flows/a.yaml": text, "flows/b.yaml": f"{number}"}
        storage.write(
            lambda tx, files=files, number=number: tx.published.add(
                files, base=number or None, by=None, why="w", origin="console", plan=Plan(), now=NOW
            )
        )
    assert storage.read(lambda tx: tx.published.unchanged_since("flows/a.yaml")) == 4
    assert storage.read(lambda tx: tx.published.unchanged_since("flows/b.yaml")) == 5
    assert storage.read(lambda tx: tx.published.unchanged_since("flows/c.yaml")) is None
