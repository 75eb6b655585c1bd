"""Takes stored events, in order per contact; lets `bot.decide` decide; saves the outcome.

All of one event is saved in one transaction, and a few events of different contacts share one. A crash in
between rolls all of it back, and the events are taken again: nothing is lost, nothing done twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.content import Content
from bot.conversation import Conversation, changed
from bot.decide import decide, receipt
from bot.effects import EditEntry, Turn, WithdrawEntry
from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    EchoReceived,
    Event,
    MessageEdited,
    MessagesDelivered,
    MessagesRead,
    PolicyEnforced,
    TextReceived,
)
from bot.long_text import kept
from bot.rescue import call_a_person, rescue
from handlers.clock import Clock, PutBack
from handlers.sender import Sender
from handlers.turns import is_plain, keep, on_duty_now, save, save_plain, world_for
from storage import Post, Storage, StorageUnavailable, Tx
from storage.records import TakenEvent, TakenSend

log = logging.getLogger("peersupport.inbound")
TRIES = 3  # a decision is pure: what fails three times fails always
PAUSE = timedelta(seconds=1)
EARLIER = 0  # the number of an "edit" that is the wording before one
AT_ONCE = 32  # events in one transaction, some 50 ms: more would keep people's clicks waiting for the store
POSTS_AT_ONCE = 64


class ReadPosts(Protocol):
    """What reads posts: `messenger.intake.PostReader`."""

    def __call__(self, tx: Tx, posts: Sequence[Post], at_once: int) -> list[TakenEvent]:
        """Put what they hold into the inbox; the events, `at_once` at most, that are handled in this transaction."""


class Inbound:
    """Handles stored events, one call at a time or from several threads."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        sender: Sender | None = None,
        read_posts: ReadPosts | None = None,
    ) -> None:
        """`sender`: takes what is written here at once, instead of finding it in the outbox. `read_posts`: puts
        into the inbox what posts hold, and gives back what may be handled with it.
        """
        self._storage = storage
        self._read_posts = read_posts
        self._reading = threading.Lock()
        self._sender = sender
        self._content = content
        self._clock = clock
        self._put_back = PutBack(clock)

    def take_in(self) -> int:
        """Handle what is here, and when that is little, what was posted; how many posts and events that were.

        What cannot be read now, such as for a full disk, holds up no event that is here.
        """
        now = self._clock()
        handled = self.handle_some() if self._storage.read(lambda tx: tx.inbox.may_be_due(now)) else 0
        if handled >= AT_ONCE:
            return handled
        try:
            read = self.read_some()
        except Exception as error:
            log.error("reading_failed", extra={"error": type(error).__name__})
            if not handled:
                raise
            return handled
        if read and not self._storage.single_worker:
            handled += self.handle_some()
        return handled + read

    def read_some(self) -> int:
        """Read what was posted, in the order in which it came; how many posts.

        Where one worker has the database to itself, what nobody waits before is handled in the same transaction. If
        that fails, all of it lies in the inbox as if it had only been read.
        """
        read_posts, sender = self._read_posts, self._sender
        taken, sends = list[TakenEvent](), list[TakenSend]()
        if read_posts is None or not self._reading.acquire(blocking=False):
            return 0  # another thread is at it, and wakes this one

        def read(tx: Tx, posts: Sequence[Post]) -> None:
            taken.clear()
            sends.clear()
            read_posts(tx, posts, 0)
            if self._storage.single_worker:  # whoever reads also handles what was read, next
                tx.leave_asleep("inbox")

        def read_and_handle(tx: Tx, posts: Sequence[Post]) -> None:
            taken[:], sends[:] = read_posts(tx, posts, AT_ONCE), []
            tx.leave_asleep("inbox")
            if taken and sender:
                sender.begin_along(tx)
            self._all(tx, taken, self._clock())
            sends.extend(sender.claim_along(tx) if taken and sender else [])

        def committed() -> None:
            if sender:
                sender.hand_over(sends)
            self._told(taken)

        try:
            self._mind_the_clock()
            if not self._storage.single_worker:
                return self._storage.posts.read(read, POSTS_AT_ONCE, self._clock())
            with sender.guest() if sender else nullcontext():
                return self._storage.posts.read(
                    read, AT_ONCE, self._clock(), first=read_and_handle, then=committed
                )
        finally:
            self._reading.release()

    def _mind_the_clock(self) -> None:
        """Before posts are read by a clock that was put back: what waits must not lie ahead of what they hold."""
        if now := self._put_back():
            self._storage.write(lambda tx: tx.worker.clock_went_back(now))

    def handle_some(self, limit: int = AT_ONCE) -> int:
        """Handle the next events that are due, at most `limit`; how many. Each either wholly or not at all."""

        def turns(tx: Tx) -> tuple[list[TakenEvent], list[TakenSend]]:
            if self._sender:
                self._sender.begin_along(tx)
            taken = self._together(tx, limit)
            return taken, self._sender.claim_along(tx) if taken and self._sender else []

        try:
            with self._sender.guest() if self._sender else nullcontext():
                taken, sends = self._storage.write(turns)
                if self._sender:
                    self._sender.hand_over(sends)
            return self._told(taken)
        except StorageUnavailable:
            raise  # no event is to blame; they are taken again
        except Exception:  # one of them fails: nothing of any is kept, and alone each shows what it is
            handled = 0
            while handled < limit and self._told(self._storage.write(self._alone)):
                handled += 1
            return handled

    @staticmethod
    def _told(taken: Sequence[TakenEvent]) -> int:
        if taken:  # after the commit
            log.info("events_taken", extra={"inbox_ids": [each.id for each in taken], "count": len(taken)})
        return len(taken)

    def drain(self) -> int:
        """Read and handle everything that is due; how many posts and events that were."""
        handled = 0
        while some := self.take_in():
            handled += some
        return handled

    def _together(self, tx: Tx, limit: int) -> list[TakenEvent]:
        """The next events of several contacts."""
        now = self._clock()
        taken = tx.inbox.take(now, limit)
        if len(taken) < 2:
            for each in taken:
                self._one(tx, each)
            return taken
        tx.inbox.done([each.id for each in taken], now)
        self._all(tx, taken, now)
        return taken

    def _all(self, tx: Tx, taken: Sequence[TakenEvent], now: datetime) -> None:
        """In few statements: what they need is looked up for all of them first."""
        if not taken:
            return
        content = self._content()
        _look_up(tx, taken)
        on_duty = on_duty_now(tx, content, now)
        plain: list[Turn] = []
        for each in taken:
            decided = self._decide(tx, each, content, on_duty, now)
            if decided is None:
                continue
            before, turn = decided
            if is_plain(before, turn):
                plain.append(turn)  # nobody's decision depends on it
            else:
                save(tx, turn, now, before)
        save_plain(tx, plain, now)

    def _alone(self, tx: Tx) -> list[TakenEvent]:
        """The next event by itself, if there is one."""
        taken = tx.inbox.take(self._clock())
        for each in taken:
            self._one(tx, each)
        return taken

    def _one(self, tx: Tx, taken: TakenEvent) -> None:
        """One event in a part of its own. What fails is tried again, or set aside."""
        now = self._clock()
        try:
            content = self._content()
            with tx.part():
                tx.inbox.done([taken.id], now)
                decided = self._decide(tx, taken, content, on_duty_now(tx, content, now), now)
                if decided is not None:
                    save(tx, decided[1], now, decided[0])
        except StorageUnavailable:
            raise  # the event is not to blame; it is taken again
        except Exception as error:
            self._failed(tx, taken, error)

    def _decide(
        self, tx: Tx, taken: TakenEvent, content: Content, on_duty: tuple[int, ...], now: datetime
    ) -> tuple[Conversation, Turn] | None:
        """The conversation before the event, and what the event leads to. None: nothing is left to save."""
        event = taken.event
        if taken.contact_id is None:
            if isinstance(event, PolicyEnforced):
                _policy(tx, event, now)
            tx.wake("screens")
            return None
        if isinstance(event, MessagesDelivered | MessagesRead):  # up to two for each message that we send
            keep(tx, taken.contact_id, receipt(event), now)
            return None
        if isinstance(event, EchoReceived):
            event = replace(event, known=tx.transcript.knows(taken.contact_id, event.mid))
        if isinstance(event, TextReceived | ChoiceTapped | AttachmentReceived) and event.mid:
            again = _here_already(tx, taken.contact_id, event)
            if again is None:
                return None
            event = again
        event, number = _first_words(tx, taken.contact_id, event)
        conv = tx.conversations.get(taken.contact_id, now)
        turn = decide(conv, event, content, world_for(tx, conv, content, now, on_duty=on_duty), now)
        return conv, _in_any_order(tx, conv, event, turn, now, number)

    def _failed(self, tx: Tx, taken: TakenEvent, error: Exception) -> None:
        """Try again; and when it fails always, set it aside, tell people, and leave nobody without an answer."""
        now = self._clock()
        log.error(
            "event_failed", extra={"inbox_id": taken.id, "tries": taken.tries, "error": type(error).__name__}
        )
        if taken.tries + 1 < TRIES:
            tx.inbox.retry(taken.id, now, now + PAUSE * (taken.tries + 1))
            return
        tx.inbox.set_aside(taken.id, now, type(error).__name__)
        tx.incidents.open("event_set_aside", now)
        tx.wake("screens")
        if taken.contact_id is not None:
            self._rescue(tx, taken.contact_id, taken)

    def _rescue(self, tx: Tx, contact_id: int, taken: TakenEvent) -> None:
        now = self._clock()
        for way in (
            rescue,
            call_a_person,
        ):  # the second keeps no words, in case it is those that cannot be kept
            try:
                with tx.part():
                    content = self._content()
                    conv = tx.conversations.get(contact_id, now)
                    save(tx, way(conv, taken.event, content, world_for(tx, conv, content, now), now), now)
                return
            except StorageUnavailable:
                raise
            except Exception as error:  # the incident is open already; the event is kept
                log.error("rescue_failed", extra={"inbox_id": taken.id, "error": type(error).__name__})


def _look_up(tx: Tx, taken: Sequence[TakenEvent]) -> None:
    """One look for all: their conversations, and what stands in the transcript under the same message ids."""
    known = [
        (each.contact_id, each.event)
        for each in taken
        if each.contact_id is not None and not isinstance(each.event, MessagesDelivered | MessagesRead)
    ]
    tx.conversations.look_up([contact_id for contact_id, _ in known])
    mids = [(contact_id, mid) for contact_id, event in known if (mid := getattr(event, "mid", None))]
    tx.transcript.look_up(mids)
    tx.missed.look_up(f"withdrawn:{mid}" for _, mid in mids)


def _here_already(
    tx: Tx, contact_id: int, event: TextReceived | ChoiceTapped | AttachmentReceived
) -> Event | None:
    """What is left to do of a message whose line stands in the transcript: an edit, or catching up, was first.

    None: nothing. Other words than the ones that stand there are an earlier wording: read for danger like an
    edit, and not shown.
    """
    if event.mid is None or not tx.transcript.holds(contact_id, event.mid):
        return event
    text = None if isinstance(event, ChoiceTapped) else event.text
    if not text or tx.transcript.words(contact_id, event.mid) == kept(text):
        return None
    return MessageEdited(sent_at=event.sent_at, mid=event.mid, text=text, number=EARLIER)


def _first_words(tx: Tx, contact_id: int, event: Event) -> tuple[Event, int | None]:
    """An edit that overtook its message is that message, in the words that stand now: with all that follows from
    being written to, which nothing may hold back until the message itself comes. And the edit's number. An edit that
    a later one overtook is an earlier wording.
    """
    if not isinstance(event, MessageEdited):
        return event, None
    if tx.transcript.holds(contact_id, event.mid):
        is_older = event.number < tx.transcript.edits(contact_id, event.mid)
        return (replace(event, number=EARLIER) if is_older else event), None
    said = TextReceived(sent_at=event.sent_at, standby=event.standby, mid=event.mid, text=event.text)
    return said, event.number


def _in_any_order(
    tx: Tx, before: Conversation, event: Event, turn: Turn, now: datetime, number: int | None
) -> Turn:
    """A change may come before its message: after an outage Meta repeats each delivery by itself.

    Then the new words stand alone, the old ones do not come after them, and what was taken back stays so.
    """
    if isinstance(event, MessageEdited) and event.number == EARLIER:
        # Nor do they take the place of the new ones among those that the next message is read together with.
        conv = changed(turn.conversation, {"recent": before.recent})
        kept_effects = tuple(e for e in turn.effects if not isinstance(e, EditEntry))
        return replace(turn, conversation=conv, effects=kept_effects)
    if isinstance(event, TextReceived) and number is not None:
        edit = EditEntry(mid=event.mid, text=kept(event.text), number=number, at=now)
        turn = replace(turn, effects=(*turn.effects, edit))
    if isinstance(event, TextReceived | AttachmentReceived) and tx.missed.is_known(f"withdrawn:{event.mid}"):
        left = tuple(said for said in turn.conversation.recent if said.mid != event.mid)
        conv = changed(turn.conversation, {"recent": left})
        return replace(turn, conversation=conv, effects=(*turn.effects, WithdrawEntry(mid=event.mid, at=now)))
    return turn


def _policy(tx: Tx, event: PolicyEnforced, now: datetime) -> None:
    if event.action == "unblock":
        tx.incidents.close("policy_block", now)
    else:
        tx.incidents.open(f"policy_{event.action}", now)
