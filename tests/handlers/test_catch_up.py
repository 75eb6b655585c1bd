"""After an outage, over real HTTP: what students wrote is read once, in time, and nothing is done twice."""

from __future__ import annotations

import pytest
from outage import outage, webhooks

from bot.conversation import Tier

DANGER = "Jeg har tatt en overdose"


@pytest.fixture
def place(content, tmp_path):
    with outage(content, tmp_path) as place:
        yield place


def test_each_message_of_an_outage_is_read_once_and_danger_raises_alert_and_card(place):
    stand_in = place.stand_in
    place.on_duty()
    calm, danger, twice, known = (stand_in.new_student() for _ in range(4))
    with webhooks(place) as poster:
        stand_in.write(known, "hei, er dere der")
        place.settle()
        assert place.catches_up()

        poster.hold()  # the service is down
        place.passes(minutes=20)
        stand_in.write(calm, "jeg vil prate med noen")
        stand_in.write(danger, DANGER)
        stand_in.write(twice, "hallo")
        place.passes(minutes=1)
        stand_in.write(twice, "hvor lenge må jeg vente")
        place.passes(minutes=40)

        assert place.catches_up()
        assert place.heard(calm) == ["jeg vil prate med noen"]
        assert place.heard(danger) == [DANGER]
        assert place.heard(twice) == ["hallo", "hvor lenge må jeg vente"]
        assert place.heard(known) == ["hei, er dere der"]
        alerts = place.storage.read(lambda tx: tx.alerts.open())
        assert [alert.tier for alert in alerts] == [Tier.CRITICAL]
        assert place.cards(danger)

        sent = len(stand_in.deliveries)
        poster.copies = 2
        poster.release(lambda items: items[::-1], batch=3)
        place.settle()
        assert set(place.mids().values()) == {1}
        assert len(stand_in.deliveries) == sent, "what comes late a second time is answered by nobody"
        assert len(place.storage.read(lambda tx: tx.alerts.open())) == 1
        assert place.storage.read(lambda tx: tx.counters.all())["caught_up"] == 4


def test_old_danger_raises_an_alert_although_its_window_has_closed(place):
    stand_in = place.stand_in
    place.catches_up()
    psid = stand_in.new_student()
    stand_in.write(psid, DANGER)
    place.passes(hours=30)
    place.catches_up()
    assert len(place.storage.read(lambda tx: tx.alerts.open())) == 1
    assert place.cards(psid) == []


def test_redelivery_storm_after_an_hour_handles_every_message_once(place):
    stand_in = place.stand_in
    place.catches_up()
    with webhooks(place) as poster:
        poster.hold()
        psids = [stand_in.new_student() for _ in range(40)]
        for number in range(200):
            stand_in.write(psids[number % 40], f"melding nummer {number}")
            place.passes(seconds=17)
        wanted = {m.mid for thread in stand_in.threads.values() for m in thread.messages if m.by == "student"}
        place.catches_up()
        assert place.mids() == dict.fromkeys(wanted, 1)
        sent = len(stand_in.deliveries)
        poster.copies = 3
        poster.release(lambda items: items[100:] + items[:100], batch=50)
        place.settle()
        place.catches_up()
        assert place.mids() == dict.fromkeys(wanted, 1)
        assert len(stand_in.deliveries) == sent
    for psid in psids:
        numbers = [int(text.split()[-1]) for text in place.heard(psid)]
        assert numbers == sorted(numbers)


def test_webhook_that_comes_while_we_read_is_not_done_twice(place):
    """The web process is back before the worker: some of it is in by one way, some by the other."""
    stand_in = place.stand_in
    place.catches_up()
    with webhooks(place) as poster:
        poster.hold()
        psids = [stand_in.new_student() for _ in range(6)]
        for psid in psids:
            stand_in.write(psid, "hei på dere")
        poster.release(lambda items: items[:3], batch=1)
        poster.hold()
        newcomer = stand_in.new_student()
        poster.release()
        stand_in.write(newcomer, "jeg er ny her")
        place.settle()
        place.passes(minutes=1)
        place.catches_up()
    assert [place.heard(psid) for psid in psids] == [["hei på dere"]] * 6
    assert place.heard(newcomer) == ["jeg er ny her"]


def test_tap_on_a_menu_item_is_known_by_either_of_its_names(place):
    stand_in = place.stand_in
    place.catches_up()
    psid, other = stand_in.new_student(), stand_in.new_student()
    with webhooks(place) as poster:
        stand_in.press(psid, "Meny", "menu")
        place.settle()
        place.catches_up()
        assert place.heard(psid) == ["Meny"]
        poster.hold()
        stand_in.press(other, "Meny", "menu")
        place.catches_up()
        poster.release()
        place.settle()
    assert place.heard(other) == ["Meny"]


def test_student_who_writes_while_we_read_is_not_skipped(place, monkeypatch):
    """A conversation moves from a page that is still to be read to one that has been."""
    stand_in = place.stand_in
    place.catches_up()
    psids = [stand_in.new_student() for _ in range(60)]
    for psid in psids:
        stand_in.write(psid, "først")
        place.passes(seconds=20)
    moved = []

    def pause(seconds):
        place.passes(seconds=seconds)
        if len(place.calls("conversations")) == asked + 1 and not moved:
            moved.append(stand_in.write(psids[0], "etterpå"))
        return False

    asked = len(place.calls("conversations"))
    place.passes(minutes=2)
    assert place.starts().run_if_due(pause)
    place.settle()
    assert moved and place.heard(psids[0]) == ["først", "etterpå"]


def test_what_was_written_before_the_service_had_anybody_is_none_of_its_business(place):
    psid = place.stand_in.new_student()
    place.stand_in.write(psid, "en gammel melding")
    assert place.catches_up()
    assert place.heard(psid) == [] and place.calls("conversations") == []


def test_nothing_older_than_seven_days_is_read(place):
    place.catches_up()
    old, new = place.stand_in.new_student(), place.stand_in.new_student()
    place.stand_in.write(old, "for lenge siden")
    place.passes(days=5)
    place.stand_in.write(new, "nylig")
    place.passes(days=4)
    place.catches_up()
    assert place.heard(old) == [] and place.heard(new) == ["nylig"]


def test_erased_student_is_not_brought_back(place):
    stand_in = place.stand_in
    place.catches_up()
    psid = stand_in.new_student()
    with webhooks(place):
        stand_in.write(psid, "slett dette")
        place.settle()
    contact_id = place.storage.read(lambda tx: tx.contacts.find(psid))
    place.storage.write(lambda tx: tx.contacts.erase(contact_id, "CODE", place.now))
    place.catches_up()
    assert place.storage.read(lambda tx: tx.contacts.find(psid)) is None


def test_what_people_answered_in_metas_inbox_is_left_out(place):
    place.catches_up()
    psid = place.stand_in.new_student()
    place.stand_in.write(psid, "hei")
    place.stand_in.inbox_answer(psid, "hei, dette er Marte", takes_control=False)
    place.catches_up()
    assert [e.text for e in place.entries(psid) if e.written_by in ("contact", "inbox")] == ["hei"]


def test_conversation_that_holds_more_than_can_be_read_is_shown_to_staff(place):
    place.catches_up()
    psid = place.stand_in.new_student()
    for number in range(30):
        place.stand_in.write(psid, f"nummer {number}")
    place.catches_up()
    assert place.heard(psid) == [f"nummer {number}" for number in range(10, 30)]
    assert place.incidents() == {"missed_unread"}
    place.catches_up()
    assert place.incidents() == {"missed_unread"}
    place.passes(days=2)
    place.catches_up()
    assert place.incidents() == set()
