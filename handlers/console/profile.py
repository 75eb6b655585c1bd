"""What one says about oneself: the name students see, languages, wishes, what one is told of and when not."""

from __future__ import annotations

from datetime import time

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from handlers import accounts
from handlers.alerting.people import email_of
from handlers.console.forms import line
from handlers.console.labels import answer_label
from handlers.console.parts import me, now, parts
from handlers.console.words import language, t
from storage import Tx
from storage.profile import NOTICE_CHANNELS, NOTICES, Profile

NOT_A_PLACE = frozenset({"other", "rather_not"})
MOST_LANGUAGES = 8


def profile_page() -> ResponseReturnValue:
    """One's own."""
    staff = me()
    return render_template(
        "console/profile.html",
        campuses=campuses(),
        others=", ".join(one for one in staff.languages if one not in ("nb", "en")),
        notices=NOTICES,
        channels=NOTICE_CHANNELS,
        email=email_of(staff),
    )


def campuses() -> list[tuple[str, str]]:
    """The places a student can choose in the flows, by id, with their words."""
    content, found = parts().content(), {}
    for flow in content.flows.values():
        for step in flow.steps.values():
            if step.save == "campus":
                for choice in step.choices:
                    if choice.id not in NOT_A_PLACE:
                        found[choice.id] = answer_label(content, "campus", choice.id, language())
    return list(found.items())


def save_profile() -> ResponseReturnValue:
    """Keep it, or say what is wrong."""
    staff, alias = me(), line("alias", 60)
    quiet_from, quiet_to = _time("quiet_from"), _time("quiet_to")
    spoken = _languages()
    if not spoken:
        return _wrong("profile.no_language")
    if (quiet_from is None) is not (quiet_to is None):
        return _wrong("profile.quiet_both")
    campus = request.form.get("campus", "")
    profile = Profile(
        languages=spoken,
        campus=campus if campus in dict(campuses()) else None,
        avoid_own_campus="avoid_own_campus" in request.form,
        gender=line("gender", 30) or None,
        notify=frozenset(
            f"{channel}:{notice}"
            for channel in NOTICE_CHANNELS
            for notice in NOTICES
            if f"{channel}:{notice}" in request.form.getlist("notify")
        ),
        quiet_from=quiet_from,
        quiet_to=quiet_to,
    )

    def save(tx: Tx) -> str | None:
        if alias != staff.alias:
            problem = accounts.alias_problem(tx, alias, staff.id)
            if problem:
                return problem
            tx.staff.set_alias(staff.id, alias)
        tx.staff.set_profile(staff.id, profile)
        tx.audit.add(now(), staff.id, "profile_changed", None, None)
        return None

    problem = parts().storage.write(save)
    if problem:
        return _wrong(f"account.{problem}")
    flash(t("more.saved"))
    return redirect(url_for("console.profile_page"))


def _wrong(key: str) -> ResponseReturnValue:
    flash(t(key), "error")
    return redirect(url_for("console.profile_page"))


def _languages() -> tuple[str, ...]:
    """The boxes that are ticked, then what was written, each once."""
    boxes = [code for code in ("nb", "en") if code in request.form.getlist("languages")]
    written = (one.strip()[:30] for one in line("other_languages", 200).split(","))
    return tuple(dict.fromkeys([*boxes, *(one for one in written if one)]))[:MOST_LANGUAGES]


def _time(name: str) -> time | None:
    try:
        return time.fromisoformat(request.form.get(name, "")[:5])
    except ValueError:
        return None
