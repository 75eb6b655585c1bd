"""One commit for many writers: all or none of each one's work, and each gets its own answer."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE
from storage_factories import NOW, count, in_threads, new, only_sqlite

from storage import Storage, StorageError, StorageUnavailable, Tx


def bump(name: str) -> Callable[[Tx], None]:
    return lambda tx: tx.counters.bump(name)


def write_together(storage: Storage, work: list[Callable[[Tx], object]]) -> list[object]:
    """Make all of them wait behind one write, so that they come into one batch; results or errors in order."""
    leader_runs, go = threading.Event(), threading.Event()
    outcomes: list[object] = [None] * len(work)

    def hold(tx: Tx) -> None:
        leader_runs.set()
        assert go.wait(PATIENCE)

    def follow(number: int) -> None:
        try:
            outcomes[number] = storage.write(work[number])
        except Exception as error:
            outcomes[number] = error

    first = threading.Thread(target=storage.write, args=(hold,))
    first.start()
    assert leader_runs.wait(PATIENCE)
    queue = storage._engine._group._waiting  # type: ignore[attr-defined]
    threads = []
    for number in range(len(work)):
        threads.append(threading.Thread(target=follow, args=(number,)))
        threads[-1].start()
        while len(queue) <= number:
            os.sched_yield()
    go.set()
    for thread in (first, *threads):
        thread.join()
    return outcomes


def test_what_sixteen_threads_wrote_is_all_there_after_reopening(
    make: Callable[..., Storage], tmp_path: Path
) -> None:
    storage = make()
    in_threads(16, lambda thread: [storage.write(bump(f"t{thread}")) for _ in range(25)] and None)
    storage.close()
    assert make().read(lambda tx: tx.counters.all()) == {f"t{thread}": 25 for thread in range(16)}


@only_sqlite
def test_each_caller_gets_its_own_result(storage: Storage) -> None:
    work: list[Callable[[Tx], object]] = [lambda tx, n=n: n for n in range(8)]  # type: ignore[misc]
    assert write_together(storage, work) == list(range(8))


@only_sqlite
def test_a_failure_undoes_its_own_work_and_nobody_elses(storage: Storage) -> None:
    def fail(tx: Tx) -> None:
        tx.counters.bump("never")
        raise LookupError("mine")

    good, bad, wrong, fine = write_together(
        storage,
        [bump("before"), fail, lambda tx: tx.run("SELECT no_such_column FROM counter"), bump("after")],
    )
    assert good is None
    assert fine is None
    assert isinstance(bad, LookupError)
    assert isinstance(wrong, StorageError)
    assert not isinstance(wrong, StorageUnavailable)
    assert storage.read(lambda tx: tx.counters.all()) == {"before": 1, "after": 1}


def test_a_failure_alone_leaves_nothing_and_the_next_write_works(storage: Storage) -> None:
    def fail(tx: Tx) -> None:
        tx.counters.bump("never")
        raise LookupError("mine")

    with pytest.raises(LookupError):
        storage.write(fail)
    storage.write(bump("after"))
    assert storage.read(lambda tx: tx.counters.all()) == {"after": 1}


@only_sqlite
def test_a_commit_that_fails_tells_every_caller_and_keeps_nothing(storage: Storage) -> None:
    def break_the_commit(tx: Tx) -> None:  # a missing parent that is only looked for at the commit
        tx.run("PRAGMA defer_foreign_keys = ON")
        tx.timers.set(4711, "wait", NOW)

    outcomes = write_together(storage, [bump("before"), break_the_commit, bump("after")])
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 3
    assert storage.read(lambda tx: tx.counters.all()) == {}
    storage.write(bump("later"))
    assert storage.read(lambda tx: tx.counters.all()) == {"later": 1}


@only_sqlite
def test_a_failed_callers_own_reason_survives_a_failed_commit(storage: Storage) -> None:
    def fail(tx: Tx) -> None:
        raise LookupError("mine")

    def break_the_commit(tx: Tx) -> None:
        tx.run("PRAGMA defer_foreign_keys = ON")
        tx.timers.set(4711, "wait", NOW)

    mine, other = write_together(storage, [fail, break_the_commit])
    assert isinstance(mine, LookupError)
    assert isinstance(other, StorageUnavailable)


@only_sqlite
def test_an_interrupt_in_the_leader_releases_those_behind_it(storage: Storage) -> None:
    leader_runs, go = threading.Event(), threading.Event()
    outcomes: list[object] = []

    def interrupted(tx: Tx) -> None:
        leader_runs.set()
        assert go.wait(PATIENCE)
        raise KeyboardInterrupt

    def lead() -> None:
        try:
            storage.write(interrupted)
        except KeyboardInterrupt:
            outcomes.append("interrupted")

    first = threading.Thread(target=lead)
    first.start()
    assert leader_runs.wait(PATIENCE)
    second = threading.Thread(target=lambda: outcomes.append(storage.write(lambda tx: "done")))
    second.start()
    go.set()
    first.join()
    second.join(PATIENCE)
    assert sorted(map(str, outcomes)) == ["done", "interrupted"]


@only_sqlite
def test_a_full_database_is_unavailable_and_works_again_once_there_is_room(storage: Storage) -> None:
    writer = storage._engine._writer  # type: ignore[attr-defined]
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count={pages}").fetchone()
    with pytest.raises(StorageUnavailable):
        storage.write(lambda tx: [tx.inbox.add([new(f"m{n}", words="ord " * 500)], NOW) for n in range(50)])
    assert count(storage, "inbox") == 0
    writer.execute("PRAGMA max_page_count=1000000").fetchone()
    assert storage.write(lambda tx: tx.inbox.add([new()], NOW))


def test_a_write_inside_a_write_is_refused_rather_than_waiting_for_itself(storage: Storage) -> None:
    with pytest.raises(StorageError, match="inside a write"):
        storage.write(lambda tx: storage.write(bump("inner")))
    storage.write(bump("after"))


def test_the_work_sees_its_callers_context(storage: Storage) -> None:
    variable = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    def write(number: int) -> None:
        variable.set(str(number))
        seen.append(storage.write(lambda tx: f"{number}:{variable.get()}"))

    in_threads(8, write)
    assert sorted(seen) == [f"{number}:{number}" for number in range(8)]


def test_a_read_cannot_write_and_sees_one_state(storage: Storage) -> None:
    with pytest.raises(StorageError):
        storage.read(bump("never"))

    def look_twice(tx: Tx) -> tuple[dict[str, int], dict[str, int]]:
        before = tx.counters.all()
        storage.write(bump("meanwhile"))
        return before, tx.counters.all()

    assert storage.read(look_twice) == ({}, {})
    assert storage.read(lambda tx: tx.counters.all()) == {"meanwhile": 1}


@only_sqlite
def test_every_commit_is_flushed_and_nothing_checkpoints_by_itself(storage: Storage) -> None:
    writer = storage._engine._writer  # type: ignore[attr-defined]
    settings = {
        name: writer.execute(f"PRAGMA {name}").fetchone()[0]
        for name in (
            "journal_mode",
            "synchronous",
            "wal_autocheckpoint",
            "mmap_size",
            "secure_delete",
            "foreign_keys",
        )
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "mmap_size": 0,
        "secure_delete": 1,
        "foreign_keys": 1,
    }


@only_sqlite
def test_the_write_ahead_log_does_not_grow_for_ever(storage: Storage, tmp_path: Path) -> None:
    for batch in range(120):
        storage.write(
            lambda tx, batch=batch: [  # type: ignore[misc]
                tx.inbox.add([new(f"m{batch}-{n}", words="ord " * 300)], NOW) for n in range(60)
            ]
        )
    assert (tmp_path / "data" / "peersupport.db-wal").stat().st_size < 24 * 1024 * 1024


def test_a_closed_store_says_so(storage: Storage) -> None:
    storage.close()
    storage.close()
    for use in (storage.write, storage.read):
        with pytest.raises(StorageError, match="closed"):
            use(lambda tx: None)


def test_part_that_fails_is_undone_alone_and_the_rest_of_its_transaction_is_kept(storage: Storage) -> None:
    def work(tx: Tx) -> None:
        tx.counters.bump("before")
        for name in ("good", "bad", "fine"):
            try:
                with tx.part():
                    tx.counters.bump(name)
                    if name == "bad":
                        raise LookupError(name)
            except LookupError:
                tx.counters.bump("caught")

    storage.write(work)
    assert storage.read(lambda tx: tx.counters.all()) == {"before": 1, "good": 1, "fine": 1, "caught": 1}
