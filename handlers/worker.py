"""The worker: inbox, timers, outbox and timed jobs, each a loop that sleeps until it is woken."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from bot.content import Content
from bot.settings import Channel as StaffChannel
from handlers import jobs
from handlers.alerting.climber import Climber
from handlers.alerting.colleagues import ColleagueNews
from handlers.alerting.knocks import Knocks
from handlers.alerting.mentions import MentionNews
from handlers.alerting.shifts import ShiftNews
from handlers.catch_up import CatchUp
from handlers.channel import Channel
from handlers.clock import STEP_BACK, Clock, PutBack
from handlers.inbound import AT_ONCE, Inbound, ReadPosts
from handlers.sender import Sender
from handlers.timed import Timed
from storage import AnotherWorker, Storage, Topic, Tx

log = logging.getLogger("peersupport.worker")
HANDLERS = 4  # threads that handle events, where several can; one where the store takes one writer at a time
BREATH_SECONDS = 0.025  # after less than a full batch; nobody who writes notices
TIMERS_REST_SECONDS = 0.1  # timers are minutes away, and each set one wakes whoever looks for them
TELLERS = 2  # threads that send alerts, for each channel: one that hangs must not hold up the others
TOLD_BY: tuple[StaffChannel, ...] = ("webhook", "email", "push")
NAP_SECONDS = 0.5  # the net below waking: nothing waits longer than this for a lost wake-up
STOP_SECONDS = 12.0  # for all loops together; a platform that asked us to stop kills us soon after
OVERLAP_SECONDS = STOP_SECONDS + 3.0  # a restart may begin the next process before the last one has ended


class Worker:
    """Starts and stops the loops. One per process; on SQLite one per database."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        channel: Channel,
        clock: Clock,
        *,
        read_posts: ReadPosts | None = None,
        catch_up: CatchUp | None = None,
        climber: Climber | None = None,
        knocks: Knocks | None = None,
        shift_news: ShiftNews | None = None,
        mentions: MentionNews | None = None,
        colleagues: ColleagueNews | None = None,
    ) -> None:
        self.name = f"{os.getpid()}-{os.urandom(3).hex()}"
        self._storage = storage
        self._content = content
        self._clock = clock
        self._sender = Sender(storage, channel, content().settings, clock, worker=self.name)
        self._inbound = Inbound(storage, content, clock, self._sender, read_posts)
        self._catch_up = catch_up
        self._climber = climber
        self._knocks = knocks
        self._shift_news = shift_news
        self._notices = [each for each in (mentions, colleagues) if each is not None]
        self._place: AbstractContextManager[object] | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._timed = Timed()
        self._put_back = PutBack(clock)

    def take_place(self, wait_seconds: float = OVERLAP_SECONDS) -> None:
        """Be the worker of this database; with PostgreSQL one of them. Raises storage.AnotherWorker.

        Who came second would take all that the first one is sending for lost.
        """
        if self._place is not None:
            return
        try:
            self._place = self._storage.worker_place(0)
        except AnotherWorker:
            log.warning("another_worker", extra={"worker": self.name})
            self._place = self._storage.worker_place(wait_seconds)

    def start(self) -> None:
        """Take over what a dead worker left, then work. Raises as `take_place`."""
        self.take_place()
        now = self._clock()
        self._storage.write(lambda tx: self._take_over(tx, now))
        self._storage.posts.take_over()
        jobs.recover_unbegun(self._storage, now)
        if self._storage.single_worker:  # nobody else sends: whatever is under way, nobody brings it home
            jobs.recover_sends(self._storage, now, older_than=-STEP_BACK)
            if self._climber is not None:
                self._climber.recover(now, older_than=-STEP_BACK)
        handlers = 1 if self._storage.single_worker else HANDLERS
        loops: list[tuple[str, Callable[[], None]]] = [
            ("timers", lambda: self._loop(self._fire, "timers")),
            ("outbox", lambda: self._sender.run(self._stop)),
            *[(f"inbox-{n}", lambda: self._loop(self._inbound.take_in, "inbox")) for n in range(handlers)],
        ]
        if self._climber is not None:
            climber = self._climber
            loops.append(("ladder", lambda: self._loop(climber.climb, "alerts")))
            loops += [
                (f"tell-{name}-{n}", lambda name=name: self._loop(lambda: climber.send_one(name), "alerts"))  # type: ignore[misc]
                for name in TOLD_BY
                for n in range(TELLERS)
            ]
        if self._notices:
            loops.append(("notices", lambda: self._loop(self._tell_colleagues, "alerts")))
        for name, run in loops:
            thread = threading.Thread(target=self._for_ever, args=(run,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._schedule()
        log.info("worker_started", extra={"worker": self.name})

    def _tell_colleagues(self) -> int:
        return sum(each.look() for each in self._notices)

    def _take_over(self, tx: Tx, now: datetime) -> None:
        tx.worker.clock_went_back(now)
        tx.inbox.read_again(now)
        tx.worker.beat(self.name, now)

    def stop(self) -> None:
        """Finish what is in flight, take nothing new. Returns in time, whatever hangs; a second call is none."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._timed.stop()
        self._storage.notify()
        ends_at = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(0.0, ends_at - time.monotonic()))
        left = [thread.name for thread in self._threads if thread.is_alive()]
        log.log(
            logging.WARNING if left else logging.INFO,
            "worker_stopped",
            extra={"worker": self.name, "count": len(left) + len(self._sender.in_flight)},
        )
        if (
            self._place is not None and not left
        ):  # what hangs may still send: the place ends with the process, then
            self._place.__exit__(None, None, None)
            self._place = None

    def _for_ever(self, run: Callable[[], None]) -> None:
        """No loop ends by itself: one that breaks is begun again."""
        while not self._stop.is_set():
            try:
                run()
            except Exception as error:
                log.error("loop_broke", extra={"error": type(error).__name__})
                self._stop.wait(1)

    def _loop(self, work: Callable[[], int], topic: Topic) -> None:
        """Work while there is work, then sleep until the store says that something came."""
        listener = self._storage.listen(topic)
        try:
            while not self._stop.is_set():
                try:
                    if done := work():
                        if done is not True and done < AT_ONCE:  # more comes meanwhile, for the next commit
                            self._stop.wait(BREATH_SECONDS)
                        continue
                except Exception as error:  # the store is away for a moment: nothing is lost, try again
                    log.error("loop_failed", extra={"error": type(error).__name__})
                    self._stop.wait(1)
                    continue
                if listener.wait(NAP_SECONDS) and topic == "timers":
                    self._stop.wait(TIMERS_REST_SECONDS)
        finally:
            listener.close()

    def _fire(self) -> bool:
        self._timed.look()
        now = self._clock()
        due_at = self._storage.read(lambda tx: tx.timers.next_due_at())
        return bool(due_at is not None and due_at <= now and jobs.fire_timers(self._storage, now))

    def _schedule(self) -> None:
        timed = self._timed
        timed.every(5, self._beat)
        timed.every(3, self._sweep)
        timed.every(600, self._hourly)
        if self._knocks is not None:
            timed.every(5, self._knocks.look)
        if self._shift_news is not None:
            timed.every(30, self._shift_news.look)
        if self._catch_up is not None:
            timed.every(20, self._read_missed, at_once=True)
        timed.start()

    def _beat(self) -> None:
        self._storage.write(lambda tx: tx.worker.beat(self.name, self._clock()))

    def _sweep(self) -> None:
        now = self._clock()
        if at := self._put_back():
            self._storage.write(lambda tx: tx.worker.clock_went_back(at))
        jobs.recover_unbegun(self._storage, now)  # of a worker that died beside us
        jobs.recover_sends(self._storage, now, in_flight=self._sender.in_flight)
        jobs.settle_unknown(self._storage, now)
        if self._climber is not None:
            self._climber.recover(now)
        jobs.flag_late_cards(self._storage, now)
        jobs.release_abandoned(self._storage, self._content(), now)
        jobs.hand_back(self._storage, self._content(), now)
        jobs.lapse_offers(self._storage, self._content(), now)

    def _read_missed(self) -> None:
        if self._catch_up is not None:
            self._catch_up.run_if_due(self._stop.wait)

    def _hourly(self) -> None:
        now = self._clock()
        jobs.flag_unconfirmed(self._storage, self._content(), now)
        if jobs.once(self._storage, "forget", now.strftime("%Y-%m-%dT%H"), now):
            count = jobs.forget(self._storage, self._content(), now)
            log.info("forgot_text", extra={"count": count})
            jobs.forget_records(self._storage, self._content(), now)
