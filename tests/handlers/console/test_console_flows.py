"""Authoring in the console: drafts, findings, preview, publishing, history, and the pages to look things up.

What the store keeps of drafts and sets is tested there on both engines; here one is enough.
"""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path
from urllib.parse import urlencode

import pytest
from patience import PATIENCE

from bot.flow.edges import Edge
from bot.versions import Plan
from handlers.console import drafting
from handlers.console.rehearsing import rehearsing
from storage.records import Role

ROOT = Path(__file__).parents[3]
INTAKE, SERVICES = "flows/intake.yaml", "flows/services.yaml"
PLAYED = "flows/rehearsals/hello.yaml"
HELLO = """
name: hello
at: 2026-11-25 12:00
turns:
  - student writes: "hei"
    bot says: [welcome.notice, menu.choose]
"""
SUNDAY = "2026-11-29T22:00"


@pytest.fixture
def engine():
    return "sqlite"


@pytest.fixture(scope="module")
def shipped():
    paths = [ROOT / "config.yaml", *sorted((ROOT / "flows").glob("*.yaml"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths} | {PLAYED: HELLO}


class Author:
    """A coordinator at the authoring pages, with the form as a browser without a script would send it."""

    def __init__(self, house, alias):
        self.house = house
        self.staff = house.staff(alias, Role.COORDINATOR)
        self.browser = house.browser(self.staff)

    def open(self, name):
        page = self.browser.page(f"/flows/file/{name}")
        self.text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)[1]
        for entity, sign in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            self.text = self.text.replace(entity, sign)
        self.hidden = {
            field: re.search(rf'name="{field}" value="([^"]*)"', page)[1] for field in ("base", "seen")
        }
        self.name = name
        return page

    def do(self, deed, text=None, **fields):
        form = {"do": deed, "text": self.text if text is None else text, **self.hidden, **fields}
        token = {"csrf_token": self.browser.token()}
        return self.browser.client.post(f"/console/flows/edit/{self.name}", data=form | token)

    def save(self, name, old, new):
        self.open(name)
        assert old in self.text
        answer = self.do("save", self.text.replace(old, new))
        assert answer.status_code == 302, answer.text
        return self.drafts()[name]

    def drafts(self):
        found = self.house.storage.read(lambda tx: tx.file_drafts.of(self.staff.id))
        return {draft.name: draft.text for draft in found}

    def publish(self, **fields):
        """As a person does: look, wait for the rehearsals, say why, press."""
        asked = {key: fields[key] for key in ("restore", "some", "file") if key in fields}
        address = f"/flows/publish?{urlencode(asked, doseq=True)}"
        self.browser.page(address)
        played()
        page = self.browser.page(address)
        base = re.search(r'name="base" value="(\d+)"', page)[1]
        self.page = page
        return self.browser.post("/flows/publish/now", base=base, why="prøver", **fields)


def acts_of(page):
    return [act.replace("&#34;", '"') for act in re.findall(r'name="act" value="([^"]+)"', page)]


def played():
    for thread in threading.enumerate():
        if thread.name == "rehearsals":
            thread.join(PATIENCE)


@pytest.fixture
def marte(house, shipped):
    def first(tx):
        return tx.published.add(
            shipped, base=None, by=None, why="disk", origin="first", plan=Plan(), now=house.at
        )

    assert house.storage.write(first) == 1
    return Author(house, "Marte")


def published(house):
    return house.storage.read(lambda tx: tx.published.files(tx.published.newest_number()))


def test_a_draft_is_its_writers_alone_until_it_is_published(house, marte):
    text = marte.save(INTAKE, "Hva vil du snakke om?", "Hva vil du prate om?")
    assert "Hva vil du prate om?" in text and "Hva vil du prate om?" not in published(house)[INTAKE]
    other = Author(house, "Jonas")
    page = other.open(INTAKE)
    assert "Hva vil du snakke om?" in other.text and "Marte har også et utkast" in page
    assert "utkast" in marte.browser.page("/flows")
    marte.open(INTAKE)
    marte.do("discard")
    assert marte.drafts() == {}


def test_a_finding_stands_at_its_line_and_one_press_mends_it(marte):
    marte.open(INTAKE)
    wrong = marte.text.replace("    goto: topic\n", "    goto: topicc\n")
    number = wrong.split("\n").index("    goto: topicc") + 1
    page = marte.do("check", wrong).text
    assert f"Linje {number}" in page and "box-missing" in page
    swap = f"{number}|topicc|topic"
    assert f'value="{swap}"' in page
    mended = marte.do("fix", wrong, swap=swap).text
    assert "Alt er i orden." in mended and "box-missing" not in mended
    assert marte.drafts() == {}, "looking keeps nothing"


def test_text_that_is_no_yaml_is_a_finding_and_never_a_broken_page(marte):
    marte.open(INTAKE)
    for text in (
        "steps: [",
        "a: &b 1\nc: *b",
        "",
        "flow: intake\nstart: no\nsteps: {}",
    ):
        answer = marte.do("check", text)
        assert answer.status_code == 200 and "Linje" in answer.text, text


def test_a_text_that_is_too_large_is_refused_whole_and_none_of_it_is_lost(marte):
    marte.open(INTAKE)
    answer = marte.do("save", marte.text + "#" * 1_100_000 + "slutt")
    assert answer.status_code == 413 and marte.drafts() == {}
    assert "større enn 1 MB. Del den" in answer.text and "#slutt</textarea>" in answer.text


def set_of_another(house, author):
    files = published(house) | {INTAKE: published(house)[INTAKE].replace("Det sosiale", "Venner")}
    house.storage.write(
        lambda tx: tx.published.add(
            files, base=1, by=author.staff.id, why="x", origin="console", plan=Plan(), now=house.at
        )
    )


def test_who_began_from_an_older_text_is_shown_both_and_nothing_is_overwritten(house, marte):
    jonas = Author(house, "Jonas")
    jonas.open(INTAKE)
    set_of_another(house, marte)
    mine = jonas.text.replace("Noe praktisk", "Praktisk")
    answer = jonas.do("save", mine)
    assert answer.status_code == 409 and jonas.drafts() == {}
    assert (
        "Marte har publisert denne fila" in answer.text
        and "Venner" in answer.text
        and "Praktisk" in answer.text
    )
    read = re.search(r'name="read" value="([^"]+)"', answer.text)[1]
    jonas.hidden = {"base": read, "seen": ""}
    assert jonas.do("save", mine, read=read).status_code == 302
    assert "Praktisk" in jonas.drafts()[INTAKE] and "Venner" in published(house)[INTAKE]


def test_the_same_person_in_two_windows_loses_nothing_either(marte):
    marte.open(INTAKE)
    old, text = dict(marte.hidden), marte.text
    marte.do("save", text.replace("Noe praktisk", "Praktisk"))
    marte.hidden = old
    answer = marte.do("save", text.replace("Noe praktisk", "Annet"))
    assert answer.status_code == 409 and "Utkastet ditt er lagret fra et annet vindu" in answer.text
    assert "Praktisk" in marte.drafts()[INTAKE]


def test_the_preview_plays_the_unsaved_text_at_any_hour_and_is_kept_as_a_rehearsal(house, marte):
    marte.open(INTAKE)
    changed = marte.text.replace("Hva vil du snakke om?", "Hva vil du prate om?")
    assert f'value="{SUNDAY}"' in marte.do(f"at:{SUNDAY}", changed, at="2026-11-25T12:00", duty="1").text
    first = marte.do("try", changed, at=SUNDAY, duty="1", say="hei").text
    assert "Vi er stengt nå" in first and 'value="Prate med noen"' in first
    acts = acts_of(first)
    second = marte.do("try", changed, at=SUNDAY, duty="1", act=acts, tap="Prate med noen").text
    assert "Hva vil du prate om?" in second and "intake.topic" in second
    acts = acts_of(second)
    marte.do("keep", changed, at=SUNDAY, duty="1", act=acts, rehearsal="sondag")
    kept = marte.drafts()["flows/rehearsals/sondag.yaml"]
    assert "at: 2026-11-29 22:00" in kept and "student taps" in kept and "intake.topic" in kept
    marte.open("flows/rehearsals/sondag.yaml")
    assert "Øvelsen stemmer." in marte.do("check").text
    assert INTAKE not in marte.drafts()
    assert house.storage.read(lambda tx: tx.contacts.find("student")) is None


def test_publishing_waits_for_green_rehearsals_and_can_be_taken_back(house, marte):
    marte.save(INTAKE, "Hva vil du snakke om?", "Hva vil du prate om?")
    early = marte.browser.post("/flows/publish/now", base="1", why="haster")
    assert (
        early.status_code == 200 and "Vent til øvelsene er spilt" in early.text and rehearsing.of({}) is None
    )
    assert marte.publish(choice="finish").location == "/console/flows/history"
    assert "«Hva vil du snakke om?" in marte.page
    assert "Hva vil du prate om?" in published(house)[INTAKE] and marte.drafts() == {}
    assert "prøver" in marte.browser.page("/flows/history")
    assert marte.publish(choice="finish", restore="1").status_code == 302
    assert "Hva vil du snakke om?" in published(house)[INTAKE]
    assert [name for name, _ in house.audit()][-2:] == ["published_set", "published_set"]


def test_a_red_rehearsal_stops_publishing(house, marte):
    marte.save(PLAYED, "menu.choose", "intake.topic")
    answer = marte.publish(choice="finish")
    assert "Øvelsene må stemme først" in answer.text
    assert house.storage.read(lambda tx: tx.published.newest_number()) == 1


def test_only_the_drafts_that_are_ticked_are_published(house, marte):
    marte.save(PLAYED, "menu.choose", "intake.topic")
    marte.save(INTAKE, "Hva vil du snakke om?", "Hva vil du prate om?")
    assert marte.browser.page("/flows/publish").count('type="checkbox" name="file"') == 2
    assert "Ingen utkast er valgt" in marte.browser.page("/flows/publish?some=1")
    assert marte.publish(choice="finish", some="1", file=INTAKE).status_code == 302
    assert "Hva vil du prate om?" in published(house)[INTAKE]
    assert list(marte.drafts()) == [PLAYED] and published(house)[PLAYED] == HELLO


def test_a_draft_from_before_anothers_publication_does_not_undo_that(house, marte):
    jonas = Author(house, "Jonas")
    jonas.save(INTAKE, "Noe praktisk", "Praktisk")
    set_of_another(house, marte)
    answer = jonas.browser.post("/flows/publish/now", base="2", why="min")
    assert "bli ferdig med de to tekstene først" in answer.text
    assert "Venner" in published(house)[INTAKE] and "Praktisk" in jonas.drafts()[INTAKE]


def test_students_under_way_are_counted_and_moved_as_the_publisher_says(house, marte):
    contact = house.student("hei")
    house.student("Prate med noen")
    text = marte.house.storage.read(lambda tx: tx.conversations.peek(contact)).flow.at
    assert (text.flow, text.step) == ("intake", "topic")
    house.storage.write(lambda tx: tx.ways.add([(1, Edge("intake", "topic", "step"))] * 40))
    page = marte.open(INTAKE)
    assert "noen få står her nå" in page and "fra samtaler siden versjon 1" in page
    assert (
        "ca. 40 svarte ikke her" in page and "−40" in page and "39 svarte" not in page
    )  # an exact one beside a hidden one gives it away
    gone = re.sub(r"(?<![a-z_])topic(?=:\n| *\n)", "theme", marte.text)
    assert marte.do("save", gone).status_code == 302
    marte.publish(choice="move", **{"to:intake.topic": "intake.theme"})
    assert "1 på versjon 1, i" in marte.page and "intake.topic" in marte.page
    plan = house.storage.read(lambda tx: tx.published.newest()).plan
    assert plan == Plan(choice="move", moves={"intake.topic": "intake.theme"})


def test_a_phone_number_takes_a_second_coordinator(house, marte):
    number = re.search(r'number: "?(116 123)"?', published(house)[SERVICES])[1]
    marte.save(SERVICES, number, "116 124")
    marte.publish(choice="finish")
    assert house.storage.read(lambda tx: tx.published.newest_number()) == 1
    marte.browser.post("/flows/proposal/1/decide", do="approve")
    assert house.storage.read(lambda tx: tx.published.newest_number()) == 1, "not oneself"
    tove = Author(house, "Tove")
    reset = (house.at, marte.staff.id, "password_reset", None, str(tove.staff.id))
    house.storage.write(lambda tx: tx.audit.add(*reset))
    played()
    tove.browser.post("/flows/proposal/1/decide", do="approve")
    assert house.storage.read(lambda tx: tx.published.newest_number()) == 1, "Marte might be Tove"
    assert "de siste 7 dagene" in tove.browser.page("/flows/history")
    jonas = Author(house, "Jonas")
    assert "116 124" in jonas.browser.page("/flows/proposal/1")
    played()
    jonas.browser.post("/flows/proposal/1/decide", do="approve")
    newest = house.storage.read(lambda tx: tx.published.newest())
    assert (newest.number, newest.by, newest.second) == (2, marte.staff.id, jonas.staff.id)


def test_a_sentence_is_read_with_its_rule_and_why_not_and_stands_in_no_address(marte):
    page = marte.browser.post("/flows/sentence/read", text="jeg skal ta livet mitt i kveld")
    assert "Kritisk" in page.text and '<mark class="hit">' in page.text and page.request.query_string == b""
    calm = marte.browser.post("/flows/sentence/read", text="jeg skriver oppgave om selvmord i kveld").text
    assert "Ingen fare er lest ut av den." in calm or "Uten unntak" in calm


def test_the_year_shows_easter_as_one_long_break(marte):
    page = marte.browser.page("/flows/year?year=2027")
    assert page.count('class="month"') == 12 and "24. mars 20:00" in page and "julaften" in page


def test_services_say_when_somebody_called(house, marte):
    page = marte.browser.page("/flows/verified")
    assert "nødnummer" in page and "ikke sjekket ennå" in page


def test_every_kind_of_file_has_a_schema_or_is_plain(marte, shipped):
    kinds = {drafting.kind_of(name, shipped) for name in drafting.editable(shipped)}
    assert kinds == {"flow", "texts", "services", "phrases", "replies", "config", "rehearsal"}
    for kind in kinds - {"texts"}:
        assert "properties" in marte.browser.get(f"/flows/schema/{kind}").json
    assert marte.browser.get("/flows/schema/texts").status_code == 404


def test_a_new_file_is_begun_as_a_draft_and_may_not_stand_just_anywhere(marte):
    marte.browser.post("/flows/new", kind="flow", name="pausing")
    assert "flow: pausing" in marte.drafts()["flows/pausing.yaml"]
    for name in ("../config", "a/b", "intake", ""):
        marte.browser.post("/flows/new", kind="flow", name=name)
    assert list(marte.drafts()) == ["flows/pausing.yaml"]


def test_the_vendored_editor_is_the_file_that_its_readme_describes():
    folder = ROOT / "handlers/console/static/vendor/codemirror"
    body = (folder / "codemirror.js").read_bytes()
    assert len(body) < 400_000 and b"://" not in body.replace(b"http://www.w3.org/", b"")
    assert hashlib.sha256(body).hexdigest() in (folder / "README.md").read_text("utf-8")
    assert "Marijn Haverbeke" in (folder / "LICENSE").read_text("utf-8")
