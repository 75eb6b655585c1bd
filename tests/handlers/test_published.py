"""Texts, services and phrases go live while the service runs; what cannot be used leaves the last good one in use."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta

import content_files
import pytest

from app import files_of
from bot.conversation import Tier
from handlers.health import readiness
from handlers.published import GONE, REFUSED, Published
from storage import Keys, open_storage

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
KEYS = Keys.from_environment("k1:" + base64.b64encode(bytes(32)).decode(), "s" * 40)
PHRASES, SERVICES, TEXTS = "flows/risk_phrases.yaml", "flows/services.yaml", "flows/texts.yaml"
NEW = "jeg går til elva"


class World:
    """A folder that somebody edits, a store, and processes that look at both."""

    def __init__(self, folder, database_url):
        self.folder, self.now, self._edits = folder / "home", NOW, 0
        (self.folder / "flows").mkdir(parents=True)
        for name, text in content_files.files().items():
            (self.folder / name).write_text(text, "utf-8")
        self.storage = open_storage(database_url, KEYS, home=folder)
        self.storage.migrate(NOW)

    def process(self, role="worker"):
        made = Published(self.folder, files_of, role)
        self.look(made)
        return made

    def edit(self, name, old, new):
        path, self._edits = self.folder / name, self._edits + 1
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        os.utime(path, ns=(self._edits * 10**9, self._edits * 10**9))  # nobody is that quick; a test is

    def look(self, *processes, real=False, times=2):
        for _ in range(times):
            for one in processes:
                one.look(self.storage, self.now, real=real)

    def said(self):
        """What a passer-by is told about the lists; None: all is well."""
        return readiness(self.storage, self.now)[0]["lists"].what

    def is_incident(self):
        return self.storage.read(lambda tx: tx.incidents.is_open(REFUSED))


@pytest.fixture
def world(tmp_path, database_url):
    made = World(tmp_path, database_url)
    yield made
    made.storage.close()


def tier_of(content, text):
    found = content.phrases.read(text)
    return found.tier if found else Tier.NONE


def add_phrase(world, phrase=NEW):
    world.edit(PHRASES, '"vil (bare) dø", "selv', f'"vil (bare) dø", "{phrase}", "selv')


def test_a_new_phrase_is_in_use_in_both_processes_without_a_restart(world):
    worker, web = world.process("worker"), world.process("web")
    assert tier_of(worker(), NEW) is Tier.NONE
    before = worker.version
    add_phrase(world)
    world.look(worker, web)
    assert tier_of(worker(), NEW) is tier_of(web(), NEW) is Tier.HIGH
    assert worker.version == web.version != before
    versions = world.storage.read(lambda tx: {line.version for line in tx.content_in_use.since(NOW - GONE)})
    assert versions == {worker.version} and world.said() is None


def test_a_file_is_read_only_once_it_stands_still(world):
    worker = world.process()
    add_phrase(world)
    world.look(worker, times=1)
    assert tier_of(worker(), NEW) is Tier.NONE, "somebody may still be writing it"
    world.look(worker, times=1)
    assert tier_of(worker(), NEW) is Tier.HIGH


def test_a_phrase_that_cannot_be_used_leaves_the_last_good_list_and_is_said_with_file_and_line(world):
    worker, web = world.process("worker"), world.process("web")
    add_phrase(world, "{ingen_gruppe} hemmelig ord")
    world.look(worker, web)
    assert tier_of(worker(), "Jeg vil ta livet mitt") is Tier.HIGH, "the last good list"
    assert f"worker: {PHRASES}:9: " in world.said() and f"web: {PHRASES}:9: " in world.said()
    assert "hemmelig" not in world.said(), "a phrase is nobody's business"
    assert world.is_incident()
    world.edit(PHRASES, "{ingen_gruppe} hemmelig ord", NEW)
    world.look(worker)
    assert world.is_incident() and "worker" not in world.said() and "web: " in world.said(), (
        "not seen there yet"
    )
    world.look(web)
    assert world.said() is None and not world.is_incident()
    assert tier_of(web(), NEW) is Tier.HIGH


def test_a_file_that_is_gone_or_no_text_leaves_the_last_good_one(world):
    worker = world.process()
    (world.folder / TEXTS).write_bytes(b"\xff\xfe")
    world.look(worker)
    assert (
        world.said()
        == f"the last good content is in use: worker: {TEXTS}:1: is not UTF-8 text; save it as UTF-8"
    )
    (world.folder / TEXTS).unlink()
    world.look(worker)
    assert "missing" in world.said() and worker().texts is not None


def test_a_phrase_that_no_longer_finds_its_own_sentences_is_refused(world):
    worker = world.process()
    world.edit(PHRASES, '"kill myself", ', "")
    world.look(worker)
    assert f"{PHRASES}:" in world.said() and tier_of(worker(), "i want to kill myself") is Tier.HIGH


def test_services_and_texts_go_live_and_flows_and_settings_wait(world):
    worker = world.process()
    world.edit(SERVICES, '"116 123"', '"116 124"')
    world.edit("flows/menu.yaml", "Hva trenger du?", "Noe annet?")
    world.edit("config.yaml", "Test Page", "Another Page")
    world.look(worker)
    assert worker().services["mental_helse"].number == "116 124"
    assert worker().flows["menu"].steps["choose"].say.nb == "Hva trenger du?"
    assert worker().settings.page.name == "Test Page"


def test_a_new_service_that_nobody_has_called_stays_out_of_the_real_page(world):
    worker = world.process()
    world.storage.write(lambda tx: tx.shown_services.add(worker().services, NOW))
    world.edit(SERVICES, "id: chat\n", "id: chatten\n")
    world.look(worker, real=True)
    assert "nobody has verified chatten" in world.said() and "chatten" not in worker().services


def test_a_process_that_is_gone_stands_in_nobodys_way(world):
    worker = world.process()
    add_phrase(world, "{ingen_gruppe}")
    world.look(worker)
    assert world.said()
    add = world.folder / PHRASES
    add.write_text(content_files.files()[PHRASES], "utf-8")
    world.now += GONE + timedelta(seconds=1)
    world.process()
    assert world.said() is None and not world.is_incident()
