"""The rota outside the console: secret calendar addresses (only their hash is kept), and notices yet to be sent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from storage.store import Store
from storage.times import to_ms

Scope = Literal["own", "all"]  # of a calendar: one's own shifts, or everybody's
RotaNews = Literal["asked", "answered", "changed"]


class Calendars(Store):
    """At most one address of each scope for each person; a new one ends the old one."""

    def renew(self, staff_id: int, scope: Scope, token: str, now: datetime) -> None:
        """From now on this token opens it, and no other."""
        self._run(
            "INSERT INTO calendar (staff_id, scope, token_hash, made_at) VALUES (:id, :scope, :hash, :now)"
            " ON CONFLICT (staff_id, scope) DO UPDATE SET token_hash = excluded.token_hash,"
            " made_at = excluded.made_at",
            id=staff_id,
            scope=scope,
            hash=self._hash(token),
            now=to_ms(now),
        )

    def end(self, staff_id: int, scope: Scope) -> None:
        """No token opens it any more."""
        self._run("DELETE FROM calendar WHERE staff_id = :id AND scope = :scope", id=staff_id, scope=scope)

    def scopes(self, staff_id: int) -> frozenset[Scope]:
        """Which addresses this person has."""
        rows = self._all("SELECT scope FROM calendar WHERE staff_id = :id", id=staff_id)
        return frozenset(row["scope"] for row in rows)

    def find(self, token: str) -> tuple[int, Scope] | None:
        """Whose calendar this token opens, and which."""
        row = self._one(
            "SELECT staff_id, scope FROM calendar WHERE token_hash = :hash", hash=self._hash(token)
        )
        return (row["staff_id"], row["scope"]) if row else None

    def _hash(self, token: str) -> bytes:
        return self._tx.keys.hash("calendar", token)


class RotaNotices(Store):
    """Written with the deed, sent by whichever worker takes them away."""

    def add(self, staff_id: int, kind: RotaNews, now: datetime) -> None:
        """Somebody else did something that this person should hear of."""
        self._run(
            "INSERT INTO rota_notice (staff_id, kind, made_at) VALUES (:id, :kind, :now)",
            id=staff_id,
            kind=kind,
            now=to_ms(now),
        )

    def waiting(self) -> bool:
        """Whether `take` would find something."""
        return self._one("SELECT id FROM rota_notice LIMIT 1") is not None

    def take(self) -> list[tuple[int, RotaNews]]:
        """Everything that is to be told, each to one worker only; the same thing to the same person once."""
        rows = self._all("DELETE FROM rota_notice RETURNING staff_id, kind")
        return sorted({(row["staff_id"], row["kind"]) for row in rows})
