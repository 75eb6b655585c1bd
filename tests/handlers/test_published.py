"""The newest published set is in use everywhere at once; what cannot be used leaves the last good one in use."""

from __future__ import annotations

import base64
import os
import select
import signal
from datetime import UTC, datetime, timedelta

import content_files
import pytest
from patience import PATIENCE

from bot.checks import check
from bot.conversation import Tier
from bot.versions import Plan
from handlers import published
from handlers.folder import files_of
from handlers.health import readiness
from handlers.published import GONE, REFUSED, Published
from handlers.publishing import Publishing
from storage import Keys, StorageError, open_storage

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
KEYS = Keys.from_environment("k1:" + base64.b64encode(bytes(32)).decode(), "s" * 40)
PHRASES, SERVICES, TEXTS = "flows/risk_phrases.yaml", "flows/services.yaml", "flows/texts.yaml"
NEW = "jeg går til elva"


class World:
    """A folder, a store with what stood there as its first set, and processes that look at both."""

    def __init__(self, folder, database_url):
        self.folder, self.now = folder / "home", NOW
        self.home, self.database_url = folder, database_url
        (self.folder / "flows").mkdir(parents=True)
        self.files = content_files.files()
        for name, text in self.files.items():
            (self.folder / name).write_text(text, "utf-8")
        self.storage = open_storage(database_url, KEYS, home=folder)
        self.storage.migrate(NOW)
        self.publishing = Publishing(self.storage, lambda: self.now, gates=(check,), real=False)
        assert self.publishing.first(files_of(self.folder)) == 1

    def process(self, role="worker"):
        made = Published(self.storage, lambda: self.now, role, self.folder, files_of)
        self.look(made)
        return made

    def publish(self, name, old, new):
        """Into the store as it is, as an older version of the program might have done it."""
        assert old in self.files[name]
        self.files[name] = self.files[name].replace(old, new)
        base = self.storage.read(lambda tx: tx.published.newest_number())
        more = {"base": base, "by": None, "why": "w", "origin": "console", "plan": Plan(), "now": self.now}
        return self.storage.write(lambda tx: tx.published.add(self.files, **more))

    def look(self, *processes, real=False):
        for one in processes:
            one.look(self.now, real=real)

    def said(self, part="published"):
        """What a passer-by is told; None: all is well."""
        return readiness(self.storage, self.now)[0][part].what

    def is_incident(self):
        return self.storage.read(lambda tx: tx.incidents.is_open(REFUSED))


@pytest.fixture
def world(tmp_path, database_url):
    published._loaded.clear()
    published._passed.clear()
    made = World(tmp_path, database_url)
    yield made
    made.storage.close()


def tier_of(content, text):
    found = content.phrases.read(text)
    return found.tier if found else Tier.NONE


def add_phrase(world, phrase=NEW):
    return world.publish(PHRASES, '"vil (bare) dø", "selv', f'"vil (bare) dø", "{phrase}", "selv')


def test_what_is_published_is_in_use_in_all_processes_without_a_restart(world):
    worker, other, web = world.process("worker"), world.process("worker"), world.process("web")
    assert (tier_of(worker(), NEW), worker.number) == (Tier.NONE, 1)
    assert add_phrase(world) == 2
    world.look(worker, other, web)
    for each in (worker, other, web):
        assert (tier_of(each(), NEW), each.number) == (Tier.HIGH, 2)
    versions = world.storage.read(lambda tx: {line.version for line in tx.content_in_use.since(NOW - GONE)})
    assert versions == {"2"} and world.said() is None


def test_the_history_says_how_far_the_newest_set_has_come(world):
    worker, web = world.process("worker"), world.process("web")

    def far():
        return world.storage.read(lambda tx: published.reached(tx, tx.published.newest_number(), world.now))

    assert far() == "everywhere"
    add_phrase(world)
    world.look(web)
    assert far() == "coming"
    worker.stop()  # who serves no more is not waited for
    assert far() == "everywhere"
    worker = world.process("worker")
    world.publish(PHRASES, "rules:", "rulez:")
    world.look(worker)
    assert far() == "refused"


def test_a_process_that_hears_of_a_set_looks_at_once(world):
    heard = world.storage.listen("content")
    add_phrase(world)
    assert heard.wait(PATIENCE)
    heard.close()


def ended(child):
    """Its status. A child of a process with threads may find a lock that nobody will open: it is not waited for."""
    handle = os.pidfd_open(child)
    has_ended, _, _ = select.select([handle], [], [], PATIENCE)
    os.close(handle)
    if not has_ended:
        os.kill(child, signal.SIGTERM)
    return os.waitpid(child, 0)[1]


class Dying:
    """A store whose process is killed by its first write: just before the commit, or just after it."""

    def __init__(self, storage, committed):
        self.read, self._storage, self._committed = storage.read, storage, committed

    def write(self, work):
        self._storage.write(lambda tx: (work(tx), self._committed or os.kill(os.getpid(), signal.SIGKILL)))
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.processes
@pytest.mark.parametrize("committed", [True, False])
def test_killed_in_the_middle_of_publishing_or_before_loading_it_there_is_the_whole_new_set_or_the_old_one(
    world, committed
):
    child = os.fork()
    if not child:
        try:
            world.storage = Dying(open_storage(world.database_url, KEYS, home=world.home), committed)
            add_phrase(world)
        finally:
            os._exit(1)
    assert os.WTERMSIG(ended(child)) == signal.SIGKILL
    started = world.process()
    assert started.number == (2 if committed else 1) and started.problem is None
    assert tier_of(started(), NEW) is (Tier.HIGH if committed else Tier.NONE)


def test_a_set_that_cannot_be_used_leaves_the_last_good_one_and_is_said_with_file_and_line(world):
    worker, web = world.process("worker"), world.process("web")
    add_phrase(world, "{ingen_gruppe} hemmelig ord")
    world.look(worker, web)
    assert tier_of(worker(), "Jeg vil ta livet mitt") is Tier.HIGH, "the last good one"
    assert f"worker uses set 1; set 2: {PHRASES}:9: " in world.said() and "web uses set 1; " in world.said()
    assert "hemmelig" not in world.said(), "a phrase is nobody's business"
    assert world.is_incident()
    world.publish(PHRASES, "{ingen_gruppe} hemmelig ord", NEW)
    world.look(worker, web)
    assert world.said() is None and not world.is_incident()
    assert tier_of(web(), NEW) is Tier.HIGH


def test_a_damaged_set_leaves_the_last_good_one_also_at_a_start_until_it_can_be_read(world):
    worker = world.process()
    world.publish(TEXTS, "nb here", "nb her er")
    hash = world.storage.read(lambda tx: tx.published.hashes(2)[TEXTS])
    body = world.storage.read(
        lambda tx: tx.one("SELECT body FROM published_text WHERE hash = :h", h=bytes.fromhex(hash))
    )["body"]
    put = "UPDATE published_text SET body = :body WHERE hash = :h"
    world.storage.write(lambda tx: tx.run(put, body=b"broken", h=bytes.fromhex(hash)))
    world.look(worker)
    again = world.process()
    assert (worker.number, again.number) == (1, 1)
    assert "set 2: a published file is missing or damaged" in world.said()
    world.storage.write(lambda tx: tx.run(put, body=bytes(body), h=bytes.fromhex(hash)))
    world.look(worker, again)
    assert (worker.number, again.number, world.said()) == (2, 2, None)


def test_nothing_published_is_no_start(world):
    world.storage.write(lambda tx: tx.run("DELETE FROM published_file"))
    world.storage.write(lambda tx: tx.run("DELETE FROM published_set"))
    with pytest.raises(StorageError, match="peersupport release"):
        world.process()


def test_what_changes_on_disk_is_shown_and_never_taken(world):
    worker = world.process()
    assert world.said("disk") is None
    menu = world.folder / "flows" / "menu.yaml"
    menu.write_text(menu.read_text("utf-8").replace("Hva trenger du?", "Hva?"), "utf-8")
    (world.folder / TEXTS).write_bytes(b"\xff\xfe")
    world.look(worker)
    assert world.said("disk") == f"on disk, and not published: worker: {TEXTS}"
    (world.folder / TEXTS).write_text(world.files[TEXTS], "utf-8")
    world.look(worker)
    assert world.said("disk") == "on disk, and not published: worker: flows/menu.yaml"
    assert worker().flows["menu"].steps["choose"].say.nb == "Hva trenger du?"
    assert readiness(world.storage, world.now)[0]["disk"].ok


def test_a_new_service_that_nobody_has_called_stays_out_of_the_real_page(world):
    worker = world.process()
    world.storage.write(lambda tx: tx.shown_services.add(worker().services, NOW))
    world.publish(SERVICES, "id: chat\n", "id: chatten\n")
    world.look(worker, real=True)
    assert "nobody has verified chatten" in world.said() and "chatten" not in worker().services


def test_a_process_that_is_gone_stands_in_nobodys_way(world):
    worker = world.process()
    add_phrase(world, "{ingen_gruppe}")
    world.look(worker)
    assert world.said()
    world.publish(PHRASES, "{ingen_gruppe}", NEW)
    world.now += GONE + timedelta(seconds=1)
    world.process()
    assert world.said() is None and not world.is_incident()
