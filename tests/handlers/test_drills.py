"""A drill: everything is real but the student, who cannot be written to and is counted nowhere."""

from __future__ import annotations

import pytest

from bot.conversation import Status, Tier
from bot.errors import NotPossible
from handlers import jobs, metrics
from handlers.alerting.climber import Climber
from handlers.drills import ALIAS, Drills
from handlers.escalation import Escalation
from storage.records import Delivery, Role


@pytest.fixture
def drill(chat):
    """Ola on duty, Kim coordinates, and mail that is kept."""
    chat.ola, chat.kim = chat.on_duty("ola@example.org"), chat.on_duty("Kim", Role.COORDINATOR)
    chat.notices = []

    class Mail:
        def tell(self, notice):
            chat.notices.append(notice)
            return ()

    storage, clock = chat.local.storage, chat.local.clock
    chat.drills = Drills(storage, lambda: chat.content, clock)
    chat.climber = Climber(storage, lambda: chat.content, clock, {"email": Mail()}, worker="w")
    chat.do = Escalation(storage, lambda: chat.content, clock)
    return chat


def settle(chat) -> None:
    while chat.climber.climb() | chat.climber.send_one():
        pass
    chat.local.settle()


def test_the_real_ladder_is_climbed_and_every_notification_says_that_it_is_a_drill(drill):
    alert_id = drill.drills.start(drill.kim)
    settle(drill)
    (notice,) = drill.notices
    assert (notice.email, notice.kind) == ("ola@example.org", "drill")
    assert notice.title.startswith("ØVELSE: ")
    assert notice.text.startswith("ØVELSE: ")
    (alert,) = drill.alerts
    assert (alert.id, alert.drill, alert.tier, alert.alias) == (alert_id, True, Tier.CRITICAL, ALIAS)
    (row,) = drill.queue
    assert row.alias == ALIAS
    drill.do.acknowledge(alert_id, drill.ola)
    drill.local.now = drill.now
    assert drill.do.standing(alert_id).plan.look_at is not None


def test_nothing_is_sent_to_the_student_whatever_people_do(drill):
    alert_id = drill.drills.start(drill.kim)
    settle(drill)
    contact_id = drill.alerts[0].contact_id
    drill.local.deeds.claim(contact_id, drill.ola)
    newest = drill.local.storage.read(lambda tx: tx.transcript.last_id(contact_id))
    drill.local.deeds.reply(contact_id, drill.ola, "Hei, jeg er her.", newest)
    settle(drill)
    assert drill.local.channel.said == []
    entries = drill.local.storage.read(lambda tx: tx.transcript.entries(contact_id))
    assert {e.delivery for e in entries if e.outbox_id} == {Delivery.DROPPED}
    assert any(e.text and "DRILL" in e.text for e in entries)
    assert not drill.do.standing(alert_id).plan.is_due  # the words counted as an answer
    drill.wait(minutes=30)
    settle(drill)
    assert len(drill.notices) == 1
    seen = drill.local.deeds.sight(contact_id)
    drill.local.deeds.close(contact_id, drill.ola, "test", seen=seen)
    assert drill.do.unconfirmed() == []


def test_a_drill_counts_in_no_statistics_and_leaves_no_student(drill):
    alert_id = drill.drills.start(drill.kim)
    drill.do.judge(alert_id, drill.ola, "wrong")
    drill.do.record(alert_id, drill.ola, "note", {"text": "Øvelse"})
    assert drill.drills.stop(drill.kim) == 1
    assert drill.drills.stop(drill.kim) == 0
    assert (drill.do.verdicts(), drill.alerts, drill.queue) == ([], [], [])
    storage = drill.local.storage
    for table in ("conversation", "handoff", "outbox", "entry"):
        assert storage.read(lambda tx, t=table: tx.all(f"SELECT * FROM {t}")) == []  # noqa: S608
    assert storage.read(lambda tx: tx.counters.all()) == {}
    (record,) = drill.do.records(drill.kim)
    assert record.drill
    settle(drill)
    assert drill.notices == []


def figures(chat, name):
    """The samples of one figure that are not 0."""
    posts = chat.local.storage.posts.figures()
    found = chat.local.storage.read(lambda tx: list(metrics.families(tx, posts, chat.now)))
    (family,) = [each for each in found if each.name == f"peersupport_{name}"]
    return [sample for sample in family.samples if sample.value]


def test_a_drill_stands_in_no_figure(drill):
    drill.drills.start(drill.kim)
    settle(drill)
    drill.wait(minutes=20)
    settle(drill)
    assert drill.alerts and drill.queue  # it is on
    for name in ("alerts_open", "queue_waiting", "queue_oldest_seconds", "events", "sends", "counted"):
        assert figures(drill, name) == [], name


def test_a_drill_keeps_no_student_waiting(drill):
    drill.drills.start(drill.kim)
    drill.contact_writes("prate").contact_writes("prate")
    assert drill.last_reply == drill.text("queue.first")
    assert [sample.labels["tier"] for sample in figures(drill, "queue_waiting")] == ["none"]


def test_one_drill_at_a_time_and_a_real_student_beside_it_is_real(drill):
    drill.drills.start(drill.kim)
    with pytest.raises(NotPossible):
        drill.drills.start(drill.kim)
    assert drill.drills.is_on()
    drill.contact_writes("hei").contact_writes("jeg skal ta livet mitt i kveld")
    settle(drill)
    assert sorted(notice.kind for notice in drill.notices) == ["alert", "drill"]
    drill.drills.stop(None)
    assert [alert.drill for alert in drill.alerts] == [False]
    assert drill.status is Status.WAITING
    drill.drills.start(None)


def test_a_drills_identity_is_nobodys(drill):
    alert_id = drill.drills.start(drill.kim)
    assert drill.do.open_identity(alert_id, drill.ola, "Øvelse").psid == "-"


def test_what_a_second_person_looks_at_in_a_drill_is_marked_and_stands_in_no_figure(drill):
    alert_id = drill.drills.start(drill.kim)
    opening = drill.do.open_identity(alert_id, drill.ola, "Øvelse").opening_id
    drill.do.acknowledge(alert_id, drill.ola)
    drill.do.answer_debrief(alert_id, drill.ola, "yes")
    assert figures(drill, "incident_open") == []
    assert [one.drill for one in drill.do.identities(unreviewed=True)] == [True]
    assert [one.drill for one in drill.do.debriefs()] == [True]
    drill.do.review_identity(opening, drill.kim, "right")
    assert drill.do.identities(unreviewed=True) == []


def test_after_a_drill_nothing_of_it_waits_for_anybody(drill):
    alert_id = drill.drills.start(drill.kim)
    drill.do.open_identity(alert_id, drill.ola, "Øvelse")
    drill.do.acknowledge(alert_id, drill.ola)
    drill.do.answer_debrief(alert_id, drill.ola, "yes")
    drill.drills.stop(drill.kim)
    assert (drill.do.debriefs(), drill.do.identities(unreviewed=True)) == ([], [])
    assert drill.local.storage.read(lambda tx: tx.debriefs.waiting(drill.kim.id)) == 0
    drill.wait(hours=25)
    assert jobs.flag_unconfirmed(drill.local.storage, drill.content, drill.now) == 0
    assert figures(drill, "incident_open") == []
    assert drill.local.storage.read(lambda tx: tx.record_proof.verify()) == []


def test_what_a_drill_of_an_earlier_version_left_open_ends(drill):
    alert_id = drill.drills.start(drill.kim)
    drill.do.open_identity(alert_id, drill.ola, "Øvelse")
    drill.drills.stop(drill.kim)
    for kind in ("identity_opened", "confirmation_overdue"):
        drill.local.storage.write(lambda tx, kind=kind: tx.incidents.open(kind, drill.now))
    jobs.flag_unconfirmed(drill.local.storage, drill.content, drill.now)
    assert figures(drill, "incident_open") == []


def test_only_a_coordinator_starts_and_stops_a_drill(drill):
    for person in (drill.ola, drill.on_duty("Liv", Role.DUTY_LEAD), drill.on_duty("Anne", Role.ADMIN)):
        with pytest.raises(NotPossible):
            drill.drills.start(person)
    drill.drills.start(drill.kim)
    with pytest.raises(NotPossible):
        drill.drills.stop(drill.ola)
