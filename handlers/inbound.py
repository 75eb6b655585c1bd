"""Takes stored events, in order per contact; lets `bot.decide` decide; saves the outcome. One event, one transaction.

A crash in between rolls all of it back, and the event is taken again: nothing is lost, nothing done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.content import Content
from bot.decide import decide
from bot.events import EchoReceived, PolicyEnforced
from bot.rescue import rescue
from handlers.clock import Clock
from handlers.turns import save, world_for
from storage import Storage, Tx
from storage.records import TakenEvent

log = logging.getLogger("peersupport.inbound")
TRIES = 3  # a decision is pure: what fails three times fails always
PAUSE = timedelta(seconds=1)


class Inbound:
    """Handles stored events, one call at a time or from several threads."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock

    def handle_next(self) -> bool:
        """Handle the next event that is due. False: there is none."""
        taken: list[TakenEvent] = []

        def turn(tx: Tx) -> bool:
            taken.clear()
            event = tx.inbox.take(self._clock())
            if event is None:
                return False
            taken.append(event)
            self._handle(tx, event)
            return True

        try:
            return self._storage.write(turn)
        except Exception as error:
            if not taken:
                raise
            self._failed(taken[0], error)
            return True

    def drain(self) -> int:
        """Handle everything that is due; how many events that were."""
        handled = 0
        while self.handle_next():
            handled += 1
        return handled

    def _handle(self, tx: Tx, taken: TakenEvent) -> None:
        now = self._clock()
        content = self._content()
        event = taken.event
        if taken.contact_id is None:
            if isinstance(event, PolicyEnforced):
                _policy(tx, event, now)
            tx.inbox.done(taken.id, now)
            tx.wake()
            return
        if isinstance(event, EchoReceived):
            event = replace(event, known=tx.transcript.knows(taken.contact_id, event.mid))
        conv = tx.conversations.get(taken.contact_id, now)
        turn = decide(conv, event, content, world_for(tx, conv, content, now), now)
        tx.inbox.done(taken.id, now)
        save(tx, turn, now)

    def _failed(self, taken: TakenEvent, error: Exception) -> None:
        """Try again; and when it fails always, set it aside, tell people, and leave nobody without an answer."""
        now = self._clock()
        log.error(
            "event_failed", extra={"inbox_id": taken.id, "tries": taken.tries, "error": type(error).__name__}
        )
        if taken.tries + 1 < TRIES:
            self._storage.write(lambda tx: tx.inbox.retry(taken.id, now, now + PAUSE * (taken.tries + 1)))
            return

        def set_aside(tx: Tx) -> None:
            tx.inbox.set_aside(taken.id, now, type(error).__name__)
            tx.incidents.open("event_set_aside", now)
            tx.wake()

        self._storage.write(set_aside)
        if taken.contact_id is not None:
            self._rescue(taken.contact_id, taken)

    def _rescue(self, contact_id: int, taken: TakenEvent) -> None:
        def turn(tx: Tx) -> None:
            now = self._clock()
            content = self._content()
            conv = tx.conversations.get(contact_id, now)
            save(tx, rescue(conv, taken.event, content, world_for(tx, conv, content, now), now), now)

        try:
            self._storage.write(turn)
        except Exception as error:  # the incident is open already; the event is kept
            log.error("rescue_failed", extra={"inbox_id": taken.id, "error": type(error).__name__})


def _policy(tx: Tx, event: PolicyEnforced, now: datetime) -> None:
    if event.action == "unblock":
        tx.incidents.close("policy_block", now)
    else:
        tx.incidents.open(f"policy_{event.action}", now)
