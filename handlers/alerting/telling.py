"""One notice by one channel, for everything that is no alert: what failed, and which addresses are gone."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bot.settings import Channel
from handlers.alerting.notice import AlertChannel, ChannelFailed, Notice
from storage import Storage

log = logging.getLogger("peersupport.news")


class Telling:
    """The channels that are set up. A push address that is gone is forgotten."""

    def __init__(self, storage: Storage, channels: Mapping[Channel, AlertChannel]) -> None:
        self._storage, self._channels = storage, channels

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
