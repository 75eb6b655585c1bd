"""The failures that can be switched on, over real HTTP."""

from __future__ import annotations

import json
import threading

import pytest
import requests
from patience import PATIENCE


def numbers(answer) -> tuple:
    told = answer.json()["error"]
    return told["code"], told.get("error_subcode")


@pytest.mark.parametrize(
    ("mode", "status", "expected"),
    [
        ("429", 429, (613, None)),
        ("500", 500, (2, None)),
        ("dead_token", 401, (190, 460)),
        ("restricted", 403, (10, 1893063)),
    ],
)
def test_a_failure_answers_with_its_numbers_and_delivers_nothing(
    call, stand_in, psid, mode, status, expected
):
    stand_in.fail(mode)
    answer = call.send(psid)
    assert (answer.status_code, numbers(answer)) == (status, expected)
    assert stand_in.deliveries == []
    stand_in.fail("normal")
    assert call.send(psid).status_code == 200


def test_too_many_calls_says_in_the_headers_when_access_comes_back(call, stand_in, psid):
    stand_in.fail("429")
    usage = json.loads(call.send(psid).headers["X-Business-Use-Case-Usage"])
    assert usage[stand_in.page_id][0]["estimated_time_to_regain_access"] == 1


def test_a_broken_gateway_answers_with_a_page_of_html(call, stand_in, psid):
    stand_in.fail("html_502")
    answer = call.send(psid)
    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_failure_can_last_for_a_number_of_calls_that_typing_does_not_use_up(call, stand_in, psid):
    stand_in.fail("500", calls=2)
    statuses = [call.send(psid, message=None, sender_action="typing_on").status_code]
    statuses += [call.send(psid).status_code for _ in range(3)]
    assert statuses == [500, 500, 500, 200]
    assert stand_in.calls == 4
    assert [each.code for each in stand_in.call_log] == [2, 2, 2, None]


def test_a_message_can_arrive_although_its_sender_never_hears_so(call, stand_in, psid):
    stand_in.fail("timeout_after_accepting", calls=1, seconds=None)
    version = stand_in.version
    with pytest.raises(requests.exceptions.ReadTimeout):
        call("POST", "/me/messages", _message(psid), timeout=0.2)
    stand_in.wait_for_change(version, PATIENCE)
    assert [each.text for each in stand_in.deliveries] == ["Hei"]
    assert call.send(psid).status_code == 200


def test_a_late_answer_comes_when_the_failure_is_switched_off(call, stand_in, psid):
    stand_in.fail("timeout_after_accepting", seconds=None)
    answers: list[int] = []
    sender = threading.Thread(
        target=lambda: answers.append(call("POST", "/me/messages", _message(psid)).status_code)
    )
    version = stand_in.version
    sender.start()
    stand_in.wait_for_change(version, PATIENCE)  # it is delivered
    stand_in.fail("normal")
    sender.join(PATIENCE)
    assert answers == [200]


def test_slow_is_slow_but_works(call, stand_in, psid):
    stand_in.fail("slow", milliseconds=20)
    assert call.send(psid).elapsed.total_seconds() >= 0.02
    assert len(stand_in.deliveries) == 1


def test_an_unknown_failure_is_a_mistake(stand_in):
    with pytest.raises(ValueError, match="no such failure"):
        stand_in.fail("sulky")


def _message(psid: str) -> dict:
    return {"recipient": {"id": psid}, "messaging_type": "RESPONSE", "message": {"text": "Hei"}}
