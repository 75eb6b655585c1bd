"""Links with which a person chooses a password, by the hash of their token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from storage.store import Store
from storage.times import from_ms, to_ms

Purpose = Literal["welcome", "password"]
_KEPT = timedelta(days=30)  # after its end, so that an old link is told from one that never was


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link as it stands now."""

    staff_id: int
    purpose: Purpose  # welcome: a new account; password: another password for an old one
    expires_at: datetime
    state: Literal["open", "used", "expired"]


class Invitations(Store):
    """At most one open link per account; a newer one takes its place."""

    def add(
        self, staff_id: int, purpose: Purpose, token_hash: bytes, now: datetime, expires_at: datetime
    ) -> None:
        """A new link. The account's older ones that nobody used are gone."""
        self._run("DELETE FROM invitation WHERE expires_at < :before", before=to_ms(now - _KEPT))
        self.withdraw(staff_id)
        self._run(
            "INSERT INTO invitation (token_hash, staff_id, purpose, made_at, expires_at)"
            " VALUES (:token_hash, :staff_id, :purpose, :now, :expires_at)",
            token_hash=token_hash,
            staff_id=staff_id,
            purpose=purpose,
            now=to_ms(now),
            expires_at=to_ms(expires_at),
        )

    def find(self, token_hash: bytes, now: datetime) -> Invitation | None:
        """The link with this token; None: there is none, or a newer one took its place."""
        row = self._one("SELECT * FROM invitation WHERE token_hash = :token_hash", token_hash=token_hash)
        if row is None:
            return None
        expired = row["expires_at"] <= to_ms(now)
        return Invitation(
            staff_id=row["staff_id"],
            purpose=row["purpose"],
            expires_at=from_ms(row["expires_at"]),
            state="used" if row["used_at"] is not None else "expired" if expired else "open",
        )

    def use(self, token_hash: bytes, now: datetime) -> bool:
        """The link is spent. False: it cannot be used, or somebody was first."""
        return bool(
            self._run(
                "UPDATE invitation SET used_at = :now"
                " WHERE token_hash = :token_hash AND used_at IS NULL AND expires_at > :now",
                token_hash=token_hash,
                now=to_ms(now),
            )
        )

    def withdraw(self, staff_id: int) -> None:
        """The account's open links work no more."""
        self._run("DELETE FROM invitation WHERE staff_id = :staff_id AND used_at IS NULL", staff_id=staff_id)

    def awaited(self, now: datetime) -> dict[int, datetime]:
        """Accounts with a link that can be used, and until when."""
        rows = self._all(
            "SELECT staff_id, expires_at FROM invitation WHERE used_at IS NULL AND expires_at > :now"
            " ORDER BY staff_id",
            now=to_ms(now),
        )
        return {row["staff_id"]: from_ms(row["expires_at"]) for row in rows}
