"""The outgoing webhook against a server that fails, hangs, trickles and recovers; nothing waits for long."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import threading

import pytest
from alerting_bench import NOTICE, certificates, http_server, reply
from patience import PATIENCE

from handlers.alerting.bounded_post import address_problem, post
from handlers.alerting.notice import ChannelFailed
from handlers.alerting.webhook import Webhook

SECRET = "a secret that both sides know, and nobody else"


def failing(url: str, **more) -> ChannelFailed:
    with pytest.raises(ChannelFailed) as caught:
        Webhook(url, SECRET, **more).tell(NOTICE)
    return caught.value


def test_the_gateway_can_prove_who_sent_it_when_and_that_it_is_a_repetition():
    got = []

    def answer(request, body):
        got.append((dict(request.headers), body))
        reply(202)(request, body)

    with http_server(answer) as url:
        for _ in range(2):
            assert Webhook(f"{url}/sms?account=1", SECRET).tell(NOTICE) == ()
    (headers, body), (again, same_body) = got
    stamp, _, mark = headers["X-Peersupport-Signature"].partition(",v1=")
    seconds = stamp.removeprefix("t=")
    assert int(seconds) == NOTICE.at.timestamp()
    assert mark == hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == NOTICE.key
    assert body == same_body
    assert json.loads(body) == {
        "id": NOTICE.key,
        "kind": "alert",
        "to": NOTICE.phone,
        "text": NOTICE.text,
        "link": NOTICE.link,
    }


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (503, True), (429, True), (408, True), (400, False), (403, False)]
)
def test_a_refusal_says_whether_another_try_may_help(status, again):
    with http_server(reply(status)) as url:
        failed = failing(url)
    assert (failed.code, failed.again, failed.unknown) == (f"http_{status}", again, False)


def test_nothing_is_sent_on_to_where_an_answer_points():
    seen = []

    def elsewhere(request, body):
        seen.append(body)
        reply(200)(request, body)

    with http_server(elsewhere) as other, http_server(reply(307, Location=other)) as url:
        failed = failing(url)
    assert (failed.code, failed.again, seen) == ("redirected", False, [])


def test_a_server_that_is_not_there_was_not_told():
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        failed = failing(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert (failed.code, failed.again, failed.unknown) == ("no_connection", True, False)


def test_a_server_that_hangs_costs_no_more_than_the_limit_and_may_have_been_told():
    let_go, hung = threading.Event(), []
    with http_server(lambda request, body: hung.append(let_go.wait(PATIENCE))) as url:
        failed = failing(url, limit_seconds=0.2)
        assert not hung, "it did not wait for the end of this"
        let_go.set()
    assert (failed.code, failed.again, failed.unknown) == ("no_answer", True, True)


def test_a_server_that_trickles_its_answer_costs_no_more_than_the_limit():
    let_go = threading.Event()

    def answer(request, body):
        with contextlib.suppress(OSError):
            request.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not let_go.wait(0.02):  # each byte comes long before any time-out for a single one
                request.wfile.write(b"X")
                request.wfile.flush()

    with http_server(answer) as url:
        failed = failing(url, limit_seconds=0.3)  # or it would never come back
        let_go.set()
    assert (failed.code, failed.unknown) == ("no_answer", True)


def test_a_server_that_recovers_is_told():
    answers = [503, 500, 200]

    def answer(request, body):
        reply(answers.pop(0))(request, body)

    with http_server(answer) as url:
        assert failing(url).again
        assert failing(url).again
        assert Webhook(url, SECRET).tell(NOTICE) == ()


def test_https_is_checked_against_whom_we_trust(tmp_path):
    server, client = certificates(tmp_path)
    with http_server(reply(200), server) as url:
        assert Webhook(url, SECRET, context=client).tell(NOTICE) == ()
        failed = failing(url)
    assert (failed.code, failed.unknown) == ("no_connection", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://push.example.org/x",
        "http://127.0.0.1.example.org/x",
        "http://localhost@example.org/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nX-Other: 1",
        "nowhere",
        "",
    ],
)
def test_an_address_that_is_not_safe_is_never_called(url):
    assert address_problem(url)
    with pytest.raises(ChannelFailed) as failed:
        post(url, b"", {})
    assert (failed.value.code, failed.value.again) == ("bad_address", False)


@pytest.mark.parametrize(
    "url", ["https://example.org/x", "http://127.0.0.1:8/x", "http://[::1]:8/", "http://localhost/"]
)
def test_https_and_this_machine_are_safe(url):
    assert address_problem(url) is None
