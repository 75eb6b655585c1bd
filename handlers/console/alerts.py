"""The pages about alerts in general: all of them, what a second person must look at, records, and the drill."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.conversation import Tier
from bot.errors import NotPossible
from handlers.console.cases import VERDICTS, may_work
from handlers.console.forms import line
from handlers.console.parts import LEADS, READERS, me, now, parts, settings
from handlers.console.rungs import aliases, ladder
from handlers.console.shell import shell
from handlers.console.words import t
from storage.records import Alert

DAYS = 30  # of alerts on the page
RATE_DAYS = 90  # of marks


def alerts_page() -> ResponseReturnValue:
    """Open ones, those of the last days, and how they were judged."""
    since = now() - timedelta(days=DAYS)
    found: list[Alert] = parts().storage.read(lambda tx: tx.alert_history.since(since))
    return render_template(
        "console/alerts.html",
        open_ones=[alert for alert in found if alert.closed_at is None],
        over=[alert for alert in found if alert.closed_at is not None],
        counts=parts().cases.verdicts(RATE_DAYS),
        mine={alert.id for alert in found if may_work(alert)},
        verdicts=VERDICTS,
        names=aliases(),
        days=DAYS,
        rate_days=RATE_DAYS,
        waiting=len(parts().cases.unconfirmed()) + shell().talks if me().role in LEADS else 0,
        unreviewed=len(parts().cases.identities(unreviewed=True)) if me().role in READERS else 0,
    )


# A second person.


def confirm_page() -> ResponseReturnValue:
    """Critical conversations that one person closed."""
    rows = parts().cases.unconfirmed()
    due = timedelta(hours=settings().ladder.confirm_hours)
    alerts = parts().storage.read(lambda tx: {row.alert_id: tx.alerts.get(row.alert_id) for row in rows})
    return render_template(
        "console/confirm.html",
        rows=rows,
        alerts=alerts,
        due=due,
        names=aliases(),
        talks=parts().cases.debriefs(),
    )


def debrief_done(debrief_id: int) -> ResponseReturnValue:
    """I have talked with them."""
    try:
        parts().cases.debrief_done(debrief_id, me())
    except NotPossible:
        flash(t("debrief.not_now"), "error")
    else:
        flash(t("debrief.thanks"))
    return redirect(url_for("console.confirm_page"))


def confirm_closure(alert_id: int) -> ResponseReturnValue:
    """Agree that it could be closed."""
    try:
        parts().cases.confirm_closure(alert_id, me())
    except NotPossible as refused:
        flash(t("confirm.another" if "another" in str(refused) else "confirm.gone"), "error")
    else:
        flash(t("confirm.done"))
    return redirect(url_for("console.confirm_page"))


def identities_page() -> ResponseReturnValue:
    """Who opened an identity when, and what the second person said."""
    return render_template(
        "console/identities.html", rows=parts().cases.identities(), verdicts=VERDICTS, names=aliases()
    )


def review_identity(opening_id: int) -> ResponseReturnValue:
    """Was it right to open it?"""
    verdict = request.form.get("verdict", "")
    if verdict not in VERDICTS:
        abort(400)
    try:
        parts().cases.review_identity(opening_id, me(), verdict, line("note", 500))  # type: ignore[arg-type]
    except NotPossible as refused:
        flash(t("identity.another" if "another" in str(refused) else "identity.reviewed_already"), "error")
    else:
        flash(t("identity.reviewed"))
    return redirect(url_for("console.identities_page"))


def records_page() -> ResponseReturnValue:
    """The records of serious cases, the newest first. Each opening of one is written down."""
    rows = parts().cases.records(me())
    alerts = parts().storage.read(lambda tx: {row.alert_id: tx.alerts.get(row.alert_id) for row in rows})
    return render_template("console/records.html", rows=rows, alerts=alerts)


# The drill.


def drill_page() -> ResponseReturnValue:
    """Start and stop, and how far the ladder is."""
    found: list[Alert] = parts().storage.read(lambda tx: tx.alerts.open())
    alert = next((each for each in found if each.drill), None)
    return render_template(
        "console/drill.html",
        is_on=parts().drills.is_on(),
        alert=alert,
        ladder=ladder(alert) if alert else None,
        tiers=(Tier.CRITICAL, Tier.HIGH),
    )


def drill_start() -> ResponseReturnValue:
    """An invented student raises an alert."""
    tier = Tier.HIGH if request.form.get("tier") == Tier.HIGH else Tier.CRITICAL
    try:
        parts().drills.start(me(), tier)
    except NotPossible:
        flash(t("drill.on_already"), "error")
    else:
        flash(t("drill.started"))
    return redirect(url_for("console.drill_page"))


def drill_stop() -> ResponseReturnValue:
    """It is over; the invented student goes."""
    try:
        parts().drills.stop(me())
    except NotPossible:
        abort(403)
    flash(t("drill.stopped"))
    return redirect(url_for("console.drill_page"))
