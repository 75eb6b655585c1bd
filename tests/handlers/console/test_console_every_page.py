"""Every page of the console before axe, in every state that looks different; by turns on a dark phone and a light desk.

The walk goes over the table of routes itself, so that no new page can be left out.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import cycle
from pathlib import Path

import pytest
from browser import CHROMIUM, axe, browser
from desks import desk

from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    EchoReceived,
    MessageWithdrawn,
    ReactionChanged,
    TextReceived,
)
from bot.rota import stretch
from bot.versions import Plan
from handlers.console import routes
from storage.records import NewEvent, Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"),
]
ROOT = Path(__file__).parents[3]
DANGER = "Jeg skal ta livet mitt i kveld"
SCRIPT = re.compile("<script.*?</script>", re.S)
DESK = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
OWN = {
    "conversation_page",
    "details_page",
    "transfer",
    "unpleasant",
    "close_page",
    "replies_page",
    "services_page",
}
NO_PAGES = {  # addresses that answer scripts, or with a file
    "live", "fresh", "push_worker", "manifest", "calendar_feed", "schema_file", "sign_in", "welcome",
}  # fmt: skip


@pytest.fixture
def engine() -> str:
    return "sqlite"


def happens(house, event, who="A"):
    house.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=who, key=repr(event), event=event)], house.at))
    house.inbound.drain()


class World:
    """A service in the middle of a busy day. `ids` fill the addresses of the table of routes."""

    def __init__(self, house):
        self.house = house
        self.amalie, self.jonas = house.staff("Amalie"), house.staff("Jonas", language="en")
        self.liv = house.staff("Liv", Role.DUTY_LEAD)
        self.kari = house.staff("Kari", Role.COORDINATOR, language="en")
        self.rune, self.root = house.staff("Rune", Role.REVIEWER), house.staff("Rot", Role.ADMIN)
        self.ids = {"name": "flows/intake.yaml", "n": 1, "staff_id": self.jonas.id}

    def grow_busy(self):
        """Everything happens."""
        house = self.house
        self.ids["contact_id"] = self._talk()
        self.ids["shift_id"], self.ids["proposal_id"] = self._rota(), self._published()
        self.waiting = house.waiting("I would like to talk", "W")
        self.danger = house.student(DANGER, "D")
        self.ids["alert_id"] = house.storage.read(lambda tx: tx.alerts.open_for(self.danger)).id

    def _talk(self):
        """Amalie's ordinary one, the second of this student, with everything that a thread can hold."""
        house, deeds = self.house, self.house.deeds
        contact = house.waiting("Jeg har det vondt hjemme")
        deeds.claim(contact, self.amalie)
        deeds.close(contact, self.amalie, "listened", seen=deeds.sight(contact))
        house.pass_time(hours=1)
        house.waiting("Nå er det noe annet")
        deeds.claim(contact, self.amalie)
        deeds.ask_history(contact, self.amalie)
        for event in (
            ChoiceTapped(sent_at=house.at, mid="t0", payload="b:history:yes", title="Ja"),
            TextReceived(sent_at=house.at, mid="t1", text="Se https://example.org/" + "lang" * 40),
            AttachmentReceived(sent_at=house.at, mid="t2", kinds=("image", "audio")),
            TextReceived(sent_at=house.at, mid="t3", text="Dette skulle jeg ikke skrevet"),
            MessageWithdrawn(sent_at=house.at, mid="t3"),
            ReactionChanged(sent_at=house.at, mid="t1", reaction="love", emoji="❤", added=True),
        ):
            happens(house, event)
        seen = house.storage.read(lambda tx: tx.transcript.last_id(contact))
        deeds.reply(contact, self.amalie, "Hei, så fint at du skriver", seen)
        deeds.note(contact, self.amalie, "Husk å spørre om boligen, @Kari")
        deeds.team.whisper(contact, self.liv, "Spør om hun er trygg")
        deeds.team.report(contact, self.amalie, "Skrev noe stygt")
        return contact

    def _rota(self):
        house = self.house

        def add(day, start, end, whose, kind="supporter"):
            starts_at, ends_at = stretch(house.content.hours.zone, date(2026, 11, day), start, end)
            return house.storage.write(
                lambda tx: tx.rota.add(kind, starts_at, ends_at, whose and whose.id, house.at)
            )

        add(25, "09:00", "15:00", self.amalie)
        add(25, "09:00", "15:00", self.liv, "duty_lead")
        add(26, "12:00", "16:00", None)
        hers = add(27, "09:00", "13:00", self.kari)
        house.parts.rota.ask(hers, self.kari, of=self.amalie.id)
        return hers

    def _published(self):
        paths = [ROOT / "config.yaml", *sorted((ROOT / "flows").glob("*.yaml"))]
        files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}
        changed = {
            **files,
            "flows/services.yaml": files["flows/services.yaml"].replace("116 123", "116 124"),
        }

        def publish(tx):
            kept = {"why": "prøver", "plan": Plan(), "now": self.house.at}
            tx.published.add(files, base=None, by=None, origin="first", **kept)
            return tx.proposals.add(
                changed, base=1, by=self.amalie.id, origin="console", reasons=["number"], **kept
            )

        return self.house.storage.write(publish)

    def gets_worse(self):
        """Each in another state: taken in danger, written down, asked of a colleague, muted, unsafe, out of time."""
        house, deeds = self.house, self.house.deeds
        deeds.claim(self.danger, self.amalie)
        house.cases.record(self.ids["alert_id"], self.amalie, "note", {"text": "Ringte to ganger"})
        house.cases.open_identity(self.ids["alert_id"], self.amalie, "AMK må finne veien")
        deeds.team.offer(self.ids["contact_id"], self.amalie, self.jonas.id, "Handler om bolig")
        deeds.team.know(self.waiting, self.jonas)
        self.unsafe, self.late = house.waiting("hello there", "U"), house.waiting("hello again", "L")
        for contact in (self.unsafe, self.late):
            deeds.claim(contact, self.jonas)
        deeds.team.mute(self.late, self.jonas, on=True)
        house.student("PAUSE", "U")
        happens(
            house, EchoReceived(sent_at=house.at, mid="e1", app="inbox", text="Fra innboksen til Meta"), "L"
        )
        house.storage.write(lambda tx: tx.incidents.open("page:token", house.at))

    def states(self):
        """Who sees what then, and how it is answered."""
        mine, danger, alert = self.ids["contact_id"], self.danger, self.ids["alert_id"]
        yield from ((self.amalie, path, 200) for path in ("/leave", f"/c/{mine}", f"/c/{danger}"))
        yield from ((self.amalie, f"/c/{danger}/{page}", 200) for page in ("details", "close"))
        yield from ((self.jonas, path, 200) for path in ("/known", f"/c/{self.unsafe}", f"/c/{self.late}"))
        yield self.jonas, f"/c/{mine}", 403
        yield self.liv, f"/c/{mine}", 200
        yield self.rune, f"/alert/{alert}", 200
        yield self.root, "/staff", 200
        yield self.kari, "/nowhere", 404

    def is_over(self):
        """The danger is closed and waits for a second person, a drill is on, and a day later nobody may write."""
        house = self.house
        house.deeds.acknowledge(self.ids["alert_id"], self.amalie)
        house.deeds.close(self.danger, self.amalie, "listened", seen=house.deeds.sight(self.danger))
        house.drills.start(self.kari)
        house.pass_time(hours=25)

    def late_states(self):
        """Who sees what then."""
        yield self.liv, "/confirm"
        yield self.liv, "/"
        yield self.jonas, f"/c/{self.late}"

    @property
    def everybody(self):
        return (self.amalie, self.jonas, self.liv, self.kari, self.rune, self.root)

    def pages(self):
        """Every page of the table, and who opens it: a coordinator where she may."""
        for route in routes.ROUTES:
            if "GET" not in route.method or route.name in NO_PAGES:
                continue
            who = route.who or frozenset(Role)
            staff = self.kari if Role.COORDINATOR in who else self.rune
            if route.name in OWN:
                staff = self.amalie
            yield re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(self.ids[found[1]]), route.rule), staff


def look(page, name, shape):
    """axe finds nothing, and nothing scrolls sideways."""
    page.set_viewport_size(shape["viewport"])
    page.emulate_media(color_scheme=shape["color_scheme"])
    assert page.evaluate("document.styleSheets.length"), "without its styles nothing is tried"
    assert axe(page) == [], (name, shape)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, shape)


def test_every_page_in_every_state_is_for_everybody(house, served):
    world = World(house)
    clients, shapes = {staff.id: house.browser(staff) for staff in world.everybody}, cycle((PHONE, DESK))
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{served[0]}/offline")  # what the others are written into, so that axe need be loaded once

        def see(staff, path, status=200):
            """As it is before any script: those that matter most come again below, with theirs."""
            answer = clients[staff.id].get(path)
            assert answer.status_code == status, (path, answer.status_code)
            page.set_content(SCRIPT.sub("", answer.text))
            look(page, path, next(shapes))

        for path in ("/", "/matters"):
            see(world.liv, path)  # with nothing in it
        world.grow_busy()
        for path, staff in world.pages():
            see(staff, path)
            page.set_viewport_size(PHONE["viewport"])
            assert page.locator(".menu .tab:visible").count() <= 5, path
        world.gets_worse()
        for staff, path, status in world.states():
            see(staff, path, status)

        world.is_over()
        clients = {
            staff.id: house.browser(staff) for staff in world.everybody
        }  # a day is more than a session
        for staff, path in world.late_states():
            see(staff, path)

        page = desk(house, chromium, world.amalie, served[0])
        for path in ("/reached", f"/c/{world.danger}", "/"):
            page.goto(served[0] + path)
            look(page, path, next(shapes))
        page.keyboard.press("?")
        page.locator("#keys[open]").wait_for()
        look(page, "keys", DESK)
