"""Meta's errors: what each means for the message, and nothing secret in any of them."""

from __future__ import annotations

import json

import pytest

from handlers.messenger.errors import classify

# Every line of the error table: code, subcode, our code, kind, scope.
TABLE = [
    (1, None, "graph_down", "retry", "message"),
    (1, 99, "permission_missing", "retry", "page"),
    (1, 1357046, "no_answer", "unknown", "message"),
    (2, None, "graph_down", "retry", "message"),
    (2, 2018344, "labels_not_accepted", "permanent", "message"),
    (3, None, "permission_missing", "retry", "page"),
    (4, None, "rate_limited", "retry", "message"),
    (17, None, "rate_limited", "retry", "message"),
    (32, None, "rate_limited", "retry", "message"),
    (341, None, "rate_limited", "retry", "message"),
    (613, None, "rate_limited", "retry", "message"),
    (613, 2534040, "rate_limited", "retry", "message"),
    (80006, None, "rate_limited", "retry", "message"),
    (80001, None, "rate_limited", "retry", "message"),
    (613, 2018338, "tag_misuse_warning", "retry", "page"),
    (10, None, "permission_missing", "retry", "page"),
    (10, 2018278, "window_closed", "permanent", "contact"),
    (10, 2018065, "window_closed", "permanent", "contact"),
    (10, 2018108, "unreachable", "permanent", "contact"),
    (10, 2018336, "restricted_in_europe", "permanent", "contact"),
    (10, 1893063, "page_restricted", "retry", "page"),
    (100, None, "bad_request", "permanent", "message"),
    (100, 33, "not_found", "permanent", "contact"),
    (100, 2018001, "unreachable", "permanent", "contact"),
    (100, 2018008, "media_not_fetched", "retry", "message"),
    (100, 2018294, "media_not_fetched", "retry", "message"),
    (100, 2018014, "bad_request", "permanent", "message"),
    (100, 2018032, "bad_request", "permanent", "message"),
    (100, 2018047, "bad_request", "permanent", "message"),
    (100, 2018074, "bad_request", "permanent", "message"),
    (100, 2018109, "bad_request", "permanent", "message"),
    (100, 2018247, "profile_not_permitted", "permanent", "contact"),
    (2018247, None, "profile_not_permitted", "permanent", "contact"),
    (190, None, "token_dead", "retry", "page"),
    (190, 458, "token_dead", "retry", "page"),
    (190, 459, "token_dead", "retry", "page"),
    (190, 460, "token_dead", "retry", "page"),
    (190, 463, "token_dead", "retry", "page"),
    (190, 467, "token_dead", "retry", "page"),
    (200, None, "permission_missing", "retry", "page"),
    (200, 2018028, "permission_missing", "retry", "page"),
    (200, 2018027, "permission_missing", "retry", "page"),
    (200, 1545041, "window_or_blocked", "permanent", "contact"),
    (551, None, "unreachable", "permanent", "contact"),
    (551, 1545041, "window_or_blocked", "permanent", "contact"),
    (1545041, None, "window_or_blocked", "permanent", "contact"),
    (230, None, "permission_missing", "retry", "page"),
    (368, None, "page_restricted", "retry", "page"),
    (546, None, "bad_request", "permanent", "message"),
    (1200, None, "graph_down", "retry", "message"),
    (2018171, None, "thread_owned_elsewhere", "permanent", "contact"),
    (2018218, None, "no_profile", "permanent", "contact"),
    (2018300, None, "thread_owned_elsewhere", "permanent", "contact"),
    (10, 2018300, "thread_owned_elsewhere", "permanent", "contact"),
    (2018278, None, "window_closed", "permanent", "contact"),
    (2018321, None, "question_flow", "retry", "contact"),
    (9000001, None, "message_deleted", "permanent", "message"),
    (424242, None, "refused", "permanent", "message"),
]


def body(code: object, subcode: object = None, **more: object) -> bytes:
    return json.dumps(
        {"error": {"message": "to 7007", "code": code, "error_subcode": subcode, **more}}
    ).encode()


@pytest.mark.parametrize(("code", "subcode", "ours", "kind", "scope"), TABLE)
def test_the_error_table_holds(code: int, subcode: int | None, ours: str, kind: str, scope: str) -> None:
    error = classify(400, body(code, subcode, fbtrace_id="AbC"), {})
    assert (error.code, error.kind, error.scope) == (ours, kind, scope)
    assert error.shown["nb"]
    assert error.shown["en"]
    assert error.shown["nb"] != error.shown["en"]
    assert (str(error), error.trace) == (ours, "AbC")


@pytest.mark.parametrize(
    ("status", "content", "ours", "kind"),
    [
        (500, b"<html>", "no_answer", "unknown"),
        (502, b"", "no_answer", "unknown"),
        (200, b"<html>", "no_answer", "unknown"),
        (200, b"[]", "no_answer", "unknown"),
        (503, b'{"error":{"code":424242}}', "no_answer", "unknown"),
        (429, b"slow down", "rate_limited", "retry"),
        (404, b"<html>", "graph_unreachable", "retry"),
        (302, b"", "graph_unreachable", "retry"),
        (400, b'{"error":"x"}', "graph_unreachable", "retry"),
        (400, b'{"error":{"code":"190"}}', "token_dead", "retry"),
        (400, b'{"error":{"code":7,"is_transient":true}}', "graph_down", "retry"),
        (400, b'{"error":{"code":' + b"9" * 5000 + b"}}", "refused", "permanent"),
        (500, b"[" * 100_000, "no_answer", "unknown"),
    ],
)
def test_answers_that_are_not_meta_s_usual_error(status: int, content: bytes, ours: str, kind: str) -> None:
    error = classify(status, content, {})
    assert (error.code, error.kind) == (ours, kind)


def test_a_rate_limit_tells_how_long_to_wait() -> None:
    usage = {"77": [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": 13}]}
    error = classify(400, body(80006), {"X-Business-Use-Case-Usage": json.dumps(usage)})
    assert error.retry_after_seconds == 13 * 60
    assert classify(429, b"", {"Retry-After": "7"}).retry_after_seconds == 7
    assert classify(400, body(613), {"x-app-usage": "nonsense"}).retry_after_seconds == 60


def test_a_contact_s_trouble_pauses_nobody_else() -> None:
    assert classify(400, body(2018321), {}).retry_after_seconds is None


def test_outages_are_tried_three_times() -> None:
    assert classify(500, body(2), {}).max_retries == 3
