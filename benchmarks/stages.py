"""Where the product's processor time goes: each stage of an event's way alone, in one thread, on a real store.

What threads cost each other, HTTP on both sides and TLS come on top; that is what the cases measure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.graph import Graph
from benchmarks.processes import free_port
from benchmarks.traffic import APP_ID, PAGE_ID, ROUNDS, SECRET, TOKEN, plan
from bot.content import Content
from bot.messages import BotMessage
from handlers.environment import new_keys
from handlers.inbound import Inbound
from handlers.messenger import wire
from handlers.messenger.client import MessengerClient, SendResult
from handlers.messenger.intake import PostReader
from handlers.messenger.signature import sign, signed_by_meta
from handlers.sender import Sender
from storage import Keys, open_storage

_EVENTS = 200 * ROUNDS


class _Nowhere:
    """A channel that takes everything and sends nothing."""

    def send(self, psid: str, message: BotMessage, *, outbox_id: int, tag: object = None) -> SendResult:
        return SendResult(f"m_{outbox_id}")

    def typing(self, psid: str, on: bool) -> None:
        return None

    def pause_seconds(self) -> float:
        return 0.0


def stages(content: Content, folder: Path) -> Iterator[tuple[str, float]]:
    """Each stage and its milliseconds of a core, for one event or one message."""
    new = new_keys()
    keys = Keys.from_environment(new["DATA_KEYS"], new["SECRET_KEY"])
    storage = open_storage(f"sqlite:///{folder / 'stages.db'}", keys, home=folder)
    bodies = [request.partition(b"\r\n\r\n")[2] for request in plan(1, events=_EVENTS).requests]
    sender: Any = Sender(storage, _Nowhere(), content.settings, _now, worker="stages")  # type: ignore[arg-type]
    reader = PostReader(_now, page_id=PAGE_ID, app_id=APP_ID)
    inbound = Inbound(storage, lambda: content, _now, read_posts=reader)
    texts = [wire.loads(body)["entry"][0]["messaging"][0]["message"]["text"] for body in bodies]  # type: ignore[index]
    try:
        storage.migrate(_now())
        yield "signature and JSON, a POST", _each(lambda: [_check(body) for body in bodies], _EVENTS)
        keep = lambda: [storage.posts.keep([(body, _now())]) for body in bodies]  # noqa: E731
        yield "keeping, a POST a commit", _each(keep, _EVENTS)
        yield "reading, deciding and saving, an event", _each(inbound.drain, _EVENTS)
        messages = storage.read(lambda tx: tx.outbox.waiting_count())
        yield "claiming and recording, a message a commit", _each(sender.drain, messages)
        yield "danger reading alone, a text", _each(lambda: [content.phrases.read(t) for t in texts], _EVENTS)
    finally:
        storage.close()
    yield "the call to Meta, plain HTTP, a message", _call_cost(content)


def _call_cost(content: Content) -> float:
    with Graph(free_port(), 0.0) as graph:
        client = MessengerClient(
            page_id=PAGE_ID,
            token=TOKEN,
            app_secret=SECRET,
            graph_version=content.settings.messenger.graph_version,
            graph_url=graph.url,
        )
        try:
            return _each(lambda: [client.send_text_message("24", "Hei") for _ in range(500)], 500)
        finally:
            client.close()


def _check(body: bytes) -> None:
    if not signed_by_meta(body, sign(body, SECRET), SECRET) or not wire.loads(body):
        raise AssertionError("the signature is ours")


def _now() -> datetime:
    return datetime.now(UTC)


def _each(work: Callable[[], object], count: int) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000 / count
