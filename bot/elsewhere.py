"""Sharing the thread with Meta's own inbox: when somebody answers there, the bot is silent here.

Silence ends with "give back", or when the student writes after twelve hours or after the next opening,
whichever is first. A student's message there that nobody answers for a while comes back to the queue.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot import handoff, queue
from bot.conversation import Status, Stopped
from bot.draft import ROUTINE, Draft
from bot.effects import AddEntry, CancelTimers, ConfirmSend, DropPending, Record, SetTimer, TellStaff
from bot.events import ControlChanged, EchoReceived
from bot.long_text import kept

SILENCE = timedelta(hours=12)


def echo(draft: Draft, event: EchoReceived) -> None:
    """The Page said something. Ours: it confirms the send. Not ours: a person is in the thread."""
    if event.outbox_id is not None or event.known or event.app == "us":
        draft.do(ConfirmSend(outbox_id=event.outbox_id, mid=event.mid))
        return
    draft.do(
        AddEntry(
            written_by="inbox",
            kind="attachment" if event.kinds and not event.text else "text",
            mid=event.mid,
            at=draft.now,
            text=kept(event.text) if event.text else None,
            detail=",".join(event.kinds) or None,
        ),
        Record(action="answered_elsewhere", by=None),
    )
    conv = draft.conv
    if conv.has_people and conv.handoff and conv.handoff.answered_at is None:
        draft.change(handoff=replace(conv.handoff, answered_at=draft.now))
    handoff.drop_questions(draft)
    _be_silent(draft)


def control(draft: Draft, event: ControlChanged) -> None:
    """Thread control passed, taken or asked for."""
    if event.action == "roles":
        return
    if event.action == "requested":
        if event.owner != "us":  # we never hold on to a thread that a person asks for
            draft.do(TellStaff(incident="thread_requested"))
            _be_silent(draft)
        return
    if event.owner in ("us", "nobody"):
        queue.speak_again(draft)
    else:
        _be_silent(draft)
    draft.do(Record(action=f"control_{event.action}", by=None, detail=event.owner))


def overheard(draft: Draft) -> None:
    """The event came as standby: another app owns the thread."""
    if draft.conv.elsewhere_since is None:
        _be_silent(draft)


def is_silent(draft: Draft) -> bool:
    """Whether the bot keeps quiet for Meta's inbox now. Ends by itself, see above."""
    since = draft.conv.elsewhere_since
    if since is None:
        return False
    ends_at = min(since + SILENCE, draft.content.hours.next_opening(since))
    if draft.now >= ends_at:
        queue.speak_again(draft)
        return False
    return True


def student_wrote(draft: Draft) -> None:
    """They wrote to the person there: if nobody answers, we take care of it."""
    minutes = draft.content.settings.waiting.unread_elsewhere_minutes
    draft.do(SetTimer(name="elsewhere", due_at=draft.now + timedelta(minutes=minutes)))


def unanswered(draft: Draft) -> None:
    """Nobody answered in Meta's inbox: to the queue, with the place told."""
    if draft.conv.elsewhere_since is None:
        return
    queue.speak_again(draft)
    if draft.conv.status is not Status.CLAIMED:
        queue.open_handoff(draft, quietly=draft.conv.stopped is not Stopped.NO)


def _be_silent(draft: Draft) -> None:
    draft.change(elsewhere_since=draft.now, flow=None, asked=None, asked_at=None)
    draft.do(
        DropPending(purposes=ROUTINE),
        CancelTimers(names=frozenset({"elsewhere", "flow", "wait:1", "wait:2"})),
    )
