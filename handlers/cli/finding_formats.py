"""What `peersupport check` found, for people and for programs. docs/guide/en/findings.md describes the shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bot.findings import KINDS, as_data, instead, level
from bot.translated import instead_in, path_in, text_in
from bot.yaml_text import Problem

if TYPE_CHECKING:
    from bot.checks import Report

_ABOUT = "docs/guide/en/findings.md"
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}  # GitHub's names


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "warning": "warning",
        "note": "note",
        "way": "way there",
        "instead": "instead",
        "walked": "Walked {questions:,} questions and {answers:,} answers{whole}.",
        "not_whole": ", not all that there are",
        "reading": "How hard the flows are to read (LIX; 40 is a newspaper): bokm\u00e5l {nb}, English {en}.",
        "fine": "Everything is in order.",
        "think": "to think about",
    },
    "nb": {
        "warning": "advarsel",
        "note": "merknad",
        "way": "veien dit",
        "instead": "i stedet",
        "walked": "Gikk {questions} sp\u00f8rsm\u00e5l og {answers} svar{whole}.",
        "not_whole": ", ikke alle som finnes",
        "reading": "Hvor tunge flytene er \u00e5 lese (LIX; 40 er en avis): bokm\u00e5l {nb}, engelsk {en}.",
        "fine": "Alt er i orden.",
        "think": "til ettertanke",
    },
}


def word(key: str, language: str) -> str:
    """What is said beside the findings."""
    return _WORDS[language][key]


def in_words(problem: Problem, language: str = "en") -> str:
    """`file:line: what is wrong`, below it the way there and what to write instead."""
    words, grave = _WORDS[language], level(problem)
    mark = "" if grave == "error" else f"{words[grave]}: "
    said = f"{problem.file}:{problem.line}: {mark}{text_in(problem, language)}"
    if problem.path:
        said += f"\n    {words['way']}: {path_in(problem, language)}"
    if problem.kind != "form":
        said += f"\n    {words['instead']}: {instead_in(problem, language)}"
    return said


def figures(report: Report, language: str = "en") -> list[str]:
    """How much was looked at."""
    words, said = _WORDS[language], []
    if report.questions:
        whole = "" if report.complete else words["not_whole"]
        said.append(words["walked"].format(questions=report.questions, answers=report.answers, whole=whole))
    if any(report.reading.values()):
        said.append(words["reading"].format(**report.reading))
    return said


def as_json(report: Report) -> str:
    """One object; findings sorted by file and line."""
    made = {
        "version": 1,
        "findings": [as_data(each) for each in report.findings],
        "walked": {
            "questions": report.questions,
            "answers": report.answers,
            "complete": report.complete,
        },
        "reading": dict(report.reading),
    }
    return json.dumps(made, indent=2, ensure_ascii=False)


def as_github(report: Report) -> str:
    """Workflow commands: GitHub shows each beside its line.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return "\n".join(_annotation(each) for each in report.findings)


def _annotation(problem: Problem) -> str:
    named = f"file={_property(problem.file)},line={problem.line},title={_property(problem.kind)}"
    return f"::{_COMMANDS[level(problem)]} {named}::{_escaped(_message(problem))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _message(problem: Problem) -> str:
    way = f" Way there: {problem.path}." if problem.path else ""
    return f"{problem.text}.{way} {instead(problem)}"


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    names = list(KINDS)
    made = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "peersupport check", "rules": [_rule(name) for name in names]}},
                "columnKind": "utf16CodeUnits",
                "results": [_result(each, names.index(each.kind)) for each in report.findings],
            }
        ],
    }
    return json.dumps(made, indent=2, ensure_ascii=False)


def _rule(name: str) -> dict[str, Any]:
    kind = KINDS[name]
    return {
        "id": name,
        "shortDescription": {"text": kind.means},
        "help": {"text": f"{kind.instead} ({_ABOUT})"},
        "defaultConfiguration": {"level": kind.level},
    }


def _result(problem: Problem, number: int) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": problem.file}, "region": {"startLine": problem.line}}
    return {
        "ruleId": problem.kind,
        "ruleIndex": number,
        "level": level(problem),
        "message": {"text": _message(problem)},
        "locations": [{"physicalLocation": place}],
        "properties": {"step": problem.step, "path": problem.path},
    }


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
