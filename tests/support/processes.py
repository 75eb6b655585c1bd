"""The real processes for fault tests: web and worker as a platform starts them, beside the stand-in for Meta."""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

from patience import PATIENCE

from handlers.clock import real
from handlers.environment import new_keys
from handlers.simulator.graph import StandIn
from handlers.simulator.poster import Poster
from storage import Keys, Storage, open_storage

ROOT = Path(__file__).parents[2]
PAGE_ID, APP_ID, SECRET, TOKEN = "100000000000001", "200000000000002", "fault-secret", "demo-fault-token"


def free_port() -> int:
    """A port nobody has right now, nor is given until it is used: the system gives its own from 32768 upwards."""
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


class Processes:
    """One web and one worker process on one SQLite file in `folder`, or more of them on another database."""

    def __init__(
        self, folder: Path, graph_url: str, database_url: str | None = None, home: Path | None = None
    ) -> None:
        """`home`: the shipped content, if not this."""
        self.port = free_port()
        self._ports = {"web": self.port}
        self.keys = new_keys()
        self.database = folder / "data" / "faults.db"
        self.home = home or _home(folder / "home")
        self.logs = folder / "logs.txt"
        self.environ = {
            "PATH": os.environ["PATH"],
            "PAGE_ID": PAGE_ID,
            "APP_ID": APP_ID,
            "APP_SECRET": SECRET,
            "PAGE_ACCESS_TOKEN": TOKEN,
            "VERIFY_TOKEN": "verify",
            "DATABASE_URL": database_url or f"sqlite:///{self.database}",
            "GRAPH_API_URL": graph_url,
            "PORT": str(self.port),
            **self.keys,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        with closing(self.open()) as storage:
            storage.migrate(real())

    def _command(self, name: str) -> list[str]:
        return [sys.executable, str(ROOT / "app.py"), "--home", str(self.home), name]

    def start(self, name: str) -> None:
        """Start `web` or `worker`, or a further one such as `web-2`; returns when it answers, for web."""
        kind = name.partition("-")[0]
        with self.logs.open("ab") as logs:
            self.running[name] = subprocess.Popen(
                self._command(kind),
                env={**self.environ, "PORT": str(self.port_of(name))},
                cwd=ROOT,
                stdout=logs,
                stderr=logs,
                start_new_session=True,
            )
        if kind == "web":
            self._answers(self.running[name], self.port_of(name))

    def port_of(self, name: str) -> int:
        """Where this process listens, if it does."""
        return self._ports.setdefault(name, free_port())

    def _answers(self, process: subprocess.Popen[bytes], port: int) -> None:
        pause, deadline = threading.Event(), time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10):
                    return
            except (urllib.error.URLError, OSError):
                pause.wait(0.05)
        raise AssertionError(f"web did not start: {self.logs.read_text('utf-8')[-2000:]}")

    def kill(self, name: str) -> None:
        """SIGKILL, to the process and what it forked."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def terminate(self, name: str, seconds: float = PATIENCE) -> int:
        """SIGTERM, as a platform asks a process to stop; its exit code. Raises when it takes longer."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(seconds)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def largest_file(self, name: str, size: int) -> None:
        """From now on no file of this process may grow beyond `size` bytes: its disk is full. -1: it is not."""
        for pid in _group(self.running[name].pid):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))

    def stop(self) -> None:
        """End everything."""
        for name in list(self.running):
            self.kill(name)

    def open(self) -> Storage:
        """The store, from this process."""
        keys = Keys.from_environment(self.keys["DATA_KEYS"], self.keys["SECRET_KEY"])
        return open_storage(self.environ["DATABASE_URL"], keys, home=self.home)


def _home(folder: Path) -> Path:
    """The shipped content, in a folder of its own: a process may also write beside it."""
    folder.mkdir()
    for name in ("config.yaml", "flows"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def stand_in() -> StandIn:
    """Meta, with the fault tests' secrets."""
    return StandIn(page_id=PAGE_ID, app_id=APP_ID, token=TOKEN, app_secret=SECRET)


def poster(port: int, *, copies: int = 1) -> Poster:
    """Posts webhooks until they are accepted, like Meta, but sooner: nobody is to wait in a test."""
    return Poster(
        f"http://127.0.0.1:{port}/webhook",
        SECRET,
        copies=copies,
        timeout_seconds=10,
        pauses_seconds=(0.0, *[0.1] * 600),
    )


def _group(leader: int) -> list[int]:
    """The processes of one group."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.getpgid(int(name)) == leader:
                found.append(int(name))
        except ProcessLookupError:
            continue
    return found


def wait_for(condition, storage: Storage, seconds: float = PATIENCE) -> bool:
    """Wait until the store says so; wakes with its commits."""
    listener = storage.listen()
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            if condition():
                return True
            listener.wait(0.2)
        return bool(condition())
    finally:
        listener.close()
