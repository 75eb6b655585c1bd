"""A stand-in for Graph that is not the limit: epoll, one thread, answers at once or after a fixed time.

    python graph.py PORT DELAY_SECONDS [CERTIFICATE]

With a certificate it speaks TLS, as Meta does: a PEM file that holds the key too.
It notes for each message when it arrived, for whom, and the text or the metadata; and counts connections and other
calls. `GET /figures` tells how many, `GET /arrivals` tells all.
"""

from __future__ import annotations

import heapq
import json
import re
import select
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n"


_Said = tuple[str, str, str, str]  # to whom, the message's id, its text, its metadata
_OWN = (b"GET /figures", b"GET /arrivals", b"GET /unheard")


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    received: bytes = b""
    closing: bool = False
    told: _Said | None = None  # of which the last answer tells
    used: bool = False  # by what is measured; our own questions do not count

    def receive(self) -> bytes:
        """What has come; nothing when the other side hung up. Raises BlockingIOError when there is nothing yet."""
        data = b""
        try:
            while part := self.socket.recv(262_144):
                data += part
                if not isinstance(self.socket, ssl.SSLSocket) or not self.socket.pending():
                    break
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):  # a handshake under way, or half a record
            if not data:
                raise BlockingIOError from None
        return data


@dataclass(slots=True)
class _Server:
    port: int
    delay: float
    tls: ssl.SSLContext | None = None
    connections: int = 0
    actions: int = 0
    others: int = 0
    most: int = 0  # calls under way at once
    arrivals: list[tuple[float, str, str]] = field(default_factory=list)
    unheard: list[_Said] = field(default_factory=list)  # who said it had gone when the answer was due

    def serve(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        listener.setblocking(False)
        poll = select.epoll()
        poll.register(listener, select.EPOLLIN)
        known: dict[int, _Connection] = {}
        due: list[tuple[float, int, _Connection, bytes, _Said | None]] = []
        number = 0
        while True:
            wait = max(0.0, due[0][0] - time.monotonic()) if due else -1
            for fd, _ in poll.poll(wait):
                if fd == listener.fileno():
                    self._accept(listener, poll, known)
                    continue
                for delay, answer, said in self._receive(known[fd]):
                    if delay:
                        number += 1
                        heapq.heappush(due, (time.monotonic() + delay, number, known[fd], answer, said))
                        self.most = max(self.most, len(due))
                    else:
                        _send(known[fd], answer)
                if known[fd].closing:
                    poll.unregister(fd)
                    gone = known.pop(fd)
                    gone.socket.close()
                    self.unheard += [gone.told] if gone.told else []  # perhaps not read
            while due and due[0][0] <= time.monotonic():
                _, _, connection, answer, said = heapq.heappop(due)
                if not connection.closing:
                    _send(connection, answer)
                    connection.told = said
                elif said is not None:
                    self.unheard.append(said)

    def _accept(self, listener: socket.socket, poll: select.epoll, known: dict[int, _Connection]) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:  # the handshake goes on with the first reading
                client = self.tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
            known[client.fileno()] = _Connection(client)
            poll.register(client, select.EPOLLIN)

    def _receive(self, connection: _Connection) -> list[tuple[float, bytes, _Said | None]]:
        """Answers to whole requests, each with its delay, and what was said by it."""
        try:
            data = connection.receive()
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            connection.closing = True
            return []
        connection.received += data
        answers = []
        while (end := connection.received.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(connection.received, 0, end + 2)
            stop = end + 4 + (int(found[1]) if found else 0)
            if len(connection.received) < stop:
                break
            request, connection.received = connection.received[:stop], connection.received[stop:]
            if not connection.used and not request.startswith(_OWN):
                connection.used = True
                self.connections += 1
            answers.append(self._answer(request, request[end + 4 :]))
        return answers

    def _answer(self, request: bytes, body: bytes) -> tuple[float, bytes, _Said | None]:
        path = request.split(b" ", 2)[1].partition(b"?")[0]
        delay, said = self.delay, None
        if path.endswith(b"/messages"):
            answer, said = self._message(json.loads(body))
        elif path == b"/unheard":
            delay, answer, self.unheard = 0.0, {"unheard": self.unheard}, []
        elif path in (b"/figures", b"/arrivals"):
            delay, answer = 0.0, self._told(everything=path == b"/arrivals")
        else:
            self.others += 1
            answer = {"id": "100000000000001", "name": "Benchmark"}
        written = json.dumps(answer).encode()
        return delay, _HEAD % len(written) + written, said

    def _message(self, body: dict[str, Any]) -> tuple[dict[str, object], _Said | None]:
        recipient = body["recipient"]
        psid = (json.loads(recipient) if isinstance(recipient, str) else recipient)["id"]
        message = body.get("message")
        if message is None:
            self.actions += 1
            return {"recipient_id": psid}, None
        message = json.loads(message) if isinstance(message, str) else message
        mark = message.get("metadata") or ""
        self.arrivals.append((time.monotonic(), psid, mark))
        mid = f"m_graph_{len(self.arrivals)}"
        return {"recipient_id": psid, "message_id": mid}, (psid, mid, message.get("text") or "", mark)

    def _told(self, *, everything: bool) -> dict[str, object]:
        told: dict[str, object] = {
            "messages": len(self.arrivals),
            "actions": self.actions,
            "others": self.others,
            "connections": self.connections,
            "most": self.most,
        }
        return told | ({"arrivals": self.arrivals, "cpu_seconds": time.process_time()} if everything else {})


def _send(connection: _Connection, answer: bytes) -> None:
    try:
        connection.socket.sendall(answer)
    except OSError:
        connection.closing = True


class Graph:
    """The stand-in in a process of its own. `certificate`: it speaks TLS with this."""

    def __init__(self, port: int, delay_seconds: float, certificate: Path | None = None) -> None:
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
        self._trust = ssl.create_default_context(cafile=str(certificate)) if certificate else None
        words = [str(port), str(delay_seconds), *([str(certificate)] if certificate else [])]
        self._process = subprocess.Popen([sys.executable, str(Path(__file__)), *words])

    def __enter__(self) -> Graph:
        deadline = time.monotonic() + 10
        while True:
            try:
                self.figures()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def figures(self) -> dict[str, int]:
        """Counts so far."""
        return self._ask("figures")  # type: ignore[return-value]

    def everything(self) -> dict[str, Any]:
        """Counts, all arrivals, and the processor seconds it took itself."""
        return self._ask("arrivals")

    def unheard(self) -> list[_Said]:
        """What nobody heard the answer for, since this was asked last."""
        return [tuple(each) for each in self._ask("unheard")["unheard"]]

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(  # noqa: S310
            f"{self.url}/{path}", timeout=30, context=self._trust
        ) as answer:
            return json.load(answer)  # type: ignore[no-any-return]


def _main(port: str, delay: str, certificate: str | None = None) -> None:
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    _Server(int(port), float(delay), tls).serve()


if __name__ == "__main__":
    _main(*sys.argv[1:])
