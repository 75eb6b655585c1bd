"""Tells colleagues outside the console that a note names them: that somebody asks them to look, and no more.

Who has looked within some seconds is not told. A channel that fails is not tried again: the mark in the console stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.content import Content
from bot.settings import Channel
from handlers.alerting.notice import AlertChannel
from handlers.alerting.telling import Telling
from handlers.alerting.wishes import takes
from handlers.clock import Clock
from storage import Storage
from storage.profile import NOTICE_CHANNELS

GRACE = timedelta(seconds=20)  # an open console shows the mark at once


class MentionNews:
    """`look` is called often; what is to be told is taken by one worker."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        channels: Mapping[Channel, AlertChannel],
    ) -> None:
        self._storage, self._content, self._clock = storage, content, clock
        self._telling = Telling(storage, channels)

    def look(self) -> int:
        """Tell who has not looked yet; how many notices went out."""
        now = self._clock()
        before = now - GRACE
        if not self._storage.read(lambda tx: tx.mentions.are_untold(before)):
            return 0
        named = self._storage.write(lambda tx: tx.mentions.take_untold(before, now))
        return sum(self._tell(staff_id, now) for staff_id in sorted({each.staff_id for each in named}))

    def _tell(self, staff_id: int, now: datetime) -> int:
        settings = self._content().settings
        staff = self._storage.read(lambda tx: tx.staff.get(staff_id))
        if staff is None or staff.disabled:
            return 0
        notice = self._telling.to_colleague(staff, "mention", "mention", secrets.token_hex(16), settings, now)
        local = now.astimezone(settings.service_hours.zone).time()
        return sum(
            self._telling.send(name, notice) is True
            for name in NOTICE_CHANNELS
            if takes(staff, "mention", name, local)
        )
