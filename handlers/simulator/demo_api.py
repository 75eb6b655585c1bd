"""The demo page's own JSON API: what it is shown, and what it can have happen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from handlers.simulator.faults import MODES
from handlers.simulator.graph import StandIn
from handlers.simulator.page import state
from handlers.simulator.poster import Poster
from handlers.simulator.state import Refused

Json = dict[str, Any]

POLL_SECONDS = 20.0
TEXT_LIMIT = 10_000
MEASURES = ("unsubscribe", "warning", "block", "unblock")  # what Meta does to a Page


class ClockControl(Protocol):
    """The service's clock, which the page can move. All times are aware."""

    def now(self) -> datetime: ...
    def set(self, at: datetime, /) -> None: ...
    def advance(self, by: timedelta, /) -> None: ...
    def next_opening(self) -> datetime: ...
    def real(self) -> None: ...


def add_api(
    blueprint: Blueprint,
    stand_in: StandIn,
    poster: Poster,
    clock_control: ClockControl,
    *,
    zone: ZoneInfo,
    signed_in: dict[str, int],
) -> None:
    """Add `/api/...`. `signed_in["n"]` is who the console frame was last signed in as."""

    @blueprint.get("/api/state")
    def read_state() -> Response:
        after = request.args.get("after", type=int)
        if after is not None:
            longest = request.args.get("wait", POLL_SECONDS, type=float)
            stand_in.wait_for_change(after, max(0.0, min(longest, POLL_SECONDS)))
        now = clock_control.now().astimezone(zone)
        shown = state(stand_in, poster, request.args.get("student", type=int))
        clock = {"ms": int(now.timestamp() * 1000), "local": now.strftime("%Y-%m-%dT%H:%M")}
        response = jsonify({**shown, "clock": clock, "signed_in": signed_in["n"]})
        response.headers["Cache-Control"] = "no-store"
        return response

    @blueprint.post("/api/students")
    def add_student() -> Response:
        _own_page_only()
        return jsonify({"student": stand_in.thread(stand_in.new_student()).number})

    @blueprint.post("/api/acts/<act>")
    def do_act(act: str) -> Response:
        _own_page_only()
        known = _acts(stand_in)
        if act not in known:
            abort(404)
        data = _json()
        try:
            done = known[act](str(data.get("psid", "")), data)
        except Refused as refused:
            return _refusal(str(refused))
        return jsonify({"ok": True, "mid": done if isinstance(done, str) else None})

    @blueprint.post("/api/clock")
    def move_clock() -> Response:
        _own_page_only()
        if not _move(clock_control, _json(), zone):
            return _refusal("that is not a time")
        stand_in.touch()
        return jsonify({"ok": True})

    @blueprint.post("/api/failure")
    def set_failure() -> Response:
        _own_page_only()
        data = _json()
        mode, calls = data.get("mode"), data.get("calls")
        if mode not in MODES or not (calls is None or (isinstance(calls, int) and 0 < calls < 1000)):
            return _refusal("there is no such failure")
        stand_in.fail(mode, calls=calls)
        return jsonify({"ok": True})

    @blueprint.post("/api/measures")
    def take_measure() -> Response:
        _own_page_only()
        measure = _json().get("measure")
        if measure not in MEASURES:
            return _refusal("Meta takes no such measure")
        if measure == "unsubscribe":
            stand_in.lose_subscription()
        else:
            stand_in.enforce_policy(measure)
        return jsonify({"ok": True})

    @blueprint.post("/api/delivery")
    def set_delivery() -> Response:
        _own_page_only()
        how = _json().get("how")
        if how not in ("normal", "twice", "held"):
            return _refusal("webhooks cannot be delivered like that")
        poster.copies = 2 if how == "twice" else 1
        if how == "held":
            poster.hold()
        else:
            poster.release()
        stand_in.touch()
        return jsonify({"ok": True})


def _own_page_only() -> None:
    """The API takes orders from the demo page alone: same origin, and JSON, which no plain form sends."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or not request.is_json:
        abort(403)


def _json() -> Json:
    try:
        data = request.get_json()
    except HTTPException:
        abort(400)
    return data if isinstance(data, dict) else {}


def _refusal(sentence: str) -> Response:
    response = jsonify({"ok": False, "error": sentence})
    response.status_code = 409
    return response


def _acts(stand_in: StandIn) -> dict[str, Callable[[str, Json], Any]]:
    """What the page can have somebody do, by name."""

    def text(data: Json) -> str:
        return str(data.get("text") or "")[:TEXT_LIMIT]

    def mid(data: Json) -> str:
        return str(data.get("mid") or "")

    return {
        "write": lambda psid, data: stand_in.write(psid, text(data)),
        "tap": lambda psid, data: stand_in.tap(psid, str(data.get("payload") or "")),
        "press": lambda psid, data: stand_in.press(psid, text(data), str(data.get("payload") or "")),
        "get_started": lambda psid, data: stand_in.get_started(psid, title=text(data) or "Get Started"),
        "like": lambda psid, _: stand_in.send_like(psid),
        "image": lambda psid, _: stand_in.send_image(psid),
        "voice": lambda psid, _: stand_in.send_voice(psid),
        "edit": lambda psid, data: stand_in.edit(psid, mid(data), text(data)),
        "unsend": lambda psid, data: stand_in.unsend(psid, mid(data)),
        "react": lambda psid, data: stand_in.react(psid, mid(data), data.get("emoji") or None),
        "read": lambda psid, _: stand_in.read(psid),
        "referral": lambda psid, _: stand_in.referral(psid, "poster"),
        "block": lambda psid, data: stand_in.block(psid, bool(data.get("blocked"))),
        "inbox_answer": lambda psid, data: stand_in.inbox_answer(psid, text(data)),
        "inbox_take": lambda psid, _: stand_in.inbox_take(psid),
        "inbox_pass": lambda psid, _: stand_in.inbox_pass(psid),
    }


def _move(clock: ClockControl, data: Json, zone: ZoneInfo) -> bool:
    """Move the clock: `to` (local time), `minutes`, or `jump`: sunday, opening, real. False: not understood."""
    jump, minutes, to = data.get("jump"), data.get("minutes"), data.get("to")
    if jump == "sunday":
        clock.set(next_sunday_evening(clock.now(), zone))
    elif jump == "opening":
        clock.set(clock.next_opening())
    elif jump == "real":
        clock.real()
    elif isinstance(minutes, int) and 0 < minutes <= 60 * 24 * 31:
        clock.advance(timedelta(minutes=minutes))
    elif isinstance(to, str):
        try:
            local = datetime.fromisoformat(to)
            clock.set((local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC))
        except (ValueError, OverflowError):
            return False
    else:
        return False
    return True


def next_sunday_evening(now: datetime, zone: ZoneInfo) -> datetime:
    """The first Sunday 22:00 local time after `now`, in UTC."""
    local = now.astimezone(zone)
    days = (6 - local.weekday()) % 7
    sunday = datetime.combine(local.date() + timedelta(days=days), time(22), tzinfo=zone)
    if sunday <= local:
        sunday = datetime.combine(local.date() + timedelta(days=days + 7), time(22), tzinfo=zone)
    return sunday.astimezone(UTC)
