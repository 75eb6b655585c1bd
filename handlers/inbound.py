"""Takes stored events, in order per contact; lets `bot.decide` decide; saves the outcome.

All of one event is saved in one transaction, and a few events share one, each in a part of its own. A crash
in between rolls all of it back, and the events are taken again: nothing is lost, nothing done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.content import Content
from bot.decide import decide
from bot.effects import AddEntry, EditEntry, Turn, WithdrawEntry
from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    EchoReceived,
    Event,
    MessageEdited,
    PolicyEnforced,
    TextReceived,
)
from bot.rescue import rescue
from handlers.clock import Clock
from handlers.turns import save, world_for
from storage import Storage, StorageUnavailable, Tx
from storage.records import TakenEvent

log = logging.getLogger("peersupport.inbound")
TRIES = 3  # a decision is pure: what fails three times fails always
PAUSE = timedelta(seconds=1)
EARLIER = 0  # the number of an "edit" that is the wording before one
AT_ONCE = 8  # events in one transaction: more would keep the webhook waiting for the store


class Inbound:
    """Handles stored events, one call at a time or from several threads."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock

    def handle_some(self, limit: int = AT_ONCE) -> int:
        """Handle the next events that are due, at most `limit`; how many. Each either wholly or not at all."""

        def turns(tx: Tx) -> int:
            handled = 0
            while handled < limit and self._next(tx):
                handled += 1
            return handled

        return self._storage.write(turns)

    def drain(self) -> int:
        """Handle everything that is due; how many events that were."""
        handled = 0
        while some := self.handle_some():
            handled += some
        return handled

    def _next(self, tx: Tx) -> bool:
        event = tx.inbox.take(self._clock())
        if event is None:
            return False
        try:
            with tx.part():
                self._handle(tx, event)
        except StorageUnavailable:
            raise  # the event is not to blame; it is taken again
        except Exception as error:
            self._failed(tx, event, error)
        return True

    def _handle(self, tx: Tx, taken: TakenEvent) -> None:
        now = self._clock()
        event = taken.event
        tx.inbox.done(taken.id, now)
        if taken.contact_id is None:
            if isinstance(event, PolicyEnforced):
                _policy(tx, event, now)
            tx.wake()
            return
        if isinstance(event, EchoReceived):
            event = replace(event, known=tx.transcript.knows(taken.contact_id, event.mid))
        if isinstance(event, TextReceived | ChoiceTapped | AttachmentReceived) and event.mid:
            again = _here_already(tx, taken.contact_id, event)
            if again is None:
                return
            event = again
        content = self._content()
        conv = tx.conversations.get(taken.contact_id, now)
        turn = decide(conv, event, content, world_for(tx, conv, content, now), now)
        save(tx, _in_any_order(tx, taken.contact_id, event, turn, now), now)

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
        tx.wake()
        if taken.contact_id is not None:
            self._rescue(tx, taken.contact_id, taken)

    def _rescue(self, tx: Tx, contact_id: int, taken: TakenEvent) -> None:
        now = self._clock()
        try:
            with tx.part():
                content = self._content()
                conv = tx.conversations.get(contact_id, now)
                save(tx, rescue(conv, taken.event, content, world_for(tx, conv, content, now), now), now)
        except StorageUnavailable:
            raise
        except Exception as error:  # the incident is open already; the event is kept
            log.error("rescue_failed", extra={"inbox_id": taken.id, "error": type(error).__name__})


def _here_already(
    tx: Tx, contact_id: int, event: TextReceived | ChoiceTapped | AttachmentReceived
) -> Event | None:
    """What is left to do of a message whose line stands in the transcript: an edit, or catching up, was first.

    None: nothing. Other words than the ones that stand there are an earlier wording: read for danger like an
    edit, and not shown.
    """
    if event.mid is None or not tx.transcript.holds(contact_id, event.mid):
        return event
    if not isinstance(event, TextReceived) or tx.transcript.words(contact_id, event.mid) == event.text:
        return None
    return MessageEdited(sent_at=event.sent_at, mid=event.mid, text=event.text, number=EARLIER)


def _in_any_order(tx: Tx, contact_id: int, event: Event, turn: Turn, now: datetime) -> Turn:
    """A change may come before its message: after an outage Meta repeats each delivery by itself.

    Then the new words stand alone, the old ones do not come after them, and what was taken back stays so.
    """
    if isinstance(event, MessageEdited) and event.number == EARLIER:
        return replace(turn, effects=tuple(e for e in turn.effects if not isinstance(e, EditEntry)))
    if isinstance(event, MessageEdited) and not tx.transcript.holds(contact_id, event.mid):
        said = AddEntry(written_by="contact", kind="text", mid=event.mid, at=event.sent_at, text=event.text)
        return replace(turn, effects=(said, *turn.effects))
    if isinstance(event, TextReceived | AttachmentReceived) and tx.missed.is_known(f"withdrawn:{event.mid}"):
        return replace(turn, effects=(*turn.effects, WithdrawEntry(mid=event.mid, at=now)))
    return turn


def _policy(tx: Tx, event: PolicyEnforced, now: datetime) -> None:
    if event.action == "unblock":
        tx.incidents.close("policy_block", now)
    else:
        tx.incidents.open(f"policy_{event.action}", now)
