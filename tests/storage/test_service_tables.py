"""The audit log, incidents, scheduled runs, counts, signs of life."""

from __future__ import annotations

import pytest
from storage_factories import NOW, at, in_threads

from storage import Storage
from storage.records import AuditLine


def add_lines(storage: Storage, count: int = 3) -> None:
    for number in range(count):
        storage.write(lambda tx, n=number: tx.audit.add(at(n), 7, "claim", n, "high"))  # type: ignore[misc]


def test_audit_lines_come_newest_first(storage: Storage) -> None:
    add_lines(storage)
    storage.write(lambda tx: tx.audit.add(at(9), None, "erased", None, None))
    newest, before = storage.read(lambda tx: tx.audit.lines(2))
    assert newest == AuditLine(at=at(9), by=None, action="erased", contact_id=None, detail=None)
    assert before == AuditLine(at=at(2), by=7, action="claim", contact_id=2, detail="high")


def test_an_untouched_audit_log_is_whole(storage: Storage) -> None:
    assert storage.read(lambda tx: tx.audit.verify())
    in_threads(4, lambda _: add_lines(storage, 5))
    assert storage.read(lambda tx: tx.audit.verify())
    assert len(storage.read(lambda tx: tx.audit.lines(100))) == 20


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET detail = 'none' WHERE id = 2",
        "UPDATE audit SET by_id = NULL WHERE id = 3",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit WHERE id = 2",
        "DELETE FROM audit WHERE id = 3",
        "DELETE FROM audit",
        "UPDATE audit SET hash = (SELECT other.hash FROM audit other WHERE other.id = 2) WHERE id = 1",
    ],
)
def test_a_changed_or_missing_line_is_noticed(storage: Storage, tampering: str) -> None:
    add_lines(storage)
    storage.write(lambda tx: tx.run(tampering))
    assert not storage.read(lambda tx: tx.audit.verify())


def test_an_incident_is_open_once_and_counted_up(storage: Storage) -> None:
    assert storage.write(lambda tx: tx.incidents.open("token_dead", at(1)))
    assert not storage.write(lambda tx: tx.incidents.open("token_dead", at(5)))
    (one,) = storage.read(lambda tx: tx.incidents.open_ones())
    assert (one.kind, one.opened_at, one.last_at, one.count, one.closed_at) == (
        "token_dead",
        at(1),
        at(5),
        2,
        None,
    )
    storage.write(lambda tx: [tx.incidents.close("token_dead", at(6)), tx.incidents.close("other", at(6))])
    assert not storage.read(lambda tx: tx.incidents.is_open("token_dead"))
    assert storage.write(lambda tx: tx.incidents.open("token_dead", at(7)))


def test_a_scheduled_run_is_taken_once(storage: Storage) -> None:
    won: list[bool] = []
    in_threads(
        8, lambda _: won.append(storage.write(lambda tx: tx.jobs.once("retention", "2026-11-02", NOW)))
    )
    assert won.count(True) == 1
    assert storage.write(lambda tx: tx.jobs.once("retention", "2026-11-03", NOW))
    assert storage.write(lambda tx: tx.jobs.once("other", "2026-11-02", NOW))


def test_counters_add_up(storage: Storage) -> None:
    storage.write(lambda tx: [tx.counters.bump("a"), tx.counters.bump("a", 4), tx.counters.bump("b")])
    assert storage.read(lambda tx: tx.counters.all()) == {"a": 5, "b": 1}


def test_the_last_beat_of_any_worker_counts(storage: Storage) -> None:
    assert storage.read(lambda tx: tx.worker.last_beat()) is None
    storage.write(
        lambda tx: [tx.worker.beat("w1", at(9)), tx.worker.beat("w2", at(3)), tx.worker.beat("w2", at(4))]
    )
    assert storage.read(lambda tx: tx.worker.last_beat()) == at(9)
