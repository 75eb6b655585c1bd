"""A contact without Meta: the same store, inbox, decision, outbox and timers, with words going to a list.

`peersupport chat` is a student in the terminal on top of it; the conversation tests are written with it.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.content import Content
from bot.conversation import Conversation
from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    Event,
    MessageEdited,
    MessageWithdrawn,
    ReactionChanged,
    TextReceived,
)
from bot.messages import BotMessage, Choice, OutboundMessage
from bot.window import HumanAgentTag
from handlers import jobs
from handlers.deeds import Deeds
from handlers.environment import new_keys
from handlers.inbound import Inbound
from handlers.sender import Sender
from storage import Storage, Tx, open_storage
from storage.records import NewEvent
from storage.sealing import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message that reached a contact."""

    psid: str
    message: OutboundMessage
    tag: HumanAgentTag | None
    at: datetime

    @property
    def text(self) -> str:
        """The words."""
        return self.message.text

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The quick replies below them."""
        return self.message.choices if isinstance(self.message, BotMessage) else ()


@dataclass(frozen=True, slots=True)
class _Taken:
    mid: str | None


class ListChannel:
    """A channel that keeps what is sent, in order."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.said: list[Said] = []
        self._clock = clock

    def send(
        self, psid: str, message: OutboundMessage, *, outbox_id: int, tag: HumanAgentTag | None
    ) -> _Taken:
        self.said.append(Said(psid=psid, message=message, tag=tag, at=self._clock()))
        return _Taken(f"m-out-{outbox_id}")

    def typing(self, psid: str, on: bool) -> None:
        """Nothing to show."""

    def take_thread(self, psid: str) -> None:
        """There is nobody to take it from."""

    def check_token(self) -> None:
        """Always well."""

    def pause_seconds(self) -> float:
        return 0.0


def _open(folder: Path) -> Storage:
    keys = new_keys()
    ring = Keys.from_environment(keys["DATA_KEYS"], keys["SECRET_KEY"])
    return open_storage("sqlite:///chat.db", ring, home=folder)


class LocalChat:
    """One service with as many contacts as you like. `clock` stands still unless moved."""

    def __init__(self, content: Content, at: datetime, *, storage: Storage | None = None) -> None:
        """On `storage`, else on a SQLite file in a folder that `close` removes."""
        self._temporary = None if storage else tempfile.TemporaryDirectory()
        self.content = content
        self.now = at
        self.storage = storage or _open(Path(self._temporary.name if self._temporary else ""))
        self.storage.migrate(at)
        self.channel = ListChannel(self.clock)
        self.inbound = Inbound(self.storage, lambda: self.content, self.clock)
        self.sender = Sender(self.storage, self.channel, content.settings, self.clock, worker="chat")
        self.deeds = Deeds(self.storage, lambda: self.content, self.clock)
        self._mids = itertools.count(1)

    def clock(self) -> datetime:
        """The chat's own time."""
        return self.now

    def close(self) -> None:
        """Forget everything."""
        self.storage.close()
        if self._temporary:
            self._temporary.cleanup()

    # What a contact does. Each returns what was said because of it.

    def write(self, psid: str, text: str) -> list[Said]:
        """The contact writes."""
        return self.happens(psid, TextReceived(sent_at=self.now, mid=self.new_mid(), text=text))

    def tap(self, psid: str, choice: Choice) -> list[Said]:
        """The contact taps a button."""
        return self.happens(
            psid,
            ChoiceTapped(sent_at=self.now, mid=self.new_mid(), title=choice.title, payload=choice.payload),
        )

    def attach(self, psid: str, *kinds: str, text: str | None = None) -> list[Said]:
        """The contact sends something that is not words."""
        return self.happens(
            psid, AttachmentReceived(sent_at=self.now, mid=self.new_mid(), kinds=kinds, text=text)
        )

    def edit(self, psid: str, mid: str, text: str, number: int = 1) -> list[Said]:
        """The contact changes an earlier message."""
        return self.happens(psid, MessageEdited(sent_at=self.now, mid=mid, text=text, number=number))

    def withdraw(self, psid: str, mid: str) -> list[Said]:
        """The contact takes a message back."""
        return self.happens(psid, MessageWithdrawn(sent_at=self.now, mid=mid))

    def react(self, psid: str, mid: str, reaction: str = "like") -> list[Said]:
        """The contact puts a reaction on a message."""
        return self.happens(psid, ReactionChanged(sent_at=self.now, mid=mid, reaction=reaction, added=True))

    def new_mid(self) -> str:
        """An id for the contact's next message."""
        return f"m-in-{next(self._mids)}"

    def happens(self, psid: str, event: Event, key: str | None = None) -> list[Said]:
        """Any event, through the inbox; the same key twice is one event."""
        name = key or f"{event.kind}:{next(self._mids)}"
        self.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=psid, key=name, event=event)], self.now))
        return self.settle()

    def settle(self) -> list[Said]:
        """Handle and send until nothing is left to do; returns what was said."""
        before = len(self.channel.said)
        while self.inbound.drain() + self.sender.drain():
            pass
        return self.channel.said[before:]

    def wait(self, by: timedelta) -> list[Said]:
        """Let time pass; every timer fires when it is due, not at the end."""
        before = len(self.channel.said)
        until = self.now + by
        while True:
            due_at = self.storage.read(lambda tx: tx.timers.next_due_at())
            if due_at is None or due_at > until:
                break
            self.now = max(self.now, due_at)
            jobs.fire_timers(self.storage, self.now)
            self.settle()
        self.now = until
        self.settle()
        return self.channel.said[before:]

    def conversation(self, psid: str) -> Conversation | None:
        """The state of one contact's conversation."""

        def peek(tx: Tx) -> Conversation | None:
            contact_id = tx.contacts.find(psid)
            return None if contact_id is None else tx.conversations.peek(contact_id)

        return self.storage.read(peek)
