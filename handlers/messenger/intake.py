"""Keeps what Meta posts: all of one POST in one transaction, and the POSTs that come at the same moment together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers.messenger.payloads import Parsed
from storage import GroupCommit, Job, Storage, StorageUnavailable, Tx

log = logging.getLogger(__name__)
_AT_ONCE = 32  # POSTs in one transaction: more would keep the worker waiting for the store


@dataclass(frozen=True, slots=True)
class _Post:
    parsed: Parsed
    now: datetime


class Intake:
    """The door to the inbox. Safe for many threads; one of them stores for all that came meanwhile."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._group: GroupCommit[_Post, None] = GroupCommit(self._keep, _AT_ONCE)

    def keep(self, parsed: Parsed, now: datetime) -> None:
        """Durable when it returns. Raises StorageUnavailable, and then nothing of this POST was kept."""
        self._group.ask(_Post(parsed, now))

    def _keep(self, jobs: Sequence[Job[_Post, None]]) -> None:
        posts = [job.asked for job in jobs]
        try:
            ids = self._storage.write(lambda tx: _store(tx, posts))
            if ids:
                log.info("webhook_stored", extra={"inbox_ids": ids, "count": len(ids)})
        except StorageUnavailable as error:
            for job in jobs:
                job.error = StorageUnavailable(str(error))
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].error = error
                return
            for job in jobs:  # one of them cannot be kept; the others must not suffer
                self._keep([job])


def _store(tx: Tx, posts: Sequence[_Post]) -> list[int]:
    """The ids of what is in the inbox now and was not before."""
    news = [new for post in posts for new in post.parsed.events]
    added = tx.inbox.add(news, posts[-1].now)  # counts each kind, and wakes the worker
    counts = {
        "duplicate_events": len(news) - len(added),
        "foreign_entries": sum(post.parsed.foreign for post in posts),
        "unknown_items": sum(post.parsed.unknown for post in posts),
    }
    for name, by in counts.items():
        if by:
            tx.counters.bump(name, by)
    return added
