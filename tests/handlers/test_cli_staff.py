"""Accounts from the command line: nobody there ever knows a password; a link goes to the owner."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from cli_bench import NOW, make_bench

from handlers.accounts import token_hash


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
    return run("staff", "add", login, "--alias", "Kari", "--role", "coordinator", *more)


def token_of(result):
    return re.search(r"https://example\.org/console/welcome#(\S+)\n", result.output)[1]


def link(run, token):
    storage = run.storage()
    found = storage.read(lambda tx: tx.invitations.find(token_hash(token), NOW))
    storage.close()
    return found


def test_an_account_is_added_without_a_password_and_with_a_link_for_its_owner(run):
    result = add(run, "kari", "--email", "kari@example.org", "--training", "basic")
    assert result.exit_code == 0
    staff, password_hash = stored(run, "KARI")
    assert (staff.login, staff.alias, staff.role, staff.email, staff.trained) == (
        "kari",
        "Kari",
        "coordinator",
        "kari@example.org",
        "basic",
    )
    assert password_hash == ""
    found = link(run, token_of(result))
    assert (found.staff_id, found.purpose, found.state) == (staff.id, "welcome", "open")
    assert found.expires_at == NOW + timedelta(hours=72)
    assert "ladder.console_url" in result.output
    assert audited(run) == [
        ("link_made", f"{staff.id}:welcome"),
        ("staff_added", f"{staff.id}:coordinator"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("kari", "--alias", " "),
        ("kari", "--alias", "K" * 31),
        ("kari", "--alias", "Kari", "--email", "nowhere"),
        ("k" * 101, "--alias", "Kari"),
    ],
)
def test_what_will_not_do_is_refused_in_a_sentence_and_nothing_is_kept(run, words):
    result = run("staff", "add", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert stored(run, "kari") is None


def test_a_login_is_given_once(run):
    assert add(run).exit_code == 0
    again = run("staff", "add", "KARI", "--alias", "Another")
    assert again.exit_code == 1
    assert "taken" in again.stderr
    assert "somebody else has that alias" in add(run, "other").stderr


def test_a_role_that_does_not_exist_is_refused(run):
    result = run("staff", "add", "kari", "--alias", "Kari", "--role", "boss")
    assert result.exit_code == 2
    assert "duty_lead" in result.stderr


def test_the_list_says_who_is_disabled(run):
    assert "No accounts yet" in run("staff", "list").output
    add(run)
    assert re.fullmatch(r"kari +Kari +coordinator\n", run("staff", "list").output)
    assert run("staff", "disable", "Kari").output == "Kari can no longer sign in.\n"
    assert run("staff", "list").output.endswith("disabled\n")
    assert ("staff_disabled", "1") in audited(run)


@pytest.mark.parametrize("name", ["reset-password", "second-factor-off"])
def test_a_reset_ends_the_sessions(run, name):
    add(run)
    staff = stored(run, "kari")[0]
    storage = run.storage()
    token = b"t" * 32

    def prepare(tx):
        tx.staff.set_password(staff.id, "hash")
        tx.staff.seen(staff.id, NOW)
        tx.factors.set(staff.id, "SECRET", 0, ["a"])
        tx.sessions.add(staff.id, token, NOW, NOW + timedelta(hours=12))

    storage.write(prepare)
    result = run("staff", name, "kari")
    assert result.exit_code == 0
    assert storage.read(lambda tx: tx.sessions.peek(token, NOW)) is None
    secret = storage.read(lambda tx: tx.factors.secret(staff.id))
    storage.close()
    password_hash = stored(run, "kari")[1]
    if name == "reset-password":
        assert (password_hash, secret) == ("", "SECRET")
        assert link(run, token_of(result)).purpose == "password"
    else:
        assert (password_hash, secret) == ("hash", None)
    assert run("staff", "disable", "kari").exit_code == 0
    assert "disabled" in run("staff", name, "kari").stderr


@pytest.mark.parametrize("name", ["disable", "reset-password", "second-factor-off"])
def test_an_account_that_does_not_exist_is_said_to_be_none(run, name):
    result = run("staff", name, "nobody")
    assert result.exit_code == 1
    assert "no account with this login" in result.stderr


def test_accounts_need_a_prepared_database(tmp_path, monkeypatch):
    for bench in make_bench(tmp_path, monkeypatch):
        result = bench("staff", "list")
        assert result.exit_code == 1
        assert "peersupport migrate" in result.stderr
