"""The commands: what they hand over, what they print, and that they refuse in sentences."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
import pytest
from cli_bench import NOW, ROOT, Bench, make_bench

from bot.conversation import Handoff, Status, Tier
from bot.events import TextReceived
from bot.versions import Plan
from handlers.environment import Environment
from storage.records import NewEvent


@pytest.fixture
def run(tmp_path, monkeypatch):
    yield from make_bench(tmp_path, monkeypatch)


@pytest.fixture
def home(run):
    return run.home


def test_version_and_help_need_no_files(tmp_path):
    empty = Bench(tmp_path)
    assert empty("--version").output == "peersupport 1.2.3\n"
    shown = empty("--help").output
    for name in ("demo", "web", "worker", "serve", "release", "check", "chat", "hours", "staff", "keys"):
        assert re.search(rf"^  {name} ", shown, re.M)
    for name in ("erase", "migrate", "page", "init"):
        assert re.search(rf"^  {name} ", shown, re.M)


def test_check_says_that_everything_is_in_order(run):
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "Everything is in order.\n")
    assert re.search(r"^Walked \d+ questions and [\d,]+ answers\.$", result.stderr, re.M)


def test_check_names_file_and_line_of_a_mistake(run, home):
    config = (home / "config.yaml").read_text("utf-8")
    (home / "config.yaml").write_text(config.replace("time_zone: Europe/Oslo", "time_zone: Europe/Olso"))
    result = run("check")
    assert result.exit_code == 1
    assert re.search(r"^config\.yaml:\d+: .*Europe/Olso", result.output, re.M)


@pytest.mark.parametrize("name", ["web", "worker", "serve", "release", "demo"])
def test_nothing_starts_with_a_mistake_in_the_files(run, home, name):
    assert run("migrate").exit_code == 0
    (home / "config.yaml").write_text("page: 7\n")
    result = run(name)
    assert result.exit_code == 1
    assert "config.yaml:1: " in result.stderr
    assert run.done == []


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_process_refuses_a_database_that_is_not_prepared(run, name):
    result = run(name)
    assert result.exit_code == 1
    assert "peersupport release" in result.stderr
    assert run("release").exit_code == 0
    assert run(name).exit_code == 0
    ((ran, (env,)),) = run.done
    assert (ran, env.page_id) == (name, "100000000000001")


def test_serve_prepares_the_database_itself(run):
    assert run("serve").exit_code == 0
    assert run("web").exit_code == 0
    assert [name for name, _ in run.done] == ["serve", "web"]


def test_what_is_missing_in_the_environment_is_named_without_a_traceback(run, home):
    (home / ".env").write_text("PAGE_ID=words\n")
    result = run("serve")
    assert result.exit_code == 1
    assert "PAGE_ID is wrong" in result.stderr
    assert "DATA_KEYS is missing" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["web", "worker", "serve", "release"])
def test_sqlite_on_a_disk_that_is_thrown_away_is_refused(run, monkeypatch, name):
    monkeypatch.setenv("DYNO", "web.1")
    result = run(name)
    assert result.exit_code == 1
    assert "Heroku" in result.stderr
    assert "DATABASE_URL" in result.stderr
    assert run.done == []


def test_another_secret_key_is_refused_in_a_sentence(run):
    assert run("migrate").exit_code == 0
    run.set_environment(SECRET_KEY="another-key-that-is-quite-long-enough")
    result = run("migrate")
    assert result.exit_code == 1
    assert "SECRET_KEY" in result.stderr


def test_the_demo_gets_its_options_and_a_time_on_the_clock_in_oslo(run):
    assert run("demo", "--no-browser", "--fresh", "--port", "8123", "--at", "2026-07-01 22:00").exit_code == 0
    ((_, (options,)),) = run.done
    assert (options.port, options.browser, options.fresh) == (8123, False, True)
    assert options.at == datetime(2026, 7, 1, 20, 0, tzinfo=UTC)


def test_chat_gets_folder_time_and_language(run, home):
    assert run("chat", "--at", "2026-11-29 22:00", "--language", "en").exit_code == 0
    assert run.done == [("chat", (home, datetime(2026, 11, 29, 21, 0, tzinfo=UTC), "en", None))]


def test_a_time_that_is_none_is_refused_with_an_example(run):
    result = run("chat", "--at", "tonight")
    assert result.exit_code == 1
    assert '"2026-11-29 22:00"' in result.stderr


def test_init_refuses_to_write_over_what_is_there(run, home):
    before = (home / "config.yaml").read_bytes()
    result = run("init", str(home))
    assert result.exit_code == 1
    assert "there already" in result.stderr
    assert (home / "config.yaml").read_bytes() == before


def test_home_can_be_named(run, home, tmp_path):
    other = tmp_path / "other"
    assert run("init", str(other)).exit_code == 0
    (home / "config.yaml").unlink()
    assert run("--home", str(other), "check").exit_code == 0
    assert "config.yaml:1: the file is missing" in run("check").output


def test_keys_are_printed_as_lines_for_the_environment(run, tmp_path):
    lines = dict(line.split("=", 1) for line in run("keys", "new").output.splitlines())
    assert set(lines) == {"SECRET_KEY", "DATA_KEYS"}
    Environment.load(tmp_path, need={"SECRET_KEY", "DATA_KEYS"}, environ=lines)


def test_every_command_that_the_documents_name_exists():
    """`peersupport page doctor` in a document is a promise."""
    group = Bench(ROOT).command
    documents = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "flows" / "README.md",
        ROOT / "Procfile",
    ]
    named = {
        words
        for path in documents
        for words in re.findall(
            r"(?:`|^ {4}|: )peersupport ([a-z-]+(?: [a-z-]+)?)", path.read_text("utf-8"), re.M
        )
    }
    assert {"serve", "page doctor", "keys new"} <= named
    for words in named:
        first, *rest = words.split()
        found = group.get_command(click.Context(group), first)
        assert found is not None, words
        if isinstance(found, click.Group):
            assert not rest or rest[0] in found.commands, words


# Hours.


def test_hours_show_the_week_the_closed_days_and_the_long_stretches(run):
    result = run("hours", "--year", "2027")
    assert result.exit_code == 0
    shown = result.output
    assert "Monday     09:00-20:00" in shown
    assert "Sunday     closed" in shown
    assert "Mon 2027-05-17  Constitution Day and Pentecost Monday (andre pinsedag og grunnlovsdag)" in shown
    assert "Wed 2027-03-24 20:00 to Tue 2027-03-30 09:00  132 h" in shown
    assert re.search(r"\d+ ordinary ones: 61 h", shown)
    assert "human_agent: not_granted" in shown
    assert "7 d" not in shown.split("Closed for longer")[1]


def test_hours_are_those_of_this_year_by_default(run):
    assert "Closed days in 2026:" in run("hours").output


def test_hours_warn_of_a_summer_that_outlasts_every_limit(run, home):
    config = (home / "config.yaml").read_text("utf-8")
    summer = "closed_spans: [{first: 2027-07-05, last: 2027-08-08, reason: {nb: sommer, en: summer}}]"
    (home / "config.yaml").write_text(
        re.sub(r"closed_spans: \[\].*", summer, config).replace(
            "human_agent: not_granted", "human_agent: granted"
        )
    )
    shown = run("hours", "--year", "2027").output
    assert "Fri 2027-07-02 20:00 to Mon 2027-08-09 09:00  37 d 13 h  summer" in shown
    assert "Longer than 7 d (1, the longest 37 d 13 h)" in shown
    assert "human_agent: granted" in shown


# Erasing.


def test_erase_takes_the_psid_from_standard_input_and_gives_a_code(run):
    assert run("migrate").exit_code == 0
    psid = "7654321098765432"
    storage = run.storage()
    storage.write(lambda tx: tx.contacts.find_or_add([psid], NOW)[psid])
    result = run("erase", "--psid-stdin", stdin=f"{psid}\n")
    assert result.exit_code == 0
    assert psid not in result.output
    assert storage.read(lambda tx: tx.contacts.find(psid)) is None
    storage.close()
    code = re.search(r"code: ([A-Z0-9]{10})\n", result.output)[1]
    assert run("erase", "--code", code.lower()).output == "Erased 2026-11-30 12:00 UTC.\n"
    again = run("erase", "--psid-stdin", stdin=f"{psid}\n")
    assert (again.exit_code, psid in again.output) == (1, False)


def test_erase_waits_for_words_that_nobody_has_read_and_for_a_person_in_danger(run):
    assert run("migrate").exit_code == 0
    storage, psid = run.storage(), "7654321098765432"
    said = TextReceived(sent_at=NOW, mid="m", text="hei")
    storage.write(lambda tx: tx.inbox.add([NewEvent(psid=psid, key="m", event=said)], NOW))
    noted = run("erase", "--psid-stdin", stdin=f"{psid}\n")
    assert noted.exit_code == 0 and noted.output.startswith("Noted.")
    contact_id = storage.read(lambda tx: tx.contacts.find(psid))
    assert [timer[:2] for timer in storage.read(lambda tx: tx.timers.due(NOW + timedelta(minutes=1), 9))] == [
        (contact_id, "erase")
    ]

    def danger(tx):
        conv = tx.conversations.get(contact_id, NOW)
        held = Handoff(number=1, opened_at=NOW, tier=Tier.HIGH)
        tx.conversations.save(replace(conv, status=Status.WAITING, handoff=held, erasing=None), NOW)

    storage.write(danger)
    refused = run("erase", "--psid-stdin", stdin=f"{psid}\n")
    assert refused.exit_code == 1 and "there may be danger" in refused.stderr
    assert storage.read(lambda tx: tx.conversations.peek(contact_id)).erase_on_close
    storage.close()


@pytest.mark.parametrize(
    "words", [("erase",), ("erase", "--psid-stdin", "--code", "X"), ("erase", "--code", "NONE")]
)
def test_erase_refuses_what_it_cannot_do(run, words):
    assert run("migrate").exit_code == 0
    result = run(*words, stdin="1\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_erase_wants_digits(run):
    assert run("migrate").exit_code == 0
    result = run("erase", "--psid-stdin", stdin="Kari Nordmann\n")
    assert result.exit_code == 1
    assert "Kari" not in result.output


@pytest.mark.parametrize("name", ["release", "serve"])
def test_a_real_page_is_not_served_with_numbers_that_nobody_has_verified(run, name):
    run.set_environment(PAGE_ACCESS_TOKEN="a-real-token")
    result = run(name)
    assert result.exit_code == 1
    assert "nobody has verified" in result.stderr
    assert "mental_helse" in result.stderr
    assert "a-real-token" not in result.output


REAL = {"PAGE_ACCESS_TOKEN": "a-real-token"}


@pytest.mark.parametrize("name", ["serve", "worker", "web"])
@pytest.mark.parametrize("before", ["migrate", "release", "serve"])
def test_a_database_that_was_prepared_some_other_way_is_no_way_around_a_signature(run, before, name):
    assert run(before).exit_code == 0  # with the stand-in's token
    run.set_environment(**REAL)
    result = run(name)
    assert (result.exit_code, "nobody has verified" in result.stderr) == (1, True)


def test_a_service_that_has_run_starts_again_whatever_was_unsigned_meanwhile(run):
    run.set_environment(**REAL)
    path = run.home / "flows" / "services.yaml"
    unsigned = path.read_text("utf-8")
    path.write_text(signed(unsigned), "utf-8")
    assert [run(name).exit_code for name in ("release", "web", "worker")] == [0, 0, 0]
    with closing(run.storage()) as storage:  # as if somebody had taken the signatures away in the console
        files = storage.read(lambda tx: tx.published.files(1)) | {"flows/services.yaml": unsigned}
        more = {"base": 1, "by": None, "why": "w", "origin": "console", "plan": Plan(), "now": NOW}
        assert storage.write(lambda tx: tx.published.add(files, **more)) == 2
    assert [run(name).exit_code for name in ("serve", "web", "worker")] == [0, 0, 0]
    assert run("release").exit_code == 1


def test_a_new_service_needs_a_signature_though_the_others_have_been_shown(run):
    run.set_environment(**REAL)
    path = run.home / "flows" / "services.yaml"
    all_signed = signed(path.read_text("utf-8"))
    path.write_text(all_signed, "utf-8")
    assert run("serve").exit_code == 0
    start = all_signed.index("  - id: ")
    end = all_signed.index("  - id: ", start + 1)
    copy = all_signed[start:end].replace(all_signed[start:end].splitlines()[0], "  - id: quite_new")
    unsigned = re.sub(
        "verified_by: .*", "verified_by: null", re.sub("verified_on: .*", "verified_on: null", copy)
    )
    path.write_text(all_signed[:start] + unsigned.replace("113", "22 22 22 22") + all_signed[start:], "utf-8")
    assert run("serve").exit_code == 0, "what is on disk is not served before it is published"
    result = run("flows", "publish", "--why", "a new number")
    assert (result.exit_code, "nobody has verified quite_new." in result.stderr) == (1, True), result.output


def signed(text: str) -> str:
    """services.yaml, every entry with a signature."""
    return text.replace("verified_by: null", "verified_by: Kari").replace(
        "verified_on: null", "verified_on: 2026-11-01"
    )


def test_check_tells_programs_in_their_own_shape_and_says_whether_all_is_well(run, home):
    told = json.loads(run("check", "--format", "json").stdout)
    assert told["walked"]["complete"]
    assert {each["level"] for each in told["findings"]} <= {"note"}
    menu = (home / "flows" / "menu.yaml").read_text("utf-8")
    (home / "flows" / "menu.yaml").write_text(menu.replace("goto: urgent}", "goto: urgnet}"))
    result = run("check", "--format", "sarif")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["runs"][0]["results"][0]["ruleId"] == "jump"
    assert "::error file=flows/menu.yaml,line=" in run("check", "--format", "github").stdout
