"""A rota to try things on: a store, a clock that stands still, people and shifts."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from bot.content import Content
from bot.rota import Kind
from handlers.rota import Planned, Rota
from storage import Storage
from storage.records import Role, Staff

only_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Plan:
    """The rota's deeds over a real store."""

    def __init__(self, storage: Storage, content: Content, now: datetime) -> None:
        self.storage, self.now = storage, now
        self.rota = Rota(storage, lambda: content, lambda: self.now)
        self.coordinator = self.staff("koord", Role.COORDINATOR)

    def staff(self, login: str, role: Role = Role.SUPPORTER) -> Staff:
        """A new account; the login is an address, so that mail reaches it."""
        mail = f"{login}@example.org"
        staff_id = self.storage.write(lambda tx: tx.staff.add(mail, login, role, "x", self.now))
        found = self.storage.read(lambda tx: tx.staff.get(staff_id))
        assert found is not None
        return found

    def shift(
        self, day: date, start: str, end: str, whose: Staff | None = None, *, kind: Kind = "supporter"
    ) -> int:
        """A new shift's id."""
        wanted = Planned(day=day, start=start, end=end, kind=kind, staff_id=whose.id if whose else None)
        self.rota.add(self.coordinator, wanted)
        self.told()
        newest = self.storage.read(lambda tx: tx.one("SELECT MAX(id) AS id FROM shift"))
        assert newest is not None
        return int(newest["id"])

    def ask(self, shift_id: int, staff: Staff, **whom: int) -> int:
        """A new question's id."""
        self.rota.ask(shift_id, staff, **whom)
        swaps = self.storage.read(lambda tx: tx.swaps.coming(self.now))
        return next(swap.id for swap in swaps if swap.shift_id == shift_id)

    def holder(self, shift_id: int) -> int | None:
        """Whose it is."""
        found = self.storage.read(lambda tx: tx.rota.get(shift_id))
        assert found is not None
        return found.staff_id

    def told(self) -> set[tuple[int, str]]:
        """Whom something is to be told, and what; once."""
        return set(self.storage.write(lambda tx: tx.rota_notices.take()))
