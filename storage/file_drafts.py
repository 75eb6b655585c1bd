"""Drafts of files: one per person and file, with the published text that it began from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from storage.engine import Row
from storage.errors import StorageError
from storage.published import text_hash
from storage.publishing_records import FileDraft
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, to_ms


class DraftChanged(StorageError):
    """The draft was saved from somewhere else meanwhile. Nothing has been overwritten."""


class FileDrafts(Store):
    """What is written and not published."""

    def save(
        self, staff_id: int, name: str, text: str, *, base: str | None, seen: str | None, now: datetime
    ) -> FileDraft:
        """Keep a draft. `seen`: the hash of the draft that was on the screen; None: there was none.

        `base`: the hash of the published text that a new draft begins from; a later save keeps the first one
        unless it names another. Raises DraftChanged when another window was first.
        """
        row = self._one(
            "SELECT hash FROM file_draft WHERE staff_id = :staff_id AND name = :name {for_update}",
            staff_id=staff_id,
            name=name,
        )
        if (bytes(row["hash"]).hex() if row else None) != seen:
            raise DraftChanged("this file was changed in another window meanwhile")
        uid = new_uid()
        self._run(
            "INSERT INTO file_draft (staff_id, name, base_hash, uid, body, hash, updated_at)"
            " VALUES (:staff_id, :name, :base, :uid, :body, :hash, :now)"
            " ON CONFLICT (staff_id, name) DO UPDATE SET base_hash = excluded.base_hash, uid = excluded.uid,"
            " body = excluded.body, hash = excluded.hash, updated_at = excluded.updated_at",
            staff_id=staff_id,
            name=name,
            base=None if base is None else bytes.fromhex(base),
            uid=uid,
            body=self._tx.keys.seal(text, "file_draft.body", uid),
            hash=self._hash(text),
            now=to_ms(now),
        )
        self._tx.wake("screens")
        return FileDraft(
            staff_id=staff_id,
            name=name,
            text=text,
            base=base,
            hash=self._hash(text).hex(),
            updated_at=now,
        )

    def get(self, staff_id: int, name: str) -> FileDraft | None:
        """Somebody's draft of a file."""
        row = self._one(
            "SELECT * FROM file_draft WHERE staff_id = :staff_id AND name = :name",
            staff_id=staff_id,
            name=name,
        )
        return self._opened(row) if row else None

    def of(self, staff_id: int) -> list[FileDraft]:
        """All drafts of one person, by name."""
        rows = self._all(
            "SELECT * FROM file_draft WHERE staff_id = :staff_id ORDER BY name", staff_id=staff_id
        )
        return [self._opened(row) for row in rows]

    def who(self) -> dict[str, tuple[int, ...]]:
        """Who has a draft of which file, without opening any."""
        found: dict[str, tuple[int, ...]] = {}
        for row in self._all("SELECT name, staff_id FROM file_draft ORDER BY name, staff_id"):
            found[row["name"]] = (*found.get(row["name"], ()), row["staff_id"])
        return found

    def drop(self, staff_id: int, name: str, *, seen: str) -> bool:
        """Throw a draft away. False: it is not the one that was on the screen."""
        changed = self._run(
            "DELETE FROM file_draft WHERE staff_id = :staff_id AND name = :name AND hash = :hash",
            staff_id=staff_id,
            name=name,
            hash=bytes.fromhex(seen),
        )
        if changed:
            self._tx.wake("screens")
        return bool(changed)

    def drop_published(self, files: Mapping[str, str]) -> None:
        """Whatever says exactly what is published now is no draft any more, whoever wrote it."""
        for name, text in sorted(files.items()):
            self._run(
                "DELETE FROM file_draft WHERE name = :name AND hash = :hash",
                name=name,
                hash=self._hash(text),
            )

    def _hash(self, text: str) -> bytes:
        return self._tx.keys.hash("file_draft", text_hash(text))

    def _opened(self, row: Row) -> FileDraft:
        return FileDraft(
            staff_id=row["staff_id"],
            name=row["name"],
            text=self._tx.keys.open(row["body"], "file_draft.body", row["uid"]),
            base=None if row["base_hash"] is None else bytes(row["base_hash"]).hex(),
            hash=bytes(row["hash"]).hex(),
            updated_at=from_ms(row["updated_at"]),
        )
