"""What `check --records` proves: whoever meddles with a record, or with what stands beside it, is seen."""

from __future__ import annotations

import pytest
from storage_factories import NOW, add_contact, alert, at, talk

from bot.conversation import Tier
from storage import Storage, Tx


def raise_alert(storage: Storage, psid: str) -> int:
    contact = add_contact(storage, psid)

    def work(tx: Tx) -> int:
        tx.conversations.save(talk(contact), NOW)
        return tx.alerts.raise_(contact, alert(Tier.CRITICAL))

    return storage.write(work)


def verify(storage: Storage) -> list[str]:
    return storage.read(lambda tx: tx.record_proof.verify())


def meddle(storage: Storage, *statements: str) -> list[str]:
    """What is said once somebody with the database, and without our keys, has done this."""
    storage.write(lambda tx: [tx.run(statement) for statement in statements])
    return verify(storage)


@pytest.fixture
def cases(storage: Storage) -> Storage:
    """Two cases. In the first an identity was opened and reviewed; it is over, and confirmed."""
    first, _ = (raise_alert(storage, psid) for psid in ("1", "2"))

    def work(tx: Tx) -> None:
        record = tx.escalations.open_for(first, at(1))
        tx.escalations.add(record, 7, "identity_opened", {"reason": "haster"}, at(1))
        opening = tx.closures.identity_opened(record, first, 7, at(1), at(100))
        tx.closures.review(opening, 8, "right", at(2))
        tx.escalations.add(record, 8, "identity_reviewed", {"verdict": "right"}, at(2))
        found = tx.alerts.get(first)
        assert found is not None
        tx.alerts.close(found.contact_id, 7, at(3))
        tx.closures.confirm(first, 8, at(4))
        tx.escalations.add(record, 8, "closure_confirmed", {}, at(4))

    storage.write(work)
    assert verify(storage) == []
    return storage


def test_two_records_that_change_places_are_seen(cases: Storage) -> None:
    swap = (
        "UPDATE escalation SET alert_id = -alert_id, contact_id = 3 - contact_id",
        "UPDATE escalation SET alert_id = 3 + alert_id",
    )
    if _is_sqlite(cases):
        swap = ("PRAGMA defer_foreign_keys = ON", *swap)
    else:
        swap = ("ALTER TABLE escalation DROP CONSTRAINT escalation_alert_id_fkey", *swap)
    assert meddle(cases, *swap) == ["line 1 was changed or moved, or one before it was taken out"]


def test_a_line_that_is_moved_to_another_record_is_seen(cases: Storage) -> None:
    found = meddle(cases, "UPDATE escalation_entry SET escalation_id = 2 WHERE id = 3")
    assert found == ["line 3 was changed or moved, or one before it was taken out"]


EVERYTHING = ("DELETE FROM escalation_entry", "DELETE FROM identity_opening", "DELETE FROM escalation")


def test_everything_gone_with_the_end_of_the_chain_is_seen(cases: Storage) -> None:
    assert meddle(cases, *EVERYTHING, "DELETE FROM escalation_head") == ["the end of the chain is gone"]


def test_and_no_later_case_or_start_of_the_service_covers_it_up(cases: Storage) -> None:
    meddle(cases, *EVERYTHING, "DELETE FROM escalation_head")
    cases.migrate(at(10))
    assert verify(cases) == ["the end of the chain is gone"]
    raise_alert(cases, "3")
    assert verify(cases) == ["the end of the chain is not signed by us"]


def test_a_chain_that_is_begun_anew_lacks_the_records_of_the_alerts_there_are(cases: Storage) -> None:
    def anew(tx: Tx) -> None:
        for statement in EVERYTHING:
            tx.run(statement)
        nothing = {"count": 0, "hash": b"\0" * 32, "since_alert": 0}
        tx.escalations._set_head(nothing, is_ours=True)  # as it was on the first day, put back from a copy

    cases.write(anew)
    assert verify(cases) == ["the record of alert 1 is gone", "the record of alert 2 is gone"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM identity_opening",
        "UPDATE identity_opening SET opened_by = 9",
        "UPDATE identity_opening SET reviewed_at = NULL, reviewed_by = NULL, verdict = NULL",
        "UPDATE identity_opening SET verdict = 'wrong'",
        "UPDATE identity_opening SET escalation_id = 2",
    ],
)
def test_an_opened_identity_that_is_hidden_or_changed_is_seen(cases: Storage, statement: str) -> None:
    assert "who opened or reviewed the identity is not what record 1 says" in meddle(cases, statement)


@pytest.mark.parametrize(
    ("statement", "which"),
    [
        ("UPDATE alert SET needs_confirm = 0 WHERE id = 1", 1),
        ("UPDATE alert SET confirmed_by = 9 WHERE id = 1", 1),
        ("UPDATE alert SET confirmed_at = NULL WHERE id = 1", 1),
        ("UPDATE alert SET closed_by = 9 WHERE id = 1", 1),
        ("UPDATE alert SET closed_at = raised_at WHERE id = 2", 2),
        ("UPDATE alert SET confirmed_by = 9, confirmed_at = raised_at WHERE id = 2", 2),
    ],
)
def test_a_closing_or_confirmation_that_never_was_is_seen(cases: Storage, statement: str, which: int) -> None:
    assert meddle(cases, statement) == [f"alert {which} was not closed or confirmed as its record says"]


def test_what_was_pruned_for_its_age_is_not_missed(cases: Storage) -> None:
    assert cases.write(lambda tx: tx.escalations.prune(at(60), at(100))) > 0
    assert verify(cases) == []


def test_a_record_that_was_taken_out_as_if_it_were_old_is_seen(cases: Storage) -> None:
    cases.write(lambda tx: tx.escalations.prune(at(60), at(100)))
    assert meddle(cases, "UPDATE escalation_checkpoint SET before_at = before_at + 1") == [
        "a checkpoint of what was pruned is not ours"
    ]


def test_lines_of_earlier_versions_are_still_proved(cases: Storage) -> None:
    """The chain as the version before this one left it: without a version, an alert, or a sign of when it began."""
    old_lines(cases)
    assert verify(cases) == ["the end of the chain is not signed by us"]
    cases.migrate(at(10))
    assert verify(cases) == []
    raise_alert(cases, "3")
    assert verify(cases) == []
    assert meddle(cases, "UPDATE escalation_entry SET at = at + 1 WHERE id = 2") != []


def test_a_record_that_begins_after_its_alert_was_over_is_proved(storage: Storage) -> None:
    first = raise_alert(storage, "1")
    storage.write(lambda tx: tx.alerts.close(1, 7, at(1)))
    forget_all(storage)
    storage.write(lambda tx: tx.escalations.open_for(first, at(20)))
    assert verify(storage) == []


def test_alerts_of_earlier_versions_need_no_record(storage: Storage) -> None:
    raise_alert(storage, "1")
    forget_all(storage)
    assert verify(storage) == []


def forget_all(storage: Storage) -> None:
    """As a database of an earlier version is after its migration, where nobody had written a line."""

    def work(tx: Tx) -> None:
        for statement in EVERYTHING:
            tx.run(statement)
        tx.run(
            "UPDATE escalation_head SET count = 0, hash = :none, signature = :none, since_alert = NULL",
            none=b"",
        )

    storage.write(work)
    storage.migrate(at(10))


def old_lines(storage: Storage) -> None:
    """Chain every line as it used to be."""

    def work(tx: Tx) -> None:
        from storage.escalations import START, chained

        current, count = START, 0
        for row in tx.all("SELECT * FROM escalation_entry ORDER BY id"):
            current, count = chained(current, row | {"version": 1}), count + 1
            tx.run(
                "UPDATE escalation_entry SET version = 1, hash = :hash WHERE id = :id",
                hash=current,
                id=row["id"],
            )
        tx.run(
            "UPDATE escalation_head SET count = :count, hash = :hash, since_alert = NULL, signature = :signature",
            count=count,
            hash=current,
            signature=tx.keys.hash("escalation_head", count, current.hex()),
        )

    storage.write(work)


def _is_sqlite(storage: Storage) -> bool:
    return storage.single_worker
