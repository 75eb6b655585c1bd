"""The confidentiality notice: once to everybody new, whatever their first words lead to."""

from __future__ import annotations

from datetime import timedelta

from bot.draft import Draft
from bot.effects import SetTimer
from bot.facts import facts
from bot.flow import run
from bot.flow.model import WELCOME
from bot.messages import Choice, Purpose

NO_CONSENT = timedelta(hours=24)


def give(draft: Draft, *choices: Choice, language: str | None = None, short: bool = False) -> None:
    """Say the notice, unless it has been given: what the welcome flow says first, without its question.

    Quick replies vanish with the next message, so it carries on the `choices` of the message before it.
    `short`: after an emergency card, whose numbers must stay in sight on a small screen.
    """
    if draft.conv.notice_at is None and say(draft, *choices, language=language, short=short):
        # Who does not go on after it is forgotten a day after the next opening.
        draft.change(notice_at=draft.now)
        draft.do(SetTimer(name="consent", due_at=draft.next_opening + NO_CONSENT))


def say(draft: Draft, *choices: Choice, language: str | None = None, short: bool = False) -> bool:
    """Say it, given or not. False: nothing may be said now."""
    if short:
        return draft.say_text(Purpose.NOTICE, draft.text("card.notice", language), *choices)
    said = run.start(draft.content, WELCOME, facts(draft, language), draft.now).says
    return bool(said) and draft.say_text(Purpose.NOTICE, said[0].text, *choices)
