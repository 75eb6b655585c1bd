"""One event in; a new conversation and the effects out. Pure: the same input gives the same turn.

The order is the product's promise: danger is read before anything else, in every state; then the words
that always work; then people have the conversation, or the flow does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot import commands, danger, elsewhere, handoff, talk, timers
from bot import language as languages
from bot.conversation import Conversation, Said, Status, Stopped
from bot.draft import Draft, World
from bot.effects import (
    AddEntry,
    EditEntry,
    MarkCard,
    MarkDelivered,
    MarkReaction,
    MarkRead,
    Turn,
    WithdrawEntry,
)
from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    ControlChanged,
    EchoReceived,
    Event,
    MessageEdited,
    MessagesDelivered,
    MessagesRead,
    MessageWithdrawn,
    ReactionChanged,
    ReferralReceived,
    SendSettled,
    TextReceived,
    TimerDue,
)
from bot.messages import Purpose

if TYPE_CHECKING:
    from bot.content import Content

KEPT_TEXTS = 10
AGAIN_AFTER = timedelta(hours=12)  # a second, short closed reply within one closed stretch


def decide(conv: Conversation, event: Event, content: Content, world: World, now: datetime) -> Turn:
    """What this event leads to. `now` is aware UTC; `event.sent_at` may be much earlier."""
    draft = Draft(conv, content, world, now)
    match event:
        case TextReceived():
            _note_inbound(draft, event)
            _words(draft, event)
        case ChoiceTapped():
            _note_inbound(draft, event)
            _tapped(draft, event)
        case AttachmentReceived():
            _note_inbound(draft, event)
            _attachment(draft, event)
        case MessageEdited():
            _edited(draft, event)
        case MessageWithdrawn():
            _withdrawn(draft, event)
        case ReactionChanged():
            _note_inbound(draft, event)  # a reaction opens the messaging window too
            draft.do(MarkReaction(mid=event.mid, reaction=event.reaction, added=event.added))
        case MessagesDelivered():
            draft.do(MarkDelivered(watermark=event.watermark))
        case MessagesRead():
            draft.do(MarkRead(watermark=event.watermark))
        case EchoReceived():
            elsewhere.echo(draft, event)
        case ControlChanged():
            elsewhere.control(draft, event)
        case ReferralReceived():
            _note_inbound(draft, event)
            if draft.conv.flow is None and not draft.conv.has_people and not elsewhere.is_silent(draft):
                _from_closed(draft)
                talk.begin(draft)
        case TimerDue():
            timers.due(draft, event.name)
        case SendSettled():
            _settled(draft, event)
        case _:
            pass  # opt-ins, account links, ratings, unreadable items: counted at the door, nothing to say
    return draft.turn()


# What the contact did.


def _note_inbound(
    draft: Draft, event: TextReceived | ChoiceTapped | AttachmentReceived | ReactionChanged | ReferralReceived
) -> None:
    """The messaging window counts from when it was sent; going on after the notice is consent."""
    last = draft.conv.last_inbound_at
    draft.change(last_inbound_at=max(last, event.sent_at) if last else event.sent_at)
    if draft.conv.notice_at and not draft.conv.continued_at and event.sent_at >= draft.conv.notice_at:
        draft.change(continued_at=draft.now)


def _remember(draft: Draft, mid: str, text: str) -> None:
    said = Said(at=draft.now, mid=mid, text=text)
    others = [s for s in draft.conv.recent if s.mid != mid]
    draft.change(recent=(*others, said)[-KEPT_TEXTS:])
    if draft.conv.language is None:  # recognised, not chosen: the words NORSK and ENGLISH still decide
        draft.change(language=languages.guess(text))


def _words(draft: Draft, event: TextReceived) -> None:
    """Words, typed. Danger first, in every state."""
    draft.do(
        AddEntry(
            written_by="contact",
            kind="text",
            mid=event.mid,
            at=event.sent_at,
            text=event.text,
            reply_to=event.reply_to,
        )
    )
    if _is_danger(draft, event, event.text):
        return
    word = commands.named(event.text, None)
    if word is not None:
        commands.obey(draft, word, mid=event.mid)
        return
    answer = commands.asked(draft, event.text, None)
    if answer is not None and not elsewhere.is_silent(draft):
        commands.settle(draft, *answer, mid=event.mid)
        return
    _go_on(draft, event.text, None)


def _is_danger(draft: Draft, event: TextReceived | AttachmentReceived | MessageEdited, text: str) -> bool:
    """Read words for danger and deal with it; False when there is none. A finding ends the event's way."""
    finding = danger.read(draft, text, event.mid)
    _remember(draft, event.mid, text)
    if event.standby:
        elsewhere.overheard(draft)
    if finding is not None:
        danger.hit(draft, finding, mid=event.mid, text=text)
    return finding is not None


def _tapped(draft: Draft, event: ChoiceTapped) -> None:
    draft.do(AddEntry(written_by="contact", kind="choice", mid=event.mid, at=event.sent_at, text=event.title))
    if event.standby:
        elsewhere.overheard(draft)
    payload = event.payload
    if payload is None:  # another app's button: its title is all we know, so read it as words
        finding = danger.read(draft, event.title, event.mid)
        if finding is not None:
            danger.hit(draft, finding, mid=event.mid, text=event.title)
            return
    word = commands.named(None if payload is not None else event.title, payload)
    if word is not None:
        commands.obey(draft, word, mid=event.mid)
        return
    answer = commands.asked(draft, event.title, payload)
    if answer is not None:
        commands.settle(draft, *answer, mid=event.mid)
        return
    _go_on(draft, event.title or None, payload)


def _attachment(draft: Draft, event: AttachmentReceived) -> None:
    """We open nothing. A caption is read like any text; the rest is asked for in words."""
    draft.do(
        AddEntry(
            written_by="contact",
            kind="attachment",
            mid=event.mid,
            at=event.sent_at,
            text=event.text,
            detail=",".join(event.kinds),
        )
    )
    if event.standby:
        elsewhere.overheard(draft)
    if event.text and _is_danger(draft, event, event.text):
        return
    if elsewhere.is_silent(draft) or draft.conv.status is Status.CLAIMED:
        _people_have_it(draft)
        return
    draft.change(stopped=Stopped.NO if draft.conv.stopped is Stopped.STOP else draft.conv.stopped)
    if danger.waits_in_danger(draft):
        danger.break_silence(draft)
        return
    _from_closed(draft)
    draft.say(Purpose.ANSWER, "media.like" if set(event.kinds) <= {"like", "sticker"} else "media.unreadable")
    if draft.conv.flow is not None:
        talk.ask_again(draft)
    elif not draft.conv.has_people:
        talk.begin(draft)


def _edited(draft: Draft, event: MessageEdited) -> None:
    """An edit is read for danger again, and shown; the earlier wording is not kept."""
    draft.do(EditEntry(mid=event.mid, text=event.text, number=event.number, at=draft.now))
    _is_danger(draft, event, event.text)


def _withdrawn(draft: Draft, event: MessageWithdrawn) -> None:
    draft.change(recent=tuple(s for s in draft.conv.recent if s.mid != event.mid))
    draft.do(WithdrawEntry(mid=event.mid, at=draft.now))


# Who has the conversation now.


def _go_on(draft: Draft, text: str | None, payload: str | None) -> None:
    """No danger, no word that always works, no question of the bot's own: people have it, or the flow."""
    if elsewhere.is_silent(draft) or draft.conv.status is Status.CLAIMED:
        _people_have_it(draft)
        return
    if draft.conv.stopped is Stopped.STOP:
        draft.change(stopped=Stopped.NO)  # STOP holds until they write again
    if draft.conv.status is Status.WAITING and draft.conv.flow is None and payload is None:
        _while_waiting(draft)
        return
    _from_closed(draft)
    if draft.conv.flow is None and payload is None:
        talk.begin(draft)
    else:
        talk.answer(draft, text, payload) if draft.conv.flow else _old_button(draft, payload)


def _old_button(draft: Draft, payload: str | None) -> None:
    """Buttons never expire in the thread: one of an earlier conversation leads to the menu."""
    if draft.conv.has_people:
        handoff.say_place(draft)
    else:
        talk.begin(draft, talk.MENU if draft.conv.notice_at else None)


def _people_have_it(draft: Draft) -> None:
    if draft.conv.status is Status.CLAIMED:
        handoff.student_wrote(draft)
    if elsewhere.is_silent(draft):
        elsewhere.student_wrote(draft)
    if danger.waits_in_danger(draft):
        danger.break_silence(draft)


def _while_waiting(draft: Draft) -> None:
    """They write while they wait: kept for the supporter. In danger nobody meets silence; nobody is flooded."""
    if danger.waits_in_danger(draft):
        danger.break_silence(draft)
        return
    _from_closed(draft)
    handoff.wait_on(draft)


def _from_closed(draft: Draft) -> None:
    """Outside the hours: one reply a closed stretch, and a short one again after twelve hours more.

    It comes before whatever the flow says, because quick replies vanish with the next message.
    """
    if draft.in_hours or draft.conv.stopped is Stopped.PAUSE:
        return
    opening = draft.next_opening
    last = draft.conv.closed_reply_at
    if draft.conv.closed_reply_for != opening:
        draft.say(Purpose.CLOSED, f"closed.reply_{draft.promise}", next_open=draft.next_open_words)
    elif last is not None and draft.now - last >= AGAIN_AFTER:
        draft.say(Purpose.CLOSED, "closed.short", next_open=draft.next_open_words)
    else:
        return
    draft.change(closed_reply_at=draft.now, closed_reply_for=opening)


# What became of what we said.


def _settled(draft: Draft, event: SendSettled) -> None:
    conv = draft.conv
    if conv.erasing and event.purpose == Purpose.GOODBYE:
        handoff.erased(draft)
    elif event.purpose == Purpose.CARD:
        outcome = {"sent": "sent", "unknown": "unknown"}.get(event.outcome, "failed")
        draft.do(MarkCard(outcome=outcome))  # type: ignore[arg-type]
    elif event.outcome == "lapsed" and not elsewhere.is_silent(draft) and conv.stopped is Stopped.NO:
        _rebuild(draft, event.purpose)


def _rebuild(draft: Draft, purpose: str) -> None:
    """A text came too late to be true. Say what is true now, if it is still this conversation's turn."""
    if purpose == Purpose.CLOSED:
        draft.change(closed_reply_for=None)
        _from_closed(draft)
    elif purpose in (Purpose.FLOW, Purpose.NOTICE) and draft.conv.flow is not None:
        talk.ask_again(draft)
    elif purpose == Purpose.QUEUE and draft.conv.status is Status.WAITING:
        handoff.say_place(draft)
