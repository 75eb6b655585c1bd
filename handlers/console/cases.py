"""One alert after "I have it": its ladder, the mark, the record of the case, and in an emergency who it is."""

from __future__ import annotations

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.conversation import Tier
from bot.errors import NotPossible
from handlers.console import record_forms
from handlers.console.forms import line
from handlers.console.parts import HELPERS, LEADS, me, now, parts, settings
from handlers.console.rungs import aliases, ladder
from handlers.console.thread import where_they_are
from handlers.console.words import t
from storage import Tx
from storage.records import Alert, Entry, Role

VERDICTS = ("right", "wrong", "unclear")


def may_work(alert: Alert) -> bool:
    """Leads; and whoever has the alert or its conversation, or had it when it ended."""
    staff = me()
    if staff.role in LEADS:
        return True
    if staff.role not in HELPERS:
        return False
    if staff.id in (alert.acknowledged_by, alert.closed_by):
        return True
    return alert.closed_at is None and alert.contact_id in _mine()


def _mine() -> frozenset[int]:
    """Whose conversations this person has; asked once per request."""
    if "my_contacts" not in g:
        g.my_contacts = frozenset(row.contact_id for row in parts().act.mine(me()))
    return g.my_contacts  # type: ignore[no-any-return]


def _alert(alert_id: int, *, to_read: bool = False) -> Alert:
    """The alert, if it is this person's. A reviewer reads and does nothing."""
    found: Alert | None = parts().storage.read(lambda tx: tx.alerts.get(alert_id))
    if found is None:
        abort(404)
    if not may_work(found) and not (to_read and me().role is Role.REVIEWER):
        abort(403)
    return found


def case_page(alert_id: int) -> ResponseReturnValue:
    """Everything about one alert but the conversation. Reading the record is written down."""
    return _page(_alert(alert_id, to_read=True))


def _where(alert: Alert) -> list[Entry]:
    """For whoever must call for the student, also before anybody has taken the conversation."""
    if not alert.call_for_them or alert.closed_at is not None or not may_work(alert):
        return []

    def read(tx: Tx) -> list[Entry]:
        row = tx.handoffs.row(alert.contact_id)
        return where_they_are(tx.transcript.entries(alert.contact_id), row.opened_at) if row else []

    return parts().storage.read(read)


def _page(alert: Alert, **more: object) -> str:
    try:
        record = parts().cases.open_record(alert.id, me())
        may_read = True
    except NotPossible:
        record, may_read = None, False
    local = now().astimezone(settings().service_hours.zone)
    return render_template(
        "console/case.html",
        alert=alert,
        ladder=ladder(alert),
        where=_where(alert),
        may_read=may_read,
        lines=record_forms.lines(record, aliases()) if record else [],
        forms=record_forms.FORMS,
        clock=f"{local:%H:%M}",
        may_work=may_work(alert),
        may_open=alert.tier is Tier.CRITICAL and alert.closed_at is None,
        verdicts=VERDICTS,
        names=aliases(),
        **more,
    )


def _back(alert: Alert) -> ResponseReturnValue:
    if request.form.get("back") == "talk" and alert.closed_at is None:
        return redirect(url_for("console.conversation_page", contact_id=alert.contact_id))
    if request.form.get("back") == "list":
        return redirect(url_for("console.alerts_page"))
    return redirect(url_for("console.case_page", alert_id=alert.id))


def judge(alert_id: int) -> ResponseReturnValue:
    """Right, wrong or unclear."""
    alert, verdict = _alert(alert_id), request.form.get("verdict", "")
    if verdict not in VERDICTS:
        abort(400)
    try:
        parts().cases.judge(alert_id, me(), verdict)  # type: ignore[arg-type]  # checked against VERDICTS
    except NotPossible:
        flash(t("case.not_now"), "error")
    else:
        flash(t("case.judged"))
    return _back(alert)


def record(alert_id: int) -> ResponseReturnValue:
    """One more line in the record of the case."""
    alert = _alert(alert_id)
    if not record_forms.is_form():
        abort(400)
    kind = request.form["kind"]
    fields = record_forms.sent(kind)
    try:
        parts().cases.record(alert_id, me(), kind, fields)
    except NotPossible as refused:
        name = str(refused).removeprefix("record: ").rpartition(".")[2]
        wrong = next((field for field in record_forms.FORMS[kind] if field.name == name), None)
        said = t("record.missing", field=t(f"record.field_{wrong.name}")) if wrong else t("case.not_now")
        flash(said, "error")
    else:
        flash(t("record.kept"))
    return _back(alert)


def open_identity(alert_id: int) -> ResponseReturnValue:
    """In an emergency: who is it? Shown once, here; another person is told at once."""
    alert = _alert(alert_id)
    reason = line("reason", 500)
    if len(reason) < 3:
        flash(t("identity.reason_missing"), "error")
        return redirect(url_for("console.case_page", alert_id=alert_id))
    try:
        found = parts().cases.open_identity(alert_id, me(), reason)
    except NotPossible:
        flash(t("identity.not_now"), "error")
        return redirect(url_for("console.case_page", alert_id=alert_id))
    return _page(alert, identity=found)
