"""waitress as it is turned here: the one file that leans on its insides.

One loop reads and writes; requests run in threads. Not so the POSTs for a `Door`: one thread answers all that have
come meanwhile at once. A thread for each would cost more than all that is done for one, as they take the interpreter
from each other; and together they need one commit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import Task, ThreadedTaskDispatcher

from bot.errors import PeerSupportError
from handlers.together import Answer, Arrived, Door

log = logging.getLogger(__name__)

GRACE_SECONDS = 10
_LOOK_SECONDS = 1.0  # how often the loop looks at the clock when nothing comes
_LARGEST_BODY = 16 * 1024 * 1024  # what takes bodies has far lower limits of its own
_LARGEST_ANSWER = 64 * 1024 * 1024
_MOST_TOGETHER = 64
_BROKE = Answer("500 INTERNAL SERVER ERROR", (("Content-Type", "text/plain; charset=utf-8"),), b"TRY AGAIN")


class PortTaken(PeerSupportError):
    """Somebody else listens there, or we may not."""


class HttpServer:
    """A server that listens from the start. Whoever made it calls `turn` again and again, in one thread."""

    def __init__(self, app: Any, *, host: str, port: int, threads: int, door: Door | None = None) -> None:
        """`app`: a WSGI application, for all that is not for `door`. Raises PortTaken."""
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue is an ordinary minute
        self._map: dict[int, Any] = {}
        self._threads = Threads(threads)
        self._server = _listening(app, self._map, self._threads, host, port)
        self._together = Together(door, self._server) if door else None
        self._server.together = self._together

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.effective_port)

    def turn(self, seconds: float = _LOOK_SECONDS) -> None:
        """Read and write whatever is ready; waits for so long when nothing is."""
        self._server.turned_by = threading.get_ident()
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        if self._together:
            self._together.turn()

    def drain(self) -> None:
        """Take nothing new, and let what has begun come to its end, ten seconds at most."""
        # The listening socket alone: waitress closes the others' alarm with it.
        wasyncore.dispatcher.close(self._server)
        ends_at = time.monotonic() + GRACE_SECONDS
        while any(map(_is_busy, [*self._server.active_channels.values()])) and time.monotonic() < ends_at:
            self.turn(0.05)

    def close(self) -> None:
        """End the threads, a second for each kind; and what is open, if they have ended."""
        have_ended = self._together.end(1) if self._together else True
        self._threads.shutdown(timeout=1)
        # A thread that still runs may ring the loop's alarm: a number that the system would give to the next file.
        if have_ended and not self._threads.threads:
            wasyncore.close_all(self._map)


def _listening(app: Any, opened: dict[int, Any], threads: Threads, host: str, port: int) -> _Server:
    try:
        return _Server(
            app,
            map=opened,
            host=host,
            port=port,
            dispatcher=threads,
            connection_limit=2000,
            asyncore_use_poll=True,
            asyncore_loop_timeout=_LOOK_SECONDS,
            channel_request_lookahead=1,  # so that a client who goes away in the middle of a stream is noticed
            clear_untrusted_proxy_headers=False,  # `console.proxies` says which to believe, see app.py
            ident=None,
            max_request_body_size=_LARGEST_BODY,
            # Nothing that anybody writes or reads is ever put into a file on the way.
            inbuf_overflow=_LARGEST_BODY + 1,
            outbuf_overflow=_LARGEST_ANSWER,
        )
    except OSError as error:
        wasyncore.close_all(opened)
        raise PortTaken(
            f"Port {port} cannot be used ({error.strerror or 'no reason given'}). Stop what listens there, or write"
            " another number into PORT (`peersupport demo --port NUMBER`)."
        ) from None


def _is_busy(channel: HTTPChannel) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


class _Server(TcpWSGIServer):  # type: ignore[misc]  # waitress is not typed
    """waitress' own, which asks first who a request is for."""

    together: Together | None = None
    turned_by = 0  # the thread of the loop

    def add_task(self, task: HTTPChannel) -> None:
        """As waitress': called for each request, from the loop or from a thread."""
        if self.together and self.together.takes(task):
            self.together.add(task)
        else:
            self.task_dispatcher.add_task(task)

    def pull_trigger(self) -> None:
        """Wake the loop. It itself needs no waking, and waitress would have it write to itself for each answer."""
        if threading.get_ident() != self.turned_by:
            super().pull_trigger()


class Together:
    """Has the door answer whatever waits for it, in a thread of its own; the loop sends the answers."""

    def __init__(self, door: Door, server: _Server) -> None:
        self._door = door
        self._server = server
        self._waiting: deque[HTTPChannel] = deque()
        self._answered: deque[tuple[HTTPChannel, Answer]] = deque()
        self._bell = threading.Event()
        self._has_ended = False
        self._thread = threading.Thread(target=self._work, name="together", daemon=True)
        self._thread.start()

    def takes(self, channel: HTTPChannel) -> bool:
        """Whether its next request is for the door."""
        request = channel.requests[0]
        if request.error or request.command != "POST":
            return False
        return bool("/" + request.path.lstrip("/") == self._door.path)  # as waitress writes PATH_INFO

    def add(self, channel: HTTPChannel) -> None:
        """It has a request for the door. Whoever says so sees to it that the loop turns."""
        self._waiting.append(channel)

    def turn(self) -> None:
        """After each turn of the loop: send what has been answered, hand over all that this turn has read."""
        while self._answered:
            self._send(*self._answered.popleft())
        if self._waiting:
            self._bell.set()

    def end(self, seconds: float) -> bool:
        """Whether the thread has ended, after so long at the latest."""
        self._has_ended = True
        self._bell.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while self._bell.wait() and not self._has_ended:
            self._bell.clear()
            while batch := [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_TOGETHER))]:
                self._answered.extend(self._answers(batch))
                self._server.pull_trigger()

    def _answers(self, batch: list[HTTPChannel]) -> list[tuple[HTTPChannel, Answer]]:
        try:
            answers = self._door.answers([_arrived(channel) for channel in batch])
            return [*zip(batch, answers, strict=True)]
        except Exception as error:
            log.error("door_broke", extra={"error": type(error).__name__, "count": len(batch)})
            return [(channel, _BROKE) for channel in batch]

    def _send(self, channel: HTTPChannel, answer: Answer) -> None:
        def task(channel: HTTPChannel, request: Any) -> _Prepared:
            del channel.task_class  # for this request alone
            return _Prepared(channel, request, answer)

        channel.task_class = task
        if channel.total_outbufs_len:  # of an answer before: whoever adds to it may have to wait
            self._server.task_dispatcher.add_task(channel)
            return
        try:
            channel.service()
        except Exception:
            log.exception("answer_broke")
            channel.will_close = True


def _arrived(channel: HTTPChannel) -> Arrived:
    request = channel.requests[0]
    return Arrived(request.headers, lambda: request.get_body_stream().read())


class _Prepared(Task):  # type: ignore[misc]
    """An answer that is known already, in one piece."""

    complete = True

    def __init__(self, channel: HTTPChannel, request: Any, answer: Answer) -> None:
        super().__init__(channel, request)
        self._answer = answer

    def execute(self) -> None:
        """For `service`."""
        self.status = self._answer.status
        self.response_headers = [*self._answer.headers]
        self.content_length = len(self._answer.body)
        self.channel.write_soon(self.build_response_header() + self._answer.body)
        self.wrote_header = True


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Starts a thread whenever a request comes that no idle one can take, up to `limit`; none ends before the server.

    waitress' own starts all of them at once, and lets requests wander through them in turn. A hundred that wait for
    nothing hold 3 MB.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._count = 0

    def add_task(self, task: Any) -> None:
        """As waitress': called for each request, from the loop or from a thread."""
        with self.lock:
            self.queue.append(task)
            idle = len(self.threads) - self.stop_count - self.active_count
            wants_one = len(self.queue) > idle and self._count < self._limit and not self.stop_count
            if not (wants_one and self._starts_one()):
                self.queue_cv.notify()

    def _starts_one(self) -> bool:
        try:
            self.start_new_thread(self.handler_thread, self._count)  # which first waits for the lock
        except RuntimeError:  # the system gives none: those there are take it, or the next request tries anew
            log.warning("no_thread", extra={"count": self._count})
            return False
        self.threads.add(self._count)
        self._count += 1
        self.active_count += 1  # as one that works, until it finds nothing to do
        return True
