"""Every kind of finding is explained, and every shape in which findings are told says the same."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from content_files import INTAKE, MENU, files

from bot.checks import Report, report
from bot.findings import KINDS, level
from bot.yaml_text import Problem
from handlers.cli.finding_formats import as_github, as_json, as_sarif, figures, in_words

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> Report:
    """An error with a way there, a warning, and a note."""
    intake = INTAKE.replace('say: {nb: "Ha det fint.", en: "Take care."}', "set: {mood: good}")
    intake = intake.replace('en: "Something practical"', 'en: "No way out"')
    made = report(files(intake=intake, menu=MENU.replace('nb: "Mer"', 'nb: "+1"')))
    assert [(each.kind, level(each)) for each in made.findings] == [
        ("title_soft", "note"),
        ("goodbye", "error"),
        ("title_number", "warning"),
    ]
    return made


def test_the_table_for_coordinators_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "coordinators.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name}` | {kind.level} | {kind.means} | {kind.instead} |" for name, kind in KINDS.items()
    ]


def test_every_kind_that_the_code_tells_is_in_the_table_and_the_other_way_round() -> None:
    told = {"form", "uncalled"}
    for name in ("checks", "flow_checks", "always_proof", "flow/proofs"):
        tree = ast.parse((ROOT / "bot" / f"{name}.py").read_text("utf-8"))
        told |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in KINDS
        }
    assert told == set(KINDS)


def test_no_two_kinds_say_the_same_and_all_say_it_in_a_sentence() -> None:
    assert len({kind.means for kind in KINDS.values()}) == len(KINDS)
    for kind in KINDS.values():
        assert kind.means.endswith(".") and kind.instead.endswith(".")
        assert "|" not in kind.means + kind.instead


def test_people_are_told_the_place_the_way_and_what_to_write(found: Report) -> None:
    bye = next(each for each in found.findings if each.kind == "goodbye")
    assert in_words(bye).splitlines() == [
        f"flows/intake.yaml:{bye.line}: step 'bye' ends the conversation without a word",
        "    way there: First message > English > How I feel > en skip",
        "    instead: Say goodbye in the step that goes to `end`, or go to people or menu.",
    ]
    assert in_words(found.findings[-1]).startswith("flows/menu.yaml:10: warning: '+1' has no letters")
    assert in_words(Problem("x.yaml", 1, "is not YAML")) == "x.yaml:1: is not YAML"


def test_the_figures_say_how_much_was_looked_at(found: Report) -> None:
    said = figures(found)
    assert said[0] == f"Walked {found.questions} questions and {found.answers} answers."
    assert "LIX" in said[1]
    assert figures(Report(findings=[])) == []
    assert "not all" in figures(Report(findings=[], questions=7, answers=9))[0]


def test_json_holds_every_finding_and_the_figures(found: Report) -> None:
    told = json.loads(as_json(found))
    assert told["version"] == 1
    assert [each["kind"] for each in told["findings"]] == ["title_soft", "goodbye", "title_number"]
    assert set(told["findings"][0]) == {"file", "line", "level", "kind", "step", "text", "path", "instead"}
    assert told["walked"] == {"questions": found.questions, "answers": found.answers, "complete": True}


def test_github_gets_one_line_a_finding_with_nothing_that_ends_it() -> None:
    odd = Problem("flows/a,b:c.yaml", 3, "100% wrong\nhere", "think")
    assert as_github(Report(findings=[odd])) == (
        "::warning file=flows/a%2Cb%3Ac.yaml,line=3,title=think::100%25 wrong%0Ahere."
        " Change it, or leave it if it is meant."
    )


def test_sarif_names_rules_places_and_levels(found: Report) -> None:
    told = json.loads(as_sarif(found))
    run = told["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert told["version"] == "2.1.0"
    assert [rule["id"] for rule in rules] == list(KINDS)
    for result, finding in zip(run["results"], found.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.kind
        assert result["level"] == level(finding)
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == finding.file
        assert place["region"]["startLine"] == finding.line
