"""One writer at a time among processes, each in its turn."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from storage import StorageUnavailable
from storage.file_lock import FileLock


def test_only_one_has_the_lock_and_whoever_waits_too_long_is_told(tmp_path: Path) -> None:
    mine, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with mine.held(1), pytest.raises(StorageUnavailable), other.held(0.01):
        pass
    with other.held(1):
        pass
    mine.close()
    other.close()


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
        with patient.held(20):
            turns.append("patient")

    thread = threading.Thread(target=wait_for_it)
    with greedy.held(1):
        thread.start()
        assert at_the_gate.wait(20)
    for _ in range(3):
        with greedy.held(20):
            turns.append("greedy")
    thread.join()
    assert turns[0] == "patient"
    greedy.close()
    patient.close()
