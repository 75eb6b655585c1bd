"""Small tables about the service itself: incidents, scheduled runs, counts, the worker's signs of life."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from storage.records import ContentLine, Incident
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

_RUNS_KEPT = timedelta(days=7)
_LONGEST_PAUSE = timedelta(minutes=10)  # before an event or a message is tried again


class Incidents(Store):
    """What staff must see that is not about one student. At most one open incident of each kind."""

    def open(self, kind: str, now: datetime) -> bool:
        """Open an incident, or count the open one up. True if it was not open before."""
        count = self._value(
            "INSERT INTO incident (kind, opened_at, last_at) VALUES (:kind, :now, :now)"
            " ON CONFLICT (kind) WHERE closed_at IS NULL"
            " DO UPDATE SET count = incident.count + 1, last_at = excluded.last_at RETURNING count",
            kind=kind,
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return bool(count == 1)

    def close(self, kind: str, now: datetime) -> None:
        """It is over. Nothing happens if it was not open."""
        changed = self._run(
            "UPDATE incident SET closed_at = :now WHERE kind = :kind AND closed_at IS NULL",
            kind=kind,
            now=to_ms(now),
        )
        if changed:
            self._tx.wake("screens")

    def is_open(self, kind: str) -> bool:
        """Whether an incident of this kind is open."""
        return (
            self._one("SELECT id FROM incident WHERE kind = :kind AND closed_at IS NULL", kind=kind)
            is not None
        )

    def open_kinds(self, prefix: str) -> list[str]:
        """The kinds of open incidents that begin so."""
        rows = self._all(
            "SELECT kind FROM incident WHERE closed_at IS NULL AND substr(kind, 1, :length) = :prefix ORDER BY id",
            length=len(prefix),
            prefix=prefix,
        )
        return [row["kind"] for row in rows]

    def open_ones(self) -> list[Incident]:
        """The open incidents, the oldest first."""
        rows = self._all("SELECT * FROM incident WHERE closed_at IS NULL ORDER BY opened_at, id")
        return [
            Incident(
                kind=row["kind"],
                opened_at=from_ms(row["opened_at"]),
                last_at=from_ms(row["last_at"]),
                count=row["count"],
                closed_at=from_ms_or_none(row["closed_at"]),
            )
            for row in rows
        ]


class Jobs(Store):
    """Which scheduled runs have been taken, by whichever worker."""

    def once(self, job: str, slot: str, now: datetime) -> bool:
        """True for the first who asks for this job and slot (a truncated time); the others leave it alone."""
        at = to_ms(now)
        self._run("DELETE FROM job_run WHERE at < :before", before=to_ms(now - _RUNS_KEPT))
        row = self._one(
            "INSERT INTO job_run (job, slot, at) VALUES (:job, :slot, :now)"
            " ON CONFLICT (job, slot) DO NOTHING RETURNING at",
            job=job,
            slot=slot,
            now=at,
        )
        return row is not None

    def was_taken(self, job: str, slot: str) -> bool:
        """Whether `once` would say no; changes nothing."""
        row = self._one("SELECT at FROM job_run WHERE job = :job AND slot = :slot", job=job, slot=slot)
        return row is not None


class ShownServices(Store):
    """The services of services.yaml that students of the real Page may have been shown."""

    def add(self, ids: Iterable[str], now: datetime) -> None:
        """They are shown from now on."""
        for each in sorted(ids):
            self._run(
                "INSERT INTO shown_service (id, first_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING",
                id=each,
                now=to_ms(now),
            )

    def all(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(row["id"] for row in self._all("SELECT id FROM shown_service ORDER BY id"))


class ContentInUse(Store):
    """What each process serves."""

    def say(
        self, process: str, version: str, problem: str | None, now: datetime, *, differs: str | None = None
    ) -> None:
        """This process uses this set; `problem`: why it does not use the newest. `differs`: files on its disk."""
        self._run("DELETE FROM content_in_use WHERE at < :before", before=to_ms(now - _RUNS_KEPT))
        self._run(
            "INSERT INTO content_in_use (process, version, problem, differs, at)"
            " VALUES (:process, :version, :problem, :differs, :now)"
            " ON CONFLICT (process) DO UPDATE SET version = excluded.version, problem = excluded.problem,"
            " differs = excluded.differs, at = excluded.at",
            process=process,
            version=version,
            problem=problem,
            differs=differs,
            now=to_ms(now),
        )

    def leave(self, process: str) -> None:
        """This process serves no more."""
        self._run("DELETE FROM content_in_use WHERE process = :process", process=process)

    def since(self, since: datetime) -> list[ContentLine]:
        """Of the processes that have said something since then."""
        rows = self._all(
            "SELECT process, version, problem, differs FROM content_in_use WHERE at > :since ORDER BY process",
            since=to_ms(since),
        )
        return [ContentLine(row["process"], row["version"], row["problem"], row["differs"]) for row in rows]


class Counters(Store):
    """Plain counts, tied to nobody."""

    def bump(self, name: str, by: int = 1) -> None:
        """Add to a counter; it starts at 0."""
        self._run(
            "INSERT INTO counter (name, slot, value) VALUES (:name, {slot}, :by)"
            " ON CONFLICT (name, slot) DO UPDATE SET value = counter.value + excluded.value",
            name=name,
            by=by,
        )

    def all(self) -> dict[str, int]:
        """Every counter that has ever been bumped."""
        return {
            row["name"]: int(row["value"])
            for row in self._all("SELECT name, SUM(value) AS value FROM counter GROUP BY name ORDER BY name")
        }


class Worker(Store):
    """Signs of life."""

    def beat(self, worker: str, now: datetime) -> None:
        """This worker is alive; those that have long been silent are forgotten."""
        self._run("DELETE FROM worker WHERE beat_at < :before", before=to_ms(now - _RUNS_KEPT))
        self._run(
            "INSERT INTO worker (name, beat_at) VALUES (:name, :now)"
            " ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at",
            name=worker,
            now=to_ms(now),
        )

    def clock_went_back(self, now: datetime) -> None:
        """What waits for an instant that no pause of ours reaches is due now; and what came in is not ahead of now.

        Otherwise a jump of the clock would hold up events and messages for as long as it was wide, and what comes
        next would be taken before them.
        """
        at, far = to_ms(now), to_ms(now + _LONGEST_PAUSE)
        self._run("UPDATE inbox SET try_at = :now WHERE state = 'new' AND try_at > :far", now=at, far=far)
        self._run(
            "UPDATE outbox SET next_try_at = :now WHERE state = 'waiting' AND next_try_at > :far",
            now=at,
            far=far,
        )
        for statement in (
            "UPDATE outbox SET claimed_at = :now WHERE state = 'sending' AND claimed_at > :now",
            "UPDATE outbox SET state_at = :now WHERE state = 'unknown' AND settled = 0 AND state_at > :now",
            "UPDATE inbox SET sent_at = :now WHERE state = 'new' AND sent_at > :now",  # in the order they came
            "DELETE FROM worker WHERE beat_at > :now",
        ):
            self._run(statement, now=at)
        self._tx.wake("inbox", "outbox", "timers")

    def last_beat(self) -> datetime | None:
        """When any worker was last alive."""
        return from_ms_or_none(self._value("SELECT MAX(beat_at) FROM worker"))
