"""Opening and migrating, alone and with others."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from storage_factories import NOW, URL, add_contact, data_key, make_keys, make_storage

from storage import Storage, StorageError, StorageUnavailable, WrongKey, open_storage

START = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from storage_factories import make_storage
storage = make_storage(Path({home!r}))
storage.write(lambda tx: tx.counters.bump("starts"))
storage.close()
"""


def test_a_new_store_is_not_current_until_migrated(tmp_path: Path) -> None:
    storage = open_storage(URL, make_keys(), home=tmp_path)
    assert not storage.is_current()
    with pytest.raises(StorageError, match="no such table"):
        storage.write(lambda tx: tx.counters.bump("x"))
    storage.migrate(NOW)
    assert storage.is_current()
    storage.migrate(NOW)
    storage.close()


def test_several_processes_may_start_and_migrate_at_once(tmp_path: Path) -> None:
    here = Path(__file__).parent
    code = START.format(root=str(here.parents[1]), here=str(here), home=str(tmp_path))
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, errors
    storage = make_storage(tmp_path)
    assert storage.read(lambda tx: tx.counters.all()) == {"starts": 4}
    storage.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql://db/peers", "PostgreSQL"),
        ("mysql://db", "sqlite:///"),
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
