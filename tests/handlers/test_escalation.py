"""What people do about an alert: take it, judge it, record it, have it confirmed, look who it is, take a pause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from talk_support import one_engine

from bot.conversation import Status, Tier
from bot.errors import AlreadyClaimed, NotPossible
from bot.record_entries import KINDS, read_line
from handlers.alerting.climber import Climber
from handlers.escalation import Escalation
from storage.records import Role

DANGER = "jeg skal ta livet mitt i kveld"
SAMPLES = {
    "asked": {"asked": True, "answer": "yes"},
    "place": {"known": True, "place": " Ved elva "},
    "called": {
        "who": "supporter",
        "whom": "113",
        "called_at": "2026-11-25T11:59:00+01:00",
        "reference": "A1",
    },
    "consent": {"asked": True, "answer": "not_possible"},
    "facts": {"passed_on": "Sted og siste ord", "to": "113"},
    "ground": {"ground": "s17"},
    "help_arrived": {"confirmed": True, "how": "AMK ringte"},
    "informed": {"who": "duty_lead"},
    "handed_over": {"to": "Legevakten"},
    "debrief": {"offered": True, "taken": "later"},
    "note": {"text": "Ringte to ganger."},
}


@pytest.fixture
def case(chat):
    """A student in danger; Ola and Kari help, Liv leads, Rune reviews."""
    chat.ola, chat.kari = chat.on_duty("Ola"), chat.on_duty("Kari")
    chat.liv = chat.on_duty("Liv", Role.DUTY_LEAD)
    chat.rune = chat.on_duty("Rune", Role.REVIEWER)
    chat.admin = chat.on_duty("Anne", Role.ADMIN)
    chat.contact_writes("hei").contact_writes(DANGER)
    chat.alert = chat.alerts[0]
    assert chat.alert.tier is Tier.CRITICAL
    chat.do = Escalation(chat.local.storage, lambda: chat.content, chat.local.clock)
    return chat


def audited(chat) -> list[str]:
    return [line.action for line in chat.local.storage.read(lambda tx: tx.audit.lines())]


def close(chat):
    chat.claim(chat.ola).supporter_writes(chat.ola, "Hei").closes(chat.ola)
    return chat.local.storage.read(lambda tx: tx.alerts.get(chat.alert.id))


def lower(chat, tier, reason):
    seen = chat.local.deeds.sight(chat.id_of())
    chat.do.lower_tier(chat.id_of(), chat.ola, tier, reason, seen=seen)


def test_i_have_it_is_one_persons(case):
    case.do.acknowledge(case.alert.id, case.ola)
    case.do.acknowledge(case.alert.id, case.ola)
    with pytest.raises(AlreadyClaimed) as taken:
        case.do.acknowledge(case.alert.id, case.kari)
    assert taken.value.alias == "Ola"
    assert audited(case).count("acknowledged") == 1
    with pytest.raises(NotPossible):
        case.do.acknowledge(4711, case.ola)
    with pytest.raises(NotPossible):
        case.do.acknowledge(case.alert.id, case.admin)


def test_the_record_holds_every_kind_of_line_and_begins_with_what_was_noticed(case):
    assert set(SAMPLES) == set(KINDS)
    case.do.acknowledge(case.alert.id, case.ola)
    for kind, fields in SAMPLES.items():
        case.do.record(case.alert.id, case.ola, kind, fields)
    record = case.do.open_record(case.alert.id, case.rune)
    assert [entry.kind for entry in record.entries] == ["raised", "card", "acknowledged", *SAMPLES]
    raised = record.entries[0].fields
    assert (raised["tier"], raised["in_hours"], raised["drill"]) == ("critical", True, False)
    assert raised["rules"] == list(case.alert.rules)
    assert raised["words"] == list(case.alert.matched)
    assert {e.by for e in record.entries[3:]} == {case.ola.id}
    assert record.entries[4].fields == {"known": True, "place": "Ved elva"}
    assert record.debrief_at == case.now
    assert "record_opened" in audited(case)
    assert case.local.storage.read(lambda tx: tx.record_proof.verify()) == []


@one_engine
@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("called", SAMPLES["called"] | {"called_at": "2026-11-25T13:00:00+01:00"}, "called_at"),
        ("called", SAMPLES["called"] | {"called_at": "2026-11-25T10:00:00"}, "called_at"),
        ("called", SAMPLES["called"] | {"who": "nobody"}, "who"),
        ("ground", {"ground": "because"}, "ground"),
        ("note", {"text": "  "}, "text"),
        ("note", {"text": "x" * 2001}, "text"),
        ("note", {"text": "x", "more": "y"}, "more"),
        ("tier_lowered", {}, "tier_lowered"),
    ],
)
def test_a_line_that_is_half_said_is_refused_by_name_and_never_quoted(case, kind, fields, field):
    with pytest.raises(NotPossible) as refused:
        read_line(kind, fields, case.now)
    assert field in str(refused.value)
    assert "because" not in str(refused.value)


def test_delete_leaves_the_record_and_takes_the_conversation(case):
    case.do.record(case.alert.id, case.ola, "note", {"text": "Fulgt til legevakten."})
    case.local.storage.write(lambda tx: tx.contacts.erase(case.alert.contact_id, "kode", case.now))
    record = case.do.open_record(case.alert.id, case.liv)
    assert record.entries[0].fields["words"] == list(case.alert.matched)
    assert record.entries[2].fields == {"text": "Fulgt til legevakten."}
    case.do.record(case.alert.id, case.liv, "help_arrived", {"confirmed": True})


def test_nothing_is_added_to_a_record_that_went_for_its_age(case):
    case.contact_writes("hei", who="B").contact_writes(DANGER, who="B")
    over = next(alert for alert in case.alerts if alert.contact_id == case.id_of("B"))
    later = case.now + timedelta(days=1)
    case.local.storage.write(lambda tx: tx.alerts.close(over.contact_id, None, case.now))
    case.local.storage.write(lambda tx: tx.escalations.prune(later, later))
    assert case.do.open_record(over.id, case.liv) is None
    with pytest.raises(NotPossible, match="over"):
        case.do.record(over.id, case.liv, "note", {"text": "Først nå"})


def test_the_record_is_read_by_few(case):
    case.do.record(case.alert.id, case.ola, "note", {"text": "x"})
    for person in (case.kari, case.admin, case.ola):
        with pytest.raises(NotPossible):
            case.do.open_record(case.alert.id, person)
    case.do.acknowledge(case.alert.id, case.ola)
    assert case.do.open_record(case.alert.id, case.ola) is not None
    close(case)
    with pytest.raises(NotPossible):
        case.do.open_record(case.alert.id, case.ola)
    assert len(case.do.records(case.rune)) == 1
    with pytest.raises(NotPossible):
        case.do.records(case.kari)
    with pytest.raises(NotPossible):
        case.do.record(case.alert.id, case.rune, "note", {"text": "x"})


def test_a_tier_is_lowered_by_a_person_with_a_reason_that_stays_in_the_record(case):
    for nothing in ("", "  ", ".", "\u200b\u200b\u200b", "?!"):
        with pytest.raises(NotPossible, match="reason"):
            lower(case, Tier.HIGH, nothing)
    lower(case, Tier.HIGH, "Snakket med henne.")
    assert case.conv().tier is Tier.HIGH
    entry = case.do.open_record(case.alert.id, case.liv).entries[-1]
    assert (entry.kind, entry.by) == ("tier_lowered", case.ola.id)
    assert entry.fields == {"from": "critical", "to": "high", "reason": "Snakket med henne."}
    assert "tier_lowered" in audited(case)
    with pytest.raises(NotPossible):
        lower(case, Tier.CRITICAL, "Opp igjen")


def test_a_closed_critical_conversation_fills_no_hands_and_waits_for_a_second_person(case):
    closed = close(case)
    assert case.status is Status.CLOSED
    assert case.local.storage.write(lambda tx: tx.handoffs.open_count(case.ola.id)) == 0
    assert closed.needs_confirm
    assert [one.alert_id for one in case.do.unconfirmed()] == [case.alert.id]
    with pytest.raises(NotPossible):
        case.do.confirm_closure(case.alert.id, case.kari)
    case.do.confirm_closure(case.alert.id, case.liv)
    with pytest.raises(NotPossible):
        case.do.confirm_closure(case.alert.id, case.liv)
    assert case.do.unconfirmed() == []
    after = case.local.storage.read(lambda tx: tx.alerts.get(case.alert.id))
    assert (after.needs_confirm, after.confirmed_by) == (False, case.liv.id)


def test_a_lead_does_not_confirm_what_they_closed_themselves(case):
    case.claim(case.liv).supporter_writes(case.liv, "Hei").closes(case.liv)
    with pytest.raises(NotPossible, match="another person"):
        case.do.confirm_closure(case.alert.id, case.liv)


def test_lowering_alone_does_not_avoid_the_second_person(case):
    case.claim(case.ola)
    lower(case, Tier.NONE, "Feil alarm.")
    case.closes(case.ola)
    assert [one.alert_id for one in case.do.unconfirmed()] == [case.alert.id]


def test_one_person_opens_the_identity_with_a_reason_and_a_second_is_told_and_reviews(case):
    for nothing in (" ", ".", "\u200b"):
        with pytest.raises(NotPossible, match="reason"):
            case.do.open_identity(case.alert.id, case.ola, nothing)
    with pytest.raises(NotPossible):
        case.do.open_identity(case.alert.id, case.admin, "Politiet spør")
    storage = case.local.storage
    storage.write(lambda tx: tx.staff.set_contact(case.liv.id, email="liv@example.org", phone=None))
    found = case.do.open_identity(case.alert.id, case.ola, "113 må vite hvem det er")
    assert found.psid == "A"
    assert "psid" not in repr(found)
    assert found.last_inbound_at == case.now
    assert found.review_by == case.now + timedelta(hours=24)
    assert "Meta" in found.look_up.nb
    assert storage.read(lambda tx: tx.incidents.is_open("identity_opened"))
    assert audited(case)[0] == "identity_opened"
    sent = []

    class Mail:
        def tell(self, notice):
            sent.append((notice.email, notice.kind))
            return ()

    climber = Climber(storage, lambda: case.content, case.local.clock, {"email": Mail()}, worker="w")
    while climber.send_one():
        pass
    assert sent == [("liv@example.org", "review")]
    (opening,) = case.do.identities(unreviewed=True)
    for person in (case.ola, case.kari):
        with pytest.raises(NotPossible):
            case.do.review_identity(opening.id, person, "right")
    case.do.review_identity(opening.id, case.liv, "right", "Nødvendig")
    with pytest.raises(NotPossible):
        case.do.review_identity(opening.id, case.rune, "wrong")
    assert case.do.identities(unreviewed=True) == []
    assert not storage.read(lambda tx: tx.incidents.is_open("identity_opened"))
    kinds = [entry.kind for entry in case.do.open_record(case.alert.id, case.liv).entries]
    assert kinds == ["raised", "card", "identity_opened", "identity_reviewed"]


def test_the_one_who_opened_it_does_not_review_it_as_a_lead_either(case):
    opening = case.do.open_identity(case.alert.id, case.liv, "Haster").opening_id
    with pytest.raises(NotPossible, match="another person"):
        case.do.review_identity(opening, case.liv, "right")


def test_the_identity_stays_closed_unless_somebodys_life_is_in_danger(case):
    close(case)
    with pytest.raises(NotPossible):
        case.do.open_identity(case.alert.id, case.ola, "Nysgjerrig")
    case.contact_writes("hei", who="B").contact_writes("jeg vil ikke leve", who="B")
    high = next(alert for alert in case.alerts if alert.contact_id == case.id_of("B"))
    assert high.tier is Tier.HIGH
    with pytest.raises(NotPossible):
        case.do.open_identity(high.id, case.ola, "Vil vite")


def test_verdicts_are_counted_and_the_latest_mark_counts(case):
    case.do.judge(case.alert.id, case.ola, "wrong")
    case.do.judge(case.alert.id, case.liv, "right")
    counts = {(one.kind, one.name): one for one in case.do.verdicts()}
    assert (counts["category", case.alert.category].right, counts["rule", case.alert.rules[0]].wrong) == (
        1,
        0,
    )
    with pytest.raises(NotPossible):
        case.do.judge(case.alert.id, case.rune, "right")
    case.local.storage.write(lambda tx: tx.contacts.erase(case.alert.contact_id, "kode", case.now))
    case.do.judge(case.alert.id, case.liv, "unclear")


def test_a_pause_takes_somebody_out_of_routing_until_they_say_they_are_ready(case):
    def on_duty() -> tuple[int, ...]:
        return case.local.storage.read(lambda tx: tx.staff.on_duty_ids(case.now))

    case.claim(case.ola)
    with pytest.raises(NotPossible, match="hand_over"):
        case.do.pause(case.ola)
    case.supporter_writes(case.ola, "Hei").closes(case.ola)
    case.do.pause(case.ola)
    assert case.ola.id not in on_duty()
    case.do.ready(case.ola)
    assert case.ola.id in on_duty()
    case.do.pause(case.liv, case.kari.id)
    assert case.kari.id not in on_duty()
    with pytest.raises(NotPossible):
        case.do.pause(case.ola, case.liv.id)
    assert [a for a in audited(case) if a in ("paused", "ready")] == ["paused", "ready", "paused"]


def test_a_closed_account_does_nothing_more(case):
    case.local.storage.write(lambda tx: tx.staff.disable(case.ola.id, case.now))
    for deed in (
        lambda: case.do.acknowledge(case.alert.id, case.ola),
        lambda: case.do.record(case.alert.id, case.ola, "note", {"text": "x"}),
        lambda: case.do.open_identity(case.alert.id, case.ola, "x"),
        lambda: case.do.pause(case.ola),
    ):
        with pytest.raises(NotPossible, match="closed"):
            deed()
