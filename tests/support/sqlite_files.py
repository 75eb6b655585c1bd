"""Migrated SQLite files for tests: made once in each process, then copied. A copy takes 1 ms, a migration 35."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from handlers.environment import new_keys
from storage import Keys, Storage, open_storage
from storage.migrations import STEPS
from storage.sqlite_engine import SqliteEngine


@cache
def _template() -> tuple[Path, tempfile.TemporaryDirectory[str]]:
    folder = tempfile.TemporaryDirectory(prefix="sqlite-")  # goes with the process
    engine = SqliteEngine(Path(folder.name) / "migrated.db")
    engine.migrate(STEPS)
    engine.close()
    return Path(folder.name) / "migrated.db", folder


def put_migrated(path: Path) -> Path:
    """Put a database with all its tables and no rows here, as readable as the product makes its own."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(_template()[0], path)
    path.chmod(0o600)
    return path


def open_migrated(path: Path) -> Storage:
    """A store in such a file, with keys of its own."""
    keys = new_keys()
    ring = Keys.from_environment(keys["DATA_KEYS"], keys["SECRET_KEY"])
    return open_storage(f"sqlite:///{put_migrated(path)}", ring, home=path.parent)
