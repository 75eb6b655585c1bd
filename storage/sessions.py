"""Sessions of signed-in staff, by the hash of their token, and failed tries to sign in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from storage.records import Session
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, to_ms

_IDLE = timedelta(hours=8)
_TOUCH_MS = 60_000  # last_seen_at is this exact and no more, so that reading a page rarely writes
_FAILURES_KEPT = timedelta(days=1)

_LIVE = """SELECT session.staff_id, session.last_seen_at FROM session JOIN staff ON staff.id = session.staff_id
WHERE session.token_hash = :token_hash AND session.expires_at > :now
    AND session.last_seen_at + session.idle_ms > :now AND staff.disabled_at IS NULL"""


class Sessions(Store):
    """A session ends at `expires_at`, or earlier after lying idle."""

    def add(
        self,
        staff_id: int,
        token_hash: bytes,
        now: datetime,
        expires_at: datetime,
        idle: timedelta = _IDLE,
        device: str | None = None,
    ) -> None:
        """A new session; those that have ended are deleted. `device`: see `records.Session`."""
        at, uid = to_ms(now), new_uid()
        self._run("DELETE FROM session WHERE expires_at <= :now", now=at)
        self._run(
            "INSERT INTO session (uid, token_hash, staff_id, created_at, last_seen_at, idle_ms, expires_at, device)"
            " VALUES (:uid, :token_hash, :staff_id, :now, :now, :idle_ms, :expires_at, :device)",
            uid=uid,
            device=None if device is None else self._tx.keys.seal(device, "session.device", uid),
            token_hash=token_hash,
            staff_id=staff_id,
            now=at,
            idle_ms=idle // timedelta(milliseconds=1),
            expires_at=to_ms(expires_at),
        )

    def get(self, token_hash: bytes, now: datetime) -> int | None:
        """Whose session it is, or None when it has ended; keeps it from lying idle. In a read use `peek`."""
        at = to_ms(now)
        row = self._one(_LIVE, token_hash=token_hash, now=at)
        if row is None:
            return None
        if at - row["last_seen_at"] >= _TOUCH_MS:
            self._run(
                "UPDATE session SET last_seen_at = :now WHERE token_hash = :token_hash",
                token_hash=token_hash,
                now=at,
            )
        return int(row["staff_id"])

    def peek(self, token_hash: bytes, now: datetime) -> int | None:
        """Whose session it is, or None when it has ended; changes nothing."""
        row = self._one(_LIVE, token_hash=token_hash, now=to_ms(now))
        return None if row is None else int(row["staff_id"])

    def of(self, staff_id: int, now: datetime, this: bytes | None = None) -> list[Session]:
        """Where this person is signed in, the newest first. `this`: the hash of the token that asks."""
        rows = self._all(
            "SELECT * FROM session WHERE staff_id = :staff_id AND expires_at > :now"
            " AND last_seen_at + idle_ms > :now ORDER BY created_at DESC, token_hash",
            staff_id=staff_id,
            now=to_ms(now),
        )
        return [
            Session(
                uid=row["uid"],
                device=row["device"] and self._tx.keys.open(row["device"], "session.device", row["uid"]),
                created_at=from_ms(row["created_at"]),
                last_seen_at=from_ms(row["last_seen_at"]),
                is_this=row["token_hash"] == this,
            )
            for row in rows
        ]

    def end_one(self, staff_id: int, uid: bytes) -> bool:
        """Sign this person out in one place. False: it was over already, or is somebody else's."""
        return bool(
            self._run(
                "DELETE FROM session WHERE staff_id = :staff_id AND uid = :uid", staff_id=staff_id, uid=uid
            )
        )

    def end_others(self, staff_id: int, token_hash: bytes) -> int:
        """Sign out everywhere but here; how many places that were."""
        return self._run(
            "DELETE FROM session WHERE staff_id = :staff_id AND token_hash <> :token_hash",
            staff_id=staff_id,
            token_hash=token_hash,
        )

    def end(self, token_hash: bytes) -> None:
        """Sign out."""
        self._run("DELETE FROM session WHERE token_hash = :token_hash", token_hash=token_hash)

    def end_all(self, staff_id: int) -> None:
        """Sign out everywhere."""
        self._run("DELETE FROM session WHERE staff_id = :staff_id", staff_id=staff_id)

    def failures(self, key_hash: bytes, since: datetime) -> int:
        """Failed tries since then; `key_hash` stands for an account or an address."""
        return int(
            self._value(
                "SELECT count(*) FROM sign_in_failure WHERE key_hash = :key_hash AND at >= :since",
                key_hash=key_hash,
                since=to_ms(since),
            )
        )

    def add_failure(self, key_hash: bytes, now: datetime) -> int:
        """A failed try, or one that is about to be looked at; its id."""
        self._run("DELETE FROM sign_in_failure WHERE at < :before", before=to_ms(now - _FAILURES_KEPT))
        return int(
            self._value(
                "INSERT INTO sign_in_failure (key_hash, at) VALUES (:key_hash, :now) RETURNING id",
                key_hash=key_hash,
                now=to_ms(now),
            )
        )

    def withdraw_failures(self, ids: Iterable[int]) -> None:
        """These were none."""
        for failure_id in ids:
            self._run("DELETE FROM sign_in_failure WHERE id = :id", id=failure_id)

    def clear_failures(self, key_hash: bytes) -> None:
        """The right password came."""
        self._run("DELETE FROM sign_in_failure WHERE key_hash = :key_hash", key_hash=key_hash)
