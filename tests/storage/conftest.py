"""The contract of storage: every test runs on every engine of `ENGINES` in tests/conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from storage_factories import make_storage

from storage import Keys, Storage


@pytest.fixture
def make(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Storage]]:
    """Opens the store of this test, as often as wanted and with whatever keys; closes all at the end."""
    opened: list[Storage] = []

    def open_it(keys: Keys | None = None) -> Storage:
        opened.append(make_storage(tmp_path, keys, url=database_url))
        return opened[-1]

    yield open_it
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(make: Callable[..., Storage]) -> Storage:
    """A fresh store."""
    return make()
