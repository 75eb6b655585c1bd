"""One's own profile and duty, and the incidents."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from handlers.console.forms import number
from handlers.console.parts import me, parts
from handlers.console.words import LANGUAGES, say, t
from handlers.published import REFUSED
from storage import Tx
from storage.records import Duty, Role

THEMES = ("auto", "light", "dark")


def more_page() -> ResponseReturnValue:
    """Profile, language, theme, password, duty, sign-out. `hand_over` asks who takes over first."""
    staff = me()
    wanted = request.args.get("hand_over", "")
    colleagues = []
    if wanted in (Duty.PAUSE, Duty.OFF):
        colleagues = [
            other
            for other in parts().storage.read(lambda tx: tx.staff.all())
            if other.id != staff.id
            and not other.disabled
            and other.duty is Duty.ON
            and other.paused_at is None
            and other.role not in (Role.ADMIN, Role.REVIEWER)
        ]
    return render_template("console/more.html", themes=THEMES, wanted=wanted, colleagues=colleagues)


def profile() -> ResponseReturnValue:
    """Language and theme, kept with the account."""
    staff = me()
    language = request.form.get("language", staff.language)
    theme = request.form.get("theme", staff.theme)
    if language not in LANGUAGES or theme not in THEMES:
        flash(t("more.not_saved"), "error")
        return redirect(url_for("console.more_page"))

    def save(tx: Tx) -> None:
        tx.staff.set_language(staff.id, language)
        tx.staff.set_theme(staff.id, theme)  # type: ignore[arg-type]  # checked against THEMES

    parts().storage.write(save)
    flash(say("more.saved", language))
    return redirect(url_for("console.more_page"))


def duty() -> ResponseReturnValue:
    """On duty, paused, off. Nobody leaves a conversation in danger without naming who has it."""
    wanted = request.form.get("duty", "")
    if wanted not in set(Duty):
        flash(t("more.not_saved"), "error")
        return redirect(url_for("console.more_page"))
    try:
        parts().act.set_duty(me(), Duty(wanted), number("hand_over_to"))
    except NotPossible:
        flash(t("duty.name_somebody"), "error")
        return redirect(url_for("console.more_page", hand_over=wanted))
    flash(t(f"duty.now_{wanted}"))
    return redirect(
        url_for("console.more_page" if request.form.get("back") == "more" else "console.queue_page")
    )


def incidents_page() -> ResponseReturnValue:
    """What is wrong with the service itself."""
    found = parts().storage.read(lambda tx: tx.incidents.open_ones())
    rows = [each for each in found if each.kind != REFUSED]  # said there with file and line
    return render_template("console/incidents.html", rows=rows)
