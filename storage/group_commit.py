"""Group commit with an explicit leader: many threads write, one of them commits for all that queued behind it.

The first thread to come leads: it takes everything that waits, has it run and committed once, hands each its
result and names the next leader. Alone it costs nothing; under load one flush to disk serves a whole batch.
The hand-over is explicit because threads that all wait for one lock are woken one at a time.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from storage.errors import StorageError, StorageUnavailable

T = TypeVar("T")

_LARGEST_BATCH = 256
_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("inside_a_write", default=False)


class Job:
    """One caller's work and what became of it."""

    __slots__ = ("_context", "_fn", "_woken", "error", "is_done", "result")

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self._fn = fn
        self._context = contextvars.copy_context()  # the work may run in the leader's thread
        self._woken = threading.Lock()
        self._woken.acquire()
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_done = False

    def run(self, argument: Any) -> Any:
        """Call the caller's function in the caller's context."""
        return self._context.run(self._call, argument)

    def _call(self, argument: Any) -> Any:
        _inside.set(True)
        return self._fn(argument)

    def wait(self) -> None:
        """Until done, or until it is this thread's turn to lead."""
        self._woken.acquire()

    def wake(self) -> None:
        """End `wait`."""
        self._woken.release()


class GroupCommit:
    """Collects jobs into batches. `run_batch` runs and commits one batch and sets each job's outcome."""

    def __init__(self, run_batch: Callable[[Sequence[Job]], None]) -> None:
        self._run_batch = run_batch
        self._mutex = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._is_led = False

    def write(self, fn: Callable[[Any], T]) -> T:
        """Run `fn` in some batch; returns its result once committed, or raises its error."""
        if _inside.get():
            raise StorageError("a write inside a write would wait for itself; use the transaction at hand")
        job = Job(fn)
        with self._mutex:
            self._waiting.append(job)
            must_wait, self._is_led = self._is_led, True
        if must_wait:
            job.wait()
        if not job.is_done:
            self._lead()
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[no-any-return]

    def _lead(self) -> None:
        with self._mutex:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _LARGEST_BATCH))]
        try:
            self._run_batch(batch)
        except BaseException:
            # Only something like KeyboardInterrupt comes here. It belongs to this thread; nothing was kept.
            for job in batch[1:]:
                job.error = StorageUnavailable("interrupted before the commit")
            raise
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: Sequence[Job]) -> None:
        for job in batch:
            job.is_done = True
        with self._mutex:
            following = self._waiting[0] if self._waiting else None
            self._is_led = following is not None
        if following is not None:
            following.wake()
        for job in batch[1:]:  # the first one is the leader itself
            job.wake()
