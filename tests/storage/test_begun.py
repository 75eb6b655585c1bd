"""Marks of what had begun to leave: they outlive their process, and every doubt is none of them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from storage import begun
from storage.begun import BegunFiles, Left, Marks


@pytest.fixture
def files(tmp_path: Path) -> BegunFiles:
    return BegunFiles(tmp_path / "service.db.begun", "", "this run")


def opened(files: BegunFiles, worker: str = "7-abc") -> Marks:
    marks = files.marks_of(worker)
    marks.open()
    return marks


def dies(marks: Marks) -> None:
    """As when its process is killed: the system closes the file, and nothing else happens."""
    assert marks._map is not None
    marks._map.close()
    marks._map = None


def only(files: BegunFiles) -> Path:
    (path,) = files.folder.iterdir()
    return path


def test_what_had_begun_and_what_was_taken_is_told_of_a_dead_worker_once(files: BegunFiles) -> None:
    marks = opened(files)
    for number in (11, 12, 13, 14):
        marks.mark(number, 0)
    marks.taken(12, 0)
    marks.clear(13, 0)
    marks.mark(15, 1)  # in the place of 13
    dies(marks)
    assert list(files.left()) == [
        Left("7-abc", frozenset({(11, 0), (12, 0), (14, 0), (15, 1)}), frozenset({(12, 0)}))
    ]
    assert list(files.left()) == []


def test_an_earlier_try_that_is_recorded_late_takes_no_other_mark_away(files: BegunFiles) -> None:
    marks = opened(files)
    marks.mark(11, 0)
    marks.mark(11, 1)  # tried again before the first try's mark was taken away
    marks.clear(11, 0)
    dies(marks)
    assert [left.begun for left in files.left()] == [{(11, 1)}]


def test_a_living_workers_file_is_its_own(files: BegunFiles) -> None:
    living, dead = opened(files, "1-a"), opened(files, "2-b")
    dies(dead)
    assert [left.worker for left in files.left()] == ["2-b"]
    assert only(files).name == "1-a"
    living.close()
    assert list(files.folder.iterdir()) == []


def test_what_is_not_acted_on_is_told_again(files: BegunFiles) -> None:
    dies(opened(files))
    left = files.left()
    next(left)
    left.close()  # the store was away
    assert len(list(files.left())) == 1


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (begun._HEAD, b"\x0b"),  # half a mark
        (begun._HEAD + 8, b"\x0b"),  # the other half
        (3, b"?"),
        (begun._SIZE, b"\0"),  # longer than it is made
    ],
)
def test_a_file_with_something_strange_in_it_is_not_believed_and_goes(
    files: BegunFiles, at: int, data: bytes
) -> None:
    dies(opened(files))
    with only(files).open("r+b") as file:
        file.seek(at)
        file.write(data)
    assert list(files.left()) == [] and list(files.folder.iterdir()) == []


def test_a_file_from_before_the_machine_started_anew_is_not_believed(files: BegunFiles) -> None:
    dies(opened(files))
    assert list(BegunFiles(files.folder, "", "another run").left()) == []
    assert list(files.left()) == [], "it is gone"


def test_where_the_run_of_the_machine_cannot_be_told_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begun, "BOOT_ID", tmp_path / "none")
    files = BegunFiles(tmp_path / "begun", "", begun.boot_id())
    opened(files).mark(11, 0)
    assert not files.folder.exists() and list(files.left()) == []


def test_when_there_is_no_room_for_a_mark_no_file_is_left_to_be_believed(
    files: BegunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begun, "_SLOTS", 2)
    monkeypatch.setattr(begun, "_SIZE", begun._HEAD + 2 * 16)
    marks = opened(files)
    for number in (11, 12, 13):
        marks.mark(number, 0)
    assert list(files.folder.iterdir()) == []
    marks.clear(11, 0)
    marks.open()  # its loop begins again
    marks.mark(14, 0)
    assert list(files.folder.iterdir()) == []


def test_a_disk_that_is_full_at_the_start_means_no_file(
    files: BegunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        marks = opened(files)
    marks.mark(11, 0)
    assert list(files.folder.iterdir()) == []


def test_the_file_stays_while_something_may_still_leave(files: BegunFiles) -> None:
    marks = opened(files)
    marks.mark(11, 0)
    marks.close()
    assert list(files.left()) == [], "its process lives"
    dies(marks)
    assert [left.begun for left in files.left()] == [{(11, 0)}]


def test_only_this_account_reads_it_and_databases_are_kept_apart(tmp_path: Path) -> None:
    one, other = BegunFiles(tmp_path / "begun", "a-", "run"), BegunFiles(tmp_path / "begun", "b-", "run")
    dies(opened(one))
    assert stat.S_IMODE(only(one).stat().st_mode) == 0o600
    assert stat.S_IMODE(one.folder.stat().st_mode) == 0o700
    assert list(other.left()) == [] and len(list(one.left())) == 1
