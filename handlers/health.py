"""What machines and passers-by may ask: /healthz, /readyz, /metrics, and the /privacy page.

None of it needs a sign-in, so none of it says anything about one person: times, counts and codes only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, make_response, render_template
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from bot.conversation import Tier
from bot.settings import Settings
from bot.wording import hours_in_words, week_in_words
from storage import Storage, Tx
from storage.errors import StorageError

WORKER_SECONDS = 30  # the worker says every few seconds that it is there
INBOX_SECONDS = 60  # handling one event takes milliseconds
OUTBOX_SECONDS = 300  # retries after a hiccup of the channel are over by then
CANNOT_SEND = frozenset({"token_dead", "page_restricted", "policy_block"})
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HasSettings(Protocol):
    """The content in use, as far as these pages need it."""

    @property
    def settings(self) -> Settings:
        """config.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that must work. `what` says what does not, and who should look at it."""

    ok: bool
    age_seconds: float | None = None
    count: int | None = None
    what: str | None = None


def blueprint(
    *, storage: Storage, clock: Callable[[], datetime], content: Callable[[], HasSettings]
) -> Blueprint:
    """The four addresses. `content` returns what is published now."""
    pages = Blueprint("health", __name__, template_folder="templates")

    @pages.get("/healthz")
    def alive() -> Response:
        return Response("alive\n", mimetype="text/plain")

    @pages.get("/readyz")
    def ready() -> Response:
        report, incidents = readiness(storage, clock())
        failed = [name for name, part in report.items() if not part.ok]
        answer = jsonify(
            ready=not failed,
            failed=failed,
            parts={name: _shown(part) for name, part in report.items()},
            incidents=incidents,
        )
        answer.status_code = 503 if failed else 200
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @pages.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        try:
            registry.register(_Collected(storage.read(lambda tx: list(families(tx, clock())))))
        except StorageError:
            return Response("the database does not answer\n", status=503, mimetype="text/plain")
        return Response(generate_latest(registry), content_type=METRICS_TYPE)

    @pages.get("/privacy")
    def privacy() -> Response:
        return _privacy(content().settings)

    @pages.get("/privacy.css")
    def privacy_css() -> Response:
        css = (Path(__file__).parent / "templates" / "privacy.css").read_text("utf-8")
        answer = Response(css, mimetype="text/css")
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer

    return pages


def readiness(storage: Storage, now: datetime) -> tuple[dict[str, Part], list[str]]:
    """Every part, and the kinds of open incidents. Parts that cannot be looked at are not ok."""
    try:
        current = storage.is_current()
        # In a database without our tables there is nothing to read.
        parts, incidents = storage.read(lambda tx: _working(tx, now)) if current else ({}, [])
    except StorageError:
        return {"database": Part(ok=False, what="the database does not answer; look at disk and log")}, []
    schema = Part(ok=current, what=None if current else "run `peersupport migrate`")
    return {"database": Part(ok=True), "schema": schema, **parts}, incidents


def _working(tx: Tx, now: datetime) -> tuple[dict[str, Part], list[str]]:
    incidents = sorted(incident.kind for incident in tx.incidents.open_ones())
    sending = not CANNOT_SEND & set(incidents)
    beat = tx.worker.last_beat()
    return {
        "worker": _age(beat, now, WORKER_SECONDS, "no worker is running", missing_ok=False),
        "inbox": _age(
            tx.inbox.oldest_pending_at(),
            now,
            INBOX_SECONDS,
            "what students wrote is not being handled",
            count=tx.inbox.pending_count(),
        ),
        "outbox": _age(
            tx.outbox.oldest_waiting_at(),
            now,
            OUTBOX_SECONDS,
            "what we wrote does not go out",
            count=tx.outbox.waiting_count(),
        ),
        "channel": Part(
            ok=sending, what=None if sending else "Meta refuses us: run `peersupport page doctor`"
        ),
    }, incidents


def _age(
    since: datetime | None,
    now: datetime,
    limit_seconds: float,
    what: str,
    *,
    count: int | None = None,
    missing_ok: bool = True,
) -> Part:
    seconds = None if since is None else max(0.0, round((now - since).total_seconds(), 3))
    ok = missing_ok if seconds is None else seconds < limit_seconds
    return Part(ok=ok, age_seconds=seconds, count=count, what=None if ok else what)


def _shown(part: Part) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if value is not None}


class _Collected:
    """Numbers that were read in one transaction. A registry of its own for each request keeps no state."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        """For prometheus_client."""
        return self._found


def families(tx: Tx, now: datetime) -> Iterator[Metric]:
    """Every number, from the database, so that all processes tell the same."""
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
    yield _gauge("inbox_pending", "Events stored and not yet handled.", tx.inbox.pending_count())
    yield _gauge("inbox_oldest_seconds", "Age of the oldest.", _seconds(tx.inbox.oldest_pending_at(), now))
    yield _gauge("outbox_waiting", "Messages stored and not yet sent.", tx.outbox.waiting_count())
    yield _gauge("outbox_oldest_seconds", "Age of the oldest.", _seconds(tx.outbox.oldest_waiting_at(), now))
    beat = tx.worker.last_beat()
    if beat:
        yield _gauge("worker_beat_seconds", "Since the worker last said it is there.", _seconds(beat, now))
    yield _alerts(tx)
    incidents = GaugeMetricFamily("peersupport_incident_open", "Incidents staff must see.", labels=["kind"])
    for incident in tx.incidents.open_ones():
        incidents.add_metric([incident.kind], 1)
    yield incidents
    counted = CounterMetricFamily("peersupport_counted", "Counted since the start.", labels=["name"])
    for name, number in sorted(tx.counters.all().items()):
        counted.add_metric([name], number)
    yield counted


def _alerts(tx: Tx) -> Metric:
    alerts = GaugeMetricFamily("peersupport_alerts_open", "Open alerts.", labels=["tier", "acknowledged"])
    number = Counter((alert.tier, alert.acknowledged_at is not None) for alert in tx.alerts.open())
    for tier in (Tier.ELEVATED, Tier.HIGH, Tier.CRITICAL):
        for taken in (False, True):
            alerts.add_metric([tier, "yes" if taken else "no"], number[tier, taken])
    return alerts


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"peersupport_{name}", text, value=value)


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _privacy(settings: Settings) -> Response:
    kept = settings.retention
    page = render_template(
        "privacy.html",
        page=settings.page,
        week={lang: week_in_words(settings.service_hours, lang) for lang in ("nb", "en")},
        kept={
            lang: {
                "closed": hours_in_words(kept.text_hours_after_close, lang),
                "open": hours_in_words(kept.open_text_hours, lang),
            }
            for lang in ("nb", "en")
        },
    )
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
