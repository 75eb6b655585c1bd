"""Shifts in the store: one place is one person's, whoever asks at the same time."""

from __future__ import annotations

from datetime import timedelta

from storage_factories import NOW, at, in_threads

from storage import Storage
from storage.records import Role

HOUR = 3600.0


def add_staff(storage: Storage, login: str) -> int:
    return storage.write(lambda tx: tx.staff.add(login, login, Role.SUPPORTER, "x", NOW))


def add_shift(
    storage: Storage, staff_id: int | None = None, start: float = HOUR, end: float = 5 * HOUR
) -> int:
    return storage.write(lambda tx: tx.rota.add("supporter", at(start), at(end), staff_id, NOW))


def test_two_who_take_the_last_place_at_once_get_it_once(storage: Storage) -> None:
    people = [add_staff(storage, name) for name in ("anna", "bo")]
    wanted = add_shift(storage)
    got: list[int | None] = [None, None]

    def take(n: int) -> None:
        shift = storage.read(lambda tx: tx.rota.get(wanted))
        assert shift is not None
        got[n] = storage.write(lambda tx: tx.rota.take(shift, people[n], NOW))

    in_threads(2, take)
    assert sorted(got, key=str) == [wanted, None]
    holder = storage.read(lambda tx: tx.rota.get(wanted))
    assert holder is not None and holder.staff_id == people[got.index(wanted)]


def test_who_comes_second_gets_the_place_beside_it(storage: Storage) -> None:
    anna, bo = add_staff(storage, "anna"), add_staff(storage, "bo")
    first, second = add_shift(storage), add_shift(storage)
    shift = storage.read(lambda tx: tx.rota.get(first))
    assert shift is not None
    assert storage.write(lambda tx: tx.rota.take(shift, anna, NOW)) == first
    assert storage.write(lambda tx: tx.rota.take(shift, bo, NOW)) == second


def test_a_closed_account_leaves_its_shifts_open(storage: Storage) -> None:
    anna, bo = add_staff(storage, "anna"), add_staff(storage, "bo")
    wanted = add_shift(storage, anna)
    storage.write(lambda tx: tx.staff.disable(anna, NOW))
    shift = storage.read(lambda tx: tx.rota.get(wanted))
    assert shift is not None and shift.staff_id is None
    assert storage.write(lambda tx: tx.rota.take(shift, bo, NOW)) == wanted


def test_whose_shift_it_is_is_known_with_its_end(storage: Storage) -> None:
    anna = add_staff(storage, "anna")
    add_shift(storage, anna, 0, HOUR)
    add_shift(storage, anna, HOUR, 3 * HOUR)
    assert storage.read(lambda tx: tx.rota.on_shift(at(60))) == {anna: at(3 * HOUR)}
    assert storage.read(lambda tx: tx.rota.on_shift(at(3 * HOUR))) == {}


def test_a_shift_has_one_open_question_and_one_answer(storage: Storage) -> None:
    anna, bo = add_staff(storage, "anna"), add_staff(storage, "bo")
    shift = add_shift(storage, anna)
    swap = storage.write(lambda tx: tx.swaps.ask(shift, anna, bo, None, NOW))
    assert swap is not None
    assert storage.write(lambda tx: tx.swaps.ask(shift, anna, None, None, NOW)) is None
    assert storage.write(lambda tx: tx.swaps.answer(swap, "declined", bo, NOW))
    assert not storage.write(lambda tx: tx.swaps.answer(swap, "accepted", bo, NOW))
    assert [s.state for s in storage.read(lambda tx: tx.swaps.coming(NOW))] == ["declined"]


def test_old_shifts_are_forgotten_with_their_questions(storage: Storage) -> None:
    anna = add_staff(storage, "anna")
    old, new = add_shift(storage, anna), add_shift(storage, anna, 9 * HOUR, 10 * HOUR)
    storage.write(lambda tx: tx.swaps.ask(old, anna, None, None, NOW))
    assert storage.write(lambda tx: tx.rota.prune(at(6 * HOUR))) == 1
    assert [s.id for s in storage.read(lambda tx: tx.rota.of(anna, NOW))] == [new]


def test_a_calendar_opens_with_its_newest_secret_alone_and_keeps_only_a_hash(storage: Storage) -> None:
    anna = add_staff(storage, "anna")
    for token in ("first-secret", "second-secret"):
        storage.write(lambda tx, token=token: tx.calendars.renew(anna, "own", token, NOW))
    assert storage.read(lambda tx: tx.calendars.find("first-secret")) is None
    assert storage.read(lambda tx: tx.calendars.find("second-secret")) == (anna, "own")
    kept = storage.read(lambda tx: tx.all("SELECT * FROM calendar"))
    assert "secret" not in repr(kept)
    storage.write(lambda tx: tx.calendars.end(anna, "own"))
    assert storage.read(lambda tx: tx.calendars.find("second-secret")) is None


def test_news_is_taken_once(storage: Storage) -> None:
    anna = add_staff(storage, "anna")
    for _ in range(2):
        storage.write(lambda tx: tx.rota_notices.add(anna, "changed", NOW + timedelta(hours=1)))
    assert storage.write(lambda tx: tx.rota_notices.take()) == [(anna, "changed")]
    assert not storage.read(lambda tx: tx.rota_notices.waiting())
