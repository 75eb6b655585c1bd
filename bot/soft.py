"""The soft question, when something sounded heavy: asked once, read together with its answer, never alone."""

from __future__ import annotations

from dataclasses import replace

from bot import closed, elsewhere, notice, silence
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.messages import Purpose
from bot.queue import set_soft_timer

# About these letters it asks for danger to anybody, not for thoughts of suicide.
_DANGER_FROM_OTHERS = frozenset("EFGHILMN")


def ask(draft: Draft) -> None:
    """Elevated: one soft question with the numbers in it. While a person has it, it is their hint instead."""
    danger = draft.conv.danger
    has_person = draft.conv.status is Status.CLAIMED or elsewhere.is_silent(draft)
    if danger is None or has_person or draft.conv.tier.rank >= Tier.HIGH.rank:
        silence.break_silence(draft)
        return
    if silence.is_recent(draft, danger.soft_at):
        heard(draft)
        return
    draft.drop_routine(but=Purpose.CLOSED)
    danger = replace(danger, asked="soft", soft_at=draft.now, line_at=None)
    draft.change(flow=None, asked=None, asked_at=None, danger=danger)
    say_question(draft)
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
    if danger is None or danger.asked != "soft" or silence.is_recent(draft, danger.line_at):
        return False
    draft.change(danger=replace(danger, line_at=draft.now))
    return silence.say(draft, "soft.heard")


def is_from_others(draft: Draft) -> bool:
    """Whether it is danger of another kind than from themselves."""
    danger = draft.conv.danger
    return danger is not None and danger.category[:1] in _DANGER_FROM_OTHERS
