"""Browsers of staff that take pushes. Where they are is sealed; it is found by a keyed hash."""

from __future__ import annotations

import json
from datetime import datetime

from storage.ladder_records import Subscription
from storage.sealing import new_uid
from storage.store import Store
from storage.times import to_ms


class Push(Store):
    """Several per person: a phone, a laptop."""

    def subscribe(self, staff_id: int, endpoint: str, p256dh: str, auth: str, now: datetime) -> None:
        """Push to this browser from now on. The same browser again, by whomever, replaces what was there."""
        uid = new_uid()
        body = json.dumps({"endpoint": endpoint, "p256dh": p256dh, "auth": auth})
        self._run(
            "INSERT INTO push (uid, staff_id, endpoint_hash, body, created_at)"
            " VALUES (:uid, :staff_id, :hash, :body, :now) ON CONFLICT (endpoint_hash) DO UPDATE SET"
            " uid = excluded.uid, staff_id = excluded.staff_id, body = excluded.body",
            uid=uid,
            staff_id=staff_id,
            hash=self._hash(endpoint),
            body=self._tx.keys.seal(body, "push.body", uid),
            now=to_ms(now),
        )

    def of(self, staff_id: int) -> list[Subscription]:
        """This person's browsers."""
        found = []
        for row in self._all("SELECT * FROM push WHERE staff_id = :id ORDER BY id", id=staff_id):
            body = json.loads(self._tx.keys.open(row["body"], "push.body", row["uid"]))
            found.append(Subscription(id=row["id"], **body))
        return found

    def staff_ids(self) -> frozenset[int]:
        """Who can be pushed to at all."""
        return frozenset(row["staff_id"] for row in self._all("SELECT DISTINCT staff_id FROM push"))

    def remove(self, endpoint: str, staff_id: int) -> None:
        """This person's browser takes no more pushes."""
        self._run(
            "DELETE FROM push WHERE endpoint_hash = :hash AND staff_id = :staff_id",
            hash=self._hash(endpoint),
            staff_id=staff_id,
        )

    def forget(self, subscription_id: int) -> None:
        """The push service says that it is gone."""
        self._run("DELETE FROM push WHERE id = :id", id=subscription_id)

    def _hash(self, endpoint: str) -> bytes:
        return self._tx.keys.hash("push", endpoint)
