"""What comes again every so many seconds. APScheduler does it, by the clock of the machine, which can be put back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from handlers.clock import Clock, PutBack

_LATE_SECONDS = 300  # a busy machine: so late a job is still done; later, its next time is near anyway


def wall() -> datetime:
    """The clock of the machine, which the scheduler goes by even where the service was handed another one."""
    return datetime.now(UTC)


class Timed:
    """One process's jobs, each in the scheduler's threads and never twice at once."""

    def __init__(self, clock: Clock = wall) -> None:
        """`clock`: what `look` takes for the clock of the machine."""
        self._put_back = PutBack(clock)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": _LATE_SECONDS},
        )

    def every(self, seconds: float, job: Callable[[], object], *, at_once: bool = False) -> None:
        """Do this again and again; the first time after so many seconds, or `at_once`."""
        first = {"next_run_time": wall()} if at_once else {}
        self._scheduler.add_job(job, "interval", seconds=seconds, **first)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """No job begins any more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def look(self) -> None:
        """To be called often: after the clock was put back all is due, or it would wait for the old times."""
        if self._put_back():
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=wall())
