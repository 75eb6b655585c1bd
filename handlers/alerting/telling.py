"""One notice by one channel, for everything that is no alert: what failed, and which addresses are gone.

And what colleagues are told of each other, which never holds a name or a word of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from bot.settings import Channel, Settings
from handlers.alerting.notice import (
    AlertChannel,
    ChannelFailed,
    ColleaguePurpose,
    Notice,
    NoticeKind,
    colleague_words,
)
from handlers.alerting.people import reach
from storage import Storage
from storage.records import Staff

log = logging.getLogger("peersupport.news")


class Telling:
    """The channels that are set up. A push address that is gone is forgotten."""

    def __init__(self, storage: Storage, channels: Mapping[Channel, AlertChannel]) -> None:
        self._storage, self._channels = storage, channels

    def to_colleague(
        self,
        staff: Staff,
        purpose: ColleaguePurpose,
        kind: NoticeKind,
        key: str,
        settings: Settings,
        now: datetime,
    ) -> Notice:
        """What a colleague is told. `key`: the same at every try."""
        where = self._storage.read(lambda tx: reach(tx, settings, f"staff:{staff.id}"))
        link = settings.ladder.console_url
        title, text = colleague_words(purpose, page=settings.page.name, link=link, language=staff.language)
        return Notice(
            key=key,
            kind=kind,
            title=title,
            text=text,
            link=link,
            at=now,
            email=where.email,
            subscriptions=where.subscriptions,
        )

    def send(self, name: Channel, notice: Notice) -> bool | None:
        """True: taken. False: there is no such way to them. None: it failed, and another try may help."""
        channel = self._channels.get(name)
        if channel is None:
            return False
        try:
            gone = channel.tell(notice)
        except ChannelFailed as problem:
            self._forget(problem.gone)
            log.info("news_not_told", extra={"part": name, "code": problem.code})
            return None if problem.again else False
        except Exception as error:  # one person's broken address must not keep the others from being told
            log.error("channel_crashed", extra={"part": name, "error": type(error).__name__})
            return None
        self._forget(gone)
        return True

    def _forget(self, gone: tuple[int, ...]) -> None:
        if gone:
            self._storage.write(lambda tx: [tx.push.forget(each) for each in gone])
