"""Keeps what Meta posts, and gives it to whoever reads it: in the database, or in a file beside it (posts.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from storage.engine import Engine
from storage.errors import StorageUnavailable
from storage.posts import Post
from storage.sealing import Keys
from storage.tx import Tx

T = TypeVar("T")

Reader = Callable[[Tx, Sequence[Post]], None]


@dataclass(frozen=True, slots=True)
class PostFigures:
    """How posts stand: how many wait to be read and since when, and how many could not be."""

    waiting: int
    oldest_at: datetime | None
    aside: int


class PostBox:
    """See `Storage.posts`. Safe for many threads."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys

    def keep(self, bodies: Sequence[tuple[bytes, datetime]]) -> list[int]:
        """Keep bodies and when they came in; durable when it returns. Their ids, in the same order.

        Raises StorageUnavailable, and then none was kept.
        """
        return self._write(lambda tx: tx.posts.add(bodies))

    def read(
        self,
        fn: Reader,
        limit: int,
        now: datetime,
        *,
        first: Reader | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> int:
        """Give the oldest posts, at most `limit`, to `fn` in a write transaction, after which they are gone.
        How many. `then` is called after the commit, before they go.

        A kill may come between the commit and the going: `fn` must bear to be given a post again. What `fn`
        fails on, or no key at hand opens, is set aside, with the incident event_set_aside or poison_event.
        `first` is given them before; if it fails, nothing of what it did is kept, and `fn` gets them.
        """
        tried: list[int] = []
        try:
            found = self._give(first or fn, limit, tried, then)
        except StorageUnavailable:
            raise  # no post is to blame
        except Exception as error:
            if first is not None:
                return self.read(fn, limit, now, then=then)
            if not tried:
                raise  # none was given away yet
            if len(tried) > 1:  # one of them: alone, each shows what it is
                return sum(self.read(fn, 1, now, then=then) for _ in tried)
            self._set_aside(tried, type(error).__name__, "event_set_aside", now)
            return len(tried)
        if closed := [post.id for post in found if post.body is None]:
            self._set_aside(closed, "unreadable", "poison_event", now)
        return len(found)

    def take_over(self) -> None:
        """At the start of whoever reads: what was set aside is tried again, and what a copy brought along."""
        self._write(lambda tx: tx.posts.read_again())
        if self._is_beside:
            brought = self._engine.read(lambda statements: Tx(statements, self._keys).posts.sealed())
            if brought:  # a kill in between leaves both: that bears reading twice
                self._write(lambda tx: tx.posts.add_sealed(brought))
                ids = [row["id"] for row in brought]
                self._engine.write(lambda statements: Tx(statements, self._keys).posts.remove(ids))

    def figures(self) -> PostFigures:
        """How they stand now."""
        return self._read(
            lambda tx: PostFigures(tx.posts.waiting_count(), tx.posts.oldest_at(), tx.posts.aside_count())
        )

    @property
    def _is_beside(self) -> bool:
        return self._engine.post_box is not self._engine

    def _give(self, fn: Reader, limit: int, tried: list[int], then: Callable[[], None]) -> Sequence[Post]:
        def give(tx: Tx, found: Sequence[Post]) -> None:
            readable = [post for post in found if post.body is not None]
            tried[:] = [post.id for post in readable]
            fn(tx, readable)

        def take_and_give(tx: Tx) -> Sequence[Post]:
            found = tx.posts.next(limit)
            give(tx, found)
            tx.posts.remove(tried)
            return found

        if not self._is_beside:
            found = self._write(take_and_give)
            then()
            return found
        found = self._read(lambda tx: tx.posts.next(limit))
        if found:
            self._engine.write(lambda statements: give(Tx(statements, self._keys), found))
            then()
            # Should they come back after a loss of power, they are read again: that need not be waited for.
            self._engine.post_box.write(
                lambda statements: Tx(statements, self._keys).posts.remove(tried), flushes=False
            )
        return found

    def _set_aside(self, ids: Sequence[int], reason: str, incident: str, now: datetime) -> None:
        self._write(lambda tx: tx.posts.set_aside(ids, reason))
        self._engine.write(lambda statements: Tx(statements, self._keys).incidents.open(incident, now))

    def _write(self, fn: Callable[[Tx], T]) -> T:
        return self._engine.post_box.write(lambda statements: fn(Tx(statements, self._keys)))

    def _read(self, fn: Callable[[Tx], T]) -> T:
        return self._engine.post_box.read(lambda statements: fn(Tx(statements, self._keys)))
