"""What a line of a rehearsal means: the key of a text, a step of a flow, or words; and which key a message has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.fill import placeholders
from bot.services import NBSP
from bot.settings import Words
from bot.yaml_text import near

if TYPE_CHECKING:
    from bot.content import Content

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_PLACEHOLDER = re.compile(r"\\\{[^{}]*\\\}")
_TELLING = ("next_open", "ahead")
_OTHERWISE = "otherwise"
_SHOWN = 60  # characters of a message that has no key


def words_of(content: Content, key: str) -> Words | None:
    """The wording under `queue.first`, of the step `menu.choose`, or `menu.choose.otherwise`."""
    if key in content.texts.words:
        return content.texts.words[key]
    flow, step, *rest = (*key.split("."), "")
    found = content.flows[flow].steps.get(step) if flow in content.flows else None
    if found is None:
        return None
    if rest[:1] == [_OTHERWISE]:
        return found.otherwise.say
    return found.say if rest == [""] else None


def mistake(content: Content, item: str) -> str | None:
    """Why this cannot be the key that it looks like; None when it is one, or plain words."""
    if not _KEY.fullmatch(item) or words_of(content, item) is not None:
        return None
    sections = {key.split(".")[0] for key in content.texts.words} | set(content.flows)
    hint = near(item, keys(content))
    if item.split(".", maxsplit=1)[0] not in sections and not hint:
        return None
    return f"there is no text or step {item!r}{hint}"


def keys(content: Content) -> Iterator[str]:
    """Every key that may be expected."""
    yield from (key for key in content.texts.words if not key.endswith("_button"))
    for flow in content.flows.values():
        for name, step in flow.steps.items():
            if step.say:
                yield f"{flow.flow}.{name}"
            if step.otherwise.say:
                yield f"{flow.flow}.{name}.{_OTHERWISE}"


def is_said(content: Content, item: str, text: str, language: str) -> bool:
    """Whether the message holds the text of this key in the language, or these words whatever their case."""
    words = words_of(content, item) if _KEY.fullmatch(item) else None
    if words is not None:
        return _pattern(words.in_(language)).search(text) is not None
    return _plain(item) in _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def filled_in(content: Content, key: str, text: str, language: str) -> list[str]:
    """What a message must say beside its key: when we open, the place in the queue, and a card's first number."""
    words = words_of(content, key)
    if words is None:
        return []
    wording = words.in_(language)
    pattern = re.escape(wording)
    for field in _TELLING:
        pattern = pattern.replace(re.escape(f"{{{field}}}"), "(.+?)", 1)
    match = re.search(_PLACEHOLDER.sub(".+?", pattern), text, re.DOTALL)
    found = list(match.groups()) if match else []
    if key.startswith("card."):
        numbers = content.services.numbers
        found += [numbers[name].replace(NBSP, " ") for name in placeholders(wording) if name in numbers][:1]
    return found


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    """The text with anything in place of what is filled in."""
    return re.compile(_PLACEHOLDER.sub(".+?", re.escape(text)), re.DOTALL)


def name_of(content: Content, text: str, language: str) -> str:
    """The key that explains most of a message, else its first words."""
    best, length = "", 0
    for key in keys(content):
        words = words_of(content, key)
        wording = words.in_(language) if words else ""
        if len(wording) > length and _pattern(wording).search(text):
            best, length = key, len(wording)
    return best or text.strip().splitlines()[0][:_SHOWN].rstrip()
