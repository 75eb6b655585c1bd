"""Tells open consoles to look again: Server-Sent Events with a number and nothing else.

One thread per process waits for the store to be changed, by any process, and wakes the streams that are due. A line
of one's own student is told at once; so is what everybody must see, somebody new or an alert (`list`: the
conversation on the screen need not be asked for). To most screens most changes mean nothing: they are told that
something has changed a little later, and not all together, so that many open consoles do not keep the process from
answering the one that has something to show.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from threading import Event, Lock, Thread

from flask import Response, request
from flask.typing import ResponseReturnValue

from handlers.console import sessions
from handlers.console.parts import me, now, parts
from storage import Storage, StorageError
from storage.screens import Sign

POLL_SECONDS = 5.0  # a lost wake-up is noticed after this
RETRY_AFTER_SECONDS = 30
LATER_SECONDS = (
    0.025  # for each open stream: so those not concerned ask 40 times a second, all of them together
)


class Full(Exception):
    """This process holds as many streams as it may."""


class Live:
    """The broadcaster of one process. `start` and `stop` may be called more than once."""

    def __init__(
        self,
        storage: Storage,
        *,
        limit: int = 256,
        heartbeat_seconds: float = 10.0,
        lifetime_seconds: float = 900.0,
    ) -> None:
        self._storage = storage
        self._limit = limit
        self._heartbeat_seconds = heartbeat_seconds
        self._lifetime_seconds = lifetime_seconds
        self._lock = Lock()
        self._number = 0
        self._signs: set[Sign] = set()
        self._streams: set[_Stream] = set()
        self._stopped = False
        self._thread: Thread | None = None

    @property
    def streams(self) -> int:
        """How many consoles listen now."""
        return len(self._streams)

    def start(self) -> None:
        """Begin to listen; the first stream does it too."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = Thread(target=self._listen, name="console-live", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End every stream now, so that the process can stop at once."""
        with self._lock:
            self._stopped = True
            for stream in self._streams:
                stream.woken.set()
        self._storage.notify()
        if self._thread is not None:
            self._thread.join(POLL_SECONDS + 1)

    def stream(
        self, alive: Callable[[], bool], *, staff_id: int | None = None, contact_id: int | None = None
    ) -> Iterator[str]:
        """Events for one console, from now on. Raises Full at once when there is no room.

        `alive` is asked at every heartbeat; False ends the stream. Of this person and this conversation it is told
        at once.
        """
        stream = _Stream(self._events, self._leave, alive, staff_id, contact_id)
        with self._lock:
            if len(self._streams) >= self._limit or self._stopped:
                raise Full
            self._streams.add(stream)
        self.start()
        return stream

    def _leave(self, stream: _Stream) -> None:
        with self._lock:
            self._streams.discard(stream)

    def _listen(self) -> None:
        listener = self._storage.listen("screens")
        try:
            while not self._stopped:
                with suppress(StorageError):  # looked at again after the pause
                    self._look()
                listener.wait(self._wake())
        finally:
            listener.close()

    def _look(self) -> None:
        """See whether there is something new, and who is to be told of it when."""
        number, signs = self._storage.read(lambda tx: (tx.handoffs.last_change(), tx.screens.signs()))
        if number == self._number:
            return
        with self._lock:
            changed = signs ^ self._signs
            self._number, self._signs = number, signs
            at, pause = time.monotonic(), LATER_SECONDS * len(self._streams)
            for stream in self._streams:
                wait = 0.0 if stream.shows(changed) else pause * random.uniform(0.5, 1.5)
                stream.due = min(stream.due, at + wait)

    def _wake(self) -> float:
        """Wake the streams that are due; for how many seconds no other is."""
        at, next_at = time.monotonic(), inf
        with self._lock:
            for stream in self._streams:
                if stream.due <= at:
                    stream.woken.set()
                else:
                    next_at = min(next_at, stream.due)
        return min(POLL_SECONDS, next_at - at)

    def _events(self, stream: _Stream) -> Iterator[str]:
        until = time.monotonic() + self._lifetime_seconds
        beat_at = time.monotonic() + self._heartbeat_seconds
        first = "retry: 2000\n"
        while True:
            if stream.due <= time.monotonic():
                with self._lock:
                    stream.due, number = inf, self._number
                yield f"{first}event: changed\ndata: {number}\n\n"
                first = ""
            stream.woken.wait(max(0.0, min(beat_at, until) - time.monotonic()))
            stream.woken.clear()
            if self._stopped or time.monotonic() >= until:
                return
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + self._heartbeat_seconds
                if not stream.alive():
                    return
                yield ": still here\n\n"


class _Stream(Iterator[str]):
    """Gives its place back when it ends or the server closes it, even before the first event was sent."""

    def __init__(
        self,
        events: Callable[[_Stream], Iterator[str]],
        leave: Callable[[_Stream], None],
        alive: Callable[[], bool],
        staff_id: int | None,
        contact_id: int | None,
    ) -> None:
        self._events, self._leave, self._closed = events(self), leave, False
        self._staff_id, self._contact_id = staff_id, contact_id
        self.alive = alive
        self.due = 0.0  # when it is to be told; a new one at once
        self.woken = Event()

    def shows(self, signs: set[Sign]) -> bool:
        """Whether one of these is on this screen."""
        return any(
            sign.staff is None or sign.contact_id == self._contact_id or self._staff_id in sign.staff
            for sign in signs
        )

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
            self._leave(self)


def live() -> ResponseReturnValue:
    """The stream of one console. While it is open its owner counts as seen. `c`: the conversation that it shows."""
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
        shown = request.args.get("c", type=int)
        events = parts().live.stream(alive, staff_id=staff.id, contact_id=shown)
    except Full:
        return Response(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    storage.write(lambda tx: tx.staff.seen(staff.id, seen_at))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(events, mimetype="text/event-stream", headers=headers)
