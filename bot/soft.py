"""The soft question, when something sounded heavy: asked once, read together with its answer, never alone."""

from __future__ import annotations

from dataclasses import replace

from bot import closed, notice, silence
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.messages import Purpose
from bot.queue import set_soft_timer

# About these letters it asks for danger to anybody, not for thoughts of suicide.
_DANGER_FROM_OTHERS = frozenset("EFGHILMN")


def ask(draft: Draft) -> None:
    """Elevated: one soft question with the numbers in it. While a person has it, it is their hint instead."""
    danger = draft.conv.danger
    if danger is None or draft.conv.tier.rank >= Tier.HIGH.rank:
        silence.break_silence(draft)
    elif draft.conv.status is Status.CLAIMED or draft.conv.elsewhere_since is not None:
        draft.change(danger=replace(danger, soft_owed=True))
    elif silence.is_recent(draft, danger.soft_at) and not danger.soft_owed:
        _thank(draft)
    else:
        _put(draft)


def is_owed(draft: Draft) -> bool:
    """Whether something sounded heavy while somebody else spoke with them, and they are still to be asked."""
    danger = draft.conv.danger
    return danger is not None and danger.soft_owed and draft.conv.tier.rank < Tier.HIGH.rank


def take_up(draft: Draft) -> None:
    """Nobody has them any more, and they wait: ask what is still to be asked, or let the silence count."""
    danger = draft.conv.danger
    if danger is None or draft.conv.status is not Status.WAITING or draft.conv.elsewhere_since is not None:
        return
    if is_owed(draft) and silence.may_push(draft):
        _put(draft)
    elif is_owed(draft) or danger.asked == "soft":
        set_soft_timer(draft)


def _put(draft: Draft) -> None:
    danger = draft.conv.danger
    assert danger is not None  # noqa: S101 - both who ask have seen it
    draft.drop_routine(but=Purpose.CLOSED)
    shown = replace(danger, asked="soft", soft_at=draft.now, soft_owed=False, line_at=None)
    draft.change(flow=None, asked=None, asked_at=None, danger=shown)  # the buttons depend on it
    if not say_question(draft):
        draft.change(danger=replace(danger, soft_owed=True))  # too late for the channel: their next message
    choices = silence.choices(draft, draft.conv.language)
    notice.give(draft, *choices, short=True)
    closed.reply(draft, *choices)
    set_soft_timer(draft)


def say_question(draft: Draft) -> bool:
    """Ask it, as the kind of danger needs."""
    return silence.say(draft, "soft.danger" if is_from_others(draft) else "soft.question")


def heard(draft: Draft) -> bool:
    """They wrote something else than an answer to the soft question: one line, and it stays open.

    False: no soft question is open, or the line was said a moment ago.
    """
    danger = draft.conv.danger
    return danger is not None and danger.asked == "soft" and _thank(draft)


def _thank(draft: Draft) -> bool:
    """One line for one more heavy word. False: it was said a moment ago."""
    danger = draft.conv.danger
    if danger is None or silence.is_recent(draft, danger.line_at):
        return False
    said = silence.say(draft, "soft.heard")
    if said:
        draft.change(danger=replace(danger, line_at=draft.now))
    return said


def is_from_others(draft: Draft) -> bool:
    """Whether it is danger of another kind than from themselves."""
    danger = draft.conv.danger
    return danger is not None and danger.category[:1] in _DANGER_FROM_OTHERS
