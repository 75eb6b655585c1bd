"""The environment: read once, checked at once, and secrets stay secret."""

from __future__ import annotations

import base64

import pytest

from handlers.environment import (
    FOR_ALL,
    FOR_STORAGE,
    Environment,
    EnvironmentProblem,
    disk_problem,
    new_keys,
    throwaway_disk,
)

KEY = base64.b64encode(bytes(32)).decode()
WHOLE = {
    "PAGE_ID": "1000",
    "PAGE_ACCESS_TOKEN": "token-that-must-not-show",
    "APP_SECRET": "secret-that-must-not-show",
    "VERIFY_TOKEN": "verify-that-must-not-show",
    "APP_ID": "2000",
    "SECRET_KEY": "key-that-must-not-show-and-is-long-enough",
    "DATA_KEYS": f"k1:{KEY}",
    "SMTP_URL": "smtps://name:password-that-must-not-show@mail.example:465",
    "DATABASE_URL": "postgresql://name:password-that-must-not-show@db.example/x",
}


def test_every_missing_variable_is_named_at_once_with_what_to_write(tmp_path):
    with pytest.raises(EnvironmentProblem) as caught:
        Environment.load(tmp_path, need=FOR_ALL, environ={})
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + len(FOR_ALL)
    for name in FOR_ALL:
        assert any(line.strip().startswith(f"{name} is missing: ") for line in lines)
    assert "peersupport keys new" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAGE_ID", "peer support"),
        ("PAGE_ID", "１２３４"),
        ("APP_ID", "abc"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("SECRET_KEY", "0123456789"),
        ("DATA_KEYS", KEY),
        ("DATA_KEYS", "K1:" + KEY),
        ("DATA_KEYS", "k1:" + base64.b64encode(bytes(31)).decode()),
        ("DATA_KEYS", f"k1:{KEY},k1:{KEY}"),
        ("DATABASE_URL", "mysql://host/db"),
        ("GRAPH_API_URL", "http://graph.example.org"),
        ("SMTP_URL", "mail.example"),
    ],
)
def test_a_wrong_value_is_refused_even_where_it_is_not_needed(tmp_path, name, value):
    with pytest.raises(EnvironmentProblem) as caught:
        Environment.load(tmp_path, environ={name: value})
    assert f"{name} is" in str(caught.value)
    assert value not in str(caught.value)


def test_nothing_is_needed_but_what_the_command_needs(tmp_path):
    env = Environment.load(
        tmp_path, need=FOR_STORAGE, environ={k: WHOLE[k] for k in ("SECRET_KEY", "DATA_KEYS")}
    )
    assert env.database_url == "sqlite:///data/peersupport.db"
    assert env.port == 8000
    assert env.graph_api_url == "https://graph.facebook.com"
    assert (env.page_id, env.smtp_url) == ("", None)


def test_secrets_do_not_show_in_the_repr(tmp_path):
    shown = repr(Environment.load(tmp_path, need=FOR_ALL, environ=WHOLE))
    assert "must-not-show" not in shown
    assert KEY not in shown
    assert "1000" in shown


def test_the_process_wins_over_the_env_file_and_an_empty_value_is_a_missing_one(tmp_path):
    (tmp_path / ".env").write_text("PAGE_ID=111\nAPP_ID=222\nPORT=9000\n")
    env = Environment.load(tmp_path, environ={"PAGE_ID": "333", "PORT": "", "SMTP_URL": " "})
    assert (env.page_id, env.app_id) == ("333", "222")
    assert env.port == 8000
    assert env.smtp_url is None


def test_fresh_keys_are_accepted_and_never_the_same(tmp_path):
    keys = new_keys()
    Environment.load(tmp_path, need=FOR_STORAGE, environ=keys)
    assert all(keys[name] != value for name, value in new_keys().items())
    both = {**keys, "DATA_KEYS": f"{new_keys()['DATA_KEYS']},{keys['DATA_KEYS']}"}
    Environment.load(tmp_path, need=FOR_STORAGE, environ=both)


@pytest.mark.parametrize(
    ("environ", "platform"),
    [
        ({}, None),
        ({"DYNO": "web.1"}, "Heroku"),
        ({"K_SERVICE": "x"}, "Cloud Run"),
        ({"RENDER": "true"}, "Render"),
        ({"RENDER": "true", "DATABASE_URL": "sqlite:////var/data/peersupport.db"}, None),
        ({"RENDER": "true", "DATABASE_URL": "sqlite:///data/peersupport.db"}, "Render"),
        ({"FLY_APP_NAME": "x"}, "Fly.io"),
        ({"FLY_APP_NAME": "x", "DATABASE_URL": "sqlite:////data/p.db"}, None),
        ({"VERCEL": "1"}, "Vercel"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "x"}, "AWS Lambda"),
        ({"RAILWAY_ENVIRONMENT": "production"}, "Railway"),
        (
            {
                "RAILWAY_ENVIRONMENT": "production",
                "RAILWAY_VOLUME_MOUNT_PATH": "/keep",
                "DATABASE_URL": "sqlite:////keep/p.db",
            },
            None,
        ),
        ({"DYNO": "web.1", "SQLITE_ON_PERSISTENT_DISK": "yes"}, None),
    ],
)
def test_a_disk_that_is_thrown_away_is_recognised(environ, platform):
    assert throwaway_disk(environ) == platform


def test_sqlite_on_a_disk_that_is_thrown_away_is_refused_in_a_sentence(tmp_path):
    env = Environment.load(tmp_path, environ={})
    assert "DATABASE_URL" in disk_problem(env, {"DYNO": "web.1"})
    assert disk_problem(env, {}) is None
    (tmp_path / ".env").write_text("SQLITE_ON_PERSISTENT_DISK=yes\n")
    assert disk_problem(env, {"DYNO": "web.1"}) is None
    elsewhere = Environment.load(tmp_path, environ={"DATABASE_URL": "postgresql://db.example/x"})
    assert disk_problem(elsewhere, {"DYNO": "web.1"}) is None
