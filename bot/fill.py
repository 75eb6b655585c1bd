"""Filling `{placeholders}` into wording, and measuring wording the way the channel does."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from bot.settings import Words
from bot.yaml_text import near

LANGUAGES = ("nb", "en")
MAX_TEXT = 1900  # UTF-16 units; the channel takes 2000, the rest is slack
MAX_TITLE = 20  # quick replies are cut off beyond that
PAGE_FIELDS = frozenset({"page_name", "privacy_url", "contact_email"})

# A value, one per language, or a function of the language.
Field = str | Words | Callable[[str], str]
Fields = Mapping[str, Field]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_DIGITS = re.compile(r"(?<![\d.,/-])\d(?:[ \u00a0]?\d){2,}(?![.,/-]?\d)")
_DIGIT = re.compile(r"\d")
_ADDRESS = re.compile(r"https?://\S+|\S+@\S+")

# The longest value that may stand in place of a field, for the check of lengths.
LONGEST: Mapping[str, int] = {
    "next_open": 40,
    "hours": 160,
    "ahead": 3,
    "alias": 40,
    "code": 40,
    "page_name": 75,
    "privacy_url": 200,
    "contact_email": 100,
    "note": 300,
}


def fill(text: str, language: str, fields: Fields) -> str:
    """The text with every `{name}` replaced. Raises KeyError for a name without a value."""
    return _PLACEHOLDER.sub(lambda match: value_in(fields[match[1]], language), text)


def value_in(value: Field, language: str) -> str:
    """The field's value in one language."""
    if isinstance(value, str):
        return value
    return value.in_(language) if isinstance(value, Words) else value(language)


def in_languages(language: str | None, say: Callable[[str], str]) -> str:
    """`say` in the language, or in both, bokmål first, while it is not known."""
    if language in LANGUAGES:
        return say(language)
    return "\n\n".join(dict.fromkeys(say(each) for each in LANGUAGES))


def placeholders(text: str) -> list[str]:
    """Names in braces, in order."""
    return _PLACEHOLDER.findall(text) if "{" in text else []


def units(text: str) -> int:
    """Length in UTF-16 units, as the channel counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def longest(text: str, numbers: Mapping[str, str]) -> int:
    """The length once the longest values are filled in. `numbers`: service ids to their numbers."""
    if "{" not in text:
        return units(text)
    return units(_PLACEHOLDER.sub(lambda match: "x" * len(_longest(match[1], numbers)), text))


def _longest(name: str, numbers: Mapping[str, str]) -> str:
    return numbers.get(name) or "x" * LONGEST.get(name, 20)


def phone_numbers(text: str) -> list[str]:
    """Digits that look like a phone number and are written out. Addresses and `{...}` are left alone."""
    if not _DIGIT.search(text):
        return []
    return [match[0] for match in _DIGITS.finditer(_ADDRESS.sub(" ", _PLACEHOLDER.sub(" ", text)))]


def wording_problems(words: Words, allowed: Collection[str], numbers: Mapping[str, str]) -> list[str]:
    """What is wrong with a text in two languages, save for its length."""
    found: list[str] = []
    for language in LANGUAGES:
        text = words.in_(language)
        if not text.strip():
            found.append(f"{language} is empty")
        for name in placeholders(text):
            if name not in numbers and name not in PAGE_FIELDS and name not in allowed:
                names = {*allowed, *PAGE_FIELDS, *numbers}
                found.append(f"{language}: unknown placeholder {{{name}}}{near(name, names)}")
        rest = _PLACEHOLDER.sub("", text) if "{" in text else text
        if "{" in rest or "}" in rest:
            found.append(f"{language}: a brace without its partner")
        for digits in phone_numbers(text):
            found.append(f"{language}: write the service's id in braces instead of the number {digits}")
    different = set(placeholders(words.nb)) ^ set(placeholders(words.en))
    if different - PAGE_FIELDS:
        names_shown = ", ".join(f"{{{name}}}" for name in sorted(different - PAGE_FIELDS))
        found.append(f"nb and en differ in {names_shown}")
    return found
