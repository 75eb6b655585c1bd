"""Copies of the database: taken while the service runs, and put back before it starts.

A copy is one file without a write-ahead log. It holds ciphertext and no keys. Both ways go through SQLite's own
backup (https://sqlite.org/backup.html), which sees one state of the database however many write meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.messages import Purpose
from storage.begun import begun_beside
from storage.errors import StorageError, StorageUnavailable
from storage.migrations import STEPS
from storage.sealing import Keys
from storage.sqlite_engine import posts_beside
from storage.sqlite_statements import sqlite3
from storage.storage import Storage, open_storage
from storage.times import to_ms
from storage.tx import Tx

_BUSY_SECONDS = 5.0
_OURS = frozenset({"_sqlite_migrations", "contact", "key_check", "inbox", "outbox"})
_FILES = ("", "-wal", "-shm", "-journal", ".lock", ".lock-gate", ".worker", ".worker-gate", ".wake", ".begun")
_BESIDE = (*_FILES, *("-posts" + ending for ending in _FILES))  # what a database consists of
_NO_DATABASE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")

# Of messages that a person wrote nobody can tell whether they went out after the copy was taken.
_MAY_HAVE_GONE_OUT = (
    "UPDATE outbox SET state = 'unknown', state_at = :now, settled = 0, code = NULL"
    " WHERE state = 'sending' OR (state = 'waiting' AND purpose = :supporter)"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What putting a copy back came to."""

    uncertain: int  # messages that may or may not have gone out
    migrated: bool  # the copy was of an older version


def back_up(url: str, to: Path, *, home: Path, force: bool = False) -> int:
    """Copy the database that `url` names to the file `to`, which appears whole or not at all; its size in bytes.

    May run beside a working service. Raises StorageError with a sentence, also when `to` exists and `force` is
    not given.
    """
    database = _sqlite_file(url, home, "pg_dump --format=custom --file=FILE")
    _must_not_be_part_of(database, to)
    if not database.exists():
        raise StorageError(f"There is no database at {database}.")
    if to.exists() and not force:
        raise StorageError(f"{to} exists already; --force writes over it.")
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    _create_private(part)
    try:
        with _opened(_uri(database, "rw")) as source, _opened(_uri(part, "rw")) as copy:
            posts = _waiting_posts(
                database
            )  # first: one that is read meanwhile is in both, which does no harm
            _copy(source, copy)
            _must_be_ours(copy, database)
            _add_posts(copy, posts)
        _flush(part)
        os.replace(part, to)
        _flush(to.parent)
    finally:
        part.unlink(missing_ok=True)
    return to.stat().st_size


def restore(
    url: str, source: Path, keys: Keys, now: datetime, *, home: Path, force: bool = False
) -> Restored:
    """Make the copy in `source` the database that `url` names.

    It is examined, brought up to date and prepared beside its place first; then it takes that place in one
    transaction. Raises StorageError with a sentence, and WrongKey when the copy belongs to other keys; nothing
    has changed then.
    """
    database = _sqlite_file(url, home, "pg_restore --clean --if-exists --single-transaction FILE")
    _must_not_be_part_of(database, source)
    if not source.is_file():
        raise StorageError(f"There is no file {source}.")
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_user(database) as target:
        if not force and _tables(target):
            raise StorageError(f"There is a database at {database} already; --force replaces it.")
        beside = Path(tempfile.mkdtemp(prefix=".restore-", dir=database.parent))
        try:
            result = _prepare(source, beside / "copy.db", keys, now)
            shutil.rmtree(begun_beside(database), ignore_errors=True)  # it is about the one that goes
            with _opened(_uri(beside / "copy.db", "rw")) as prepared:
                _copy(prepared, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return result


def _prepare(source: Path, copy: Path, keys: Keys, now: datetime) -> Restored:
    """A copy of `source` that the service can go on with."""
    _create_private(copy)
    # Read as it is: a plain opening would leave files beside a copy that may lie on a read-only disk.
    is_whole = not any(source.with_name(source.name + ending).exists() for ending in ("-wal", "-journal"))
    with (
        _opened(_uri(source, "ro", immutable=is_whole)) as original,
        _opened(_uri(copy, "rw")) as working,
        _named(source),
    ):
        _copy(original, working)
        _must_be_ours(working, source)
    storage = open_storage(f"sqlite:///{copy}", keys, home=copy.parent)
    try:
        migrated = not storage.is_current()
        storage.migrate(now)
        return Restored(_settle(storage, now), migrated)
    finally:
        storage.close()


def _settle(storage: Storage, now: datetime) -> int:
    """What the copy calls under way is of unknown fate by now; whoever was signed in signs in again, and
    links that may have been used since work no more."""

    def work(tx: Tx) -> int:
        uncertain = tx.run(_MAY_HAVE_GONE_OUT, now=to_ms(now), supporter=Purpose.SUPPORTER.value)
        tx.run("DELETE FROM session")
        tx.run("DELETE FROM invitation")
        tx.audit.add(now, None, "restored", None, None)
        return uncertain

    return storage.write(work)


def _sqlite_file(url: str, home: Path, postgres_command: str) -> Path:
    scheme, _, place = url.partition("://")
    if scheme.startswith("postgres"):
        raise StorageError(f"PostgreSQL has its own tool for this. Use {postgres_command} with DATABASE_URL.")
    if scheme != "sqlite" or not place.startswith("/") or place == "/":
        raise StorageError("DATABASE_URL: write sqlite:///data/file.db")
    return (home / place[1:]).absolute()


def _must_not_be_part_of(database: Path, file: Path) -> None:
    parts = {database.with_name(database.name + ending).resolve() for ending in _BESIDE}
    if file.resolve() in parts:
        raise StorageError(f"{file} is the database itself, or belongs to it; name another file.")


# SQLite


def _uri(path: Path, mode: str, *, immutable: bool = False) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}" + ("&immutable=1" if immutable else "")


@contextlib.contextmanager
def _opened(uri: str) -> Iterator[Any]:
    with _translated():
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def _copy(source: Any, to: Any) -> None:
    """Everything, in one step and one transaction, as one file."""
    with _translated():
        source.backup(to, pages=-1)
        to.execute("PRAGMA journal_mode=DELETE").fetchall()


def _waiting_posts(database: Path) -> list[tuple[Any, ...]]:
    """What lies beside the database and nobody has read yet; see posts.py."""
    file = posts_beside(database)
    if not file.exists():
        return []
    with _opened(_uri(file, "rw")) as source, _translated():
        if "post" not in _tables(source):
            return []
        return list(source.execute("SELECT uid, body, received_at FROM post ORDER BY id").fetchall())


def _add_posts(copy: Any, posts: list[tuple[Any, ...]]) -> None:
    """Into the copy's own table, from where the first worker takes them."""
    if posts and "post" in _tables(copy):
        with _translated():
            copy.execute("BEGIN")
            copy.executemany("INSERT INTO post (uid, body, received_at) VALUES (?, ?, ?)", posts)
            copy.execute("COMMIT")


@contextlib.contextmanager
def _only_user(database: Path) -> Iterator[Any]:
    """The database, held so that nobody else can open it meanwhile. Raises StorageError when somebody has."""
    was_there = database.exists()
    if not was_there:
        _create_private(database)
    with _opened(_uri(database, "rw")) as connection:
        try:
            connection.execute("PRAGMA busy_timeout=0")
            connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
            # Leaving the write-ahead log needs the whole database, and every open connection has a share in it.
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")  # in this locking mode the lock stays
        except sqlite3.Error as error:
            if _code(error).startswith(_NO_DATABASE):
                raise StorageError(f"{database} is damaged or no database. Move it away first.") from None
            raise StorageError("The database is in use. Stop the service first.") from None
        try:
            yield connection
        except BaseException:
            if not was_there:
                database.unlink()
            raise


def _must_be_ours(connection: Any, name: Path) -> None:
    """Raises StorageError unless the database is whole, of this service, and of no later version."""
    with _translated():
        if not _tables(connection) >= _OURS:
            raise StorageError(f"{name} is not a database of this service.")
        applied = connection.execute(
            "SELECT name FROM _sqlite_migrations WHERE migration_set = 'peersupport'"
        )
        if {row[0] for row in applied.fetchall()} - {step.name for step in STEPS}:
            raise StorageError(
                f"{name} was written by a later version of this program. Install that one first."
            )
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise StorageError(f"{name} is damaged.")


def _tables(connection: Any) -> set[str]:
    with _translated():
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master").fetchall()}


def _code(error: Exception) -> str:
    return str(getattr(error, "sqlite_errorname", None) or error)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageUnavailable(_code(error)) from error


@contextlib.contextmanager
def _named(source: Path) -> Iterator[None]:
    """Trouble with reading the copy is about the copy, not about the service's database."""
    try:
        yield
    except StorageUnavailable as error:
        raise StorageError(f"{source} cannot be read as a database ({error}).") from error


# Files


def _create_private(path: Path) -> None:
    """An empty file that only this account can read."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _flush(path: Path) -> None:
    """On disk, also after a power cut."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
