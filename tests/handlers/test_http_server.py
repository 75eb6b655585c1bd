"""Requests that are answered together, over real sockets; and what is leaned on in waitress."""

from __future__ import annotations

import hashlib
import inspect
import logging
import socket
import threading
from urllib.parse import urlsplit

import pytest
import requests
from serving import served
from waitress import channel, receiver, server, task, trigger, wasyncore

from handlers.together import Answer

LARGE = 8_000_000
WORDS = "words of a student"
# Read again what handlers/http_server.py uses before a new figure is put here.
LOOKED_AT = "7514a2b6fcbf"


def app(environ, start_response):
    size = LARGE if environ["PATH_INFO"] == "/large" else 0
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"app:{environ['REQUEST_METHOD']}{environ['PATH_INFO']}".encode() + b"." * size]


class Hook:
    """Answers with what came; holds until it may go on, once it is told to."""

    path = "/hook"

    def __init__(self):
        self.sizes, self.holds, self.came, self.may_go = [], False, threading.Event(), threading.Event()

    def answers(self, arrived):
        self.sizes.append(len(arrived))
        self.came.set()
        if self.holds:
            assert self.may_go.wait(30)
        bodies = [each.body() for each in arrived]
        if b"break" in bodies:
            raise OSError(WORDS)
        if b"forget" in bodies:
            return []
        return [Answer("202 ACCEPTED", (("X-Seen", each.headers.get("X_GIVEN", "")),), body)
                for each, body in zip(arrived, bodies, strict=True)]  # fmt: skip


@pytest.fixture
def hook():
    return Hook()


@pytest.fixture
def url(hook):
    with served(app, hook) as url:
        yield url
        hook.may_go.set()


def connected(url):
    """A connection, with a file to read from."""
    connection = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=30)
    return connection, connection.makefile("rb")


def request(body=b"", path="/hook", method="POST", more="", version="1.1"):
    return (
        f"{method} {path} HTTP/{version}\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
        + body
    )


def answer(file):
    """Status, headers, body of the next answer."""
    status, headers = int(file.readline().split()[1]), {}
    while line := file.readline().strip().decode().lower():
        name, _, value = line.partition(": ")
        headers[name] = value
    return status, headers, file.read(int(headers.get("content-length", 0)))


def exchanged(connection, file, *requests):
    connection.sendall(b"".join(requests))
    return [answer(file)[2] for _ in requests]


def post(url, body):
    connection, file = connected(url)
    connection.sendall(request(body))
    return connection, file


def test_only_posts_to_its_path_are_the_doors(url):
    given = requests.post(f"{url}/hook?a=b", data=b"hei", headers={"X-Given": "yes"}, timeout=30)
    assert (given.status_code, given.headers["X-Seen"], given.content) == (202, "yes", b"hei")
    assert "Date" in given.headers
    connection, file = connected(url)
    with connection, file:
        bodies = exchanged(connection, file, request(b"1", "//hook"),
                           request(b"", "/hook", "GET"), request(b"3", "/hook/"), request(b"4", "/else"))  # fmt: skip
    assert bodies == [b"1", b"app:GET/hook", b"app:POST/hook/", b"app:POST/else"]


def test_requests_sent_in_one_go_are_answered_in_their_order_whoever_answers(url):
    connection, file = connected(url)
    with connection, file:
        sent = [
            request(b"1"),
            request(path="/a"),
            request(b"2"),
            request(b"3"),
            request(path="/b"),
            request(b"4"),
        ]
        assert exchanged(connection, file, *sent) == [b"1", b"app:POST/a", b"2", b"3", b"app:POST/b", b"4"]


@pytest.mark.parametrize(
    ("version", "more", "kept"),
    [("1.1", "", True), ("1.1", "Connection: close\r\n", False),
     ("1.0", "", False), ("1.0", "Connection: keep-alive\r\n", True)],
)  # fmt: skip
def test_a_connection_is_kept_or_closed_as_its_client_wants(url, version, more, kept):
    connection, file = connected(url)
    with connection, file:
        assert exchanged(connection, file, request(b"1", more=more, version=version)) == [b"1"]
        if kept:
            assert exchanged(connection, file, request(b"2", more=more, version=version)) == [b"2"]
        else:
            assert file.read() == b""


def test_a_body_that_waits_to_be_asked_for_or_comes_late_holds_up_nobody(url):
    connection, file = connected(url)
    with connection, file:
        connection.sendall(request(b"first", more="Expect: 100-continue\r\n")[:-5])
        assert file.readline().startswith(b"HTTP/1.1 100 ")
        assert file.readline() == b"\r\n"
        connection.sendall(b"fi")
        assert requests.post(f"{url}/hook", data=b"second", timeout=30).content == b"second"
        assert exchanged(connection, file, b"rst") == [b"first"]


def test_what_comes_while_the_door_is_busy_is_answered_at_once_and_the_rest_of_the_server_runs_on(url, hook):
    hook.holds = True
    first = post(url, b"1")
    assert hook.came.wait(30)
    others = [post(url, b"%d" % number) for number in range(2, 7)]
    assert requests.get(f"{url}/", timeout=30).text == "app:GET/"  # so all have been read
    others[2][1].close()
    others[2][0].close()  # one of them goes away
    assert requests.get(f"{url}/", timeout=30).text == "app:GET/"
    hook.may_go.set()
    bodies = [answer(file)[2] for _, file in (first, *others[:2], *others[3:])]
    assert bodies == [b"1", b"2", b"3", b"5", b"6"]
    assert hook.sizes == [1, 5]
    for connection, file in (first, *others):
        file.close()
        connection.close()


@pytest.mark.parametrize("how", [b"break", b"forget"])
def test_a_door_that_fails_is_asked_again_by_the_next_and_nothing_of_it_is_logged(url, caplog, how):
    caplog.set_level(logging.DEBUG)
    connection, file = connected(url)
    with connection, file:
        connection.sendall(request(how) + request(b"next"))
        assert answer(file)[0] == 500
        assert answer(file)[2] == b"next"
    assert WORDS not in caplog.text


def test_an_answer_behind_one_that_its_client_has_not_read_holds_up_nobody(url):
    connection, file = connected(url)
    with connection, file:
        connection.sendall(request(path="/large", method="GET") + request(b"behind"))
        assert requests.post(f"{url}/hook", data=b"other", timeout=30).content == b"other"
        assert len(answer(file)[2]) > LARGE
        assert answer(file)[2] == b"behind"


def test_nobody_is_left_without_an_answer_when_the_server_stops(hook):
    hook.holds = True
    with served(app, hook) as url:
        first = post(url, b"1")
        assert hook.came.wait(30)
        second = post(url, b"2")
        assert requests.get(f"{url}/", timeout=30).ok
        threading.Timer(0.1, hook.may_go.set).start()
    for (connection, file), body in ((first, b"1"), (second, b"2")):
        with connection, file:
            assert answer(file)[2] == body


def test_waitress_is_the_one_that_has_been_looked_at():
    used = (
        channel.HTTPChannel,
        receiver,
        server.BaseWSGIServer,
        server.TcpWSGIServer,
        task.ThreadedTaskDispatcher,
        task.Task,
        trigger,
        wasyncore,
    )
    sources = "".join(map(inspect.getsource, used))
    assert hashlib.sha256(sources.encode()).hexdigest()[:12] == LOOKED_AT
