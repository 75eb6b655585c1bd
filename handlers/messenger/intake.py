"""Reads, in the worker, what Meta posted and the webhook kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from handlers.clock import Clock
from handlers.messenger import wire
from handlers.messenger.payloads import Parsed, read_body
from storage import Post, Tx
from storage.records import TakenEvent

log = logging.getLogger(__name__)


class PostReader:
    """Posts as events of the inbox, each once however often its POST comes."""

    def __init__(self, clock: Clock, *, page_id: str, app_id: str | None) -> None:
        self._clock = clock
        self._page_id = page_id
        self._app_id = app_id

    def __call__(self, tx: Tx, posts: Sequence[Post], at_once: int = 0) -> list[TakenEvent]:
        """Put what they hold into the inbox, in this transaction; see `PostBox.read`. At most `at_once` events are
        given back to be handled in it, see `Inbox.begin`.
        """
        parsed = [self._parsed(post) for post in posts]
        news = [new for each in parsed for new in each.events]
        came_at = [post.received_at for post, each in zip(posts, parsed, strict=True) for _ in each.events]
        added, taken = tx.inbox.begin(news, self._clock(), came_at, at_once)  # counts each kind
        counts = {
            "duplicate_events": len(news) - len(added),
            "foreign_entries": sum(each.foreign for each in parsed),
            "unknown_items": sum(each.unknown for each in parsed),
        }
        for name, by in counts.items():
            if by:
                tx.counters.bump(name, by)
        log.info("posts_read", extra={"post_ids": [post.id for post in posts], "inbox_ids": added})
        return taken

    def _parsed(self, post: Post) -> Parsed:
        data = wire.loads(post.body or b"")
        return read_body(data, page_id=self._page_id, app_id=self._app_id, now=post.received_at)
