"""The worker: inbox, timers, outbox and timed jobs, each a loop that sleeps until it is woken."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from bot.content import Content
from handlers import jobs
from handlers.channel import Channel
from handlers.clock import Clock
from handlers.inbound import Inbound
from handlers.sender import Sender
from storage import Storage

log = logging.getLogger("peersupport.worker")
HANDLERS = 2  # threads that handle events; the store is the limit, not they
NAP_SECONDS = 0.5  # the net below waking: nothing waits longer than this for a lost wake-up


class Worker:
    """Starts and stops the loops. One per process; on SQLite one per database."""

    def __init__(
        self, storage: Storage, content: Callable[[], Content], channel: Channel, clock: Clock
    ) -> None:
        self.name = f"{os.getpid()}-{os.urandom(3).hex()}"
        self._storage = storage
        self._content = content
        self._clock = clock
        self._inbound = Inbound(storage, content, clock)
        self._sender = Sender(storage, channel, content().settings, clock, worker=self.name)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Take over what a dead worker left, then work."""
        alone = self._storage.single_worker
        jobs.recover_sends(self._storage, self._clock(), older_than=timedelta(0) if alone else jobs.LOST_SEND)
        loops: list[tuple[str, Callable[[], None]]] = [
            ("timers", lambda: self._loop(self._fire)),
            ("outbox", lambda: self._sender.run(self._stop)),
            *[(f"inbox-{n}", lambda: self._loop(self._inbound.handle_next)) for n in range(HANDLERS)],
        ]
        for name, run in loops:
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._scheduler = self._schedule()
        log.info("worker_started", extra={"worker": self.name})

    def stop(self) -> None:
        """Finish what is in flight, take nothing new."""
        self._stop.set()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
        self._storage.notify()
        for thread in self._threads:
            thread.join(timeout=15)
        log.info("worker_stopped", extra={"worker": self.name})

    def _loop(self, work: Callable[[], bool]) -> None:
        """Work while there is work, then sleep until the store says that something came."""
        listener = self._storage.listen()
        while not self._stop.is_set():
            try:
                if work():
                    continue
            except Exception as error:  # the store is away for a moment: nothing is lost, try again
                log.error("loop_failed", extra={"error": type(error).__name__})
                self._stop.wait(1)
                continue
            listener.wait(NAP_SECONDS)
        listener.close()

    def _fire(self) -> bool:
        now = self._clock()
        due_at = self._storage.read(lambda tx: tx.timers.next_due_at())
        return bool(due_at is not None and due_at <= now and jobs.fire_timers(self._storage, now))

    def _schedule(self) -> BackgroundScheduler:
        settings = self._content().settings
        scheduler = BackgroundScheduler(
            timezone=settings.service_hours.zone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 300},
        )
        scheduler.add_job(self._beat, "interval", seconds=5)
        scheduler.add_job(self._sweep, "interval", seconds=3)
        scheduler.add_job(self._hourly, "interval", minutes=10)
        scheduler.start()
        self._beat()
        return scheduler

    def _beat(self) -> None:
        self._storage.write(lambda tx: tx.worker.beat(self.name, self._clock()))

    def _sweep(self) -> None:
        now = self._clock()
        jobs.recover_sends(self._storage, now)
        jobs.settle_unknown(self._storage, now)
        jobs.flag_late_cards(self._storage, now)

    def _hourly(self) -> None:
        now = self._clock()
        if jobs.once(self._storage, "forget", now.strftime("%Y-%m-%dT%H"), now):
            count = jobs.forget(self._storage, self._content(), now)
            log.info("forgot_text", extra={"count": count})
