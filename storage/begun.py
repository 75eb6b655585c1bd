"""Which messages had begun to leave when a worker was killed: marks that outlive the process, not the machine.

A message is claimed in the commit that writes it, and its call to the channel comes later. Before that call a worker
notes the message's number and its try in a file of its own, notes there too when the channel has taken it, and takes
the note away when the database has it. No flush: what a process has written stays when it is killed. After a power cut
it may not, so each file says in which run of the machine it was written (`boot_id`, see random(4)); none from another
is believed.
And no call of the system: the file is mapped, for a call would hand the interpreter to another thread each time.

Every doubt goes one way: without a file that can be believed, whatever was claimed may have gone out. In a file there
are our own row numbers, nothing else. Its worker holds a lock on it, which the system frees when that one dies.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("peersupport.begun")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_HEAD = 128
_MAGIC = "begun 2"
_SLOT = struct.Struct("<qq")  # a mark and its complement, or twice the mark: taken; zeros: free
_TRIES = 1 << 16  # a mark is the message's number times this, and its try
_FREE = bytes(_SLOT.size)
_SLOTS = 4096  # many more than are ever under way; written at the start, so that a disk that fills up does not matter
_SIZE = _HEAD + _SLOTS * _SLOT.size


def boot_id() -> str | None:
    """This run of the machine; None where that cannot be told."""
    try:
        return BOOT_ID.read_text("ascii").strip()[:64] or None
    except (OSError, UnicodeDecodeError):
        return None


def begun_beside(database: Path) -> Path:
    """The folder for marks that belongs to a database."""
    return database.with_name(database.name + ".begun")


Try = tuple[int, int]  # a message's number, and how often it had been tried before


@dataclass(frozen=True, slots=True)
class Left:
    """What a dead worker left: of all that it had claimed, these messages had begun to leave, and no others. Each with
    its try: what has been tried again since is another matter.
    """

    worker: str
    begun: frozenset[Try]
    taken: frozenset[Try]  # those of them that the channel has said yes to


@dataclass(frozen=True, slots=True)
class BegunFiles:
    """Where the workers of one database keep their marks. `boot` None: nowhere, nothing could be believed."""

    folder: Path
    prefix: str  # of this database's files, where others' may lie in the same folder
    boot: str | None

    def marks_of(self, worker: str) -> Marks:
        """This worker's, not opened yet."""
        return Marks(self, worker)

    def left(self) -> Iterator[Left]:
        """What each dead worker left. Its file goes when the next one is asked for: act on it before."""
        if self.boot is None or sys.platform == "win32":
            return
        for path in sorted(self.folder.glob(f"{self.prefix}*")):
            with contextlib.suppress(OSError), _opened(path, os.O_RDWR) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: its worker lives
                found = self._read(file)
                if found is not None:
                    yield found
                path.unlink(missing_ok=True)

    def head(self, worker: str) -> bytes:
        """How a file of this worker begins."""
        return f"{_MAGIC}\n{self.boot}\n{worker}\n".encode().ljust(_HEAD, b"\0")

    def _read(self, file: int) -> Left | None:
        """None: there is something about it that we have not written, or not in this run of the machine."""
        data = os.pread(file, os.fstat(file).st_size, 0)
        lines = data[:_HEAD].decode("ascii", "replace").split("\n")
        if len(lines) != 4 or data[:_HEAD] != self.head(lines[2]) or len(data) != _SIZE:
            return None
        slots = [(mark, check) for mark, check in _SLOT.iter_unpack(data[_HEAD:]) if mark or check]
        if any(mark < _TRIES or check not in (mark, ~mark) for mark, check in slots):
            return None
        taken = frozenset(divmod(mark, _TRIES) for mark, check in slots if check == mark)
        return Left(lines[2], frozenset(divmod(mark, _TRIES) for mark, _ in slots), taken)


class Marks:
    """One worker's. May be used from any thread; does nothing before `open`, and where there can be no file."""

    def __init__(self, files: BegunFiles, worker: str) -> None:
        self._files = files
        self._worker = worker
        self._path = files.folder / f"{files.prefix}{worker}"
        self._lock = threading.Lock()
        self._map: mmap.mmap | None = None
        self._is_lost = False
        self._slots: dict[Try, int] = {}
        self._free = list(range(_SLOTS - 1, -1, -1))

    def open(self) -> None:
        """Before anything is claimed under this worker's name."""
        head = self._files.head(self._worker)
        if self._files.boot is None or len(head) != _HEAD or sys.platform == "win32":
            return
        if self._map is not None or self._is_lost:
            return
        try:
            self._files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _opened(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.pwrite(file, head + _FREE * _SLOTS, 0) == _SIZE:
                        self._map = mmap.mmap(file, _SIZE)  # which keeps the file open, and so the lock
                finally:
                    if self._map is None:
                        self._path.unlink()
        except OSError as error:
            log.warning("no_begun_file", extra={"error": type(error).__name__})

    def mark(self, outbox_id: int, tries: int) -> None:
        """The next thing that happens is this message's call."""
        key = (outbox_id, tries)
        with self._lock:
            if self._map is None or key in self._slots:
                return
            if not self._free:
                log.error("begun_file_full")
                self._is_lost = (
                    True  # it would lack this mark: neither it nor another of this worker's is believed
                )
                self._end()
                return
            self._slots[key] = self._free.pop()
            mark = outbox_id * _TRIES + tries
            self._write(self._slots[key], _SLOT.pack(mark, ~mark))

    def taken(self, outbox_id: int, tries: int) -> None:
        """The channel has taken it, whole."""
        with self._lock:
            slot = self._slots.get((outbox_id, tries))
            if slot is not None:
                mark = outbox_id * _TRIES + tries
                self._write(slot, _SLOT.pack(mark, mark))

    def clear(self, outbox_id: int, tries: int) -> None:
        """What became of it is on disk."""
        with self._lock:
            slot = self._slots.pop((outbox_id, tries), None)
            if slot is not None:
                self._free.append(slot)
                self._write(slot, _FREE)

    def close(self) -> None:
        """Nothing more begins. While there are marks the file stays, and its lock until the process ends: what hangs
        may still leave.
        """
        with self._lock:
            if not self._slots:
                self._end()

    def _write(self, slot: int, data: bytes) -> None:
        if self._map is not None:
            at = _HEAD + slot * _SLOT.size
            self._map[at : at + _SLOT.size] = data

    def _end(self) -> None:
        if self._map is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._map.close()
            self._map = None


@contextlib.contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    file = os.open(path, how | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        yield file
    finally:
        os.close(file)
