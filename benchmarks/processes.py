"""Starting what is measured, and what it costs: processor time and memory of a whole process group, from /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port nobody has right now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 60.0) -> None:
    """Until something takes connections there. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("it did not begin to listen")


class Group:
    """One command with everything it starts. `variables` come on top of our own environment."""

    def __init__(self, command: Sequence[str], *, variables: dict[str, str], folder: Path, log: Path) -> None:
        pairs = [f"{name}={value}" for name, value in variables.items()]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                ["env", *pairs, *command], cwd=folder, stdout=file, stderr=file, start_new_session=True
            )

    def _pids(self) -> list[str]:
        return [pid for pid in os.listdir("/proc") if pid.isdigit() and self._holds(int(pid))]

    def _holds(self, pid: int) -> bool:
        try:
            return os.getpgid(pid) == self._process.pid
        except OSError:
            return False

    def cpu_seconds(self) -> float:
        """User and system time of all its processes."""
        total = 0
        for pid in self._pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def memory_mb(self) -> tuple[float, float]:
        """Resident and proportional megabytes; what processes share counts once in the second only."""
        rss = pss = 0
        for pid in self._pids():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            sizes = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
            rss += sizes["Rss:"]
            pss += sizes["Pss:"]
        return rss / 1024, pss / 1024

    def kill(self) -> None:
        """SIGKILL, to all of them."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Watch:
    """Looks at groups once a second while they are under load, and keeps the largest figures."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.rss_mb = self.pss_mb = 0.0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(1.0):
            sizes = [group.memory_mb() for group in self._groups]
            self.rss_mb = max(self.rss_mb, sum(rss for rss, _ in sizes))
            self.pss_mb = max(self.pss_mb, sum(pss for _, pss in sizes))
