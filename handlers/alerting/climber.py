"""Climbs the ladder and sends what it tells. Every step is on disk before it is taken.

Any number of workers may run this. A rung is climbed by the one who writes it down first, a notification is sent
by the one who claims it; what a dead one left half done is done again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot import danger
from bot.content import Content
from bot.ladder import NOT_SET_UP, UNUSABLE, Climb, Plan, next_step, reaches, tellings
from bot.settings import Channel
from handlers.alerting.notice import AlertChannel, ChannelFailed, Notice, words
from handlers.alerting.people import reach, roster
from handlers.clock import Clock
from handlers.turns import draft_for, save
from storage import Storage, StorageUnavailable, Tx
from storage.ladder_records import TakenTelling

log = logging.getLogger("peersupport.ladder")
BACK_OFF_SECONDS = (2.0, 10.0, 30.0, 120.0)  # before each repetition
LOST_TELLING = timedelta(seconds=90)  # longer than any channel takes: whoever sent it is gone
UNHEARD = "alert_reaches_nobody"  # an incident until every alert has somebody, or is over


class Climber:
    """`climb` and `send_one` do what is due and say whether there was anything."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        channels: Mapping[Channel, AlertChannel],
        *,
        worker: str,
    ) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock
        self._channels = channels
        self._worker = worker
        self._in_flight: set[int] = set()
        self._lock = threading.Lock()

    # Climbing.

    def climb(self) -> bool:
        """Climb every rung that is due, one for each alert. What is wrong with one holds up no other."""
        now = self._clock()

        def look(tx: Tx) -> list[int]:
            return [one.alert_id for one in tx.rungs.climbs() if self._is_due(tx, one, now)]

        climbed = False
        for alert_id in self._storage.read(look):
            try:
                climbed |= self._storage.write(lambda tx, alert_id=alert_id: self._climb(tx, alert_id, now))  # type: ignore[misc]
            except StorageUnavailable:
                raise  # none of them can be climbed now
            except Exception as error:
                _cannot_climb(alert_id, error)
        return climbed

    def _is_due(self, tx: Tx, climb: Climb, now: datetime) -> bool:
        try:
            return plan(tx, climb, self._content(), now).is_due
        except StorageUnavailable:
            raise
        except Exception as error:
            _cannot_climb(climb.alert_id, error)
            return False

    def _climb(self, tx: Tx, alert_id: int, now: datetime) -> bool:
        found = tx.rungs.climb(alert_id)
        if found is None or not tx.contacts.lock(found.contact_id):
            return False
        climb = tx.rungs.climb(alert_id)  # again: nobody else can change it any more
        if climb is None:
            return False
        todo = plan(tx, climb, self._content(), now)
        if todo.resume:
            tx.audit.add(now, None, "ladder_resumed", climb.contact_id, climb.tier.value)
            return tx.alerts.resume(alert_id, now)
        if todo.due is None:
            return False
        settings = self._content().settings
        told = tellings(todo.due.rung, roster(tx, settings, self._channels.keys(), now))
        if not tx.rungs.fire(climb, todo.due, told, now):
            return False
        rungs = (settings.ladder.open if todo.due.part == "open" else settings.ladder.closed).of(
            climb.tier.value
        )
        if todo.due.index == len(rungs) - 1 and not reaches(told) and not tx.rungs.reached_anybody(climb):
            tx.incidents.open(UNHEARD, now)
        return True

    # Sending.

    def send_one(self, channel: Channel | None = None) -> bool:
        """Send one notification that is due; `channel`: by this one only, so that it waits for no other."""
        now = self._clock()
        if not self._storage.read(lambda tx: tx.rungs.is_due(now, channel)):
            return False
        taken = self._storage.write(lambda tx: tx.rungs.claim(now, self._worker, channel))
        if taken is None:
            return False
        with self._lock:
            self._in_flight.add(taken.id)
        try:
            self._send(taken)
        finally:
            with self._lock:
                self._in_flight.discard(taken.id)
        return True

    def _send(self, taken: TakenTelling) -> None:
        channel = self._channels.get(taken.channel)
        try:
            if channel is None:
                raise ChannelFailed(NOT_SET_UP, again=False)
            gone = channel.tell(self._notice(taken))
        except ChannelFailed as problem:
            self._failed(taken, problem)
        except Exception as error:  # a channel must not end the ladder
            log.error("channel_crashed", extra={"part": taken.channel, "error": type(error).__name__})
            self._failed(taken, ChannelFailed("crashed", again=True, unknown=True))
        else:
            self._accepted(taken, gone)

    def _notice(self, taken: TakenTelling) -> Notice:
        settings = self._content().settings
        where = self._storage.read(lambda tx: reach(tx, settings, taken.who))
        link = settings.ladder.console_url
        title, text = words(
            taken.purpose, page=settings.page.name, link=link, drill=taken.drill, language=where.language
        )
        return Notice(
            key=taken.key,
            kind="drill" if taken.drill else "alert" if taken.purpose == "ladder" else "review",
            title=title,
            text=text,
            link=link,
            at=self._clock(),
            email=where.email,
            phone=where.phone,
            subscriptions=where.subscriptions,
        )

    def _accepted(self, taken: TakenTelling, gone: tuple[int, ...]) -> None:
        """A channel said yes: now, and once for each arming, the student may be told that people know."""
        now = self._clock()

        def record(tx: Tx) -> None:
            is_there = tx.contacts.lock(taken.contact_id)
            tx.rungs.accepted(taken.id, now)
            for subscription in gone:
                tx.push.forget(subscription)
            if tx.incidents.is_open(f"alert_channel:{taken.channel}"):
                tx.incidents.close(f"alert_channel:{taken.channel}", now)
            if is_there and taken.armed is not None and tx.alerts.alerted(taken.alert_id, now, taken.armed):
                draft = draft_for(tx, taken.contact_id, self._content(), now)
                danger.alerted(draft)
                save(tx, draft.turn(), now)

        self._storage.write(record)

    def _failed(self, taken: TakenTelling, problem: ChannelFailed) -> None:
        """Shown at once, and the ladder moves on at once; the channel gets its other tries meanwhile."""
        now = self._clock()
        tries_left = problem.again and taken.tries < len(BACK_OFF_SECONDS)
        again_at = now + timedelta(seconds=BACK_OFF_SECONDS[taken.tries]) if tries_left else None
        log.warning(
            "telling_failed",
            extra={
                "alert_id": taken.alert_id,
                "part": taken.channel,
                "code": problem.code,
                "tries": taken.tries,
            },
        )

        def record(tx: Tx) -> None:
            tx.rungs.failed(taken.id, now, problem.code, again_at=again_at, unknown=problem.unknown)
            for subscription in problem.gone:
                tx.push.forget(subscription)
            if problem.code not in UNUSABLE:
                tx.incidents.open(f"alert_channel:{taken.channel}", now)

        self._storage.write(record)

    # After a crash.

    def recover(self, now: datetime, *, older_than: timedelta = LOST_TELLING) -> int:
        """Send again what a worker that is gone was sending."""
        with self._lock:
            mine = frozenset(self._in_flight)

        def work(tx: Tx) -> int:
            if tx.incidents.is_open(UNHEARD) and all(one.acknowledged_at for one in tx.rungs.climbs()):
                tx.incidents.close(UNHEARD, now)
            return tx.rungs.recover(now, older_than, mine)

        return self._storage.write(work)


def _cannot_climb(alert_id: int, error: Exception) -> None:
    """Also /readyz says so: see `handlers.health`."""
    log.error("climb_failed", extra={"alert_id": alert_id, "error": type(error).__name__})


def plan(tx: Tx, climb: Climb, content: Content, now: datetime) -> Plan:
    """What is to be done about this alert now, and when to look again."""
    hours = content.hours
    closes_at = hours.closes_at(now)
    return next_step(
        climb,
        tx.rungs.last(climb),
        content.settings.ladder,
        in_hours=closes_at is not None,
        just_closed=any(hours.has_just_closed(at, now) for at in (climb.armed_at, climb.raised_at) if at),
        hours_change_at=closes_at or hours.next_opening(now),
        now=now,
    )
