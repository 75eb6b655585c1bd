"""What PostgreSQL makes of the stores' one SQL text, and of a transaction; its errors in our words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from storage.engine import Row, Topic
from storage.errors import StorageError, StorageUnavailable

Connection = psycopg.Connection[Row]

_SLOTS = 64
_MACROS = {
    "{pk}": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "{big}": "bigint",
    "{blob}": "bytea",
    "{strict}": "",
    # The weaker of two locks for update: it lets others refer to the row with a foreign key meanwhile, so that
    # the webhook never waits for whoever handles the contact.
    "{for_update}": "FOR NO KEY UPDATE",
    # The strongest, for a row that ends: it waits for those who are about to refer to it, and they wait for it.
    "{for_end}": "FOR UPDATE",
    "{for_rows}": "FOR KEY SHARE",  # of those who are about to refer to it
    "{skip_locked}": "FOR NO KEY UPDATE SKIP LOCKED",
    "{slot}": f"(pg_backend_pid() % {_SLOTS})",
}
# A string, a cast, a parameter, or a percent sign, which psycopg wants doubled.
_TOKENS = re.compile(r"'(?:[^']|'')*'|::|:([A-Za-z_][A-Za-z0-9_]*)|%")
_expanded: dict[str, str] = {}

# Classes of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) that are our own doing.
_OUR_FAULT = ("0A", "21", "22", "23", "25", "26", "2B", "34", "42", "44")
_NOT_OURS = (
    "25P03",  # the server ended a transaction that did nothing for long, and its connection
    "25006",  # it takes no writes for now: a managed server whose disk is full, a standby after a failover
)
_CHECKS_PLANS = "RevalidateCachedQuery"  # the message itself comes in the server's language
_TELLS_ONLY_NAMES = "42"  # its messages quote the statement, which holds no value


class TryAgain(StorageUnavailable):
    """The transaction met another one and was given up; run from the beginning it will do."""


class StalePlan(TryAgain):
    """A statement was prepared before its table got another column: this connection can never run it again."""


def expand(statement: str) -> str:
    """The macros of `engine`, in PostgreSQL's words."""
    for macro, meaning in _MACROS.items():
        statement = statement.replace(macro, meaning)
    return statement


def translate(sql: str) -> str:
    """A statement of ours as psycopg takes it: `:name` is `%(name)s`. Kept, for there are few of them."""
    text = _expanded.get(sql)
    if text is None:
        text = _expanded[sql] = _TOKENS.sub(_token, expand(sql))
    return text


@lru_cache(maxsize=1024)
def _with_rows(sql: str, width: int, count: int) -> str:
    """A statement with so many values in each of so many rows, unnamed: they are taken one after the other."""
    line = "(" + ", ".join(["%s"] * width) + ")"
    return expand(sql).replace("%", "%%").replace("{rows}", "VALUES " + ", ".join([line] * count))


def _token(found: re.Match[str]) -> str:
    return f"%({found[1]})s" if found[1] else found[0].replace("%", "%%")


def named(error: psycopg.Error) -> StorageError:
    """Our error for psycopg's. PostgreSQL's own texts may hold values: only names are taken over."""
    state = error.sqlstate or ""
    if isinstance(error, errors.SerializationFailure | errors.DeadlockDetected):
        return TryAgain(type(error).__name__)
    if isinstance(error, errors.FeatureNotSupported) and error.diag.source_function == _CHECKS_PLANS:
        return StalePlan(type(error).__name__)
    where = (error.diag.constraint_name, error.diag.table_name, error.diag.column_name)
    parts = [type(error).__name__, *filter(None, where)]
    if state.startswith(_TELLS_ONLY_NAMES) and error.diag.message_primary:
        parts.append(error.diag.message_primary)
    text = " ".join(parts)
    if state:
        is_ours = state.startswith(_OUR_FAULT) and state not in _NOT_OURS
    else:
        is_ours = not isinstance(error, psycopg.OperationalError)
    return StorageError(text) if is_ours else StorageUnavailable(text)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raises our errors for psycopg's. For what carries parameters see `PostgresStatements`."""
    try:
        yield
    except psycopg.Error as error:
        raise named(error) from None


class PostgresStatements:
    """See `engine.Statements`."""

    __slots__ = ("_connection", "wakes")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.wakes: set[Topic] = set()

    def _execute(self, text: str, parameters: dict[str, Any] | list[Any]) -> psycopg.Cursor[Row]:
        problem: StorageError
        try:
            return self._connection.execute(text, parameters)
        except psycopg.Error as error:
            problem = named(error)
        raise problem  # out here, so that psycopg's error is not its context

    def _execute_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> psycopg.Cursor[Row]:
        names = tuple(rows[0])
        text = _with_rows(sql, len(names), len(rows))
        return self._execute(text, [row[name] for row in rows for name in names])

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        """Every row."""
        return self._execute(translate(sql), parameters).fetchall()

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, or None."""
        return self._execute(translate(sql), parameters).fetchone()

    def run(self, sql: str, **parameters: Any) -> int:
        """The number of rows that changed."""
        return self._execute(translate(sql), parameters).rowcount

    def all_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """See `engine.Statements`."""
        return self._execute_from(sql, rows).fetchall()

    def run_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `engine.Statements`."""
        return self._execute_from(sql, rows).rowcount

    def run_each(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `engine.Statements`."""
        problem: StorageError
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(translate(sql), rows)
                return cursor.rowcount
        except psycopg.Error as error:
            problem = named(error)
        raise problem  # as in `_execute`

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """See `engine.Statements`."""
        before = set(self.wakes)
        self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):  # else it is all over
                self.run("ROLLBACK TO SAVEPOINT part")
                self.run("RELEASE SAVEPOINT part")
            self.wakes = before
            raise
        self.run("RELEASE SAVEPOINT part")

    @property
    def status(self) -> TransactionStatus:
        """Whether the transaction goes on."""
        return self._connection.info.transaction_status

    def wake(self, *topics: Topic) -> None:
        """See `engine.Statements`."""
        self.wakes.update(topics)

    def shred(self) -> None:
        """Nothing: what is deleted is overwritten in the server's own time; docs/operating.md says how."""
