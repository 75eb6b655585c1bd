"""`peersupport risk`: lines in, lines out; what cannot be read is named; figures with their intervals."""

from __future__ import annotations

import json

import pytest
from cli_bench import Bench, make_bench

from handlers.cli.risk_report import wilson


@pytest.fixture
def run(tmp_path, monkeypatch):
    yield from make_bench(tmp_path, monkeypatch)


def _scan(run: Bench, *lines: object) -> tuple[list[dict[str, object]], str, int]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    result = run("risk", "scan", stdin=text + "\n")
    return [json.loads(line) for line in result.stdout.splitlines()], result.stderr, result.exit_code


def test_scan_says_tier_category_rule_and_words(run):
    said, errors, code = _scan(run, {"id": "a", "text": "jeg vil dø"}, {"id": 7, "text": "hva er fristen"})
    assert (errors, code) == ("", 0)
    assert said[0]["id"] == "a"
    assert said[0]["tier"] == "high"
    assert str(said[0]["category"]).startswith("B-")
    assert said[0]["rule"]
    assert said[0]["matched"]
    assert said[1] == {"id": 7, "tier": "none", "category": None, "rule": None, "matched": []}


def test_scan_reads_a_list_as_the_service_does_and_says_where_it_ended(run):
    said, _, code = _scan(run, {"id": 1, "messages": ["jeg vil dø", "hva er fristen"]})
    assert code == 0
    assert (said[0]["tier"], said[0]["reached"], said[0]["final"]) == ("high", "high", "none")


def test_scan_finds_a_thought_that_was_sent_in_pieces(run):
    said, _, _ = _scan(run, {"id": 1, "messages": ["jeg", "vil", "dø"]})
    assert (said[0]["tier"], said[0]["final"]) == ("high", "high")


def test_report_counts_conversations_as_they_stand_and_the_alarms_on_the_way_apart(run, tmp_path):
    rows = [
        {"id": "a", "messages": ["jeg vil dø", "hva er fristen"], "tier": "high"},
        {"id": "b", "messages": ["hei", "takk"], "tier": "none"},
    ]
    path = tmp_path / "talks.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    lines = run("risk", "report", str(path)).output.splitlines()
    after = lines[
        next(at for at, line in enumerate(lines) if line.startswith("Conversations, the gravest")) :
    ]
    assert "1  flagged 100.0 %" in after[1]
    assert "1  flagged   0.0 %" in after[2]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hemmelig {", "this is not JSON"),
        ('["hemmelig"]', 'write an object with "id"'),
        ('{"text": "hemmelig"}', 'write an object with "id"'),
        ('{"id": 1}', 'give either "text" or "messages"'),
        ('{"id": 1, "text": "hemmelig", "messages": ["x"]}', 'give either "text" or "messages"'),
        ('{"id": 1, "text": 7}', '"text" must be text'),
        ('{"id": 1, "messages": []}', '"messages" must be a list of texts'),
        ('{"id": 1, "messages": ["hemmelig", 7]}', '"messages" must be a list of texts'),
    ],
)
def test_a_bad_line_is_named_by_number_without_its_words_and_the_rest_is_read(run, line, said):
    out, errors, code = _scan(run, {"id": 1, "text": "hei"}, line, "", {"id": 2, "text": "jeg vil dø"})
    assert [each["id"] for each in out] == [1, 2]
    assert code == 1
    assert errors.startswith("line 2: ")
    assert said in errors
    assert "hemmelig" not in errors


def test_report_without_a_file_measures_the_rules_own_sentences(run):
    result = run("risk", "report")
    assert result.exit_code == 0
    assert "100" in result.output


def test_report_counts_misses_and_false_alarms_of_a_labelled_file(run, tmp_path):
    rows = [
        {"id": "found", "text": "jeg vil dø", "tier": "high", "lang": "nb", "category": "B-suicidal"},
        {"id": "missed", "text": "hva er fristen", "tier": "critical", "lang": "nb", "category": "A-attempt"},
        {"id": "false", "messages": ["hei", "i want to die"], "tier": "none", "lang": "en"},
        {"id": "quiet", "text": "takk for hjelpen", "tier": "none", "lang": "en"},
    ]
    file = tmp_path / "labelled.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    result = run("risk", "report", str(file))
    assert result.exit_code == 0
    assert "missed" in result.output
    assert "false" in result.output
    assert "fristen" not in result.output
    assert "i want to die" not in result.output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": 1, "text": "x", "tier": "grave"}', 'line 1: "tier" must be critical'),
        ("no", "line 1: this is not JSON"),
        ("", "there is nothing to measure"),
    ],
)
def test_report_refuses_a_file_that_is_not_labelled(run, tmp_path, line, said):
    file = tmp_path / "labelled.jsonl"
    file.write_text(line, "utf-8")
    result = run("risk", "report", str(file))
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763)]
)
def test_intervals_are_wilsons(hits, of, low, high):
    assert wilson(hits, of) == pytest.approx((low, high), abs=0.001)
