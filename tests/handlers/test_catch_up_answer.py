"""What an answer of the Conversations API is taken for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from outage import outage

from bot.events import AttachmentReceived, TextReceived
from handlers.catch_up import is_in, keep, other_keys, read_answer

PAGE = "100000000000001"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def place(content, tmp_path):
    with outage(content, tmp_path) as place:
        yield place


def read(answer):
    day = NOW - timedelta(days=1)
    return read_answer(answer, page_id=PAGE, app_id=None, since=day, bound=day, now=NOW)


def said(**more):
    message = {
        "id": "m_1",
        "created_time": "2026-11-25T11:00:00+0000",
        "from": {"id": "77", "name": "Kari"},
        "message": "hei",
    } | more
    return {"data": [{"id": "t_1", "updated_time": message["created_time"], "messages": {"data": [message]}}]}


def test_message_becomes_the_event_and_key_that_the_webhook_makes(place):
    psid = place.stand_in.new_student()
    mid = place.stand_in.write(psid, "hei på deg")
    found = read_answer(
        place.client.conversations(),
        page_id=place.stand_in.page_id,
        app_id=None,
        since=place.now - timedelta(hours=1),
        bound=place.now,
        now=place.now,
    )
    (event,) = found.events
    assert (event.psid, event.key) == (psid, f"message:{mid}")
    assert event.event == TextReceived(sent_at=place.now.astimezone(UTC), mid=mid, text="hei på deg")


def test_picture_and_thumbs_up_are_attachments():
    picture = read(said(message="", attachments={"data": [{"mime_type": "image/jpeg"}]}))
    sticker = read(said(message="", sticker="https://scontent.xx.fbcdn.net/1.png"))
    kinds = [found.events[0].event.kinds for found in (picture, sticker)]
    assert kinds == [("image",), ("sticker",)]
    assert isinstance(picture.events[0].event, AttachmentReceived)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        {"data": [None, 7, "x", {}]},
        {"data": [{"messages": {"data": [None, {}, {"id": 1}]}}]},
        said(**{"from": None}),
        said(**{"from": {"id": PAGE}}),
        said(id=None),
        said(created_time="yesterday"),
        said(created_time="2026-11-25T11:00:00"),
        said(created_time="2026-11-23T11:00:00+0000"),
    ],
)
def test_answer_that_makes_no_sense_or_is_not_wanted_gives_no_event(answer):
    assert read(answer).events == ()


def test_reading_goes_on_while_pages_are_new_enough():
    paging = {"paging": {"cursors": {"after": "abc"}, "next": "https://graph.example/x"}}
    assert read(said() | paging).after == "abc"
    assert read(said()).after is None
    assert read(said(created_time="2026-11-20T11:00:00+0000") | paging).after is None


def test_names_of_a_message_cover_postbacks_and_the_older_prefix():
    assert other_keys("message:m_1") == ("postback:m_1",)
    assert set(other_keys("message:1")) == {"message:m_1", "postback:1", "postback:m_1"}
    assert other_keys("referral:1") == ()


def test_events_kept_by_one_name_are_known_by_the_others(place):
    (event,) = read(said(id="1")).events
    assert place.storage.write(lambda tx: keep(tx, (event,), NOW)) == 1
    for key in ("message:1", *other_keys("message:1")):
        assert place.storage.read(lambda tx, key=key: is_in(tx, key)), key
