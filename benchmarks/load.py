"""The load generator: load.c where there is a compiler, else the same in threads, slower."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_OUTCOME = struct.Struct("=dddii")
_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Shot:
    """What became of one request. Seconds of the monotonic clock."""

    scheduled: float
    started: float
    acked: float
    status: int  # 0: never begun, or never answered
    tries: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A whole run of the generator."""

    shots: tuple[Shot, ...]
    seconds: float
    cpu_seconds: float

    @property
    def cores(self) -> float:
        """How much of a core the generator used: near 1 it would be the limit itself."""
        return self.cpu_seconds / self.seconds if self.seconds else 0.0


class Generator:
    """Sends plans. `folder` takes the compiled program and the files that go back and forth."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = compiled(HERE / "load.c", folder / "load")

    @property
    def kind(self) -> str:
        """For the report."""
        return "C, epoll, one thread" if self._program else "Python, threads (no C compiler)"

    def fire(
        self,
        port: int,
        requests: tuple[bytes, ...],
        *,
        connections: int,
        rate: float = 0.0,
        limit_seconds: float = 600.0,
    ) -> Fired:
        """Send all requests. `rate` 0 is a closed loop; after `limit_seconds` nothing new is begun."""
        if self._program is None:
            return _Threads(port, requests, connections, rate, limit_seconds).run()
        plan, out = self._folder / "plan.bin", self._folder / "out.bin"
        with plan.open("wb") as file:
            for request in requests:
                file.write(struct.pack("=I", len(request)) + request)
        figures = [str(each) for each in (connections, rate, limit_seconds)]
        done = subprocess.run(
            [str(self._program), str(port), str(plan), str(out), *figures],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds, cpu_seconds = map(float, done.stdout.split())
        shots = tuple(Shot(*each) for each in _OUTCOME.iter_unpack(out.read_bytes()))
        return Fired(shots, seconds, cpu_seconds)


def compiled(source: Path, target: Path, *options: str) -> Path | None:
    """The program, or None where nothing can compile it."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    command = [compiler, "-O2", *options, "-o", str(target), str(source), "-ldl"]
    return None if subprocess.run(command, capture_output=True, check=False).returncode else target


class _Threads:
    """The same as load.c: one thread for each connection."""

    def __init__(
        self, port: int, requests: tuple[bytes, ...], connections: int, rate: float, limit_seconds: float
    ) -> None:
        self._port, self._requests, self._connections = port, requests, connections
        self._rate, self._limit = rate, limit_seconds
        self._next = 0
        self._lock = threading.Lock()
        self._shots = [Shot(0.0, 0.0, 0.0, 0, 0)] * len(requests)

    def run(self) -> Fired:
        self._begin = time.monotonic() + 0.05
        cpu = time.process_time()
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Fired(tuple(self._shots), time.monotonic() - self._begin, time.process_time() - cpu)

    def _take(self) -> int | None:
        with self._lock:
            number, self._next = self._next, self._next + 1
        due_at = self._begin + (number / self._rate if self._rate else 0.0)
        if number >= len(self._requests) or max(due_at, time.monotonic()) > self._begin + self._limit:
            return None
        time.sleep(max(0.0, due_at - time.monotonic()))
        return number

    def _work(self) -> None:
        file = None
        while (number := self._take()) is not None:
            started, tries, status = time.monotonic(), 0, 0
            due_at = self._begin + number / self._rate if self._rate else started
            while status != 200 and time.monotonic() < self._begin + self._limit + 30:
                if tries:
                    time.sleep(_AGAIN_SECONDS)
                tries += 1
                try:
                    file = file or socket.create_connection(("127.0.0.1", self._port), 30).makefile("rwb")
                    file.write(self._requests[number])
                    file.flush()
                    status, keep = _answer(file)
                except (OSError, ValueError):
                    status, keep = 0, False
                if not keep:
                    file = None
            self._shots[number] = Shot(due_at, started, time.monotonic(), status, tries)


def _answer(file: socket.SocketIO | object) -> tuple[int, bool]:
    """The status, and whether the connection stays. Raises ValueError when the other side hung up."""
    readline, read = file.readline, file.read  # type: ignore[attr-defined]
    first = readline().split()
    if len(first) < 2:
        raise ValueError("hung up")
    length, chunked, keep = 0, False, True
    while line := readline().strip().lower():
        length = int(line[15:]) if line.startswith(b"content-length:") else length
        chunked = chunked or (line.startswith(b"transfer-encoding:") and b"chunked" in line)
        keep = keep and line != b"connection: close"
    while chunked and (size := int(readline().split(b";")[0], 16)):
        read(size + 2)
    read(2 if chunked else length)
    return int(first[1]), keep
