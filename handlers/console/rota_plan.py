"""How a coordinator makes the rota: one shift, the same every week of a term, changes."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from bot.rota import KINDS
from handlers.console.forms import line, number
from handlers.console.parts import me, parts
from handlers.console.rota import asked_day, back_to, colleagues, reader, tried
from handlers.console.words import known, t
from handlers.rota import MOST_PLACES, Planned

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_TERM = timedelta(weeks=17)  # what the form suggests


def plan_page() -> ResponseReturnValue:
    """The two forms."""
    today = reader().today()
    return render_template(
        "console/rota_plan.html",
        people=parts().storage.read(colleagues),
        most=MOST_PLACES,
        today=today.isoformat(),
        last=(today + _TERM).isoformat(),
    )


def _planned() -> Planned:
    """What the form says. Raises NotPossible("times") for a date or a clock that is none."""
    day, start, end = asked_day(), line("start", 5), line("end", 5)
    kind = next((kind for kind in KINDS if kind == request.form.get("kind")), None)
    if day is None or kind is None or not _CLOCK.fullmatch(start) or not _CLOCK.fullmatch(end):
        raise NotPossible("times")
    return Planned(
        day=day, start=start, end=end, kind=kind, staff_id=number("person"), places=number("places") or 1
    )


def plan_add() -> ResponseReturnValue:
    """One or several places at one time."""
    if tried(lambda: parts().rota.add(me(), _planned()), "rota.made"):
        return back_to(asked_day())
    return redirect(url_for("console.plan_page"))


def plan_repeat() -> ResponseReturnValue:
    """The same every week."""
    weekdays = frozenset(int(day) for day in request.form.getlist("weekday") if day in tuple("0123456"))
    last = asked_day("last")
    try:
        if last is None:
            raise NotPossible("dates")
        made, left_out = parts().rota.repeat(me(), _planned(), last, weekdays)
    except NotPossible as refused:
        flash(t(known("rota_no", str(refused))), "error")
        return redirect(url_for("console.plan_page"))
    flash(t("rota.made_many", n=made) if not left_out else t("rota.made_but", n=made, closed=left_out))
    return back_to(asked_day())


def shift_change(shift_id: int) -> ResponseReturnValue:
    """Other hours, another person."""
    if request.form.get("do") not in ("save", "remove"):
        abort(400)
    if request.form["do"] == "remove":
        tried(lambda: parts().rota.remove(shift_id, me()), "rota.removed")
        return back_to(asked_day())
    if tried(lambda: parts().rota.change(shift_id, me(), _planned()), "rota.changed"):
        return back_to(asked_day())
    return redirect(url_for("console.shift_page", shift_id=shift_id))
