"""Outside the hours: one reply a closed stretch, and a short one again after twelve hours more."""

from __future__ import annotations

from datetime import timedelta

from bot.conversation import Status, Stopped
from bot.draft import Draft
from bot.effects import SendMessage
from bot.messages import Choice, Purpose

AGAIN_AFTER = timedelta(hours=12)


def reply(draft: Draft, *choices: Choice) -> None:
    """Say that we are closed, and when we open, if it is due.

    It comes before what the flow says, and carries on the `choices` of what was said before it, because
    quick replies vanish with the next message.
    """
    conv = draft.conv
    if draft.in_hours or conv.status is Status.CLAIMED or conv.stopped is Stopped.PAUSE:
        return
    if conv.closed_reply_for != draft.next_opening:
        key = f"closed.reply_{draft.promise}"
    elif conv.closed_reply_at is not None and draft.now - conv.closed_reply_at >= AGAIN_AFTER:
        key = "closed.short"
    else:
        return
    if draft.say(Purpose.CLOSED, key, *choices, next_open=draft.next_open_words):
        told(draft)


def told(draft: Draft) -> None:
    """What was just said counts as the closed reply, if we are closed."""
    if not draft.in_hours:
        draft.change(closed_reply_at=draft.now, closed_reply_for=draft.next_opening)


def said_now(draft: Draft) -> bool:
    """Whether this very turn says it."""
    return any(isinstance(e, SendMessage) and e.message.purpose is Purpose.CLOSED for e in draft.effects)
