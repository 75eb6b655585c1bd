"""What machines may ask: alive, ready, figures; and the privacy page."""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from bot.conversation import Handoff, Status, Tier
from bot.effects import RaiseAlert
from bot.errors import ContentError
from bot.events import TextReceived
from bot.hours import Hours
from bot.ladder import Step
from bot.messages import BotMessage, Purpose
from bot.settings import Settings
from handlers import health
from handlers.messenger.client import MessengerClient
from handlers.metrics import Posts
from handlers.sender import Sender
from handlers.simulator.standalone import standing_graph
from storage import Keys, open_storage
from storage.records import NewEvent

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
WORDS = "jeg orker ikke mer"
PSID = "7654321098765432"
SETTINGS = Settings.model_validate(
    {
        "page": {
            "name": "Peer Support Oslo",
            "privacy_url": "https://peersupport.example.org/privacy",
            "contact_email": "help@example.org",
        },
        "service_hours": {"weekly": {"monday": ["09:00-20:00"]}},
    }
)


@pytest.fixture
def storage(tmp_path):
    keys = Keys.from_environment("k1:" + base64.b64encode(bytes(range(32))).decode(), "s" * 40)
    storage = open_storage("sqlite:///test.db", keys, home=tmp_path)
    yield storage
    storage.close()


@pytest.fixture
def ready_storage(storage):
    storage.migrate(NOW)
    storage.write(lambda tx: tx.worker.beat("w", NOW))
    return storage


def published():
    return SimpleNamespace(settings=SETTINGS, hours=Hours(SETTINGS.service_hours))


def client(storage, now=NOW, content=published, posts=None):
    app = Flask(__name__)
    app.register_blueprint(
        health.blueprint(storage=storage, clock=lambda: now, content=content, posts=posts or Posts())
    )
    return app.test_client()


def danger(tx, now=NOW):
    """A student in danger, in the queue, with an event and a message that wait."""
    event = TextReceived(mid="m1", text=WORDS, sent_at=now)
    tx.inbox.add([NewEvent(psid=PSID, key="m1", event=event)], now)
    contact_id = tx.contacts.find(PSID)
    conversation = replace(
        tx.conversations.get(contact_id, now),
        status=Status.WAITING,
        last_inbound_at=now,
        handoff=Handoff(number=1, opened_at=now, tier=Tier.CRITICAL, category="A-suicide"),
    )
    tx.conversations.save(conversation, now)
    tx.alerts.raise_(
        contact_id,
        RaiseAlert(tier=Tier.CRITICAL, category="A-suicide", rules=("r1",), matched=(WORDS,), at=now),
    )
    message = BotMessage(purpose=Purpose.CARD, text=WORDS, not_after=now + timedelta(hours=1))
    tx.outbox.add(contact_id, message, now)


def test_alive_is_said_without_asking_the_database(storage):
    storage.close()
    assert client(storage).get("/healthz").status_code == 200


def test_ready_when_every_part_can_do_its_job(ready_storage):
    answer = client(ready_storage).get("/readyz")
    assert answer.status_code == 200
    assert answer.json["ready"] is True
    assert set(answer.json["parts"]) == {
        *("database", "schema", "content", "worker", "inbox", "outbox"),
        *("published", "disk", "channel", "subscription", "catch_up", "ladder"),
    }
    assert answer.json["parts"]["worker"]["count"] == 1
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_database_without_our_tables_is_not_ready(storage):
    answer = client(storage).get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["schema"])


def test_a_database_that_does_not_answer_is_named(ready_storage):
    ready_storage.close()
    answer = client(ready_storage).get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["database"])
    assert client(ready_storage).get("/metrics").status_code == 503


def test_a_worker_that_has_never_run_is_named(storage):
    storage.migrate(NOW)
    assert client(storage).get("/readyz").json["failed"] == ["worker"]


@pytest.mark.parametrize(
    ("seconds", "failed"),
    [
        (29, []),
        (30, ["worker"]),
        (60, ["worker", "inbox", "ladder"]),
        (300, ["worker", "inbox", "outbox", "ladder"]),
    ],
)
def test_what_waits_too_long_is_named(ready_storage, seconds, failed):
    ready_storage.write(danger)
    answer = client(ready_storage, NOW + timedelta(seconds=seconds)).get("/readyz")
    assert answer.json["failed"] == failed
    assert answer.json["parts"]["inbox"]["age_seconds"] == seconds
    assert answer.status_code == (503 if failed else 200)


def test_an_alert_whose_next_rung_cannot_be_counted_out_is_named(ready_storage):
    ready_storage.write(danger)
    (climb,) = ready_storage.read(lambda tx: tx.rungs.climbs())
    last = Step(step=1, part="open", index=2, rung=SETTINGS.ladder.open.critical[2])
    ready_storage.write(lambda tx: tx.rungs.fire(climb, last, (), NOW))
    ladder = SETTINGS.ladder.model_copy(update={"repeat_minutes": math.inf})
    broken = SETTINGS.model_copy(update={"ladder": ladder})
    content = SimpleNamespace(settings=broken, hours=Hours(broken.service_hours))
    assert client(ready_storage).get("/readyz").json["parts"]["ladder"] == {"ok": True, "count": 0}
    answer = client(ready_storage, content=lambda: content).get("/readyz")
    assert (answer.json["failed"], answer.json["parts"]["ladder"]["count"]) == (["ladder"], 1)


def test_content_that_cannot_be_used_is_named(ready_storage):
    def broken():
        raise ContentError(["flows/texts.yaml:1: is empty"])

    answer = client(ready_storage, content=broken).get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["content"])


def test_a_dead_token_is_met_by_the_sender_and_then_the_channel_cannot(ready_storage):
    ready_storage.write(danger)
    with standing_graph() as graph:
        graph.stand_in.new_student(PSID)
        graph.stand_in.fail("dead_token")
        meta = MessengerClient(
            page_id=graph.stand_in.page_id,
            token=graph.stand_in.token,
            app_secret=None,
            graph_version="26.0",
            graph_url=graph.url,
        )
        Sender(ready_storage, meta, SETTINGS, lambda: NOW, worker="w").drain()
        meta.close()
    answer = client(ready_storage).get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["channel"])
    assert answer.json["incidents"] == ["page:token_dead"]
    assert figures(ready_storage)["outbox_held",] == 1


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("page:page_restricted", "channel"),
        ("policy_block", "channel"),
        ("subscription_lost", "subscription"),
        ("catch_up_failed", "catch_up"),
    ],
)
def test_what_stops_a_part_names_it(ready_storage, kind, part):
    ready_storage.write(lambda tx: tx.incidents.open(kind, NOW))
    answer = client(ready_storage).get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, [part])
    assert answer.json["parts"][part]["what"]
    ready_storage.write(lambda tx: tx.incidents.close(kind, NOW))
    assert client(ready_storage).get("/readyz").json["ready"]


def test_an_incident_that_stops_nothing_is_told_and_does_not_fail(ready_storage):
    ready_storage.write(lambda tx: tx.incidents.open("policy_warning", NOW))
    answer = client(ready_storage).get("/readyz")
    assert (answer.status_code, answer.json["incidents"]) == (200, ["policy_warning"])


def figures(storage, now=NOW):
    text = client(storage, now).get("/metrics").get_data(as_text=True)
    return {
        (sample.name.removeprefix("peersupport_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_database(ready_storage):
    def work(tx):
        danger(tx)
        tx.incidents.open("page:token_dead", NOW)
        tx.counters.bump("duplicate_events", 3)
        tx.counters.bump("send_sent", 2)
        tx.missed.caught_up(NOW, NOW)

    ready_storage.write(work)
    found = figures(ready_storage, NOW + timedelta(seconds=20))
    assert found["queue_waiting", "critical"] == 1
    assert found["queue_waiting", "none"] == 0
    assert found["queue_oldest_seconds", "critical"] == 20
    assert found["events_total", "text"] == 1
    assert found["events_decided_total",] == 0
    assert found["inbox_pending",] == 1
    assert found["inbox_oldest_seconds",] == 20
    assert found["outbox_waiting",] == 1
    assert found["outbox_held",] == 1
    assert found["sends_total", "sent"] == 2
    assert found["workers",] == 1
    assert found["worker_beat_seconds",] == 20
    assert found["caught_up_seconds",] == 20
    assert found["alerts_open", "no", "critical"] == 1
    assert found["incident_open", "page:token_dead"] == 1
    assert found["counted_total", "duplicate_events"] == 3
    assert ("counted_total", "event_text") not in found, "no number stands in two families"


def test_an_event_is_decided_or_set_aside_and_a_message_is_under_way_or_of_unknown_fate(ready_storage):
    def work(tx):
        danger(tx)
        for mid in ("m2", "m3"):
            event = TextReceived(mid=mid, text=WORDS, sent_at=NOW)
            tx.inbox.add([NewEvent(psid=PSID, key=mid, event=event)], NOW)
        tx.inbox.done([tx.inbox.take(NOW)[0].id], NOW)
        tx.inbox.set_aside(tx.inbox.take(NOW)[0].id, NOW, "KeyError")
        return tx.outbox.claim(NOW, "w", 1)[0].id

    outbox_id = ready_storage.write(work)
    found = figures(ready_storage)
    assert (found["events_decided_total",], found["events_aside",], found["inbox_pending",]) == (1, 1, 1)
    assert (found["sends_under_way",], found["sends_unknown",]) == (1, 0)
    ready_storage.write(lambda tx: tx.outbox.unknown(outbox_id, NOW))
    found = figures(ready_storage)
    assert (found["sends_under_way",], found["sends_unknown",]) == (0, 1)


def test_a_silent_worker_is_counted_no_more(ready_storage):
    ready_storage.write(lambda tx: tx.worker.beat("second", NOW + timedelta(seconds=25)))
    assert figures(ready_storage, NOW + timedelta(seconds=29))["workers",] == 2
    assert figures(ready_storage, NOW + timedelta(seconds=31))["workers",] == 1


def test_posts_to_the_webhook_are_counted_by_what_became_of_them(ready_storage):
    posts = Posts()
    for outcome in ("accepted", "bad_signature", "accepted"):
        posts.count(outcome)
    text = client(ready_storage, posts=posts).get("/metrics").get_data(as_text=True)
    assert 'peersupport_webhook_posts_total{outcome="accepted"} 2.0' in text
    assert 'peersupport_webhook_posts_total{outcome="bad_signature"} 1.0' in text


def test_figures_do_not_add_up_from_one_request_to_the_next(ready_storage):
    ready_storage.write(lambda tx: tx.counters.bump("events_text"))
    asked = client(ready_storage)
    assert asked.get("/metrics").data == asked.get("/metrics").data


@pytest.mark.parametrize("address", ["/readyz", "/metrics"])
def test_nothing_about_one_person_is_told(ready_storage, address):
    ready_storage.write(danger)
    text = client(ready_storage, NOW + timedelta(hours=1)).get(address).get_data(as_text=True)
    alias = ready_storage.read(lambda tx: tx.alerts.open()[0].alias)
    for secret in (WORDS, "orker ikke", PSID, alias, "m1"):
        assert secret not in text


def test_the_privacy_page_speaks_both_languages_and_loads_nothing_from_elsewhere(ready_storage):
    asked = client(ready_storage)
    page = asked.get("/privacy")
    text = page.get_data(as_text=True)
    assert "Når taushetsplikten ikke gjelder" in text
    assert "When confidentiality does not apply" in text
    assert "3 dager" in text
    assert "3 days" in text
    assert "help@example.org" in text
    assert "<script" not in text
    assert "style=" not in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert asked.get("/privacy.css").mimetype == "text/css"
    assert 'href="/privacy.css"' in text
