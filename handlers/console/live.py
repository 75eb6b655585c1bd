"""Tells open consoles to look again: Server-Sent Events with a number and nothing else.

One thread per process waits for the store to be changed, by any process, and wakes streams. A line of one's own
student is told at once; so is what everybody must see, somebody new or an alert (`list`: the conversation on the
screen need not be asked for). To most screens most changes mean nothing: these are told that something has changed one
after the other, while the process has little else to do, so that many open consoles do not keep it from answering the
one that has something to show.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Literal

from flask import Response, request
from flask.typing import ResponseReturnValue

from handlers.console import sessions
from handlers.console.parts import me, now, parts
from storage import Storage, StorageError
from storage.screens import Sign

POLL_SECONDS = 5.0  # a lost wake-up is noticed after this
RETRY_AFTER_SECONDS = 30
LATER_SECONDS = 0.04  # between two of those that are told one after the other
BUSY = 2  # so many answers under way at once, and they wait


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
        self._later: dict[_Stream, None] = {}  # in their order
        self._later_at = 0.0  # when the next of them may be told
        self._answers = 0  # under way
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

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A console is being answered: those to whom a change means nothing wait while there are several."""
        with self._lock:
            self._answers += 1
        try:
            yield
        finally:
            with self._lock:
                self._answers -= 1

    def _leave(self, stream: _Stream) -> None:
        with self._lock:
            self._streams.discard(stream)
            self._later.pop(stream, None)

    def _listen(self) -> None:
        listener = self._storage.listen("screens")
        try:
            while not self._stopped:
                with suppress(StorageError):  # looked at again after the pause
                    self._look()
                listener.wait(self._tell_another())
        finally:
            listener.close()

    def _look(self) -> None:
        """See whether there is something new, and tell whom it concerns."""
        number, signs = self._storage.read(lambda tx: (tx.handoffs.last_change(), tx.screens.signs()))
        if number == self._number:
            return
        with self._lock:
            changed = signs ^ self._signs
            self._number, self._signs = number, signs
            of_all = any(sign.staff is None for sign in changed)
            for stream in self._streams:
                if stream.is_of(changed):
                    stream.tell("changed")
                    continue
                self._later.setdefault(stream)
                if of_all:
                    stream.tell("list")

    def _tell_another(self) -> float:
        """Tell one of those who wait, if it is time; for how many seconds there is nothing more to do."""
        at = time.monotonic()
        with self._lock:
            if not self._later:
                return POLL_SECONDS
            if at < self._later_at:
                return self._later_at - at
            self._later_at = at + LATER_SECONDS
            if self._answers < BUSY:
                stream = next(iter(self._later))
                del self._later[stream]
                stream.tell("changed")
            return LATER_SECONDS

    def _news(self, stream: _Stream) -> str:
        """What this stream is to be told; empty when nothing. It is told then."""
        with self._lock:
            kind, stream.news = stream.news, None
            if kind == "changed":
                self._later.pop(stream, None)
            return f"event: {kind}\ndata: {self._number}\n\n" if kind else ""

    def _events(self, stream: _Stream) -> Iterator[str]:
        until = time.monotonic() + self._lifetime_seconds
        beat_at = time.monotonic() + self._heartbeat_seconds
        first = "retry: 2000\n"
        while True:
            if news := self._news(stream):
                yield first + news
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
        self.news: Literal["changed", "list"] | None = "changed"  # to be told; to a new one at once
        self.woken = Event()

    def tell(self, news: Literal["changed", "list"]) -> None:
        """This, next; the larger news takes the place of the smaller."""
        if self.news != "changed":
            self.news = news
        self.woken.set()

    def is_of(self, signs: set[Sign]) -> bool:
        """Whether one of these is this person's own, or of the conversation on the screen."""
        return any(
            sign.contact_id == self._contact_id or self._staff_id in (sign.staff or ()) for sign in signs
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
