"""Tells people who have no console open what colleagues want of them: a question to take over, an answer to one of
theirs, and to those who lead what is to be seen to, reports of harassment among it. Never a name or a word of it.

Somebody who has had the console open since then saw it there. Quiet hours put it off; what is seen to meanwhile is told
to nobody. A channel that fails is tried again for some minutes, in this process: the console shows it anyway.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.content import Content
from bot.settings import Channel
from handlers.alerting.notice import AlertChannel, ColleaguePurpose, NoticeKind
from handlers.alerting.people import leads_to_tell
from handlers.alerting.telling import Telling
from handlers.alerting.wishes import takes
from handlers.clock import Clock
from storage import Storage, Tx
from storage.matters import FOR_COORDINATORS, Matter
from storage.profile import NOTICE_CHANNELS, NoticeChannel
from storage.records import Role, Staff

GRACE = timedelta(seconds=20)  # an open console shows it at once
LOOKING = timedelta(seconds=90)  # a console that is open has asked for news within this
EVERY = timedelta(seconds=5)
LAST = timedelta(days=2)  # older ones are told no more; the console has them
TRIES = 40  # at EVERY: some minutes
JOB = "colleague_told"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something for one person. `slots`: what it is about, each told once to each."""

    staff: Staff
    purpose: ColleaguePurpose
    slots: tuple[str, ...]
    channels: tuple[NoticeChannel, ...]  # still to be tried
    key: str = ""  # the same at every try
    tries: int = 0


class ColleagueNews:
    """`look` may be called as often as one likes; any number of workers may look."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        channels: Mapping[Channel, AlertChannel],
    ) -> None:
        self._storage, self._content, self._clock = storage, content, clock
        self._telling = Telling(storage, channels)
        self._looked_at: datetime | None = None
        self._again: list[News] = []

    def look(self) -> int:
        """Tell what is due; how many notices went out."""
        now = self._clock()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < EVERY:
            return 0
        due, self._again = self._again, []
        if self._storage.read(lambda tx: any(self._due(tx, now))):
            due = [*due, *self._storage.write(lambda tx: self._take(tx, now))]
        self._looked_at = now
        return sum(self._tell(news, now) for news in due)

    def _take(self, tx: Tx, now: datetime) -> list[News]:
        """One notice for each person and purpose, however much there is."""
        found: dict[tuple[int, ColleaguePurpose], News] = {}
        for news in self._due(tx, now):
            if all(tx.jobs.once(JOB, slot, now) for slot in news.slots):
                found.setdefault((news.staff.id, news.purpose), replace(news, key=secrets.token_hex(16)))
        return list(found.values())

    def _due(self, tx: Tx, now: datetime) -> Iterator[News]:
        """What nobody has told yet, and what can be told now."""
        local = now.astimezone(self._content().settings.service_hours.zone).time()
        for staff_id, purpose, at, about in self._wanted(tx, now):
            staff, slot = tx.staff.get(staff_id), f"{about}:{staff_id}"
            if staff is None or staff.disabled or _has_seen(staff, at, now) or tx.jobs.was_taken(JOB, slot):
                continue
            channels = tuple(each for each in NOTICE_CHANNELS if takes(staff, "mention", each, local))
            if channels:
                yield News(staff=staff, purpose=purpose, slots=(slot,), channels=channels)

    def _wanted(self, tx: Tx, now: datetime) -> Iterator[tuple[int, ColleaguePurpose, datetime, str]]:
        """Whom, what, since when, and about which."""
        before = now - GRACE
        for contact_id, staff_id, at in tx.handoffs.offers(before):
            yield staff_id, "asked", at, f"offer:{contact_id}:{int(at.timestamp())}"
        for matter in tx.matters.open_between(now - LAST, before):
            for staff_id in _for_whom(tx, matter, now):
                purpose: ColleaguePurpose = "own" if matter.for_id else "lead"
                yield staff_id, purpose, matter.opened_at, f"matter:{matter.id}"

    def _tell(self, news: News, now: datetime) -> int:
        kind: NoticeKind = "new" if news.purpose == "asked" else "mention"  # five minutes for an answer
        notice = self._telling.to_colleague(
            news.staff, news.purpose, kind, news.key, self._content().settings, now
        )
        told, failed = 0, []
        for channel in news.channels:
            outcome = self._telling.send(channel, notice)
            told += outcome is True
            failed += [channel] if outcome is None else []
        if failed and news.tries < TRIES:
            self._again.append(replace(news, channels=tuple(failed), tries=news.tries + 1))
        return told


def _for_whom(tx: Tx, matter: Matter, now: datetime) -> list[int]:
    if matter.for_id is not None:
        return [matter.for_id]
    if matter.kind == "left_danger":
        return []  # the ladder has begun anew
    if matter.kind in FOR_COORDINATORS:
        return [one.id for one in tx.staff.all() if one.role is Role.COORDINATOR and one.id != matter.by_id]
    absent = [matter.by_id] if matter.by_id is not None else []
    return leads_to_tell(tx, absent, tx.rota.on_shift(now))


def _has_seen(staff: Staff, at: datetime, now: datetime) -> bool:
    """Whether a console of theirs was open since `at`, or may be open now."""
    return staff.seen_at is not None and (staff.seen_at > at or now - staff.seen_at < LOOKING)
