"""Conversations, the handoffs that are read from them, and aliases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from storage_factories import NOW, add_contact, at, entry, talk

from bot.conversation import Danger, Handoff, Said, Status, Stopped, Tier
from storage import Erased, Storage, Tx, aliases
from storage.records import Place
from storage.times import to_ms


@pytest.fixture
def contact(storage: Storage) -> int:
    return add_contact(storage)


def test_a_conversation_comes_back_as_it_was_saved(storage: Storage, contact: int) -> None:
    saved = talk(
        contact,
        status=Status.CLAIMED,
        language="nb",
        answers={"topic": "lonely", "campus": "uio"},
        danger=Danger(tier=Tier.HIGH, category="B-suicide", raised_at=at(0.123456)),
        recent=(Said(at=at(1), mid="m1", text="hei"),),
        last_inbound_at=at(1),
    )
    storage.write(lambda tx: tx.conversations.save(saved, at(2)))
    assert storage.read(lambda tx: tx.conversations.get(contact, at(3))) == saved
    assert storage.read(lambda tx: tx.conversations.peek(contact)) == saved


def test_what_was_looked_up_is_saved_whole_wherever_it_stands_in_the_queue_afterwards(
    storage: Storage, contact: int
) -> None:
    others = [add_contact(storage, psid) for psid in ("1002", "1003")]
    talks = [talk(each, language="nb", last_inbound_at=at(1)) for each in (contact, *others)]
    storage.write(lambda tx: tx.conversations.save_all(talks, at(1)))
    handoff = Handoff(number=1, opened_at=at(2), tier=Tier.HIGH, category="talk")
    after = [
        replace(talks[0], answers={"topic": "lonely"}, last_inbound_at=at(2)),
        replace(talks[1], status=Status.WAITING, handoff=handoff),
        replace(talks[2], status=Status.CLOSED, closed_at=at(2)),
    ]

    def save(tx: Tx) -> None:
        tx.conversations.look_up([contact, *others])
        assert [tx.conversations.get(each.contact_id, at(2)) for each in talks] == talks
        tx.conversations.save_all(after, at(2))
        assert [tx.conversations.peek(each.contact_id) for each in talks] == after

    storage.write(save)
    assert [
        storage.read(lambda tx, who=who: tx.conversations.peek(who)) for who in (contact, *others)
    ] == after
    assert [place.contact_id for place in storage.read(lambda tx: tx.handoffs.places())] == [others[0]]
    kept = storage.read(lambda tx: tx.all("SELECT * FROM conversation ORDER BY contact_id"))
    assert [(row["status"], row["closed_at"], row["updated_at"]) for row in kept] == [
        ("bot", None, to_ms(at(2))),
        ("waiting", None, to_ms(at(2))),
        ("closed", to_ms(at(2)), to_ms(at(2))),
    ]
    assert [row["last_inbound_at"] for row in kept] == [to_ms(each.last_inbound_at) for each in after]


def test_a_new_contact_has_a_fresh_conversation_that_is_not_saved(storage: Storage, contact: int) -> None:
    fresh = storage.read(lambda tx: tx.conversations.get(contact, at(3)))
    assert (fresh.contact_id, fresh.started_at, fresh.status) == (contact, at(3), Status.BOT)
    assert storage.read(lambda tx: tx.conversations.peek(contact)) is None


def test_an_erased_contact_has_no_conversation(storage: Storage, contact: int) -> None:
    storage.write(lambda tx: tx.conversations.save(talk(contact), NOW))
    storage.write(lambda tx: tx.contacts.erase(contact, "code", NOW))
    assert storage.read(lambda tx: tx.conversations.peek(contact)) is None
    with pytest.raises(Erased):
        storage.read(lambda tx: tx.conversations.get(contact, NOW))
    with pytest.raises(Erased):
        storage.write(lambda tx: tx.conversations.save(talk(contact), NOW))


def test_the_queue_shows_what_a_supporter_needs(storage: Storage, contact: int) -> None:
    waiting = talk(
        contact,
        status=Status.WAITING,
        language="en",
        answers={"topic": "exams", "campus": "bi", "for_whom": "me", "about": "secret"},
        handoff=Handoff(number=2, opened_at=at(5), tier=Tier.HIGH, category="B-suicide", rules=("r1",)),
        last_inbound_at=at(4),
        stopped=Stopped.PAUSE,
        elsewhere_since=at(4),
    )
    storage.write(lambda tx: tx.conversations.save(waiting, at(6)))
    last = storage.write(lambda tx: tx.transcript.add(contact, entry()))
    (row,) = storage.read(lambda tx: tx.handoffs.queue())
    assert (row.contact_id, row.alias, row.status, row.tier) == (
        contact,
        "Blå hegre",
        Status.WAITING,
        Tier.HIGH,
    )
    assert (row.category, row.language, row.topic, row.campus) == ("B-suicide", "en", "exams", "bi")
    assert (row.for_whom, row.opened_at, row.last_inbound_at) == ("me", at(5), at(4))
    assert (row.last_entry_id, row.unread, row.paused, row.elsewhere, row.parked) == (
        last,
        1,
        True,
        True,
        False,
    )
    assert storage.read(lambda tx: tx.handoffs.row(contact)) == row
    assert storage.read(lambda tx: tx.handoffs.places()) == [
        Place(contact_id=contact, tier=Tier.HIGH, opened_at=at(5), last_inbound_at=at(4))
    ]


def test_a_claimed_one_leaves_the_queue_and_is_found_by_who_has_it(storage: Storage, contact: int) -> None:
    handoff = Handoff(number=1, opened_at=NOW, claimed_by=7, claimed_alias="Ola", claimed_at=at(1))
    claimed = talk(contact, status=Status.CLAIMED, handoff=handoff)
    storage.write(lambda tx: tx.conversations.save(claimed, at(1)))
    assert storage.read(lambda tx: (tx.handoffs.queue(), tx.handoffs.places(), tx.handoffs.mine(8))) == (
        [],
        [],
        [],
    )
    (mine,) = storage.read(lambda tx: tx.handoffs.mine(7))
    assert (mine.claimed_by, mine.claimed_alias) == (7, "Ola")
    assert storage.read(lambda tx: tx.handoffs.claimed()) == [mine]
    assert storage.write(lambda tx: (tx.handoffs.open_count(7), tx.handoffs.open_count(8))) == (1, 0)
    parked = replace(claimed, handoff=replace(handoff, parked_at=at(2)))
    storage.write(lambda tx: tx.conversations.save(parked, at(2)))
    assert storage.write(lambda tx: tx.handoffs.open_count(7)) == 0
    assert storage.read(lambda tx: tx.handoffs.mine(7))[0].parked


def test_a_closed_one_is_in_no_list_and_its_outcome_is_kept(storage: Storage, contact: int) -> None:
    storage.write(lambda tx: tx.conversations.save(talk(contact, status=Status.WAITING), NOW))
    closed = talk(contact, status=Status.CLOSED, handoff=Handoff(number=1, opened_at=NOW), closed_at=at(9))
    storage.write(lambda tx: tx.conversations.save(closed, at(9)))
    storage.write(lambda tx: tx.handoffs.finish(contact, 1, "helped", 7, at(9)))
    assert storage.read(lambda tx: (tx.handoffs.row(contact), tx.handoffs.queue())) == (None, [])
    kept = storage.read(lambda tx: tx.one("SELECT outcome, closed_by, number FROM handoff"))
    assert kept == {"outcome": "helped", "closed_by": 7, "number": 1}


def test_each_handoff_of_a_contact_has_its_own_row(storage: Storage, contact: int) -> None:
    for number in (1, 2):
        conversation = talk(
            contact, status=Status.WAITING, handoff=Handoff(number=number, opened_at=at(number))
        )
        storage.write(lambda tx, c=conversation: tx.conversations.save(c, NOW))  # type: ignore[misc]
    rows = storage.read(lambda tx: tx.all("SELECT number FROM handoff ORDER BY number"))
    assert [row["number"] for row in rows] == [1, 2]


def test_the_change_number_moves_with_every_save(storage: Storage, contact: int) -> None:
    before = storage.read(lambda tx: tx.handoffs.last_change())
    storage.write(lambda tx: tx.conversations.save(talk(contact), NOW))
    assert storage.read(lambda tx: tx.handoffs.last_change()) > before


def test_no_two_open_conversations_have_one_alias(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aliases, "ADJECTIVES", ("blå", "grønn"))
    monkeypatch.setattr(aliases, "NOUNS", ("hegre",))
    given = []
    for psid in range(4):
        contact = add_contact(storage, str(psid))

        def begin(tx, contact=contact):  # type: ignore[no-untyped-def]
            conversation = tx.conversations.get(contact, NOW)
            tx.conversations.save(conversation, NOW)
            return conversation.alias

        given.append(storage.write(begin))
    assert set(given[:2]) == {"Blå hegre", "Grønn hegre"}
    assert set(given[2:]) == {"Blå hegre 2", "Grønn hegre 2"}


def test_a_returning_contact_gets_another_alias_if_somebody_has_theirs_now(
    storage: Storage, contact: int
) -> None:
    storage.write(lambda tx: tx.conversations.save(talk(contact, status=Status.CLOSED, closed_at=NOW), NOW))
    assert storage.read(lambda tx: tx.conversations.get(contact, NOW)).alias == "Blå hegre"
    other = add_contact(storage, "1002")
    storage.write(lambda tx: tx.conversations.save(talk(other), NOW))
    assert storage.read(lambda tx: tx.conversations.get(contact, NOW)).alias != "Blå hegre"
    assert storage.read(lambda tx: tx.conversations.get(other, NOW)).alias == "Blå hegre"


def test_there_are_enough_aliases_and_each_is_two_words() -> None:
    assert len(set(aliases.ADJECTIVES)) >= 40
    assert len(set(aliases.NOUNS)) >= 40
    for _ in range(50):
        alias = aliases.pick(lambda _: False)
        assert len(alias.split()) == 2
        assert alias[0].isupper()


def test_a_timer_is_replaced_by_one_of_its_name_and_removed_only_if_it_is_the_same(
    storage: Storage, contact: int
) -> None:
    storage.write(lambda tx: [tx.timers.set(contact, "wait", at(10)), tx.timers.set(contact, "wait", at(20))])
    storage.write(lambda tx: tx.timers.set(contact, "close", at(5)))
    assert storage.read(lambda tx: tx.timers.due(at(4), 10)) == []
    assert storage.read(lambda tx: tx.timers.next_due_at()) == at(5)
    assert storage.read(lambda tx: tx.timers.due(at(20), 10)) == [
        (contact, "close", at(5)),
        (contact, "wait", at(20)),
    ]
    assert len(storage.read(lambda tx: tx.timers.due(at(20), 1))) == 1
    storage.write(lambda tx: tx.timers.remove(contact, "wait", at(10)))
    assert len(storage.read(lambda tx: tx.timers.due(at(20), 10))) == 2
    storage.write(lambda tx: tx.timers.remove(contact, "wait", at(20)))
    storage.write(lambda tx: tx.timers.cancel(contact, {"close", "none"}))
    assert storage.read(lambda tx: tx.timers.next_due_at()) is None


def test_timers_of_many_are_changed_together(storage: Storage, contact: int) -> None:
    other = add_contact(storage, "1003")
    storage.write(lambda tx: [tx.timers.set(c, n, at(1)) for c in (contact, other) for n in ("a", "b")])
    changes = {(contact, "a"): None, (other, "b"): at(7), (other, "c"): at(8), (contact, "none"): None}
    storage.write(lambda tx: tx.timers.change(changes))
    assert storage.read(lambda tx: tx.timers.due(at(9), 10)) == [
        (contact, "b", at(1)),
        (other, "a", at(1)),
        (other, "b", at(7)),
        (other, "c", at(8)),
    ]


def test_a_due_time_finer_than_milliseconds_is_still_removed(storage: Storage, contact: int) -> None:
    due_at = NOW + timedelta(microseconds=1_234_567)
    storage.write(lambda tx: tx.timers.set(contact, "wait", due_at))
    storage.write(lambda tx: tx.timers.remove(contact, "wait", due_at))
    assert storage.read(lambda tx: tx.timers.next_due_at()) is None


def test_all_timers_of_a_contact_can_be_cancelled_and_nobody_elses(storage: Storage, contact: int) -> None:
    other = add_contact(storage, "1002")
    storage.write(lambda tx: [tx.timers.set(c, n, at(1)) for c in (contact, other) for n in ("a", "b")])
    storage.write(lambda tx: tx.timers.cancel(contact, None))
    assert {c for c, _, _ in storage.read(lambda tx: tx.timers.due(at(9), 10))} == {other}
