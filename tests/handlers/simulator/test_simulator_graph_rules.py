"""What Meta refuses, and how it says so. Source: Messenger Platform, Send API and error codes."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
import requests
from patience import PATIENCE

from handlers.simulator.server import standing_graph


def error(answer) -> dict:
    body = answer.json()
    assert set(body) == {"error"}
    assert {"message", "type", "code", "fbtrace_id"} <= set(body["error"])
    return body["error"]


def numbers(answer) -> tuple:
    told = error(answer)
    return told["code"], told.get("error_subcode")


def replies(count: int, *, title: str = "Ja", payload: str = "yes") -> dict:
    one = {"content_type": "text", "title": title, "payload": payload}
    return {"text": "Ok?", "quick_replies": [one] * count}


def test_a_message_is_shown_to_the_student_and_answered_with_its_mid(call, stand_in, psid):
    answer = call.send(psid, "Hei på deg")
    assert answer.status_code == 200
    assert answer.json() == {"recipient_id": psid, "message_id": stand_in.deliveries[0].mid}
    assert stand_in.thread(psid).messages[-1].text == stand_in.deliveries[0].text == "Hei på deg"


def test_me_and_the_page_id_are_the_same_page(call, stand_in, psid):
    body = {"recipient": {"id": psid}, "messaging_type": "RESPONSE", "message": {"text": "Hei"}}
    assert call("POST", "/me/messages", body).status_code == 200
    assert call("GET", "/me", fields="id").json() == {"id": stand_in.page_id}


def test_recipient_and_message_are_also_taken_as_json_text(call, psid):
    answer = call.send(psid, recipient=json.dumps({"id": psid}), message=json.dumps({"text": "Hei"}))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"messaging_type": None}, (100, None)),
        ({"messaging_type": "PROMOTION"}, (100, None)),
        ({"recipient": None}, (100, None)),
        ({"recipient": {"id": "404"}}, (100, 2018001)),
        ({"message": None}, (100, None)),
        ({"message": {"text": ""}}, (100, 2018032)),
        ({"message": {"text": "  \n"}}, (100, 2018032)),
        ({"message": {}}, (100, 2018032)),
        ({"message": {"text": "a" * 2001}}, (100, None)),
        ({"message": {"text": "😀" * 1001}}, (100, None)),
        ({"message": {"text": "a", "attachment": {"type": "image", "payload": {"url": "x"}}}}, (100, None)),
        ({"message": {"attachment": {"type": "image", "payload": {}}}}, (100, None)),
        ({"message": {"text": "a", "metadata": "m" * 1001}}, (100, None)),
        ({"message": {"text": "a", "quick_replies": []}}, (100, None)),
        ({"message": replies(14)}, (100, None)),
        ({"message": replies(1, title="t" * 21)}, (100, None)),
        ({"message": replies(1, title="")}, (100, None)),
        ({"message": replies(1, payload="p" * 1001)}, (100, None)),
        ({"sender_action": "typing_on"}, (100, 2018014)),
        ({"sender_action": "dance", "message": None}, (100, None)),
        ({"reply_to": {"mid": "m_unknown"}}, (100, None)),
        ({"tag": "HUMAN_AGENT"}, (100, None)),
        ({"messaging_type": "MESSAGE_TAG"}, (100, None)),
        ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, (100, None)),
        ({"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}, (10, None)),
    ],
)
def test_what_meta_would_refuse_is_refused_and_reaches_nobody(call, stand_in, psid, more, expected):
    assert numbers(call.send(psid, **more)) == expected
    assert stand_in.deliveries == []


@pytest.mark.parametrize(
    "message",
    [
        {"text": "a" * 2000},
        {"text": "😀" * 1000},
        replies(13, title="t" * 20, payload="p" * 1000),
        {"attachment": {"type": "image", "payload": {"url": "https://example.org/a.png"}}},
    ],
)
def test_what_is_just_within_the_limits_is_taken(call, psid, message):
    assert call.send(psid, message=message).status_code == 200


def test_the_limit_of_2000_is_named_as_meta_names_it(call, psid):
    said = error(call.send(psid, "a" * 2001))["message"]
    assert said == "(#100) Length of param message[text] must be less than or equal to 2000"


def test_the_window_closes_24_hours_after_the_last_message(call, clock, psid):
    clock.advance(timedelta(hours=23, minutes=59))
    assert call.send(psid).status_code == 200
    clock.advance(timedelta(minutes=2))
    assert numbers(call.send(psid)) == (10, 2018278)
    typing = call.send(psid, message=None, sender_action="typing_on")
    assert numbers(typing) == (10, 2018278)


def test_a_student_who_never_wrote_cannot_be_written_to(call, stand_in):
    assert numbers(call.send(stand_in.new_student())) == (10, 2018278)


def test_reactions_and_links_open_the_window_but_reading_and_editing_do_not(call, clock, stand_in, psid):
    mid = stand_in.thread(psid).messages[0].mid
    call.send(psid)
    clock.advance(timedelta(hours=25))
    stand_in.read(psid)
    stand_in.edit(psid, mid, "Hei igjen")
    assert numbers(call.send(psid)) == (10, 2018278)
    stand_in.react(psid, mid, "love")
    assert call.send(psid).status_code == 200
    clock.advance(timedelta(hours=25))
    stand_in.referral(psid, "poster")
    assert call.send(psid).status_code == 200


def test_the_human_agent_tag_reaches_seven_days_where_it_is_granted(call, clock, stand_in, psid):
    stand_in.human_agent_granted = True
    tagged = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    clock.advance(timedelta(days=6, hours=23))
    assert numbers(call.send(psid)) == (10, 2018278)
    assert call.send(psid, **tagged).status_code == 200
    assert stand_in.deliveries[-1].tag == "HUMAN_AGENT"
    clock.advance(timedelta(hours=2))
    assert numbers(call.send(psid, **tagged)) == (10, 2018278)


@pytest.mark.parametrize("token", [None, "wrong", "demo-token2"])
def test_a_wrong_token_is_error_190(call, psid, token):
    answer = call("GET", "/me", token=token)
    assert answer.status_code == 401
    assert numbers(answer) == (190, None)


def test_the_token_may_also_stand_in_the_query_or_the_body(call, stand_in, psid):
    assert call("GET", "/me", token=None, access_token=stand_in.token).status_code == 200
    body = {"access_token": stand_in.token, "recipient": {"id": psid}, "sender_action": "typing_on"}
    assert call("POST", "/me/messages", body, token=None).status_code == 200


def test_the_proof_is_demanded_where_an_app_secret_is_set():
    with standing_graph(app_secret="demo-secret") as graph:
        headers = {"Authorization": "Bearer demo-token"}

        def get(**params: str) -> requests.Response:
            return requests.get(f"{graph.url}/v26.0/me", params=params, headers=headers, timeout=PATIENCE)

        proof = hmac.new(b"demo-secret", b"demo-token", hashlib.sha256).hexdigest()
        assert get(appsecret_proof=proof).status_code == 200
        for answer in (get(), get(appsecret_proof="0" * 64)):
            assert numbers(answer) == (100, None)
            assert error(answer)["type"] == "GraphMethodException"


def test_a_student_who_blocked_the_page_gives_551(call, stand_in, psid):
    stand_in.block(psid)
    assert numbers(call.send(psid)) == (551, 1545041)
    stand_in.block(psid, False)
    assert call.send(psid).status_code == 200


def test_every_answer_has_usage_headers_and_every_error_its_own_trace(call, psid):
    first, second = (call.send(psid, "") for _ in range(2))
    assert error(first)["fbtrace_id"] != error(second)["fbtrace_id"]
    assert set(json.loads(first.headers["X-App-Usage"])) == {"call_count", "total_cputime", "total_time"}
    usage = json.loads(first.headers["X-Business-Use-Case-Usage"])
    assert next(iter(usage.values()))[0]["estimated_time_to_regain_access"] == 0


def test_sender_actions_show_typing_seen_and_reactions(call, stand_in, psid):
    thread = stand_in.thread(psid)
    assert call.send(psid, message=None, sender_action="typing_on").json() == {"recipient_id": psid}
    assert thread.is_typing
    call.send(psid)
    assert not thread.is_typing
    call.send(psid, message=None, sender_action="mark_seen")
    assert thread.messages[0].seen
    payload = {"message_id": thread.messages[0].mid, "reaction": "love"}
    call.send(psid, message=None, sender_action="react", payload=payload)
    assert thread.messages[0].page_reaction == "❤"
    call.send(psid, message=None, sender_action="unreact", payload={"message_id": payload["message_id"]})
    assert thread.messages[0].page_reaction is None


def test_paths_that_do_not_exist_are_refused_as_meta_does(call, graph, psid):
    assert numbers(call("GET", "/nobody")) == (100, 33)
    assert numbers(call("POST", "/me/dreams", {})) == (100, 33)
    assert numbers(call("GET", f"/{psid}", fields="first_name")) == (100, 2018247)
    unversioned = requests.get(f"{graph.url}/me/messages", timeout=PATIENCE)
    assert numbers(unversioned)[0] == 2500


def test_another_owner_of_the_thread_stops_our_sends_until_it_comes_back(call, stand_in, psid):
    stand_in.inbox_answer(psid, "Hei, jeg svarer her")
    assert numbers(call.send(psid)) == (2018300, None)
    owner = call("GET", f"/{stand_in.page_id}/thread_owner", recipient=psid).json()
    assert owner["data"][0]["thread_owner"]["app_id"] == "263902037430900"
    take = call("POST", f"/{stand_in.page_id}/take_thread_control", {"recipient": {"id": psid}})
    assert take.json() == {"success": True}
    assert call.send(psid).status_code == 200


def test_control_is_passed_released_and_asked_for(call, stand_in, clock, psid):
    to = {"recipient": {"id": psid}}
    passed = call("POST", "/me/pass_thread_control", {**to, "target_app_id": "263902037430900"})
    assert passed.json() == {"success": True}
    assert numbers(call.send(psid)) == (2018300, None)
    assert numbers(call("POST", "/me/release_thread_control", to)) == (2018300, None)
    call("POST", "/me/request_thread_control", to)
    assert stand_in.thread(psid).requested_by == stand_in.app_id
    stand_in.inbox_pass(psid)
    assert call("POST", "/me/release_thread_control", to).json() == {"success": True}
    assert call("GET", "/me/thread_owner", recipient=psid).json() == {"data": []}


def test_without_a_default_app_nobody_can_take_a_thread(call, stand_in, psid):
    stand_in.default_app = False
    stand_in.inbox_take(psid)
    take = call("POST", "/me/take_thread_control", {"recipient": {"id": psid}})
    assert numbers(take) == (2018300, None)


def test_the_profile_is_kept_shown_and_deleted(call):
    menu = [{"locale": "default", "call_to_actions": [{"type": "postback", "title": "Meny", "payload": "m"}]}]
    assert numbers(call("POST", "/me/messenger_profile", {"persistent_menu": menu})) == (100, None)
    new = {"get_started": {"payload": "start"}, "persistent_menu": menu}
    assert call("POST", "/me/messenger_profile", new).json() == {"result": "success"}
    shown = call("GET", "/me/messenger_profile", fields="get_started,persistent_menu").json()
    assert shown == {"data": [new]}
    gone = call("DELETE", "/me/messenger_profile", {"fields": ["persistent_menu", "get_started"]})
    assert gone.json() == {"result": "success"}
    assert call("GET", "/me/messenger_profile", fields="get_started").json() == {"data": []}
    long = {"greeting": [{"locale": "default", "text": "a" * 161}]}
    assert numbers(call("POST", "/me/messenger_profile", long)) == (100, None)


def test_subscriptions_are_kept_and_listed(call, stand_in):
    answer = call("POST", "/me/subscribed_apps", subscribed_fields="messages,message_echoes")
    assert answer.json() == {"success": True}
    listed = call("GET", "/me/subscribed_apps").json()["data"][0]
    assert listed["id"] == stand_in.app_id
    assert listed["subscribed_fields"] == ["messages", "message_echoes"]
    call("DELETE", "/me/subscribed_apps")
    assert call("GET", "/me/subscribed_apps").json() == {"data": []}
