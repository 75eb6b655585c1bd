"""A finding in the reader's language. Sentences are made in English; here they are found again, and said in bokmål."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from bot.findings import instead
from bot.findings_nb import AFTER, FOREIGN, INSTEAD, SENTENCES, WORDS
from bot.yaml_text import Problem

_BLANK = re.compile(r"\{([a-z])\}")
_PLACE = re.compile(r"((?:flows/|config\.yaml|/)\S*?:\d+): (.+)", re.DOTALL)
_READ = re.compile(r"(\w+) by (\S+)")  # a sentence for danger: the tier, and by which rule
_ENTRY = re.compile(r"entry (\d+)")


def text_in(problem: Problem, language: str) -> str:
    """What is wrong."""
    return sentence_in(problem.text, language)


def instead_in(problem: Problem, language: str) -> str:
    """What to write instead."""
    return INSTEAD[problem.kind] if language == "nb" else instead(problem)


def path_in(problem: Problem, language: str) -> str:
    """The answers that lead there."""
    if language != "nb" or not problem.path:
        return problem.path
    return " > ".join(_word(each) for each in problem.path.split(" > "))


def sentence_in(said: str, language: str) -> str:
    """The sentence, with its `file:line:` if it has one; one that nobody has put into bokmål stays as it is."""
    if language != "nb":
        return said
    placed = _PLACE.fullmatch(said)
    if placed:
        return f"{placed[1]}: {sentence_in(placed[2], language)}"
    return norwegian(said) or said


@lru_cache(maxsize=4096)  # of what coordinators wrote, never of what students did
def norwegian(said: str) -> str | None:
    """The sentence in bokmål; None: it is none of ours."""
    for pattern, shape in _patterns("after"):
        if (match := pattern.search(said)) and (before := norwegian(said[: match.start()])):
            return before + _filled(shape, match)
    for pattern, shape in _patterns("sentences"):
        if match := pattern.fullmatch(said):
            return _filled(shape, match)
    for colon in re.finditer(": ", said):  # what stands before it is a key, an id or a phrase
        if rest := norwegian(said[colon.end() :]):
            return f"{_word(said[: colon.start()])}: {rest}"
    return None


@cache
def _patterns(which: str) -> list[tuple[re.Pattern[str], str]]:
    """Those with the most words of their own first: a shorter one would take words for its blanks."""
    table: Mapping[str, str] = {"sentences": {**FOREIGN, **SENTENCES}, "after": AFTER}[which]
    ordered: Iterable[str] = sorted(table, key=lambda each: -len(_BLANK.sub("", each)))
    return [(_pattern(each, "$" if which == "after" else ""), table[each]) for each in ordered]


def _pattern(shape: str, end: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z]\})", shape)
    made = [f"(?P<{each[1]}>.+?)" if _BLANK.fullmatch(each) else re.escape(each) for each in parts]
    return re.compile("".join(made) + end, re.DOTALL)


def _filled(shape: str, match: re.Match[str]) -> str:
    return _BLANK.sub(lambda blank: _word(match[blank[1]]), shape)


def _word(word: str) -> str:
    """What stands in a blank: mostly the author's own, and left alone."""
    if (entry := _ENTRY.fullmatch(word)) is not None:
        return f"oppføring {entry[1]}"
    if (read := _READ.fullmatch(word)) is not None:
        return f"{read[1]} etter {read[2]}"
    if word in WORDS:
        return WORDS[word]
    if " " in word and not word.startswith(("'", '"')) and (said := norwegian(word)):
        return said
    return word.replace("' or '", "' eller '").replace("' and '", "' og '")
