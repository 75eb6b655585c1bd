"""What was posted is handled with the transaction that reads it, and keeps every promise that the inbox keeps."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.decide import decide
from bot.events import TextReceived
from handlers import inbound
from handlers.inbound import AT_ONCE, TRIES, Inbound
from handlers.messenger.intake import PostReader
from storage import StorageUnavailable, Tx
from storage.posts import Posts
from storage.records import NewEvent

PAGE = "1000000000001"


@pytest.fixture
def place(chat):
    """A chat whose words come in as Meta posts them."""
    chat.local.inbound = Inbound(
        chat.local.storage,
        lambda: chat.content,
        chat.local.clock,
        read_posts=PostReader(chat.local.clock, page_id=PAGE, app_id=None),
    )
    return chat


def item(chat, text: str, who: str, mid: str, seconds: float = 0.0) -> dict[str, object]:
    at = int((chat.now + timedelta(seconds=seconds)).timestamp() * 1000)
    return {
        "sender": {"id": who},
        "recipient": {"id": PAGE},
        "timestamp": at,
        "message": {"mid": mid, "text": text},
    }


def post(chat, *items: dict[str, object]) -> None:
    body = {"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": list(items)}]}
    chat.local.storage.posts.keep([(json.dumps(body).encode(), chat.now)])


def rows(chat) -> list[tuple[str, bool]]:
    """Each event's state, and whether its words lie in the inbox."""
    found = chat.local.storage.read(lambda tx: tx.all("SELECT state, body FROM inbox ORDER BY id"))
    return [(row["state"], row["body"] is not None) for row in found]


def heard(chat, who: str) -> list[str | None]:
    def entries(tx: Tx) -> list[str | None]:
        contact = tx.contacts.find(who)
        if contact is None:
            return []
        return [e.text for e in tx.transcript.entries(contact) if e.written_by == "contact"]

    return chat.local.storage.read(entries)


def waiting(chat) -> int:
    return chat.local.storage.read(lambda tx: tx.outbox.waiting_count())


def fails_for(monkeypatch, word: str) -> list[str]:
    """Decisions about this word fail always. The words that were decided about."""
    tried: list[str] = []

    def failing(conv, event, *more):
        if isinstance(event, TextReceived):
            tried.append(event.text)
            if word in event.text:
                raise ValueError("always")
        return decide(conv, event, *more)

    monkeypatch.setattr(inbound, "decide", failing)
    return tried


def test_what_was_posted_is_handled_in_one_transaction_where_one_worker_has_the_database(place, monkeypatch):
    post(place, item(place, "hei", "11", "m1"))
    post(place, item(place, "hallo", "12", "m2"))
    storage, calls = place.local.storage, []
    monkeypatch.setattr(place.local.inbound, "handle_some", lambda: calls.append("later") or 0)
    assert place.local.inbound.take_in() == 2
    assert calls == [] if storage.single_worker else calls == ["later"]
    monkeypatch.undo()
    place.local.inbound.drain()
    assert rows(place) == [("done", False), ("done", False)]
    assert (heard(place, "11"), heard(place, "12")) == (["hei"], ["hallo"]) and waiting(place)


def test_a_post_that_comes_twice_is_handled_once(place):
    for _ in range(2):
        post(place, item(place, "hei", "11", "m1"))
    place.local.inbound.drain()
    post(place, item(place, "hei", "11", "m1"))
    place.local.inbound.drain()
    assert heard(place, "11") == ["hei"] and rows(place) == [("done", False)]


def test_what_one_student_sent_in_the_same_moment_is_handled_in_the_order_of_sending(place):
    post(place, item(place, "tre", "11", "m3", 3), item(place, "en", "11", "m1", 1))
    post(place, item(place, "to", "11", "m2", 2))
    place.local.inbound.drain()
    assert heard(place, "11") == ["en", "to", "tre"]
    assert rows(place) == [("done", False)] * 3


def test_a_post_of_more_events_than_are_handled_at_once_is_handled_wholly(place):
    post(place, *(item(place, "hei", str(100 + n), f"m{n}") for n in range(2 * AT_ONCE + 3)))
    place.local.inbound.drain()
    assert rows(place) == [("done", False)] * (2 * AT_ONCE + 3)


def test_poison_among_what_was_posted_is_alone_and_holds_up_its_own_student_only(place, monkeypatch):
    tried = fails_for(monkeypatch, "gift")
    post(place, item(place, "hei", "11", "m1"))
    post(place, item(place, "gift", "12", "m2"))
    post(place, item(place, "hallo", "13", "m3"))
    place.local.inbound.drain()
    post(place, item(place, "etterpå", "12", "m4", 1))
    place.local.inbound.drain()
    assert (heard(place, "11"), heard(place, "12"), heard(place, "13")) == (["hei"], [], ["hallo"])
    assert "etterpå" not in tried and place.local.storage.posts.figures().aside == 0
    for _ in range(TRIES):
        place.local.now += timedelta(seconds=5)
        place.local.inbound.drain()
    assert heard(place, "12") == ["gift", "etterpå"] and ("aside", True) in rows(place)


def test_what_was_handled_and_not_removed_before_a_kill_is_not_handled_again(place, monkeypatch):
    def killed(self: Posts, ids: object) -> None:
        raise StorageUnavailable("killed")

    post(place, item(place, "hei", "11", "m1"))
    with monkeypatch.context() as broken:
        broken.setattr(Posts, "remove", killed)
        with pytest.raises(StorageUnavailable):
            place.local.inbound.take_in()
    place.local.inbound.drain()
    assert heard(place, "11") == ["hei"] and rows(place) == [("done", False)]


def test_nothing_is_handled_of_what_could_not_be_kept(place, monkeypatch):
    def full(*_: object) -> None:
        raise StorageUnavailable("full")

    post(place, item(place, "hei", "11", "m1"))
    with monkeypatch.context() as broken:
        broken.setattr(inbound, "save_plain", full)
        broken.setattr(inbound, "save", full)
        with pytest.raises(StorageUnavailable):
            place.local.inbound.take_in()
    assert heard(place, "11") == []
    place.local.inbound.drain()
    assert heard(place, "11") == ["hei"]


@pytest.mark.parametrize("kind", ["delivery", "read", "echo"])
def test_what_only_tells_of_a_message_of_ours_leaves_the_conversation_unwritten(place, kind):
    post(place, item(place, "hei", "11", "m1"))
    while place.local.inbound.drain() + place.local.sender.drain():
        pass
    sent = place.local.storage.read(lambda tx: tx.one("SELECT id, state FROM outbox ORDER BY id LIMIT 1"))
    before = place.local.storage.read(lambda tx: tx.one("SELECT uid FROM conversation"))
    place.local.now += timedelta(seconds=3)
    about = item(place, "", "11", "m9")
    at = about["timestamp"]
    if kind == "echo":
        about |= {"sender": {"id": PAGE}, "recipient": {"id": "11"}}
        about["message"] = {"mid": "m_ours", "is_echo": True, "metadata": f"ps:{sent['id']}", "text": "x"}
    else:
        del about["message"]
        about[kind] = {"watermark": at}
    post(place, about)
    assert place.local.inbound.drain()
    assert place.local.storage.read(lambda tx: tx.one("SELECT uid FROM conversation")) == before
    after = place.local.storage.read(lambda tx: tx.one("SELECT id, state FROM outbox ORDER BY id LIMIT 1"))
    assert after["state"] == {"delivery": "delivered", "read": "seen", "echo": "sent"}[kind]


def test_a_clock_put_back_between_two_posts_does_not_turn_their_order(place):
    """What waits was sent before the jump; what is posted after it is ahead of the clock, and is taken for new."""
    first = TextReceived(sent_at=place.now, mid="m-1", text="først")
    event = NewEvent(psid="A", key="message:m-1", event=first)
    place.local.storage.write(lambda tx: tx.inbox.add([event], place.now))
    post(place, item(place, "så", "A", "m-2", seconds=1))
    place.local.now -= timedelta(minutes=30)
    place.local.inbound.drain()
    assert heard(place, "A") == ["først", "så"]
