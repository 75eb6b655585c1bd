"""Second factors, recovery codes, links, and sessions one can tell apart."""

from __future__ import annotations

import pytest
from storage_factories import NOW, at

from storage import Storage
from storage.records import Role


@pytest.fixture
def ola(storage: Storage) -> int:
    return storage.write(lambda tx: tx.staff.add("ola", "Ola", Role.SUPPORTER, "", NOW))


def test_a_second_factor_is_sealed_replaced_and_removed(storage: Storage, ola: int) -> None:
    assert storage.read(lambda tx: tx.factors.secret(ola)) is None
    storage.write(lambda tx: tx.factors.set(ola, "ONE", 7, ["a", "b"]))
    assert storage.read(lambda tx: tx.factors.secret(ola)) == "ONE"
    storage.write(lambda tx: tx.factors.set(ola, "TWO", 8, ["c"]))
    assert storage.read(lambda tx: (tx.factors.secret(ola), tx.factors.recovery_codes_left(ola))) == (
        "TWO",
        1,
    )
    stored = storage.read(lambda tx: tx.one("SELECT secret FROM second_factor"))
    assert stored is not None and b"TWO" not in stored["secret"]
    storage.write(lambda tx: tx.factors.remove(ola))
    assert storage.read(lambda tx: (tx.factors.secret(ola), tx.factors.recovery_codes_left(ola))) == (None, 0)


def test_a_code_is_spent_with_every_older_one(storage: Storage, ola: int) -> None:
    storage.write(lambda tx: tx.factors.set(ola, "ONE", 7, []))

    def take(step: int) -> bool:
        return storage.write(lambda tx: tx.factors.take_step(ola, step))

    assert [take(step) for step in (7, 9, 9, 8, 10)] == [False, True, False, False, True]


def test_a_recovery_code_is_good_once_and_for_its_owner(storage: Storage, ola: int) -> None:
    kari = storage.write(lambda tx: tx.staff.add("kari", "Kari", Role.ADMIN, "", NOW))
    storage.write(lambda tx: tx.factors.set_recovery_codes(ola, ["aaaa", "bbbb"]))

    def take(staff_id: int, code: str) -> bool:
        return storage.write(lambda tx: tx.factors.take_recovery_code(staff_id, code, NOW))

    assert (take(kari, "aaaa"), take(ola, "cccc"), take(ola, "aaaa"), take(ola, "aaaa")) == (
        False,
        False,
        True,
        False,
    )
    assert storage.read(lambda tx: tx.factors.recovery_codes_left(ola)) == 1
    storage.write(lambda tx: tx.factors.set_recovery_codes(ola, ["dddd"]))
    assert not take(ola, "bbbb")


def test_a_link_is_used_once_and_a_newer_one_takes_its_place(storage: Storage, ola: int) -> None:
    first, second = b"1" * 32, b"2" * 32
    storage.write(lambda tx: tx.invitations.add(ola, "welcome", first, NOW, at(100)))
    assert storage.read(lambda tx: tx.invitations.awaited(NOW)) == {ola: at(100)}
    storage.write(lambda tx: tx.invitations.add(ola, "password", second, NOW, at(100)))
    assert storage.read(lambda tx: tx.invitations.find(first, NOW)) is None
    assert not storage.write(lambda tx: tx.invitations.use(second, at(100)))  # over
    assert storage.write(lambda tx: tx.invitations.use(second, at(99)))
    assert not storage.write(lambda tx: tx.invitations.use(second, at(99)))
    found = storage.read(lambda tx: tx.invitations.find(second, at(100)))
    assert found is not None and (found.staff_id, found.purpose, found.state) == (ola, "password", "used")
    storage.write(lambda tx: tx.invitations.add(ola, "welcome", first, NOW, at(100)))
    late = storage.read(lambda tx: tx.invitations.find(first, at(100)))
    assert late is not None and late.state == "expired"
    storage.write(lambda tx: tx.staff.disable(ola, NOW))
    assert storage.read(lambda tx: tx.invitations.find(first, NOW)) is None


def test_a_person_sees_where_they_are_signed_in_and_ends_any_of_it(storage: Storage, ola: int) -> None:
    kari = storage.write(lambda tx: tx.staff.add("kari", "Kari", Role.ADMIN, "", NOW))
    tokens = [bytes([n]) * 32 for n in range(4)]
    for n, staff_id in enumerate((ola, ola, ola, kari)):
        storage.write(
            lambda tx, n=n, s=staff_id: tx.sessions.add(s, tokens[n], at(n), at(900), device=f"firefox/{n}")  # type: ignore[misc]
        )
    mine = storage.read(lambda tx: tx.sessions.of(ola, at(3), tokens[1]))
    assert [(one.device, one.created_at, one.is_this) for one in mine] == [
        ("firefox/2", at(2), False),
        ("firefox/1", at(1), True),
        ("firefox/0", at(0), False),
    ]
    assert not storage.write(lambda tx: tx.sessions.end_one(kari, mine[0].uid))
    assert storage.write(lambda tx: tx.sessions.end_one(ola, mine[0].uid))
    assert storage.write(lambda tx: tx.sessions.end_others(ola, tokens[1])) == 1
    assert [one.is_this for one in storage.read(lambda tx: tx.sessions.of(ola, at(3), tokens[1]))] == [True]
    assert len(storage.read(lambda tx: tx.sessions.of(kari, at(3)))) == 1
    assert storage.read(lambda tx: tx.sessions.of(ola, at(900))) == []
