"""Posts webhooks to the app: signed, in order, over real HTTP, and again until they are accepted."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, repeat

import requests

from handlers.simulator.records import Happening
from handlers.simulator.webhooks import body, signature

log = logging.getLogger(__name__)

PAUSES_SECONDS = (0.0, 0.0, 1.0, 3.0, 10.0)  # before each try; then 30 s each time


class Poster:
    """Delivers webhook items to one URL.

    In the background by default, one after the other, repeating until the app answers 200. With
    `synchronous=True` whoever causes an event delivers it before going on, with as many tries
    as there are pauses, but without them; what is refused each time stays in `refused`.

    `copies`: how often each body is posted. `batch`: how many waiting items go in one body.
    """

    def __init__(
        self,
        url: str,
        app_secret: str,
        *,
        synchronous: bool = False,
        copies: int = 1,
        batch: int = 1,
        timeout_seconds: float = 10.0,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self.url, self.app_secret, self.synchronous = url, app_secret, synchronous
        self.copies, self.batch, self.timeout_seconds = copies, batch, timeout_seconds
        self.pauses_seconds = tuple(pauses_seconds)
        self.posts: list[int] = []  # HTTP status of each try, 0 when nobody answered
        self.refused: list[Happening] = []
        self.now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
        self.on_accepted: Callable[[Sequence[Happening]], None] = lambda _: None
        self._waiting: deque[Happening] = deque()
        self._held = False
        self._in_flight = False
        self._closing = threading.Event()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._local = threading.local()  # a Session belongs to one thread

    def put(self, happenings: Sequence[Happening]) -> None:
        """Deliver these, in this order, after everything put before."""
        if not happenings or self._closing.is_set():
            return
        with self._condition:
            self._waiting.extend(happenings)
            if not self.synchronous and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="simulator-poster", daemon=True)
                self._thread.start()
            self._condition.notify_all()
        if self.synchronous:
            self._drain()

    def hold(self) -> None:
        """Keep everything back from now on, as Meta does in an outage."""
        with self._condition:
            self._held = True

    def release(
        self, order: Callable[[list[Happening]], list[Happening]] | None = None, *, batch: int | None = None
    ) -> None:
        """Deliver what was held back, rearranged by `order` (`lambda items: items[::-1]`) if given."""
        with self._condition:
            if order:
                self._waiting = deque(order(list(self._waiting)))
            if batch:
                self.batch = batch
            self._held = False
            self._condition.notify_all()
        if self.synchronous:
            self._drain()

    @property
    def is_held(self) -> bool:
        """Whether deliveries are kept back."""
        return self._held

    @property
    def waiting(self) -> int:
        """How many items are not delivered yet."""
        with self._condition:
            return len(self._waiting) + self._in_flight

    def wait_until_idle(self, timeout_seconds: float = 10.0) -> bool:
        """True once everything that is not held back is delivered; False after the time is out."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._in_flight and (self._held or not self._waiting), timeout_seconds
            )

    def close(self) -> None:
        """Stop. What is not delivered stays undelivered."""
        self._closing.set()
        with self._condition:
            self._condition.notify_all()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(self.timeout_seconds + 1)
        session: requests.Session | None = getattr(self._local, "session", None)
        if session:
            session.close()

    def _take(self) -> list[Happening]:
        """The next batch; the caller holds the condition."""
        taken = [self._waiting.popleft() for _ in range(min(max(1, self.batch), len(self._waiting)))]
        self._in_flight = bool(taken)
        return taken

    def _settle(self) -> None:
        with self._condition:
            self._in_flight = False
            self._condition.notify_all()

    def _drain(self) -> None:
        """Deliver everything in the calling thread."""
        while True:
            with self._condition:
                taken = [] if self._held else self._take()
            if not taken:
                return
            try:
                self._deliver(taken, repeat(0.0, len(self.pauses_seconds)))
            finally:
                self._settle()

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._condition:
                self._condition.wait_for(lambda: self._closing.is_set() or (self._waiting and not self._held))
                taken = [] if self._closing.is_set() else self._take()
            if taken:
                try:
                    self._deliver(taken, chain(self.pauses_seconds, repeat(30.0)))
                finally:
                    self._settle()
        session: requests.Session | None = getattr(self._local, "session", None)
        if session:
            session.close()

    def _deliver(self, happenings: list[Happening], pauses: repeat[float] | chain[float]) -> None:
        """Post until it is accepted, or the pauses run out."""
        for pause in pauses:
            if pause and self._closing.wait(pause):
                return
            if self._post(happenings):
                for _ in range(self.copies - 1):
                    self._post(happenings)
                self.on_accepted(happenings)
                return
            if self._closing.is_set():
                return
        self.refused.extend(happenings)

    def _post(self, happenings: list[Happening]) -> bool:
        data = body(happenings, self.now_ms())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(self.app_secret, data),
        }
        try:
            answer = self._session().post(
                self.url, data=data, headers=headers, timeout=self.timeout_seconds, allow_redirects=False
            )
            status = answer.status_code
        except requests.RequestException:
            status = 0
        self.posts.append(status)
        if status != 200:
            log.info("webhook_not_accepted", extra={"status": status})
        return status == 200

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # loopback: no proxy from the environment
            self._local.session = session
        return session
