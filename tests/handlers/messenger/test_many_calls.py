"""Many messages under way in one thread: the same answers and the same errors as one call after the other."""

from __future__ import annotations

import hashlib
import queue
import socket
import threading
from datetime import timedelta

import pytest
from messenger_world import NOW, PAGE_ID, TOKEN, FakeGraph, new_client
from patience import PATIENCE

from bot.messages import BotMessage, Purpose
from handlers.messenger.client import MessengerClient, SendResult
from handlers.messenger.http_answer import AnswerReader

PSID = "7000000000000007"


def said(text: str = "Hei") -> BotMessage:
    return BotMessage(purpose=Purpose.FLOW, text=text, not_after=NOW + timedelta(hours=1))


def sent(
    client: MessengerClient, *messages: BotMessage, shows_typing: bool = False, leaves=lambda: None
) -> list:
    """What came of them, begun together, in the order in which they came home."""
    home: queue.SimpleQueue = queue.SimpleQueue()

    def begin() -> None:
        for number, message in enumerate(messages, start=1):
            client.begin(
                PSID,
                message,
                outbox_id=number,
                tag=None,
                shows_typing=shows_typing,
                leaves=leaves,
                done=home.put,
            )

    client.soon(begin)
    return [home.get(timeout=PATIENCE) for _ in messages]


def test_many_are_under_way_at_once_and_connections_are_kept(client: MessengerClient, graph: FakeGraph):
    graph.silent_until = 4
    assert all(isinstance(each, SendResult) for each in sent(client, *[said()] * 4))
    used = {call.port for call in graph.calls}
    assert len(used) == 4
    sent(client, said())
    sent(client, said())
    assert {call.port for call in graph.calls} == used


def test_a_message_is_the_same_as_one_sent_alone(client: MessengerClient, graph: FakeGraph):
    client.send(PSID, said(), outbox_id=1)
    sent(client, said())
    one, other = graph.calls
    assert (one.method, one.path, one.params, one.body) == (
        other.method,
        other.path,
        other.params,
        other.body,
    )
    assert other.headers["Authorization"] == f"Bearer {TOKEN}"
    assert other.path == f"/v26.0/{PAGE_ID}/messages"


def test_a_long_text_goes_out_in_order_after_the_dots(client: MessengerClient, graph: FakeGraph):
    [result] = sent(client, said("ord " * 900), shows_typing=True)
    assert graph.calls[0].body["sender_action"] == "typing_on"
    parts = [call.body["message"]["metadata"] for call in graph.calls[1:]]
    assert parts == ["ps:1:more"] * (len(parts) - 1) + ["ps:1"] and len(parts) > 1
    assert result.mid == f"m_{len(graph.calls)}"


def test_a_refusal_is_told_and_typing_that_fails_is_not(client: MessengerClient, graph: FakeGraph):
    graph.fails(190)
    graph.fails(10, 2018278, status=403)
    [error] = sent(client, said(), shows_typing=True)
    assert (error.code, client.failed_actions) == ("window_closed", 1)


def test_a_hang_up_after_the_request_is_of_unknown_fate(client: MessengerClient, graph: FakeGraph):
    graph.answers.append(None)
    [error] = sent(client, said())
    assert (error.code, error.kind) == ("no_answer", "unknown")


def test_silence_is_of_unknown_fate(graph: FakeGraph):
    client = new_client(graph.url, read_timeout=0.1)
    graph.silent_for = threading.Event()
    [error] = sent(client, said())
    graph.silent_for.set()
    client.close()
    assert (error.code, error.kind) == ("no_answer", "unknown")


def test_what_never_left_may_be_repeated_and_is_not_called_begun():
    began = []
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        client = new_client(f"http://127.0.0.1:{taken.getsockname()[1]}")
        [error] = sent(client, said(), leaves=lambda: began.append(1))
        client.close()
    assert (error.code, error.kind) == ("graph_unreachable", "retry")
    assert not began


def test_a_message_is_begun_when_its_words_leave_and_not_with_the_dots(
    client: MessengerClient, graph: FakeGraph
):
    calls_before = []
    sent(client, said(), shows_typing=True, leaves=lambda: calls_before.append(len(graph.calls)))
    assert calls_before == [1]


def test_a_connection_that_was_hung_up_meanwhile_is_not_used(client: MessengerClient, graph: FakeGraph):
    graph.will_answer(200, {"message_id": "m_1"}, Connection="close")
    sent(client, said())
    assert isinstance(sent(client, said())[0], SendResult)
    assert len({call.port for call in graph.calls}) == 2


WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n",
    "go on first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_an_answer_is_read_however_it_comes(data: bytes, cut: int):
    reader = AnswerReader()
    answers = [reader.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
    assert [answer is None for answer in answers[:-1]] == [True] * (len(answers) - 1)
    assert answers[-1] is not None and (answers[-1].status, answers[-1].body) == (200, b"{}")
    assert reader.may_stay


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 1_000_001,
    ],
    ids=lambda data: hashlib.sha256(data).hexdigest()[:6],
)
def test_what_is_no_answer_is_refused(data: bytes):
    with pytest.raises(ValueError, match=r"HTTP|length|packed|invalid literal|much"):
        AnswerReader().feed(data)


def test_an_answer_may_last_until_the_connection_ends():
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.0 502 Bad\r\n\r\nsorry") is None
    answer = reader.ended()
    assert answer is not None and (answer.status, answer.body) == (502, b"sorry")
    assert AnswerReader().ended() is None
