"""Alerts: one open per conversation; a rise or a new hit after somebody has it tells people again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from storage_factories import NOW, add_contact, alert, at, in_threads, talk

from bot.conversation import Tier
from storage import Storage
from storage.records import Alert


@pytest.fixture
def contact(storage: Storage) -> int:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.conversations.save(talk(contact), NOW))
    return contact


def raise_(
    storage: Storage, contact: int, tier: Tier = Tier.HIGH, rule: str = "r1", seconds: float = 0
) -> Alert:
    one = alert(tier, rule, f"ord {rule}", seconds)
    alert_id = storage.write(lambda tx: tx.alerts.raise_(contact, one))
    found = storage.read(lambda tx: tx.alerts.get(alert_id))
    assert found is not None
    return found


def take(storage: Storage, alert_id: int, staff_id: int = 7, alias: str = "Ola") -> bool:
    return storage.write(lambda tx: tx.alerts.acknowledge(alert_id, staff_id, alias, at(5)))


def test_an_alert_says_what_where_and_for_whom(storage: Storage, contact: int) -> None:
    raised = raise_(storage, contact, seconds=3)
    assert (raised.contact_id, raised.alias, raised.tier, raised.category) == (
        contact,
        "Blå hegre",
        Tier.HIGH,
        "B-suicide",
    )
    assert (raised.rules, raised.matched, raised.raised_at, raised.card) == (
        ("r1",),
        ("ord r1",),
        at(3),
        "waiting",
    )
    assert storage.read(lambda tx: tx.alerts.open_for(contact)) == raised
    assert storage.read(lambda tx: tx.alerts.open()) == [raised]


def test_a_second_hit_joins_the_open_alert(storage: Storage, contact: int) -> None:
    first = raise_(storage, contact, Tier.HIGH, "r1")
    second = raise_(storage, contact, Tier.ELEVATED, "r2")
    assert second.id == first.id
    assert (second.tier, second.rules, second.matched) == (Tier.HIGH, ("r1", "r2"), ("ord r1", "ord r2"))
    assert raise_(storage, contact, Tier.HIGH, "r1").rules == ("r1", "r2")


def test_somebody_takes_it_and_nobody_else_can(storage: Storage, contact: int) -> None:
    raised = raise_(storage, contact)
    won: list[int] = []

    def try_it(staff_id: int) -> None:
        if take(storage, raised.id, staff_id, f"alias {staff_id}"):
            won.append(staff_id)

    in_threads(6, try_it)
    assert len(won) == 1
    taken = storage.read(lambda tx: tx.alerts.get(raised.id))
    assert taken is not None
    assert (taken.acknowledged_by, taken.acknowledged_alias, taken.acknowledged_at) == (
        won[0],
        f"alias {won[0]}",
        at(5),
    )


def test_a_rise_tells_people_again(storage: Storage, contact: int) -> None:
    raised = raise_(storage, contact, Tier.HIGH)
    storage.write(lambda tx: tx.alerts.mark_card(contact, "sent", at(1)))
    assert storage.write(lambda tx: tx.alerts.shown(raised.id, at(1)))
    assert not storage.write(lambda tx: tx.alerts.shown(raised.id, at(2)))
    take(storage, raised.id)
    again = raise_(storage, contact, Tier.CRITICAL)
    assert (again.tier, again.acknowledged_by, again.acknowledged_at, again.shown_at, again.card) == (
        Tier.CRITICAL,
        None,
        None,
        None,
        "waiting",
    )
    assert storage.write(lambda tx: tx.alerts.shown(raised.id, at(3)))


def test_a_new_hit_tells_people_again_only_if_somebody_had_taken_it(storage: Storage, contact: int) -> None:
    raised = raise_(storage, contact)
    storage.write(lambda tx: tx.alerts.shown(raised.id, at(1)))
    assert raise_(storage, contact, rule="r2").shown_at == at(1)
    take(storage, raised.id)
    assert raise_(storage, contact, rule="r3").acknowledged_by is None


def test_a_danger_that_leads_at_the_same_tier_is_shown_and_the_first_is_counted(
    storage: Storage, contact: int
) -> None:
    raised = raise_(storage, contact)
    fire = replace(alert(rule="r2"), category="E-fire", leads=True)
    storage.write(lambda tx: tx.alerts.raise_(contact, fire))
    shown = storage.read(lambda tx: tx.alerts.get(raised.id))
    assert shown is not None
    assert (shown.category, shown.rules) == ("E-fire", ("r1", "r2"))
    counted = storage.read(lambda tx: tx.closures.verdicts(NOW))
    assert [each.name for each in counted if each.kind == "category"] == ["B-suicide"]


def test_after_a_rise_the_new_danger_is_shown(storage: Storage, contact: int) -> None:
    raised = raise_(storage, contact)
    for one in (
        replace(alert(), category="E-fire", leads=True),
        replace(alert(Tier.CRITICAL), category="A-attempt"),
        replace(alert(), category="F-violence"),
    ):
        storage.write(lambda tx, one=one: tx.alerts.raise_(contact, one))
    shown = storage.read(lambda tx: tx.alerts.get(raised.id))
    assert shown is not None and shown.category == "A-attempt"


def test_what_no_card_was_due_for_leaves_the_card_as_it_was(storage: Storage, contact: int) -> None:
    quiet = replace(alert(Tier.CRITICAL), card=None)
    alert_id = storage.write(lambda tx: tx.alerts.raise_(contact, replace(alert(), card=None)))
    assert storage.read(lambda tx: tx.alerts.get(alert_id)).card == "not_due"  # type: ignore[union-attr]
    storage.write(lambda tx: tx.alerts.mark_card(contact, "sent", at(1)))
    storage.write(lambda tx: tx.alerts.raise_(contact, quiet))
    assert storage.read(lambda tx: tx.alerts.get(alert_id)).card == "sent"  # type: ignore[union-attr]


def test_the_open_ones_come_with_the_untaken_first_then_the_oldest(storage: Storage, contact: int) -> None:
    others = [add_contact(storage, f"200{n}") for n in range(3)]
    old = raise_(storage, contact, seconds=1)
    late = raise_(storage, others[0], seconds=9)
    middle = raise_(storage, others[1], seconds=5)
    closed = raise_(storage, others[2], seconds=2)
    take(storage, old.id)
    storage.write(lambda tx: tx.alerts.close(closed.contact_id, 7, at(10)))
    assert [one.id for one in storage.read(lambda tx: tx.alerts.open())] == [middle.id, late.id, old.id]


def test_after_closing_a_new_danger_is_a_new_alert(storage: Storage, contact: int) -> None:
    first = raise_(storage, contact)
    storage.write(lambda tx: tx.alerts.close(contact, None, at(5)))
    assert storage.read(lambda tx: tx.alerts.open_for(contact)) is None
    assert not take(storage, first.id)
    storage.write(lambda tx: tx.alerts.mark_card(contact, "failed", at(6)))
    assert storage.read(lambda tx: tx.alerts.get(first.id)).card == "waiting"  # type: ignore[union-attr]
    assert raise_(storage, contact).id != first.id


def test_an_alert_outlives_an_erased_contact_without_words(storage: Storage, contact: int) -> None:
    raised = raise_(storage, contact)
    take(storage, raised.id)
    storage.write(lambda tx: tx.contacts.erase(contact, "code", at(9)))
    left = storage.read(lambda tx: tx.alerts.get(raised.id))
    assert left is not None
    assert (left.alias, left.matched, left.acknowledged_alias, left.closed_at) == ("", (), None, at(9))
    assert (left.rules, left.acknowledged_by) == (("r1",), 7)
    assert not take(storage, 4711)
