"""Waking up waiting threads and processes on one machine: a byte over loopback UDP.

Each listener has a port of its own and writes its number, with the first letters of what it listens for, as a
file name into a folder beside the database; the file holds the process id. A byte that arrives between two waits
stays in the socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path

from storage.engine import TOPICS, Topic

_ALL = "".join(topic[0] for topic in TOPICS)
_SWEEP_EVERY = 256  # notifications between two looks for listeners whose process has died
_SETTLED_NS = 100_000_000  # a folder's time stands still for some milliseconds, in which more may change


class UdpListener:
    """See `engine.Listener`."""

    def __init__(self, folder: Path, topics: Collection[Topic]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._port: int = self._socket.getsockname()[1]
        self._file = folder / f"{self._port}{_letters(topics)}"
        self._waiting = threading.Lock()
        self._closed = False
        self._announce()

    def wait(self, timeout_seconds: float) -> bool:
        """Block until woken (True), or for so long (False)."""
        with self._waiting:
            if self._closed:
                return False
            self._socket.settimeout(max(timeout_seconds, 0.0))
            try:
                self._socket.recv(1)
            except (TimeoutError, BlockingIOError):
                if not self._file.exists():  # somebody tidied the folder, or took us for dead
                    self._announce()
                return False
            self._drain()
            return not self._closed

    def _announce(self) -> None:
        """Be found by whoever rings. With a full disk `wait` ends by its timeout alone, and tries this again."""
        if not self._closed:
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(mode=0o700, exist_ok=True)
                self._file.write_text(str(os.getpid()))

    def _drain(self) -> None:
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)

    def close(self) -> None:
        """Stop listening; a `wait` that is under way returns False."""
        if self._closed:
            return
        self._closed = True
        self._file.unlink(missing_ok=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"c", ("127.0.0.1", self._port))
        with self._waiting:
            self._socket.close()


class Bell:
    """Rings all listeners of one database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._rung = 0
        self._known: tuple[list[tuple[str, int, str]], int] = ([], -1)

    def listen(self, topics: Collection[Topic]) -> UdpListener:
        """A new listener for these; for none named, for all."""
        self._sweep()
        return UdpListener(self._folder, topics or TOPICS)

    def ring(self, topics: Collection[Topic]) -> None:
        """Send one byte to each listener for one of these.

        Never blocks and never raises: what it tells of is committed. A full buffer means that the listener is
        woken already.
        """
        self._rung += 1
        if self._rung % _SWEEP_EVERY == 0:
            self._sweep()
        wanted = set(_letters(topics))
        for letters, port, name in self._listeners():
            if wanted.isdisjoint(letters):
                continue
            try:
                self._socket.sendto(b"w", ("127.0.0.1", port))
            except BlockingIOError:
                continue
            except OSError:
                if self._socket.fileno() == -1:  # closed meanwhile; the listeners are not to blame
                    return
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Ring no more."""
        self._socket.close()

    def _listeners(self) -> list[tuple[str, int, str]]:
        """Letters, port and file of each. The folder is only read again when it has changed."""
        known, seen = self._known
        try:
            changed = os.stat(self._folder).st_mtime_ns
        except OSError:
            changed = -1
        if changed == -1 or changed != seen:
            known = [(name[len(name.rstrip(_ALL)) :], int(name.rstrip(_ALL)), name) for name in self._names()]
            is_settled = time.time_ns() - changed > _SETTLED_NS
            self._known = known, changed if is_settled else -1
        return known

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if name.rstrip(_ALL).isdecimal()]
        except OSError:  # gone, or no file may be opened now: waits end by their timeouts
            return []

    def _sweep(self) -> None:
        """Remove the files of listeners whose process is gone."""
        for name in self._names():
            file = self._folder / name
            try:
                text = file.read_text()
            except OSError:
                continue
            if text.isdecimal() and not _is_alive(int(text)):
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)


def _letters(topics: Collection[Topic]) -> str:
    return "".join(sorted(topic[0] for topic in topics))


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # there, signal 0 would end the process instead of asking
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it exists and belongs to somebody else
        return True
    return True
