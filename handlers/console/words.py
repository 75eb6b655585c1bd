"""The console's own words in bokmål and English, from words.yaml beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import g

from bot.yaml_text import read_yaml

LANGUAGES = ("nb", "en")


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for key, value in tree.items():
        if set(value) <= set(LANGUAGES):
            found[prefix + key] = value
        else:
            found |= _flat(value, f"{prefix}{key}.")
    return found


WORDS: dict[str, dict[str, str]] = _flat(
    read_yaml(Path(__file__).with_name("words.yaml").read_text("utf-8"), "words.yaml").data
)


def say(key: str, language: str, **blanks: object) -> str:
    """The words under `key`, with their blanks filled. Raises KeyError for an unknown key."""
    text = WORDS[key]["en" if language == "en" else "nb"]
    return text.format(**blanks) if blanks else text


def known(group: str, code: str | None, otherwise: str = "other") -> str:
    """The key `group.code` if we have words for it, else `group.other`."""
    return f"{group}.{code}" if f"{group}.{code}" in WORDS else f"{group}.{otherwise}"


def language() -> str:
    """The language of this request's page."""
    return str(g.get("language", "nb"))


def t(key: str, **blanks: object) -> str:
    """The words under `key` in this request's language."""
    return say(key, language(), **blanks)
