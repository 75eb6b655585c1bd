"""Published sets: every file of each, who published it, when and why. Only ever added to."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from bot import versions
from bot.versions import Plan
from storage.engine import Row
from storage.errors import StorageError, WrongKey
from storage.publishing_records import Origin, PublishedSet
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, to_ms


def text_hash(text: str) -> str:
    """The hexadecimal SHA-256 of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def set_hash(hashes: Mapping[str, str]) -> str:
    """Of a whole set: names to hexadecimal hashes of their texts."""
    whole = hashlib.sha256()
    for name in sorted(hashes):
        whole.update(f"{name}\0{hashes[name]}\0".encode())
    return whole.hexdigest()


class PublishedSets(Store):
    """All of them."""

    def newest_number(self) -> int | None:
        """The number of the set that counts now; None before the first."""
        number = self._value("SELECT MAX(number) FROM published_set")
        return None if number is None else int(number)

    def get(self, number: int) -> PublishedSet | None:
        """One set, without its texts."""
        row = self._one("SELECT * FROM published_set WHERE number = :number", number=number)
        return self._opened(row) if row else None

    def newest(self) -> PublishedSet | None:
        """The set that counts now."""
        number = self.newest_number()
        return None if number is None else self.get(number)

    def all(self, limit: int = 200) -> list[PublishedSet]:
        """The newest first."""
        rows = self._all("SELECT * FROM published_set ORDER BY number DESC LIMIT :limit", limit=limit)
        return [self._opened(row) for row in rows]

    def last_from_disk(self) -> int | None:
        """The newest set that was taken from files on a disk."""
        number = self._value(
            "SELECT MAX(number) FROM published_set WHERE origin IN ('first', 'disk', 'demo')"
        )
        return None if number is None else int(number)

    def with_hash(self, hash: str) -> int | None:
        """The newest set with exactly these files; see `set_hash`."""
        number = self._value(
            "SELECT MAX(number) FROM published_set WHERE hash = :hash", hash=bytes.fromhex(hash)
        )
        return None if number is None else int(number)

    def plans(self) -> tuple[tuple[int, Plan], ...]:
        """Every plan that does more than let conversations finish, by number, rising."""
        rows = self._all("SELECT number, plan FROM published_set WHERE lasts = 0 ORDER BY number")
        return tuple((row["number"], versions.from_json(row["plan"])) for row in rows)

    def unchanged_since(self, name: str) -> int | None:
        """From which set on this file has been as it is in the newest one; None: it is not there."""
        rows = self._all(
            "SELECT number, text_hash FROM published_file WHERE name = :name ORDER BY number DESC", name=name
        )
        expected, found = self.newest_number(), None
        for row in rows:
            if row["number"] != expected or row["text_hash"] != rows[0]["text_hash"]:
                break
            found, expected = int(row["number"]), row["number"] - 1
        return found

    def hashes(self, number: int) -> dict[str, str]:
        """The files of a set with the hexadecimal hash of each; empty for a set that is not there."""
        rows = self._all(
            "SELECT name, text_hash FROM published_file WHERE number = :number ORDER BY name", number=number
        )
        return {row["name"]: bytes(row["text_hash"]).hex() for row in rows}

    def files(self, number: int) -> dict[str, str]:
        """The files of a set, as text. Raises StorageError when one is missing or damaged."""
        hashes = self.hashes(number)
        if not hashes:
            raise StorageError(f"there is no published set {number}")
        texts = self.texts(hashes.values())
        return {name: texts[hash] for name, hash in hashes.items()}

    def texts(self, hashes: Iterable[str]) -> dict[str, str]:
        """Texts by hash. Raises StorageError when one is missing or damaged."""
        wanted = {bytes.fromhex(hash): hash for hash in hashes}
        rows = self._all_of("SELECT hash, body FROM published_text WHERE hash IN {each}", list(wanted))
        found = {wanted[bytes(row["hash"])]: _inflated(row["body"]) for row in rows}
        if any(found.get(hash) is None or text_hash(found[hash] or "") != hash for hash in wanted.values()):
            raise StorageError("a published file is missing or damaged")
        return {hash: text for hash, text in found.items() if text is not None}

    def keep_texts(self, files: Mapping[str, str]) -> dict[str, str]:
        """Keep these texts, each once; names to hashes."""
        hashes = {name: text_hash(text) for name, text in files.items()}
        known = self._all_of(
            "SELECT hash FROM published_text WHERE hash IN {each}",
            [bytes.fromhex(each) for each in sorted(set(hashes.values()))],
        )
        here = {bytes(row["hash"]).hex() for row in known}
        for name, hash in sorted(hashes.items(), key=lambda item: item[1]):
            if hash in here:
                continue
            here.add(hash)
            self._run(
                "INSERT INTO published_text (hash, body) VALUES (:hash, :body) ON CONFLICT (hash) DO NOTHING",
                hash=bytes.fromhex(hash),
                body=zlib.compress(files[name].encode(), 6),
            )
        return hashes

    def add(
        self,
        files: Mapping[str, str],
        *,
        base: int | None,
        by: int | None,
        why: str,
        origin: Origin,
        plan: Plan,
        now: datetime,
        second: int | None = None,
    ) -> int | None:
        """Publish; the new number. None: `base` is not the newest any more, somebody else was first."""
        if self.newest_number() != base:
            return None
        hashes, number, uid = self.keep_texts(files), (base or 0) + 1, new_uid()
        row = self._one(
            "INSERT INTO published_set (number, uid, at, by_id, second_id, why, origin, hash, plan, lasts)"
            " VALUES (:number, :uid, :at, :by, :second, :why, :origin, :hash, :plan, :lasts)"
            " ON CONFLICT (number) DO NOTHING RETURNING number",
            number=number,
            uid=uid,
            at=to_ms(now),
            by=by,
            second=second,
            why=self._tx.keys.seal(why, "published_set.why", uid),
            origin=origin,
            hash=bytes.fromhex(set_hash(hashes)),
            plan=versions.to_json(plan),
            lasts=int(plan.choice == "finish"),
        )
        if row is None:
            return None
        self._run_from(
            "INSERT INTO published_file (number, name, text_hash) {rows}",
            [
                {"number": number, "name": name, "hash": bytes.fromhex(hash)}
                for name, hash in sorted(hashes.items())
            ],
        )
        self._tx.wake("content", "screens")
        return number

    def _opened(self, row: Row) -> PublishedSet:
        return PublishedSet(
            number=row["number"],
            at=from_ms(row["at"]),
            by=row["by_id"],
            second=row["second_id"],
            why=opened_why(self, row, "published_set.why"),
            origin=row["origin"],
            hash=bytes(row["hash"]).hex(),
            plan=versions.from_json(row["plan"]),
        )


def opened_why(store: Store, row: Row, column: str) -> str:
    """The reason that somebody wrote; empty when the key it was sealed with is gone."""
    try:
        return store._tx.keys.open(row["why"], column, row["uid"])
    except WrongKey:
        return ""


def _inflated(body: bytes) -> str | None:
    try:
        return zlib.decompress(body).decode()
    except (zlib.error, UnicodeDecodeError):
        return None
