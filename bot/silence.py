"""Nobody flagged high or critical is left in silence until a person answers: one short line, now and then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot import cards
from bot.conversation import Tier
from bot.draft import Draft
from bot.effects import SendMessage
from bot.messages import BotMessage, Choice, Purpose

# The safety questions: each answer's button title. `call` and `place` belong to "I can't call".
QUESTIONS = {
    "alone": {"yes": "card.yes_button", "no": "card.no_button"},
    "near": {"yes": "card.yes_button", "no": "card.no_button"},
    "now": {"yes": "card.yes_button", "no": "card.no_button"},
    "friend": {"yes": "card.yes_button", "no": "card.no_button"},
    "soft": {"yes": "soft.yes_button", "no": "soft.no_button", "unsure": "soft.unsure_button"},
    "call": {"cannot": "card.cannot_button"},
}


def waits_in_danger(draft: Draft) -> bool:
    """High or critical, and no person has answered in this handoff yet."""
    handoff = draft.conv.handoff
    return bool(
        draft.conv.has_people
        and handoff
        and handoff.tier.rank >= Tier.HIGH.rank
        and handoff.answered_at is None
    )


def break_silence(draft: Draft) -> None:
    """One short line (numbers, who reads and when), at most every ten minutes, until a person answers."""
    danger = draft.conv.danger
    if danger and danger.card_owed and waits_in_danger(draft):
        return  # it comes instead: see `danger.give_owed_card`
    if waits_in_danger(draft) and not is_recent(draft, danger.line_at if danger else None):
        say_line(draft)


def say_line(draft: Draft) -> bool:
    """The short line, with the buttons of the question that waits."""
    said = say(draft, f"card.line_{here(draft)}")
    if said and draft.conv.danger:
        draft.change(danger=replace(draft.conv.danger, line_at=draft.now))
    return said


def here(draft: Draft) -> str:
    """Who reads now, as the texts' keys end: open, nobody, closed_contact, closed."""
    if draft.is_open:
        return "open"
    if draft.in_hours:
        return "nobody"
    return "closed_contact" if draft.somebody_is_told else "closed"


def say(draft: Draft, key: str, *, purpose: Purpose = Purpose.SAFETY) -> bool:
    """A text about their safety, with the number for their danger and the buttons of the question that waits.

    It opens neutrally where somebody else may see the screen.
    """
    conv, category = draft.conv, _category(draft)
    fields: dict[str, Callable[[str], str]] = {
        "number": lambda _: cards.danger_number(draft, category or ""),
        "next_open": draft.next_open_words,
    }
    text = draft.text(key, conv.language, **fields)
    if conv.has_people and cards.is_discreet(category):
        text = draft.text("card.neutral", conv.language) + "\n" + text
    return draft.say_text(purpose, text, *choices(draft, conv.language))


def may_push(draft: Draft) -> bool:
    """Whether something about their danger may come unasked. Where a screen may be watched: only if they said so."""
    if not draft.may_disturb:
        return False
    return draft.conv.safe_to_message is True or not cards.says_nothing_unasked(_category(draft))


def _category(draft: Draft) -> str | None:
    conv = draft.conv
    if conv.danger:
        return conv.danger.category
    return conv.handoff.category if conv.handoff and conv.has_people else None


def choices(draft: Draft, language: str | None) -> tuple[Choice, ...]:
    """The buttons of the safety question that waits, if one does, and the one for those who cannot call."""
    danger = draft.conv.danger
    if danger is None:
        return ()
    found = [
        draft.choice(key, f"b:{danger.asked}:{answer}", language)
        for answer, key in QUESTIONS.get(danger.asked or "", {}).items()
    ]
    may_call = (
        cards.card_for(danger.category, danger.tier).cannot_call and draft.conv.tier.rank >= Tier.HIGH.rank
    )
    if may_call and danger.card_at and danger.asked != "place":
        found.append(draft.choice("card.cannot_button", "b:call:cannot", language))
    return tuple(found)


def something_was_said(draft: Draft) -> bool:
    """Whether this very turn says anything."""
    return any(isinstance(e, SendMessage) and isinstance(e.message, BotMessage) for e in draft.effects)


def is_recent(draft: Draft, at: datetime | None) -> bool:
    """Less than ten minutes ago."""
    minutes = draft.content.settings.waiting.quiet_danger_minutes
    return at is not None and draft.now - at < timedelta(minutes=minutes)
