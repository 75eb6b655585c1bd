"""What is asked every few seconds or for every page goes by indexes of what is open, not through all there ever was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from storage_factories import at, only_sqlite

from storage import Storage, Tx

# The tables that grow with the years, and indexes that hold only what is open or due: walking through one costs little.
GROWING = {
    "contact",
    "conversation",
    "handoff",
    "entry",
    "inbox",
    "outbox",
    "alert",
    "rung",
    "telling",
    "audit",
}
OF_WHAT_IS_OPEN = {
    "conversation_waiting",
    "conversation_claimed",
    "conversation_offered",
    "alert_open",
    "outbox_ready",
    "outbox_sending",
    "outbox_unsettled",
    "contact_drill",
}
ASKED: dict[str, Callable[[Tx], object]] = {
    "queue": lambda tx: (tx.handoffs.queue(), tx.handoffs.claimed(), tx.handoffs.places()),
    "offers": lambda tx: (tx.handoffs.offered_to(1), tx.handoffs.lapsed_offers(at(1))),
    "left": lambda tx: (tx.handoffs.left_behind(at(1)), tx.handoffs.abandoned()),
    "knocking": lambda tx: tx.handoffs.knocking(at(1)),
    "screens": lambda tx: tx.screens.signs(),
    "sends": lambda tx: (tx.outbox.unsettled(at(1)), tx.outbox.stuck(at(1)), tx.outbox.late_cards(at(1))),
    "alerts": lambda tx: (tx.alerts.open(), tx.alert_history.since(at(1)), tx.closures.verdicts(at(1))),
    "talks": lambda tx: tx.alert_history.to_talk_about(1, at(1)),
}


def plans(storage: Storage, ask: Callable[[Tx], object]) -> list[str]:
    """How SQLite goes about everything that is asked there."""

    def look(tx: Tx) -> list[str]:
        asked: list[tuple[str, dict[str, Any]]] = []
        really = tx.all

        def noted(sql: str, **parameters: Any) -> list[dict[str, Any]]:
            asked.append((sql, parameters))
            return really(sql, **parameters)

        tx.all = noted  # type: ignore[method-assign]
        tx.one = lambda sql, **some: next(iter(noted(sql, **some)), None)  # type: ignore[method-assign]
        ask(tx)
        return [row["detail"] for sql, some in asked for row in really(f"EXPLAIN QUERY PLAN {sql}", **some)]

    return storage.read(look)


@only_sqlite
@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_all_the_time_does_not_walk_through_the_past(storage: Storage, name: str) -> None:
    steps = plans(storage, ASKED[name])
    assert steps
    for step in steps:
        words = step.split()
        if words[0] == "SCAN" and words[1] in GROWING:
            assert words[-1] in OF_WHAT_IS_OPEN, step
