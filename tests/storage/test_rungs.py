"""The ladder's rungs in the store: written once, claimed once, and sent again when whoever had them is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from storage_factories import NOW, add_contact, alert, all_bytes, at, in_threads, supporter_says, talk

from bot.conversation import Tier
from bot.effects import AddEntry
from bot.ladder import Step, Telling
from bot.settings import Rung
from storage import Storage, Tx
from storage.ladder_records import TakenTelling, TellingLine
from storage.records import Duty, Role

RUNG = Rung(tell="on_duty", after_minutes=0, channels=("email",))
TOLD = (Telling(who="staff:7", channel="email"), Telling(who="staff:8", channel="email"))
SOON = timedelta(seconds=90)


@pytest.fixture
def contact(storage: Storage) -> int:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.conversations.save(talk(contact), NOW))
    return contact


@pytest.fixture
def alert_id(storage: Storage, contact: int) -> int:
    return storage.write(lambda tx: tx.alerts.raise_(contact, alert()))


def fire(
    storage: Storage, alert_id: int, step: int = 1, told: tuple[Telling, ...] = TOLD, seconds: float = 0
) -> bool:
    def work(tx: Tx) -> bool:
        climb = tx.rungs.climb(alert_id)
        assert climb is not None
        return tx.rungs.fire(
            climb, Step(step=step, part="open", index=step - 1, rung=RUNG), told, at(seconds)
        )

    return storage.write(work)


def claim(storage: Storage, seconds: float = 0) -> TakenTelling | None:
    return storage.write(lambda tx: tx.rungs.claim(at(seconds), "w"))


def tellings(storage: Storage, alert_id: int) -> list[TellingLine]:
    return [t for line in storage.read(lambda tx: tx.rungs.lines(alert_id)) for t in line.tellings]


def test_a_rung_is_climbed_once_whoever_tries(storage: Storage, alert_id: int) -> None:
    won: list[bool] = []
    in_threads(6, lambda _: won.append(fire(storage, alert_id)))
    assert sorted(won) == [False] * 5 + [True]
    assert len(tellings(storage, alert_id)) == 2


def test_each_notification_is_claimed_once_whoever_tries(storage: Storage, alert_id: int) -> None:
    fire(storage, alert_id)
    taken: list[TakenTelling | None] = []
    in_threads(6, lambda _: taken.append(claim(storage)))
    got = [one for one in taken if one is not None]
    while (one := claim(storage)) is not None:  # one that somebody else held at that very moment
        got.append(one)
    assert sorted(one.who for one in got) == ["staff:7", "staff:8"]
    assert len({one.key for one in got}) == 2
    assert {(one.alert_id, one.purpose, one.armed, one.drill) for one in got} == {
        (alert_id, "ladder", 1, False)
    }


def test_what_failed_comes_again_at_its_time_and_moves_the_ladder_on(storage: Storage, alert_id: int) -> None:
    fire(storage, alert_id)
    first = claim(storage)
    assert first is not None
    climb = storage.read(lambda tx: tx.rungs.climb(alert_id))
    assert climb is not None
    assert not storage.read(lambda tx: tx.rungs.last(climb)).moves_on  # type: ignore[union-attr]
    storage.write(lambda tx: tx.rungs.failed(first.id, at(1), "http_503", again_at=at(10)))
    assert storage.read(lambda tx: tx.rungs.last(climb)).moves_on  # type: ignore[union-attr]
    second = claim(storage, 2)
    assert second is not None
    assert second.id != first.id
    assert claim(storage, 9) is None
    again = claim(storage, 10)
    assert again is not None
    assert (again.id, again.key, again.tries) == (first.id, first.key, 1)
    storage.write(lambda tx: tx.rungs.accepted(first.id, at(11)))
    assert not storage.write(lambda tx: tx.rungs.accepted(first.id, at(12)))
    assert [t.state for t in tellings(storage, alert_id)] == ["accepted", "sending"]


def test_of_unknown_fate_it_is_tried_again_and_after_the_last_try_stays_unknown(
    storage: Storage, alert_id: int
) -> None:
    fire(storage, alert_id, told=TOLD[:1])
    first = claim(storage)
    assert first is not None
    storage.write(lambda tx: tx.rungs.failed(first.id, at(1), "no_answer", again_at=at(3), unknown=True))
    assert claim(storage, 3) is not None
    storage.write(lambda tx: tx.rungs.failed(first.id, at(4), "no_answer", again_at=None, unknown=True))
    assert claim(storage, 10**6) is None
    assert [(t.state, t.code, t.tries) for t in tellings(storage, alert_id)] == [("unknown", "no_answer", 2)]
    storage.write(lambda tx: tx.rungs.recover(at(10**6), SOON))
    assert claim(storage, 10**6) is None


def test_what_a_dead_worker_was_sending_is_sent_again(storage: Storage, alert_id: int) -> None:
    fire(storage, alert_id, told=TOLD[:1])
    first = claim(storage)
    assert first is not None
    assert storage.write(lambda tx: tx.rungs.recover(at(60), SOON)) == 0
    assert storage.write(lambda tx: tx.rungs.recover(at(91), SOON, {first.id})) == 0
    assert storage.write(lambda tx: tx.rungs.recover(at(91), SOON)) == 1
    again = claim(storage, 91)
    assert again is not None
    assert again.key == first.key


def test_a_clock_put_back_holds_up_nothing(storage: Storage, alert_id: int) -> None:
    fire(storage, alert_id)
    taken = claim(storage)
    assert taken is not None
    storage.write(lambda tx: tx.rungs.failed(taken.id, at(1), "x", again_at=at(31)))
    claim(storage)
    long_ago = NOW - timedelta(days=5)
    assert storage.write(lambda tx: tx.rungs.claim(long_ago, "w")) is None
    storage.write(lambda tx: tx.rungs.recover(long_ago, SOON))
    assert storage.write(lambda tx: tx.rungs.claim(long_ago, "w")) is not None
    assert storage.write(lambda tx: tx.rungs.claim(long_ago, "w")) is not None
    climb = storage.read(lambda tx: tx.rungs.climb(alert_id))
    assert climb is not None
    last = storage.read(lambda tx: tx.rungs.last(climb))
    assert last is not None
    assert (climb.armed_at, last.at) == (long_ago, long_ago)


def test_nothing_goes_out_for_an_alert_that_somebody_has(
    storage: Storage, contact: int, alert_id: int
) -> None:
    fire(storage, alert_id)
    storage.write(lambda tx: tx.alerts.acknowledge(alert_id, 7, "Ola", at(1)))
    assert claim(storage, 1) is None
    assert storage.write(lambda tx: tx.rungs.recover(at(2), SOON)) == 2
    assert {t.state for t in tellings(storage, alert_id)} == {"dropped"}


def test_arming_anew_begins_a_new_climb_and_nothing_of_the_old_one_goes_out(
    storage: Storage, contact: int, alert_id: int
) -> None:
    fire(storage, alert_id)
    storage.write(lambda tx: tx.alerts.raise_(contact, alert(Tier.CRITICAL, seconds=5)))
    climb = storage.read(lambda tx: tx.rungs.climb(alert_id))
    assert climb is not None
    assert (climb.armed, climb.number, climb.armed_at, climb.tier) == (2, 2, at(5), Tier.CRITICAL)
    assert storage.read(lambda tx: tx.rungs.last(climb)) is None
    assert claim(storage, 5) is None
    assert fire(storage, alert_id, seconds=5)
    assert claim(storage, 5).armed == 2  # type: ignore[union-attr]


def test_an_alert_that_resumed_can_be_taken_anew_and_is_told_again(storage: Storage, alert_id: int) -> None:
    def take(staff_id: int, seconds: float) -> bool:
        return storage.write(lambda tx: tx.alerts.acknowledge(alert_id, staff_id, "Ola", at(seconds)))

    assert not storage.write(lambda tx: tx.alerts.resume(alert_id, at(0)))
    assert take(7, 1)
    assert not take(8, 2)
    assert storage.write(lambda tx: tx.alerts.resume(alert_id, at(3)))
    assert not storage.write(lambda tx: tx.alerts.resume(alert_id, at(3)))
    assert fire(storage, alert_id, seconds=3)
    assert claim(storage, 3) is not None
    assert take(7, 4)
    found = storage.read(lambda tx: tx.alerts.get(alert_id))
    assert found is not None
    assert (found.acknowledged_by, found.acknowledged_at, found.resumed_at) == (7, at(4), None)


def test_a_persons_words_and_recorded_actions_are_seen(storage: Storage, contact: int, alert_id: int) -> None:
    def seen() -> tuple[object, object]:
        climb = storage.read(lambda tx: tx.rungs.climb(alert_id))
        assert climb is not None
        return climb.replied_at, climb.acted_at

    assert seen() == (None, None)
    outbox_id = storage.write(lambda tx: tx.outbox.add(contact, supporter_says(), at(5)))
    assert seen() == (at(5), None)
    storage.write(lambda tx: tx.outbox.claim(at(5), "w", 10))
    storage.write(lambda tx: tx.outbox.retry(outbox_id, at(6), at(60), "graph_2"))
    assert seen() == (None, None)  # Meta has not taken it
    storage.write(lambda tx: tx.outbox.confirm(contact, outbox_id, "m1", at(6)))
    assert seen() == (at(5), None)
    record = storage.write(lambda tx: tx.escalations.open_for(alert_id, at(6)))
    storage.write(lambda tx: tx.escalations.add(record, None, "raised", {}, at(6)))
    assert seen() == (at(5), None)
    storage.write(lambda tx: tx.escalations.add(record, 7, "note", {"text": "."}, at(7)))
    assert seen() == (at(5), None)  # a note alone is no action
    storage.write(lambda tx: tx.escalations.add(record, 7, "asked", {"asked": True}, at(8)))
    assert seen() == (at(5), at(8))


@pytest.mark.parametrize(("seconds", "counts"), [(3, False), (40, True)])
def test_an_answer_from_elsewhere_counts_unless_it_came_as_fast_as_a_machines(
    storage: Storage, contact: int, alert_id: int, seconds: int, counts: bool
) -> None:
    storage.write(lambda tx: tx.alerts.acknowledge(alert_id, 7, "Kari", at(1)))

    def say(who: str, when: datetime) -> None:
        entry = AddEntry(written_by=who, kind="text", mid=f"{who}-1", at=when, text="hei")  # type: ignore[arg-type]
        storage.write(lambda tx: tx.transcript.add_all([tx.transcript.line(contact, entry)]))

    say("contact", at(2))
    say("inbox", at(2) + timedelta(seconds=seconds))
    climb = storage.read(lambda tx: tx.rungs.climb(alert_id))
    assert climb is not None
    assert (climb.replied_at is not None) == counts


def test_the_student_is_told_once_for_each_arming_by_whichever_way(
    storage: Storage, contact: int, alert_id: int
) -> None:
    assert storage.write(lambda tx: tx.alerts.alerted(alert_id, at(1), 1))
    assert not storage.write(lambda tx: tx.alerts.shown(alert_id, at(2)))
    assert storage.read(lambda tx: tx.alerts.get(alert_id)).shown_at == at(2)  # type: ignore[union-attr]
    storage.write(lambda tx: tx.alerts.raise_(contact, alert(Tier.CRITICAL, seconds=5)))
    assert not storage.write(lambda tx: tx.alerts.alerted(alert_id, at(6), 1))
    assert storage.write(lambda tx: tx.alerts.shown(alert_id, at(7)))
    assert not storage.write(lambda tx: tx.alerts.alerted(alert_id, at(8), 2))


def test_the_open_bar_is_what_the_banner_waits_for(storage: Storage, alert_id: int) -> None:
    fire(storage, alert_id, told=(Telling(who="staff:7", channel="banner"),))
    assert claim(storage) is None
    storage.write(lambda tx: tx.alerts.shown(alert_id, at(1)))
    assert [t.state for t in tellings(storage, alert_id)] == ["accepted"]


def test_a_rung_that_can_reach_nobody_moves_on_and_shows_why(storage: Storage, alert_id: int) -> None:
    fire(storage, alert_id, told=(Telling(who="staff:7", channel="push", code="no_address"),))
    climb = storage.read(lambda tx: tx.rungs.climb(alert_id))
    assert climb is not None
    assert storage.read(lambda tx: tx.rungs.last(climb)).moves_on  # type: ignore[union-attr]
    assert not storage.read(lambda tx: tx.rungs.reached_anybody(climb))
    assert [(t.state, t.code) for t in tellings(storage, alert_id)] == [("failed", "no_address")]


def test_help_must_be_called_for_them_stays_said(storage: Storage, contact: int) -> None:
    first = storage.write(lambda tx: tx.alerts.raise_(contact, replace(alert(), call_for_them=True)))
    storage.write(lambda tx: tx.alerts.raise_(contact, alert(rule="r2")))
    assert storage.read(lambda tx: tx.alerts.get(first)).call_for_them  # type: ignore[union-attr]


def test_whom_an_alert_told_is_forgotten_ninety_days_after_it_closed(
    storage: Storage, contact: int, alert_id: int
) -> None:
    fire(storage, alert_id)
    storage.write(lambda tx: tx.alerts.close(contact, None, at(1)))
    storage.write(lambda tx: tx.rungs.prune(NOW + timedelta(days=89)))
    assert storage.read(lambda tx: tx.rungs.lines(alert_id)) != []
    storage.write(lambda tx: tx.rungs.prune(NOW + timedelta(days=91)))
    assert storage.read(lambda tx: tx.rungs.lines(alert_id)) == []


def test_a_pushed_browser_is_sealed_found_and_forgotten(storage: Storage) -> None:
    kari, ola = (
        storage.write(lambda tx, n=n: tx.staff.add(n, n, Role.SUPPORTER, "x", NOW)) for n in ("k", "o")
    )  # type: ignore[misc]
    url = "https://push.example.org/abc"
    storage.write(lambda tx: tx.push.subscribe(kari, url, "p", "a", NOW))
    storage.write(lambda tx: tx.push.subscribe(kari, url, "p2", "a2", NOW))
    (one,) = storage.read(lambda tx: tx.push.of(kari))
    assert (one.endpoint, one.p256dh, one.auth) == (url, "p2", "a2")
    storage.write(lambda tx: tx.push.subscribe(ola, url, "p", "a", NOW))
    assert storage.read(lambda tx: tx.push.staff_ids()) == {ola}
    storage.write(lambda tx: tx.push.remove(url, kari))
    assert storage.read(lambda tx: tx.push.staff_ids()) == {ola}
    storage.write(lambda tx: tx.push.remove(url, ola))
    assert storage.read(lambda tx: tx.push.of(ola)) == []


def test_somebody_who_needs_a_pause_is_not_on_duty_until_they_are_ready(storage: Storage) -> None:
    kari = storage.write(lambda tx: tx.staff.add("kari", "Kari", Role.SUPPORTER, "x", NOW))

    def on_duty() -> tuple[int, ...]:
        assert [s.id for s in storage.read(lambda tx: tx.staff.on_duty(NOW, NOW))] == list(
            storage.read(lambda tx: tx.staff.on_duty_ids(NOW))
        )
        return storage.read(lambda tx: tx.staff.on_duty_ids(NOW))

    storage.write(lambda tx: tx.staff.set_duty(kari, Duty.ON, NOW))
    storage.write(lambda tx: tx.staff.seen(kari, NOW))
    assert on_duty() == (kari,)
    storage.write(lambda tx: tx.staff.pause(kari, at(1)))
    assert on_duty() == ()
    assert storage.read(lambda tx: tx.staff.get(kari)).paused_at == at(1)  # type: ignore[union-attr]
    storage.write(lambda tx: tx.staff.ready(kari))
    assert on_duty() == (kari,)


def test_where_alerts_reach_somebody_is_kept_and_forgotten(storage: Storage) -> None:
    kari = storage.write(lambda tx: tx.staff.add("kari", "Kari", Role.SUPPORTER, "x", NOW))
    storage.write(lambda tx: tx.staff.set_contact(kari, email="kari@example.org", phone="+471"))
    found = storage.read(lambda tx: tx.staff.get(kari))
    assert found is not None
    assert (found.email, found.phone) == ("kari@example.org", "+471")
    storage.write(lambda tx: tx.staff.set_contact(kari, email=None, phone=None))
    assert storage.read(lambda tx: tx.staff.get(kari)).email is None  # type: ignore[union-attr]


def test_nothing_waits_to_be_sent_to_a_drills_student(storage: Storage) -> None:
    drill = storage.write(lambda tx: tx.drills.add_contact(NOW))
    storage.write(lambda tx: tx.outbox.add(drill, supporter_says(), NOW))
    assert storage.write(lambda tx: tx.outbox.claim(at(1), "w", 5)) == []
    assert storage.read(lambda tx: tx.outbox.waiting_count()) == 0
    storage.write(lambda tx: tx.run("UPDATE outbox SET state = 'waiting'"))  # even if something did
    assert storage.write(lambda tx: tx.outbox.claim(at(1), "w", 5)) == []
    assert storage.read(lambda tx: tx.drills.running()) == [drill]
    storage.write(lambda tx: tx.contacts.erase(drill, "code", at(2)))
    assert storage.read(lambda tx: tx.drills.running()) == []


def test_where_staff_are_reached_lies_readable_in_no_file(storage: Storage, database_folder: Path) -> None:
    mark = "hemmeligadresse"

    def plant(tx: Tx) -> None:
        kari = tx.staff.add("kari", "Kari", Role.SUPPORTER, "x", NOW)
        tx.staff.set_contact(kari, email=f"{mark}@example.org", phone=f"+47{mark}")
        tx.push.subscribe(kari, f"https://push.example.org/{mark}", mark, mark, NOW)

    storage.write(plant)
    storage.close()
    assert mark.encode() not in all_bytes(database_folder)
