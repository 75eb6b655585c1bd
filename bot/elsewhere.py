"""Sharing the thread with Meta's own inbox: when somebody answers there, the bot is silent here.

Silence ends with "give back", or when the student writes after twelve hours or after the next opening,
whichever is first. A student's message there that nobody answers for a while comes back to the queue.

Who spoke there cannot be told: a person, or an app that answers by itself. So for somebody in danger an echo is no
answer: it keeps the bot quiet for that while (see `silence`), and takes back no question about their safety.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot import queue, silence, soft
from bot.conversation import Status, Tier
from bot.draft import ROUTINE, Draft
from bot.effects import AddEntry, CancelTimers, ConfirmSend, DropPending, Record, SetTimer, TellStaff
from bot.events import ControlChanged, EchoReceived
from bot.long_text import kept

SILENCE = timedelta(hours=12)


def echo(draft: Draft, event: EchoReceived) -> None:
    """The Page said something. Ours: it confirms the send. Not ours: somebody else is in the thread."""
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
    danger = draft.conv.danger
    if danger is not None and danger.echo_at is None:
        draft.change(danger=replace(danger, echo_at=draft.now))
    _be_silent(draft)
    _nobody_waits(draft)


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
        soft.take_up(draft)
    else:
        _be_silent(draft)
    draft.do(Record(action=f"control_{event.action}", by=None, detail=event.owner))


def student_is_here(draft: Draft, *, standby: bool) -> None:
    """They do something: as standby, another app owns the thread. An old silence ends by itself, see above."""
    if standby and draft.conv.elsewhere_since is None:
        _be_silent(draft)
    since = draft.conv.elsewhere_since
    if since and draft.now >= min(since + SILENCE, draft.content.hours.next_opening(since)):
        queue.speak_again(draft)


def student_wrote(draft: Draft) -> None:
    """They wrote to the person there, if one is: if nobody answers, we take care of it.

    It counts from the first message that nobody has answered: writing more makes nobody wait longer.
    """
    if draft.conv.elsewhere_since is None:
        return
    since = draft.conv.elsewhere_waits_since or draft.now
    draft.change(elsewhere_waits_since=since)
    draft.do(SetTimer(name="elsewhere", due_at=since + _patience(draft)))


def unanswered(draft: Draft) -> None:
    """Nobody answered in Meta's inbox: to the queue, and they are told what is so now."""
    since = draft.conv.elsewhere_waits_since
    if draft.conv.elsewhere_since is None or (since and draft.now < since + _patience(draft)):
        return
    queue.speak_again(draft)
    if draft.conv.status is not Status.CLAIMED:
        queue.open_handoff(draft, quietly=True)
    soft.take_up(draft)
    if silence.something_was_said(draft) or not silence.may_push(draft):
        return
    if silence.waits_flagged(draft):
        danger = draft.conv.danger
        said_at = [at for at in (danger.line_at, danger.card_at) if at] if danger else []
        if since is None or all(at < since for at in said_at):
            silence.say_line(draft, first="card.unanswered")
    elif draft.conv.status is Status.WAITING and draft.conv.tier is Tier.NONE:
        queue.say_place(draft)


def _patience(draft: Draft) -> timedelta:
    return timedelta(minutes=draft.content.settings.waiting.unread_elsewhere_minutes)


def _be_silent(draft: Draft) -> None:
    if draft.conv.elsewhere_since is None:
        _nobody_waits(draft)
    draft.change(elsewhere_since=draft.now, flow=None, asked=None, asked_at=None)
    draft.do(DropPending(purposes=ROUTINE), CancelTimers(names=frozenset({"flow", "wait:1", "wait:2"})))


def _nobody_waits(draft: Draft) -> None:
    draft.change(elsewhere_waits_since=None)
    draft.do(CancelTimers(names=frozenset({"elsewhere"})))
