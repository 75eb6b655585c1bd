"""What Meta posted, kept as it came until the worker has read it; sealed with the service key.

The 200 waits for this commit and nothing else. On SQLite these rows lie in a file of their own beside the database:
a database has one writer at a time, and the worker holds it for tens of milliseconds while it decides. On
PostgreSQL, whose writers do not wait for each other, they are a table like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.engine import Row
from storage.errors import WrongKey
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

TABLE = """CREATE TABLE IF NOT EXISTS post (
        id {pk},
        uid {blob} NOT NULL,
        body {blob} NOT NULL,                   -- sealed with the service key
        received_at {big} NOT NULL,
        reason TEXT                             -- a code: why it was set aside. Null: it waits to be read
    ) {strict}"""


@dataclass(frozen=True, slots=True)
class Post:
    """The body of one POST. `body` None: it cannot be opened with the keys at hand."""

    id: int
    body: bytes | None
    received_at: datetime


class Posts(Store):
    """The posts of the database, or of the file, that this transaction is about."""

    def add(self, bodies: Sequence[tuple[bytes, datetime]]) -> list[int]:
        """Keep bodies with the times they came in at; their ids, in the same order."""
        rows = []
        for body, received_at in bodies:
            uid = new_uid()
            sealed = self._tx.keys.seal_bytes(body, "post.body", uid)
            rows.append({"uid": uid, "body": sealed, "received_at": to_ms(received_at)})
        added = self._all_from("INSERT INTO post (uid, body, received_at) {rows} RETURNING id", rows)
        self._tx.wake("inbox")
        return [row["id"] for row in added]

    def next(self, limit: int) -> list[Post]:
        """The oldest that wait to be read; nobody else gets them while this transaction lasts."""
        rows = self._all(
            "SELECT * FROM post WHERE reason IS NULL ORDER BY id LIMIT :limit {for_update}", limit=limit
        )
        return [
            Post(row["id"], self._opened(row["body"], row["uid"]), from_ms(row["received_at"]))
            for row in rows
        ]

    def remove(self, ids: Collection[int]) -> None:
        """They have been read."""
        self._run_of("DELETE FROM post WHERE id IN {each}", ids)

    def set_aside(self, ids: Collection[int], reason: str) -> None:
        """They cannot be read: kept sealed, in nobody's way. `reason` is a code, never content."""
        self._run_of("UPDATE post SET reason = :reason WHERE id IN {each}", ids, reason=reason)

    def read_again(self) -> int:
        """Take up again what was set aside: the version that runs now may know what it is. How many."""
        return self._run("UPDATE post SET reason = NULL WHERE reason IS NOT NULL")

    def sealed(self) -> list[Row]:
        """Those that wait, as they lie here."""
        return self._all("SELECT id, uid, body, received_at FROM post WHERE reason IS NULL ORDER BY id")

    def add_sealed(self, rows: Sequence[Row]) -> None:
        """Keep what `sealed` gave elsewhere, under the same keys."""
        plain = [{name: row[name] for name in ("uid", "body", "received_at")} for row in rows]
        self._run_from("INSERT INTO post (uid, body, received_at) {rows}", plain)
        self._tx.wake("inbox")

    def waiting_count(self) -> int:
        """Posts not read yet; those set aside do not count."""
        return int(self._value("SELECT count(*) FROM post WHERE reason IS NULL"))

    def aside_count(self) -> int:
        """Posts that could not be read."""
        return int(self._value("SELECT count(*) FROM post WHERE reason IS NOT NULL"))

    def oldest_at(self) -> datetime | None:
        """When the oldest that nobody has read came in."""
        return from_ms_or_none(self._value("SELECT MIN(received_at) FROM post WHERE reason IS NULL"))

    def _opened(self, sealed: bytes, uid: bytes) -> bytes | None:
        try:
            return self._tx.keys.open_bytes(sealed, "post.body", uid)
        except WrongKey:
            return None
