"""Nobody flagged is left in silence: one short line, now and then. In danger until a person answers, and elevated
while they wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot import cards
from bot.conversation import LANGUAGES, Status, Tier
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
        and (draft.conv.status is Status.WAITING or handoff.answered_at is None)
    )


def waits_flagged(draft: Draft) -> bool:
    """Elevated, high or critical, and no person has them: what they write is not met with silence."""
    waits_unsure = draft.conv.status is Status.WAITING and draft.conv.tier is Tier.ELEVATED
    return waits_unsure or waits_in_danger(draft)


def break_silence(draft: Draft) -> None:
    """One short line (numbers, who reads and when), at most every ten minutes, to whoever is flagged and waits."""
    danger = draft.conv.danger
    if danger and danger.card_owed and waits_in_danger(draft):
        return  # it comes instead: see `danger.give_owed_card`
    if not waits_flagged(draft) or may_be_answered_elsewhere(draft):
        return
    if is_recent(draft, danger.line_at if danger else None):
        return
    if something_was_said(draft):
        _line_was_said(draft)
    else:
        say_line(draft)


def may_be_answered_elsewhere(draft: Draft) -> bool:
    """Somebody else speaks in the thread: a person, or an app by itself.

    In danger that keeps us quiet for a while, counted from the first time since the last sign. Elevated is asked
    about, and told, when nobody has answered there.
    """
    if draft.conv.elsewhere_since is None:
        return False
    if not waits_in_danger(draft):
        return True
    danger = draft.conv.danger
    patience = timedelta(minutes=draft.content.settings.waiting.unread_elsewhere_minutes)
    return bool(danger and danger.echo_at and draft.now - danger.echo_at < patience)


def say_line(draft: Draft, *, first: str | None = None) -> bool:
    """The short line, with the buttons of the question that waits. `first`: the text to say before it."""
    line = f"card.line_{_here(draft)}"
    said = say(draft, first, line) if first else say(draft, line)
    if said:
        _line_was_said(draft)
    return said


def _line_was_said(draft: Draft) -> None:
    if draft.conv.danger:
        draft.change(danger=replace(draft.conv.danger, line_at=draft.now))


def _here(draft: Draft) -> str:
    """Who reads now, as the texts' keys end."""
    if draft.conv.elsewhere_since is not None:
        return "elsewhere"
    if draft.is_open:
        return "open"
    if draft.in_hours:
        return "nobody"
    # Of what is elevated nobody is told: it is read when we open.
    return "closed_contact" if draft.somebody_is_told and waits_in_danger(draft) else "closed"


def say(draft: Draft, *keys: str, purpose: Purpose = Purpose.SAFETY) -> bool:
    """Texts about their safety, in one message, with the number for their danger and the buttons of the question that
    waits.

    It opens neutrally where somebody else may see the screen.
    """
    conv, category = draft.conv, _category(draft)
    fields: dict[str, Callable[[str], str]] = {
        "number": lambda _: cards.danger_number(draft, category or ""),
        "next_open": draft.next_open_words,
    }
    languages = (conv.language,) if conv.language and category != cards.UNREADABLE else LANGUAGES
    text = "\n\n".join(" ".join(draft.text(key, each, **fields) for key in keys) for each in languages)
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
