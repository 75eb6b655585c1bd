"""Plain cases for the storage tests; a test states what differs."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.conversation import Conversation, FlowState, Frame, Handoff, Status, Tier
from bot.effects import AddEntry, RaiseAlert
from bot.events import TextReceived
from bot.messages import BotMessage, Choice, Purpose, SupporterMessage
from storage import Keys, Storage, Tx, open_storage
from storage.records import NewEvent

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
only_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
SECRET = "a secret that is long enough"
URL = "sqlite:///data/peersupport.db"


def at(seconds: float) -> datetime:
    """So long after NOW."""
    return NOW + timedelta(seconds=seconds)


def data_key(key_id: str = "a", byte: int = 1) -> str:
    """One entry of DATA_KEYS."""
    return f"{key_id}:{base64.b64encode(bytes([byte]) * 32).decode()}"


def make_keys(data_keys: str | None = None, secret: str = SECRET) -> Keys:
    """Keys that are the same in every call."""
    return Keys.from_environment(data_keys or data_key(), secret)


def make_storage(tmp_path: Path, keys: Keys | None = None, *, url: str = URL) -> Storage:
    """A migrated store, in `tmp_path` unless told otherwise; the same one for a second call."""
    storage = open_storage(url, keys or make_keys(), home=tmp_path)
    storage.migrate(NOW)
    return storage


def text(mid: str = "m1", words: str = "hei", seconds: float = 0) -> TextReceived:
    """The contact wrote."""
    return TextReceived(sent_at=at(seconds), mid=mid, text=words)


def new(mid: str = "m1", psid: str = "1001", words: str = "hei", seconds: float = 0) -> NewEvent:
    """The webhook heard of it."""
    return NewEvent(psid=psid, key=f"mid:{mid}", event=text(mid, words, seconds))


def add_contact(storage: Storage, psid: str = "1001") -> int:
    """A contact's id."""
    return storage.write(lambda tx: tx.contacts.find_or_add([psid], NOW)[psid])


def bot_says(
    words: str = "hei", purpose: Purpose = Purpose.FLOW, choices: tuple[str, ...] = ()
) -> BotMessage:
    """An automatic message."""
    taps = tuple(Choice(title=title, payload=title) for title in choices)
    return BotMessage(purpose=purpose, text=words, choices=taps, not_after=at(3600))


def supporter_says(words: str = "hei") -> SupporterMessage:
    """A person's message."""
    return SupporterMessage(supporter_id=1, alias="Ola", text=words)


def entry(
    words: str | None = "hei", mid: str | None = "m1", by: str = "contact", seconds: float = 0
) -> AddEntry:
    """A line of the transcript."""
    return AddEntry(written_by=by, kind="text", mid=mid, at=at(seconds), text=words)  # type: ignore[arg-type]


def alert(tier: Tier = Tier.HIGH, rule: str = "r1", words: str = "words", seconds: float = 0) -> RaiseAlert:
    """A danger."""
    return RaiseAlert(
        tier=tier, category="B-suicide", rules=(rule,), matched=(words,), at=at(seconds), card="waiting"
    )


def talk(
    contact_id: int, alias: str = "Blå hegre", status: Status = Status.BOT, **changes: object
) -> Conversation:
    """A conversation; with people in it, it has a handoff."""
    handoff = None
    if status in (Status.WAITING, Status.CLAIMED):
        handoff = Handoff(number=1, opened_at=NOW)
    fields: dict[str, object] = {"handoff": handoff, "flow": FlowState(at=Frame(flow="intake", step="topic"))}
    fields.update(changes)
    return Conversation(contact_id=contact_id, alias=alias, started_at=NOW, status=status, **fields)  # type: ignore[arg-type]


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work(0)` to `work(count - 1)` at the same time; the first error comes out."""
    errors: list[BaseException] = []
    together = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            together.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def count(storage: Storage, table: str) -> int:
    """How many rows."""

    def rows(tx: Tx) -> int:
        row = tx.one(f"SELECT count(*) AS n FROM {table}")  # noqa: S608
        assert row is not None
        return int(row["n"])

    return storage.read(rows)


def all_bytes(folder: Path) -> bytes:
    """Everything in every file of the folder."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
