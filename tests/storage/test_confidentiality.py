"""What lies on the disk: no words, no names, and after an erasure no key either."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from storage_factories import NOW, add_contact, alert, all_bytes, at, bot_says, entry, make_storage, new, talk

from bot.conversation import Handoff, Offer, Said, Status
from bot.effects import EditEntry
from bot.versions import Plan
from storage import Erased, Storage, StorageError, Tx, WrongKey
from storage.records import Role

MARK = "Sjøstjernehemmelighet"


def plant(tx: Tx) -> int:
    """The mark in everything that a person writes or chooses."""
    contact = tx.contacts.find_or_add([f"{MARK}-psid"], NOW)[f"{MARK}-psid"]
    tx.inbox.add([new(f"{MARK}-mid", f"{MARK}-psid", MARK)], NOW)
    tx.inbox.add_internal(contact, MARK, new(words=MARK).event, NOW)
    said = Said(at=NOW, mid=MARK, text=MARK)
    offer = Offer(to=2, alias=MARK, at=NOW, note=MARK)
    handoff = Handoff(number=1, opened_at=NOW, claimed_by=1, claimed_alias=MARK, offer=offer, refused=MARK)
    answers = {"topic": MARK, "campus": MARK, "for_whom": MARK, "about": MARK}
    tx.conversations.save(
        talk(contact, MARK, Status.CLAIMED, handoff=handoff, answers=answers, recent=(said,)), NOW
    )
    tx.transcript.add(contact, replace(entry(MARK, f"{MARK}-1"), detail=MARK, who=MARK, reply_to=MARK))
    tx.transcript.edit(contact, EditEntry(mid=f"{MARK}-1", text=MARK, number=1, at=NOW))
    tx.transcript.react(contact, f"{MARK}-1", MARK, True)
    tx.transcript.add_note(contact, 1, MARK, MARK, NOW)
    tx.transcript.add_whisper(contact, 1, MARK, 2, MARK, NOW)
    tx.matters.close(tx.matters.open("report", NOW, contact_id=contact, by_id=1, words=MARK), 2, NOW, MARK)
    outbox_id = tx.outbox.add(contact, bot_says(MARK, choices=(MARK,)), NOW)
    tx.outbox.confirm(contact, outbox_id, f"{MARK}-2", NOW)
    tx.outbox.add(contact, bot_says(MARK), NOW)
    tx.alerts.acknowledge(tx.alerts.raise_(contact, alert(words=MARK)), 1, MARK, NOW)
    tx.drafts.save(contact, 1, MARK, NOW)
    staff = tx.staff.add(MARK, MARK, Role.SUPPORTER, MARK, NOW)
    tx.file_drafts.save(staff, "flows/menu.yaml", MARK, base=None, seen=None, now=NOW)
    plan = Plan()
    tx.published.add({"a": "b"}, base=None, by=staff, why=MARK, origin="first", plan=plan, now=NOW)
    tx.proposals.add({"a": "c"}, base=1, by=staff, why=MARK, origin="console", plan=plan, reasons=(), now=NOW)
    return contact


def test_nothing_a_person_wrote_or_is_called_lies_readable_in_any_file(
    storage: Storage, database_folder: Path
) -> None:
    storage.write(plant)
    for content in (all_bytes(database_folder), (storage.close(), all_bytes(database_folder))[1]):
        assert len(content) > 50_000
        for form in (MARK.encode(), MARK.lower().encode(), MARK.encode("utf-16-le"), MARK.encode("latin-1")):
            assert form not in content
        for form in (MARK.encode()[3:10], repr(MARK.encode())[2:-1].encode()):
            assert form not in content


@pytest.mark.processes
def test_nothing_of_it_is_in_the_process_that_died_half_way(tmp_path: Path) -> None:
    here = Path(__file__).parent
    code = f"""
import os, sys
from pathlib import Path
sys.path[:0] = [{str(here.parents[1])!r}, {str(here)!r}]
from storage_factories import make_storage
from test_confidentiality import plant
storage = make_storage(Path({str(tmp_path)!r}))
storage.write(plant)
storage.write(lambda tx: [plant_more(tx), os._exit(9)])
""".replace("plant_more(tx)", "tx.counters.bump('half')")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert MARK.encode() not in all_bytes(tmp_path)
    storage = make_storage(tmp_path)
    assert "half" not in storage.read(lambda tx: tx.counters.all())
    assert storage.read(lambda tx: tx.contacts.find(f"{MARK}-psid")) is not None
    storage.close()


@pytest.mark.parametrize(
    ("table", "column", "read"),
    [
        ("entry", "body", lambda tx, c: tx.transcript.entries(c)),
        ("entry", "meta", lambda tx, c: tx.transcript.entries(c)),
    ],
)
def test_a_sealed_value_does_not_open_in_another_row(
    storage: Storage, table: str, column: str, read: Callable[[Tx, int], object]
) -> None:
    contact = add_contact(storage)
    storage.write(lambda tx: [tx.transcript.add(contact, entry(n, n)) for n in ("en", "to")])
    storage.read(lambda tx: read(tx, contact))
    move = f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE id = 1) WHERE id = 2"  # noqa: S608
    storage.write(lambda tx: tx.run(move))
    with pytest.raises(WrongKey):
        storage.read(lambda tx: read(tx, contact))


def test_a_contacts_key_does_not_open_in_another_contacts_row(storage: Storage) -> None:
    first, second = add_contact(storage, "1"), add_contact(storage, "2")
    storage.write(
        lambda tx: tx.run(
            "UPDATE contact SET key_wrapped = (SELECT key_wrapped FROM contact WHERE id = :first) WHERE id = :second",
            first=first,
            second=second,
        )
    )
    with pytest.raises(WrongKey):
        storage.read(lambda tx: tx.contacts.psid(second))


def test_erasing_destroys_the_key_and_every_row_of_the_contact(storage: Storage, tmp_path: Path) -> None:
    contact = storage.write(plant)
    other = add_contact(storage, "2002")
    storage.write(lambda tx: tx.transcript.add(other, entry("blir")))
    key = storage.read(lambda tx: tx.one("SELECT key_wrapped FROM contact WHERE id = :id", id=contact))
    bodies = storage.read(lambda tx: tx.all("SELECT body FROM entry WHERE contact_id = :id", id=contact))
    assert key is not None
    storage.write(lambda tx: tx.contacts.erase(contact, f"{MARK}-code", at(5), even_unread=True))
    content = all_bytes(tmp_path)
    assert key["key_wrapped"] not in content
    assert key["key_wrapped"][16:40] not in content
    assert not any(body["body"] in content for body in bodies if body["body"])
    for table in ("entry", "outbox", "inbox", "conversation", "handoff", "draft", "timer"):
        rows = f"SELECT 1 FROM {table} WHERE contact_id = :id"  # noqa: S608
        left = storage.read(lambda tx, rows=rows: tx.all(rows, id=contact))  # type: ignore[misc]
        assert left == [], table
    with pytest.raises(Erased):
        storage.read(lambda tx: tx.contacts.psid(contact))
    assert not storage.write(lambda tx: tx.contacts.lock(contact))
    assert storage.read(lambda tx: tx.contacts.find(f"{MARK}-psid")) is None
    assert storage.read(lambda tx: tx.contacts.erasure(f"{MARK}-code")) == at(5)
    assert storage.read(lambda tx: tx.contacts.erasure("another")) is None
    assert storage.read(lambda tx: tx.transcript.entries(other))[0].text == "blir"


def test_a_reader_at_work_delays_the_destruction_only_until_the_next_commit(
    storage: Storage, tmp_path: Path
) -> None:
    contact = add_contact(storage)
    key = storage.read(lambda tx: tx.one("SELECT key_wrapped FROM contact"))
    assert key is not None

    def erase_meanwhile(tx: Tx) -> None:
        tx.counters.all()
        storage.write(lambda inner: inner.contacts.erase(contact, "code", NOW))

    storage.read(erase_meanwhile)
    storage.write(lambda tx: tx.counters.bump("next"))
    assert key["key_wrapped"] not in all_bytes(tmp_path)


def test_somebody_erased_who_writes_again_is_somebody_new(storage: Storage) -> None:
    old = add_contact(storage)
    storage.write(lambda tx: tx.contacts.erase(old, "code", NOW))
    fresh = add_contact(storage)
    assert fresh != old
    assert storage.read(lambda tx: tx.contacts.psid(fresh)) == "1001"


def test_errors_and_logs_hold_nothing_of_what_was_to_be_kept(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    contact = add_contact(storage)
    for wrong in (
        lambda tx: tx.run("INSERT INTO counter (name, value) VALUES (:name, :value)", name=MARK, value=MARK),
        lambda tx: tx.run("INSERT INTO contact (id, uid, created_at) VALUES (1, :uid, 1)", uid=MARK.encode()),
        lambda tx: tx.run("SELECT no_column FROM contact WHERE psid = :psid", psid=MARK),
        lambda tx: tx.conversations.save(replace(talk(contact), contact_id=99, alias=MARK), NOW),
    ):
        with pytest.raises(StorageError) as caught:
            storage.write(wrong)
        error: BaseException | None = caught.value
        while error is not None:
            assert MARK not in str(error)
            error = error.__cause__
    assert MARK not in caplog.text
