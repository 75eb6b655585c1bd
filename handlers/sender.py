"""Drains the outbox after the commit: many contacts at once, one message in flight per contact, in order.

The channel has no idempotency key. So a message is marked "sending" on disk first; when its fate is unknown
(a time-out after the words left, a kill) it is not repeated: its echo decides, or a person does.
"""

from __future__ import annotations

import logging
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Literal

from bot.errors import WindowClosed
from bot.events import SendSettled
from bot.messages import BotMessage, OutboundMessage, Purpose, SupporterMessage
from bot.settings import Settings
from bot.window import STANDARD_WINDOW, HumanAgentTag, bot_may_write, human_agent_tag
from handlers.channel import Channel, ChannelError
from handlers.clock import Clock
from storage import Storage, Tx
from storage.records import TakenSend

log = logging.getLogger("peersupport.sender")
TRIES = 5  # repetitions
BACK_OFF_SECONDS = (1.0, 4.0, 15.0, 60.0, 240.0)
HELD_TRIES = 12  # refusals of the whole Page after which one message is shown as failed
PROBE = timedelta(seconds=30)  # how often a held outbox asks whether the Page works again


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
        self._busy = 0
        self._changed = threading.Condition()
        self._probed_at: datetime | None = None
        self._held = False
        self._paused_until: datetime | None = None

    # Claiming.

    def run(self, stop: threading.Event) -> None:
        """Claim and send until told to stop; then let what is in flight come home."""
        listener = self._storage.listen()
        with ThreadPoolExecutor(self._slots, thread_name_prefix="send") as pool:
            while not stop.is_set():
                try:
                    taken = self._claim(min(self._free(), self._allowed()))
                except Exception as error:  # the store is away for a moment: nothing is lost, try again
                    log.error("claim_failed", extra={"error": type(error).__name__})
                    taken = []
                    stop.wait(1)
                for send in taken:
                    self._count(+1)
                    pool.submit(self._send_and_count, send)
                if not taken:
                    listener.wait(0.5)
                elif not self._free():
                    self._wait_for_slot(stop)
        listener.close()

    def drain(self) -> int:
        """Send everything that is due, one after the other; how many sends were tried."""
        tried = 0
        while taken := self._claim(min(1, self._allowed())):
            self._send(taken[0])
            tried += 1
        return tried

    def _claim(self, limit: int) -> list[TakenSend]:
        now = self._clock()
        if limit <= 0 or (self._paused_until and now < self._paused_until):
            return []

        def claim(tx: Tx) -> list[TakenSend]:
            taken: list[TakenSend] = []
            while len(taken) < limit:
                send = tx.outbox.claim_next(now, self._worker)
                if send is None:
                    break
                taken.append(send)
            return taken

        return self._storage.write(claim) if self._storage.read(lambda tx: tx.outbox.waiting_count()) else []

    def _free(self) -> int:
        with self._changed:
            return self._slots - self._busy

    def _count(self, by: int) -> None:
        with self._changed:
            self._busy += by
            self._changed.notify_all()

    def _wait_for_slot(self, stop: threading.Event) -> None:
        with self._changed:
            while self._busy >= self._slots and not stop.is_set():
                self._changed.wait(0.5)

    def _send_and_count(self, send: TakenSend) -> None:
        try:
            self._send(send)
        except Exception as error:  # the row stays "sending"; the sweep takes it from there
            log.error("send_crashed", extra={"outbox_id": send.id, "error": type(error).__name__})
        finally:
            self._count(-1)
            self._storage.notify()

    # Sending.

    def _send(self, send: TakenSend) -> None:
        now = self._clock()
        message = send.message
        if isinstance(message, BotMessage):
            if now > message.not_after or not bot_may_write(send.last_inbound_at, now):
                self._probed_at = None  # nothing was tried: the next may be
                self._settle(send, "lapsed", "lapsed")
                return
            if self._settings.messenger.typing_indicator and message.purpose is not Purpose.CARD:
                self._channel.typing(send.psid, True)
        try:
            tag = self._tag(message, send, now)
            result = self._channel.send(send.psid, message, outbox_id=send.id, tag=tag)
        except WindowClosed:
            self._settle(send, "failed", "window_closed")
        except ChannelError as error:
            self._refused(send, error)
        else:
            self._paused_until = self._pause(self._channel.pause_seconds())
            self._settle(send, "sent", None, mid=result.mid)
            if self._held:
                self._release()

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
            extra={"outbox_id": send.id, "code": code, "kind": error.kind, "tries": send.tries},
        )
        if error.scope == "page" and send.tries < HELD_TRIES:
            self._hold(send, code, now)
        elif code == "thread_owned_elsewhere" and send.message.purpose is Purpose.CARD and send.tries == 0:
            self._take_thread(send, now)
        elif error.kind == "unknown":
            self._storage.write(lambda tx: tx.outbox.unknown(send.id, now))
        elif error.kind == "retry" and send.tries < min(TRIES, error.max_retries or TRIES):
            if error.retry_after_seconds:
                self._paused_until = self._pause(error.retry_after_seconds)
            self._storage.write(lambda tx: tx.outbox.retry(send.id, now, now + _back_off(send, error), code))
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
            self._storage.write(lambda tx: tx.outbox.retry(send.id, now, now, "thread_taken"))

    def _settle(
        self,
        send: TakenSend,
        outcome: Literal["sent", "failed", "lapsed"],
        code: str | None,
        mid: str | None = None,
    ) -> None:
        """Record what became of it, and let the conversation know, in one transaction."""
        now = self._clock()

        def record(tx: Tx) -> None:
            if outcome == "sent":
                tx.outbox.sent(send.id, mid, now)
            elif outcome == "lapsed":
                tx.outbox.lapsed(send.id, now)
            else:
                tx.outbox.failed(send.id, code or "other", now)
            tell(tx, send.contact_id, send.id, send.message.purpose, outcome, code, now)
            tx.wake()

        self._storage.write(record)

    # Holding.

    def _hold(self, send: TakenSend, code: str, now: datetime) -> None:
        """The Page itself cannot send: one visible incident, and the outbox waits instead of burning."""
        again_at = now + PROBE * send.tries  # let another contact's message be the next on trial

        def record(tx: Tx) -> None:
            tx.outbox.retry(send.id, now, again_at, code)
            tx.incidents.open(f"page:{code}", now)
            if send.message.purpose is Purpose.CARD:
                tell(tx, send.contact_id, send.id, Purpose.CARD, "failed", code, now)
            tx.wake()

        self._storage.write(record)
        self._held, self._probed_at = True, now

    def _allowed(self) -> int:
        """How many sends may begin now. While the outbox is held: none, or one on trial now and then."""
        self._held = bool(self._page_incidents())
        if not self._held:
            return self._slots
        now = self._clock()
        if self._probed_at and timedelta(0) <= now - self._probed_at < PROBE:
            return 0
        due_at = self._storage.read(lambda tx: tx.outbox.next_due_at(now))
        if due_at is None or due_at > now:
            return 0  # nothing to try with
        self._probed_at = now
        try:
            self._channel.check_token()
        except ChannelError:
            return 0
        return 1  # the token works; whether the Page may send, only a message can tell

    def _release(self) -> None:
        """The message on trial went out: the Page works again."""
        now = self._clock()
        kinds = self._page_incidents()
        self._storage.write(lambda tx: [tx.incidents.close(kind, now) for kind in kinds])
        self._held = False
        log.warning("outbox_released", extra={"count": len(kinds)})

    def _page_incidents(self) -> list[str]:
        incidents = self._storage.read(lambda tx: tx.incidents.open_ones())
        return [incident.kind for incident in incidents if incident.kind.startswith("page:")]

    def _pause(self, seconds: float) -> datetime | None:
        return self._clock() + timedelta(seconds=seconds) if seconds > 0 else None


def tell(
    tx: Tx, contact_id: int, outbox_id: int, purpose: str, outcome: str, code: str | None, now: datetime
) -> None:
    """Put what became of a message into the inbox, if the conversation has a use for it."""
    needs_to_know = purpose in (Purpose.CARD, Purpose.GOODBYE) or outcome == "lapsed"
    if needs_to_know:
        event = SendSettled(sent_at=now, outbox_id=outbox_id, purpose=purpose, outcome=outcome, code=code)  # type: ignore[arg-type]
        tx.inbox.add_internal(contact_id, f"settled:{outbox_id}:{outcome}:{now.isoformat()}", event, now)


def _back_off(send: TakenSend, error: ChannelError) -> timedelta:
    """Growing pauses with jitter, so that many retries do not come at once; Meta's own figure wins."""
    if error.retry_after_seconds is not None:
        return timedelta(seconds=error.retry_after_seconds)
    base = BACK_OFF_SECONDS[min(send.tries, len(BACK_OFF_SECONDS) - 1)]
    return timedelta(seconds=base * random.uniform(0.75, 1.25))
