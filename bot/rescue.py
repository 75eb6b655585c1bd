"""When deciding an event fails for good: what it means for somebody's safety, an answer, and a person.

Whatever failed may fail here too, so each way is simpler than the one before. What could not be read counts as
danger: nobody knows what stood there.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot import answers, cards, commands, danger, safety, silence, talk
from bot.conversation import Conversation, Status, Tier
from bot.draft import Draft, World
from bot.effects import AddEntry, Turn
from bot.events import AttachmentReceived, ChoiceTapped, Event, MessageEdited, TextReceived
from bot.long_text import kept
from bot.messages import Purpose
from bot.queue import open_handoff
from bot.risk import Finding

if TYPE_CHECKING:
    from bot.content import Content

UNREAD = "unread"  # on the alert: the words could not be read for danger
_Said = TextReceived | ChoiceTapped | AttachmentReceived | MessageEdited
_HELP = (("help", "danger"), ("wait", "help"))  # answers that ask for help


def rescue(conv: Conversation, event: Event, content: Content, world: World, now: datetime) -> Turn:
    """No flow: what means the same whatever stands around it; else the words, read for danger; else a person."""
    if not isinstance(event, _Said):
        return Draft(conv, content, world, now).turn()
    for way in (_as_known, _as_words):
        draft = _begun(conv, event, content, world, now)
        try:
            if way(draft, event):
                return draft.turn()
        except Exception:  # noqa: S112 - it is told already; a simpler way is left
            continue
    draft = _begun(conv, event, content, world, now)
    danger.owe_card(draft, _unread(draft), event.mid)
    return draft.turn()


def call_a_person(conv: Conversation, event: Event, content: Content, world: World, now: datetime) -> Turn:
    """When even that fails: people are told that somebody wrote, and the card is owed."""
    draft = Draft(conv, content, world, now)
    if isinstance(event, _Said):
        danger.owe_card(draft, _unread(draft), event.mid)
    return draft.turn()


def _begun(conv: Conversation, event: _Said, content: Content, world: World, now: datetime) -> Draft:
    draft = Draft(conv, content, world, now)
    sent_at = min(event.sent_at, now)
    draft.change(last_inbound_at=max(conv.last_inbound_at or sent_at, sent_at))
    if not isinstance(event, MessageEdited):
        text = kept(_text(event)) or None
        draft.do(AddEntry(written_by="contact", kind="text", mid=event.mid, at=now, text=text))
    return draft


def _text(event: _Said) -> str:
    return (event.title if isinstance(event, ChoiceTapped) else event.text) or ""


def _as_known(draft: Draft, event: _Said) -> bool:
    """The buttons for those in danger, HELP, and the answers to what was asked about their safety."""
    payload = event.payload if isinstance(event, ChoiceTapped) else None
    typed = kept(_text(event)) if payload is None and not isinstance(event, MessageEdited) else None
    marked = talk.means_danger(draft, typed, payload) if typed or payload else None
    if marked is not None:
        danger.hit(draft, marked, mid=event.mid, text=typed or "")
        return True
    if commands.named(typed, payload) == "help":
        open_handoff(draft, quietly=True)  # with a person waited for it also alerts
        commands.obey(draft, "help", mid=event.mid)
        return True
    answer = answers.asked(draft, typed, payload)
    if answer is None or (answer[0] not in answers.SAFETY and answer not in _HELP):
        return False
    if typed is None:
        commands.settle(draft, *answer, mid=event.mid)
        return True
    return _as_answer(draft, event, answer, typed)


def _as_answer(draft: Draft, event: _Said, answer: tuple[str, str], typed: str) -> bool:
    """A typed answer, unless its words mean more than that."""
    found = _read(draft, event)
    readable = "" if found is not None and found.rule == UNREAD else typed
    meant = safety.meaning(draft, *answer, readable)
    asks_for_help = answer in _HELP or answer == ("call", "cannot")
    least = Tier.CRITICAL if asks_for_help else meant.tier if meant else Tier.NONE
    if found is not None and found.tier.rank > least.rank:
        return False
    commands.settle(draft, *answer, mid=event.mid, text=readable)
    return True


def _as_words(draft: Draft, event: _Said) -> bool:
    """The card if the words mean danger or cannot be read; else a plain sentence and the queue."""
    found = _read(draft, event)
    if found is not None:
        danger.hit(draft, found, mid=event.mid, text=kept(_text(event)))
    if found is not None and found.rule != UNREAD:
        return True
    if draft.conv.status is not Status.CLAIMED:
        open_handoff(draft, quietly=True)
        draft.say(Purpose.ANSWER, "system_error", *silence.choices(draft, draft.conv.language))
    else:
        silence.break_silence(draft)
    return True


def _read(draft: Draft, event: _Said) -> Finding | None:
    """The danger in these words. Those that cannot be read are taken for it."""
    text = _text(event)
    try:
        return danger.read(draft, text, event.mid, min(event.sent_at, draft.now)) if text else None
    except Exception:  # any mistake of a pattern or of the reader
        return _unread(draft)


def _unread(draft: Draft) -> Finding:
    return Finding(
        tier=Tier.HIGH, category=cards.IN_DANGER, rule=UNREAD, matched=(), language=draft.conv.language
    )
