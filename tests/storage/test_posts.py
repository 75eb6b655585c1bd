"""What Meta posts: kept as it came, given to its reader in order, and never lost between the two."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from patience import PATIENCE
from storage_factories import NOW, URL, all_bytes, at, data_key, make_keys, only_sqlite

from storage import Post, Storage, StorageUnavailable, Tx, open_storage
from storage.backup import back_up, restore
from storage.posts import Posts
from storage.sqlite_statements import sqlite3


class Reader:
    """Notes what it was given. `refuses`: bodies that it fails on."""

    def __init__(self, *refuses: bytes) -> None:
        self.refuses = refuses
        self.read: list[bytes | None] = []

    def __call__(self, tx: Tx, posts: Sequence[Post]) -> None:
        if any(post.body in self.refuses for post in posts):
            raise ValueError("not this one")
        self.read += [post.body for post in posts]


def keep(storage: Storage, *bodies: bytes) -> None:
    storage.posts.keep([(body, at(number)) for number, body in enumerate(bodies)])


def incidents(storage: Storage) -> list[str]:
    return [incident.kind for incident in storage.read(lambda tx: tx.incidents.open_ones())]


def test_posts_are_given_in_order_and_once(storage: Storage) -> None:
    keep(storage, b"one", b"two")
    keep(storage, b"three")
    reader = Reader()
    assert [storage.posts.read(reader, 2, NOW) for _ in range(3)] == [2, 1, 0]
    assert reader.read == [b"one", b"two", b"three"]


def test_when_each_came_in_is_kept(storage: Storage) -> None:
    keep(storage, b"one", b"two")
    found: list[Post] = []
    storage.posts.read(lambda tx, posts: found.extend(posts), 9, at(60))
    assert [post.received_at for post in found] == [at(0), at(1)]


def test_whoever_waits_for_events_is_woken(storage: Storage) -> None:
    listener = storage.listen("inbox")
    try:
        keep(storage, b"one")
        assert listener.wait(PATIENCE)
    finally:
        listener.close()


def test_a_post_is_given_again_when_its_reading_could_not_be_kept(storage: Storage) -> None:
    def breaks(tx: Tx, posts: Sequence[Post]) -> None:
        raise StorageUnavailable("disk full")

    keep(storage, b"one")
    with pytest.raises(StorageUnavailable):
        storage.posts.read(breaks, 9, NOW)
    reader = Reader()
    storage.posts.read(reader, 9, NOW)
    assert reader.read == [b"one"]


def test_a_post_that_was_read_and_could_not_be_removed_is_given_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(storage, b"one")
    with monkeypatch.context() as broken:

        def fails(self: Posts, ids: Sequence[int]) -> None:
            raise StorageUnavailable("killed")

        broken.setattr(Posts, "remove", fails)
        with pytest.raises(StorageUnavailable):
            storage.posts.read(Reader(), 9, NOW)
    reader = Reader()
    storage.posts.read(reader, 9, NOW)
    assert reader.read == [b"one"]


def test_a_post_that_breaks_its_reader_holds_up_no_other_and_is_told_of(storage: Storage) -> None:
    keep(storage, b"one", b"poison", b"three")
    reader = Reader(b"poison")
    assert storage.posts.read(reader, 9, NOW) == 3
    assert reader.read == [b"one", b"three"]
    assert (storage.posts.figures().waiting, storage.posts.figures().aside) == (0, 1)
    assert incidents(storage) == ["event_set_aside"]


def test_no_post_is_blamed_for_a_fault_that_came_before_any_was_read(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(storage, b"one")
    with monkeypatch.context() as broken:

        def fails(self: Posts, limit: int) -> None:
            raise ValueError("a row that is no row")

        broken.setattr(Posts, "next", fails)
        with pytest.raises(ValueError, match="no row"):
            storage.posts.read(Reader(), 9, NOW, first=Reader())
    assert incidents(storage) == []
    reader = Reader()
    storage.posts.read(reader, 9, NOW)
    assert reader.read == [b"one"]


def test_what_was_set_aside_is_tried_again_at_the_next_start(storage: Storage) -> None:
    keep(storage, b"poison")
    storage.posts.read(Reader(b"poison"), 9, NOW)
    storage.posts.take_over()
    reader = Reader()
    storage.posts.read(reader, 9, NOW)
    assert reader.read == [b"poison"]


def test_a_post_under_a_key_that_is_not_at_hand_waits_for_it(make: Callable[..., Storage]) -> None:
    both = make(make_keys(f"{data_key('b', 2)},{data_key()}"))
    keep(both, b"sealed with b")
    without = make(make_keys(data_key()))
    reader = Reader()
    without.posts.read(reader, 9, NOW)
    assert (reader.read, incidents(without)) == ([], ["poison_event"])
    both.posts.take_over()
    both.posts.read(reader, 9, NOW)
    assert reader.read == [b"sealed with b"]


def test_figures_tell_how_many_wait_and_since_when(storage: Storage) -> None:
    assert storage.posts.figures().oldest_at is None
    keep(storage, b"one", b"two")
    figures = storage.posts.figures()
    assert (figures.waiting, figures.oldest_at, figures.aside) == (2, at(0), 0)


@only_sqlite
def test_keeping_a_post_waits_for_no_decision(storage: Storage) -> None:
    kept = threading.Thread(target=keep, args=(storage, b"one"))

    def decides(tx: Tx) -> bool:
        kept.start()
        kept.join(PATIENCE)
        return kept.is_alive()

    assert not storage.write(decides)


@only_sqlite
def test_what_was_read_is_overwritten_when_somebody_is_erased(storage: Storage, tmp_path: Path) -> None:
    keep(storage, b"one")
    with closing(sqlite3.connect(tmp_path / "data" / "peersupport.db-posts")) as connection:
        (sealed,) = connection.execute("SELECT body FROM post").fetchone()
    assert sealed in all_bytes(tmp_path)
    storage.posts.read(Reader(), 9, NOW)
    storage.write(lambda tx: tx.shred())
    assert sealed not in all_bytes(tmp_path)


@only_sqlite
def test_a_copy_holds_the_posts_that_nobody_had_read(storage: Storage, tmp_path: Path) -> None:
    keep(storage, b"one", b"two")
    back_up(URL, tmp_path / "copy.db", home=tmp_path)
    restore(URL, tmp_path / "copy.db", make_keys(), at(60), home=tmp_path / "elsewhere")
    other = open_storage(URL, make_keys(), home=tmp_path / "elsewhere")
    try:
        other.posts.take_over()
        reader = Reader()
        other.posts.read(reader, 9, NOW)
        assert reader.read == [b"one", b"two"]
    finally:
        other.close()


@only_sqlite
def test_a_post_is_kept_with_a_flush_also_after_one_was_removed_without(storage: Storage) -> None:
    def is_flushed() -> int:
        return int(storage._engine.post_box._writer.execute("PRAGMA synchronous").fetchone()[0])  # type: ignore[attr-defined]

    keep(storage, b"one")
    assert is_flushed() == 2
    storage.posts.read(Reader(), 9, NOW)
    assert is_flushed() == 1
    keep(storage, b"two")
    assert is_flushed() == 2
