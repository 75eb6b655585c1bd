"""Copies of a working database, and what becomes of one that is put back."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage_factories import (
    NOW,
    SECRET,
    URL,
    add_contact,
    all_bytes,
    at,
    bot_says,
    count,
    data_key,
    make_keys,
    make_storage,
    new,
    supporter_says,
)

from bot.messages import Purpose
from storage import Storage, StorageError, WrongKey, backup, open_storage
from storage.backup import back_up, restore
from storage.begun import begun_beside
from storage.sqlite_statements import sqlite3


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """A running service's store, in tmp_path/data."""
    storage = make_storage(tmp_path)
    yield storage
    storage.close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def restored(tmp_path: Path, copy: Path, **more: bool) -> Storage:
    """The copy, put back in another place and opened."""
    home = tmp_path / "elsewhere"
    restore(URL, copy, make_keys(), at(60), home=home, **more)
    return open_storage(URL, make_keys(), home=home)


def states(storage: Storage) -> dict[int, str]:
    rows = storage.read(lambda tx: tx.all("SELECT id, state FROM outbox ORDER BY id"))
    return {row["id"]: row["state"] for row in rows}


def test_copy_taken_while_others_write_is_one_state_of_the_database(
    storage: Storage, tmp_path: Path, copy: Path
) -> None:
    stop = threading.Event()

    def load(writer: int) -> None:
        number = 0
        while not stop.is_set():
            name = f"{writer}-{number}"
            number += 1

            def both(tx, name=name):
                tx.inbox.add([new(name, psid=f"100{name}")], NOW)
                tx.counters.bump("both")

            storage.write(both)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        back_up(URL, copy, home=tmp_path, force=True)
    stop.set()
    for thread in threads:
        thread.join()
    found = restored(tmp_path, copy)
    events = count(found, "inbox")
    assert 0 < events <= count(storage, "inbox")
    assert found.read(lambda tx: tx.counters.all())["both"] == events
    found.close()


def test_copy_is_one_private_file_without_words_or_keys(storage: Storage, tmp_path: Path, copy: Path) -> None:
    storage.write(lambda tx: tx.inbox.add([new(words="hemmelig-markør")], NOW))
    size = back_up(URL, copy, home=tmp_path)
    assert size == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["copy.db"]
    data = copy.read_bytes()
    assert "hemmelig-markør".encode() not in data and SECRET.encode() not in data


def test_copy_is_not_written_over_another_file_unless_forced(
    storage: Storage, tmp_path: Path, copy: Path
) -> None:
    copy.write_bytes(b"something else")
    with pytest.raises(StorageError, match="--force"):
        back_up(URL, copy, home=tmp_path)
    assert copy.read_bytes() == b"something else"
    back_up(URL, copy, home=tmp_path, force=True)
    assert copy.read_bytes().startswith(b"SQLite format 3")


def test_copy_never_replaces_the_database_or_its_log(storage: Storage, tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm", ".lock"):
        with pytest.raises(StorageError, match="belongs to it"):
            back_up(URL, tmp_path / "data" / f"peersupport.db{ending}", home=tmp_path, force=True)
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "data" / "peersupport.db")
    with pytest.raises(StorageError, match="belongs to it"):
        back_up(URL, link, home=tmp_path, force=True)


def test_copy_that_fails_leaves_the_older_one(
    storage: Storage, tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(URL, copy, home=tmp_path)
    before = copy.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(backup, "_flush", lambda path: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space"):
            back_up(URL, copy, home=tmp_path, force=True)
    assert copy.read_bytes() == before
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*.part"))


def test_there_is_nothing_to_copy_where_no_database_is(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(StorageError, match="no database"):
        back_up(URL, copy, home=tmp_path)
    assert not copy.exists() and not (tmp_path / "data").exists()


def test_what_was_under_way_is_of_unknown_fate_and_automatic_texts_keep_their_term(
    storage: Storage, tmp_path: Path, copy: Path
) -> None:
    psids = ["1001", "1002", "1003"]
    contacts = [add_contact(storage, psid) for psid in psids]
    sending = storage.write(lambda tx: tx.outbox.add(contacts[0], bot_says("en"), NOW))
    taken = storage.write(lambda tx: tx.outbox.claim(NOW, "w", 1))
    assert [send.id for send in taken] == [sending]
    person = storage.write(lambda tx: tx.outbox.add(contacts[1], supporter_says("to"), NOW))
    card = storage.write(lambda tx: tx.outbox.add(contacts[2], bot_says("tre", Purpose.CARD), NOW))
    back_up(URL, copy, home=tmp_path)

    found = restored(tmp_path, copy)
    assert states(found) == {sending: "unknown", person: "unknown", card: "waiting"}
    claimed = found.write(lambda tx: tx.outbox.claim(at(120), "w", 10))
    assert [send.id for send in claimed] == [card]
    assert claimed[0].message.not_after == bot_says().not_after, "the sender drops it when that has passed"
    unsettled = found.read(lambda tx: tx.outbox.unsettled(at(120)))
    assert {row[0] for row in unsettled} == {sending, person}, "people are told of both"
    assert states(storage)[sending] == "sending", "the original is as it was"
    found.close()


def test_nobody_stays_signed_in_and_the_log_says_what_was_done(
    storage: Storage, tmp_path: Path, copy: Path
) -> None:
    back_up(URL, copy, home=tmp_path)
    found = restored(tmp_path, copy)
    assert count(found, "session") == 0
    actions = found.read(lambda tx: tx.all("SELECT action FROM audit ORDER BY id"))
    assert [row["action"] for row in actions] == ["restored"]
    found.close()


def test_existing_database_is_replaced_only_when_forced(storage: Storage, tmp_path: Path, copy: Path) -> None:
    add_contact(storage, "1001")
    back_up(URL, copy, home=tmp_path)
    restored(tmp_path, copy).close()
    add_contact(storage, "1002")
    back_up(URL, copy, home=tmp_path, force=True)
    with pytest.raises(StorageError, match="--force"):
        restored(tmp_path, copy)
    marks = begun_beside(tmp_path / "elsewhere" / "data" / "peersupport.db")
    marks.mkdir()
    (marks / "7-abc").write_bytes(b"of the database that was there")
    found = restored(tmp_path, copy, force=True)
    assert count(found, "contact") == 2
    assert not marks.exists(), "what the earlier one's workers had begun says nothing about this one"
    found.close()


def test_database_that_a_service_holds_is_left_alone(storage: Storage, tmp_path: Path, copy: Path) -> None:
    add_contact(storage)
    back_up(URL, copy, home=tmp_path)
    add_contact(storage, "1002")
    with pytest.raises(StorageError, match="Stop the service"):
        restore(URL, copy, make_keys(), at(60), home=tmp_path, force=True)
    assert count(storage, "contact") == 2
    add_contact(storage, "1003")
    assert count(storage, "contact") == 3
    storage.close()
    restore(URL, copy, make_keys(), at(60), home=tmp_path, force=True)
    back = open_storage(URL, make_keys(), home=tmp_path)
    assert count(back, "contact") == 1
    back.close()


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (make_keys(data_key("a", 9)), "the key a is not the one"),
        (make_keys(data_key("b", 2)), "lacks the key a"),
        (make_keys(secret="another secret of enough length"), "SECRET_KEY is not the one"),
    ],
)
def test_copy_of_other_keys_is_refused_and_nothing_is_left_behind(
    storage: Storage, tmp_path: Path, copy: Path, keys: object, complaint: str
) -> None:
    add_contact(storage)
    back_up(URL, copy, home=tmp_path)
    home = tmp_path / "elsewhere"
    with pytest.raises(WrongKey, match=complaint):
        restore(URL, copy, keys, at(60), home=home)
    assert list((home / "data").iterdir()) == []


def test_file_that_is_no_database_of_ours_is_refused(tmp_path: Path) -> None:
    words, other, later = tmp_path / "words", tmp_path / "other.db", tmp_path / "later.db"
    words.write_bytes(b"no database at all " * 400)
    with sqlite3.connect(str(other)) as connection:
        connection.execute("CREATE TABLE contact (id)")
    connection.close()
    for file in (words, other, tmp_path / "missing"):
        with pytest.raises(StorageError, match=r"cannot be read as|is not a database of|no file"):
            restored(tmp_path, file)
    make_storage(tmp_path).close()
    back_up(URL, later, home=tmp_path)
    with sqlite3.connect(str(later)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('peersupport', '9999_later', 'x')"
        )
    connection.close()
    with pytest.raises(StorageError, match="later version"):
        restored(tmp_path, later)


def test_damaged_copy_is_refused(storage: Storage, tmp_path: Path, copy: Path) -> None:
    for number in range(300):
        storage.write(lambda tx, n=number: tx.inbox.add([new(f"m{n}", psid=str(n))], NOW))
    back_up(URL, copy, home=tmp_path)
    with copy.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(os.urandom(4096 * 10))
    with pytest.raises(StorageError, match=r"damaged|cannot be read"):
        restored(tmp_path, copy)


def test_copy_without_tables_of_this_version_is_brought_up_to_date(
    storage: Storage, tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage import migrations
    from storage import storage as module
    from storage.engine import Step

    back_up(URL, copy, home=tmp_path)
    steps = (*migrations.STEPS, Step("9998_more", ("CREATE TABLE more (id {big} NOT NULL) {strict}",)))
    for place in (module, backup):
        monkeypatch.setattr(place, "STEPS", steps)
    result = restore(URL, copy, make_keys(), at(60), home=tmp_path / "elsewhere")
    assert result.migrated
    found = open_storage(URL, make_keys(), home=tmp_path / "elsewhere")
    assert found.is_current() and count(found, "more") == 0
    found.close()


def test_log_that_an_earlier_database_left_does_not_reach_the_restored_one(
    storage: Storage, tmp_path: Path, copy: Path
) -> None:
    add_contact(storage, "1001")
    back_up(URL, copy, home=tmp_path)
    add_contact(storage, "1002")
    home = tmp_path / "elsewhere"
    (home / "data").mkdir(parents=True)
    left = tmp_path / "data" / "peersupport.db-wal"
    assert left.stat().st_size > 0
    shutil.copy(left, home / "data" / "peersupport.db-wal")
    found = restored(tmp_path, copy)
    assert count(found, "contact") == 1
    found.close()


def test_copy_can_be_restored_from_a_disk_that_cannot_be_written(
    storage: Storage, tmp_path: Path, copy: Path
) -> None:
    back_up(URL, copy, home=tmp_path)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    shutil.copy(copy, shelf / "copy.db")
    (shelf / "copy.db").chmod(0o400)
    before = all_bytes(shelf)
    restored(tmp_path, shelf / "copy.db").close()
    assert all_bytes(shelf) == before and len(list(shelf.iterdir())) == 1


def test_postgresql_is_pointed_to_its_own_tools(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(StorageError, match="pg_dump"):
        back_up("postgresql://db/peers", copy, home=tmp_path)
    with pytest.raises(StorageError, match="pg_restore"):
        restore("postgresql://db/peers", copy, make_keys(), NOW, home=tmp_path)
