"""A store for one rehearsal: the real one, soon forgotten, in memory where the machine has such a place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from handlers.environment import new_keys
from storage import Keys, Storage, open_storage

_MEMORY = Path("/dev/shm")  # noqa: S108 - on Linux a folder in memory; nothing in it is waited for
_FILE = "rehearsal.db"


@contextmanager
def fresh_store() -> Iterator[Storage]:
    """An empty store with its tables, gone afterwards."""
    keys, tables = _empty()
    with _folder() as folder:
        (folder / _FILE).write_bytes(tables)
        storage = open_storage(f"sqlite:///{_FILE}", keys, home=folder)
        try:
            yield storage
        finally:
            storage.close()


@lru_cache(maxsize=1)
def _empty() -> tuple[Keys, bytes]:
    """Making the tables takes longer than a rehearsal: it is done once in a process."""
    made = new_keys()
    keys = Keys.from_environment(made["DATA_KEYS"], made["SECRET_KEY"])
    with _folder() as folder:
        storage = open_storage(f"sqlite:///{_FILE}", keys, home=folder)
        storage.migrate(datetime(2026, 1, 1, tzinfo=UTC))
        storage.close()
        return keys, (folder / _FILE).read_bytes()


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        made = tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
    except OSError:  # it is there, and not ours to write
        made = tempfile.TemporaryDirectory()
    with made as name:
        yield Path(name)
