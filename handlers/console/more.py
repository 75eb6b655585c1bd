"""One's own profile and duty, and the incidents."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console.parts import HELPERS, me, parts
from handlers.console.words import LANGUAGES, say, t
from handlers.published import REFUSED
from storage import Tx

THEMES = ("auto", "light", "dark")


def more_page() -> ResponseReturnValue:
    """Profile, language, theme, password, duty, sign-out."""
    knows = bool(parts().act.team.known(me())) if me().role in HELPERS else False
    return render_template("console/more.html", themes=THEMES, knows=knows)


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


def incidents_page() -> ResponseReturnValue:
    """What is wrong with the service itself."""
    found = parts().storage.read(lambda tx: tx.incidents.open_ones())
    rows = [each for each in found if each.kind != REFUSED]  # said there with file and line
    return render_template("console/incidents.html", rows=rows)
