"""What the pages show beside an alert: who was told, whom next, what can be asked, which number first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.cards import card_for
from bot.conversation import Tier
from bot.ladder import NOBODY_ON_DUTY, UNUSABLE
from bot.services import Service
from handlers.console.parts import now, parts, settings
from handlers.console.words import known, say, t
from handlers.escalation import Standing
from storage.ladder_records import TellingLine
from storage.records import Alert, Staff

_GENERAL = ("emergency", "crisis", "health")  # kinds of services, the most urgent first
_MOST_NUMBERS = 5
_SAFETY = frozenset("FGHILM")  # somebody else is the danger
NOT_KNOWN = "C-indirect"  # what is asked about while no danger is known
_QUESTIONS = {"life": 9, "safe": 6, "medical": 5, "friend": 6}


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in words."""

    who: str
    channel: str
    state: str
    at: datetime
    sign: Literal["sent", "clock", "warn", "barred"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder in words."""

    tell: str
    at: datetime
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far it is, and what comes next."""

    rungs: tuple[Rung, ...]
    others: tuple[Told, ...]
    next_tells: str | None
    next_at: datetime | None
    is_due: bool
    waits_for_reply: bool  # somebody has it; without words to the student people are told again


def ladder(alert: Alert) -> Ladder:
    """Who was told of this alert when, by which channel, how that went, and who is next."""
    standing: Standing = parts().cases.standing(alert.id)
    names = aliases()
    plan = standing.plan
    tells = plan.next_tells or (plan.due.rung.tell if plan.due else None)
    return Ladder(
        rungs=tuple(
            Rung(group_words(rung.tell), rung.at, tuple(_told(one, names) for one in rung.tellings))
            for rung in standing.rungs
        ),
        others=tuple(_told(one, names) for one in standing.others),
        next_tells=group_words(tells) if tells else None,
        next_at=plan.look_at,
        is_due=plan.is_due,
        waits_for_reply=alert.acknowledged_at is not None and alert.resumed_at is None,
    )


def aliases() -> Mapping[int, str]:
    """Every account's alias by its id."""
    everybody: list[Staff] = parts().storage.read(lambda tx: tx.staff.all())
    return {staff.id: staff.alias for staff in everybody}


def group_words(tell: str) -> str:
    """Whom a rung tells."""
    kind, _, name = tell.partition(":")
    return t("ladder.contact", name=name.replace("_", " ")) if kind == "contact" else t(f"ladder.to_{tell}")


def person_words(who: str, names: Mapping[int, str]) -> str:
    """Somebody whom the ladder tells: "staff:7", "contact:name", or a pager."""
    kind, _, name = who.partition(":")
    if kind == "staff":
        return names.get(int(name), "")
    return t("ladder.contact", name=name.replace("_", " ")) if kind == "contact" else t("ladder.pager")


def _told(one: TellingLine, names: Mapping[int, str]) -> Told:
    if one.code == NOBODY_ON_DUTY:
        return Told(
            t("ladder.to_on_duty"), t("ladder.by_banner"), t("rota.nobody_on_duty"), one.state_at, "warn"
        )
    who = person_words(one.who, names)
    if one.code in UNUSABLE:  # nothing went wrong: there is no such way to them
        return Told(who, t(f"ladder.by_{one.channel}"), t(f"ladder.code_{one.code}"), one.state_at, "barred")
    was_shown = one.channel == "banner" and one.state == "accepted"
    state = t("ladder.state_shown" if was_shown else f"ladder.state_{one.state}")
    bad = one.state in ("failed", "unknown") or (one.tries > 0 and one.state == "waiting")
    sign: Literal["sent", "clock", "warn"] = "warn" if bad else "sent" if one.state == "accepted" else "clock"
    return Told(who, t(f"ladder.by_{one.channel}"), state, one.state_at, sign)


def numbers(alert: Alert | None) -> list[Service]:
    """The numbers that answer now. The first is the right one for this danger, as on the student's own card."""
    services = parts().content().services
    local = now().astimezone(settings().service_hours.zone)
    wanted: list[str] = []
    if alert is not None:
        card = card_for(alert.category, alert.tier)
        wanted = [card.danger, card.lead] if alert.call_for_them else [card.lead, card.danger]
        wanted += card.then
    general = [each for each in services.values() if each.kind in _GENERAL]
    wanted += [each.id for each in sorted(general, key=lambda each: _GENERAL.index(each.kind))]
    ids = [id for id in dict.fromkeys(wanted) if id in services and services[id].number]
    return [services[id] for id in ids if services[id].is_open(local)][:_MOST_NUMBERS]


@dataclass(frozen=True, slots=True)
class Question:
    """A sentence for the composer, in the student's language."""

    text: str
    language: str


def questions(category: str, tier: Tier, language: str | None) -> list[Question]:
    """What to ask, in order: stop when enough is known. In both languages while the student's is not known."""
    group = _group_of(category)
    found = parts().content().services.get(card_for(category, tier).danger)
    number = found.contact if found else ""
    return [
        Question(say(f"ask.{group}_{n}", each, number=number), each)
        for each in ((language,) if language in ("nb", "en") else ("nb", "en"))
        for n in range(1, _QUESTIONS[group] + 1)
    ]


def _group_of(category: str) -> str:
    letter = category[:1]
    if letter == "N":
        return "friend"
    if letter == "E":
        return "medical"
    return "safe" if letter in _SAFETY else "life"


def category_words(category: str | None) -> str:
    """The danger's name for people."""
    return t(known("category", (category or "")[:1]))
