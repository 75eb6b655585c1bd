"""Which channels there are depends on the environment, and a half-said one stops the start."""

from __future__ import annotations

import pytest

import app
from handlers.environment import Environment, EnvironmentProblem, new_keys

SECRET = "s" * 32


def environment(tmp_path, **values) -> Environment:
    return Environment.load(tmp_path, environ=new_keys() | values)


def test_push_is_always_there_and_the_others_when_they_are_named(tmp_path, content):
    bare = environment(tmp_path)
    assert set(app.alert_channels_of(bare, content.settings)) == app.channels_of(bare) == {"push"}
    full = environment(
        tmp_path,
        SMTP_URL="smtps://ola:secret@mail.example.org",
        ALERT_WEBHOOK_URL="https://sms.example.org/send",
        ALERT_WEBHOOK_SECRET=SECRET,
    )
    everything = {"push", "email", "webhook"}
    assert set(app.alert_channels_of(full, content.settings)) == app.channels_of(full) == everything


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"ALERT_WEBHOOK_URL": "https://sms.example.org"}, "ALERT_WEBHOOK_SECRET"),
        (
            {"ALERT_WEBHOOK_URL": "https://sms.example.org", "ALERT_WEBHOOK_SECRET": "short"},
            "ALERT_WEBHOOK_SECRET",
        ),
        (
            {"ALERT_WEBHOOK_URL": "http://sms.example.org", "ALERT_WEBHOOK_SECRET": SECRET},
            "ALERT_WEBHOOK_URL",
        ),
        ({"SMTP_URL": "mail.example.org"}, "SMTP_URL"),
    ],
)
def test_what_is_half_said_is_named_and_never_quoted(tmp_path, values, named):
    with pytest.raises(EnvironmentProblem) as problem:
        environment(tmp_path, **values)
    assert named in str(problem.value)
    assert "example.org" not in str(problem.value).replace("smtps://name:password@host:465", "")


def test_no_secret_shows_in_its_repr(tmp_path):
    shown = repr(
        environment(
            tmp_path,
            SMTP_URL="smtps://ola:hemmelig@mail.example.org",
            ALERT_WEBHOOK_URL="https://sms.example.org/token-123",
            ALERT_WEBHOOK_SECRET=SECRET,
        )
    )
    assert "hemmelig" not in shown
    assert "token-123" not in shown
    assert SECRET not in shown
