"""One writer at a time on one machine: a lock on a file beside the database.

SQLite's own waiting sleeps up to 100 ms between two looks, which two writing processes feel. And a checkpoint
cannot run inside a transaction, so only a lock outside SQLite keeps other processes from writing meanwhile.

The lock is fair: whoever wants it goes through a second lock, the gate, and keeps that until it has the first.
A process that writes without a pause cannot pass the gate again before the one that waits there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from storage.errors import AnotherWorker, StorageUnavailable

if sys.platform != "win32":
    import fcntl

_FIRST_PAUSE_SECONDS = 0.0002
_LONGEST_PAUSE_SECONDS = 0.001


ANOTHER_WORKER = (
    "Another worker is at work on this database. With SQLite there can be one: stop the other one first"
    " (`peersupport serve` has one, too), or use PostgreSQL, which takes as many as you like."
)


def worker_place(path: Path, timeout_seconds: float) -> contextlib.ExitStack:
    """Hold the lock of a database's one worker. Raises AnotherWorker when somebody else has it for so long."""
    with contextlib.ExitStack() as made:
        lock = FileLock(path)
        made.callback(lock.close)
        try:
            made.enter_context(lock.held(timeout_seconds))
        except StorageUnavailable:
            raise AnotherWorker(ANOTHER_WORKER) from None
        return made.pop_all()


class FileLock:
    """An advisory lock; freed by the system when its process dies."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            self._gate = os.open(path.with_name(path.name + "-gate"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StorageUnavailable(f"cannot create the lock file: {error.strerror}") from error

    @contextlib.contextmanager
    def held(self, timeout_seconds: float) -> Iterator[None]:
        """Hold the lock. Raises StorageUnavailable when another process keeps it for so long."""
        self._acquire(timeout_seconds)
        try:
            yield
        finally:
            self._release()

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._file)
        os.close(self._gate)

    if sys.platform == "win32":

        def _acquire(self, timeout_seconds: float) -> None:
            """Nothing: where SQLite comes without the checkpoint bug its own locks are enough."""

        def _release(self) -> None:
            """Nothing."""

    else:

        def _acquire(self, timeout_seconds: float) -> None:
            end = time.monotonic() + timeout_seconds
            self._take(self._gate, end)
            try:
                self._take(self._file, end)
            finally:
                fcntl.flock(self._gate, fcntl.LOCK_UN)

        @staticmethod
        def _take(file: int, end: float) -> None:
            pause = _FIRST_PAUSE_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise StorageUnavailable("another process has been writing for too long") from None
                    time.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                else:
                    return

        def _release(self) -> None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
