"""`peersupport flows`: for those who keep the files in git."""

from __future__ import annotations

from contextlib import closing

import content_files
import pytest
from cli_bench import NOW, Bench, make_bench

from bot.events import ChoiceTapped, TextReceived
from bot.versions import Plan
from handlers.inbound import Inbound
from handlers.published import set_of
from storage.records import NewEvent, Role

INTAKE = "flows/intake.yaml"
RENAMED = content_files.INTAKE.replace("start: topic", "start: subject").replace("  topic:\n", "  subject:\n")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A home with small files, published once by `release`."""
    bench: Bench
    for bench in make_bench(tmp_path, monkeypatch):
        for path in (bench.home / "flows").glob("*.yaml"):
            path.unlink()
        for name, text in content_files.files().items():
            (bench.home / name).write_text(text, "utf-8")
        assert bench("release").output == "Set 1 is in order, the database is ready.\n"
        yield bench


def edit(run, name, old, new):
    path = run.home / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def publish(run, *words):
    return run("flows", "publish", "--why", "a reason", *words)


def test_what_differs_on_disk_is_left_alone_until_it_is_published(run):
    assert publish(run).output == "Nothing differs from set 1.\n"
    edit(run, INTAKE, "Fortell gjerne litt.", "Fortell litt.")
    assert "left alone: flows/intake.yaml" in run("release").output
    shown = run("flows", "diff").output
    assert "flows/intake.yaml: text intake.words.say.nb: Fortell gjerne litt. -> Fortell litt." in shown
    assert '+    say: {nb: "Fortell litt.", en: "Tell us a little."}' in shown
    assert "Published as set 2." in publish(run).output
    assert "left alone" not in run("release").output
    listed = run("flows", "versions").output
    assert "   2  2026-11-30 12:00 UTC  disk  a reason" in listed and "   1  " in listed
    assert "Nothing differs." in run("flows", "diff").output
    assert run("flows", "diff", "1", "2").output.startswith("flows/intake.yaml: text intake.words.say.nb")


def test_mistakes_are_not_published(run):
    edit(run, INTAKE, "    choices:", "    choises:")
    result = publish(run)
    assert result.exit_code == 1 and "flows/intake.yaml:" in result.stderr


def test_numbers_take_a_second_coordinator_who_is_recorded(run):
    with closing(run.storage()) as storage:
        storage.write(lambda tx: tx.staff.add("ola", "Ola", Role.COORDINATOR, "x", NOW))
        storage.write(lambda tx: tx.staff.add("eva", "Eva", Role.SUPPORTER, "x", NOW))
    edit(run, "flows/services.yaml", '"116 123"', '"116 124"')
    result = publish(run)
    assert "phone numbers" in result.stderr and "--second LOGIN" in result.stderr
    assert "no coordinator" in publish(run, "--second", "eva").stderr
    result = publish(run, "--second", "ola")
    assert "flows/services.yaml: service mental_helse: 116 123 -> 116 124" in result.output
    assert "disk, agreed by Ola" in run("flows", "versions").output


def test_whoever_stands_at_a_step_that_is_gone_is_shown_and_asked_about(run):
    with closing(run.storage()) as storage:
        add_student(storage)
    (run.home / INTAKE).write_text(RENAMED, "utf-8")
    result = publish(run)
    assert "1 student is on set 1, 1 of them at a step that is gone: intake.topic (1)" in result.output
    assert result.exit_code == 1 and "--move intake.topic=FLOW.STEP" in result.stderr
    assert "Say where these go" in publish(run, "--running", "move").stderr
    assert publish(run, "--move", "intake.topic=intake.subject").exit_code == 0
    with closing(run.storage()) as storage:
        plan = storage.read(lambda tx: tx.published.newest()).plan
    assert plan == Plan(choice="move", moves={"intake.topic": "intake.subject"})
    assert "1 student is on it" in run("flows", "versions").output


def test_what_was_changed_in_the_console_is_not_undone_by_an_older_disk(run):
    with closing(run.storage()) as storage:
        files = content_files.files() | {INTAKE: content_files.INTAKE.replace("Fortell gjerne", "Si gjerne")}
        more = {"base": 1, "by": None, "why": "w", "origin": "console", "plan": Plan(), "now": NOW}
        storage.write(lambda tx: tx.published.add(files, **more))
    edit(run, "flows/menu.yaml", "Hva trenger du?", "Hva?")
    result = publish(run)
    assert (
        result.exit_code == 1 and "Published since set 1, and not on disk: flows/intake.yaml" in result.stderr
    )
    assert "These differ" in run("flows", "export", str(run.home)).stderr
    edit(run, INTAKE, "Fortell gjerne", "Si gjerne")
    assert publish(run, "--made-from", "2").exit_code == 0


def test_a_set_is_exported_and_restored(run, tmp_path):
    edit(run, INTAKE, "Fortell gjerne litt.", "Fortell litt.")
    publish(run)
    assert run("flows", "export", str(tmp_path / "out"), "--set", "1").exit_code == 0
    assert (tmp_path / "out" / INTAKE).read_text("utf-8") == content_files.INTAKE
    assert "Published as set 3." in run("flows", "restore", "1", "--why", "back").output
    assert run("flows", "diff", "1", "3").output == "Nothing differs.\n"


def add_student(storage):
    """Who has been asked what it is about."""
    content = set_of(storage, 1)
    inbound = Inbound(storage, lambda: content, lambda: NOW)
    events = [
        TextReceived(sent_at=NOW, mid="m1", text="hei"),
        ChoiceTapped(sent_at=NOW, mid="m2", title="Norsk", payload="f:welcome:language:nb"),
    ]
    for event in events:
        new = NewEvent(psid="1", key=event.mid, event=event)
        storage.write(lambda tx, new=new: tx.inbox.add([new], NOW))
        inbound.drain()
