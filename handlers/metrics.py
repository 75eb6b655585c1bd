"""Figures for Prometheus, read from the store when asked for: every process tells the same, and keeps no state.

Counts of the service, by kinds, codes and tiers of our own; nothing of one person.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from bot.conversation import Tier
from storage import PostFigures, Tx

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BEAT = timedelta(seconds=30)  # a worker says every few seconds that it is there
HOLDS = "page:"  # how the kinds of incidents begin that hold the whole outbox
_NOT_HERE = ("topic_", "signposted_")  # what talks were about: small numbers would tell of one person
_EVENT, _SEND = "event_", "send_"  # how the names of counters begin that have a family of their own


class Posts:
    """What became of each POST to the webhook of this process. In memory: a refused one must not cost a write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number: Counter[str] = Counter()

    def count(self, outcome: str) -> None:
        """One more; `outcome` is a code such as `accepted`, which was answered with 200."""
        with self._lock:
            self._number[outcome] += 1

    def family(self) -> Metric:
        """For Prometheus, which adds up processes by itself."""
        with self._lock:
            return _counted("webhook_posts", "POSTs since this process began.", "outcome", self._number)


def as_text(found: Iterable[Metric]) -> bytes:
    """What Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Collected(list(found)))
    return generate_latest(registry)


class _Collected:
    """Numbers that were read in one transaction. A registry of its own for each request keeps no state."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        """For prometheus_client."""
        return self._found


def families(tx: Tx, posts: PostFigures, now: datetime) -> Iterator[Metric]:
    """Every number that the store has. A drill is in none of them."""
    counters = tx.counters.all()
    yield from _posts(posts, now)
    yield from _events(tx, counters, now)
    yield from _sends(tx, counters, now)
    yield from _queue(tx, now)
    yield _alerts(tx)
    yield from _service(tx, now)
    others = {n: number for n, number in counters.items() if not n.startswith((_EVENT, _SEND, *_NOT_HERE))}
    yield _counted("counted", "Counted since the start.", "name", others)


def _posts(posts: PostFigures, now: datetime) -> Iterator[Metric]:
    yield _gauge("posts_pending", "POSTs of the webhook stored and not yet read.", posts.waiting)
    yield _gauge("posts_oldest_seconds", "Age of the oldest.", _seconds(posts.oldest_at, now))
    yield _gauge("posts_aside", "POSTs that could not be read.", posts.aside)


def _events(tx: Tx, counters: dict[str, int], now: datetime) -> Iterator[Metric]:
    came = _named(counters, _EVENT)
    waiting, aside = tx.inbox.pending_count(), tx.figures.events_set_aside()
    yield _counted("events", "Events that came in, each once.", "kind", came)
    decided = max(0, sum(came.values()) - waiting - aside)
    yield CounterMetricFamily("peersupport_events_decided", "Events that were handled.", value=decided)
    yield _gauge("inbox_pending", "Events stored and not yet handled.", waiting)
    yield _gauge("inbox_oldest_seconds", "Age of the oldest.", _seconds(tx.inbox.oldest_pending_at(), now))
    yield _gauge("events_aside", "Events that could not be handled.", aside)


def _sends(tx: Tx, counters: dict[str, int], now: datetime) -> Iterator[Metric]:
    yield _counted("sends", "What became of messages.", "outcome", _named(counters, _SEND))
    yield _gauge("outbox_waiting", "Messages stored and not yet sent.", tx.outbox.waiting_count())
    yield _gauge("outbox_oldest_seconds", "Age of the oldest.", _seconds(tx.outbox.oldest_waiting_at(), now))
    yield _gauge("sends_under_way", "Messages being sent.", tx.figures.sends_under_way())
    yield _gauge("sends_unknown", "Messages whose echo is awaited.", tx.figures.sends_of_unknown_fate())


def _queue(tx: Tx, now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "peersupport_queue_waiting", "Students waiting for a person.", labels=["tier"]
    )
    longest = GaugeMetricFamily(
        "peersupport_queue_oldest_seconds", "How long the longest has waited.", labels=["tier"]
    )
    places = tx.handoffs.places()
    for tier in Tier:
        opened = [place.opened_at for place in places if place.tier is tier]
        waiting.add_metric([tier], len(opened))
        longest.add_metric([tier], _seconds(min(opened, default=None), now))
    yield waiting
    yield longest


def _alerts(tx: Tx) -> Metric:
    alerts = GaugeMetricFamily("peersupport_alerts_open", "Open alerts.", labels=["tier", "acknowledged"])
    real = [alert for alert in tx.alerts.open() if not alert.drill]
    number = Counter((alert.tier, alert.acknowledged_at is not None) for alert in real)
    for tier in (Tier.ELEVATED, Tier.HIGH, Tier.CRITICAL):
        for taken in (False, True):
            alerts.add_metric([tier, "yes" if taken else "no"], number[tier, taken])
    return alerts


def _service(tx: Tx, now: datetime) -> Iterator[Metric]:
    yield _gauge("workers", "Workers heard of in the last half minute.", tx.figures.workers(now - BEAT))
    beat, known = tx.worker.last_beat(), tx.missed.known()
    if beat:
        yield _gauge("worker_beat_seconds", "Since a worker last said it is there.", _seconds(beat, now))
    if known.caught_up_at:
        text = "Since it was last made sure that nothing was missed."
        yield _gauge("caught_up_seconds", text, _seconds(known.caught_up_at, now))
    kinds = [incident.kind for incident in tx.incidents.open_ones()]
    yield _gauge("outbox_held", "1: the Page cannot send.", any(kind.startswith(HOLDS) for kind in kinds))
    incidents = GaugeMetricFamily("peersupport_incident_open", "Incidents staff must see.", labels=["kind"])
    for kind in kinds:
        incidents.add_metric([kind], 1)
    yield incidents


def _named(counters: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in counters.items() if name.startswith(prefix)}


def _counted(name: str, text: str, label: str, numbers: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"peersupport_{name}", text, labels=[label])
    for each, number in sorted(numbers.items()):
        family.add_metric([each], number)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"peersupport_{name}", text, value=value)


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
