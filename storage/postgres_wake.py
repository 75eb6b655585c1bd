"""Waking up waiting threads and processes through PostgreSQL's LISTEN and NOTIFY.

Within a process a commit rings its listeners directly. One thread per process, with a connection of its own, tells
the other processes and hears from them; a NOTIFY carries its sender's name, so that nothing is heard twice.

The NOTIFY follows the commit and is not part of it: PostgreSQL lets transactions that notify commit only one after
the other, each waiting for the disk, which halves what the webhook can take in. So one NOTIFY stands for all
commits since the last. A process that dies in between leaves the others to their next look, half a second away.
"""

from __future__ import annotations

import contextlib
import secrets
import selectors
import socket
import threading
from collections.abc import Callable, Collection

import psycopg

from storage.engine import TOPICS, Topic
from storage.postgres_sql import Connection

_CHANNEL = "peersupport"
_PING_SECONDS = 10.0  # between two looks whether the listening connection still lives
_PAUSES_SECONDS = (0.1, 0.5, 1.0, 2.0)  # before connecting anew; the last one repeats


class PostgresListener:
    """See `engine.Listener`."""

    def __init__(self, forget: Callable[[PostgresListener], None], topics: Collection[Topic]) -> None:
        self._forget = forget
        self._topics = frozenset(topics)
        self._changed = threading.Condition()
        self._rung = False
        self._closed = False

    def wait(self, timeout_seconds: float) -> bool:
        """Block until woken (True), or for so long (False)."""
        with self._changed:
            self._changed.wait_for(lambda: self._rung or self._closed, max(timeout_seconds, 0.0))
            rung, self._rung = self._rung and not self._closed, False
            return rung

    def ring(self, topics: Collection[str]) -> None:
        """End a wait that is under way, else the next one, if this is about one of these."""
        if self._topics.isdisjoint(topics):
            return
        with self._changed:
            self._rung = True
            self._changed.notify_all()

    def close(self) -> None:
        """Stop listening; a `wait` that is under way returns False."""
        self._forget(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class PostgresBell:
    """Rings all listeners of one database. `connect` opens a connection that is nobody else's."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._name = secrets.token_hex(8)
        self._mutex = threading.Lock()
        self._listeners: set[PostgresListener] = set()
        self._thread: threading.Thread | None = None
        self._hears = threading.Event()
        self._closed = threading.Event()
        self._to_tell: set[Topic] = set()
        self._poke, self._poked = socket.socketpair()
        self._poke.setblocking(False)
        self._poked.setblocking(False)

    def listen(self, topics: Collection[Topic]) -> PostgresListener:
        """A new listener for these; for none named, for all.

        With the server away it hears of this process alone until the server is back.
        """
        listener = PostgresListener(self._forget, topics or TOPICS)
        with self._mutex:
            self._listeners.add(listener)
        self._begin()
        self._hears.wait(_PING_SECONDS)
        return listener

    def ring(self, topics: Collection[Topic]) -> None:
        """Wake the listeners for these in this process now, and those in the others in a moment."""
        self._ring_here(topics)
        with self._mutex:
            self._to_tell.update(topics)
        self._begin()
        self._poke_thread()

    def close(self) -> None:
        """Ring no more."""
        self._closed.set()
        self._poke_thread()
        if self._thread is not None:
            self._thread.join()
        self._poke.close()
        self._poked.close()

    def _begin(self) -> None:
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="postgres-bell", daemon=True)
                self._thread.start()

    def _poke_thread(self) -> None:
        with contextlib.suppress(OSError):  # full: it is poked already; closed: it is over
            self._poke.send(b"p")

    def _forget(self, listener: PostgresListener) -> None:
        with self._mutex:
            self._listeners.discard(listener)

    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set() or (self._to_tell and not failures):
            was_deaf = self._hears.is_set()
            with contextlib.suppress(psycopg.Error, OSError), self._connect() as connection:
                connection.execute(f"LISTEN {_CHANNEL}")
                failures = 0
                self._hears.set()
                if was_deaf:  # whatever was rung meanwhile was not heard
                    self._ring_here(TOPICS)
                self._hear_and_tell(connection)
            self._hears.set()
            self._closed.wait(_PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)])
            failures += 1

    def _hear_and_tell(self, connection: Connection) -> None:
        """Until the connection breaks, which raises, or the bell is closed."""
        with selectors.DefaultSelector() as waits:
            waits.register(connection, selectors.EVENT_READ)
            waits.register(self._poked, selectors.EVENT_READ)
            while True:
                with self._mutex:
                    topics, self._to_tell = sorted(self._to_tell), set()
                if topics:
                    connection.execute(f"NOTIFY {_CHANNEL}, '{self._name} {' '.join(topics)}'")
                for notice in connection.notifies(timeout=0):
                    name, *told = notice.payload.split()
                    if name != self._name:
                        self._ring_here(told)
                if self._closed.is_set():
                    return
                if not waits.select(_PING_SECONDS):
                    connection.execute("SELECT 1")
                with contextlib.suppress(BlockingIOError):
                    self._poked.recv(4096)

    def _ring_here(self, topics: Collection[str]) -> None:
        with self._mutex:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.ring(topics)
