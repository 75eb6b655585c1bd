"""The queue, my own conversations, "give me the next one", and the alert bar's buttons."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.conversation import Tier
from bot.errors import AlreadyClaimed, NotPossible
from bot.routing import Fit, fit, is_danger
from handlers.console.parts import LEADS, me, parts, settings
from handlers.console.shell import queue_rows
from handlers.console.team import Around, around, own_rows
from handlers.console.words import t
from storage.records import Alert, QueueRow


@dataclass(frozen=True, slots=True)
class Lists:
    """What stands in the left column."""

    mine: list[QueueRow]
    waiting: list[QueueRow]
    others: list[QueueRow]  # open ones that colleagues have; for duty leads and coordinators
    cap: int
    taken: int  # how many of mine fill the cap
    critical: bool  # one of mine is critical
    around: Around

    @property
    def full(self) -> bool:
        """No more ordinary ones for now."""
        return self.taken >= self.cap

    def may_take(self, row: QueueRow) -> bool:
        """Danger is never held back by a cap."""
        return not self.full or is_danger(row)

    def fit(self, row: QueueRow) -> Fit:
        """How well this person and somebody who waits suit each other."""
        return fit(me(), row)


def lists() -> Lists:
    """Read for the one who asks."""
    staff = me()
    mine = own_rows()
    others = []
    if staff.role in LEADS:
        others = [row for row in parts().act.claimed(staff) if row.claimed_by != staff.id]
    critical = any(row.tier is Tier.CRITICAL for row in mine)
    limits = settings().queue
    return Lists(
        mine=mine,
        waiting=queue_rows(),
        others=others,
        cap=limits.cap_while_critical if critical else limits.cap,
        taken=sum(1 for row in mine if not row.parked),
        critical=critical,
        around=around(),
    )


def queue_page() -> ResponseReturnValue:
    """The queue; on a wide screen with room for a conversation beside it."""
    return render_template("console/queue.html", lists=lists(), which="queue", current=None)


def mine_page() -> ResponseReturnValue:
    """Only my own."""
    return render_template("console/queue.html", lists=lists(), which="mine", current=None)


def next_one() -> ResponseReturnValue:
    """Claim whoever this person is offered, and open it."""
    try:
        contact_id = parts().act.next_for(me())
    except NotPossible:
        flash(t("pause.first"), "error")
        return redirect(url_for("console.reached_page"))
    if contact_id is None:
        left = lists()
        why = "none" if not left.waiting else "full" if left.full else "suits_others"
        flash(t(f"queue.{why}", n=left.taken))
        return redirect(url_for("console.queue_page"))
    return redirect(url_for("console.conversation_page", contact_id=contact_id))


def acknowledge(alert_id: int) -> ResponseReturnValue:
    """ "I have it": says so to everybody, and takes the conversation if nobody has it."""
    staff, act = me(), parts().act
    alert: Alert | None = parts().storage.read(lambda tx: tx.alerts.get(alert_id))
    if alert is None or alert.closed_at is not None:
        flash(t("alert.over"))
        return redirect(url_for("console.queue_page"))
    try:
        act.acknowledge(alert_id, staff)
    except AlreadyClaimed as other:
        if alert.acknowledged_by != staff.id or alert.resumed_at is not None:
            flash(t("alert.held_by", alias=other.alias))
            return redirect(url_for("console.queue_page"))
    except NotPossible:
        flash(t("alert.over"))
        return redirect(url_for("console.queue_page"))
    try:
        act.claim(alert.contact_id, staff)
    except AlreadyClaimed as other:
        row = parts().storage.read(lambda tx: tx.handoffs.row(alert.contact_id))
        if row is None or (row.claimed_by != staff.id and staff.role not in LEADS):
            flash(t("alert.yours_but", alias=other.alias))
            return redirect(url_for("console.queue_page"))
    except NotPossible:
        flash(t("alert.no_conversation"))
        return redirect(url_for("console.queue_page"))
    return redirect(url_for("console.conversation_page", contact_id=alert.contact_id))


def alert_shown(alert_id: int) -> ResponseReturnValue:
    """The bar was open on this screen."""
    try:
        parts().act.alert_shown(alert_id, me())
    except NotPossible:
        return "", 409
    return "", 204


def wants_json() -> bool:
    """Whether console.js asks rather than a form."""
    return request.accept_mimetypes.best == "application/json"


def refused_json(problem: str, words: str) -> ResponseReturnValue:
    """A refusal that console.js shows; the supporter's text stays where it is."""
    return jsonify(problem=problem, words=words), 409
