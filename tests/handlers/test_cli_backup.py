"""`backup` beside a working service, `restore` into another place, and on with the conversation."""

from __future__ import annotations

import stat
import threading

import pytest
from cli_bench import ENVIRONMENT, NOW, make_bench, read_content

from bot.events import TextReceived
from handlers.environment import new_keys
from handlers.inbound import Inbound
from handlers.local_chat import ListChannel
from handlers.sender import Sender
from storage.records import NewEvent


@pytest.fixture
def run(tmp_path, monkeypatch):
    yield from make_bench(tmp_path, monkeypatch)


class Service:
    """What the worker does, on the store of one place."""

    def __init__(self, bench):
        content = read_content(bench.home)
        self.storage = bench.storage()
        self.channel = ListChannel(lambda: NOW)
        self.inbound = Inbound(self.storage, lambda: content, lambda: NOW)
        self.sender = Sender(self.storage, self.channel, content.settings, lambda: NOW, worker="test")

    def hears(self, psid, mid, text):
        event = TextReceived(sent_at=NOW, mid=mid, text=text)
        self.storage.write(
            lambda tx: tx.inbox.add([NewEvent(psid=psid, key=f"message:{mid}", event=event)], NOW)
        )

    def works(self):
        while self.inbound.drain() + self.sender.drain():
            pass

    def said(self):
        contact_id = self.storage.read(lambda tx: tx.contacts.find("1001"))
        entries = self.storage.read(lambda tx: tx.transcript.entries(contact_id))
        return [entry.text for entry in entries if entry.written_by == "contact"]


def test_conversation_goes_on_from_a_copy_taken_under_load(run, tmp_path):
    assert run("migrate").exit_code == 0
    first = Service(run)
    first.hears("1001", "m1", "hei, jeg vil prate")
    first.works()
    stop = threading.Event()

    def load():
        number = 0
        while not stop.is_set():
            number += 1
            first.hears(str(5000 + number), f"load-{number}", "hei på dere")
            first.inbound.drain()

    thread = threading.Thread(target=load)
    thread.start()
    copy = tmp_path / "copy.db"
    result = run("backup", str(copy))
    stop.set()
    thread.join()
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert "DATA_KEYS are not in it" in result.output
    first.storage.close()

    elsewhere = f"sqlite:///{tmp_path / 'elsewhere' / 'peers.db'}"
    run.set_environment(DATABASE_URL=elsewhere)
    back = run("restore", str(copy))
    assert back.exit_code == 0, back.output
    second = Service(run)
    second.works()
    before = len(second.channel.said)
    second.hears("1001", "m1", "hei, jeg vil prate")
    second.works()
    assert second.said() == ["hei, jeg vil prate"], "what was heard before is known"
    second.hears("1001", "m2", "er noen der")
    second.works()
    assert second.said() == ["hei, jeg vil prate", "er noen der"]
    answers = [said for said in second.channel.said[before:] if said.psid == "1001"]
    assert answers
    second.storage.close()


def test_backup_needs_no_keys_and_refuses_to_write_over_a_file(run, tmp_path):
    run("migrate")
    (run.home / ".env").write_text(f"DATABASE_URL=sqlite:///{run.home / 'data' / 'peersupport.db'}\n")
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy)).exit_code == 0
    again = run("backup", str(copy))
    assert (again.exit_code, "--force" in again.output) == (1, True)
    assert run("backup", "--force", str(copy)).exit_code == 0


def test_restore_refuses_in_sentences(run, tmp_path):
    run("migrate")
    copy = tmp_path / "copy.db"
    run("backup", str(copy))
    taken = run("restore", str(copy))
    assert (taken.exit_code, "--force" in taken.output) == (1, True)
    storage = run.storage()
    busy = run("restore", "--force", str(copy))
    storage.close()
    assert (busy.exit_code, "Stop the service" in busy.output) == (1, True)
    run.set_environment(**new_keys(), DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}")
    foreign = run("restore", str(copy))
    assert (foreign.exit_code, "SECRET_KEY is not the one" in foreign.output) == (1, True)
    assert not (tmp_path / "other.db").exists()
    run.set_environment(**{name: ENVIRONMENT[name] for name in ("SECRET_KEY", "DATA_KEYS")})
    assert run("restore", "--force", str(copy)).exit_code == 0
    missing = run("restore", "--force", str(tmp_path / "nothing"))
    assert (missing.exit_code, "no file" in missing.output) == (1, True)


def test_postgresql_is_pointed_to_its_own_tools(run, tmp_path):
    run.set_environment(DATABASE_URL="postgresql://db/peers")
    for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        result = run(command, str(tmp_path / "copy"))
        assert (result.exit_code, tool in result.output) == (1, True)
