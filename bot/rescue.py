"""When deciding an event fails for good: read it for danger alone, answer, and bring a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot import danger, silence
from bot.conversation import Conversation, Status
from bot.draft import Draft, World
from bot.effects import AddEntry, Turn
from bot.events import AttachmentReceived, ChoiceTapped, Event, MessageEdited, TextReceived
from bot.long_text import kept
from bot.messages import Purpose
from bot.queue import open_handoff

if TYPE_CHECKING:
    from bot.content import Content


def rescue(conv: Conversation, event: Event, content: Content, world: World, now: datetime) -> Turn:
    """No flow, no commands: the card if the words mean danger, else a plain sentence and the queue."""
    draft = Draft(conv, content, world, now)
    if not isinstance(event, TextReceived | ChoiceTapped | AttachmentReceived | MessageEdited):
        return draft.turn()
    sent_at = min(event.sent_at, now)
    draft.change(last_inbound_at=max(conv.last_inbound_at or sent_at, sent_at))
    text = event.title if isinstance(event, ChoiceTapped) else event.text
    if not isinstance(event, MessageEdited):
        draft.do(
            AddEntry(written_by="contact", kind="text", mid=event.mid, at=now, text=kept(text or "") or None)
        )
    finding = danger.read(draft, text, event.mid, sent_at) if text else None
    if finding is not None:
        danger.hit(draft, finding, mid=event.mid, text=kept(text or ""))
        return draft.turn()
    if draft.conv.status is not Status.CLAIMED:
        draft.say(Purpose.ANSWER, "system_error")
        open_handoff(draft, quietly=True)
    else:
        silence.break_silence(draft)
    return draft.turn()
