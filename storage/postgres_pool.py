"""Connections kept open for the next transaction.

They are opened by whoever needs one more, in that thread. So with the server away every call fails at once
instead of waiting for its turn, and the first call after it is back works.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

import psycopg
from psycopg.pq import TransactionStatus

from storage.errors import StorageUnavailable
from storage.postgres_sql import Connection, StalePlan, translated

_WAIT_SECONDS = 5.0  # for a connection, when all are in use


class ConnectionPool:
    """At most `most` connections, opened by `connect`."""

    def __init__(self, connect: Callable[[], Connection], most: int) -> None:
        self._connect = connect
        self._free = threading.BoundedSemaphore(most)
        self._idle: deque[Connection] = deque()
        self._closed = False

    @contextlib.contextmanager
    def begun(self, begin: str) -> Iterator[Connection]:
        """A connection that has executed `begin`; rolled back at the end unless the transaction is over by then."""
        if not self._free.acquire(timeout=_WAIT_SECONDS):
            raise StorageUnavailable("all connections to the database are in use")
        try:
            connection = self._begin(begin)
            try:
                yield connection
            except StalePlan:  # somebody has migrated: what lies idle is no better
                connection.close()
                self._close_idle()
                raise
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close what is idle now, and the others when their transactions end."""
        self._closed = True
        self._close_idle()

    def _begin(self, begin: str) -> Connection:
        while True:
            try:
                connection = self._idle.pop()  # the one used last: the others may be let go by the server
            except IndexError:
                break
            try:
                connection.execute(begin)
            except psycopg.Error:  # broken meanwhile, and so are those that lay idle longer
                connection.close()
            else:
                return connection
        with translated():
            connection = self._connect()
            connection.execute(begin)
        return connection

    def _give_back(self, connection: Connection) -> None:
        with contextlib.suppress(psycopg.Error):
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
            connection.close()
            return
        self._idle.append(connection)
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()
