"""One id, from the webhook to the channel."""

from __future__ import annotations

import pytest
from outage import outage, webhooks


@pytest.fixture
def place(content, tmp_path):
    with outage(content, tmp_path) as place:
        yield place


def test_an_events_number_stands_in_every_line_about_it(place, caplog):
    caplog.set_level("INFO")
    with webhooks(place):
        place.stand_in.write(place.stand_in.new_student(), "hei")
        place.settle()
    lines = [record.__dict__ | {"event": record.getMessage()} for record in caplog.records]
    (post,) = next(line for line in lines if line["event"] == "webhook_stored")["post_ids"]
    (number,) = next(line for line in lines if line["event"] == "posts_read" and post in line["post_ids"])[
        "inbox_ids"
    ]
    taken = [line for line in lines if line["event"] == "events_taken"]
    sent = [line for line in lines if line["event"] == "sends_settled"]
    assert [number] in [line["inbox_ids"] for line in taken]
    assert sent and all((set(line["inbox_ids"]), line["outcome"]) == ({number}, "sent") for line in sent)


def test_what_became_of_messages_is_counted(place):
    with webhooks(place):
        psid = place.stand_in.new_student()
        place.stand_in.write(psid, "hei")
        place.chat.inbound.drain()
        place.stand_in.fail("500", calls=1)
        place.settle()
        place.passes(minutes=1)
        place.settle()
    counted = place.storage.read(lambda tx: tx.counters.all())
    assert counted["send_retried"] == 1
    assert counted["send_sent"] == len(place.stand_in.deliveries)
