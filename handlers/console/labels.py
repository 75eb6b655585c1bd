"""What a student chose, in the flow's own words: flows keep the id of a choice, people read its title."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.content import Content


def answer_label(content: Content, name: str, value: str, language: str) -> str:
    """The title of the choice `value` at a step that saves under `name`; `value` itself if there is none."""
    for flow in content.flows.values():
        for step in flow.steps.values():
            choice = step.choice(value) if step.save == name else None
            if choice is not None:
                return choice.title(language)
    return value


def choices(content: Content, name: str, language: str) -> list[tuple[str, str]]:
    """Every choice that a flow saves under `name`, id and title, each id once."""
    found: dict[str, str] = {}
    for flow in content.flows.values():
        for step in flow.steps.values():
            if step.save == name:
                for choice in step.choices:
                    found.setdefault(choice.id, choice.title(language))
    return list(found.items())
