"""Waits until nothing is under way in a world; what waits for a later time gets it by moving the clock on."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from harness.world import World

from bot.errors import PeerSupportError

MOST_SECONDS = 300.0
STILL_SECONDS = 1.2  # nothing happened for so long, so the clock is moved on to what waits for it
NEXT = timedelta(seconds=31)  # longer than a wait for an echo, and than a held outbox waits for its next try


def comes_to_rest(world: World) -> bool:
    """Whether it did, in time."""
    ends_at = time.monotonic() + MOST_SECONDS
    listener = world.storage.listen()
    still_since, before, calm = time.monotonic(), "", 0
    try:
        while time.monotonic() < ends_at:
            world.keep_up()
            left = what_is_left(world)
            calm = 0 if left else calm + 1
            if calm == 3:  # what has just been handled may lead to more
                return True
            if left and left != before:
                still_since = time.monotonic()
            elif left and time.monotonic() - still_since > STILL_SECONDS:
                world.clock.jump(NEXT)
                world.storage.notify()
                still_since = time.monotonic()
            before = left
            listener.wait(0.1)
    finally:
        listener.close()
    return False


def what_is_left(world: World) -> str:
    """In words; empty at rest."""
    if not world.mail.is_idle:
        return "webhooks are not delivered"
    try:
        posts = world.storage.posts.figures().waiting
        counts = {"posts not read": posts} | world.storage.read(lambda tx: _left(tx, world.clock()))
    except PeerSupportError as error:
        return f"the store does not answer ({type(error).__name__})"
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number)


def _left(tx: Any, now: datetime) -> dict[str, int]:
    def count(condition: str) -> int:
        return int(tx.one(f"SELECT count(*) AS n FROM outbox WHERE {condition}")["n"])  # noqa: S608

    due_at = tx.timers.next_due_at()
    return {
        "events not handled": tx.inbox.pending_count(),
        "messages not sent": tx.outbox.waiting_count(),
        "sends under way": count("state = 'sending'"),
        "sends of unknown fate": count("state = 'unknown' AND settled = 0"),
        "timers of ours": int(tx.one("SELECT count(*) AS n FROM timer WHERE name LIKE 'harness:%'")["n"]),
        "timers overdue": int(due_at is not None and due_at <= now),
    }
