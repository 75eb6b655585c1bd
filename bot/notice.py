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


def give(draft: Draft, *choices: Choice, language: str | None = None) -> None:
    """Say the notice, unless it has been given: what the welcome flow says first, without its question.

    Quick replies vanish with the next message, so it carries on the `choices` of the message before it.
    """
    if draft.conv.notice_at is None:
        say(draft, *choices, language=language)
        passed(draft)


def say(draft: Draft, *choices: Choice, language: str | None = None) -> None:
    """Say it, given or not."""
    said = run.start(draft.content, WELCOME, facts(draft, language), draft.now).says
    if said:
        draft.say_text(Purpose.NOTICE, said[0].text, *choices)


def passed(draft: Draft) -> None:
    """The notice is being given. Who does not go on after it is forgotten a day after the next opening."""
    draft.change(notice_at=draft.now)
    draft.do(SetTimer(name="consent", due_at=draft.next_opening + NO_CONSENT))
