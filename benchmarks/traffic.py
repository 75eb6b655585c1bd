"""What students write, as the bodies that Meta posts: signed, each message id once, ready before the clock starts."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PAGE_ID, APP_ID, SECRET, TOKEN = "100000000000001", "200000000000002", "benchmark-secret", "benchmark-token"
ROUNDS = 6  # what one student writes: see `_text`
_CALM, _IN_DANGER = 24_000_000_000_000_000, 25_000_000_000_000_000  # ids of students
Shape = Literal["messaging", "entries"]  # several events in one entry, or one entry for each

# Our own words. None of them means danger: they are read for it like all others.
FREE_TEXTS = (
    "Jeg har hatt mye å gjøre på studiet i det siste",
    "Det er litt ensomt her i byen, jeg flyttet hit i august og kjenner nesten ingen ennå",
    "Eksamen nærmer seg, og jeg vet ikke hvor jeg skal begynne",
    "Vi er fire i kollektivet, og det er krangel om vasken hver eneste uke",
    "jeg lurer på om andre også synes det første året er tungt",
    "Jeg har byttet studium to ganger nå. Foreldrene mine vet det ikke, og jeg gruer meg til å si det i jula.",
    "Hvordan får man venner når alle i klassen allerede har gjengen sin?",
    "Sover dårlig før innleveringer",
    "Jeg jobber tjue timer i uka ved siden av, og nå henger jeg etter i to fag. Har dere noen råd om hvordan man "
    "snakker med studiestedet om det?",
    "Kjæresten min har flyttet til Bergen, og helgene er blitt veldig lange",
    "Er det greit å skrive til dere om noe som kanskje ikke er så viktig?",
    "Jeg vil gjerne prate med noen på min egen alder",
)
# And these do: whoever writes one of them must have the card at once.
DANGER_TEXTS = (
    "Jeg skal ta livet mitt i kveld",
    "jeg har tatt en overdose nå",
    "I am going to kill myself tonight",
    "Jeg vil ikke leve lenger, jeg gjør det i natt",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One message of one student. `round` counts what the student has written before."""

    psid: str
    round: int
    post: int  # the number of the POST that carries it
    danger: bool = False  # somebody new, and the first words mean danger


@dataclass(frozen=True, slots=True)
class Plan:
    """Requests in the order in which they are sent, and the events in them."""

    requests: tuple[bytes, ...]
    events: tuple[Event, ...]

    def write(self, path: Path) -> None:
        """As the generator reads it."""
        with path.open("wb") as file:
            for request in self.requests:
                file.write(struct.pack("=I", len(request)) + request)


def _text(student: int, number: int) -> str:
    """A greeting, free words, the menu, a choice in it, the menu again, free words again."""
    free = FREE_TEXTS[(student + number) % len(FREE_TEXTS)]
    return ("Hei", free, "meny", "Om Peer Support", "meny", free)[number % ROUNDS]


def _item(psid: str, number: int, text: str, at_ms: int) -> dict[str, object]:
    mid = f"m_{hashlib.sha256(f'{psid}/{number}'.encode()).hexdigest()}"
    return {
        "sender": {"id": psid},
        "recipient": {"id": PAGE_ID},
        "timestamp": at_ms,
        "message": {"mid": mid, "text": text},
    }


def _body(items: Sequence[dict[str, object]], shape: Shape, at_ms: int) -> bytes:
    groups = [list(items)] if shape == "messaging" else [[item] for item in items]
    entries = [{"id": PAGE_ID, "time": at_ms, "messaging": group} for group in groups]
    return json.dumps({"object": "page", "entry": entries}, separators=(",", ":")).encode()


def _request(body: bytes, port: int) -> bytes:
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    older = hmac.new(
        SECRET.encode(), body, hashlib.sha1
    ).hexdigest()  # Meta sends both; the node bots read this one
    head = (
        f"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nX-Hub-Signature-256: sha256={signature}\r\n"
        f"X-Hub-Signature: sha1={older}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def one(port: int, psid: str, number: int, text: str) -> bytes:
    """A POST with one message, written now; `number` counts what is written."""
    now = time.time_ns() // 1_000_000
    return _request(_body([_item(psid, number, text, now)], "messaging", now), port)


def echo(port: int, psid: str, mid: str, text: str, mark: str) -> bytes:
    """The POST by which Meta tells an app what it has sent."""
    now = time.time_ns() // 1_000_000
    message = {"mid": mid, "is_echo": True, "app_id": int(APP_ID), "text": text, "metadata": mark}
    item: dict[str, object] = {"sender": {"id": PAGE_ID}, "recipient": {"id": psid}}
    return _request(_body([item | {"timestamp": now, "message": message}], "messaging", now), port)


def plan(
    port: int,
    *,
    events: int,
    each: int = 1,
    shape: Shape = "messaging",
    first: int = 0,
    at_once: int = 0,
    danger_every: int = 0,
) -> Plan:
    """`events` messages, `each` in one POST. Students write in turn, so that nobody writes twice at once.

    `first`: the number of the first student, so that two plans can have different ones. `at_once`: so many have a
    conversation at a time (0: all), each of ROUNDS messages, then as many others. `danger_every`: each so many-th
    message is the first of somebody new, and means danger (0: none).
    """
    students = at_once or max(1, -(-events // ROUNDS))
    students = -(-students // each) * each  # nobody twice in one POST
    start_ms = time.time_ns() // 1_000_000 - events
    requests: list[bytes] = []
    known: list[Event] = []
    items: list[dict[str, object]] = []
    calm = 0
    for index in range(events):
        is_danger = bool(danger_every) and index % danger_every == danger_every - 1
        if is_danger:
            number = 0
            text, psid = DANGER_TEXTS[index // danger_every % len(DANGER_TEXTS)], f"{_IN_DANGER + index}"
        else:
            group, place = divmod(calm, students * ROUNDS)
            number, student = divmod(place, students)
            text, psid = _text(student, number), f"{_CALM + first + group * students + student}"
            calm += 1
        items.append(_item(psid, number, text, start_ms + index))
        known.append(Event(psid, number, len(requests), is_danger))
        if len(items) == each or index == events - 1:
            requests.append(_request(_body(items, shape, start_ms + index), port))
            items = []
    return Plan(tuple(requests), tuple(known))
