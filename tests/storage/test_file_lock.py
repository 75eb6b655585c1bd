"""One writer at a time among processes, each in its turn."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patience import PATIENCE

from storage import AnotherWorker, StorageUnavailable
from storage.file_lock import FileLock, worker_place

ROOT = Path(__file__).parents[2]


def test_only_one_has_the_lock_and_whoever_waits_too_long_is_told(tmp_path: Path) -> None:
    mine, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with mine.held(PATIENCE), pytest.raises(StorageUnavailable), other.held(0.01):
        pass
    with other.held(PATIENCE):
        pass
    mine.close()
    other.close()


def test_a_database_in_a_file_takes_one_worker_until_it_ends(tmp_path: Path) -> None:
    first = worker_place(tmp_path / "worker", 0)
    with pytest.raises(AnotherWorker, match="With SQLite there can be one"):
        worker_place(tmp_path / "worker", 0.01)
    ending = threading.Timer(0.05, first.close)
    ending.start()
    worker_place(tmp_path / "worker", PATIENCE).close()
    ending.join()


@pytest.mark.processes
def test_the_place_of_a_worker_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "worker"
    code = "import sys, pathlib; from storage.file_lock import worker_place as place;"
    code += "held = place(pathlib.Path(sys.argv[1]), 0); print('held', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(AnotherWorker):
            worker_place(path, 0)
        other.kill()
        other.wait()
        worker_place(path, 0).close()


def test_one_that_writes_without_a_pause_lets_the_waiting_one_in_next(tmp_path: Path) -> None:
    greedy, patient = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    at_the_gate, turns = threading.Event(), []
    take = patient._take

    def take_and_tell(file: int, end: float) -> None:
        if file == patient._file:
            at_the_gate.set()
        take(file, end)

    patient._take = take_and_tell  # type: ignore[method-assign]

    def wait_for_it() -> None:
        with patient.held(PATIENCE):
            turns.append("patient")

    thread = threading.Thread(target=wait_for_it)
    with greedy.held(PATIENCE):
        thread.start()
        assert at_the_gate.wait(PATIENCE)
    for _ in range(3):
        with greedy.held(PATIENCE):
            turns.append("greedy")
    thread.join()
    assert turns[0] == "patient"
    greedy.close()
    patient.close()
