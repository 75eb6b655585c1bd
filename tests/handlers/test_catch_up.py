"""After an outage, over real HTTP: what students wrote is read once, in time, and nothing is done twice."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from flask import Flask
from talk_support import oslo
from werkzeug.serving import make_server

from bot.conversation import Tier
from bot.events import AttachmentReceived, TextReceived
from handlers import catch_up
from handlers.catch_up import CatchUp, is_in, keep, other_keys, read_answer
from handlers.local_chat import LocalChat
from handlers.messenger import limits, webhook
from handlers.messenger.client import MessengerClient
from handlers.sender import Sender
from handlers.simulator.poster import Poster
from handlers.simulator.standalone import standing_graph
from storage.records import Duty, Role

SECRET = "outage-secret"
DANGER = "Jeg har tatt en overdose"


class Place:
    """The service, its webhook and Meta's stand-in, each at an address of this machine; one clock for all."""

    def __init__(self, content, folder, graph):
        self.graph, self.stand_in = graph, graph.stand_in
        self.chat = LocalChat(content, oslo("2026-11-25 12:00"), folder)
        self.storage, self.content = self.chat.storage, content
        self.stand_in.clock = self.chat.clock
        self.client = MessengerClient(
            page_id=self.stand_in.page_id,
            token=self.stand_in.token,
            app_secret=None,
            graph_version="26.0",
            graph_url=graph.url,
            read_timeout=5,
            pool_size=4,
        )
        self.sender = Sender(self.storage, self.client, content.settings, self.chat.clock, worker="test")
        self.is_ending = False

    @property
    def now(self):
        return self.chat.now

    def passes(self, **span):
        self.chat.now += timedelta(**span)

    def pause(self, seconds):
        self.passes(seconds=seconds)
        return self.is_ending

    def starts(self) -> CatchUp:
        """A worker that has just started."""
        return CatchUp(
            self.storage, self.client, lambda: self.content, self.chat.clock, app_id=self.stand_in.app_id
        )

    def catches_up(self, catching: CatchUp | None = None) -> bool:
        """One look, by a fresh worker unless said otherwise, and all that follows from it."""
        self.passes(minutes=2)  # the next slot
        done = (catching or self.starts()).run_if_due(self.pause)
        self.settle()
        return done

    def settle(self):
        while self.chat.inbound.drain() + self.sender.drain():
            pass

    def on_duty(self):
        def add(tx):
            staff_id = tx.staff.add("amalie", "Amalie", Role.SUPPORTER, "x", self.now)
            tx.staff.set_duty(staff_id, Duty.ON, self.now)
            tx.staff.seen(staff_id, self.now + timedelta(days=400))

        self.storage.write(add)

    def entries(self, psid):
        contact_id = self.storage.read(lambda tx: tx.contacts.find(psid))
        if contact_id is None:
            return []
        return self.storage.read(lambda tx: tx.transcript.entries(contact_id))

    def heard(self, psid):
        return [entry.text for entry in self.entries(psid) if entry.written_by == "contact"]

    def mids(self):
        """How often each message of a student stands in a transcript."""
        found: Counter[str] = Counter()
        for psid in self.stand_in.threads:
            found.update(e.mid for e in self.entries(psid) if e.written_by == "contact")
        return found

    def cards(self, psid):
        return [d for d in self.stand_in.deliveries if d.psid == psid and "113" in (d.text or "")]

    def incidents(self):
        return {i.kind for i in self.storage.read(lambda tx: tx.incidents.open_ones())}

    def calls(self, name):
        return [call for call in self.stand_in.call_log if call.path.endswith(f"/{name}")]


@pytest.fixture
def place(content, tmp_path):
    with standing_graph() as graph:
        place = Place(content, tmp_path, graph)
        yield place
        place.client.close()
        place.chat.close()


@contextmanager
def webhooks(place, **settings):
    """The web process; the stand-in posts to it as long as the block lasts."""
    app = Flask("web")
    app.register_blueprint(
        webhook.blueprint(
            page_id=place.stand_in.page_id,
            app_id=place.stand_in.app_id,
            app_secret=SECRET,
            verify_token="word",
            storage=place.storage,
            clock=place.chat.clock,
        )
    )
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    poster = Poster(f"http://127.0.0.1:{server.server_port}/webhook", SECRET, synchronous=True, **settings)
    place.stand_in.attach(poster)
    try:
        yield poster
    finally:
        poster.close()
        server.shutdown()
        thread.join()
        server.server_close()


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


# The answer itself.

PAGE = "100000000000001"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


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
