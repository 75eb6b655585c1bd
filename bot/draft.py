"""A turn in the making: the conversation so far, the effects so far, and how the bot says things.

Used inside one call of `decide` or one deed of a supporter, never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.conversation import Conversation, Danger, Stopped, Tier, changed
from bot.effects import DropPending, Effect, RaiseAlert, SendMessage, Turn
from bot.flow.edges import Edge
from bot.messages import BotMessage, Choice, Purpose
from bot.triage import Queued
from bot.versions import FIRST, Earlier, Flows
from bot.window import bot_may_write, bot_until
from bot.wording import opening_in_words

if TYPE_CHECKING:
    from bot.content import Content

# How long an automatic message is worth sending. Later it is rebuilt (flow, notice, closed reply) or dropped.
FRESH: Mapping[Purpose, timedelta] = {
    Purpose.CARD: timedelta(hours=24),
    Purpose.ALERTED: timedelta(minutes=10),
    Purpose.SAFETY: timedelta(hours=1),
    Purpose.NOTICE: timedelta(hours=1),
    Purpose.FLOW: timedelta(minutes=30),
    Purpose.CLOSED: timedelta(hours=1),
    Purpose.QUEUE: timedelta(minutes=10),
    Purpose.ANSWER: timedelta(minutes=30),
    Purpose.PRESENCE: timedelta(minutes=15),
    Purpose.GOODBYE: timedelta(hours=12),
}
ROUTINE = frozenset(
    {Purpose.FLOW, Purpose.CLOSED, Purpose.QUEUE, Purpose.ANSWER, Purpose.GOODBYE}
)  # what no longer fits once danger, a person or STOP has come in between; the notice is owed to everybody

Fields = Mapping[str, str | Callable[[str], str]]  # a value, or a function of the language


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a decision must know about everybody else."""

    on_duty: tuple[int, ...] = ()  # ids of supporters on duty whose console is reachable
    waiting: Iterable[Queued] = ()  # the other contacts who wait; may be read lazily
    earlier: Earlier | None = (
        None  # the earlier sets that matter to this conversation; None: it is on the newest
    )


class Draft:
    """Collects what one event leads to. `conv` is replaced, never changed."""

    def __init__(self, conv: Conversation, content: Content, world: World, now: datetime) -> None:
        self.conv = conv
        self.content = content
        self.world = world
        self.now = now
        self.effects: list[Effect] = []
        self.ways: list[tuple[int, Edge]] = []  # with the number of the set
        self._scripts: dict[int, Content] = {}  # by earlier set

    def change(self, **fields: Any) -> None:
        """Replace fields of the conversation."""
        self.conv = changed(self.conv, fields)

    def do(self, *effects: Effect) -> None:
        """Ask for something."""
        self.effects.extend(self._with_its_time(each) for each in effects)

    def _with_its_time(self, effect: Effect) -> Effect:
        """An alert says in its record whether the service was open, and by which set the words were read."""
        if not isinstance(effect, RaiseAlert):
            return effect
        return replace(effect, in_hours=self.in_hours, content_set=self.content.number)

    def turn(self) -> Turn:
        """What came of it."""
        return Turn(conversation=self.conv, effects=tuple(self.effects), ways=tuple(self.ways))

    def took(self, *ways: Edge) -> None:
        """Count these ways, as ways of the set that the conversation is on."""
        number = self.flow_set or self.content.number or 0
        self.ways += [(number, way) for way in ways]

    # The flows, as this conversation began with them.

    @property
    def flow_set(self) -> int | None:
        """The earlier set that the flow belongs to; None: the newest one, or none."""
        newest, mine = self.content.number, self.conv.flow_set or FIRST
        return None if newest is None or self.conv.flow is None or mine == newest else mine

    @property
    def is_lost(self) -> bool:
        """The set that the flow belongs to cannot be read."""
        return self.flow_set is not None and self.flow_set not in self._earlier_sets

    @property
    def script(self) -> Content:
        """The content in use, with the steps that this conversation is on."""
        number = self.flow_set
        if number is None or number not in self._earlier_sets:
            return self.content
        if number not in self._scripts:
            self._scripts[number] = replace(self.content, flows=self._earlier_sets[number])
        return self._scripts[number]

    @property
    def _earlier_sets(self) -> Mapping[int, Flows]:
        return self.world.earlier.sets if self.world.earlier else {}

    # The service, as this conversation meets it.

    @property
    def in_hours(self) -> bool:
        """Inside the service hours, whoever is there."""
        return self.content.hours.is_open(self.now)

    @property
    def is_open(self) -> bool:
        """Inside the service hours, and somebody on duty is reachable."""
        return self.in_hours and bool(self.world.on_duty)

    @property
    def next_opening(self) -> datetime:
        """When people answer next (UTC)."""
        return self.content.hours.next_opening(self.now)

    @property
    def granted(self) -> bool:
        """Meta lets people answer after 24 hours."""
        return self.content.settings.human_agent == "granted"

    @property
    def somebody_is_told(self) -> bool:
        """Outside the hours somebody is told of this danger: the ladder's `closed` has a rung for its tier and the
        service a way to tell it, or people were alarmed just before closing time, and the ladder goes on.
        """
        danger = self.conv.danger
        if danger is None:
            return False
        if danger.heard_at is not None and self.content.hours.has_just_closed(danger.heard_at, self.now):
            return True
        rungs = self.content.settings.ladder.closed.of(danger.tier.value)
        return any(self.content.has_channel(name) for rung in rungs for name in rung.channels)

    def heard(self, danger: Danger) -> Danger:
        """People are alarmed of this danger now, if it is high or critical."""
        is_heard = self.in_hours and danger.tier.rank >= Tier.HIGH.rank
        return replace(danger, heard_at=self.now) if is_heard else danger

    @property
    def promise(self) -> str:
        """Which of two texts holds outside the 24 hours."""
        return "granted" if self.granted else "not_granted"

    def next_open_words(self, language: str) -> str:
        """The next opening, such as "mandag kl. 09"."""
        zone = self.content.settings.service_hours.zone
        return opening_in_words(self.next_opening, self.now, language, zone)

    # Saying things.

    def text(self, key: str, language: str | None, **fields: str | Callable[[str], str]) -> str:
        """A text in one language, or in both when the language is unknown."""
        if language is None:
            return self.text(key, "nb", **fields) + "\n\n" + self.text(key, "en", **fields)
        filled = {name: value(language) if callable(value) else value for name, value in fields.items()}
        return self.content.texts.say(key, language, **filled)

    def choice(self, key: str, payload: str, language: str | None = None) -> Choice:
        """A button; its title in the conversation's language."""
        return Choice(
            title=self.content.texts.title(key, language or self.conv.language or "nb"), payload=payload
        )

    def say(self, purpose: Purpose, key: str, *choices: Choice, **fields: str | Callable[[str], str]) -> bool:
        """Say a text from texts.yaml in the conversation's language. False: nothing may be said now."""
        return self.say_text(purpose, self.text(key, self.conv.language, **fields), *choices)

    def say_text(self, purpose: Purpose, text: str, *choices: Choice) -> bool:
        """Say these words, unless nothing automatic may be said to this contact now: then it is False."""
        until = bot_until(self.conv.last_inbound_at)
        if until is None or not bot_may_write(self.conv.last_inbound_at, self.now):
            return False
        message = BotMessage(
            purpose=purpose, text=text, choices=choices, not_after=min(until, self.now + FRESH[purpose])
        )
        self.do(SendMessage(message=message))
        return True

    def drop_routine(self, *, but: Purpose | None = None) -> None:
        """Take back unsent routine texts, also those of this very turn."""
        drops = ROUTINE - {but}
        self.effects = [
            e for e in self.effects if not (isinstance(e, SendMessage) and e.message.purpose in drops)
        ]
        self.do(DropPending(purposes=drops))

    @property
    def may_disturb(self) -> bool:
        """Whether something may be said that the contact did not just ask for."""
        quiet = self.conv.stopped is not Stopped.NO or self.conv.may_be_unsafe
        return not quiet and self.conv.elsewhere_since is None
