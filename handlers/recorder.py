"""Writes down what became of messages: all that came home in a short while in one transaction.

With the same commit what waited for them is claimed. What cannot be kept stays "sending", and the sweep takes it from
there.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal, Protocol, TypeVar

from handlers.clock import Clock
from handlers.turns import tell
from storage import Marks, Storage, StorageUnavailable, Tx
from storage.records import TakenSend

log = logging.getLogger("peersupport.sender")
AT_ONCE = 64
BREATH_SECONDS = (
    0.02  # between two commits of what came home: a second commit for each would cost more than it
)
PAUSES_SECONDS = (0.5, 2.0, 5.0)

T = TypeVar("T")
Outcome = Literal["sent", "failed", "lapsed"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a message."""

    send: TakenSend
    outcome: Outcome
    code: str | None
    mid: str | None


class Claims(Protocol):
    """What the recorder needs of the sender."""

    def guest(self) -> AbstractContextManager[None]:
        """Around a transaction with `claim_along` and the `hand_over` after it."""

    def claim_along(self, tx: Tx) -> list[TakenSend]:
        """Claim what is due in this transaction."""

    def hand_over(self, taken: Sequence[TakenSend]) -> None:
        """Have these sent, which are claimed."""


class Recorder:
    """`run` in a thread of its own; `settle` from any. Without `run`, `settle` records at once."""

    def __init__(
        self, storage: Storage, clock: Clock, claims: Claims, begun: Marks, changed: threading.Condition
    ) -> None:
        """`begun` holds what may have left and is not recorded. `changed` guards `unrecorded`, and is told when it
        shrinks.
        """
        self._storage = storage
        self._clock = clock
        self._claims = claims
        self._begun = begun
        self._changed = changed
        self._runs = False
        self._stopping = threading.Event()
        self._settled: SimpleQueue[Settled | None] = SimpleQueue()
        self.unrecorded: set[int] = set()  # sent, and not recorded yet

    def start(self, stopping: threading.Event) -> None:
        """Record in a thread from now on, until `end`."""
        self._stopping, self._runs = stopping, True
        threading.Thread(target=self._run, name="record", daemon=True).start()

    def end(self) -> None:
        """Nothing more comes."""
        self._runs = False
        self._settled.put(None)

    def settle(
        self, send: TakenSend, outcome: Outcome, code: str | None = None, mid: str | None = None
    ) -> None:
        """Have it recorded what became of it: by the thread, or at once where none runs."""
        settled = Settled(send, outcome, code, mid)
        if self._runs:
            with self._changed:
                self.unrecorded.add(send.id)
            self._settled.put(settled)
        else:
            self._keep([settled])

    def _run(self) -> None:
        """Record what came home, all that is there in one transaction, until there is nothing more to come."""
        while (first := self._settled.get()) is not None:
            batch, last = [first], False
            with suppress(Empty):
                while len(batch) < AT_ONCE and not last:
                    following = self._settled.get_nowait()
                    last = following is None
                    batch += [following] if following else []
            self._keep_or_leave(batch)
            if last:
                return
            if len(batch) < AT_ONCE:
                self._stopping.wait(BREATH_SECONDS)  # more come home meanwhile, and share the next commit

    def _keep_or_leave(self, batch: Sequence[Settled]) -> None:
        try:
            self._keep(batch)
        except StorageUnavailable as error:  # the rows stay "sending"; the sweep takes them from there
            log.error("record_failed", extra={"error": type(error).__name__, "count": len(batch)})
        except Exception as error:
            if len(batch) > 1:  # one of them; the others must not suffer
                for each in batch:
                    self._keep_or_leave([each])
            else:
                log.error("send_crashed", extra={**ids(batch[0].send), "error": type(error).__name__})
        finally:
            with self._changed:
                self.unrecorded.difference_update(each.send.id for each in batch)
                self._changed.notify_all()

    def _keep(self, told: Sequence[Settled]) -> None:
        """All of it in one transaction, and whatever a conversation must know with it."""
        now = self._clock()

        def record(tx: Tx) -> list[TakenSend]:
            tx.outbox.sent({each.send.id: each.mid for each in told if each.outcome == "sent"}, now)
            for outcome, count in Counter(each.outcome for each in told).items():
                tx.counters.bump(f"send_{outcome}", count)
            for each in told:
                if each.outcome == "lapsed":
                    tx.outbox.lapsed(each.send.id, now)
                elif each.outcome == "failed":
                    tx.outbox.failed(each.send.id, each.code or "other", now)
                send = each.send
                tell(tx, send.contact_id, send.id, send.message.purpose, each.outcome, each.code, now)
            tx.wake("screens")
            return self._claims.claim_along(tx)  # what waited for these

        with self._claims.guest():
            self._claims.hand_over(self._write(record))
        for each in told:
            self._begun.clear(each.send.id, each.send.tries)
        for outcome in sorted(
            {each.outcome for each in told}
        ):  # a line for each message costs as much as a seal
            sends = [each.send for each in told if each.outcome == outcome]
            log.info(
                "sends_settled",
                extra={
                    "outbox_ids": [send.id for send in sends],
                    "inbox_ids": [send.inbox_id for send in sends if send.inbox_id is not None],
                    "outcome": outcome,
                    "count": len(sends),
                },
            )

    def record(self, send: TakenSend, work: Callable[[Tx], object]) -> None:
        """Have this written down, which is what became of it, at once."""
        self._write(work)
        self._begun.clear(send.id, send.tries)

    def _write(self, work: Callable[[Tx], T]) -> T:
        """We know what became of a message: while the store cannot keep that, ask it again for a while."""
        for pause in PAUSES_SECONDS:
            try:
                return self._storage.write(work)
            except StorageUnavailable as error:
                log.error("record_failed", extra={"error": type(error).__name__})
                self._stopping.wait(pause)
        return self._storage.write(work)


def ids(send: TakenSend) -> dict[str, int | None]:
    """For a line of the log: the message, and the event that it came of."""
    return {"outbox_id": send.id, "inbox_id": send.inbox_id}
