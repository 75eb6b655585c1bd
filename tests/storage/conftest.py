"""Real database files in tmp_path. A second engine is one more name in ENGINES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from storage_factories import make_storage

from storage import Keys, Storage

ENGINES = ("sqlite",)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine under test."""
    return str(request.param)


@pytest.fixture
def make(engine: str, tmp_path: Path) -> Iterator[Callable[..., Storage]]:
    """Opens the store of this test, as often as wanted and with whatever keys; closes all at the end."""
    opened: list[Storage] = []

    def open_it(keys: Keys | None = None) -> Storage:
        opened.append(make_storage(tmp_path, keys, engine=engine))
        return opened[-1]

    yield open_it
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(make: Callable[..., Storage]) -> Storage:
    """A fresh store."""
    return make()
