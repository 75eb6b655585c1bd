"""What happens when nothing happens: each timer's name and what it does when it comes due."""

from __future__ import annotations

from dataclasses import replace

from bot import closed, danger, elsewhere, erasure, handoff, queue, silence, talk
from bot.answers import QUESTIONS
from bot.conversation import Status, Stopped, Tier
from bot.draft import Draft
from bot.effects import AddEntry, ForgetWords, Record
from bot.messages import Purpose

DISTURBING = frozenset({"wait:1", "wait:2", "closing", "idle", "close", "flow"})  # rest while PAUSE holds


def due(draft: Draft, name: str) -> None:
    """The timer `name` is due. One that no longer fits does nothing."""
    if draft.conv.stopped is Stopped.PAUSE and name in DISTURBING:
        return
    match name:
        case "wait:1" | "wait:2":
            _still_waiting(draft)
        case "closing":
            _at_closing(draft)
        case "idle":
            _idle(draft)
        case "park":
            _park(draft)
        case "close":
            _close(draft)
        case "flow":
            if draft.may_disturb:
                talk.silence(draft)
        case "soft":
            _no_soft_answer(draft)
        case "elsewhere":
            elsewhere.unanswered(draft)
        case "consent":
            _no_consent(draft)
        case "erase":
            erasure.erased(draft)


def _still_waiting(draft: Draft) -> None:
    """Ask whether it is ok to wait more: only people who wait for people who are there."""
    if draft.conv.status is not Status.WAITING or draft.conv.tier is not Tier.NONE:
        return
    if not draft.may_disturb or not draft.in_hours:
        return
    draft.change(asked="wait", asked_at=draft.now)
    choices = [draft.choice(key, f"b:wait:{answer}") for answer, key in QUESTIONS["wait"].items()]
    draft.say(Purpose.QUEUE, "queue.wait_question", *choices)


def _at_closing(draft: Draft) -> None:
    """The evening's last minute: whoever still waits is told once. Running talks may run on."""
    if draft.conv.status is not Status.WAITING:
        return
    queue.set_closing_timer(draft)
    if draft.in_hours or not draft.may_disturb or draft.conv.closed_reply_for == draft.next_opening:
        return
    if not silence.may_push(draft):
        return
    draft.change(asked=None, asked_at=None)
    if silence.waits_in_danger(draft):
        said = silence.say_line(draft)
    else:
        said = draft.say(
            Purpose.CLOSED,
            f"closed.at_closing_{draft.promise}",
            *silence.choices(draft, draft.conv.language),
            next_open=draft.next_open_words,
        )
    if said:
        closed.told(draft)


def _idle(draft: Draft) -> None:
    if draft.conv.status is not Status.CLAIMED or draft.conv.tier is not Tier.NONE or not draft.may_disturb:
        return
    draft.change(asked="idle", asked_at=draft.now)
    choices = [draft.choice(key, f"b:idle:{answer}") for answer, key in QUESTIONS["idle"].items()]
    draft.say(Purpose.QUEUE, "idle.question", *choices)


def _park(draft: Draft) -> None:
    """Two hours' silence: it no longer fills the supporter's hands, and keeps its place."""
    conv = draft.conv
    if (
        conv.status is Status.CLAIMED
        and conv.tier is Tier.NONE
        and conv.handoff
        and not conv.handoff.parked_at
    ):
        draft.change(handoff=replace(conv.handoff, parked_at=draft.now))
        draft.do(
            AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail="parked"),
            Record(action="parked", by=None),
        )


def _close(draft: Draft) -> None:
    """A day's silence closes an ordinary conversation, with a goodbye if the channel still allows one."""
    if not draft.conv.has_people or draft.conv.tier is not Tier.NONE:
        return
    handoff.close(draft, None, "left_during" if draft.conv.status is Status.CLAIMED else "left_before")
    if draft.conv.stopped is Stopped.NO and not draft.conv.may_be_unsafe:
        draft.say(Purpose.GOODBYE, "goodbye.idle")


def _no_consent(draft: Draft) -> None:
    """They read the notice, or not, and did not go on: what they wrote before it is not ours to keep.

    A sign of danger is: it stays as long as everything else that people must be able to read.
    """
    if draft.conv.continued_at is None and draft.conv.danger is None and not draft.conv.has_people:
        draft.change(recent=(), answers={})
        draft.do(ForgetWords(), Record(action="forgotten", by=None, detail="no_consent"))


def _no_soft_answer(draft: Draft) -> None:
    """Ten minutes' silence after the soft question counts as "not sure"; nothing is said to the student.

    A typed answer that comes later is one, as long as nothing else was asked.
    """
    waits = draft.conv.danger
    if waits is None or not draft.conv.has_people or not (waits.asked == "soft" or waits.soft_owed):
        return
    asked = "soft_over" if waits.asked == "soft" else waits.asked
    draft.change(danger=replace(waits, asked=asked, soft_owed=False))
    if draft.conv.tier.rank < Tier.HIGH.rank:
        danger.raise_quietly(draft, "answer:soft_silence")
