"""Tells open consoles that something changed: Server-Sent Events with a number and nothing else.

One thread per process waits for the store to be changed, by any process; every open stream waits on one condition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Condition, Thread

from flask import Response
from flask.typing import ResponseReturnValue

from handlers.console import sessions
from handlers.console.parts import me, now, parts
from storage import Storage, StorageError

POLL_SECONDS = 5.0  # a lost wake-up is noticed after this
RETRY_AFTER_SECONDS = 30


class Full(Exception):
    """This process holds as many streams as it may."""


class Live:
    """The broadcaster of one process. `start` and `stop` may be called more than once."""

    def __init__(
        self,
        storage: Storage,
        *,
        limit: int = 48,
        heartbeat_seconds: float = 10.0,
        lifetime_seconds: float = 900.0,
    ) -> None:
        self._storage = storage
        self._limit = limit
        self._heartbeat_seconds = heartbeat_seconds
        self._lifetime_seconds = lifetime_seconds
        self._changed = Condition()
        self._number = 0
        self._open = 0
        self._stopped = False
        self._thread: Thread | None = None

    @property
    def streams(self) -> int:
        """How many consoles listen now."""
        return self._open

    def start(self) -> None:
        """Begin to listen; the first stream does it too."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._thread = Thread(target=self._listen, name="console-live", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End every stream now, so that the process can stop at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._storage.notify()
        if self._thread is not None:
            self._thread.join(POLL_SECONDS + 1)

    def _listen(self) -> None:
        listener = self._storage.listen("screens")
        try:
            while not self._stopped:
                with suppress(StorageError):  # looked at again after the pause
                    self._look()
                listener.wait(POLL_SECONDS)
        finally:
            listener.close()

    def _look(self) -> None:
        number = self._storage.read(lambda tx: tx.handoffs.last_change())
        with self._changed:
            if number != self._number:
                self._number = number
                self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            self._open -= 1

    def stream(self, alive: Callable[[], bool]) -> Iterator[str]:
        """Events for one console, from now on. Raises Full at once when there is no room.

        `alive` is asked at every heartbeat; False ends the stream.
        """
        with self._changed:
            if self._open >= self._limit or self._stopped:
                raise Full
            self._open += 1
        self.start()
        return _Stream(self._events(alive), self._leave)

    def _events(self, alive: Callable[[], bool]) -> Iterator[str]:
        until = time.monotonic() + self._lifetime_seconds
        beat_at = time.monotonic() + self._heartbeat_seconds
        told = self._number
        yield f"retry: 2000\nevent: changed\ndata: {told}\n\n"
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopped or self._number != told,  # noqa: B023 - asked before it changes
                    timeout=max(0.0, min(beat_at, until) - time.monotonic()),
                )
                number, stopped = self._number, self._stopped
            if stopped or time.monotonic() >= until:
                return
            if number != told:
                told = number
                yield f"event: changed\ndata: {told}\n\n"
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + self._heartbeat_seconds
                if not alive():
                    return
                yield ": still here\n\n"


class _Stream(Iterator[str]):
    """Gives its place back when it ends or the server closes it, even before the first event was sent."""

    def __init__(self, events: Iterator[str], leave: Callable[[], None]) -> None:
        self._events, self._leave, self._closed = events, leave, False

    def __next__(self) -> str:
        try:
            return next(self._events)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Called by the server when the console has gone."""
        if not self._closed:
            self._closed = True
            self._leave()


def live() -> ResponseReturnValue:
    """The stream of one console. While it is open its owner counts as seen."""
    storage, clock, key, staff = parts().storage, parts().clock, sessions.current_hash() or b"", me()
    seen_at = now()

    def alive() -> bool:
        """Whether the session still holds; keeps `seen_at` fresh, by the service's clock."""
        nonlocal seen_at
        at = clock()
        if not storage.read(lambda tx: tx.sessions.peek(key, at) is not None):
            return False
        if at - seen_at >= sessions.SEEN_EVERY:
            seen_at = at
            storage.write(lambda tx: tx.staff.seen(staff.id, at))
        return True

    try:
        events = parts().live.stream(alive)
    except Full:
        return Response(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    storage.write(lambda tx: tx.staff.seen(staff.id, seen_at))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(events, mimetype="text/event-stream", headers=headers)
