"""What every page has around it: the strip with the service's state, the menu, and helpers for templates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from flask import g, has_request_context
from flask_wtf.csrf import generate_csrf

from bot import rota
from bot.translated import sentence_in
from handlers.console.labels import answer_label
from handlers.console.parts import HELPERS, LEADS, MANAGERS, READERS, me, now, parts, settings
from handlers.console.rungs import category_words
from handlers.console.team import around, arrivals
from handlers.console.view import Deadline, Moments, glyph, marked
from handlers.console.words import WORDS, known, language, say, t
from handlers.published import GONE, REFUSED
from storage import Tx
from storage.records import Alert, Duty, Incident, QueueRow, Role, Staff

TALK_ABOUT = timedelta(hours=16)  # so long a talk is offered after a hard case: the same day
BADGE = "⚠ "  # before the title while an alert waits


@dataclass(frozen=True, slots=True)
class Turn:
    """What the rota says to this person now."""

    offer: Literal["start", "stop"] | None = None
    words: str = ""  # of the offer
    note: str = ""  # beside the switch: until when, or that one is on duty of one's own accord


@dataclass(frozen=True, slots=True)
class Strip:
    """The top line. `state` decides colour and words, never height."""

    state: Literal["calm", "alert", "held"]
    alert: Alert | None = None
    nth: int = 1  # the first is shown
    of: int = 0
    mine: bool = False  # I hold the alert that is shown
    silent: bool = False  # somebody has it and has not answered in time
    free: bool = False  # "I have it" can be said
    to_show: bool = False  # tell the server that the bar was open at somebody on duty
    on_duty: int = 0
    open_until: str | None = None
    opens: str | None = None
    turn: Turn = Turn()


def turn(tx: Tx, staff: Staff) -> Turn:
    """Whether a shift of theirs begins or is over, and what the switch should say of it."""
    state, when = tx.rota.standing(staff.id, now()), moments()
    offer = rota.offer(state, duty=staff.duty.value, duty_at=staff.duty_at, now=now())
    note = ""
    if state.until is not None:
        note = t("rota.until", clock=when.clock_ahead(state.until))
    elif staff.duty is Duty.ON and offer is None:
        note = t("rota.extra")
    elif state.next is not None:
        note = t("rota.coming", clock=when.clock_ahead(state.next.starts_at))
    words = ""
    if offer == "start" and state.until is not None:
        words = t("rota.start_until", clock=when.clock_ahead(state.until))
    elif offer == "start" and state.next is not None:
        words = t("rota.start_from", clock=when.clock_ahead(state.next.starts_at))
    elif offer == "stop" and state.ended is not None:
        words = t("rota.stop", clock=when.clock(state.ended.ends_at))
    return Turn(offer, words, note)


def strip(tx: Tx, staff: Staff) -> Strip:
    """The state of the service for this person."""
    alerts = tx.alerts.open() if staff.role in HELPERS else []
    reachable = now() - timedelta(minutes=settings().waiting.reachable_minutes)
    hours, when = parts().content().hours, moments()
    closes_at = hours.closes_at(now()) if hours.is_open(now()) else None
    calm = Strip(
        "calm",
        on_duty=len(tx.staff.on_duty(now(), reachable)),
        open_until=when.clock(closes_at) if closes_at else None,
        opens=when.clock_ahead(hours.next_opening(now())) if closes_at is None else None,
        turn=turn(tx, staff) if staff.role in HELPERS else Turn(),
    )
    if not alerts:
        return calm
    red = [alert for alert in alerts if _is_free(alert) or _is_silent(tx, alert)]
    red.sort(key=lambda alert: (alert.acknowledged_by is not None, alert.raised_at))
    mine = [alert for alert in alerts if alert.acknowledged_by == staff.id]
    shown = (red or mine or alerts)[0]
    unheld = shown.acknowledged_by is None
    return replace(
        calm,
        state="alert" if red else "held",
        alert=shown,
        of=len(red) if red else len(alerts),
        mine=shown.acknowledged_by == staff.id,
        silent=not unheld and bool(red),
        free=_is_free(shown),
        to_show=unheld and shown.shown_at is None and staff.duty is Duty.ON,
    )


def _is_free(alert: Alert) -> bool:
    """Nobody has it; or somebody has, nothing happened, and the ladder went on."""
    return alert.acknowledged_by is None or alert.resumed_at is not None


def _is_silent(tx: Tx, alert: Alert) -> bool:
    """Whether the one who has it has not written in time; outside the hours a line in the record is enough."""
    minutes = settings().ladder.reply_minutes.of(alert.tier.value)
    since = alert.acknowledged_at
    if minutes is None or since is None or now() - since < timedelta(minutes=minutes):
        return False
    climb = tx.rungs.climb(alert.id)
    if climb is None:
        return False
    done = (
        [climb.replied_at] if parts().content().hours.is_open(now()) else [climb.replied_at, climb.acted_at]
    )
    return not any(at is not None and at >= since for at in done)


def incidents(tx: Tx, staff: Staff) -> list[Incident]:
    """Open incidents, for those who answer for the service; for supporters those that hold their messages
    or leave an alert unheard."""
    found = [each for each in tx.incidents.open_ones() if each.kind != REFUSED]  # the strip says that
    if staff.role in LEADS | MANAGERS:
        return found
    return [each for each in found if each.kind.startswith("page:") or each.kind == "alert_reaches_nobody"]


def refused(tx: Tx) -> tuple[str, ...]:
    """What stands in the way of newer phrases, services and texts: file, line and sentence, each once."""
    lines = tx.content_in_use.since(now() - GONE)
    return tuple(sorted({line.problem for line in lines if line.problem}))


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything around the page itself, read in one go."""

    strip: Strip
    waiting: int
    incidents: list[Incident]
    talk_about: int | None  # an alert after which this person is offered a talk
    talks: int  # colleagues who would like to talk about a hard case; for leads
    refused: tuple[str, ...]  # why newer phrases, services or texts are not in use; for those who can mend it
    named_in: list[int]  # contacts in whose notes this person is named and has not looked


def shell() -> Shell:
    """Read once per request."""
    if "shell" not in g:
        staff = me()
        since = now() - TALK_ABOUT
        top, found, talk, talks, held_back, named = parts().storage.read(
            lambda tx: (
                strip(tx, staff),
                incidents(tx, staff),
                tx.alert_history.to_talk_about(staff.id, since) if staff.role in HELPERS else None,
                tx.debriefs.waiting(staff.id) if staff.role in LEADS else 0,
                refused(tx) if staff.role in LEADS | MANAGERS else (),
                _named_in(tx, staff) if staff.role in HELPERS else [],
            )
        )
        waiting = len(queue_rows()) if staff.role in HELPERS else 0
        g.shell = Shell(top, waiting, found, talk, talks, held_back, named)
    return g.shell  # type: ignore[no-any-return]


def _named_in(tx: Tx, staff: Staff) -> list[int]:
    """Conversations that are still open and theirs to read, whose notes name them."""
    rows = [(each.contact_id, tx.handoffs.row(each.contact_id)) for each in tx.mentions.unseen(staff.id)]
    return [
        contact_id
        for contact_id, row in rows
        if row is not None and (row.claimed_by == staff.id or staff.role in LEADS)
    ]


def queue_rows() -> list[QueueRow]:
    """Who waits, in the order people should take them; asked once per request."""
    if "queue_rows" not in g:
        g.queue_rows = parts().act.queue(me())
    return g.queue_rows  # type: ignore[no-any-return]


def moments() -> Moments:
    """The formatter for this reader, at this request's instant."""
    return Moments(now(), settings().service_hours.zone, language())


def deadline(row: QueueRow) -> Deadline:
    """The window clock of a row."""
    return moments().window(row.last_inbound_at, granted=settings().human_agent == "granted")


def label(name: str, value: str | None) -> str:
    """What the student chose, in the flow's own words for this reader's language."""
    if not value:
        return ""
    fixed = f"answer.{name}_{value}"  # a value that a flow sets by itself stands on no button
    return t(fixed) if fixed in WORDS else answer_label(parts().content(), name, value, language())


def badge() -> str:
    """What stands before a page's title: an alert, how many wait; never words, names or topics."""
    waiting = shell().waiting
    alarm = BADGE if shell().strip.state == "alert" else ""
    return alarm + (f"({waiting}) " if waiting else "")


def titled(text: str) -> str:
    """The page title: whether there is an alert, how many wait, and where we are."""
    return badge() + text


def script_words() -> dict[str, str]:
    """The words console.js says by itself."""
    return {key.removeprefix("js."): say(key, language()) for key in WORDS if key.startswith("js.")}


def context() -> dict[str, Any]:
    """For every template of the console."""
    staff: Staff | None = g.get("staff") if has_request_context() else None
    return {
        "t": t,
        "say": say,
        "known": known,
        "language": language(),
        "told": lambda said: sentence_in(said, language()),
        "csrf": generate_csrf,
        "me": staff,
        "helper": staff is not None and staff.role in HELPERS,
        "lead": staff is not None and staff.role in LEADS,
        "manager": staff is not None and staff.role in MANAGERS,
        "coordinator": staff is not None and staff.role is Role.COORDINATOR,
        "reader": staff is not None and staff.role in READERS,
        "Role": Role,
        "when": moments() if g.get("staff") else None,
        "shell": shell,
        "titled": titled,
        "deadline": deadline,
        "around": around,
        "arrivals": lambda: arrivals(queue_rows()),
        "label": label,
        "category_words": category_words,
        "glyph": glyph,
        "marked": marked,
        "granted": lambda: settings().human_agent == "granted",
        "script_words": script_words,
    }
