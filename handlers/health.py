"""What machines and passers-by may ask: /healthz, /readyz, /metrics, and the /privacy page.

None of it needs a sign-in, so none of it says anything about one person: times, counts and codes only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template

from bot.content import Content
from bot.errors import PeerSupportError
from bot.ladder import Climb
from bot.settings import Settings
from bot.wording import hours_in_words, week_in_words
from handlers import catch_up, metrics
from handlers.alerting.climber import plan
from handlers.published import GONE
from storage import PostFigures, Storage, Tx
from storage.errors import StorageError
from storage.records import ContentLine

INBOX_SECONDS = 60  # handling one event takes milliseconds
LADDER_SECONDS = 60  # a rung is climbed within a second of its time
OUTBOX_SECONDS = 300  # retries after a hiccup of the channel are over by then
CANNOT_SEND = "policy_block"  # and whatever holds the outbox: see `metrics.HOLDS`


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that must work. `what` says what does not, and who should look at it."""

    ok: bool
    age_seconds: float | None = None
    count: int | None = None
    what: str | None = None


def blueprint(
    *,
    storage: Storage,
    clock: Callable[[], datetime],
    content: Callable[[], Content],
    posts: metrics.Posts,
) -> Blueprint:
    """The four addresses. `content` returns what is published now, `posts` what the webhook has answered."""
    pages = Blueprint("health", __name__, template_folder="templates")

    @pages.get("/healthz")
    def alive() -> Response:
        return Response("alive\n", mimetype="text/plain")

    @pages.get("/readyz")
    def ready() -> Response:
        report, incidents = readiness(storage, clock())
        report["content"] = _content(content)
        if "worker" in report and report["content"].ok:
            report["ladder"] = _ladder(storage, content(), clock())
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
    def figures() -> Response:
        try:
            kept = storage.posts.figures()
            found = storage.read(lambda tx: list(metrics.families(tx, kept, clock())))
        except StorageError:
            return Response("the database does not answer\n", status=503, mimetype="text/plain")
        return Response(metrics.as_text([*found, posts.family()]), content_type=metrics.CONTENT_TYPE)

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
        parts, incidents = {}, []
        if current:
            posts = storage.posts.figures()
            parts, incidents = storage.read(lambda tx: _working(tx, posts, now))
    except StorageError:
        return {"database": Part(ok=False, what="the database does not answer; look at disk and log")}, []
    schema = Part(ok=current, what=None if current else "run `peersupport release`")
    return {"database": Part(ok=True), "schema": schema, **parts}, incidents


def _content(content: Callable[[], Content]) -> Part:
    try:
        content()
    except PeerSupportError:
        return Part(ok=False, what="flows and settings cannot be used: run `peersupport check`")
    return Part(ok=True)


def _ladder(storage: Storage, content: Content, now: datetime) -> Part:
    """Every alert's next rung is climbed in time. One whose rungs cannot be counted out is late."""
    before = now - timedelta(seconds=LADDER_SECONDS)

    def is_late(tx: Tx, climb: Climb) -> bool:
        try:
            return plan(tx, climb, content, before).is_due
        except StorageError:
            raise
        except Exception:
            return True

    try:
        late = storage.read(lambda tx: sum(is_late(tx, each) for each in tx.rungs.climbs()))
    except StorageError:
        return Part(ok=False, what="the database does not answer")
    return Part(ok=not late, count=late, what="alerts do not reach the next person" if late else None)


def _working(tx: Tx, posts: PostFigures, now: datetime) -> tuple[dict[str, Part], list[str]]:
    incidents = sorted(incident.kind for incident in tx.incidents.open_ones())
    cannot_send = [kind for kind in incidents if kind.startswith(metrics.HOLDS) or kind == CANNOT_SEND]
    return {
        "worker": _age(
            tx.worker.last_beat(),
            now,
            metrics.BEAT.total_seconds(),
            "no worker is running",
            count=tx.figures.workers(now - metrics.BEAT),
            missing_ok=False,
        ),
        "inbox": _age(
            min(filter(None, (posts.oldest_at, tx.inbox.oldest_pending_at())), default=None),
            now,
            INBOX_SECONDS,
            "what students wrote is not being handled",
            count=posts.waiting + tx.inbox.pending_count(),
        ),
        "outbox": _age(
            tx.outbox.oldest_waiting_at(),
            now,
            OUTBOX_SECONDS,
            "what we wrote does not go out",
            count=tx.outbox.waiting_count(),
        ),
        "channel": _stopped(
            cannot_send, "Meta refuses us and messages are held: run `peersupport page doctor`"
        ),
        "published": _published(tx, now),
        "disk": _disk(tx, now),
        "subscription": _stopped(
            [kind for kind in incidents if kind == catch_up.LOST],
            "Meta does not tell us what students write: run `peersupport page setup`",
        ),
        "catch_up": _stopped(
            [kind for kind in incidents if kind == catch_up.FAILED],
            "what was written during an outage cannot be read: look for it in Meta's inbox",
        ),
    }, incidents


def _published(tx: Tx, now: datetime) -> Part:
    """The newest set: one that cannot be used leaves the last good one in use."""
    refused = {
        f"{_role(line)} uses set {line.version}; {line.problem}"
        for line in tx.content_in_use.since(now - GONE)
        if line.problem
    }
    said = "; ".join(sorted(refused))
    return Part(
        ok=not refused,
        count=tx.published.newest_number(),
        what=f"the last good set is in use: {said}" if refused else None,
    )


def _disk(tx: Tx, now: datetime) -> Part:
    """Files on disk that are not as published: to be known, and nothing that stops anything."""
    differs = {
        f"{_role(line)}: {line.differs}" for line in tx.content_in_use.since(now - GONE) if line.differs
    }
    said = "; ".join(sorted(differs))
    return Part(ok=True, what=f"on disk, and not published: {said}" if differs else None)


def _role(line: ContentLine) -> str:
    return line.process.partition("-")[0]


def _stopped(by: list[str], what: str) -> Part:
    return Part(ok=not by, what=what if by else None)


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
