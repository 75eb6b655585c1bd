"""Numbers about the whole service, for whoever watches over it. Nothing of one person, and no scan of a table."""

from __future__ import annotations

from datetime import datetime

from storage.store import Store
from storage.times import to_ms


class Figures(Store):
    """What no other store counts. All are of this moment."""

    def events_set_aside(self) -> int:
        """Events that could not be handled, and are kept."""
        return self._count("inbox WHERE state = 'aside'")

    def sends_under_way(self) -> int:
        """Messages that somebody is sending, or was when the process died."""
        return self._count("outbox WHERE state = 'sending'")

    def sends_of_unknown_fate(self) -> int:
        """Messages whose echo is still waited for."""
        return self._count("outbox WHERE state = 'unknown' AND settled = 0")

    def workers(self, since: datetime) -> int:
        """How many workers have said since then that they are there."""
        return self._count("worker WHERE beat_at > :since", since=to_ms(since))

    def _count(self, what: str, **parameters: int) -> int:
        return int(self._value(f"SELECT count(*) FROM {what}", **parameters))  # noqa: S608
