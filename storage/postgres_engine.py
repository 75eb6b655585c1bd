"""PostgreSQL through psycopg: many writers at once, each in a transaction of its own on a pooled connection.

A contact's work is kept apart by row locks, so the rule of the stores matters here: lock a row in one statement
and compute from it in the next, which then sees what was committed before the lock was had.
"""

from __future__ import annotations

import contextvars
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from storage.engine import TOPICS, Step, Topic
from storage.errors import StorageError, StorageUnavailable
from storage.postgres_pool import ConnectionPool
from storage.postgres_sql import Connection, PostgresStatements, TryAgain, translate, translated
from storage.postgres_wake import PostgresBell, PostgresListener

T = TypeVar("T")

_MOST_CONNECTIONS = 10  # of one process, and one more to listen
_CONNECT_SECONDS = 3
_TRIES = 6  # of a transaction that others keep meeting
_PAUSE_SECONDS = 0.02  # at most, before the second try; longer before each later one
_MIGRATING = 0x5EE7  # the advisory lock of whoever migrates
_SETTINGS = {
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",  # a process that is frozen holds up nobody for longer
    "client_min_messages": "error",
    "timezone": "UTC",
    # What waits is a handful of rows in large tables, and gone before statistics know of it: always by an index.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_BUMP = translate(
    "INSERT INTO change (slot, number) VALUES ({slot}, 1)"
    " ON CONFLICT (slot) DO UPDATE SET number = change.number + 1"
)
_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("inside_a_write", default=False)


class PostgresEngine:
    """See `engine.Engine`. One per process and database; not to be carried over a fork."""

    worker_lock: Path | None = None

    def __init__(self, url: str) -> None:
        self._url = url
        self._pid = os.getpid()
        self._closed = False
        self._bell = PostgresBell(self._connect)
        self._pool = ConnectionPool(self._connect, _MOST_CONNECTIONS)
        try:
            self._first_look()
        except BaseException:
            self._bell.close()
            raise

    def _first_look(self) -> None:
        """Whether it can be reached. What is wrong is said without the URL's own words: one is a password."""
        problem: StorageError
        try:
            with self._connect():
                return
        except psycopg.OperationalError as error:
            problem = StorageUnavailable(_why_not(error))
        except psycopg.Error:
            problem = StorageError("DATABASE_URL: write postgresql://user:password@host/name")
        raise problem

    def _connect(self) -> Connection:
        connection = psycopg.connect(self._url, **_ARGUMENTS)
        _configure(connection)
        return connection

    @property
    def post_box(self) -> PostgresEngine:
        """See `engine.Engine`."""
        return self

    # Writing and reading

    def write(self, fn: Callable[[PostgresStatements], T], *, flushes: bool = True) -> T:
        """Run `fn` in a transaction; see `engine.Engine`. When it meets another one, `fn` is run once more.

        When the connection breaks at the very commit nobody knows whether it was kept: then this raises, too.
        """
        self._must_be_open()
        if _inside.get():
            raise StorageError("a write inside a write is another transaction; use the one at hand")
        for number in range(1, _TRIES):
            try:
                return self._write(fn)
            except TryAgain:
                time.sleep(random.uniform(0, _PAUSE_SECONDS * number))
        return self._write(fn)

    def _write(self, fn: Callable[[PostgresStatements], T]) -> T:
        with self._pool.begun("BEGIN ISOLATION LEVEL READ COMMITTED") as connection:
            statements = PostgresStatements(connection)
            token = _inside.set(True)
            try:
                result = fn(statements)
            finally:
                _inside.reset(token)
            self._commit(connection, statements)
        if statements.wakes:
            self._bell.ring(statements.wakes)
        return result

    def _commit(self, connection: Connection, statements: PostgresStatements) -> None:
        if statements.status is not TransactionStatus.INTRANS:  # COMMIT would roll back without a word
            raise StorageError("an SQL error was caught and the transaction used further")
        with translated():
            if "screens" in statements.wakes:
                connection.execute(_BUMP, {})
            connection.execute("COMMIT")

    def read(self, fn: Callable[[PostgresStatements], T]) -> T:
        """Run `fn` on one state of the database; see `engine.Engine`."""
        self._must_be_open()
        try:
            return self._read(fn)
        except TryAgain:
            return self._read(fn)

    def _read(self, fn: Callable[[PostgresStatements], T]) -> T:
        with self._pool.begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            return fn(PostgresStatements(connection))

    # Migrations, waking, closing

    def migrate(self, steps: Sequence[Step]) -> None:
        """Apply the steps that are missing, in one transaction, whoever else starts at the same moment."""

        def apply(statements: PostgresStatements) -> None:
            statements.one("SELECT pg_advisory_xact_lock(:lock)", lock=_MIGRATING)
            statements.run("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY)")
            done = {row["name"] for row in statements.all("SELECT name FROM migration ORDER BY name")}
            for step in steps:
                if step.name not in done:
                    for statement in step.statements:
                        statements.run(statement)
                    statements.run("INSERT INTO migration (name) VALUES (:name)", name=step.name)

        if not self.is_current(steps):
            self.write(apply)

    def is_current(self, steps: Sequence[Step]) -> bool:
        """Whether all steps have been applied."""

        def look(statements: PostgresStatements) -> bool:
            if statements.one("SELECT 1 WHERE to_regclass('migration') IS NULL"):
                return False
            done = {row["name"] for row in statements.all("SELECT name FROM migration ORDER BY name")}
            return done >= {step.name for step in steps}

        return self.read(look)

    def listen(self, *topics: Topic) -> PostgresListener:
        """See `engine.Engine`."""
        return self._bell.listen(topics)

    def notify(self) -> None:
        """Wake all listeners now; with the server away, those of this process."""
        self._bell.ring(TOPICS)

    def close(self) -> None:
        """Close the connections."""
        if not self._closed:
            self._closed = True
            self._bell.close()
            self._pool.close()

    def _must_be_open(self) -> None:
        if self._closed:
            raise StorageError("the storage is closed")
        if os.getpid() != self._pid:
            raise StorageError("open the storage after the fork, in the process that uses it")


def _why_not(error: psycopg.OperationalError) -> str:
    said = str(error)
    if "authentication failed" in said or "no password supplied" in said:
        return "DATABASE_URL: the PostgreSQL server refuses this user or password"
    if "database" in said and "does not exist" in said:
        return "DATABASE_URL: the PostgreSQL server has no database of this name"
    return "DATABASE_URL: the PostgreSQL server does not answer"


_ARGUMENTS: dict[str, Any] = {
    "autocommit": True,  # we say BEGIN ourselves
    "row_factory": dict_row,
    "connect_timeout": _CONNECT_SECONDS,
    "application_name": "peersupport",
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def _configure(connection: Connection) -> None:
    names = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
    connection.execute(f"SELECT {names}")
    # A commit that is answered is durable, whatever the server's own default.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
