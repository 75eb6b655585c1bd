"""Numbered steps on SQLite, by sqlite-utils; and which are missing, without it.

sqlite-utils costs six megabytes and is needed for seconds: only who has something to migrate loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from storage.engine import Step

_SET = "peersupport"
_TABLE = "_sqlite_migrations"  # where sqlite-utils keeps what has been applied


def are_applied(connection: Any, steps: Sequence[Step]) -> bool:
    """Whether no step is missing."""
    known = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
    if not connection.execute(known, [_TABLE]).fetchone()[0]:
        return False
    rows = connection.execute(f"SELECT name FROM {_TABLE} WHERE migration_set = ?", [_SET])  # noqa: S608
    return {name for (name,) in rows.fetchall()} >= {step.name for step in steps}


def apply(connection: Any, steps: Sequence[Step], expand: Callable[[str], str]) -> None:
    """Apply what is missing, in the transaction that is open."""
    if are_applied(connection, steps):
        return
    from sqlite_utils import Database, Migrations

    migrations = Migrations(_SET)

    def add(step: Step) -> None:
        @migrations(name=step.name)
        def run(database: Database) -> None:
            for statement in step.statements:
                database.conn.execute(expand(statement))

    for step in steps:
        add(step)
    migrations.apply(Database(connection, execute_plugins=False))
