"""Words in a language that nobody here reads: the numbers in both languages, once, and a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot import closed, notice
from bot import language as languages
from bot.cards import UNREADABLE
from bot.conversation import Danger, Tier
from bot.draft import Draft
from bot.effects import CancelTimers
from bot.messages import Purpose
from bot.queue import open_handoff, resume, set_waiting_timers

AGAIN_AFTER = timedelta(hours=12)
RULE = "text:no_known_language"


def met(draft: Draft, text: str) -> bool:
    """Deal with them. False: they can be read, or they have been dealt with a while ago."""
    at = draft.conv.foreign_at
    if (at is not None and draft.now - at < AGAIN_AFTER) or not languages.is_foreign(text):
        return False
    resume(draft)
    draft.change(foreign_at=draft.now, flow=None, asked=None, asked_at=None)
    draft.do(CancelTimers(names=frozenset({"flow"})))
    said = draft.say_text(Purpose.SAFETY, draft.text("foreign.line", None))
    _to_people(draft)
    known = draft.conv.danger or Danger(tier=Tier.ELEVATED, category=UNREADABLE, raised_at=draft.now)
    draft.change(danger=replace(known, line_at=draft.now if said else known.line_at))
    notice.give(draft, short=True)
    closed.reply(draft)
    return True


def _to_people(draft: Draft) -> None:
    """Nobody knows what they say: a person should see it soon."""
    handoff = draft.conv.handoff
    if not draft.conv.has_people:
        open_handoff(draft, tier=Tier.ELEVATED, category=UNREADABLE, rules=(RULE,), quietly=True)
    elif handoff is not None and handoff.tier is Tier.NONE:
        draft.change(
            handoff=replace(handoff, tier=Tier.ELEVATED, category=UNREADABLE, rules=(*handoff.rules, RULE))
        )
        set_waiting_timers(draft)
