"""Drains the outbox after the commit: many contacts at once, one message in flight per contact, in order.

The channel has no idempotency key. So a message is marked "sending" on disk first; when its fate is unknown
(a time-out after the words left, a kill) it is not repeated: its echo decides, or a person does.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Literal

from bot.errors import WindowClosed
from bot.messages import BotMessage, OutboundMessage, Purpose, SupporterMessage
from bot.settings import Settings
from bot.window import STANDARD_WINDOW, HumanAgentTag, bot_may_write, human_agent_tag
from handlers.channel import Channel, ChannelError
from handlers.clock import Clock
from handlers.turns import tell
from storage import Storage, StorageUnavailable, Tx
from storage.records import TakenSend

log = logging.getLogger("peersupport.sender")
TRIES = 5  # repetitions
BACK_OFF_SECONDS = (1.0, 4.0, 15.0, 60.0, 240.0)
HELD_TRIES = 12  # refusals of the whole Page after which one message is shown as failed
PROBE = timedelta(seconds=30)  # how often a held outbox asks whether the Page works again
NAP_SECONDS = 0.5  # the net below waking
RECORDED_AT_ONCE = 64
BREATH_SECONDS = (
    0.015  # between two commits of what came home: a second commit for each would cost more than it
)
RECORD_PAUSES_SECONDS = (0.5, 2.0, 5.0)
HOME_SECONDS = 11.0  # how long a stop waits for sends in flight; what is left is of unknown fate


Outcome = Literal["sent", "failed", "lapsed"]


@dataclass(frozen=True, slots=True)
class _Settled:
    """What became of a message."""

    send: TakenSend
    outcome: Outcome
    code: str | None
    mid: str | None


class Sender:
    """Sends what is in the outbox. `run` works until `stop`; `drain` sends what is due and returns."""

    def __init__(
        self, storage: Storage, channel: Channel, settings: Settings, clock: Clock, *, worker: str
    ) -> None:
        self._storage = storage
        self._channel = channel
        self._settings = settings
        self._clock = clock
        self._worker = worker
        self._slots = settings.messenger.senders
        self._queue: SimpleQueue[TakenSend | str | None] = (
            SimpleQueue()
        )  # a string: somebody to show "..." to
        self._in_flight: set[int] = set()
        self._runs = False
        self._guests = 0
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._probed_at: datetime | None = None
        self._held = False
        self._paused_at: datetime | None = None
        self._pause_for = timedelta(0)
        self._settled: SimpleQueue[_Settled | None] = SimpleQueue()
        self._unrecorded: set[int] = set()  # sent, and not recorded yet

    # Claiming.

    def run(self, stop: threading.Event) -> None:
        """Claim and send until told to stop; then let what is in flight come home, as far as there is time."""
        self._stopping = stop
        # Daemons: a call to Meta that hangs must not keep the process from ending.
        for number in range(self._slots):
            threading.Thread(target=self._work, name=f"send-{number}", daemon=True).start()
        threading.Thread(target=self._record_all, name="record", daemon=True).start()
        self._runs = True
        listener = self._storage.listen("outbox")
        try:
            while not stop.is_set():
                if not self._step(stop):
                    listener.wait(NAP_SECONDS)
        finally:
            listener.close()
            with self._changed:  # what is claimed along now is still handed over; nothing more is claimed
                self._changed.wait_for(lambda: not self._guests, HOME_SECONDS)
            for _ in range(self._slots):
                self._queue.put(None)
            with self._changed:
                self._changed.wait_for(lambda: not self._in_flight and not self._unrecorded, HOME_SECONDS)
            self._runs = False
            self._settled.put(None)

    def _step(self, stop: threading.Event) -> bool:
        """Claim and hand over what is due; False when there is nothing to do for now."""
        free = self._wait_for_slot(stop)
        if not free or stop.is_set():
            return False
        try:
            taken = self._claim(free)
        except Exception as error:  # the store is away for a moment: nothing is lost, try again
            log.error("claim_failed", extra={"error": type(error).__name__})
            stop.wait(1)
            return False
        self.hand_over(taken)
        return bool(taken)

    def _show_typing(self, now: datetime) -> None:
        """A supporter is typing: a courtesy, and only while there are hands free."""
        psids = self._storage.write(lambda tx: tx.typing.take(now))
        if self._held or len(self._in_flight) > max(1, self._slots // 4):
            return
        for psid in psids:
            if self._runs:
                self._queue.put(psid)
            else:
                self._channel.typing(psid, True)

    @contextmanager
    def guest(self) -> Iterator[None]:
        """Around a transaction with `claim_along` and the `hand_over` after it: a stop waits for it."""
        with self._changed:
            self._guests += 1
        try:
            yield
        finally:
            with self._changed:
                self._guests -= 1
                self._changed.notify_all()

    def claim_along(self, tx: Tx) -> list[TakenSend]:
        """Claim in somebody else's transaction, who has just written messages, and calls `hand_over` after the
        commit: one commit less for each answer. What this leaves, `run` takes.
        """
        now, free = self._clock(), self._slots - len(self._in_flight)
        if (
            free <= 0
            or not self._runs
            or self._stopping.is_set()
            or self._is_paused(now)
            or _page_incidents(tx)
        ):
            return []
        return tx.outbox.claim(now, self._worker, free)

    def hand_over(self, taken: Sequence[TakenSend]) -> None:
        """Have these sent, which are claimed."""
        with self._changed:
            self._in_flight.update(send.id for send in taken)
        for send in taken:
            self._queue.put(send)

    def drain(self) -> int:
        """Send everything that is due, one after the other; how many sends were tried."""
        tried = 0
        while taken := self._claim(1):
            self._send(taken[0])
            tried += 1
        return tried

    @property
    def in_flight(self) -> frozenset[int]:
        """Outbox ids of what this process is sending now."""
        with self._changed:
            return frozenset(self._in_flight | self._unrecorded)

    def _claim(self, limit: int) -> list[TakenSend]:
        now = self._clock()
        if self._is_paused(now):
            return []

        def look(tx: Tx) -> tuple[bool, bool, bool]:
            return bool(_page_incidents(tx)), tx.outbox.is_due(now), tx.typing.is_wanted()

        self._held, is_due, somebody_types = self._storage.read(look)
        if somebody_types:
            self._show_typing(now)
        if not is_due:
            return []
        if self._held:
            if not self._on_trial(now):
                return []
            limit = 1
        return self._storage.write(lambda tx: tx.outbox.claim(now, self._worker, limit))

    def _wait_for_slot(self, stop: threading.Event) -> int:
        """How many sends may begin; waits a moment while there is none."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._in_flight) < self._slots or stop.is_set(), NAP_SECONDS)
            return self._slots - len(self._in_flight)

    def _work(self) -> None:
        while (send := self._queue.get()) is not None:
            if isinstance(send, str):
                self._channel.typing(send, True)
                continue
            try:
                self._send(send)
            except Exception as error:  # the row stays "sending"; the sweep takes it from there
                log.error("send_crashed", extra={**_ids(send), "error": type(error).__name__})
            finally:
                with self._changed:
                    self._in_flight.discard(send.id)
                    self._changed.notify_all()

    # Sending.

    def _send(self, send: TakenSend) -> None:
        now = self._clock()
        message = send.message
        is_trial = self._held
        if isinstance(message, BotMessage):
            if now > message.not_after or not bot_may_write(send.last_inbound_at, now):
                self._probed_at = None  # nothing was tried: the next may be
                self._settle(send, "lapsed", "lapsed")
                return
            if self._may_show_typing(message):
                self._channel.typing(send.psid, True)
        try:
            tag = self._tag(message, send, now)
            result = self._channel.send(send.psid, message, outbox_id=send.id, tag=tag)
        except WindowClosed:
            self._settle(send, "failed", "window_closed")
        except ChannelError as error:
            self._refused(send, error)
        else:
            self._settle(send, "sent", None, mid=result.mid)
            self._pause(self._channel.pause_seconds())
            if is_trial:  # a send that began before the trouble proves nothing
                self._release()

    def _may_show_typing(self, message: BotMessage) -> bool:
        """A courtesy that costs a call: not before a card, and not when many are waiting for theirs."""
        if not self._settings.messenger.typing_indicator or message.purpose is Purpose.CARD:
            return False
        return len(self._in_flight) <= max(1, self._slots // 4)

    def _tag(self, message: OutboundMessage, send: TakenSend, now: datetime) -> HumanAgentTag | None:
        if not isinstance(message, SupporterMessage):
            return None
        granted = self._settings.human_agent == "granted"
        return human_agent_tag(message, send.last_inbound_at, now, granted=granted)

    def _refused(self, send: TakenSend, error: ChannelError) -> None:
        now = self._clock()
        code = self._meaning(send, error, now)
        log.warning(
            "send_refused",
            extra={**_ids(send), "code": code, "kind": error.kind, "tries": send.tries},
        )
        if error.scope == "page" and send.tries < HELD_TRIES:
            self._hold(send, code, now)
        elif code == "thread_owned_elsewhere" and send.message.purpose is Purpose.CARD and send.tries == 0:
            self._take_thread(send, now)
        elif error.kind == "unknown":
            self._write(lambda tx: (tx.outbox.unknown(send.id, now), tx.counters.bump("send_unknown")))
        elif error.kind == "retry" and send.tries < min(TRIES, error.max_retries or TRIES):
            self._pause(error.retry_after_seconds or 0)
            again_at = now + _back_off(send, error)
            self._write(
                lambda tx: (tx.outbox.retry(send.id, now, again_at, code), tx.counters.bump("send_retried"))
            )
        else:
            self._settle(send, "failed", code)

    @staticmethod
    def _meaning(send: TakenSend, error: ChannelError, now: datetime) -> str:
        """Meta gives 1545041 two meanings; our own clock knows which one it is."""
        if error.code != "window_or_blocked":
            return error.code
        last = send.last_inbound_at
        return "window_closed" if last is None or now - last > STANDARD_WINDOW else "unreachable"

    def _take_thread(self, send: TakenSend, now: datetime) -> None:
        """Somebody else has the thread and a card must out: take it, then send again."""
        try:
            self._channel.take_thread(send.psid)
        except ChannelError:
            self._settle(send, "failed", "thread_owned_elsewhere")
        else:
            self._write(lambda tx: tx.outbox.retry(send.id, now, now, "thread_taken"))

    def _settle(
        self, send: TakenSend, outcome: Outcome, code: str | None = None, mid: str | None = None
    ) -> None:
        """Have it recorded what became of it: by the recorder, or at once where none runs."""
        settled = _Settled(send, outcome, code, mid)
        if self._runs:
            with self._changed:
                self._unrecorded.add(send.id)
            self._settled.put(settled)
        else:
            self._keep([settled])

    def _record_all(self) -> None:
        """Record what came home, all that is there in one transaction, until there is nothing more to come."""
        while (first := self._settled.get()) is not None:
            batch, last = [first], False
            with suppress(Empty):
                while len(batch) < RECORDED_AT_ONCE and not last:
                    following = self._settled.get_nowait()
                    last = following is None
                    batch += [following] if following else []
            self._keep_or_leave(batch)
            if last:
                return
            if len(batch) < RECORDED_AT_ONCE:
                self._stopping.wait(BREATH_SECONDS)  # more come home meanwhile, and share the next commit

    def _keep_or_leave(self, batch: Sequence[_Settled]) -> None:
        try:
            self._keep(batch)
        except StorageUnavailable as error:  # the rows stay "sending"; the sweep takes them from there
            log.error("record_failed", extra={"error": type(error).__name__, "count": len(batch)})
        except Exception as error:
            if len(batch) > 1:  # one of them; the others must not suffer
                for each in batch:
                    self._keep_or_leave([each])
            else:
                log.error("send_crashed", extra={**_ids(batch[0].send), "error": type(error).__name__})
        finally:
            with self._changed:
                self._unrecorded.difference_update(each.send.id for each in batch)
                self._changed.notify_all()

    def _keep(self, told: Sequence[_Settled]) -> None:
        """All of it in one transaction, and whatever a conversation must know with it."""
        now = self._clock()

        def record(tx: Tx) -> None:
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

        self._write(record)
        for each in told:
            log.info(
                "send_settled", extra={**_ids(each.send), "outcome": each.outcome, "tries": each.send.tries}
            )

    def _write(self, work: Callable[[Tx], object]) -> None:
        """We know what became of a message: while the store cannot keep that, ask it again for a while."""
        for pause in RECORD_PAUSES_SECONDS:
            try:
                self._storage.write(work)
            except StorageUnavailable as error:
                log.error("record_failed", extra={"error": type(error).__name__})
                self._stopping.wait(pause)
            else:
                return
        self._storage.write(work)

    # Holding.

    def _hold(self, send: TakenSend, code: str, now: datetime) -> None:
        """The Page itself cannot send: one visible incident, and the outbox waits instead of burning."""
        again_at = now + PROBE * send.tries  # let another contact's message be the next on trial

        def record(tx: Tx) -> None:
            tx.outbox.retry(send.id, now, again_at, code)
            tx.counters.bump("send_held")
            tx.incidents.open(f"page:{code}", now)
            if send.message.purpose is Purpose.CARD:
                tell(tx, send.contact_id, send.id, Purpose.CARD, "failed", code, now)
            tx.wake("screens")

        self._write(record)
        self._held, self._probed_at = True, now

    def _on_trial(self, now: datetime) -> bool:
        """While the outbox is held: whether one message may be tried, now and then, if the token works."""
        if self._probed_at and timedelta(0) <= now - self._probed_at < PROBE:
            return False
        self._probed_at = now
        try:
            self._channel.check_token()
        except ChannelError:
            return False
        return True  # whether the Page may send, only a message can tell

    def _release(self) -> None:
        """The message on trial went out: the Page works again."""
        now = self._clock()

        def release(tx: Tx) -> int:
            kinds = _page_incidents(tx)
            for kind in kinds:
                tx.incidents.close(kind, now)
            return len(kinds)

        count = self._storage.write(release)
        self._held = False
        if count:
            log.warning("outbox_released", extra={"count": count})

    # Slowing down.

    def _pause(self, seconds: float) -> None:
        """Send nothing to anybody for so long; a longer pause that is on already stays."""
        now, pause = self._clock(), timedelta(seconds=seconds)
        with self._changed:
            left = self._paused_at + self._pause_for - now if self._paused_at else timedelta(0)
            if pause > timedelta(0) and pause > left:
                self._paused_at, self._pause_for = now, pause

    def _is_paused(self, now: datetime) -> bool:
        """A clock that was put back ends a pause: better than one that lasts for days."""
        with self._changed:
            return bool(self._paused_at and timedelta(0) <= now - self._paused_at < self._pause_for)


def _ids(send: TakenSend) -> dict[str, int | None]:
    """For a line of the log: the message, and the event that it came of."""
    return {"outbox_id": send.id, "inbox_id": send.inbox_id}


def _page_incidents(tx: Tx) -> list[str]:
    return [incident.kind for incident in tx.incidents.open_ones() if incident.kind.startswith("page:")]


def _back_off(send: TakenSend, error: ChannelError) -> timedelta:
    """Growing pauses with jitter, so that many retries do not come at once; Meta's own figure wins."""
    if error.retry_after_seconds is not None:
        return timedelta(seconds=error.retry_after_seconds)
    base = BACK_OFF_SECONDS[min(send.tries, len(BACK_OFF_SECONDS) - 1)]
    return timedelta(seconds=base * random.uniform(0.75, 1.25))
