"""Accounts from the command line: nobody's password is shown but one that was made up."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from cli_bench import NOW, make_bench

from handlers.console.passwords import is_one_time, verify_password

PASSWORD = "fem blå hegrer går"


@pytest.fixture
def run(tmp_path, monkeypatch):
    for bench in make_bench(tmp_path, monkeypatch):
        assert bench("migrate").exit_code == 0
        yield bench


def stored(run, login):
    storage = run.storage()
    found = storage.read(lambda tx: tx.staff.by_login(login))
    storage.close()
    return found


def audited(run):
    storage = run.storage()
    lines = storage.read(lambda tx: [(line.action, line.detail) for line in tx.audit.lines()])
    storage.close()
    return lines


def add(run, login="kari", *more):
    words = ("staff", "add", login, "--alias", "Kari", "--role", "coordinator", "--password-stdin", *more)
    return run(*words, stdin=PASSWORD + "\n")


def test_an_account_is_added_with_a_password_from_standard_input(run):
    result = add(run)
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    staff, password_hash = stored(run, "KARI")
    assert (staff.login, staff.alias, staff.role) == ("kari", "Kari", "coordinator")
    assert verify_password(password_hash, PASSWORD)
    assert audited(run) == [("staff_added", f"{staff.id}:coordinator")]


def test_a_password_is_asked_for_twice_and_not_shown(run):
    words = ("staff", "add", "kari", "--alias", "Kari")
    result = run(*words, stdin=f"{PASSWORD}\nsomething else\n{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    staff, password_hash = stored(run, "kari")
    assert staff.role == "supporter"
    assert verify_password(password_hash, PASSWORD)


def test_a_made_up_password_is_shown_once_and_must_be_changed(run):
    result = run("staff", "add", "kari", "--alias", "Kari", "--generate")
    password = re.search(r"first sign-in: (\S+)\n", result.output)[1]
    password_hash = stored(run, "kari")[1]
    assert is_one_time(password_hash)
    assert verify_password(password_hash, password)


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (("kari", "--alias", "Kari", "--password-stdin"), "short\n"),
        (("kari", "--alias", "Kari", "--password-stdin"), ""),
        (("kari", "--alias", " ", "--password-stdin"), PASSWORD),
        (("kari", "--alias", "K" * 41, "--password-stdin"), PASSWORD),
        (("kari", "--alias", "Kari", "--password-stdin", "--generate"), PASSWORD),
    ],
)
def test_what_will_not_do_is_refused_in_a_sentence_and_nothing_is_kept(run, words, stdin):
    result = run("staff", "add", *words, stdin=stdin)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert stored(run, "kari") is None


def test_a_login_is_given_once(run):
    assert add(run).exit_code == 0
    again = add(run, "KARI")
    assert again.exit_code == 1
    assert "taken" in again.stderr


def test_a_role_that_does_not_exist_is_refused(run):
    result = run("staff", "add", "kari", "--alias", "Kari", "--role", "boss", "--generate")
    assert result.exit_code == 2
    assert "duty_lead" in result.stderr


def test_the_list_says_who_is_disabled(run):
    assert "No accounts yet" in run("staff", "list").output
    add(run)
    assert re.fullmatch(r"kari +Kari +coordinator\n", run("staff", "list").output)
    assert run("staff", "disable", "Kari").output == "Kari can no longer sign in.\n"
    assert run("staff", "list").output.endswith("disabled\n")
    assert ("staff_disabled", "1") in audited(run)


def test_another_password_ends_the_sessions(run):
    add(run)
    staff = stored(run, "kari")[0]
    storage = run.storage()
    token = b"t" * 32
    storage.write(lambda tx: tx.sessions.add(staff.id, token, NOW, NOW + timedelta(hours=12)))
    assert run("staff", "reset-password", "kari", "--generate").exit_code == 0
    assert storage.read(lambda tx: tx.sessions.peek(token, NOW)) is None
    storage.close()
    assert is_one_time(stored(run, "kari")[1])


@pytest.mark.parametrize("name", ["disable", "reset-password"])
def test_an_account_that_does_not_exist_is_said_to_be_none(run, name):
    result = run("staff", name, "nobody")
    assert result.exit_code == 1
    assert "no account with this login" in result.stderr


def test_accounts_need_a_prepared_database(tmp_path, monkeypatch):
    for bench in make_bench(tmp_path, monkeypatch):
        result = bench("staff", "list")
        assert result.exit_code == 1
        assert "peersupport migrate" in result.stderr
