"""The end of a shift: nobody in danger is left without a name, and what else is open is offered a way on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from bot.routing import is_danger
from handlers.console import auth, team
from handlers.console.parts import HELPERS, me, parts
from handlers.console.words import t
from storage.records import Duty, QueueRow, Staff

Way = Literal["off", "pause", "out"]
WAYS: tuple[Way, ...] = ("off", "pause", "out")


@dataclass(frozen=True, slots=True)
class Leaving:
    """What somebody who wants to go still has."""

    way: Way
    danger: list[QueueRow]
    ordinary: list[QueueRow]
    takers: dict[int, list[Staff]]  # by conversation: who can be asked

    @property
    def free(self) -> bool:
        """Nobody in danger is left."""
        return not self.danger


def _leaving(way: Way) -> Leaving:
    mine = team.own_rows()
    return Leaving(
        way=way,
        danger=[row for row in mine if is_danger(row)],
        ordinary=[row for row in mine if not is_danger(row)],
        takers={row.contact_id: team.takers(row) for row in mine},
    )


def leave_page() -> ResponseReturnValue:
    """Who is still with me, who can take them, and the way out."""
    asked = request.args.get("way", "off")
    way = next((each for each in WAYS if each == asked), "off")
    return render_template("console/leave.html", leaving=_leaving(way))


def duty() -> ResponseReturnValue:
    """On duty, paused, off. With somebody in danger, or without having been asked about the others: the page first."""
    wanted = request.form.get("duty", "")
    if wanted not in set(Duty):
        flash(t("more.not_saved"), "error")
        return redirect(url_for("console.more_page"))
    if wanted == Duty.OFF and request.form.get("sure") != "1" and team.own_rows():
        return redirect(url_for("console.leave_page", way="off"))
    try:
        parts().act.set_duty(me(), Duty(wanted))
    except NotPossible:
        flash(t("duty.name_somebody"), "error")
        return redirect(url_for("console.leave_page", way=wanted))
    flash(t(f"duty.now_{wanted}"))
    return redirect(
        url_for("console.more_page" if request.form.get("back") == "more" else "console.queue_page")
    )


def sign_out() -> ResponseReturnValue:
    """End this session; never with somebody in danger, and asked first about the others."""
    staff = me()
    if staff.role in HELPERS:
        held = _leaving("out")
        if held.danger or (held.ordinary and request.form.get("sure") != "1"):
            if held.danger:
                flash(t("duty.name_somebody"), "error")
            return redirect(url_for("console.leave_page", way="out"))
    return auth.sign_out()
