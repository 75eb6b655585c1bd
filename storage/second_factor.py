"""The second factor of each account: a sealed secret, the newest code that was taken, and recovery codes.

What a code is, is for others to say: here a code is the number of its time step.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from storage.engine import Row
from storage.sealing import new_uid
from storage.store import Store
from storage.times import to_ms


class SecondFactors(Store):
    """At most one per account."""

    def secret(self, staff_id: int) -> str | None:
        """The secret that counts; None: this account has no second factor."""
        row = self._row(staff_id)
        if row is None:
            return None
        return self._tx.keys.open(row["secret"], "second_factor.secret", row["uid"])

    def set(self, staff_id: int, secret: str, step: int, recovery_codes: Iterable[str]) -> None:
        """A code of `secret` came, that of time step `step`: this secret counts from now on, with these recovery
        codes and no older ones.
        """
        row = self._row(staff_id)
        uid = new_uid() if row is None else row["uid"]
        self._run(
            "INSERT INTO second_factor (staff_id, uid, secret, last_step) VALUES (:staff_id, :uid, :secret, :step)"
            " ON CONFLICT (staff_id) DO UPDATE SET secret = excluded.secret, last_step = excluded.last_step",
            staff_id=staff_id,
            uid=uid,
            secret=self._tx.keys.seal(secret, "second_factor.secret", uid),
            step=step,
        )
        self.set_recovery_codes(staff_id, recovery_codes)

    def take_step(self, staff_id: int, step: int) -> bool:
        """The code of this time step is spent now. False: it, or a later one, was spent before."""
        return bool(
            self._run(
                "UPDATE second_factor SET last_step = :step WHERE staff_id = :staff_id AND last_step < :step",
                staff_id=staff_id,
                step=step,
            )
        )

    def set_recovery_codes(self, staff_id: int, codes: Iterable[str]) -> None:
        """These and no older ones, each good for one time. Only keyed hashes are kept."""
        self._run("DELETE FROM recovery_code WHERE staff_id = :staff_id", staff_id=staff_id)
        for code in codes:
            self._run(
                "INSERT INTO recovery_code (staff_id, code_hash) VALUES (:staff_id, :hash)",
                staff_id=staff_id,
                hash=self._hash(staff_id, code),
            )

    def take_recovery_code(self, staff_id: int, code: str, now: datetime) -> bool:
        """This code is spent now. False: it is none, or was spent before."""
        return bool(
            self._run(
                "UPDATE recovery_code SET used_at = :now"
                " WHERE staff_id = :staff_id AND code_hash = :hash AND used_at IS NULL",
                staff_id=staff_id,
                hash=self._hash(staff_id, code),
                now=to_ms(now),
            )
        )

    def recovery_codes_left(self, staff_id: int) -> int:
        """How many can still be used."""
        return int(
            self._value(
                "SELECT count(*) FROM recovery_code WHERE staff_id = :staff_id AND used_at IS NULL",
                staff_id=staff_id,
            )
        )

    def remove(self, staff_id: int) -> None:
        """The phone is lost: the account has no second factor until its owner sets one up."""
        self._run("DELETE FROM recovery_code WHERE staff_id = :staff_id", staff_id=staff_id)
        self._run("DELETE FROM second_factor WHERE staff_id = :staff_id", staff_id=staff_id)

    def _row(self, staff_id: int) -> Row | None:
        return self._one("SELECT * FROM second_factor WHERE staff_id = :staff_id", staff_id=staff_id)

    def _hash(self, staff_id: int, code: str) -> bytes:
        return self._tx.keys.hash("recovery", staff_id, code)
