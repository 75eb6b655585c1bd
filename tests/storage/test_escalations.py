"""Records of serious cases: only added to, readable after the contact is gone, and any change of them shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from storage_factories import NOW, add_contact, alert, all_bytes, at, in_threads, talk

from bot.conversation import Tier
from storage import Storage, Tx

SECRET_WORDS = "Tangloppehemmelighet"


@pytest.fixture
def alert_id(storage: Storage) -> int:
    return raise_alert(storage)


def raise_alert(storage: Storage, psid: str = "1001") -> int:
    contact = add_contact(storage, psid)

    def work(tx: Tx) -> int:
        tx.conversations.save(talk(contact), NOW)
        return tx.alerts.raise_(contact, alert(Tier.CRITICAL))

    return storage.write(work)


def add(storage: Storage, alert_id: int, kind: str = "note", seconds: float = 0, **fields: str) -> int:
    def work(tx: Tx) -> int:
        record = tx.escalations.open_for(alert_id, at(seconds))
        return tx.escalations.add(record, 7, kind, fields, at(seconds))

    return storage.write(work)


def verify(storage: Storage) -> list[str]:
    return storage.read(lambda tx: tx.record_proof.verify())


def close(storage: Storage, alert_id: int, by: int | None = None) -> None:
    def work(tx: Tx) -> None:
        found = tx.alerts.get(alert_id)
        assert found is not None
        tx.alerts.close(found.contact_id, by, at(1))

    storage.write(work)


def confirm(storage: Storage, alert_id: int, by: int, when: datetime) -> None:
    """As `handlers.escalation` does."""

    def work(tx: Tx) -> None:
        tx.closures.confirm(alert_id, by, when)
        tx.escalations.add(tx.escalations.open_for(alert_id, when), by, "closure_confirmed", {}, when)

    storage.write(work)


def kinds(storage: Storage, alert_id: int) -> list[str]:
    record = storage.read(lambda tx: tx.escalations.for_alert(alert_id))
    assert record is not None
    return [entry.kind for entry in record.entries]


def test_a_record_is_read_as_it_was_written(storage: Storage, alert_id: int) -> None:
    add(storage, alert_id, "place", place="ved elva")
    add(storage, alert_id, "note", 5, text="ringte")
    record = storage.read(lambda tx: tx.escalations.for_alert(alert_id))
    assert record is not None
    assert [(e.kind, e.by, e.at, e.fields) for e in record.entries[1:]] == [
        ("place", 7, NOW, {"place": "ved elva"}),
        ("note", 7, at(5), {"text": "ringte"}),
    ]
    assert (record.alert_id, record.last_at, record.drill) == (alert_id, at(5), False)
    assert verify(storage) == []


def test_the_record_outlives_the_contacts_key_and_lies_on_the_disk_unreadable(
    storage: Storage, alert_id: int, database_folder: Path
) -> None:
    add(storage, alert_id, text=SECRET_WORDS)
    contact = storage.read(lambda tx: tx.alerts.get(alert_id)).contact_id  # type: ignore[union-attr]
    storage.write(lambda tx: tx.contacts.erase(contact, "code", at(9)))
    record = storage.read(lambda tx: tx.escalations.for_alert(alert_id))
    assert record is not None
    assert [entry.kind for entry in record.entries] == ["raised", "note", "closed"]
    assert record.entries[1].fields == {"text": SECRET_WORDS}
    assert verify(storage) == []
    assert SECRET_WORDS.encode() not in all_bytes(database_folder)


@pytest.mark.parametrize(
    "meddle",
    [
        "UPDATE escalation_entry SET at = at + 1 WHERE id = 2",
        "UPDATE escalation_entry SET by_id = 8 WHERE id = 2",
        "UPDATE escalation_entry SET kind = 'note2' WHERE id = 2",
        "UPDATE escalation_entry SET body = (SELECT body FROM escalation_entry WHERE id = 1) WHERE id = 2",
        "DELETE FROM escalation_entry WHERE id = 1",
        "DELETE FROM escalation_entry WHERE id = 2",
        "DELETE FROM escalation_entry WHERE id = 3",
        "DELETE FROM escalation_entry WHERE id = 4",
        "UPDATE escalation_entry SET version = 1 WHERE id = 2",
        "UPDATE escalation_head SET count = 2",
        "UPDATE escalation_head SET since_alert = since_alert + 1",
        "DELETE FROM escalation_head",
        "UPDATE escalation SET key_wrapped = (SELECT key_wrapped FROM contact WHERE id = 1)",
        "UPDATE escalation SET contact_id = contact_id + 1",
        "UPDATE alert SET closed_at = raised_at",
    ],
)
def test_whatever_is_changed_moved_or_taken_out_shows(storage: Storage, alert_id: int, meddle: str) -> None:
    for text in ("en", "to", "tre"):
        add(storage, alert_id, text=text)
    assert verify(storage) == []
    storage.write(lambda tx: tx.run(meddle))
    assert verify(storage) != []


def test_taking_out_the_end_and_its_head_together_shows_without_our_key(
    storage: Storage, alert_id: int
) -> None:
    for text in ("en", "to"):
        add(storage, alert_id, text=text)

    def forge(tx: Tx) -> None:
        tx.run("DELETE FROM escalation_entry WHERE id = 3")
        tx.run(
            "UPDATE escalation_head SET count = 2, hash = (SELECT hash FROM escalation_entry WHERE id = 2)"
        )

    storage.write(forge)
    assert verify(storage) == ["the end of the chain is not signed by us"]
    add(storage, alert_id, text="tre")
    assert verify(storage) == ["the end of the chain is not signed by us"], (
        "and a later line does not hide it"
    )


def test_pruning_takes_the_oldest_that_have_ended_and_leaves_a_signed_checkpoint(storage: Storage) -> None:
    old = raise_alert(storage, "1")
    close(storage, old)
    open_, new = (raise_alert(storage, psid) for psid in ("2", "3"))
    close(storage, new)
    add(storage, new, seconds=80, text="to")
    assert storage.write(lambda tx: tx.escalations.prune(at(60), at(100))) == 2
    assert storage.read(lambda tx: tx.escalations.for_alert(old)) is None
    assert storage.read(lambda tx: tx.escalations.for_alert(new)) is not None
    assert verify(storage) == []
    close(storage, open_)
    storage.write(lambda tx: tx.escalations.prune(at(60), at(100)))
    assert storage.read(lambda tx: tx.escalations.for_alert(open_)) is None
    assert storage.read(lambda tx: tx.escalations.count()) == 4, "its end stands after a line that stays"
    assert verify(storage) == []
    storage.write(lambda tx: tx.run("UPDATE escalation_checkpoint SET count = count - 1"))
    assert verify(storage) == ["a checkpoint of what was pruned is not ours"]
    storage.write(lambda tx: tx.run("DELETE FROM escalation_checkpoint"))
    assert verify(storage) != []


def test_one_case_that_goes_on_keeps_no_other_persons_words(storage: Storage) -> None:
    raise_alert(storage, "1")  # nobody closes it
    ended = raise_alert(storage, "2")
    add(storage, ended, text="en")
    close(storage, ended)
    assert storage.write(lambda tx: tx.escalations.prune(at(60), at(100))) == 0
    assert storage.read(lambda tx: tx.escalations.for_alert(ended)) is None
    assert len(storage.read(lambda tx: tx.escalations.newest())) == 1
    key = storage.read(lambda tx: tx.one("SELECT key_wrapped FROM escalation WHERE alert_id = :id", id=ended))
    assert key == {"key_wrapped": b""}
    assert verify(storage) == []


def test_a_key_that_was_taken_away_too_early_shows(storage: Storage, alert_id: int) -> None:
    close(storage, alert_id)
    storage.write(
        lambda tx: tx.run("UPDATE escalation SET key_id = '', key_wrapped = :none, last_at = 0", none=b"")
    )
    assert verify(storage) == ["record 1 cannot be opened with our keys"]


def test_what_waits_for_a_second_person_is_not_pruned(storage: Storage, alert_id: int) -> None:
    add(storage, alert_id, text="en")
    close(storage, alert_id, by=7)
    assert storage.write(lambda tx: tx.escalations.prune(at(60), at(100))) == 0
    confirm(storage, alert_id, 8, at(50))
    assert storage.write(lambda tx: tx.escalations.prune(at(60), at(100))) == 4
    assert storage.read(lambda tx: tx.escalations.newest()) == []
    assert verify(storage) == []


def test_many_who_write_at_once_make_one_chain(storage: Storage) -> None:
    alerts = [raise_alert(storage, str(n)) for n in range(4)]
    in_threads(4, lambda n: [add(storage, alerts[n % 2], text=str(n)) for _ in range(5)])  # type: ignore[func-returns-value]
    assert storage.read(lambda tx: tx.escalations.count()) == len(alerts) + 20
    assert verify(storage) == []


def test_a_critical_one_closed_by_a_person_waits_for_another_person(storage: Storage, alert_id: int) -> None:
    close(storage, alert_id, by=7)
    (waiting,) = storage.read(lambda tx: tx.closures.unconfirmed())
    assert (waiting.alert_id, waiting.closed_by, waiting.overdue) == (alert_id, 7, False)
    assert not storage.write(lambda tx: tx.closures.confirm(alert_id, 7, at(5)))
    assert storage.write(lambda tx: tx.closures.overdue(at(2), at(6))) == 1
    assert storage.write(lambda tx: tx.closures.overdue(at(2), at(7))) == 0
    assert storage.read(lambda tx: tx.closures.any_overdue())
    assert storage.write(lambda tx: tx.closures.confirm(alert_id, 8, at(8)))
    assert not storage.write(lambda tx: tx.closures.confirm(alert_id, 9, at(9)))
    found = storage.read(lambda tx: tx.alerts.get(alert_id))
    assert found is not None
    assert (found.needs_confirm, found.confirmed_by, found.confirmed_at) == (False, 8, at(8))
    assert not storage.read(lambda tx: tx.closures.any_overdue())


@pytest.mark.parametrize(("tier", "by"), [(Tier.HIGH, 7), (Tier.CRITICAL, None)])
def test_nothing_else_waits_for_a_second_person(storage: Storage, tier: Tier, by: int | None) -> None:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.alerts.raise_(contact, alert(tier)))
    storage.write(lambda tx: tx.alerts.close(contact, by, at(1)))
    assert storage.read(lambda tx: tx.closures.unconfirmed()) == []


def test_verdicts_are_counted_by_rule_and_category_and_drills_are_not(storage: Storage) -> None:
    contacts = [add_contact(storage, str(n)) for n in range(3)]
    drill = storage.write(lambda tx: tx.drills.add_contact(NOW))
    ids = [
        storage.write(lambda tx, c=contact, r=rule: tx.alerts.raise_(c, alert(rule=r)))  # type: ignore[misc]
        for contact, rule in zip([*contacts, drill], ("r1", "r1", "r2", "r1"), strict=True)
    ]
    for alert_id, verdict in ((ids[0], "wrong"), (ids[0], "right"), (ids[1], "unclear"), (ids[3], "wrong")):
        assert storage.write(lambda tx, a=alert_id, v=verdict: tx.closures.judge(a, 7, v, at(5)))  # type: ignore[misc]
    counts = {(c.kind, c.name): c for c in storage.read(lambda tx: tx.closures.verdicts(NOW))}
    assert set(counts) == {("category", "B-suicide"), ("rule", "r1"), ("rule", "r2")}
    one = counts["rule", "r1"]
    assert (one.right, one.wrong, one.unclear, one.unmarked, one.marked) == (1, 0, 1, 0, 2)
    assert counts["category", "B-suicide"].unmarked == 1
    assert storage.read(lambda tx: tx.closures.verdicts(at(1))) == []
