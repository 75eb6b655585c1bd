"""Group commit with an explicit leader: many threads ask, one of them works for all that queued behind it.

The first thread to come leads: it takes everything that waits, has it done once, hands each its result and
names the next leader. Alone it costs nothing; under load one flush to disk serves a whole batch. The hand-over
is explicit because threads that all wait for one lock are woken one at a time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from storage.errors import StorageUnavailable

Asked = TypeVar("Asked")
Got = TypeVar("Got")

_LARGEST_BATCH = 256


class Job(Generic[Asked, Got]):
    """What one caller asks for, and what became of it."""

    __slots__ = ("_woken", "asked", "error", "is_done", "result")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self._woken = threading.Lock()
        self._woken.acquire()
        self.result: Got | None = None
        self.error: BaseException | None = None
        self.is_done = False

    def wait(self) -> None:
        """Until done, or until it is this thread's turn to lead."""
        self._woken.acquire()

    def wake(self) -> None:
        """End `wait`."""
        self._woken.release()


class GroupCommit(Generic[Asked, Got]):
    """Collects jobs into batches. `run_batch` does one batch, and sets each job's result or error."""

    def __init__(
        self, run_batch: Callable[[Sequence[Job[Asked, Got]]], None], largest: int = _LARGEST_BATCH
    ) -> None:
        self._run_batch = run_batch
        self._largest = largest
        self._mutex = threading.Lock()
        self._waiting: deque[Job[Asked, Got]] = deque()
        self._is_led = False

    def ask(self, asked: Asked) -> Got:
        """Have this done in some batch; returns its result, or raises its error."""
        job: Job[Asked, Got] = Job(asked)
        with self._mutex:
            self._waiting.append(job)
            must_wait, self._is_led = self._is_led, True
        if must_wait:
            job.wait()
        if not job.is_done:
            self._lead()
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]

    def _lead(self) -> None:
        with self._mutex:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]
        try:
            self._run_batch(batch)
        except BaseException:
            # Only something like KeyboardInterrupt comes here. It belongs to this thread; nothing was kept.
            for job in batch[1:]:
                job.error = StorageUnavailable("interrupted before the commit")
            raise
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: Sequence[Job[Asked, Got]]) -> None:
        for job in batch:
            job.is_done = True
        with self._mutex:
            following = self._waiting[0] if self._waiting else None
            self._is_led = following is not None
        if following is not None:
            following.wake()
        for job in batch[1:]:  # the first one is the leader itself
            job.wake()
