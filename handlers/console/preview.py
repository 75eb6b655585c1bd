"""The preview chat: a student's acts played on unsaved content, at any date and time.

Nothing is kept here between two requests. The page holds the list of acts; the service plays it anew each time, on a
store that is forgotten afterwards. So what is seen is what the text does now, from the first message on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from bot.content import Content
from bot.hours import Hours
from bot.messages import SupporterMessage
from bot.rehearsal.model import AMALIE, Turn, wall
from bot.window import STANDARD_WINDOW
from handlers.rehearsal import Act, Opening, script_of
from handlers.rehearsal.player import CannotPlayError, Player, stage

MAX_ACTS = 60  # a conversation longer than this is no preview any more; it also bounds one request
_STEP = timedelta(seconds=20)  # between two acts, so that times read as in a conversation


@dataclass(frozen=True, slots=True)
class Bubble:
    """One line of the chat."""

    by: str  # student, bot, supporter, time, stop
    text: str
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chat:
    """What the page shows of it."""

    at: datetime
    duty: bool
    acts: tuple[str, ...] = ()  # as the page sends them back
    bubbles: tuple[Bubble, ...] = ()
    buttons: tuple[str, ...] = ()  # that can be tapped now
    step: str = ""  # flow.step that waits
    status: str = ""
    alert: str = ""
    open_now: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """The form of the preview."""

    at: datetime
    duty: bool
    acts: list[Act] = field(default_factory=list)

    @property
    def people(self) -> tuple[str, ...]:
        """Who is on duty."""
        return (AMALIE,) if self.duty else ()


def asked(form: Any, now: datetime, zone: ZoneInfo) -> Asked:
    """What the page wants to see. Acts that nobody could have done are left out."""
    deed = str(form.get("do", ""))
    chosen = deed.removeprefix("at:") if deed.startswith("at:") else str(form.get("at", ""))
    text = chosen.replace("T", " ")[:16]
    try:
        at = wall(text, zone)
    except ValueError:
        at = None
    acts = [act for each in form.getlist("act")[:MAX_ACTS] if (act := _act(each))]
    more = _more(form)
    if more and len(acts) < MAX_ACTS:
        acts.append(more)
    duty = form.get("duty") == "1" if "at" in form else True
    return Asked(at or now.replace(second=0, microsecond=0), duty, acts)


def _act(text: str) -> Act | None:
    try:
        found = json.loads(text)
        return {name: value for name, value in found.items() if Turn.model_validate(found)}
    except (ValueError, ValidationError, AttributeError):
        return None


def _more(form: Any) -> Act | None:
    """What was just pressed or written."""
    tapped, written = str(form.get("tap", ""))[:80], str(form.get("say", "")).strip()[:2000]
    if tapped:
        return {"student taps": tapped}
    if written and form.get("do") in ("try", "say"):
        return {"student writes": written}
    named: Mapping[str, Act] = {
        "sticker": {"student sends": "sticker"},
        "silence": {"silence": "30 minutes"},
        "english": {"student writes": "ENGLISH"},
        "norsk": {"student writes": "NORSK"},
        "claims": {"supporter": "claims"},
        "begin": {"student presses": "get started"},
    }
    return named.get(str(form.get("do", "")))


def play(content: Content, wanted: Asked) -> Chat:
    """The whole conversation."""
    bubbles: list[Bubble] = []
    zone = content.settings.service_hours.zone
    with stage(content, wanted.at, wanted.people) as player:
        kept: list[Act] = []
        heard = None
        for act in wanted.acts:
            try:
                heard = player.play(Turn.model_validate(act))
            except CannotPlayError as error:
                bubbles.append(Bubble("stop", str(error)))
                break
            kept.append(act)
            bubbles.append(_acted(act, player, zone))
            bubbles += [
                Bubble(
                    "supporter" if isinstance(one.message, SupporterMessage) else "bot",
                    one.text,
                    tuple(choice.title for choice in one.choices),
                )
                for one in heard.said
            ]
            if heard.refused:
                bubbles.append(Bubble("stop", heard.refused))
            player.chat.now += _STEP
        conversation = heard.conversation if heard else None
        state = conversation.flow if conversation else None
        last = [bubble for bubble in bubbles if bubble.by in ("bot", "supporter")][-1:]
        return Chat(
            at=wanted.at,
            duty=wanted.duty,
            acts=tuple(json.dumps(act, ensure_ascii=False) for act in kept),
            bubbles=tuple(bubbles),
            buttons=last[0].buttons if last else (),
            step=f"{state.at.flow}.{state.at.step}" if state else "",
            status=conversation.status.value if conversation else "",
            alert=heard.alert.tier.value if heard and heard.alert else "",
            open_now=content.hours.is_open(player.chat.now),
        )


def _acted(act: Act, player: Player, zone: ZoneInfo) -> Bubble:
    if "silence" in act or "clock" in act:
        return Bubble("time", f"{player.chat.now.astimezone(zone):%H:%M}")
    if "supporter" in act:
        return Bubble("time", f"{AMALIE}: {act['supporter']}")
    return Bubble("student", str(next(iter(act.values()))))


def rehearsal(content: Content, wanted: Asked, name: str) -> str:
    """What was played, as a rehearsal that passes on this content."""
    return script_of(content, Opening(name=name, at=wanted.at, duty=wanted.people), wanted.acts)


def moments(hours: Hours, now: datetime) -> Sequence[tuple[str, datetime]]:
    """Instants worth trying: a word of the page, or the reason of the next long closed stretch in it."""
    local = now.astimezone(hours.zone)
    sunday = (local + timedelta(days=6 - local.weekday())).replace(hour=22, minute=0, second=0, microsecond=0)
    christmas = local.replace(month=12, day=24, hour=18, minute=0, second=0, microsecond=0)
    opening = now if hours.is_open(now) else hours.next_opening(now) + timedelta(hours=1)
    found = [
        ("now", now),
        ("open", opening),
        ("sunday", sunday if sunday >= local else sunday + timedelta(days=7)),
        ("christmas", christmas if christmas >= local else christmas.replace(year=christmas.year + 1)),
    ]
    first = local.date()
    named = [
        each
        for each in hours.stretches(first, first + timedelta(days=300))
        if each.reason and each.length > 3 * STANDARD_WINDOW and each.from_at > christmas
    ]
    if named:
        found.append(("closure", named[0].from_at + timedelta(hours=20)))
    return [(name, at.astimezone(hours.zone)) for name, at in found]
