"""`peersupport rehearse`: exit 1 on any difference, and what no rehearsal walks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_bench import make_bench

run = pytest.fixture(make_bench)
GOOD = """name: a good one
at: 2026-11-25 12:00
turns:
  - student writes: "hei på dere"
    bot says: [welcome.notice, menu.choose]
"""


@pytest.fixture
def folder(run) -> Path:
    folder = run.home / "flows" / "rehearsals"
    for path in folder.glob("*.yaml"):
        path.unlink()
    (folder / "good.yaml").write_text(GOOD, "utf-8")
    return folder


def test_what_goes_as_expected_is_one_line(run, folder):
    result = run("rehearse")
    assert (result.exit_code, result.output) == (0, "1 of 1 rehearsals went as expected.\n")


def test_a_difference_fails_and_shows_the_conversation(run, folder):
    (folder / "bad.yaml").write_text(GOOD.replace("menu.choose", "menu.more"), "utf-8")
    result = run("rehearse")
    assert result.exit_code == 1
    assert ">>> expected: menu.more; message 2 is another" in result.output
    assert "flows/rehearsals/bad.yaml:4: expected: menu.more" in result.output
    assert "1 of 2 rehearsals went as expected." in result.output


def test_one_file_is_played_and_shown(run, folder):
    result = run("rehearse", "-v", str(folder / "good.yaml"))
    assert result.exit_code == 0 and "student:    hei på dere" in result.output


def test_coverage_names_what_is_missing_and_fails_only_when_told(run, folder):
    assert run("rehearse", "--coverage").exit_code == 0
    result = run("rehearse", "--coverage", "--all")
    assert result.exit_code == 1 and "no rehearsal walks: intake.topic choice social" in result.output


def test_coverage_as_json_is_json_alone(run, folder):
    result = run("rehearse", "--coverage", "--json")
    assert json.loads(result.stdout)["flows"]["welcome"]["notice"]["step"] > 0


def test_no_rehearsals_and_odd_options_are_sentences(run, folder):
    (folder / "good.yaml").unlink()
    assert "there are no rehearsals" in run("rehearse").stderr
    assert run("rehearse", "--all").exit_code == 2


def test_a_chat_is_not_saved_over_a_file(run, folder):
    result = run("chat", "--save", str(folder / "good.yaml"))
    assert result.exit_code == 1 and "is there already" in result.stderr
