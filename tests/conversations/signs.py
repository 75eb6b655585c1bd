"""The shipped content with one plain sign for every category and tier: the word "tegn-f-critical" means just that."""

from __future__ import annotations

from datetime import datetime
from itertools import product

from talk_support import content_files

from bot.content import Content, load_content
from bot.conversation import Conversation
from bot.decide import decide
from bot.draft import World
from bot.effects import RaiseAlert, SendMessage, Turn
from bot.events import ChoiceTapped, Event, TextReceived
from bot.messages import BotMessage

LETTERS = "ABCDEFGHIJKLMNO"
TIERS = ("critical", "high", "elevated")


def sign(letter: str, tier: str) -> str:
    """The word that means it."""
    return f"tegn{letter.lower()}{tier}"


def _rule(letter: str, tier: str, name: str = "sign") -> str:
    word = sign(letter, tier) if name == "sign" else f"{name}{letter.lower()}{tier}"
    return f"""
  - id: {letter}-{name}-{tier}
    category: {letter}-{name}
    tier: {tier}
    nb: ["{word}"]
    hits: ["{word}"]
"""


def signs_content() -> Content:
    rules = "".join(_rule(letter, tier) for letter, tier in product(LETTERS, TIERS))
    risk = f"version: 1\nrules:{rules}{_rule('E', 'critical', 'fire')}{_rule('L', 'elevated', 'young')}"
    return load_content({**content_files(), "flows/risk_phrases.yaml": risk})


class Talk:
    """One contact, turn by turn, in the core alone."""

    def __init__(
        self, content: Content, now: datetime, *, on_duty: tuple[int, ...] = (1,), language: str | None = "nb"
    ):
        self.content = content
        self.now = now
        self.on_duty = on_duty
        self.conv = Conversation(
            contact_id=1,
            alias="Bjørk",
            started_at=now,
            language=language,
            language_chosen=bool(language),
            notice_at=now,
        )
        self.turn: Turn | None = None
        self.mids = 0

    @property
    def world(self) -> World:
        return World(on_duty=self.on_duty)

    def happens(self, event: Event) -> Talk:
        self.turn = decide(self.conv, event, self.content, self.world, self.now)
        self.conv = self.turn.conversation
        return self

    def mid(self) -> str:
        self.mids += 1
        return f"m{self.mids}"

    def writes(self, text: str) -> Talk:
        return self.happens(TextReceived(sent_at=self.now, mid=self.mid(), text=text))

    def taps(self, payload: str, title: str = "") -> Talk:
        return self.happens(ChoiceTapped(sent_at=self.now, mid=self.mid(), title=title, payload=payload))

    @property
    def messages(self) -> list[BotMessage]:
        effects = self.turn.effects if self.turn else ()
        return [
            e.message for e in effects if isinstance(e, SendMessage) and isinstance(e.message, BotMessage)
        ]

    @property
    def said(self) -> list[str]:
        return [message.text for message in self.messages]

    @property
    def alerts(self) -> list[RaiseAlert]:
        return [e for e in (self.turn.effects if self.turn else ()) if isinstance(e, RaiseAlert)]
