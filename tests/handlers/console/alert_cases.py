"""Somebody in danger, as the tests of the console's alerts need it."""

from __future__ import annotations

from handlers.alerting.climber import Climber

DANGER = "Jeg skal ta livet mitt i kveld"


def now(case):
    """The alert as it is."""
    return case.storage.read(lambda tx: tx.alerts.get(case.alert.id))


def take(case, staff):
    case.browser(staff).post(f"/alert/{case.alert.id}/acknowledge")


def close(case, staff):
    return case.browser(staff).post(f"/c/{case.contact}/close", follow=True, outcome="listened").text


def climb(case, channels=None):
    climber = Climber(case.storage, lambda: case.content, lambda: case.at, channels or {}, worker="w")
    while climber.climb() or climber.send_one():
        pass
