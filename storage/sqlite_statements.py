"""A running transaction on SQLite: the stores' SQL text, made SQLite's, and its errors, made ours."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from storage.engine import Row, Topic
from storage.errors import StorageError, StorageUnavailable

# pysqlite3 where it is installed, as sqlite-utils chooses: two copies of SQLite must never open one file.
sqlite3: Any
try:
    sqlite3 = importlib.import_module("pysqlite3")
except ImportError:
    sqlite3 = importlib.import_module("sqlite3")

_MACROS = {
    "{pk}": "INTEGER PRIMARY KEY AUTOINCREMENT",  # an id is never given twice
    "{big}": "INTEGER",
    "{blob}": "BLOB",
    "{strict}": "STRICT",
    "{for_update}": "",  # a write transaction has the whole database to itself
    "{for_end}": "",
    "{for_rows}": "",
    "{skip_locked}": "",
    "{slot}": "0",  # as there is one writer
}
_OUR_FAULT = {"SQLITE_ERROR", "SQLITE_MISUSE", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_TOOBIG"}
# A string, or a parameter.
_TOKENS = re.compile(r"'(?:[^']|'')*'|:([A-Za-z_][A-Za-z0-9_]*)")
_numbered: dict[str, tuple[str, tuple[str, ...]]] = {}


def expand(sql: str) -> str:
    """The SQL text with what the macros mean here."""
    for macro, meaning in _MACROS.items():
        sql = sql.replace(macro, meaning)
    return sql


def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """A statement of ours with its parameters numbered, and their names in this order. Kept, for there are few.

    SQLite looks for the name of each parameter from the first one on: with hundreds of them in a statement that
    costs more than all the rest.
    """
    found = _numbered.get(sql)
    if found is None:
        names: dict[str, int] = {}

        def number(token: re.Match[str]) -> str:
            return f"?{names.setdefault(token[1], len(names) + 1)}" if token[1] else token[0]

        text = _TOKENS.sub(number, expand(sql))
        found = _numbered[sql] = text, tuple(names)
    return found


@lru_cache(maxsize=1024)
def _with_rows(sql: str, width: int, count: int) -> str:
    """A statement with so many values in each of so many rows, unnamed: they are taken one after the other."""
    line = "(" + ", ".join("?" * width) + ")"
    return expand(sql).replace("{rows}", "VALUES " + ", ".join([line] * count))


def named(error: Exception) -> StorageError:
    """Our error for SQLite's. Its text holds names from the schema, never a value."""
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if (
        name in _OUR_FAULT
        or name.startswith("SQLITE_CONSTRAINT")
        or isinstance(error, sqlite3.ProgrammingError)
    ):
        return StorageError(f"{name}: {error}")
    return StorageUnavailable(name)


class SqliteStatements:
    """See `engine.Statements`."""

    __slots__ = ("_connection", "shreds", "wakes")

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.wakes: set[Topic] = set()
        self.shreds = False

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        text, names = numbered(sql)
        try:
            return self._connection.execute(text, [parameters[name] for name in names])
        except KeyError as missing:
            raise StorageError(f"no value for {missing}") from None
        except sqlite3.Error as error:
            raise named(error) from error

    def _execute_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> Any:
        names = tuple(rows[0])
        text = _with_rows(sql, len(names), len(rows))
        try:
            return self._connection.execute(text, [row[name] for row in rows for name in names])
        except sqlite3.Error as error:
            raise named(error) from error

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        """Every row."""
        return _rows(self._execute(sql, parameters))

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = self.all(sql, **parameters)  # to the end: a statement left half-way keeps the transaction open
        return rows[0] if rows else None

    def run(self, sql: str, **parameters: Any) -> int:
        """The number of rows that changed."""
        count: int = self._execute(sql, parameters).rowcount
        return count

    def all_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """See `engine.Statements`."""
        return _rows(self._execute_from(sql, rows))

    def run_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `engine.Statements`."""
        count: int = self._execute_from(sql, rows).rowcount
        return count

    def run_each(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `engine.Statements`."""
        text, names = numbered(sql)
        try:
            count: int = self._connection.executemany(
                text, [[row[name] for name in names] for row in rows]
            ).rowcount
        except KeyError as missing:
            raise StorageError(f"no value for {missing}") from None
        except sqlite3.Error as error:
            raise named(error) from error
        return count

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """See `engine.Statements`."""
        before = set(self.wakes), self.shreds
        self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if not self._connection.in_transaction:  # SQLite itself gave the whole transaction up
                raise
            self.run("ROLLBACK TO part")
            self.run("RELEASE part")
            self.wakes, self.shreds = before
            raise
        self.run("RELEASE part")

    def wake(self, *topics: Topic) -> None:
        """See `engine.Statements`."""
        self.wakes.update(topics)

    def shred(self) -> None:
        """After the commit, empty the write-ahead log too: it still holds what was deleted."""
        self.shreds = True


def _rows(cursor: Any) -> list[Row]:
    names = [column[0] for column in cursor.description]
    try:
        return [dict(zip(names, values, strict=True)) for values in cursor]
    except sqlite3.Error as error:
        raise named(error) from error
