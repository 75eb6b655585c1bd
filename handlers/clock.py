"""The service's one clock. Everything else gets the time as an argument or asks this."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
STEP_BACK = timedelta(seconds=1)  # a clock that is corrected by less has not been put back


def real() -> datetime:
    """Now, aware UTC."""
    return datetime.now(UTC)


class PutBack:
    """Tells whoever asks it often that a clock has been put back: once, each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_at = clock()

    def __call__(self) -> datetime | None:
        """Now, if the clock was put back since the last call."""
        now, before = self._clock(), self._seen_at
        self._seen_at = now
        return now if now < before - STEP_BACK else None


class MovableClock:
    """Runs like the real one, from wherever it was put: for the demo and for conversations in a terminal."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Now, as far as the service knows."""
        with self._lock:
            return real() + self._offset

    @property
    def offset(self) -> timedelta:
        """How far this clock is from the real one."""
        with self._lock:
            return self._offset

    def set(self, now: datetime) -> None:
        """Put the clock to `now` (aware)."""
        with self._lock:
            self._offset = now - real()

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        with self._lock:
            self._offset += by
