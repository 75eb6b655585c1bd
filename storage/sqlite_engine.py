"""SQLite: one writer connection with group commit, a pool of readers, WAL, every commit
flushed to disk.

SQLite 3.7.0 to 3.51.2 can damage a WAL database when one connection checkpoints while another writes
(https://sqlite.org/wal.html, "The WAL-Reset Bug"). So nothing checkpoints by itself: it happens here, under a
lock that every writing process holds, and mmap is never switched on.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from storage import posts, sqlite_migrations
from storage.engine import BUMP, TOPICS, Step, Topic
from storage.errors import StorageError, StorageUnavailable
from storage.file_lock import FileLock
from storage.group_commit import GroupCommit, Job
from storage.sqlite_statements import SqliteStatements, expand, named, sqlite3
from storage.wake import Bell, UdpListener

T = TypeVar("T")

_BUSY_SECONDS = 5.0
_POSTS_BUSY_SECONDS = 1.5  # twice, for two locks: Meta waits five seconds for its answer
_CHECKPOINT_COMMITS = 1000
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "wal_autocheckpoint=0",
    "secure_delete=ON",
    "temp_store=MEMORY",
)
_READER_PRAGMAS = ("query_only=ON", "cache_size=-1024")
_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("inside_a_write", default=False)


class _Work:
    """A caller's function, run in the caller's context though perhaps in another thread."""

    __slots__ = ("_context", "_fn", "flushes")

    def __init__(self, fn: Callable[[SqliteStatements], object], flushes: bool) -> None:
        self._fn = fn
        self.flushes = flushes
        self._context = contextvars.copy_context()

    def run(self, statements: SqliteStatements) -> object:
        """Call it."""
        return self._context.run(self._call, statements)

    def _call(self, statements: SqliteStatements) -> object:
        _inside.set(True)
        return self._fn(statements)


_Job = Job[_Work, object]


class SqliteEngine:
    """See `engine.Engine`. One per process and database; not to be carried over a fork."""

    def __init__(
        self, path: Path, *, bell_of: Path | None = None, busy_seconds: float = _BUSY_SECONDS
    ) -> None:
        """`bell_of`: the database whose listeners this one wakes too. `busy_seconds`: how long to wait for others."""
        self._path = path
        self._busy_seconds = busy_seconds
        self._wal = path.with_name(path.name + "-wal")
        _create_private(path)
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self.worker_lock: Path | None = path.with_name(path.name + ".worker")  # one machine, one file
        database = bell_of or path
        self._bell = Bell(database.with_name(database.name + ".wake"))
        self._post_box: SqliteEngine | None = None
        self._opening = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._commits = 0
        self._must_shred = False
        self._flushes = True  # as the connection is set now: see _PRAGMAS
        self._idle: list[Any] = []
        self._group: GroupCommit[_Work, object] = GroupCommit(self._run_batch)
        self._writing = threading.Lock()
        try:
            with (
                self._lock.held(self._busy_seconds),
                _translated(),
            ):  # two first starts must not both switch to WAL
                self._writer = self._connect()
        except BaseException:
            self._bell.close()
            self._lock.close()
            raise

    @property
    def post_box(self) -> SqliteEngine:
        """See `engine.Engine`. A file of its own: who keeps a post never waits for who writes in the database."""
        with self._opening:
            if self._post_box is None:
                self._must_be_open()
                box = SqliteEngine(
                    posts_beside(self._path), bell_of=self._path, busy_seconds=_POSTS_BUSY_SECONDS
                )
                box.add_table("post", posts.TABLE)
                self._post_box = box
            return self._post_box

    def add_table(self, name: str, statement: str) -> None:
        """Create it if it is not there. For a file so small that it needs no numbered steps."""

        def is_missing(statements: SqliteStatements) -> bool:
            return not statements.one("SELECT name FROM sqlite_master WHERE name = :name", name=name)

        if self.read(is_missing):
            self.write(lambda statements: statements.run(statement))

    def _connect(self, *, reads_only: bool = False) -> Any:
        connection = sqlite3.connect(
            str(self._path),
            timeout=self._busy_seconds,
            isolation_level=None,  # we say BEGIN ourselves: IMMEDIATE, never deferred
            check_same_thread=False,  # one thread at a time, but not always the same
            cached_statements=512,  # statements about many rows come in several sizes
        )
        try:
            for pragma in (*_PRAGMAS, *(_READER_PRAGMAS if reads_only else ())):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            return connection
        except BaseException:
            connection.close()
            raise

    # Writing

    def write(self, fn: Callable[[SqliteStatements], T], *, flushes: bool = True) -> T:
        """Run `fn` in a write transaction; see `engine.Engine`. It may run in another thread."""
        self._must_be_open()
        if _inside.get():
            raise StorageError("a write inside a write would wait for itself; use the transaction at hand")
        return self._group.ask(_Work(fn, flushes))  # type: ignore[return-value]

    def _run_batch(self, batch: Sequence[_Job]) -> None:
        with self._writing:
            try:
                with self._lock.held(self._busy_seconds):
                    wakes, shreds = self._commit(batch)
                    self._tidy()
            except StorageUnavailable as error:
                _fail(batch, error)
                return
        if wakes:
            self._bell.ring(wakes)
        if shreds:
            with contextlib.suppress(
                StorageUnavailable
            ):  # as for the log here: after one of the next commits
                self.post_box.shred()

    def shred(self) -> None:
        """Empty the write-ahead log: it still holds what was deleted."""
        with self._writing, self._lock.held(self._busy_seconds):
            self._must_shred = True
            self._tidy()

    def _commit(self, batch: Sequence[_Job]) -> tuple[set[Topic], bool]:
        """Run and commit a batch; whom to wake, and whether something was deleted that must be overwritten.

        Raises StorageUnavailable when nothing of it was kept.
        """
        connection = self._writer
        flushes = any(job.asked.flushes for job in batch)
        with _translated():
            if (
                flushes is not self._flushes
            ):  # the next commit that does, or a checkpoint, flushes what did not
                connection.execute(f"PRAGMA synchronous={'FULL' if flushes else 'NORMAL'}")
                self._flushes = flushes
            connection.execute("BEGIN IMMEDIATE")
        try:
            done = [self._run_job(connection, job, alone=len(batch) == 1) for job in batch]
            kept = [statements for statements in done if statements is not None]
            if not kept:
                return set(), False
            wakes = set[Topic]().union(*(statements.wakes for statements in kept))
            if "screens" in wakes:
                connection.execute(BUMP)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageUnavailable(f"commit: {named(error)}") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._commits += 1
        shreds = any(statements.shreds for statements in kept)
        self._must_shred = self._must_shred or shreds
        return wakes, shreds

    @staticmethod
    def _run_job(connection: Any, job: _Job, *, alone: bool) -> SqliteStatements | None:
        """Run one job in a savepoint of its own; None if it failed, and nothing of it is left."""
        statements = SqliteStatements(connection)
        if not alone:
            connection.execute("SAVEPOINT job")
        try:
            job.result = job.asked.run(statements)
        except Exception as error:
            job.error = error
            if not connection.in_transaction:  # SQLite itself gave the whole transaction up
                raise StorageUnavailable("rolled back") from error
            if not alone:
                connection.execute("ROLLBACK TO job")
                connection.execute("RELEASE job")
            return None
        if not alone:
            connection.execute("RELEASE job")
        return statements

    def _tidy(self) -> None:
        """Checkpoint when it is due. Never waits for a reader: what could not be done is done next time."""
        connection = self._writer
        if self._must_shred:
            connection.execute("PRAGMA busy_timeout=0")
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                self._must_shred = bool(busy)
            except sqlite3.Error:
                self._must_shred = True  # the commit stands; the log is emptied after one of the next
            finally:
                connection.execute(f"PRAGMA busy_timeout={int(self._busy_seconds * 1000)}")
        elif self._commits % _CHECKPOINT_COMMITS == 0 or (self._commits % 50 == 0 and self._wal_is_large()):
            with contextlib.suppress(sqlite3.Error):  # as above
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _wal_is_large(self) -> bool:
        try:
            return self._wal.stat().st_size > _CHECKPOINT_BYTES
        except FileNotFoundError:
            return False

    # Reading

    def read(self, fn: Callable[[SqliteStatements], T]) -> T:
        """Run `fn` on one state of the database; see `engine.Engine`."""
        self._must_be_open()
        with self._reader() as connection:
            return fn(SqliteStatements(connection))

    @contextlib.contextmanager
    def _reader(self) -> Iterator[Any]:
        with _translated():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect(reads_only=True)
            connection.execute("BEGIN")
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    # Migrations, waking, closing

    def migrate(self, steps: Sequence[Step]) -> None:
        """Apply the steps that are missing, in one transaction, whoever else starts at the same moment."""
        connection = self._writer
        with self._writing, self._lock.held(self._busy_seconds), _translated():
            connection.execute("BEGIN IMMEDIATE")
            try:
                sqlite_migrations.apply(connection, steps, expand)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def is_current(self, steps: Sequence[Step]) -> bool:
        """Whether all steps have been applied."""
        with self._writing, _translated():
            return sqlite_migrations.are_applied(self._writer, steps)

    def listen(self, *topics: Topic) -> UdpListener:
        """See `engine.Engine`."""
        return self._bell.listen(topics)

    def notify(self) -> None:
        """Wake all listeners now."""
        self._bell.ring(set(TOPICS))

    def close(self) -> None:
        """Close the connections; the last process to do so empties the write-ahead log."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            if self._post_box is not None:
                self._post_box.close()
            while self._idle:
                self._idle.pop().close()
            self._writer.close()
            self._bell.close()
            self._lock.close()

    def _must_be_open(self) -> None:
        if self._closed:
            raise StorageError("the storage is closed")
        if os.getpid() != self._pid:
            raise StorageError("open the storage after the fork, in the process that uses it")


def _fail(batch: Sequence[_Job], error: StorageUnavailable) -> None:
    """Nothing of the batch was kept; a job that failed for a reason of its own keeps that reason."""
    for job in batch:
        job.result = None
        if job.error is None:
            job.error = StorageUnavailable(str(error))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise named(error) from error


def posts_beside(database: Path) -> Path:
    """The file for posts that belongs to a database."""
    return database.with_name(database.name + "-posts")


def _create_private(path: Path) -> None:
    """Create the folder and an empty file that only this account can read; WAL files inherit its mode.

    An existing file is not touched: opening and closing it here would drop the locks of other connections.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageUnavailable(f"cannot create the database: {error.strerror}") from error
