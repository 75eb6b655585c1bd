"""Tells people of their shifts: a reminder before, news from colleagues, and to the lead who has not come.

Any number of workers may look; what is to be told is taken by one of them. A channel that fails is tried again
at the next looks, in this process: a reminder is worth less than an alert, and has no ladder.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.content import Content
from bot.rota import missed
from bot.settings import Channel
from handlers.alerting.notice import AlertChannel, Notice, RotaPurpose, rota_words
from handlers.alerting.people import leads_to_tell, reach
from handlers.alerting.telling import Telling
from handlers.alerting.wishes import takes
from handlers.clock import Clock
from storage import Storage, Tx

log = logging.getLogger("peersupport.shifts")
_CHANNELS: tuple[Channel, ...] = ("push", "email")
_TRIES = 4
_STALE = timedelta(minutes=30)  # a beginning that nobody looked at for so long is told no more


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something for one person. Late, it is dropped: `until` is the last moment at which it is of use."""

    staff_id: int
    purpose: RotaPurpose
    until: datetime
    key: str
    starts_at: datetime | None = None
    channels: tuple[Channel, ...] = _CHANNELS  # still to be tried
    tries: int = 0


class ShiftNews:
    """`look` is called every minute or so."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        channels: Mapping[Channel, AlertChannel],
    ) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock
        self._telling = Telling(storage, channels)
        self._again: list[News] = []
        self._looked_at = clock()

    def look(self) -> int:
        """Tell what is due; how many people were told something."""
        now, settings = self._clock(), self._content().settings
        before = self._looked_at
        horizon = timedelta(minutes=max(settings.rota.remind_minutes, settings.rota.missing_minutes))

        def anything(tx: Tx) -> tuple[bool, bool]:
            around = tx.rota.between(now - horizon - _STALE, now + horizon)
            edges = {at for shift in around for at in (shift.starts_at, shift.ends_at)}
            return bool(around) or tx.rota_notices.waiting(), any(before < at <= now for at in edges)

        is_due, turns = self._storage.read(anything)
        taken = self._storage.write(lambda tx: self._take(tx, now, turns)) if is_due else []
        self._looked_at = now  # only now: what the store could not say is asked again
        due, self._again = [*self._again, *taken], []
        return sum(self._tell(news, now) for news in due if news.until > now)

    def _take(self, tx: Tx, now: datetime, turns: bool) -> list[News]:
        if turns:  # a shift begins or ends: what consoles offer has changed
            tx.wake("screens")
        return [*self._reminders(tx, now), *self._missing(tx, now), *self._news(tx, now)]

    def _reminders(self, tx: Tx, now: datetime) -> list[News]:
        ahead = timedelta(minutes=self._content().settings.rota.remind_minutes)
        if not ahead:
            return []
        found = []
        coming = [shift for shift in tx.rota.between(now, now + ahead) if shift.starts_at > now]
        for shift in coming:
            if shift.staff_id is None or self._goes_on(tx, shift.staff_id, shift.starts_at):
                continue
            slot = f"{shift.staff_id}:{shift.starts_at:%Y-%m-%dT%H:%M}"
            if tx.jobs.once("shift_reminder", slot, now):
                found.append(
                    News(
                        staff_id=shift.staff_id,
                        purpose="shift",
                        until=shift.starts_at,
                        key=secrets.token_hex(16),
                        starts_at=shift.starts_at,
                    )
                )
        return found

    @staticmethod
    def _goes_on(tx: Tx, staff_id: int, starts_at: datetime) -> bool:
        """Whether another shift of theirs ends as this one begins: they are there already."""
        return any(shift.ends_at == starts_at for shift in tx.rota.of(staff_id, starts_at - _STALE))

    def _missing(self, tx: Tx, now: datetime) -> list[News]:
        """Looked at once for each beginning, so that who leaves early later is not taken for missing."""
        settings = self._content().settings
        if not self._content().hours.is_open(now):
            return []
        wait = timedelta(minutes=settings.rota.missing_minutes)
        running = tx.rota.between(now, now + _STALE)
        found: list[News] = []
        for starts_at in sorted({shift.starts_at for shift in running}):
            if not starts_at + wait <= now < starts_at + wait + _STALE:
                continue
            if not tx.jobs.once("shift_begun", f"{starts_at:%Y-%m-%dT%H:%M}", now):
                continue
            since = now - timedelta(minutes=settings.waiting.reachable_minutes)
            absent, nobody = missed(running, tx.staff.on_duty_ids(since), starts_at)
            if absent or nobody:
                found += [
                    News(staff_id=id, purpose="missing", until=now + _STALE, key=secrets.token_hex(16))
                    for id in leads_to_tell(tx, absent, tx.rota.on_shift(now))
                ]
        return found

    @staticmethod
    def _news(tx: Tx, now: datetime) -> list[News]:
        return [
            News(staff_id=staff_id, purpose=kind, until=now + timedelta(hours=12), key=secrets.token_hex(16))
            for staff_id, kind in tx.rota_notices.take()
        ]

    # Telling.

    def _tell(self, news: News, now: datetime) -> bool:
        """By every channel that this person has and wants; those that failed come again at the next look."""
        settings = self._content().settings
        staff = self._storage.read(lambda tx: tx.staff.get(news.staff_id))
        if staff is None or staff.disabled:
            return False
        where = self._storage.read(lambda tx: reach(tx, settings, f"staff:{news.staff_id}"))
        zone = settings.service_hours.zone
        link = settings.ladder.console_url
        clock = f"{news.starts_at.astimezone(zone):%H:%M}" if news.starts_at else ""
        title, text = rota_words(
            news.purpose, page=settings.page.name, link=link, language=staff.language, clock=clock
        )
        notice = Notice(
            key=news.key,
            kind="rota",
            title=title,
            text=text,
            link=link,
            at=now,
            email=where.email,
            subscriptions=where.subscriptions,
        )
        told, failed = False, []
        for channel in news.channels:
            if news.purpose != "missing" and not takes(staff, "shift", channel, now.astimezone(zone).time()):
                continue
            outcome = self._telling.send(channel, notice)
            told |= outcome is True
            failed += [channel] if outcome is None else []
        if failed and news.tries + 1 < _TRIES:
            self._again.append(replace(news, channels=tuple(failed), tries=news.tries + 1))
        log.info("shift_news", extra={"staff_id": news.staff_id, "kind": news.purpose, "outcome": told})
        return told
