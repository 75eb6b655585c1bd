"""Tells colleagues outside the console that a note names them: that somebody asks them to look, and no more.

Who has looked within some seconds is not told. A channel that fails is not tried again: the mark in the console stays.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta

from bot.content import Content
from bot.settings import Channel, Words
from handlers.alerting.notice import AlertChannel, ChannelFailed, Notice
from handlers.alerting.people import reach
from handlers.clock import Clock
from storage import Storage
from storage.records import Staff

log = logging.getLogger("peersupport.mentions")
GRACE = timedelta(seconds=20)  # an open console shows the mark at once
_CHANNELS: tuple[Channel, ...] = ("push", "email")
_TITLE = Words(nb="Notat, {page}", en="Note, {page}")
_TEXT = Words(
    nb="En kollega ber deg se på noe i konsollen. Logg inn: {link}",
    en="A colleague asks you to look at something in the console. Sign in: {link}",
)


def wants(staff: Staff, channel: Channel, local: time) -> bool:
    """Whether this person takes such a notice by this channel at this time of the service's day.

    A profile decides. Who has none takes a push and no e-mail.
    """
    chosen, is_quiet = getattr(staff, "wants", None), getattr(staff, "is_quiet", None)
    if is_quiet is not None and is_quiet(local):
        return False
    return channel == "push" if chosen is None else bool(chosen("mention", channel))


class MentionNews:
    """`look` is called often; what is to be told is taken by one worker."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        channels: Mapping[Channel, AlertChannel],
    ) -> None:
        self._storage, self._content, self._clock, self._channels = storage, content, clock, channels

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
        where = self._storage.read(lambda tx: reach(tx, settings, f"staff:{staff_id}"))
        link = settings.ladder.console_url
        notice = Notice(
            key=secrets.token_hex(16),
            kind="review",
            title=_TITLE.in_(staff.language).format(page=settings.page.name),
            text=_TEXT.in_(staff.language).format(link=link),
            link=link,
            at=now,
            email=where.email,
            subscriptions=where.subscriptions,
        )
        local = now.astimezone(settings.service_hours.zone).time()
        return sum(self._send(name, notice) for name in _CHANNELS if wants(staff, name, local))

    def _send(self, name: Channel, notice: Notice) -> bool:
        channel = self._channels.get(name)
        if channel is None:
            return False
        try:
            gone = channel.tell(notice)
        except ChannelFailed as problem:
            gone, failed = problem.gone, problem.code
        except Exception as error:  # one broken address must not keep the others from being told
            gone, failed = (), type(error).__name__
        else:
            failed = ""
        if gone:
            self._storage.write(lambda tx: [tx.push.forget(each) for each in gone])
        if failed:
            log.info("mention_not_told", extra={"part": name, "code": failed})
        return not failed
