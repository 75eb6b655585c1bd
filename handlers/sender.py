"""Drains the outbox after the commit: many contacts at once, one message in flight per contact, in order.

The channel has no idempotency key. So a message is marked "sending" on disk first; when its fate is unknown
(a time-out after the words left, a kill) it is not repeated: its echo decides, or a person does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from queue import SimpleQueue
from typing import Literal

from bot.errors import WindowClosed
from bot.messages import BotMessage, OutboundMessage, Purpose
from bot.settings import Settings
from bot.window import HumanAgentTag, bot_may_write, human_agent_tag
from handlers.channel import Channel, ChannelError, ManyAtOnce, Sent
from handlers.clock import Clock
from handlers.pacing import Pace, back_off, meaning
from handlers.recorder import Recorder, ids
from handlers.turns import tell
from storage import Storage, Tx
from storage.records import TakenSend

log = logging.getLogger("peersupport.sender")
PAGE = "page:"  # how the incidents begin that hold the outbox
TRIES = 5  # repetitions
HELD_TRIES = 12  # refusals of the whole Page after which one message is shown as failed
PROBE = timedelta(seconds=30)  # how often a held outbox asks whether the Page works again
NAP_SECONDS = 0.5  # the net below waking
HELPERS = 4  # threads for what must wait, where the channel needs none for a send
HOME_SECONDS = 11.0  # how long a stop waits for sends in flight; what is left is of unknown fate


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
        self._many = channel if isinstance(channel, ManyAtOnce) else None
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._in_flight: set[int] = set()
        self._runs = False
        self._guests = 0
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._probed_at: datetime | None = None
        self._held = False
        self._pace = Pace()
        self._begun = storage.begun.marks_of(worker)
        self._recorder = Recorder(storage, clock, self, self._begun, self._changed)

    # Claiming.

    def run(self, stop: threading.Event) -> None:
        """Claim and send until told to stop; then let what is in flight come home, as far as there is time."""
        self._stopping = stop
        # Daemons: a call to Meta that hangs must not keep the process from ending.
        threads = HELPERS if self._many else self._slots
        for number in range(threads):
            threading.Thread(target=self._work, name=f"send-{number}", daemon=True).start()
        self._begun.open()
        self._recorder.start(stop)
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
            with self._changed:
                self._changed.wait_for(
                    lambda: not self._in_flight and not self._recorder.unrecorded, HOME_SECONDS
                )
            for _ in range(threads):
                self._queue.put(None)
            self._runs = False
            self._recorder.end()
            with self._changed:
                if not self._in_flight:  # else it may still begin
                    self._begun.close()

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
                self._queue.put(partial(self._channel.typing, psid, True))
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

    def begin_along(self, tx: Tx) -> None:
        """Before `claim_along`, in the same transaction: what is written in between is claimed as it is written, as
        long as half of the slots are left for what goes before it, such as a card.
        """
        free = self._free_for(tx, self._clock()) - self._slots // 2
        if free > 0:
            tx.outbox.may_begin(self._worker, free)

    def claim_along(self, tx: Tx) -> list[TakenSend]:
        """Claim in somebody else's transaction, who has just written messages, and calls `hand_over` after the
        commit: one commit less for each answer. What this leaves, `run` takes.
        """
        begun, now = tx.outbox.begun, self._clock()
        free = self._free_for(tx, now) - len(begun) if tx.wakes("outbox") else 0
        if free <= 0:
            return begun
        taken = tx.outbox.claim(now, self._worker, free)
        if len(taken) < free:  # all that is due: nobody need look for more
            tx.leave_asleep("outbox")
        return taken + begun

    def _free_for(self, tx: Tx, now: datetime) -> int:
        """How many messages may be claimed in this transaction."""
        rests = not self._runs or self._stopping.is_set() or self._pace.is_paused(now)
        return 0 if rests or tx.incidents.open_kinds(PAGE) else self._slots - len(self._in_flight)

    def hand_over(self, taken: Sequence[TakenSend]) -> None:
        """Have these sent, which are claimed."""
        if not taken:
            return
        with self._changed:
            self._in_flight.update(send.id for send in taken)
        if self._many is not None:
            self._many.soon(lambda: self._begin_all(taken))
        else:
            for send in taken:
                self._queue.put(partial(self._home_after, send, partial(self._send, send)))

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
            return frozenset(self._in_flight | self._recorder.unrecorded)

    def _claim(self, limit: int) -> list[TakenSend]:
        now = self._clock()
        if self._pace.is_paused(now):
            return []

        def look(tx: Tx) -> tuple[bool, bool, bool]:
            return bool(tx.incidents.open_kinds(PAGE)), tx.outbox.is_due(now), tx.typing.is_wanted()

        self._held, is_due, somebody_types = self._storage.read(look)
        if somebody_types:
            self._show_typing(now)
        if not is_due:
            return []
        if self._held:
            if not self._on_trial(now):
                return []
            limit = 1
        # Asked inside: what a send that comes home during a stop leaves behind it is for the next worker.
        return self._storage.write(
            lambda tx: [] if self._stopping.is_set() else tx.outbox.claim(now, self._worker, limit)
        )

    def _wait_for_slot(self, stop: threading.Event) -> int:
        """How many sends may begin; waits a moment while there is none."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._in_flight) < self._slots or stop.is_set(), NAP_SECONDS)
            return self._slots - len(self._in_flight)

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task()

    # Sending.

    def _begin_all(self, taken: Sequence[TakenSend]) -> None:
        """In the channel's thread: nothing here may wait."""
        for send in taken:
            try:
                self._begin(send)
            except Exception as error:
                self._crashed(send, error)
                self._came_home(send)

    def _begin(self, send: TakenSend) -> None:
        is_trial = self._held

        def done(outcome: Sent | ChannelError) -> None:
            if is_trial or isinstance(outcome, ChannelError):
                ended = partial(self._ended, send, outcome, is_trial=is_trial)
                self._queue.put(partial(self._home_after, send, ended))
            else:
                self._went_out(send, outcome)
                self._came_home(send)

        now = self._clock()
        tag = self._permission(send, now)
        if self._many is None or tag is False:
            self._came_home(send)
            return
        self._many.begin(
            send.psid,
            send.message,
            outbox_id=send.id,
            tag=tag,
            shows_typing=self._may_show_typing(send.message),
            leaves=partial(self._begun.mark, send.id, send.tries),
            done=done,
        )

    def _send(self, send: TakenSend) -> None:
        """As `_begin`, and wait for what comes of it."""
        is_trial = self._held
        tag = self._permission(send, self._clock())
        if tag is False:
            return
        if self._may_show_typing(send.message):
            self._channel.typing(send.psid, True)
        outcome: Sent | ChannelError
        self._begun.mark(send.id, send.tries)
        try:
            outcome = self._channel.send(send.psid, send.message, outbox_id=send.id, tag=tag)
        except ChannelError as error:
            outcome = error
        self._ended(send, outcome, is_trial=is_trial)

    def _permission(self, send: TakenSend, now: datetime) -> HumanAgentTag | Literal[False] | None:
        """The tag that it needs now, mostly none; False: it may not be sent any more, and that is recorded."""
        message = send.message
        if isinstance(message, BotMessage):
            if now <= message.not_after and bot_may_write(send.last_inbound_at, now):
                return None
            self._probed_at = None  # nothing was tried: the next may be
            self._recorder.settle(send, "lapsed", "lapsed")
            return False
        try:
            granted = self._settings.human_agent == "granted"
            return human_agent_tag(message, send.last_inbound_at, now, granted=granted)
        except WindowClosed:
            self._recorder.settle(send, "failed", "window_closed")
            return False

    def _ended(self, send: TakenSend, outcome: Sent | ChannelError, *, is_trial: bool) -> None:
        if isinstance(outcome, ChannelError):
            self._refused(send, outcome)
            return
        self._went_out(send, outcome)
        if is_trial:  # a send that began before the trouble proves nothing
            self._release()

    def _went_out(self, send: TakenSend, taken: Sent) -> None:
        self._begun.taken(send.id, send.tries)
        self._recorder.settle(send, "sent", None, mid=taken.mid)
        self._pace.pause(self._clock(), self._channel.pause_seconds())

    def _home_after(self, send: TakenSend, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._crashed(send, error)
        finally:
            self._came_home(send)

    @staticmethod
    def _crashed(send: TakenSend, error: Exception) -> None:
        """The row stays "sending"; the sweep takes it from there."""
        log.error("send_crashed", extra={**ids(send), "error": type(error).__name__})

    def _came_home(self, send: TakenSend) -> None:
        with self._changed:
            self._in_flight.discard(send.id)
            self._changed.notify_all()

    def _may_show_typing(self, message: OutboundMessage) -> bool:
        """A courtesy that costs a call: not before a card, and not when many are waiting for theirs."""
        is_bot = isinstance(message, BotMessage) and message.purpose is not Purpose.CARD
        if not self._settings.messenger.typing_indicator or not is_bot:
            return False
        return len(self._in_flight) <= max(1, self._slots // 4)

    def _refused(self, send: TakenSend, error: ChannelError) -> None:
        now = self._clock()
        code = meaning(send, error, now)
        log.warning(
            "send_refused",
            extra={**ids(send), "code": code, "kind": error.kind, "tries": send.tries},
        )
        if error.scope == "page" and send.tries < HELD_TRIES:
            self._hold(send, code, now)
        elif code == "thread_owned_elsewhere" and send.message.purpose is Purpose.CARD and send.tries == 0:
            self._take_thread(send, now)
        elif error.kind == "unknown":
            self._recorder.record(
                send, lambda tx: (tx.outbox.unknown(send.id, now), tx.counters.bump("send_unknown"))
            )
        elif error.kind == "retry" and send.tries < min(TRIES, error.max_retries or TRIES):
            self._pace.pause(now, error.retry_after_seconds or 0)
            again_at = now + back_off(send, error)
            self._recorder.record(
                send,
                lambda tx: (tx.outbox.retry(send.id, now, again_at, code), tx.counters.bump("send_retried")),
            )
        else:
            self._recorder.settle(send, "failed", code)

    def _take_thread(self, send: TakenSend, now: datetime) -> None:
        """Somebody else has the thread and a card must out: take it, then send again."""
        try:
            self._channel.take_thread(send.psid)
        except ChannelError:
            self._recorder.settle(send, "failed", "thread_owned_elsewhere")
        else:
            self._recorder.record(send, lambda tx: tx.outbox.retry(send.id, now, now, "thread_taken"))

    # Holding.

    def _hold(self, send: TakenSend, code: str, now: datetime) -> None:
        """The Page itself cannot send: one visible incident, and the outbox waits instead of burning."""
        again_at = now + PROBE * send.tries  # let another contact's message be the next on trial

        def record(tx: Tx) -> None:
            tx.outbox.retry(send.id, now, again_at, code)
            tx.counters.bump("send_held")
            tx.incidents.open(f"{PAGE}{code}", now)
            if send.message.purpose is Purpose.CARD:
                tell(tx, send.contact_id, send.id, Purpose.CARD, "failed", code, now)
            tx.wake("screens")

        self._recorder.record(send, record)
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
            kinds = tx.incidents.open_kinds(PAGE)
            for kind in kinds:
                tx.incidents.close(kind, now)
            return len(kinds)

        count = self._storage.write(release)
        self._held = False
        if count:
            log.warning("outbox_released", extra={"count": count})
