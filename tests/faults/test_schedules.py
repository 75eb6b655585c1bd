"""Seeded schedules of everything that can go wrong, on real processes; and a checker that is known to see it.

Ten short ones. More, and longer: `python benchmarks/faults.py --schedules 200 --store sqlite`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from harness import checker
from harness.facts import Facts, Person, Reached
from harness.run import Runner, run_schedule
from harness.schedule import FAULTS, GRAPH, Schedule, Store, quiet, schedule
from harness.world import World, world

# Chosen so that together they hold every fault, of Meta's every one that there is.
SEEDS: dict[Store, tuple[int, ...]] = {"sqlite": (34, 53, 61, 111), "postgresql": (68, 77, 81, 99)}


def short(seed: int, store: Store) -> Schedule:
    """A schedule with two seconds of trouble."""
    return schedule(seed, store, acts=24, seconds=2.0)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory) -> Iterator[World]:
    """Web and worker, kept alive from one schedule to the next."""
    with world("sqlite", tmp_path_factory.mktemp("sqlite")) as made:
        yield made


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory, cluster) -> Iterator[World]:
    """Two of each."""
    with world("postgresql", tmp_path_factory.mktemp("postgresql"), cluster) as made:
        yield made


@pytest.mark.parametrize("seed", SEEDS["sqlite"])
def test_a_schedule_of_faults_on_sqlite_loses_nothing_and_does_nothing_twice(on_sqlite: World, seed: int):
    result = run_schedule(on_sqlite, short(seed, "sqlite"))
    assert not result.problems, f"\n{result}"


@pytest.mark.parametrize("seed", SEEDS["postgresql"])
def test_a_schedule_of_faults_on_postgresql_loses_nothing_and_does_nothing_twice(
    on_postgresql: World, seed: int
):
    result = run_schedule(on_postgresql, short(seed, "postgresql"))
    assert not result.problems, f"\n{result}"


def test_the_ten_schedules_hold_every_fault():
    held = {fault for store, seeds in SEEDS.items() for seed in seeds for fault in short(seed, store).faults}
    assert held == FAULTS - {"turns"} | {f"turns {mode}" for mode in GRAPH}


def test_the_same_seed_makes_the_same_schedule():
    assert str(schedule(7, "sqlite")) == str(schedule(7, "sqlite"))
    assert str(schedule(7, "sqlite")) != str(schedule(8, "sqlite"))
    assert str(schedule(7, "sqlite")) != str(schedule(7, "postgresql"))


# The checker sees what is wrong. It is shown what a real and quiet run left, with one thing changed.


@pytest.fixture(scope="module")
def calm(on_sqlite: World) -> tuple[World, Runner]:
    """A run in which nothing went wrong."""
    runner = Runner(on_sqlite, quiet(1, "sqlite"))
    result = runner.run()
    assert not result.problems, f"\n{result}"
    assert [deed.what for deed in result.facts.deeds if deed.outcome == "done"] == ["claim", "reply"]
    return on_sqlite, runner


@pytest.fixture
def facts(calm) -> Facts:
    return calm[1].facts()


def with_person(facts: Facts, number: int, **changes) -> Facts:
    people = list(facts.people)
    people[number] = replace(people[number], **changes)
    return replace(facts, people=tuple(people))


def out_of(person: Person, purpose: str):
    return next(out for out in person.outs if out.purpose == purpose)


def finds(facts: Facts, sentence: str) -> None:
    found = checker.check(facts)
    assert any(sentence in each for each in found), found


def test_checker_finds_nothing_where_nothing_is_wrong(facts):
    assert checker.check(facts) == []


def test_checker_sees_a_lost_event(facts):
    entries = tuple(entry for entry in facts.people[0].entries if entry.text != "hei")
    finds(with_person(facts, 0, entries=entries), "text 'hei' was answered with 200 and is lost")


def test_checker_sees_an_event_that_the_inbox_has_forgotten(facts):
    echo = next(told for told in facts.told if told.kind == "echo")
    known = {key: number for key, number in facts.known.items() if key != echo.key}
    finds(replace(facts, known=known), "was answered with 200, and the inbox does not know it")


def test_checker_sees_an_event_taken_twice(facts):
    entries = facts.people[0].entries
    finds(with_person(facts, 0, entries=(*entries, entries[0])), "was taken 2 times")


def test_checker_sees_a_swapped_order(facts):
    person = facts.people[0]
    first, then = (entry for entry in person.entries if entry.written_by == "contact")
    swapped = {first.id: replace(first, id=then.id), then.id: replace(then, id=first.id)}
    entries = tuple(swapped.get(entry.id, entry) for entry in person.entries)
    finds(with_person(facts, 0, entries=entries), "which came earlier")


def test_checker_sees_an_edit_that_did_not_arrive(facts):
    entries = tuple(
        replace(entry, text="hei") if entry.text == "endret" else entry for entry in facts.people[0].entries
    )
    finds(with_person(facts, 0, entries=entries), "edit 'endret' is shown as 'hei'")


def test_checker_sees_a_doubled_text(facts):
    notice = out_of(facts.people[0], "notice")
    twice = (*facts.reached, Reached(psid=facts.people[0].psid, outbox_id=notice.id))
    finds(replace(facts, reached=twice), f"text {notice.id} (notice) reached them 2 times")


def test_checker_allows_a_card_twice_and_not_three_times(facts):
    person = facts.people[1]
    again = Reached(psid=person.psid, outbox_id=out_of(person, "card").id)
    assert checker.check(replace(facts, reached=(*facts.reached, again))) == []
    finds(replace(facts, reached=(*facts.reached, again, again)), "(card) reached them 3 times")


def test_checker_sees_a_text_that_never_went_out(facts):
    notice = out_of(facts.people[0], "notice")
    reached = tuple(each for each in facts.reached if each.outbox_id != notice.id)
    finds(replace(facts, reached=reached), f"text {notice.id} (notice) is said to be")


def test_checker_sees_texts_in_the_wrong_order(facts):
    finds(replace(facts, reached=facts.reached[::-1]), "which was written later")


@pytest.mark.parametrize("state", ["waiting", "sending"])
def test_checker_sees_a_stuck_send(facts, state):
    outs = tuple(replace(out, state=state) for out in facts.people[0].outs)
    finds(with_person(facts, 0, outs=outs), f"is stuck in state {state}")


def test_checker_sees_an_echo_that_settled_nothing(facts):
    outs = tuple(replace(out, state="unknown") for out in facts.people[0].outs)
    finds(with_person(facts, 0, outs=outs), "is of unknown fate although its echo came")


def test_checker_sees_a_text_given_up_too_early(facts):
    outs = tuple(
        replace(out, state="failed", code="graph_down", tries=1) if out.purpose == "notice" else out
        for out in facts.people[0].outs
    )
    notice = out_of(facts.people[0], "notice")
    reached = tuple(each for each in facts.reached if each.outbox_id != notice.id)
    changed = replace(with_person(facts, 0, outs=outs), reached=reached)
    finds(changed, "failed with graph_down after 1 tries")


def test_checker_sees_a_missing_alert(facts):
    changed = with_person(facts, 1, alarms=())
    finds(changed, "is in danger, and 0 alerts are open")
    finds(changed, "wrote of danger and nobody was alerted")


def test_checker_sees_a_second_alert(facts):
    alarms = facts.people[1].alarms
    finds(with_person(facts, 1, alarms=(replace(alarms[0], is_open=False), *alarms)), "there are 2 alerts")


def test_checker_sees_a_missing_card(facts):
    outs = tuple(out for out in facts.people[1].outs if out.purpose != "card")
    finds(with_person(facts, 1, outs=outs), "wrote of danger and got no card")


def test_checker_sees_a_bot_that_talks_over_a_person(facts):
    person = next(p for p in facts.people if any(e.detail == "joined" for e in p.entries))
    number = facts.people.index(person)
    presence = out_of(person, "presence")
    outs = tuple(replace(out, purpose="flow") if out == presence else out for out in person.outs)
    finds(with_person(facts, number, outs=outs), "had the talk")


def test_checker_sees_a_handoff_claimed_twice(facts):
    person = next(p for p in facts.people if any(line.action == "claimed" for line in p.audit))
    claim = next(line for line in person.audit if line.action == "claimed")
    changed = with_person(facts, facts.people.index(person), audit=(*person.audit, claim))
    finds(changed, "was claimed while claimed")
    finds(changed, "and the audit log has it 2 times")


def test_checker_sees_a_handoff_opened_twice(facts):
    person = next(p for p in facts.people if p.handoffs)
    finds(with_person(facts, facts.people.index(person), handoffs=2), "2 kept")


def test_checker_sees_a_timer_that_never_went_off(facts):
    finds(replace(facts, fired=frozenset()), "never went off")


def test_checker_sees_what_is_left_in_the_store_itself(calm):
    """Not in facts that were changed, but in a store that was: the reading of it is tried, too."""
    made, runner = calm

    def doctor(tx):
        calm_one = tx.contacts.find(runner.plan.students[0])
        first = "SELECT MIN(id) FROM entry WHERE written_by = 'contact' AND contact_id = :id"
        tx.run(f"UPDATE entry SET mid = NULL WHERE id = ({first})", id=calm_one)  # noqa: S608
        tx.run("UPDATE outbox SET state = 'sending' WHERE purpose = 'notice'")
        tx.run("UPDATE alert SET closed_at = 1 WHERE closed_at IS NULL")
        tx.run("UPDATE audit SET action = 'nothing' WHERE action = 'claimed'")
        tx.incidents.open("poison_event", made.clock())
        raise Undo(runner.facts(tx))

    try:
        made.storage.write(doctor)
    except Undo as undo:
        found = "\n".join(checker.check(undo.facts))
    for sentence in (
        "is lost", "is stuck in state sending", "0 alerts are open", "The audit log was changed", "poison_event",
    ):  # fmt: skip
        assert sentence in found


class Undo(Exception):
    """Ends a transaction and brings out what was seen in it."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts
