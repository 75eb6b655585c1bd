"""How fast to send: what the channel asks for, and when to try again what it refused."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta

from bot.window import STANDARD_WINDOW
from handlers.channel import ChannelError
from storage.records import TakenSend

BACK_OFF_SECONDS = (1.0, 4.0, 15.0, 60.0, 240.0)


class Pace:
    """Pauses in which nothing is sent to anybody. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paused_at: datetime | None = None
        self._pause_for = timedelta(0)

    def pause(self, now: datetime, seconds: float) -> None:
        """Send nothing for so long; a longer pause that is on already stays."""
        pause = timedelta(seconds=seconds)
        with self._lock:
            left = self._paused_at + self._pause_for - now if self._paused_at else timedelta(0)
            if pause > timedelta(0) and pause > left:
                self._paused_at, self._pause_for = now, pause

    def is_paused(self, now: datetime) -> bool:
        """A clock that was put back ends a pause: better than one that lasts for days."""
        with self._lock:
            return bool(self._paused_at and timedelta(0) <= now - self._paused_at < self._pause_for)


def meaning(send: TakenSend, error: ChannelError, now: datetime) -> str:
    """Meta gives 1545041 two meanings; our own clock knows which one it is."""
    if error.code != "window_or_blocked":
        return error.code
    last = send.last_inbound_at
    return "window_closed" if last is None or now - last > STANDARD_WINDOW else "unreachable"


def back_off(send: TakenSend, error: ChannelError) -> timedelta:
    """Growing pauses with jitter, so that many retries do not come at once; Meta's own figure wins."""
    if error.retry_after_seconds is not None:
        return timedelta(seconds=error.retry_after_seconds)
    base = BACK_OFF_SECONDS[min(send.tries, len(BACK_OFF_SECONDS) - 1)]
    return timedelta(seconds=base * random.uniform(0.75, 1.25))
