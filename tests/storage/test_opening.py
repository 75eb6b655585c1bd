"""Opening and migrating, alone and with others."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from storage_factories import (
    NOW,
    URL,
    add_contact,
    alert,
    at,
    data_key,
    entry,
    make_keys,
    make_storage,
    new,
    only_sqlite,
)

from storage import Storage, StorageError, StorageUnavailable, Tx, WrongKey, open_storage

START = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}, {root!r} + "/tests/support"]
from patience import unhurried
from storage_factories import make_storage
unhurried()
storage = make_storage(Path({home!r}), url={url!r})
storage.write(lambda tx: tx.counters.bump("starts"))
storage.close()
"""


@pytest.fixture
def fresh_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a database that has no tables yet."""
    if engine == "sqlite":
        yield URL
        return
    with request.getfixturevalue("cluster").empty_database() as url:
        yield url


def test_a_new_store_is_not_current_until_migrated(fresh_url: str, tmp_path: Path) -> None:
    storage = open_storage(fresh_url, make_keys(), home=tmp_path)
    assert not storage.is_current()
    with pytest.raises(StorageError, match=r"no such table|does not exist"):
        storage.write(lambda tx: tx.counters.bump("x"))
    storage.migrate(NOW)
    assert storage.is_current()
    storage.migrate(NOW)
    storage.close()


def test_whoever_runs_while_another_migrates_goes_on(make: Callable[..., Storage]) -> None:
    """What a connection has prepared is of the tables as they were."""
    running, migrating = make(), make()
    contact = add_contact(running)

    def goes_on(number: int) -> None:
        running.write(lambda tx: tx.inbox.add([new(f"m{number}")], at(number)))
        running.write(lambda tx: tx.transcript.add(contact, entry(mid=f"m{number}")))
        taken = running.write(
            lambda tx: [tx.inbox.done([each.id], NOW) for each in tx.inbox.take(at(number))]
        )
        entries = running.read(lambda tx: tx.transcript.entries(contact))
        assert (len(taken), len(entries)) == (1, number)

    for number in range(1, 9):
        goes_on(number)
    for table in ("inbox", "entry"):
        migrating.write(lambda tx, table=table: tx.run(f"ALTER TABLE {table} ADD COLUMN later TEXT"))
    goes_on(9)


@pytest.mark.processes
def test_several_processes_may_start_and_migrate_at_once(fresh_url: str, tmp_path: Path) -> None:
    here = Path(__file__).parent
    code = START.format(root=str(here.parents[1]), here=str(here), home=str(tmp_path), url=fresh_url)
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, errors
    storage = make_storage(tmp_path, url=fresh_url)
    assert storage.read(lambda tx: tx.counters.all()) == {"starts": 4}
    storage.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://db", "sqlite:///"),
        ("postgresql:db", "postgresql://user"),
        ("sqlite://x", "sqlite:///"),
        ("", "sqlite:///"),
    ],
)
def test_another_kind_of_url_is_refused_with_a_sentence(url: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=complaint):
        open_storage(url, make_keys(), home=tmp_path)


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "x.db"
    open_storage(f"sqlite:///{file}", make_keys(), home=tmp_path / "home").close()
    assert file.exists()
    assert not (tmp_path / "home").exists()


@only_sqlite
def test_nobody_else_on_the_machine_can_read_the_files(storage: Storage, tmp_path: Path) -> None:
    add_contact(storage)
    for file in (tmp_path / "data").glob("peersupport.db*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (make_keys(data_key("a", 9)), "DATA_KEYS: the key a is not the one"),
        (make_keys(data_key("b", 2)), "DATA_KEYS lacks the key a"),
        (make_keys(secret="another secret of enough length"), "SECRET_KEY is not the one"),
    ],
)
def test_other_keys_are_noticed_at_the_start(
    make: Callable[..., Storage], keys: object, complaint: str
) -> None:
    add_contact(make())
    with pytest.raises(WrongKey, match=complaint):
        make(keys)


def test_a_new_key_writes_and_the_old_one_still_reads(make: Callable[..., Storage]) -> None:
    old = add_contact(make(), "1001")
    rotated = make(make_keys(f"{data_key('b', 2)},{data_key('a', 1)}"))
    fresh = add_contact(rotated, "1002")
    assert rotated.read(lambda tx: (tx.contacts.psid(old), tx.contacts.psid(fresh))) == ("1001", "1002")
    by_key = rotated.read(lambda tx: tx.all("SELECT id, key_id FROM contact ORDER BY id"))
    assert [row["key_id"] for row in by_key] == ["a", "b"]


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "peersupport.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageUnavailable):
        open_storage(URL, make_keys(), home=tmp_path)


def test_a_server_that_is_not_there_is_unavailable_in_a_sentence(tmp_path: Path) -> None:
    url = f"postgresql://peersupport:hemmelig@/peers?host={tmp_path}"
    with pytest.raises(StorageUnavailable, match="does not answer") as caught:
        open_storage(url, make_keys(), home=tmp_path)
    assert "hemmelig" not in str(caught.value)


def test_without_the_driver_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "storage.postgres_engine", None)
    with pytest.raises(StorageError, match=r"pip install 'peersupport\[postgres\]'"):
        open_storage("postgresql://db/peers", make_keys(), home=tmp_path)


def test_an_old_key_is_needed_while_a_record_is_sealed_with_it_though_its_contact_is_erased(
    make: Callable[..., Storage],
) -> None:
    storage = make()
    contact = add_contact(storage)

    def record(tx: Tx) -> int:
        alert_id = tx.alerts.raise_(contact, alert())
        return tx.escalations.add(tx.escalations.open_for(alert_id, NOW), 7, "note", {"text": "ord"}, NOW)

    storage.write(record)
    storage.write(lambda tx: tx.contacts.erase(contact, "CODE", NOW))
    make(make_keys(f"{data_key('b', 2)},{data_key('a', 1)}"))
    with pytest.raises(WrongKey, match="lacks the key a, and escalation records are sealed with it"):
        make(make_keys(data_key("b", 2)))


def test_an_old_key_that_nothing_is_sealed_with_may_go(make: Callable[..., Storage]) -> None:
    storage = make()
    contact = add_contact(storage)
    storage.write(lambda tx: tx.contacts.erase(contact, "CODE", NOW))
    assert make(make_keys(data_key("b", 2))).is_current()


def test_a_parameter_may_be_written_in_capitals_too(storage: Storage) -> None:
    statement = "SELECT id FROM contact WHERE id = :ID_a OR id = :id_A OR uid = ':Id'"
    assert storage.read(lambda tx: tx.all(statement, ID_a=1, id_A=2)) == []
