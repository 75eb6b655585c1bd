"""The rota week by week, one shift, and what people do with their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NotPossible
from bot.rota import Shift, may_have
from handlers.console.forms import number
from handlers.console.parts import COORDINATOR, HELPERS, me, now, parts, settings
from handlers.console.rota_view import Reader
from handlers.console.rungs import aliases
from handlers.console.words import known, language, t
from storage import Tx
from storage.records import Staff

_SWAPS_AHEAD = timedelta(days=60)  # shifts of others that one can ask for in return
_DAY = timedelta(days=1)


def reader() -> Reader:
    """For whoever asks, now."""
    return Reader(
        me(),
        now=now(),
        hours=parts().content().hours,
        settings=settings().rota,
        language=language(),
        names=aliases(),
        there=parts().storage.read(lambda tx: tx.staff.on_duty_ids(reachable_since())),
    )


def reachable_since() -> datetime:
    """Whose console was open after this is reachable."""
    return now() - timedelta(minutes=settings().waiting.reachable_minutes)


def asked_day(name: str = "day") -> date | None:
    """A date of the address or the form; None when there is none, or none that a calendar has."""
    try:
        found = date.fromisoformat(request.values.get(name, ""))
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None


def back_to(day: date | None) -> ResponseReturnValue:
    """The week with this day."""
    return redirect(url_for("console.rota_page", day=day.isoformat() if day else None))


def tried(deed: Callable[[], object], said: str) -> bool:
    """Do it, and say so, or say in a sentence why not."""
    try:
        deed()
    except NotPossible as refused:
        flash(t(known("rota_no", str(refused))), "error")
        return False
    flash(t(said))
    return True


def rota_page() -> ResponseReturnValue:
    """A week: who has which shift, what is missing, who asks whom."""
    staff, show = me(), reader()
    day = asked_day() or show.today()
    monday = day - day.weekday() * _DAY
    first, last = show.bounds(monday)

    def look(tx: Tx) -> dict[str, Any]:
        shifts = tx.rota.between(first, last)
        swaps = tx.swaps.coming(now())
        known_ones = {shift.id: shift for shift in [*shifts, *tx.rota.of(staff.id, now())]}
        for swap in swaps:
            for shift_id in (swap.shift_id, swap.in_return):
                if shift_id is not None and shift_id not in known_ones and (one := tx.rota.get(shift_id)):
                    known_ones[shift_id] = one
        following = next((s for s in known_ones.values() if _is_next(s, staff)), None)
        return dict(
            week=show.week(monday, shifts, swaps),
            questions=show.questions(swaps, known_ones),
            next_shift=show.when(following) if following else None,
            short=monday <= show.today() - _DAY < monday + 7 * _DAY and "whole" not in request.args,
            minimum=settings().rota.minimum,
            on_duty=_on_duty(tx) if monday <= show.today() < monday + 7 * _DAY else [],
        )

    return render_template("console/rota.html", **parts().storage.read(look))


def _is_next(shift: Shift, staff: Staff) -> bool:
    return shift.staff_id == staff.id and shift.starts_at > now()


def _on_duty(tx: Tx) -> list[str]:
    """Who is on duty and reachable, until when, and who is so beside the rota."""
    until, zone = tx.rota.on_shift(now()), settings().service_hours.zone
    return [
        t("rota.duty_until", who=staff.alias, clock=f"{until[staff.id].astimezone(zone):%H:%M}")
        if staff.id in until
        else t("rota.duty_extra", who=staff.alias)
        for staff in tx.staff.on_duty(now(), reachable_since())
    ]


def shift_page(shift_id: int) -> ResponseReturnValue:
    """One shift: give it up or ask for a swap if it is mine; change it, for coordinators."""
    staff, show = me(), reader()

    def look(tx: Tx) -> dict[str, Any]:
        shift = tx.rota.get(shift_id)
        if shift is None:
            abort(404)
        swap = next((s for s in tx.swaps.coming(now()) if s.shift_id == shift_id and s.state == "open"), None)
        ahead = tx.rota.between(now(), now() + _SWAPS_AHEAD)
        people = colleagues(tx)
        own = [s for s in ahead if s.staff_id == staff.id]
        return dict(
            shift=shift,
            words=show.when(shift),
            who=show.name(shift.staff_id),
            mine=shift.staff_id == staff.id,
            coming=shift.starts_at > now(),
            may_take=shift.staff_id is None and show.may_take(shift, own),
            may_give_up=parts().rota.may_give_up(shift),
            hours=settings().rota.give_up_hours,
            swap=swap,
            question=next(
                iter(show.questions([swap], {s.id: s for s in [*ahead, shift]}) if swap else []), None
            ),
            others=[p for p in people if p.id != staff.id and may_have(p.role.value, shift.kind)],
            theirs=[
                (s.id, show.name(s.staff_id), show.when(s))
                for s in ahead
                if s.staff_id not in (None, staff.id)
                and s.starts_at > now()
                and show.may_take(s, own, leaving=shift_id)
                and any(p.id == s.staff_id and may_have(p.role.value, shift.kind) for p in people)
            ],
            people=people,
            may_change=staff.role in COORDINATOR,
            form=as_form(shift, show),
        )

    return render_template("console/rota_shift.html", **parts().storage.read(look))


def colleagues(tx: Tx) -> list[Staff]:
    """Everybody who can have a shift, by name."""
    found = [person for person in tx.staff.all() if person.role in HELPERS and not person.disabled]
    return sorted(found, key=lambda person: person.alias.casefold())


def as_form(shift: Shift, show: Reader) -> dict[str, str]:
    """As the fields of the form have it: the clock on the wall."""
    start, end = shift.starts_at.astimezone(show.zone), shift.ends_at.astimezone(show.zone)
    return {"day": start.date().isoformat(), "start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}


def _day_of(shift_id: int) -> date | None:
    shift = parts().storage.read(lambda tx: tx.rota.get(shift_id))
    return shift.starts_at.astimezone(settings().service_hours.zone).date() if shift else None


def take(shift_id: int) -> ResponseReturnValue:
    """Sign up."""
    tried(lambda: parts().rota.take(shift_id, me()), "rota.taken")
    return back_to(_day_of(shift_id))


def give_up(shift_id: int) -> ResponseReturnValue:
    """Open again for others."""
    tried(lambda: parts().rota.give_up(shift_id, me()), "rota.given_up")
    return back_to(_day_of(shift_id))


def ask(shift_id: int) -> ResponseReturnValue:
    """Ask a colleague, everybody, or for a certain shift in return."""
    kind, _, wanted = request.form.get("whom", "").partition(":")
    chosen = int(wanted) if wanted.isdecimal() and len(wanted) < 19 else None
    if kind not in ("anybody", "staff", "shift") or (kind != "anybody" and chosen is None):
        abort(400)
    of, in_return = (chosen if kind == "staff" else None), (chosen if kind == "shift" else None)
    tried(lambda: parts().rota.ask(shift_id, me(), of=of, in_return=in_return), "rota.asked")
    return back_to(_day_of(shift_id))


def answer_swap(swap_id: int) -> ResponseReturnValue:
    """Yes, no, or one's own question taken back."""
    deeds = {
        "accept": (parts().rota.accept, "rota.accepted"),
        "decline": (parts().rota.decline, "rota.declined"),
        "withdraw": (parts().rota.withdraw, "rota.withdrawn"),
    }
    if request.form.get("answer") not in deeds:
        abort(400)
    deed, said = deeds[request.form["answer"]]
    tried(lambda: deed(swap_id, me()), said)
    shift_id = number("shift")
    return back_to(_day_of(shift_id) if shift_id is not None else None)
