"""Fixtures of the Messenger tests; what they are made of is in `messenger_world.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from messenger_world import FakeGraph, Service, fake_graph, new_client, open_test_store, serve

from handlers.messenger.client import MessengerClient
from storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    yield from open_test_store(tmp_path)


@pytest.fixture
def service(storage: Storage) -> Iterator[Service]:
    yield from serve(storage)


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    yield from fake_graph()


@pytest.fixture
def client(graph: FakeGraph) -> Iterator[MessengerClient]:
    made = new_client(graph.url)
    yield made
    made.close()
