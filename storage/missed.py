"""What is known of the past: how far back everything is in, and which events have been here before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

if TYPE_CHECKING:
    from storage.tx import Tx

_JOB = "caught_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How far catching up has come."""

    until: datetime | None  # what was sent before then is in; None: nobody has ever written
    caught_up_at: datetime | None  # when that was last made sure of
    heard_at: datetime | None  # when the newest message that we know of was sent


class Missed(Store):
    """For catching up after an outage. Its own times are rows of `job_run`."""

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx)
        self._known: dict[str, bool] = {}

    def known(self) -> Known:
        """How far we are. Read it before `jobs.once`, which forgets old rows."""
        # By id and not by time: there is an index, and the newest few rows are enough.
        heard = from_ms_or_none(
            self._value("SELECT at FROM entry WHERE written_by = 'contact' ORDER BY id DESC LIMIT 1")
        )
        row = self._one(
            "SELECT slot, at FROM job_run WHERE job = :job ORDER BY at DESC, slot DESC LIMIT 1", job=_JOB
        )
        if row is None:
            return Known(until=heard, caught_up_at=None, heard_at=heard)
        until = datetime.fromisoformat(row["slot"])
        return Known(until=until, caught_up_at=from_ms(row["at"]), heard_at=heard)

    def caught_up(self, until: datetime, now: datetime) -> None:
        """Everything sent before `until` is in."""
        self._run("DELETE FROM job_run WHERE job = :job", job=_JOB)
        self._run(
            "INSERT INTO job_run (job, slot, at) VALUES (:job, :slot, :now)",
            job=_JOB,
            slot=until.astimezone(UTC).isoformat(),
            now=to_ms(now),
        )

    def look_up(self, keys: Iterable[str]) -> None:
        """Read which of these `is_known`; it holds for this transaction."""
        hashes = {self._tx.keys.hash("inbox", key): key for key in keys}
        rows = self._all_of("SELECT dedupe FROM inbox WHERE dedupe IN {each}", hashes)
        self._known |= dict.fromkeys(hashes.values(), False) | {hashes[row["dedupe"]]: True for row in rows}

    def is_known(self, key: str) -> bool:
        """Whether an event with this key has been here."""
        if key in self._known:
            return self._known[key]
        return bool(
            self._all_of("SELECT id FROM inbox WHERE dedupe IN {each}", [self._tx.keys.hash("inbox", key)])
        )

    def shut_out(self, key: str, now: datetime) -> None:
        """An event with this key will be taken for a repetition: the same thing has been kept under another key, or
        nothing but the key is to be known of it.
        """
        self._known.pop(key, None)
        self._run(
            "INSERT INTO inbox (contact_id, uid, dedupe, body, sent_at, received_at, state, try_at, handled_at)"
            " VALUES (NULL, :uid, :hash, NULL, :now, :now, 'done', :now, :now) ON CONFLICT (dedupe) DO NOTHING",
            uid=new_uid(),
            hash=self._tx.keys.hash("inbox", key),
            now=to_ms(now),
        )
