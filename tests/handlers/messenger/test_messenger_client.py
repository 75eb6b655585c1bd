"""The Send API client against a stand-in for Graph over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import threading
import traceback
from datetime import timedelta

import pytest
from messenger_world import APP_SECRET, NOW, PAGE_ID, TOKEN, FakeGraph, new_client
from pymessenger.bot import Bot

from bot.errors import ContentError
from bot.messages import BotMessage, Choice, Purpose, SupporterMessage
from bot.window import HumanAgentTag, human_agent_tag
from handlers.messenger.client import MessengerClient
from handlers.messenger.errors import SendError
from handlers.messenger.split import units

PSID = "7000000000000007"
WORDS = "hem" + "melig"  # not as it stands here: a traceback shows the lines of this file
PROOF = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()


def said(text: str = "Hei", *choices: Choice) -> BotMessage:
    return BotMessage(purpose=Purpose.FLOW, text=text, choices=choices, not_after=NOW)


def written(text: str = "Hei, jeg er her") -> SupporterMessage:
    return SupporterMessage(supporter_id=3, alias="Amalie", text=text)


def tag_for(message: SupporterMessage) -> HumanAgentTag:
    tag = human_agent_tag(message, NOW - timedelta(days=2), NOW, granted=True)
    assert tag is not None
    return tag


def test_a_message_goes_out_as_a_response_with_our_outbox_id(
    client: MessengerClient, graph: FakeGraph
) -> None:
    result = client.send(PSID, said("Hei 🙂", Choice(title="Ja", payload="yes")), outbox_id=42)
    assert result.mid == "m_1"
    [call] = graph.calls
    assert (call.method, call.path) == ("POST", f"/v26.0/{PAGE_ID}/messages")
    assert call.body == {
        "recipient": {"id": PSID},
        "messaging_type": "RESPONSE",
        "message": {
            "text": "Hei 🙂",
            "metadata": "ps:42",
            "quick_replies": [{"content_type": "text", "title": "Ja", "payload": "yes"}],
        },
    }


def test_the_token_travels_in_the_header_only(client: MessengerClient, graph: FakeGraph) -> None:
    client.send(PSID, said(), outbox_id=1)
    [call] = graph.calls
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"
    assert call.params == {"appsecret_proof": PROOF}
    assert TOKEN not in json.dumps(call.body)


def test_connections_are_kept(client: MessengerClient, graph: FakeGraph) -> None:
    for number in range(5):
        client.send(PSID, said(), outbox_id=number)
    assert len({call.port for call in graph.calls}) == 1


def test_a_long_text_goes_out_in_order_and_only_the_last_part_settles_it(
    client: MessengerClient, graph: FakeGraph
) -> None:
    text = "\n\n".join(f"Avsnitt {number}. " + "ord " * 200 for number in range(6))
    result = client.send(PSID, said(text, Choice(title="Ja", payload="yes")), outbox_id=42)
    messages = [call.body["message"] for call in graph.calls]
    assert len(messages) > 2
    assert result.mid == f"m_{len(messages)}"
    assert all(units(message["text"]) <= 1900 for message in messages)
    assert [message["metadata"] for message in messages] == ["ps:42:more"] * (len(messages) - 1) + ["ps:42"]
    assert [("quick_replies" in message) for message in messages] == [False] * (len(messages) - 1) + [True]
    assert "".join("".join(m["text"] for m in messages).split()) == "".join(text.split())


def test_too_many_and_too_long_quick_replies_are_cut(client: MessengerClient, graph: FakeGraph) -> None:
    choices = [Choice(title=f"{number} Noe som er altfor langt", payload="p" * 1200) for number in range(20)]
    client.send(PSID, said("Velg", *choices), outbox_id=1)
    sent = graph.calls[0].body["message"]["quick_replies"]
    assert len(sent) == 13
    assert all(len(reply["title"]) <= 20 and len(reply["payload"]) <= 1000 for reply in sent)


def test_a_failure_after_an_earlier_part_says_so_and_is_not_to_be_repeated(
    client: MessengerClient, graph: FakeGraph
) -> None:
    graph.will_answer(200, {"message_id": "m_first"})
    graph.fails(190)
    with pytest.raises(SendError) as caught:
        client.send(PSID, said("ord " * 800), outbox_id=1)
    error = caught.value
    assert (error.code, error.kind, error.scope, error.reason) == (
        "partly_sent",
        "permanent",
        "message",
        "token_dead",
    )
    assert error.partly_sent
    assert "Only the first part" in error.shown["en"]


def test_a_failure_of_the_first_part_is_an_ordinary_one(client: MessengerClient, graph: FakeGraph) -> None:
    graph.fails(10, 2018278, status=403)
    with pytest.raises(SendError, match="window_closed") as caught:
        client.send(PSID, said("ord " * 800), outbox_id=1)
    assert not caught.value.partly_sent
    assert len(graph.calls) == 1


def test_a_blank_message_is_refused_before_it_is_sent(client: MessengerClient, graph: FakeGraph) -> None:
    with pytest.raises(SendError, match="bad_request"):
        client.send(PSID, said(" \n"), outbox_id=1)
    assert not graph.calls


# The human agent tag.


def test_a_person_s_message_carries_the_tag(client: MessengerClient, graph: FakeGraph) -> None:
    message = written()
    client.send(PSID, message, outbox_id=1, tag=tag_for(message))
    assert graph.calls[0].body["messaging_type"] == "MESSAGE_TAG"
    assert graph.calls[0].body["tag"] == "HUMAN_AGENT"
    assert graph.calls[0].body["message"] == {"text": "Hei, jeg er her", "metadata": "ps:1"}


def test_without_a_tag_a_person_s_message_is_a_response(client: MessengerClient, graph: FakeGraph) -> None:
    client.send(PSID, written(), outbox_id=1)
    assert graph.calls[0].body["messaging_type"] == "RESPONSE"
    assert "tag" not in graph.calls[0].body


def test_a_bot_s_message_cannot_carry_the_tag(client: MessengerClient, graph: FakeGraph) -> None:
    with pytest.raises(TypeError):
        client.send(PSID, said(), outbox_id=1, tag=tag_for(written()))
    assert not graph.calls


def test_a_tag_goes_only_with_the_person_it_was_made_for(client: MessengerClient, graph: FakeGraph) -> None:
    with pytest.raises(TypeError):
        client.send(PSID, written(), outbox_id=1, tag=HumanAgentTag(supporter_id=4))
    assert not graph.calls


@pytest.mark.parametrize("extra", [{"tag": "HUMAN_AGENT"}, {"messaging_type": "MESSAGE_TAG"}])
def test_no_inherited_call_can_carry_a_tag(
    extra: dict[str, str], client: MessengerClient, graph: FakeGraph
) -> None:
    with pytest.raises(TypeError):
        client.send_raw({"recipient": {"id": PSID}, "message": {"text": "x"}, **extra})
    assert not graph.calls


# pymessenger.


def test_inherited_calls_work(client: MessengerClient, graph: FakeGraph) -> None:
    assert isinstance(client, Bot)
    client.send_text_message(PSID, "Hei")
    client.send_image_url(PSID, "https://example.org/x.png")
    assert graph.calls[0].body["message"] == {"text": "Hei"}
    assert graph.calls[1].body["message"]["attachment"]["type"] == "image"
    assert graph.calls[1].body["recipient"] == {"id": PSID}


@pytest.mark.parametrize("name", ["send_image", "send_audio", "send_video", "send_file", "send_video_url"])
def test_broken_inherited_calls_are_blocked(name: str, client: MessengerClient) -> None:
    with pytest.raises(NotImplementedError):
        getattr(client, name)(PSID, "x")


def test_without_an_app_secret_there_is_no_proof(graph: FakeGraph) -> None:
    client = new_client(graph.url, app_secret="")
    client.send(PSID, said(), outbox_id=1)
    client.close()
    assert graph.calls[0].params == {}


# Trouble on the way.


def raised_by(client: MessengerClient, message: BotMessage | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        client.send(PSID, message or said(WORDS), outbox_id=1)
    return caught.value


def everything_about(error: BaseException) -> str:
    """What any log could print, the chain of causes included."""
    lines = traceback.format_exception(error)
    chain = [error]
    while (before := chain[-1].__context__ or chain[-1].__cause__) is not None:
        chain.append(before)
    return "".join(lines) + "".join(repr(each) + repr(vars(each)) for each in chain)


def test_a_server_that_is_down_is_tried_again_and_gives_nothing_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = new_client(f"http://127.0.0.1:{unused.getsockname()[1]}")
        error = raised_by(client)
    client.close()
    assert (error.code, error.kind) == ("graph_unreachable", "retry")
    assert error.__context__ is None
    for secret in (TOKEN, PROOF, PSID, WORDS):
        assert secret not in everything_about(error) + caplog.text + repr(client)


def test_nothing_secret_is_logged_when_all_goes_well(
    client: MessengerClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.send(PSID, said(WORDS), outbox_id=1)
    for secret in (TOKEN, PROOF, PSID, WORDS):
        assert secret not in caplog.text


def test_no_answer_in_time_is_of_unknown_fate(graph: FakeGraph) -> None:
    graph.silent_for = threading.Event()
    client = new_client(graph.url, read_timeout=0.2)
    error = raised_by(client)
    assert graph.hears(1)
    graph.silent_for.set()
    client.close()
    assert (error.code, error.kind) == ("no_answer", "unknown")
    assert len(graph.calls) == 1, "a message that may have arrived was repeated"
    assert TOKEN not in everything_about(error)


def test_a_hang_up_after_the_request_is_of_unknown_fate(client: MessengerClient, graph: FakeGraph) -> None:
    graph.answers.append(None)
    error = raised_by(client)
    assert (error.code, error.kind) == ("no_answer", "unknown")
    assert len(graph.calls) == 1


@pytest.mark.parametrize(
    ("status", "content", "code", "kind"),
    [
        (502, b"<html>bad gateway</html>", "no_answer", "unknown"),
        (200, b"<html>", "no_answer", "unknown"),
        (200, {"error": {"code": 190}}, "token_dead", "retry"),
        (400, {"error": {"code": 100, "error_subcode": 2018001}}, "unreachable", "permanent"),
        (302, b"", "graph_unreachable", "retry"),
    ],
)
def test_answers_become_errors(
    status: int, content: object, code: str, kind: str, client: MessengerClient, graph: FakeGraph
) -> None:
    graph.will_answer(status, content, Location="http://127.0.0.1:1/elsewhere")
    error = raised_by(client)
    assert (error.code, error.kind) == (code, kind)
    assert len(graph.calls) == 1


def test_an_answer_without_a_message_id_is_a_success(client: MessengerClient, graph: FakeGraph) -> None:
    graph.will_answer(200, {"recipient_id": PSID})
    assert client.send(PSID, said(), outbox_id=1).mid is None


@pytest.mark.parametrize("url", ["http://graph.example.org", "ftp://127.0.0.1", "graph.facebook.com"])
def test_the_token_never_travels_readably(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        new_client(url)


@pytest.mark.parametrize("token", ["", "EAA token", "EAA\n", "“EAA”"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="PAGE_ACCESS_TOKEN") as caught:
        new_client("https://graph.facebook.com", token=token)
    assert not token or token not in str(caught.value)


# Typing, limits, threads, the Page.


def test_typing_never_raises(client: MessengerClient, graph: FakeGraph) -> None:
    client.typing(PSID, True)
    graph.fails(551)
    client.typing(PSID, False)
    assert [call.body["sender_action"] for call in graph.calls] == ["typing_on", "typing_off"]
    assert all("messaging_type" not in call.body for call in graph.calls)
    assert client.failed_actions == 1


def test_nearly_used_up_limits_ask_for_a_pause(graph: FakeGraph) -> None:
    ticks = [100.0]
    client = new_client(graph.url, monotonic=lambda: ticks[0])
    graph.will_answer(200, {"message_id": "m"}, X_App_Usage='{"call_count":40,"total_time":3}')
    client.send(PSID, said(), outbox_id=1)
    assert (client.usage_percent, client.pause_seconds()) == (40, 0)
    graph.will_answer(200, {"message_id": "m"}, X_App_Usage='{"call_count":95}')
    client.send(PSID, said(), outbox_id=2)
    assert (client.usage_percent, client.pause_seconds()) == (95, 30)
    client.typing(PSID, True)
    assert len(graph.calls) == 2, "typing used up what was left"
    ticks[0] += 31
    assert client.pause_seconds() == 0
    use_case = {"1": [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": 2}]}
    graph.fails(80006, X_Business_Use_Case_Usage=json.dumps(use_case))
    assert raised_by(client).retry_after_seconds == 120
    assert client.pause_seconds() == 120
    client.close()


def test_the_thread_is_taken(client: MessengerClient, graph: FakeGraph) -> None:
    graph.will_answer(200, {"success": True})
    client.take_thread(PSID)
    assert graph.calls[0].path.endswith("/take_thread_control")
    assert graph.calls[0].body == {"recipient": {"id": PSID}}


def test_the_token_is_checked(client: MessengerClient, graph: FakeGraph) -> None:
    graph.will_answer(200, {"id": PAGE_ID})
    client.check_token()
    assert (graph.calls[0].method, graph.calls[0].path) == ("GET", "/v26.0/me")
    graph.will_answer(200, {"id": "999"})
    with pytest.raises(SendError, match="wrong_page"):
        client.check_token()
    graph.fails(190, 463, status=401)
    with pytest.raises(SendError, match="token_dead"):
        client.check_token()


def test_subscriptions_are_set_and_listed(client: MessengerClient, graph: FakeGraph) -> None:
    graph.will_answer(200, {"success": True})
    client.subscribe()
    assert "messages" in graph.calls[0].params["subscribed_fields"].split(",")
    assert "response_feedback" not in graph.calls[0].params["subscribed_fields"]
    graph.will_answer(
        200, {"data": [{"id": "555", "name": "x", "subscribed_fields": ["messages", "standby"]}, None]}
    )
    assert client.subscriptions()["555"] == ("messages", "standby")


def profile(**changes: object) -> dict[str, object]:
    menu = [{"type": "postback", "title": "Hjelp nå (113)", "payload": "help"}]
    return {
        "get_started": {"payload": "start"},
        "greeting": [{"locale": "default", "text": "Akutt: ring 113."}],
        "persistent_menu": [{"locale": "default", "composer_input_disabled": False, "call_to_actions": menu}],
    } | changes


def test_the_profile_is_written_and_read(client: MessengerClient, graph: FakeGraph) -> None:
    graph.will_answer(200, {"result": "success"})
    client.set_profile(profile())
    assert (graph.calls[0].path, graph.calls[0].body) == ("/v26.0/me/messenger_profile", profile())
    graph.will_answer(200, {"data": [profile()]})
    assert client.get_profile() == profile()
    graph.will_answer(200, {"data": []})
    assert client.get_profile() == {}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"greeting": [{"locale": "default", "text": "Hei"}]}, "113 must be in it"),
        ({"greeting": [{"locale": "default", "text": "113 " * 41}]}, "164 characters"),
        ({"greeting": [{"locale": "nb_NO", "text": "113"}]}, "`default` is missing"),
        ({"get_started": {}}, "get_started"),
        ({"persistent_menu": [{"locale": "default", "call_to_actions": []}]}, "0 items"),
        (
            {
                "persistent_menu": [
                    {"locale": "default", "call_to_actions": [{"title": "Meny", "payload": "menu"}]}
                ]
            },
            "'help' and 113",
        ),
        (
            {
                "persistent_menu": [
                    {"locale": "default", "call_to_actions": [{"title": "113 " * 8, "payload": "help"}]}
                ]
            },
            "32 characters",
        ),
    ],
)
def test_a_profile_that_would_not_help_while_we_are_down_is_not_written(
    change: dict[str, object], problem: str, client: MessengerClient, graph: FakeGraph
) -> None:
    with pytest.raises(ContentError, match=problem):
        client.set_profile(profile(**change))
    assert not graph.calls
