"""Which messages had begun to leave when a worker was killed: marks that outlive the process, not the machine.

A message is claimed in the commit that writes it, and its call to the channel comes later. Before that call a worker
notes the message's number in a file of its own, notes there too when the channel has taken it, and takes the note away
when the database has it. No flush: what a process has written stays when it is killed. After a power cut it may not,
so each file says in which run of the machine it was written (`boot_id`, see random(4)); none from another is believed.

Every doubt goes one way: without a file that can be believed, whatever was claimed may have gone out. In a file there
are our own row numbers, nothing else. Its worker holds a lock on it, which the system frees when that one dies.
"""

from __future__ import annotations

import contextlib
import logging
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
_MAGIC = "begun 1"
_SLOT = struct.Struct("<qq")  # a message's number and its complement, or twice the number: taken; zeros: free
_FREE = bytes(_SLOT.size)
_FIRST_SLOTS = 512  # written at the start, so that a disk that fills up later does not matter


def boot_id() -> str | None:
    """This run of the machine; None where that cannot be told."""
    try:
        return BOOT_ID.read_text("ascii").strip()[:64] or None
    except (OSError, UnicodeDecodeError):
        return None


def begun_beside(database: Path) -> Path:
    """The folder for marks that belongs to a database."""
    return database.with_name(database.name + ".begun")


@dataclass(frozen=True, slots=True)
class Left:
    """What a dead worker left: of all that it had claimed, these messages had begun to leave, and no others."""

    worker: str
    begun: frozenset[int]
    taken: frozenset[int]  # those of them that the channel has said yes to


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
        if len(lines) != 4 or data[:_HEAD] != self.head(lines[2]) or (len(data) - _HEAD) % _SLOT.size:
            return None
        slots = [(number, check) for number, check in _SLOT.iter_unpack(data[_HEAD:]) if number or check]
        if any(number <= 0 or check not in (number, ~number) for number, check in slots):
            return None
        taken = frozenset(number for number, check in slots if check == number)
        return Left(lines[2], frozenset(number for number, _ in slots), taken)


class Marks:
    """One worker's. May be used from any thread; does nothing before `open`, and where there can be no file."""

    def __init__(self, files: BegunFiles, worker: str) -> None:
        self._files = files
        self._worker = worker
        self._path = files.folder / f"{files.prefix}{worker}"
        self._lock = threading.Lock()
        self._file: int | None = None
        self._is_lost = False
        self._slots: dict[tuple[int, int], int] = {}  # by message and try
        self._free = list(range(_FIRST_SLOTS - 1, -1, -1))
        self._count = _FIRST_SLOTS

    def open(self) -> None:
        """Before anything is claimed under this worker's name."""
        head = self._files.head(self._worker)
        if self._files.boot is None or len(head) != _HEAD or sys.platform == "win32":
            return
        if self._file is not None or self._is_lost:
            return
        try:
            self._files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except OSError as error:
            log.warning("no_begun_file", extra={"error": type(error).__name__})
            return
        self._file = file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(file, _FREE * _FIRST_SLOTS, _HEAD)
            os.pwrite(file, head, 0)
        except OSError as error:
            self._give_up(error)

    def mark(self, outbox_id: int, tries: int) -> None:
        """The next thing that happens is this message's call."""
        key = (outbox_id, tries)
        with self._lock:
            if self._file is None or key in self._slots:
                return
            slot = self._free.pop() if self._free else self._count
            self._count = max(self._count, slot + 1)
            self._slots[key] = slot
            self._write(slot, _SLOT.pack(outbox_id, ~outbox_id))

    def taken(self, outbox_id: int, tries: int) -> None:
        """The channel has taken it, whole."""
        with self._lock:
            slot = self._slots.get((outbox_id, tries))
            if slot is not None and self._file is not None:
                self._write(slot, _SLOT.pack(outbox_id, outbox_id))

    def clear(self, outbox_id: int, tries: int) -> None:
        """What became of it is on disk."""
        with self._lock:
            slot = self._slots.pop((outbox_id, tries), None)
            if slot is not None and self._file is not None:
                self._free.append(slot)
                self._write(slot, _FREE)

    def close(self) -> None:
        """Nothing more begins. While there are marks the file stays, and its lock until the process ends: what hangs
        may still leave.
        """
        with self._lock:
            if self._file is not None and not self._slots:
                self._end()

    def _write(self, slot: int, data: bytes) -> None:
        try:
            os.pwrite(self._file or 0, data, _HEAD + slot * _SLOT.size)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A file that lacks a mark must not be believed, nor another one of this worker's."""
        self._is_lost = True
        log.error("begun_file_lost", extra={"error": type(error).__name__})
        self._end()

    def _end(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None


@contextlib.contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    file = os.open(path, how | getattr(os, "O_NOFOLLOW", 0))
    try:
        yield file
    finally:
        os.close(file)
