"""How I am reached: my addresses, pushes to this browser, my pause, and the talk after a hard case."""

from __future__ import annotations

from flask import Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from handlers.console.forms import line
from handlers.console.parts import HELPERS, LEADS, me, parts
from handlers.console.words import t


def reached_page() -> ResponseReturnValue:
    """E-mail, phone, push, pause."""
    staff = me()
    browsers = parts().storage.read(lambda tx: len(tx.push.of(staff.id)))
    paused = []
    if staff.role in LEADS:
        everybody = parts().storage.read(lambda tx: tx.staff.all())
        paused = [one for one in everybody if one.role in HELPERS and not one.disabled and one.id != staff.id]
    return render_template(
        "console/reached.html", browsers=browsers, push_key=parts().push_key, colleagues=paused
    )


def set_contact() -> ResponseReturnValue:
    """Where alerts reach me."""
    try:
        parts().reaching.set_contact(me(), email=line("email", 200), phone=line("phone", 30))
    except NotPossible as wrong:
        key = "reached.wrong_phone" if str(wrong) == "phone" else "reached.wrong_email"
        flash(t(key), "error")
    else:
        flash(t("more.saved"))
    return redirect(url_for("console.reached_page"))


def push_on() -> ResponseReturnValue:
    """This browser takes pushes; asked by console.js."""
    try:
        parts().reaching.subscribe(me(), *(line(name, 2001) for name in ("endpoint", "p256dh", "auth")))
    except NotPossible:
        return "", 409
    return "", 204


def push_off() -> ResponseReturnValue:
    """This browser takes no more."""
    parts().reaching.unsubscribe(me(), line("endpoint", 2001))
    return "", 204


def push_worker() -> Response:
    """The script that shows a push. Served here because its address decides for which pages it may work."""
    folder = current_app.blueprints["console"]
    return folder.send_static_file("push.js")


def pause() -> ResponseReturnValue:
    """No new conversation for me, or for somebody I lead, until they say that they are ready."""
    wanted = request.form.get("person", "")
    person_id = int(wanted) if wanted.isdecimal() and len(wanted) < 19 else None
    try:
        parts().cases.pause(me(), person_id)
    except NotPossible as refused:
        if str(refused) != "hand_over":
            abort(403)
        flash(t("duty.name_somebody"), "error")
    else:
        flash(t("pause.done") if person_id is None else t("pause.done_other"))
    return redirect(url_for("console.reached_page"))


def ready() -> ResponseReturnValue:
    """I can take somebody again."""
    parts().cases.ready(me())
    flash(t("pause.over"))
    return redirect(url_for("console.queue_page"))


def debrief(alert_id: int) -> ResponseReturnValue:
    """My answer to the offer of a talk, kept in the record of the case; the leads hear of a yes."""
    taken, staff = request.form.get("taken", ""), me()
    if taken not in ("yes", "later", "no"):
        abort(400)
    try:
        parts().cases.answer_debrief(alert_id, staff, taken)
    except NotPossible:
        abort(403)
    flash(t("debrief.no_done") if taken == "no" else t("debrief.yes_done"))
    return redirect(url_for("console.queue_page"))
