"""The storage as callers see it: open it, write, read, listen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from storage.begun import BegunFiles, begun_beside, boot_id
from storage.engine import Engine, Listener, Topic
from storage.errors import StorageError, WrongKey
from storage.file_lock import worker_place
from storage.migrations import STEPS
from storage.post_box import PostBox
from storage.sealing import Keys
from storage.sqlite_engine import SqliteEngine
from storage.times import to_ms
from storage.tx import Tx

T = TypeVar("T")

_SECRET = "SECRET"  # noqa: S105 - the name of a row; capitals keep it apart from ids of data keys


class Storage:
    """All that is kept. Every method may be called from any thread, but not across a fork."""

    def __init__(self, engine: Engine, keys: Keys, begun: BegunFiles) -> None:
        self._engine = engine
        self._keys = keys
        self.begun = begun  # which messages had begun to leave
        self.posts = PostBox(engine, keys)  # what Meta posted and nobody has read yet
        if self.is_current():
            self.read(self._check_keys)

    @property
    def single_worker(self) -> bool:
        """Whether one worker at most may work on this database: what another left in flight is nobody's."""
        return self._engine.worker_lock is not None

    def worker_place(self, timeout_seconds: float) -> AbstractContextManager[object]:
        """Be a worker on this database until the end of the context, or of the process.

        Raises AnotherWorker when it takes one, and another is there and stays there for so long.
        """
        lock = self._engine.worker_lock
        return nullcontext() if lock is None else worker_place(lock, timeout_seconds)

    def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a write transaction and return its result once it is durable.

        An exception in `fn` undoes what it did and comes out here. Raises StorageUnavailable when nothing could
        be kept. `fn` may run in another thread, together with others in one commit, and on PostgreSQL once more
        after it met another transaction; so keep it short, start no other write in it, and touch nothing else.
        """
        return self._engine.write(lambda statements: fn(Tx(statements, self._keys)))

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` on one unchanging state of the database."""
        return self._engine.read(lambda statements: fn(Tx(statements, self._keys)))

    def listen(self, *topics: Topic) -> Listener:
        """A listener that hears of every commit that woke one of these topics, in any process; with none named, of
        all. Look for work after opening it.
        """
        return self._engine.listen(*topics)

    def notify(self) -> None:
        """Wake all listeners now."""
        self._engine.notify()

    def migrate(self, now: datetime) -> None:
        """Bring the tables up to date. Raises WrongKey when the database belongs to other keys."""
        self._engine.migrate(STEPS)

        def sign(tx: Tx) -> None:
            self._remember_keys(tx, now)
            tx.escalations.begin()

        self.write(sign)

    def is_current(self) -> bool:
        """Whether `migrate` has nothing to do."""
        return self._engine.is_current(STEPS)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.close()

    def _check_keys(self, tx: Tx) -> None:
        """Fail at the start rather than at the first word of the first student."""
        for row in tx.all("SELECT key_id, value FROM key_check ORDER BY key_id"):
            if row["key_id"] == _SECRET:
                if row["value"] != self._keys.hash("check"):
                    raise WrongKey("SECRET_KEY is not the one this database was written with")
            elif row["key_id"] in self._keys.ids:
                try:
                    self._keys.service[row["key_id"]].open(row["value"], "key_check.value", b"")
                except WrongKey:
                    raise WrongKey(
                        f"DATA_KEYS: the key {row['key_id']} is not the one this database was written with"
                    ) from None
            else:
                _check_unneeded(tx, row["key_id"])

    def _remember_keys(self, tx: Tx, now: datetime) -> None:
        self._check_keys(tx)
        values = {_SECRET: self._keys.hash("check")}
        for key_id in self._keys.ids:
            values[key_id] = self._keys.service[key_id].seal(b"check", "key_check.value", b"")
        for key_id, value in values.items():
            tx.run(
                "INSERT INTO key_check (key_id, value, added_at) VALUES (:key_id, :value, :now)"
                " ON CONFLICT (key_id) DO NOTHING",
                key_id=key_id,
                value=value,
                now=to_ms(now),
            )


def _check_unneeded(tx: Tx, key_id: str) -> None:
    """Raise WrongKey when keys of contacts, or of escalation records, which outlive them, lie under this one."""
    for table, what in (("contact", "contacts"), ("escalation", "escalation records")):
        if tx.one(f"SELECT id FROM {table} WHERE key_id = :key_id LIMIT 1", key_id=key_id):  # noqa: S608
            raise WrongKey(f"DATA_KEYS lacks the key {key_id}, and {what} are sealed with it")


def open_storage(url: str, keys: Keys, *, home: Path) -> Storage:
    """Open the store that `url` names; call `migrate` before using a new one.

    `sqlite:///data/file.db` is relative to `home`, `sqlite:////var/file.db` absolute;
    `postgresql://user:password@host/name` is a server. Raises StorageError for any other kind of URL,
    StorageUnavailable when the database does not answer, WrongKey when it was written with other keys.
    """
    engine = _engine(url, home)
    try:
        return Storage(engine, keys, _begun_files(url, keys, home))
    except BaseException:
        engine.close()
        raise


def _begun_files(url: str, keys: Keys, home: Path) -> BegunFiles:
    """Beside the database; where that is a server, in the folder `data` of the service."""
    if _is_server(url):
        return BegunFiles(home / "data" / "begun", f"{keys.hash('begun', url).hex()[:16]}-", boot_id())
    database = (home / url.partition("://")[2][1:]).absolute()
    return BegunFiles(begun_beside(database), "", boot_id())


def _is_server(url: str) -> bool:
    return url.partition("://")[0] in ("postgres", "postgresql")


def _engine(url: str, home: Path) -> Engine:
    scheme, separator, place = url.partition("://")
    if separator and _is_server(url):
        return _postgres(url)
    if scheme != "sqlite" or not separator or not place.startswith("/") or place == "/":
        raise StorageError(
            "DATABASE_URL: write sqlite:///data/file.db, or postgresql://user:password@host/name"
        )
    return SqliteEngine((home / place[1:]).absolute())


def _postgres(url: str) -> Engine:
    try:
        from storage.postgres_engine import PostgresEngine  # only now: whoever uses SQLite needs no psycopg
    except ImportError:
        raise StorageError(
            "DATABASE_URL names PostgreSQL, and its driver is not installed: pip install 'peersupport[postgres]'"
        ) from None
    return PostgresEngine(url)
