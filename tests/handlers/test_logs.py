"""Logs carry ids, codes and durations, and nothing anybody wrote."""

from __future__ import annotations

import io
import json
import logging
import warnings

import pytest

from handlers.logs import setup_logging

WORDS = "jeg orker ikke mer"


@pytest.fixture
def lines():
    """What has been logged since the test began, parsed."""
    root = logging.getLogger()
    before, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    stream = io.StringIO()
    setup_logging("DEBUG", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(False)
    logging.raiseExceptions = raising
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_has_time_level_event_and_the_facts_on_the_list(lines):
    logging.getLogger("handlers.sender").info("sent", extra={"outbox_id": 7, "duration_ms": 12.5})
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "info", "event": "sent", "outbox_id": 7, "duration_ms": 12.5}


@pytest.mark.parametrize(
    "extra",
    [
        {"text": WORDS},
        {"psid": "7654321098765432"},
        {"code": WORDS},
        {"code": "7654321098765432"},
        {"contact_id": 7654321098765432},
        {"contact_id": "7654321098765432"},
        {"kind": {"text": WORDS}},
        {"reason": ["jeg orker", "ikke mer"]},
        {"reason": "x" * 200},
    ],
)
def test_words_and_identities_are_left_out_whatever_they_are_called(lines, extra):
    logging.getLogger("handlers.inbound").warning("odd", extra=extra)
    (line,) = lines()
    assert set(line) == {"time", "level", "event"}


def test_what_is_filled_into_a_message_is_left_out(lines):
    logging.getLogger("handlers.inbound").warning("could not read %s", WORDS)
    assert lines()[0]["event"] == "could not read %s"


def test_an_exception_is_logged_by_type_and_lines_only(lines):
    try:
        raise ValueError(WORDS)
    except ValueError:
        logging.getLogger("handlers.inbound").exception("failed", extra={"inbox_id": 3})
    (line,) = lines()
    assert line["error"] == "ValueError"
    assert line["inbox_id"] == 3
    assert line["frames"][0].startswith("test_logs.py:")
    assert WORDS not in json.dumps(line)


def test_libraries_are_logged_by_place_not_by_words(lines):
    logging.getLogger("some.library").error("cannot parse '%s'", WORDS)
    logging.getLogger("waitress").warning(f"Invalid request: {WORDS}")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(WORDS, stacklevel=1)
    found = lines()
    assert [line["event"] for line in found] == ["library"] * 3
    assert found[0]["where"].startswith("some.library:test_logs.py:")
    assert WORDS not in json.dumps(found)


def test_request_lines_of_libraries_are_silent(lines):
    logging.getLogger("werkzeug").info("GET /webhook?hub.verify_token=abc")
    logging.getLogger("urllib3.connectionpool").debug("POST /me?access_token=abc")
    assert lines() == []
