"""Conversations told as conversations: what tests write with."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.content import Content, load_content
from bot.conversation import Conversation, Status
from bot.events import TextReceived
from handlers.local_chat import LocalChat, Said
from storage import Storage
from storage.records import Alert, Duty, QueueRow, Role, Staff

ROOT = Path(__file__).parents[2]
OSLO = ZoneInfo("Europe/Oslo")
# For what is decided before the store is asked: it need not be tested on each engine.
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def content_files() -> dict[str, str]:
    """config.yaml and everything in flows/, as the product ships them."""
    files = {"config.yaml": (ROOT / "config.yaml").read_text("utf-8")}
    for path in sorted((ROOT / "flows").glob("*.yaml")):
        files[f"flows/{path.name}"] = path.read_text("utf-8")
    return files


def oslo(text: str) -> datetime:
    """A local time such as "2026-11-25 12:00" (a Wednesday, open)."""
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


@cache
def shipped() -> Content:
    """What the product ships, read once in a process."""
    return load_content(content_files())


class Chat:
    """One service, told as a conversation. Contacts are named by letters; "A" unless said otherwise."""

    def __init__(self, content: Content, storage: Storage, at: str) -> None:
        self.local = LocalChat(content, oslo(at), storage=storage)
        self.content = content
        self.replies: list[str] = []  # what the last act led to
        self._last: dict[str, list[Said]] = {}
        self.last_mid = ""

    # Time.

    @property
    def now(self) -> datetime:
        return self.local.now

    def at(self, text: str) -> Chat:
        """Let time pass until then, timers and all."""
        return self._said(self.local.wait(oslo(text) - self.local.now))

    def wait(self, **span: float) -> Chat:
        return self._said(self.local.wait(timedelta(**span)))

    # The contact.

    def contact_writes(self, text: str, who: str = "A") -> Chat:
        self.last_mid = self.local.new_mid()
        event = TextReceived(sent_at=self.now, mid=self.last_mid, text=text)
        return self._said(self.local.happens(who, event))

    def contact_taps(self, title: str, who: str = "A") -> Chat:
        """Tap the button with this title; it must be there."""
        shown = [c for said in self._last.get(who, ())[-1:] for c in said.choices]
        found = [c for c in shown if c.title == title]
        assert found, f"no button {title!r} among {[c.title for c in shown]}"
        return self._said(self.local.tap(who, found[0]))

    def contact_sends(self, *kinds: str, who: str = "A", text: str | None = None) -> Chat:
        return self._said(self.local.attach(who, *kinds, text=text))

    # People.

    def on_duty(self, alias: str = "Amalie", role: Role = Role.SUPPORTER) -> Staff:
        """Somebody with an account, on duty, with the console open."""

        def add(tx):
            staff_id = tx.staff.add(alias.lower(), alias, role, "x", self.now)
            tx.staff.set_duty(staff_id, Duty.ON, self.now)
            tx.staff.seen(staff_id, self.now + timedelta(days=400))  # the console stays open in these tests
            return tx.staff.get(staff_id)

        return self.local.storage.write(add)

    def claim(self, staff: Staff, who: str = "A") -> Chat:
        self.local.deeds.claim(self.id_of(who), staff)
        return self._said(self.local.settle())

    def supporter_writes(self, staff: Staff, text: str, who: str = "A") -> Chat:
        newest = self.local.storage.read(lambda tx: tx.transcript.last_id(self.id_of(who)))
        self.local.deeds.reply(self.id_of(who), staff, text, newest)
        return self._said(self.local.settle())

    def closes(self, staff: Staff, outcome: str = "listened", who: str = "A") -> Chat:
        deeds, contact_id = self.local.deeds, self.id_of(who)
        deeds.close(contact_id, staff, outcome, seen=deeds.sight(contact_id))
        return self._said(self.local.settle())

    # What is so.

    def conv(self, who: str = "A") -> Conversation:
        conversation = self.local.conversation(who)
        assert conversation is not None
        return conversation

    @property
    def status(self) -> Status:
        return self.conv().status

    @property
    def last_reply(self) -> str:
        return self.replies[-1] if self.replies else ""

    @property
    def alerts(self) -> list[Alert]:
        return self.local.storage.read(lambda tx: tx.alerts.open())

    @property
    def queue(self) -> list[QueueRow]:
        return self.local.storage.read(self.local.deeds._in_order)

    def id_of(self, who: str = "A") -> int:
        found = self.local.storage.read(lambda tx: tx.contacts.find(who))
        assert found is not None
        return found

    def text(self, key: str, language: str = "nb", **fields: str) -> str:
        return self.content.texts.say(key, language, **fields)

    def _said(self, said: list[Said]) -> Chat:
        self.replies = [one.text for one in said]
        for one in said:
            self._last.setdefault(one.psid, []).append(one)
        return self
