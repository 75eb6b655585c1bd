"""Publishing: what has to be in order, who has to agree, and what students in the middle of a flow meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import content_files
import pytest
from talk_support import Chat, one_engine

from bot.checks import check
from bot.content import load_content
from bot.conversation import Status
from bot.versions import Plan
from handlers import accounts, earlier
from handlers.environment import new_keys
from handlers.inbound import Inbound
from handlers.published import set_of
from handlers.publishing import Meanwhile, NeedsSecond, Publishing, Refused
from storage import Keys, open_storage
from storage.file_drafts import DraftChanged
from storage.published import text_hash
from storage.records import Role

FLOW, SERVICES, PHRASES, TEXTS = (
    f"flows/{name}.yaml" for name in ("intake", "services", "risk_phrases", "texts")
)
# The step "topic" is called "subject", and asks otherwise.
RENAMED = (
    content_files.INTAKE.replace("start: topic", "start: subject")
    .replace("  topic:\n", "  subject:\n")
    .replace("Hva vil du snakke om?", "Hva gjelder det?")
)
REWORDED = content_files.INTAKE.replace("Fortell gjerne litt.", "Fortell litt om det.")


class World:
    """A service on its first set, with two coordinators."""

    def __init__(self, folder, database_url):
        keys = new_keys()
        ring = Keys.from_environment(keys["DATA_KEYS"], keys["SECRET_KEY"])
        self.storage = open_storage(database_url, ring, home=folder)
        self.files = content_files.files()
        self.chat = Chat(load_content(self.files), self.storage, "2026-11-30 12:00")
        self.publishing = Publishing(self.storage, self.chat.local.clock, gates=(check,), real=False)
        assert self.publishing.first(self.files) == 1
        self.use(1)
        self.kari, self.ola = (
            self.storage.write(lambda tx, n=n: tx.staff.add(n, n, Role.COORDINATOR, "x", self.chat.now))
            for n in ("Kari", "Ola")
        )

    def use(self, number):
        self.chat.local.content = self.chat.content = set_of(self.storage, number)

    def changed(self, **flows):
        return self.files | {f"flows/{name}.yaml": text for name, text in flows.items()}

    def publish(self, files, choice="finish", **moves):
        plan = Plan(choice=choice, moves={k.replace("__", "."): v for k, v in moves.items()})
        base = self.publishing.newest()[0]
        number = self.publishing.publish(files, base=base, by=self.kari, why="fordi", plan=plan)
        self.use(number)
        return number

    def at_topic(self, who="A"):
        """Somebody who has been asked what it is about."""
        self.chat.contact_writes("hei", who).contact_taps("Norsk", who)


@pytest.fixture
def world(tmp_path, database_url):
    earlier._read.clear()
    made = World(tmp_path, database_url)
    yield made
    made.chat.local.close()


def test_who_is_under_way_finishes_on_the_set_they_began_with_and_others_get_the_new_one(world):
    world.at_topic()
    world.publish(world.changed(intake=RENAMED))
    world.chat.contact_taps("Noe praktisk")
    assert world.chat.replies[0].startswith("Ring 116\N{NO-BREAK SPACE}123:"), "the old set's next step"
    world.at_topic("B")
    assert world.chat.last_reply == "Hva gjelder det?"
    assert (world.chat.conv("A").flow_set, world.chat.conv("B").flow_set) == (2, 2), "A is in the menu"


def test_services_are_always_the_newest_also_in_the_texts_of_an_old_set(world):
    world.at_topic()
    files = world.changed(intake=RENAMED, services=content_files.SERVICES.replace("116 123", "116 124"))
    world.publishing.publish(files, base=1, by=world.kari, why="nytt nummer", second=world.ola)
    world.use(2)
    world.chat.contact_taps("Noe praktisk")
    assert world.chat.replies[0].startswith("Ring 116\N{NO-BREAK SPACE}124:")


def test_a_text_of_an_old_set_with_a_service_that_is_gone_brings_a_person(world):
    calls = content_files.INTAKE.replace("Ring {mental_helse}:", "Se {chat}:").replace(
        "Call {mental_helse}:", "See {chat}:"
    )
    world.publish(world.changed(intake=calls))
    world.at_topic()
    start = content_files.SERVICES.index("  - id: chat")
    end = content_files.SERVICES.index("  - id: ", start + 1)
    files = world.changed(services=content_files.SERVICES[:start] + content_files.SERVICES[end:])
    world.publishing.publish(files, base=2, by=world.kari, why="nedlagt", second=world.ola)
    world.use(3)
    world.chat.contact_taps("Noe praktisk")
    assert world.chat.status is Status.WAITING


def test_who_is_moved_is_asked_the_new_step_and_goes_on_from_there(world):
    world.at_topic()
    world.publish(world.changed(intake=RENAMED), "move", intake__topic="intake.subject")
    world.chat.contact_taps("Noe praktisk")
    assert world.chat.replies == ["Hva gjelder det?"], "the answer was to another question"
    assert world.chat.conv().flow_set == 2
    world.chat.contact_taps("Sorg på gården")
    assert world.chat.last_reply == "Fortell gjerne litt."


def test_who_stands_at_a_step_that_is_gone_is_handed_to_a_person_and_others_go_on_on_the_new_set(world):
    world.at_topic("A")
    world.at_topic("B")
    world.chat.contact_taps("Sorg på gården", "B")
    world.publish(world.changed(intake=RENAMED), "people")
    world.chat.contact_writes("noe praktisk", "A")
    assert (world.chat.conv("A").status, world.chat.conv("A").flow) == (Status.WAITING, None)
    world.chat.contact_writes("om naboen", "B")
    assert world.chat.conv("B").answers["about"] == "om naboen", "the question was still there"
    assert world.chat.conv("B").flow_set == 2


def test_plans_are_followed_one_after_the_other(world):
    world.at_topic()
    world.publish(world.changed(intake=RENAMED), "move", intake__topic="intake.subject")
    world.publish(world.changed(intake=REWORDED))  # they finish on set 2
    world.chat.contact_taps("Noe praktisk")
    assert world.chat.last_reply == "Hva gjelder det?"
    assert world.chat.conv().flow_set == 2
    world.chat.contact_taps("Sorg på gården")
    assert world.chat.last_reply == "Fortell gjerne litt.", "set 2's wording, not set 3's"


def test_a_word_that_always_works_is_heard_before_any_plan(world):
    world.at_topic()
    world.publish(world.changed(intake=RENAMED), "move", intake__topic="intake.subject")
    world.chat.contact_writes("Jeg vil ta livet mitt")
    assert world.chat.alerts and world.chat.status is Status.WAITING


def test_a_set_that_cannot_be_read_any_more_brings_a_person(world):
    world.at_topic("A")
    world.at_topic("B")
    world.publish(world.changed(intake=RENAMED))
    earlier._read.clear()
    hash = bytes.fromhex(text_hash(world.files[FLOW]))
    world.storage.write(
        lambda tx: tx.run("UPDATE published_text SET body = :b WHERE hash = :h", b=b"x", h=hash)
    )
    world.chat.contact_taps("Noe praktisk", "A")
    assert world.chat.conv("A").status is Status.WAITING
    world.chat.wait(minutes=61)  # its step would have ended then
    assert world.chat.conv("B").status is Status.WAITING


def test_a_worker_that_has_not_heard_of_the_new_set_goes_on_with_a_conversation_that_began_on_it(world):
    old = set_of(world.storage, 1)
    world.publish(world.changed(intake=RENAMED))
    world.at_topic()
    local = world.chat.local
    local.inbound = Inbound(world.storage, lambda: old, local.clock)  # the other worker
    world.chat.contact_taps("Sorg på gården")
    assert world.chat.last_reply == "Fortell gjerne litt."
    assert world.chat.conv().flow_set == 2 and world.chat.conv().flow.at.step == "words"


def test_what_is_pinned_before_there_were_sets_counts_as_the_first(world):
    world.at_topic()
    conv = world.chat.conv()
    world.storage.write(lambda tx: tx.conversations.save(replace(conv, flow_set=None), world.chat.now))
    world.publish(world.changed(intake=RENAMED))
    assert world.publishing.standing(world.files)[0].number == 1
    world.chat.contact_taps("Noe praktisk")
    assert world.chat.replies[0].startswith("Ring")


def test_the_preview_says_who_stands_where_and_what_differs(world):
    world.at_topic("A")
    world.at_topic("B")
    world.chat.contact_taps("Sorg på gården", "B")
    seen = world.publishing.preview(world.changed(intake=RENAMED))
    assert (seen.students, seen.reasons, seen.problems) == (2, (), ())
    assert [(each.place, each.gone, each.recent) for each in seen.standing] == [
        ("intake.topic", True, 1),
        ("intake.words", False, 1),
    ]
    (change,) = seen.changes
    assert "step intake.topic is gone" in map(str, change.changes)
    assert '-    say: {nb: "Hva vil du snakke om?", en: "What is it about?"}' in change.diff.splitlines()


def test_files_with_mistakes_are_not_published(world):
    with pytest.raises(Refused, match=r"flows/intake.yaml:\d+: "):
        world.publish(world.changed(intake=RENAMED.replace("goto: words", "goto: wrods")))
    with pytest.raises(Refused, match=r"no step intake\.nowhere"):
        world.publish(world.changed(intake=RENAMED), "move", intake__topic="intake.nowhere")
    assert world.publishing.newest()[0] == 1


def test_every_gate_has_to_be_passed(world):
    strict = Publishing(
        world.storage, world.chat.local.clock, gates=(check, lambda files: ["not green"]), real=False
    )
    with pytest.raises(Refused, match="not green"):
        strict.publish(world.changed(intake=REWORDED), base=1, by=world.kari, why="w")


@one_engine
@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("risk_phrases", '"no way out"', '"no way out at all", "no way out"', "phrases"),
        ("services", '"116 123"', '"116 124"', "numbers"),
        ("texts", "nb cannot", "nb kan ikke", "cards"),
        ("intake", "services: [amk, mental_helse]", "services: [amk]", "numbers"),
    ],
)
def test_a_second_coordinator_has_to_agree_to_what_protects_lives(world, name, old, new, reason):
    path = f"flows/{name}.yaml"
    files = world.files | {path: world.files[path].replace(old, new)}
    assert files != world.files
    with pytest.raises(NeedsSecond, match=reason):
        world.publish(files)
    proposal = world.publishing.propose(files, base=1, by=world.kari, why="fordi")
    with pytest.raises(NeedsSecond):
        world.publishing.approve(proposal, world.kari)
    assert world.publishing.approve(proposal, world.ola) == 2
    newest = world.storage.read(lambda tx: tx.published.newest())
    assert (newest.by, newest.second, newest.why) == (world.kari, world.ola, "fordi")
    with pytest.raises(Meanwhile):
        world.publishing.approve(proposal, world.ola)


@one_engine
@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("ladder: {console_url: https://evil.example/console}", "alerts"),
        ("ladder: {reply_minutes: {critical: null}}", "alerts"),
        ("waiting: {quiet_danger_minutes: 60}", "alerts"),
        ("console: {second_factor: optional}", "sign_in"),
        ("console: {sign_in_tries: 20}", "sign_in"),
        ("messenger: {quiet_minutes: 1440}", "channel"),
    ],
)
def test_a_second_coordinator_has_to_agree_to_what_weakens_alerts_or_signing_in(world, setting, reason):
    files = world.files | {"config.yaml": world.files["config.yaml"] + setting + "\n"}
    assert world.publishing.preview(files).reasons == (reason,)
    with pytest.raises(NeedsSecond, match=reason):
        world.publish(files)
    free = world.files | {"config.yaml": world.files["config.yaml"] + "queue: {cap: 4}\n"}
    assert world.publish(free) == 2


def test_an_account_that_somebody_else_could_sign_in_with_is_no_second_person_for_a_week(world):
    files = world.files | {SERVICES: world.files[SERVICES].replace("116 123", "116 124")}
    proposal = world.publishing.propose(files, base=1, by=world.kari, why="w")
    write = world.storage.write

    def made(tx):
        return accounts.add(tx, world.chat.now, world.kari, alias="Invented", role=Role.COORDINATOR)[0].id

    def promoted(tx):
        supporter = tx.staff.add("p", "P", Role.COORDINATOR, "x", world.chat.now)
        tx.audit.add(world.chat.now, world.kari, "role_changed", None, f"{supporter}:coordinator")
        return supporter

    def reset(tx):
        accounts.new_password_link(tx, tx.staff.get(world.ola), world.chat.now, world.kari)
        return world.ola

    for touched in (made, promoted, reset):
        second = write(touched)
        with pytest.raises(NeedsSecond, match="too_new"):
            world.publishing.approve(proposal, second)
    world.chat.wait(hours=24 * 7)
    assert world.publishing.approve(proposal, second) == 2


def test_an_account_that_the_command_line_made_or_its_owner_changed_can_agree_at_once(world):
    files = world.files | {SERVICES: world.files[SERVICES].replace("116 123", "116 124")}

    def made(tx):
        staff, _ = accounts.add(tx, world.chat.now, None, alias="Eva", role=Role.COORDINATOR)
        accounts.new_password_link(tx, staff, world.chat.now, staff.id)
        return staff.id

    eva = world.storage.write(made)
    assert world.publishing.approve(world.publishing.propose(files, base=1, by=world.kari, why="w"), eva) == 2


def test_a_disabled_coordinator_and_a_supporter_are_no_second_person(world):
    files = world.files | {SERVICES: world.files[SERVICES].replace("116 123", "116 124")}
    supporter = world.storage.write(lambda tx: tx.staff.add("s", "S", Role.SUPPORTER, "x", world.chat.now))
    for second in (supporter, world.kari, 999):
        with pytest.raises(NeedsSecond):
            world.publishing.publish(files, base=1, by=world.kari, why="w", second=second)


def test_a_proposal_on_an_older_set_is_not_published_over_a_newer_one(world):
    files = world.files | {SERVICES: world.files[SERVICES].replace("116 123", "116 124")}
    proposal = world.publishing.propose(files, base=1, by=world.kari, why="w")
    world.publish(world.changed(intake=REWORDED))
    with pytest.raises(Meanwhile):
        world.publishing.approve(proposal, world.ola)
    assert world.publishing.drop(proposal, world.ola)
    assert world.storage.read(lambda tx: tx.proposals.get(proposal)).state == "refused"


def test_who_is_second_to_publish_is_told_and_overwrites_nothing(world):
    world.publish(world.changed(intake=REWORDED))
    with pytest.raises(Meanwhile):
        world.publishing.publish(world.changed(intake=RENAMED), base=1, by=world.ola, why="w")
    assert world.publishing.newest()[1][FLOW] == REWORDED


def test_of_two_who_publish_at_the_same_instant_one_does(world):
    def publish(files):
        try:
            return world.publishing.publish(files, base=1, by=world.kari, why="w")
        except Meanwhile:
            return None

    wanted = [world.changed(intake=REWORDED), world.changed(intake=RENAMED)]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(publish, wanted))
    assert sorted(done, key=bool) == [None, 2]
    assert world.publishing.newest() == (2, wanted[done.index(2)])


def test_a_set_is_restored_as_a_new_one(world):
    world.publish(world.changed(intake=REWORDED))
    assert world.publishing.restore(1, by=world.ola, why="tilbake") == 3
    assert world.publishing.newest() == (3, world.files)
    listed = world.storage.read(lambda tx: tx.published.all())
    assert [(each.number, each.origin) for each in listed] == [(3, "restore"), (2, "console"), (1, "first")]


def test_an_old_verification_is_flagged_then_stops_publishing_and_never_what_is_live(world):
    files = world.changed(intake=REWORDED)
    world.chat.local.now = datetime.fromisoformat("2027-04-22T12:00+02:00")  # 151 days
    assert any("'mental_helse'" in each for each in world.publishing.preview(files).warnings)
    assert world.publishing.problems(files) == []
    world.chat.local.now = datetime.fromisoformat("2027-05-22T12:00+02:00")
    with pytest.raises(Refused, match="'mental_helse' was verified 181 days ago"):
        world.publish(files)
    assert set_of(world.storage, 1).services["mental_helse"]


def test_two_people_on_one_file_see_each_other_and_overwrite_nothing(world):
    write, read = world.storage.write, world.storage.read
    base, now = text_hash(world.files[FLOW]), world.chat.now

    def save(who, text, seen):
        return write(lambda tx: tx.file_drafts.save(who, FLOW, text, base=base, seen=seen, now=now))

    first = save(world.kari, RENAMED, None)
    save(world.ola, REWORDED, None)
    assert read(lambda tx: tx.file_drafts.who()) == {FLOW: (world.kari, world.ola)}
    second = save(world.kari, RENAMED + "\n", first.hash)
    with pytest.raises(DraftChanged):
        save(world.kari, "from another window", first.hash)
    assert read(lambda tx: tx.file_drafts.get(world.kari, FLOW)) == second
    world.publish(world.changed(intake=REWORDED))
    assert read(lambda tx: tx.file_drafts.who()) == {FLOW: (world.kari,)}, "what is published is no draft"
    left = read(lambda tx: tx.file_drafts.get(world.kari, FLOW))
    assert left.base != text_hash(world.publishing.newest()[1][FLOW]), "told by this: the file has moved on"
    assert not write(lambda tx: tx.file_drafts.drop(world.kari, FLOW, seen=first.hash))
    assert write(lambda tx: tx.file_drafts.drop(world.kari, FLOW, seen=second.hash))
