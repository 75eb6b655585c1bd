"""The server as a process: it answers, and ends quickly with streams open."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from patience import PATIENCE
from processes import free_port

from handlers.http_server import PortTaken, Threads
from handlers.server import run_web

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.processes
PROGRAM = """
import sys, threading, time
from handlers.logs import setup_logging
from handlers.server import run_web
from handlers.together import Answer

setup_logging("INFO")
stop, started = threading.Event(), []

def application(environ, start_response):
    if environ["PATH_INFO"] == "/broken":
        raise ValueError("words of a student")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/stream":
        return stream()
    if environ["PATH_INFO"] == "/threads":
        return [str(sum(each.name.startswith("waitress") for each in threading.enumerate())).encode()]
    if environ["PATH_INFO"] == "/slow":
        started.append("slow")
        stop.wait()
        time.sleep(0.2)
    return [" ".join(started).encode()]

def stream():
    yield b"first\\n"
    stop.wait()
    yield b"last\\n"

class Door:
    path = "/slow-door"

    def answers(self, arrived):
        started.append("slow")
        stop.wait(60)
        time.sleep(0.2)
        return [Answer("200 OK", (), b"kept") for _ in arrived]

def on_stop():
    stop.set()
    print("stopped", flush=True)

run_web(lambda: application, port=int(sys.argv[1]), threads=4, host="127.0.0.1", door=Door(),
        on_start=lambda: started.append("started"), on_stop=on_stop)
"""


def test_a_port_that_is_taken_is_named_in_a_sentence():
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        port = mine.getsockname()[1]
        with pytest.raises(PortTaken, match=f"^Port {port} cannot be used .*another number into PORT"):
            run_web(lambda: fail, port=port, threads=1, on_start=fail, on_stop=fail, host="127.0.0.1")


def fail():
    raise AssertionError("nothing begins")


@pytest.fixture
def server():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    # The line that says it serves comes before the first request is taken.
    first = process.stderr.readline()
    assert '"serving"' in first, first + process.stderr.read()
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_start_hook_has_run_before_the_first_answer(server):
    _, url = server
    assert requests.get(f"{url}/", timeout=PATIENCE).text == "started"


@pytest.mark.parametrize(
    ("method", "path", "expected"), [("GET", "/slow", "started slow"), ("POST", "/slow-door", "kept")]
)
def test_an_answer_that_is_under_way_when_the_stop_comes_still_arrives(server, method, path, expected):
    process, url = server
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(requests.request, method, f"{url}{path}", timeout=PATIENCE)
        while "slow" not in requests.get(f"{url}/", timeout=PATIENCE).text:
            pass
        process.send_signal(signal.SIGTERM)
        assert answer.result().text == expected
    assert process.wait(PATIENCE) == 0


def test_no_more_threads_are_started_than_allowed(server):
    _, url = server
    with ExitStack() as open_streams:
        for _ in range(3):
            stream = open_streams.enter_context(requests.get(f"{url}/stream", stream=True, timeout=PATIENCE))
            assert next(stream.iter_content(6)) == b"first\n"
        assert {requests.get(f"{url}/threads", timeout=PATIENCE).text for _ in range(3)} == {"4"}
        with ThreadPoolExecutor() as pool:
            answers = pool.map(lambda _: requests.get(f"{url}/threads", timeout=PATIENCE).text, range(8))
            assert set(answers) == {"4"}


def is_idle(threads):
    with threads.lock:
        return not threads.queue and not threads.active_count


def test_there_are_as_many_threads_as_were_needed_at_once():
    threads, may_end, pause = Threads(9), threading.Event(), threading.Event()
    for needed in (1, 3, 2):
        may_end.clear()
        tasks = [Task(may_end) for _ in range(needed)]
        for task in tasks:
            threads.add_task(task)
        may_end.set()
        assert all(task.served.wait(PATIENCE) for task in tasks)
        while not is_idle(threads):  # a thread is free a moment after its task has ended
            pause.wait(0.001)
        assert len(threads.threads) == (1 if needed == 1 else 3)
    threads.shutdown(timeout=PATIENCE)


class OneThread(Threads):
    """On a machine that gives no second one."""

    def start_new_thread(self, target, thread_no):
        if thread_no:
            raise RuntimeError("can't start new thread")
        super().start_new_thread(target, thread_no)


class Task:
    def __init__(self, waits_for=None):
        self.waits_for, self.served = waits_for, threading.Event()

    def service(self):
        assert self.waits_for is None or self.waits_for.wait(PATIENCE)
        self.served.set()

    def cancel(self):
        pass


def test_a_request_for_which_no_thread_can_be_started_is_served_by_those_there_are():
    threads, may_end = OneThread(4), threading.Event()
    tasks = [Task(may_end), Task(), Task()]
    for task in tasks:
        threads.add_task(task)
    may_end.set()
    assert all(task.served.wait(PATIENCE) for task in tasks)
    threads.shutdown(timeout=PATIENCE)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_at_once_although_a_stream_is_open(server, how):
    process, url = server
    with requests.get(f"{url}/stream", stream=True, timeout=PATIENCE) as response:
        lines = response.iter_lines()
        assert next(lines) == b"first"
        process.send_signal(how)
        assert next(lines) == b"last"
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out == "stopped\n"


def test_neither_query_strings_nor_the_words_of_an_error_are_logged(server):
    process, url = server
    assert requests.get(f"{url}/broken?hub.verify_token=sesame", timeout=PATIENCE).status_code == 500
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as raw:
        raw.sendall(b"sesame sesame sesame sesame\r\n\r\n")
        raw.recv(1000)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert '"error": "ValueError"' in err
    assert "sesame" not in err
    assert "words of a student" not in err
