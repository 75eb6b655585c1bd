"""When an outage is looked for, how fast and by whom it is read, and what becomes of a lost subscription."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from outage import outage
from talk_support import oslo

from handlers import catch_up
from handlers.messenger import limits


@pytest.fixture
def place(content, tmp_path):
    with outage(content, tmp_path) as place:
        yield place


def test_meta_is_called_twice_a_second_at_most(place):
    stand_in = place.stand_in
    place.catches_up()
    stand_in.lose_subscription()
    for _ in range(130):
        stand_in.write(stand_in.new_student(), "hei")
    before = len(stand_in.call_log)
    place.chat.now += timedelta(minutes=2)
    assert place.starts().run_if_due(place.pause)
    times = [call.at for call in list(stand_in.call_log)[before:]]
    assert len(place.calls("conversations")) >= 6
    assert all(later - earlier >= 500 for earlier, later in pairwise(times))


def test_long_reading_ends_with_its_slot_and_goes_on_in_the_next(place, monkeypatch):
    monkeypatch.setattr(catch_up, "CALLS", 2)
    place.catches_up()
    psids = [place.stand_in.new_student() for _ in range(130)]
    for psid in psids:
        place.stand_in.write(psid, "hei")
    worker = place.starts()
    runs = 0
    while place.catches_up(worker):
        runs += 1
    assert runs >= 3
    assert all(place.heard(psid) == ["hei"] for psid in psids)


def test_lost_subscription_is_made_again_and_shown_until_it_is(place, monkeypatch):
    stand_in = place.stand_in
    place.catches_up()
    stand_in.lose_subscription()
    with monkeypatch.context() as patched:
        patched.setattr(stand_in, "_subscribe", lambda _: {"success": True})  # Meta says yes and does nothing
        worker = place.starts()
        place.catches_up(worker)
        assert place.incidents() == {"subscription_lost"}
    place.catches_up()
    assert stand_in.subscribed_fields == list(limits.WEBHOOK_FIELDS)
    assert place.incidents() == set()


def test_one_missing_field_is_enough_to_subscribe_again(place):
    place.stand_in.subscribed_fields.remove("messaging_handovers")
    place.catches_up()
    assert set(place.stand_in.subscribed_fields) == set(limits.WEBHOOK_FIELDS)


def test_quiet_open_hours_are_looked_into_and_busy_or_closed_ones_are_not(place):
    worker = place.starts()
    place.catches_up(worker)
    place.passes(minutes=30)
    assert not place.catches_up(worker), "a quiet half hour is nothing"
    place.passes(minutes=40)
    place.stand_in.lose_subscription()
    psid = place.stand_in.new_student()
    place.stand_in.write(psid, "hører dere meg")
    assert place.catches_up(worker)
    assert place.heard(psid) == ["hører dere meg"]
    assert place.stand_in.subscribed_fields
    place.chat.now = oslo("2026-11-25 22:00")
    assert not place.catches_up(worker), "nobody is missed at night"
    place.chat.now = oslo("2026-11-26 09:01")
    assert place.catches_up(worker)


def test_of_several_workers_one_reads(place):
    place.catches_up()
    workers = [place.starts() for _ in range(3)]
    place.passes(minutes=2)
    assert [worker.run_if_due(place.pause) for worker in workers] == [True, False, False]
    place.passes(minutes=2)
    assert not any(worker.run_if_due(place.pause) for worker in workers), "what one has read is in for all"


def test_refusals_are_tried_again_ever_more_slowly_and_shown_to_staff(place):
    place.catches_up()
    psid = place.stand_in.new_student()
    place.stand_in.write(psid, "hei")
    place.stand_in.fail("dead_token")
    worker = place.starts()
    tries = sum(place.catches_up(worker) for _ in range(30))
    assert 3 <= tries <= 6
    assert place.incidents() == {"catch_up_failed"}
    place.stand_in.fail("normal")
    place.passes(minutes=30)
    place.catches_up(worker)
    assert place.incidents() == set() and place.heard(psid) == ["hei"]


def test_process_that_is_told_to_end_stops_reading_and_nothing_is_lost(place):
    place.catches_up()
    psid = place.stand_in.new_student()
    place.stand_in.write(psid, "hei")
    place.is_ending = True
    place.catches_up()
    assert place.heard(psid) == []
    place.is_ending = False
    place.catches_up()
    assert place.heard(psid) == ["hei"]


def test_nothing_that_was_read_reaches_the_log(place, caplog):
    place.catches_up()
    psid = place.stand_in.new_student()
    place.stand_in.write(psid, "hemmelig-markør-7")
    place.stand_in.lose_subscription()
    place.catches_up()
    told = str([record.__dict__ for record in caplog.records])
    assert "hemmelig-markør-7" not in told and psid not in told and "Student 1" not in told
