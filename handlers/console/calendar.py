"""The rota in people's own calendars: an address that is a secret, and what stands behind it (RFC 5545).

Nothing in it is about a student. Whoever knows the address can read it, so it is shown once, kept as a hash,
and can be made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from bot.rota import Shift
from handlers.console.parts import HELPERS, me, now, parts, settings
from handlers.console.rungs import aliases
from handlers.console.words import say, t
from handlers.rota import CALENDAR_AHEAD, CALENDAR_BACK
from storage import Tx
from storage.calendars import Scope
from storage.records import Role, Staff

_SCOPES: tuple[Scope, ...] = ("own", "all")


def calendar_page() -> ResponseReturnValue:
    """Which addresses I have."""
    return _page()


def _page(scope: Scope | None = None, token: str = "") -> str:
    staff = me()
    return render_template(
        "console/rota_calendar.html",
        scopes=[each for each in _SCOPES if each == "own" or staff.role is Role.COORDINATOR],
        have=parts().storage.read(lambda tx: tx.calendars.scopes(staff.id)),
        fresh=scope,
        # The console's own address as config.yaml has it: behind a proxy ours would be another.
        address=f"{settings().ladder.console_url.rstrip('/')}/calendar/{token}.ics" if token else "",
    )


def _scope() -> Scope:
    wanted = request.form.get("scope")
    scope = next((each for each in _SCOPES if each == wanted), None)
    return scope if scope is not None else abort(400)


def calendar_new() -> ResponseReturnValue:
    """A new address, on this page and never again; the one before it opens nothing any more."""
    scope = _scope()
    try:
        token = parts().rota.new_address(me(), scope)
    except NotPossible:
        abort(403)
    return _page(scope, token)


def calendar_end() -> ResponseReturnValue:
    """No address any more."""
    parts().rota.end_address(me(), _scope())
    flash(t("rota.calendar_ended"))
    return redirect(url_for("console.calendar_page"))


def calendar_feed(token: str) -> ResponseReturnValue:
    """The calendar itself, for whoever knows the address."""
    first, last = now() - CALENDAR_BACK, now() + CALENDAR_AHEAD

    def look(tx: Tx) -> tuple[Staff, Scope, list[Shift]] | None:
        found = tx.calendars.find(token)
        staff = tx.staff.get(found[0]) if found else None
        if found is None or staff is None or staff.disabled or staff.role not in HELPERS:
            return None
        if found[1] == "all" and staff.role is not Role.COORDINATOR:
            return None
        shifts = tx.rota.between(first, last)
        return staff, found[1], shifts if found[1] == "all" else [s for s in shifts if s.staff_id == staff.id]

    found = parts().storage.read(look)
    if found is None:
        abort(404)
    return Response(_ical(*found), content_type="text/calendar; charset=utf-8")


def _ical(staff: Staff, scope: Scope, shifts: list[Shift]) -> bytes:
    import icalendar  # a megabyte or two that only this page needs

    zone = settings().service_hours.zone
    changed = parts().storage.read(lambda tx: tx.rota.changed_at(shift.id for shift in shifts))
    names = aliases() if scope == "all" else {}
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//peersupport//rota//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", say(f"rota.calendar_name_{scope}", staff.language))
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for shift in shifts:
        event = icalendar.Event()
        event.add("uid", f"shift-{shift.id}@peersupport")
        event.add("summary", _summary(shift, scope, names, staff.language))
        event.add("dtstart", shift.starts_at.astimezone(zone))
        event.add("dtend", shift.ends_at.astimezone(zone))
        event.add("dtstamp", changed.get(shift.id, now()).astimezone(UTC))
        event.add("class", "PRIVATE")
        calendar.add_component(event)
    if shifts:
        first, last = (edge.astimezone(zone).date() for edge in (shifts[0].starts_at, shifts[-1].ends_at))
        calendar.add_missing_timezones(first - timedelta(days=400), last + timedelta(days=400))
    return bytes(calendar.to_ical())


def _summary(shift: Shift, scope: Scope, names: Mapping[int, str], language: str) -> str:
    if scope == "own":
        return say("rota.calendar_shift", language)
    who = say("rota.open", language) if shift.staff_id is None else names.get(shift.staff_id, "?")
    return f"{who}, {say(f'rota.kind_{shift.kind}', language)}"
