"""Drills, records and the ladder from the command line."""

from __future__ import annotations

import re

import pytest
from cli_bench import NOW, make_bench


@pytest.fixture
def run(tmp_path, monkeypatch):
    for bench in make_bench(tmp_path, monkeypatch):
        assert bench("migrate").exit_code == 0
        yield bench


def look(run, fn):
    storage = run.storage()
    try:
        return storage.read(fn)
    finally:
        storage.close()


def test_a_drill_begins_and_ends(run):
    assert "is on" in run("drill", "start").output
    (alert,) = look(run, lambda tx: tx.alerts.open())
    assert (alert.drill, alert.tier) == (True, "critical")
    again = run("drill", "start", "--tier", "high")
    assert again.exit_code == 1
    assert "is over" in run("drill", "stop").output
    assert "No drill" in run("drill", "stop").output
    assert look(run, lambda tx: tx.alerts.open()) == []


def test_check_proves_that_no_record_was_changed(run):
    run("drill", "start")

    def record(tx):
        alert_id = tx.alerts.open()[0].id
        for text in ("en", "to"):
            tx.escalations.add(tx.escalations.open_for(alert_id, NOW), None, "note", {"text": text}, NOW)

    storage = run.storage()
    storage.write(record)
    storage.close()
    fine = run("check", "--records")
    assert fine.exit_code == 0
    assert "Read 3 lines" in fine.output
    storage = run.storage()
    storage.write(lambda tx: tx.run("DELETE FROM escalation_entry WHERE id = 2"))
    storage.close()
    broken = run("check", "--records")
    assert broken.exit_code == 1
    assert "records: line 3 was changed or moved, or one before it was taken out" in broken.output
    assert run("check").exit_code == 0


def test_check_warns_of_a_night_without_a_pager_and_goes_on(run):
    config = run.home / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("nobody: true", "nobody: false"), "utf-8")
    result = run("check")
    assert result.exit_code == 0
    assert re.search(r"^config\.yaml:\d+: warning: ladder\.closed: ", result.stderr, re.M)


def test_where_alerts_reach_an_account_is_kept_and_what_is_none_is_refused(run):
    words = ("staff", "add", "kari", "--alias", "Kari")
    assert run(*words).exit_code == 0
    result = run("staff", "contact", "KARI", "--email", "kari@example.org", "--phone", "+47 12 34")
    assert result.exit_code == 0
    assert "kari@example.org" not in result.output
    kari = look(run, lambda tx: tx.staff.by_login("kari")[0])
    assert (kari.email, kari.phone) == ("kari@example.org", "+471234")
    assert run("staff", "contact", "kari", "--phone", "abc").exit_code == 1
    assert run("staff", "contact", "kari").exit_code == 0
    assert look(run, lambda tx: tx.staff.by_login("kari")[0]).email is None
