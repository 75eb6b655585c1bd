"""Accounts, sessions, failed tries, drafts."""

from __future__ import annotations

from dataclasses import fields
from datetime import time, timedelta

import pytest
from storage_factories import NOW, add_contact, at

from storage import Storage, StorageError
from storage.profile import Profile
from storage.records import Duty, Role

TOKEN = b"t" * 32


@pytest.fixture
def ola(storage: Storage) -> int:
    return storage.write(lambda tx: tx.staff.add("Ola@example.org", "Ola", Role.SUPPORTER, "hash", NOW))


def test_an_account_is_found_by_its_login_in_any_letter_case(storage: Storage, ola: int) -> None:
    found = storage.read(lambda tx: tx.staff.by_login(" oLA@Example.org"))
    assert found is not None
    staff, password = found
    assert (staff.id, staff.login, staff.alias, staff.role, password) == (
        ola,
        "Ola@example.org",
        "Ola",
        Role.SUPPORTER,
        "hash",
    )
    assert (staff.duty, staff.language, staff.theme, staff.disabled, staff.seen_at) == (
        Duty.OFF,
        "nb",
        "auto",
        False,
        None,
    )
    assert storage.read(lambda tx: tx.staff.by_login("kari")) is None
    assert storage.read(lambda tx: tx.staff.get(99)) is None


def test_a_login_is_given_once(storage: Storage, ola: int) -> None:
    with pytest.raises(StorageError, match="taken") as caught:
        storage.write(lambda tx: tx.staff.add("ola@EXAMPLE.org", "X", Role.ADMIN, "h", NOW))
    assert "ola" not in str(caught.value).lower()
    assert len(storage.read(lambda tx: tx.staff.all())) == 1


def test_what_is_changed_is_changed(storage: Storage, ola: int) -> None:
    storage.write(lambda tx: tx.staff.set_role(ola, Role.COORDINATOR))
    storage.write(lambda tx: tx.staff.set_language(ola, "en"))
    storage.write(lambda tx: tx.staff.set_theme(ola, "dark"))
    storage.write(lambda tx: tx.staff.set_duty(ola, Duty.PAUSE, at(1)))
    storage.write(lambda tx: tx.staff.seen(ola, at(2)))
    storage.write(lambda tx: tx.staff.set_password(ola, "other"))
    found = storage.read(lambda tx: tx.staff.by_login("ola@example.org"))
    assert found is not None
    staff, password = found
    assert (staff.role, staff.language, staff.theme) == (Role.COORDINATOR, "en", "dark")
    assert (staff.duty, staff.seen_at, password) == (Duty.PAUSE, at(2), "other")


def test_on_duty_means_on_seen_lately_and_not_disabled(storage: Storage, ola: int) -> None:
    def on_duty() -> list[int]:
        return [staff.id for staff in storage.read(lambda tx: tx.staff.on_duty(at(600), at(100)))]

    assert on_duty() == []
    storage.write(lambda tx: tx.staff.set_duty(ola, Duty.ON, NOW))
    storage.write(lambda tx: tx.staff.seen(ola, at(99)))
    assert on_duty() == []
    storage.write(lambda tx: tx.staff.seen(ola, at(100)))
    assert on_duty() == [ola]
    storage.write(lambda tx: tx.staff.disable(ola, at(200)))
    assert on_duty() == []


def test_a_session_ends_when_idle_and_at_its_end(storage: Storage, ola: int) -> None:
    storage.write(lambda tx: tx.sessions.add(ola, TOKEN, NOW, at(1000), timedelta(seconds=300)))

    def whose(seconds: float) -> int | None:
        return storage.write(lambda tx: tx.sessions.get(TOKEN, at(seconds)))

    assert [whose(s) for s in (200, 499, 700, 999)] == [ola] * 4
    assert whose(1000) is None
    assert storage.read(lambda tx: tx.sessions.get(b"x" * 32, NOW)) is None


def test_a_session_that_lies_idle_is_over(storage: Storage, ola: int) -> None:
    storage.write(lambda tx: tx.sessions.add(ola, TOKEN, NOW, at(1000), timedelta(seconds=300)))
    assert storage.read(lambda tx: tx.sessions.peek(TOKEN, at(299))) == ola
    assert storage.read(lambda tx: tx.sessions.peek(TOKEN, at(300))) is None


def test_signing_out_and_being_disabled_end_sessions(storage: Storage, ola: int) -> None:
    kari = storage.write(lambda tx: tx.staff.add("kari", "Kari", Role.ADMIN, "h", NOW))
    for number, staff_id in enumerate((ola, ola, kari)):
        storage.write(lambda tx, n=number, s=staff_id: tx.sessions.add(s, bytes([n]) * 32, NOW, at(1000)))  # type: ignore[misc]

    def live() -> list[int | None]:
        return [storage.read(lambda tx, n=n: tx.sessions.peek(bytes([n]) * 32, at(1))) for n in range(3)]  # type: ignore[misc]

    storage.write(lambda tx: tx.sessions.end(b"\0" * 32))
    assert live() == [None, ola, kari]
    storage.write(lambda tx: tx.staff.disable(ola, at(1)))
    assert live() == [None, None, kari]
    assert storage.read(lambda tx: tx.staff.get(ola)).disabled  # type: ignore[union-attr]


def test_failed_tries_are_counted_per_key_from_a_time_on(storage: Storage) -> None:
    for seconds in (0, 10, 20):
        storage.write(lambda tx, s=seconds: tx.sessions.add_failure(b"a", at(s)))  # type: ignore[misc]
    storage.write(lambda tx: tx.sessions.add_failure(b"b", at(20)))
    assert storage.read(lambda tx: tx.sessions.failures(b"a", at(10))) == 2
    storage.write(lambda tx: tx.sessions.clear_failures(b"a"))
    assert storage.read(lambda tx: (tx.sessions.failures(b"a", NOW), tx.sessions.failures(b"b", NOW))) == (
        0,
        1,
    )


def test_a_draft_is_each_supporters_own(storage: Storage, ola: int) -> None:
    contact = add_contact(storage)
    storage.write(lambda tx: tx.drafts.save(contact, ola, "kjære", NOW))
    storage.write(lambda tx: tx.drafts.save(contact, ola, "kjære deg", NOW))
    assert storage.read(lambda tx: (tx.drafts.get(contact, ola), tx.drafts.get(contact, 99))) == (
        "kjære deg",
        None,
    )
    storage.write(lambda tx: tx.drafts.save(contact, ola, "", NOW))
    assert storage.read(lambda tx: tx.drafts.get(contact, ola)) is None


def test_what_a_person_says_about_themself_is_kept_and_sealed(storage: Storage, ola: int) -> None:
    said = Profile(
        languages=("nb", "somali"),
        campus="uio",
        avoid_own_campus=True,
        gender="kvinne",
        notify=frozenset({"email:shift"}),
        quiet_from=time(22),
        quiet_to=time(7, 30),
    )
    before = storage.read(lambda tx: tx.staff.get(ola))
    assert before is not None and (before.languages, before.trained) == (("nb", "en"), "full")
    assert before.wants("queue", "push") and not before.wants("queue", "email")
    storage.write(lambda tx: tx.staff.set_profile(ola, said))
    storage.write(lambda tx: tx.staff.set_trained(ola, "basic"))
    storage.write(lambda tx: tx.staff.set_alias(ola, "Nora"))
    staff = storage.read(lambda tx: tx.staff.get(ola))
    assert staff is not None and (staff.alias, staff.trained) == ("Nora", "basic")
    assert all(getattr(staff, each.name) == getattr(said, each.name) for each in fields(Profile))
    stored = storage.read(lambda tx: bytes(tx.one("SELECT profile FROM staff")["profile"]))  # type: ignore[index]
    assert not any(word in stored for word in (b"somali", b"kvinne", b"uio", b"22:00"))


@pytest.mark.parametrize(
    ("quiet", "is_quiet"),
    [((None, None), []), ((time(22), time(7)), [23, 0, 6]), ((time(1), time(7)), [6])],
)
def test_quiet_hours_may_go_over_midnight(
    quiet: tuple[time | None, time | None], is_quiet: list[int]
) -> None:
    profile = Profile(quiet_from=quiet[0], quiet_to=quiet[1])
    assert [hour for hour in (7, 21, 23, 0, 6) if profile.is_quiet(time(hour))] == is_quiet
