"""The record of a serious case as forms and as lines to read: one form per kind of `bot.record_entries`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal

from flask import request

from bot.outcomes import OUTCOMES
from handlers.console.forms import line
from handlers.console.parts import now, settings
from handlers.console.rungs import category_words, group_words, person_words
from handlers.console.words import WORDS, language, t
from storage.ladder_records import EscalationEntry, EscalationRecord


@dataclass(frozen=True, slots=True)
class Field:
    """One box of a form. `shape` yes: yes or no; clock: a time of day, the latest that is not to come."""

    name: str
    shape: Literal["yes", "choice", "short", "text", "clock"]
    options: tuple[str, ...] = ()
    needed: bool = True


WHO = ("supporter", "duty_lead", "coordinator", "student", "somebody_else")
FORMS: Mapping[str, tuple[Field, ...]] = {
    "asked": (Field("asked", "yes"), Field("answer", "choice", ("yes", "no", "unclear", "none"))),
    "place": (Field("known", "yes"), Field("place", "short", needed=False)),
    "called": (
        Field("who", "choice", WHO),
        Field("whom", "short"),
        Field("called_at", "clock"),
        Field("reference", "short", needed=False),
    ),
    "consent": (
        Field("asked", "yes"),
        Field("answer", "choice", ("yes", "no", "not_asked", "not_possible")),
    ),
    "facts": (Field("passed_on", "text"), Field("to", "short")),
    "ground": (Field("ground", "choice", ("consent", "s17", "s287", "s196", "hpl31")),),
    "help_arrived": (Field("confirmed", "yes"), Field("how", "short", needed=False)),
    "informed": (Field("who", "choice", ("duty_lead", "coordinator")),),
    "handed_over": (Field("to", "short"),),
    "debrief": (Field("taken", "choice", ("yes", "later", "no", "not_answered")),),
    "note": (Field("text", "text"),),
}

# Beside the conversation; the page of the case has all of them.
AT_HAND = ("called", "place", "asked", "facts", "help_arrived", "note")


def sent(kind: str) -> dict[str, object]:
    """The fields of one form as they were sent; what is empty is left out. Judged by `read_line`."""
    found: dict[str, object] = {}
    for field in FORMS.get(kind, ()):
        value = line(field.name, 2000 if field.shape == "text" else 200)
        if field.shape == "yes":
            found[field.name] = value == "yes"
        elif field.shape == "clock":
            at = _instant(value)
            found |= {} if at is None else {field.name: at.isoformat()}
        elif value:
            found[field.name] = value
    return found


def _instant(value: str) -> datetime | None:
    """ "14:05" today, or yesterday when that is still to come; in Oslo."""
    try:
        clock = time.fromisoformat(value)
    except ValueError:
        return None
    zone = settings().service_hours.zone
    local = now().astimezone(zone)
    at = datetime.combine(local.date(), clock.replace(tzinfo=None), zone)
    return at if at <= local else datetime.combine(local.date() - timedelta(days=1), clock, zone)


def is_form() -> bool:
    """Whether the kind that was sent is one of ours."""
    return request.form.get("kind", "") in FORMS


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a record to read. `by` None: the service itself wrote it."""

    id: int
    at: datetime
    by: str | None
    kind: str
    facts: tuple[tuple[str, str], ...]


def lines(record: EscalationRecord, names: Mapping[int, str]) -> list[Line]:
    """The record's lines in words, the oldest first."""
    return [
        Line(
            id=entry.id,
            at=entry.at,
            by=None if entry.by is None else names.get(entry.by, ""),
            kind=t(f"record.kind_{entry.kind}"),
            facts=tuple(_facts(entry, names)),
        )
        for entry in record.entries
    ]


def _facts(entry: EscalationEntry, names: Mapping[int, str]) -> list[tuple[str, str]]:
    found = []
    for name, value in entry.fields.items():
        if name in _ONLY_IF_SO and value is False:
            continue
        if entry.kind in ("facts", "called", "handed_over") and name in ("to", "whom"):
            said = str(value)
        else:
            said = _said(name, value, names)
        if said:
            found.append((t(f"record.field_{name}"), said))
    return found


def _said(name: str, value: Any, names: Mapping[int, str]) -> str:
    if isinstance(value, bool):
        return t("record.value_yes") if value else t("record.value_no")
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if value is None:
        return ""
    if name in ("at", "called_at"):
        return f"{datetime.fromisoformat(str(value)).astimezone(settings().service_hours.zone):%d.%m. %H:%M}"
    if name in ("from", "to", "tier"):
        return t(f"tier.{value}")
    if name == "category":
        return category_words(str(value))
    if name in ("staff", "who") and (isinstance(value, int) or ":" in value):
        return person_words(value if isinstance(value, str) else f"staff:{value}", names)
    if name == "tell":
        return group_words(str(value))
    if name == "channel":
        return t(f"ladder.by_{value}")
    if name == "outcome":
        return OUTCOMES[value].in_(language()) if value in OUTCOMES else str(value)
    key = f"record.value_{value}"
    return t(key) if name in _CODED and key in WORDS else str(value)


_ONLY_IF_SO = frozenset({"drill", "call_for_them", "to_confirm", "over"})
_CODED = frozenset({"answer", "who", "ground", "taken", "verdict", "card", "code"})
