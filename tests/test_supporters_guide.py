"""docs/supporters.md and its Norwegian twin name the console's buttons as the console does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handlers.console.words import WORDS

DOCS = Path(__file__).parent.parent / "docs"
KEYS = {"Enter", "Shift+Enter"}
GUIDES = {"en": "supporters.md", "nb": "supporters.nb.md"}


def named(language):
    """What stands between single asterisks: the names of buttons and pages."""
    text = (DOCS / GUIDES[language]).read_text("utf-8")
    return re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text)


@pytest.mark.parametrize("language", GUIDES)
def test_every_button_named_in_the_supporters_guide_is_called_that_in_the_console(language):
    words = {words[language].strip(" .…").lower() for words in WORDS.values()}
    assert [name for name in named(language) if name not in KEYS and name.lower() not in words] == []


def test_both_supporters_guides_name_the_same_buttons_as_often():
    places = {}
    for language in GUIDES:
        places[language] = [len(named_in) for named_in in sections(language)]
    assert places["en"] == places["nb"]


def sections(language):
    """The names of each paragraph, so that a paragraph missing in one language shows where."""
    text = (DOCS / GUIDES[language]).read_text("utf-8")
    bodies = [body for body in text.split("\n\n") if not re.match(r"\[(English|Norsk)\]", body)]
    return [re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", body) for body in bodies]
