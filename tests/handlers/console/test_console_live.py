"""The stream that tells consoles to look again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handlers.console.live import Full, Live


def next_change(events: Iterator[str]) -> str:
    return next(event for event in events if "event: changed" in event)


def test_a_stream_begins_with_a_number_and_tells_of_every_change(house, amalie):
    events = house.live.stream(lambda: True)
    first = next_change(events)
    assert "retry: 2000" in first
    house.waiting()
    assert next_change(events) != first
    events.close()


def test_an_event_holds_a_number_and_nothing_else(house, amalie):
    events = house.live.stream(lambda: True)
    next_change(events)
    house.waiting("Jeg sover dårlig")
    data = next_change(events).split("data: ")[1].strip()
    assert data.isdecimal()
    events.close()


def test_a_quiet_stream_still_beats(house):
    events = house.live.stream(lambda: True)
    next_change(events)
    assert next(event for event in events if event.startswith(":")) == ": still here\n\n"
    events.close()


def quiet(live: Live, *streams: Iterator[str]) -> None:
    """Until all that happened before has been told to all."""
    change = live._storage.read(lambda tx: tx.handoffs.last_change())

    def is_behind(events: Iterator[str]) -> bool:
        with live._lock:
            return live._number != change or events in live._later or events.news is not None

    for events in streams:
        while is_behind(events):
            next(events)


def news(events: Iterator[str]) -> str:
    """The next word that is no beat."""
    return next(event for event in events if not event.startswith(":")).split("\n")[0]


def test_a_busy_process_tells_of_ones_own_student_at_once_and_others_when_there_is_time(house, amalie):
    contact_id = house.waiting()
    house.deeds.claim(contact_id, amalie)
    own, other = house.live.stream(lambda: True, staff_id=amalie.id), house.live.stream(lambda: True)
    quiet(house.live, own, other)
    with house.live.answering(), house.live.answering():
        house.student("Er du der?")
        assert news(own) == "event: changed"
        assert next(other).startswith(":")
    assert news(other) == "event: changed"
    own.close(), other.close()


def test_a_busy_process_tells_everybody_of_somebody_new_at_once(house):
    events = house.live.stream(lambda: True, contact_id=0)
    quiet(house.live, events)
    with house.live.answering(), house.live.answering():
        house.waiting()
        assert news(events) == "event: list"
    assert news(events) == "event: changed"
    events.close()


def test_a_page_asks_for_the_list_without_its_conversation(house, amalie):
    contact_id = house.waiting()
    house.deeds.claim(contact_id, amalie)
    found = house.browser(amalie).get(f"/fresh?which=queue&c={contact_id}&only=list").json
    assert "row-here" in found["parts"]["list"]["html"]
    assert "thread" not in found["parts"]


def test_a_stream_ends_when_its_session_does(house):
    events = house.live.stream(lambda: False)
    assert [event for event in events if event.startswith(":")] == []
    assert house.live.streams == 0


def test_a_stream_ends_after_its_lifetime(house):
    live = Live(house.storage, heartbeat_seconds=60, lifetime_seconds=0.05)
    assert len(list(live.stream(lambda: True))) >= 1
    live.stop()


def test_stopping_ends_every_stream_at_once_and_lets_no_new_one_in(house):
    events = house.live.stream(lambda: True)
    next(events)
    house.live.stop()
    assert not [event for event in events if "changed" in event]
    with pytest.raises(Full):
        house.live.stream(lambda: True)


def test_a_full_process_says_when_to_come_back_and_a_closed_stream_makes_room(house, amalie):
    browser = house.browser(amalie)
    first, second = browser.get("/live"), browser.get("/live")
    refused = browser.get("/live")
    assert refused.status_code == 503 and refused.headers["Retry-After"] == "30"
    first.close()
    again = browser.get("/live")
    assert again.status_code == 200 and again.mimetype == "text/event-stream"
    assert again.headers["X-Accel-Buffering"] == "no"
    for answer in (second, again):
        answer.close()
    assert house.live.streams == 0


def test_an_open_console_counts_as_seen_by_the_services_own_clock(house, amalie):
    house.pass_time(minutes=30)
    answer = house.browser(amalie).get("/live")
    assert house.again(amalie).seen_at == house.at
    house.pass_time(minutes=2)
    body = iter(answer.response)
    while house.again(amalie).seen_at != house.at:
        next(body)
    answer.close()
