"""Waking up: across threads and processes, never lost, and nobody dead is kept."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE
from storage_factories import NOW, add_contact, new, only_sqlite

from storage import Storage

RING = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from storage_factories import make_storage, new, NOW
storage = make_storage(Path({home!r}), url={url!r})
storage.write(lambda tx: tx.inbox.add([new("from another process")], NOW))
storage.close()
"""


def test_a_wake_before_the_wait_is_not_lost(storage: Storage) -> None:
    listener = storage.listen()
    storage.write(lambda tx: tx.wake("screens"))
    assert listener.wait(PATIENCE)
    assert not listener.wait(0)
    listener.close()


def test_several_wakes_are_one(storage: Storage) -> None:
    listener = storage.listen()
    for _ in range(5):
        storage.notify()
    assert listener.wait(PATIENCE)
    assert not listener.wait(0)
    listener.close()


def test_every_waiting_thread_is_woken(storage: Storage) -> None:
    listeners = [storage.listen() for _ in range(4)]
    woken: list[bool] = []
    threads = [threading.Thread(target=lambda one=one: woken.append(one.wait(PATIENCE))) for one in listeners]
    for thread in threads:
        thread.start()
    storage.notify()
    for thread in threads:
        thread.join()
    assert woken == [True] * 4
    for one in listeners:
        one.close()


@pytest.mark.processes
def test_a_commit_in_another_process_wakes_us(storage: Storage, tmp_path: Path, database_url: str) -> None:
    listener = storage.listen()
    here = Path(__file__).parent
    code = RING.format(root=str(here.parents[1]), here=str(here), home=str(tmp_path), url=database_url)
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        assert listener.wait(PATIENCE)
    assert other.returncode == 0
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 1
    listener.close()


def test_what_was_rolled_back_wakes_nobody(storage: Storage) -> None:
    listener = storage.listen()
    before = storage.read(lambda tx: tx.handoffs.last_change())

    def fail(tx: object) -> None:
        tx.wake("screens")  # type: ignore[attr-defined]
        raise LookupError

    with pytest.raises(LookupError):
        storage.write(fail)
    assert not listener.wait(0)
    assert storage.read(lambda tx: tx.handoffs.last_change()) == before
    listener.close()


def test_an_event_wakes_the_worker_and_a_change_also_the_console(storage: Storage) -> None:
    contact = add_contact(storage)
    listener = storage.listen()
    before = storage.read(lambda tx: tx.handoffs.last_change())
    storage.write(lambda tx: tx.inbox.add([new()], NOW))
    assert listener.wait(PATIENCE)
    assert storage.read(lambda tx: tx.handoffs.last_change()) == before
    storage.write(lambda tx: tx.transcript.add_note(contact, 1, "Ola", "ord", NOW))
    assert listener.wait(PATIENCE)
    assert storage.read(lambda tx: tx.handoffs.last_change()) > before
    listener.close()


def test_a_listener_is_not_woken_by_what_it_does_not_listen_for(storage: Storage) -> None:
    letters, screens = storage.listen("outbox", "inbox"), storage.listen("screens")
    storage.write(lambda tx: tx.wake("inbox"))
    assert letters.wait(PATIENCE)
    storage.write(lambda tx: tx.wake("screens"))
    assert screens.wait(PATIENCE)
    assert not letters.wait(0)
    letters.close()
    screens.close()


def test_closing_ends_a_wait_that_is_under_way(storage: Storage) -> None:
    listener = storage.listen()
    woken: list[bool] = []
    thread = threading.Thread(target=lambda: woken.append(listener.wait(PATIENCE)))
    thread.start()
    listener.close()
    thread.join()
    assert woken == [False]
    assert not listener.wait(0)
    listener.close()


@only_sqlite
def test_the_ports_of_closed_and_dead_listeners_are_forgotten(
    make: Callable[..., Storage], tmp_path: Path
) -> None:
    storage = make()
    folder = tmp_path / "data" / "peersupport.db.wake"
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    (folder / "65001").write_text(str(dead.pid))
    listener = storage.listen()
    assert len(list(folder.iterdir())) == 1
    listener.close()
    assert list(folder.iterdir()) == []
    storage.notify()


@only_sqlite
def test_listener_whose_file_was_tidied_away_is_found_again_after_its_next_quiet_wait(
    storage: Storage, tmp_path: Path
) -> None:
    listener = storage.listen()
    for file in next(tmp_path.rglob("*.wake")).iterdir():
        file.unlink()
    assert not listener.wait(0)
    storage.notify()
    assert listener.wait(PATIENCE)
    listener.close()


def test_commit_is_no_failure_because_nobody_could_be_woken(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(path: object) -> list[str]:
        raise OSError(24, "too many open files")

    monkeypatch.setattr("storage.wake.os.listdir", too_many)
    assert storage.write(lambda tx: tx.inbox.add([new("m1")], NOW))
    assert storage.read(lambda tx: tx.inbox.pending_count()) == 1
