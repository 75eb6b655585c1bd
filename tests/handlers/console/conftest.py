"""The console over a real store: real Flask, a real database, the shipped content, and a clock that stands still."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import ClassVar

import pyotp
import pytest
from alert_cases import DANGER
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug import Request
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from bot.content import Content
from bot.conversation import Tier
from bot.events import TextReceived
from handlers.console import ConsoleParts, Live, blueprint, passwords, second_factor, sessions
from handlers.console.passwords import hash_password
from handlers.console.rehearsing import not_green
from handlers.drills import Drills
from handlers.escalation import Escalation
from handlers.inbound import Inbound
from handlers.publishing import Publishing
from handlers.reaching import Reaching
from handlers.rota import Rota
from handlers.talk_deeds import TalkDeeds
from storage import Keys, Storage, open_storage
from storage.records import Duty, NewEvent, Role, Staff

START = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)  # a Wednesday, 12:00 in Oslo, open
PASSWORD = "stille regn over byen"
KEYS = Keys.from_environment("k1:" + base64.b64encode(bytes(32)).decode(), "s" * 64)
hash_once = cache(hash_password)  # slow on purpose, and the same for every test


def application(parts: ConsoleParts) -> Flask:
    """With the console in it. Its routes take a tenth of a second to build: tests share one and bring their parts."""
    app = Flask("console-test", static_folder=None)
    app.secret_key = "k" * 40
    app.testing = True
    app.register_blueprint(blueprint(parts))
    return app


class House:
    """The service around the console: its clock, its store, its staff and its students."""

    shared: ClassVar[Flask | None] = None

    def __init__(self, content: Content, database_url: str, folder: Path) -> None:
        self.at = START
        self.content = content
        self.storage: Storage = open_storage(database_url, KEYS, home=folder)
        self.storage.migrate(self.at)
        self.deeds = TalkDeeds(self.storage, lambda: content, lambda: self.at)
        self.cases = Escalation(self.storage, lambda: content, lambda: self.at)
        self.drills = Drills(self.storage, lambda: content, lambda: self.at)
        self.inbound = Inbound(self.storage, lambda: content, lambda: self.at)
        self.live = Live(self.storage, limit=2, heartbeat_seconds=0.05)
        self.parts = ConsoleParts(
            storage=self.storage,
            clock=lambda: self.at,
            content=lambda: content,
            act=self.deeds,
            cases=self.cases,
            drills=self.drills,
            reaching=Reaching(self.storage, lambda: self.at),
            rota=Rota(self.storage, lambda: content, lambda: self.at),
            push_key="BPublicKeyOfTheTests",
            live=self.live,
            publishing=Publishing(self.storage, lambda: self.at, gates=(not_green,), real=False),
        )
        House.shared = self.app = House.shared or application(self.parts)
        self.app.extensions["peersupport-console"] = self.parts
        self._mids = 0

    def staff(
        self, alias: str, role: Role = Role.SUPPORTER, *, language: str = "nb", duty: Duty = Duty.ON
    ) -> Staff:
        """A new account, on duty and reachable. All have the same password."""
        password_hash = hash_once(PASSWORD)

        def add(tx):
            staff_id = tx.staff.add(alias.lower(), alias, role, password_hash, self.at)
            tx.staff.set_duty(staff_id, duty, self.at)
            tx.staff.set_language(staff_id, language)
            tx.staff.seen(staff_id, self.at)
            return staff_id

        return self.again(self.storage.write(add))

    def again(self, staff: Staff | int) -> Staff:
        """The account as it is now."""
        found = self.storage.read(lambda tx: tx.staff.get(staff if isinstance(staff, int) else staff.id))
        assert found is not None
        return found

    def browser(self, staff: Staff | None = None) -> Browser:
        """A browser, signed in without the slow part when `staff` is given."""
        return Browser(self, staff)

    def phone(self, staff: Staff) -> Phone:
        """A phone with the second factor of this account, which is set up without the slow part."""
        phone = Phone(self, second_factor.fresh_secret())
        self.storage.write(lambda tx: tx.factors.set(staff.id, phone.secret, 0, []))
        return phone

    def sign_in(self, staff: Staff, *, login: str = "") -> TestResponse:
        """As a person does: password, then the code from the phone."""
        phone, browser = self.phone(staff), self.browser()
        page = browser.post("/sign-in", login=login or staff.login, password=PASSWORD)
        return browser.post("/sign-in/code", ticket=ticket_of(page), code=phone.code())

    def student(self, text: str = "PRATE", who: str = "A") -> int:
        """A student writes; the contact's id. The words ask for a person unless said otherwise."""
        self._mids += 1
        event = TextReceived(sent_at=self.at, mid=f"m{self._mids}", text=text)
        self.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=who, key=event.mid, event=event)], self.at))
        self.inbound.drain()
        contact_id = self.storage.read(lambda tx: tx.contacts.find(who))
        assert contact_id is not None
        return contact_id

    def waiting(self, text: str = "Jeg sover dårlig for tiden", who: str = "A") -> int:
        """A student who has written these words and waits for a person."""
        self.student("prate", who)
        contact_id = self.student(text, who)
        row = self.storage.read(lambda tx: tx.handoffs.row(contact_id))
        assert row is not None
        return contact_id

    def row(self, contact_id: int):
        return self.storage.read(lambda tx: tx.handoffs.row(contact_id))

    def audit(self) -> list[tuple[str, int | None]]:
        """Who did what, oldest first."""
        lines = self.storage.read(lambda tx: tx.audit.lines(1000))
        return [(line.action, line.by) for line in reversed(lines)]

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)


class Phone:
    """An app for one-time codes."""

    def __init__(self, house: House, secret: str) -> None:
        self.house, self.secret = house, secret

    def code(self, *, seconds: float = 0) -> str:
        """What it shows so many seconds from now."""
        return pyotp.TOTP(self.secret).at(self.house.at + timedelta(seconds=seconds))


def ticket_of(page: TestResponse) -> str:
    """The note in a page between two steps of signing in."""
    found = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert found, page.status_code
    return found[1]


class Browser:
    """A test client that carries the CSRF token as a page would."""

    def __init__(self, house: House, staff: Staff | None) -> None:
        self.house = house
        self.client: FlaskClient = house.app.test_client()
        self._token = ""
        if staff is not None:
            token = f"token-of-{staff.id}"
            expires_at = house.at + timedelta(hours=12)

            def start(tx):
                tx.sessions.end(sessions.token_hash(token))
                tx.sessions.add(staff.id, sessions.token_hash(token), house.at, expires_at)

            house.storage.write(start)
            self.client.set_cookie(sessions.COOKIE, token, path="/console")

    def get(self, path: str = "/", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/console{path}", headers=named)

    def page(self, path: str = "/") -> str:
        """The page's HTML; it must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def token(self) -> str:
        """The CSRF token of any page."""
        if not self._token:
            page = self.get("/more")
            page = page if page.status_code == 200 else self.get("/sign-in")
            found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
            assert found
            self._token = found[1]
        return self._token

    def sight(self, path: str) -> dict[str, object]:
        """What the form that posts to this address would carry if it were drawn now."""
        page = self.get(path if path.endswith("/close") else path.removesuffix("/tier"))
        found = re.search(r'name="sight" value="([^"]+)"', page.text)
        return {"sight": found[1]} if found else {}

    def post(self, path: str, *, follow: bool = False, json: bool = False, **fields: object) -> TestResponse:
        headers = {"Accept": "application/json"} if json else {}
        if path.endswith(("/close", "/tier")) and "sight" not in fields and path.startswith("/c/"):
            fields |= self.sight(path)
        data = {"csrf_token": self.token(), **{name: str(value) for name, value in fields.items()}}
        return self.client.post(f"/console{path}", data=data, headers=headers, follow_redirects=follow)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id as ever, with a thousandth of the memory: a test signs in a dozen times."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def house(content: Content, database_url: str, tmp_path: Path) -> Iterator[House]:
    made = House(content, database_url, tmp_path)
    yield made
    made.live.stop()
    made.storage.close()


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def served(house: House) -> Iterator[list[str]]:
    """The console on this machine, for a real browser: its address, then what any log could hold of the requests."""
    seen: list[str] = []

    def noted(environ, start_response):
        asked = Request(environ)
        seen.append(f"{asked.full_path} {asked.headers}")
        return house.app(environ, start_response)

    house.app.config["SESSION_COOKIE_SECURE"] = False
    live = Live(house.storage)  # with room for several desks
    live.start()
    house.app.extensions["peersupport-console"] = replace(house.parts, secure_cookies=False, live=live)
    server = make_server("127.0.0.1", 0, noted, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    seen.append(f"http://127.0.0.1:{server.server_port}/console")
    yield seen
    live.stop()
    server.shutdown()
    thread.join()
    server.server_close()
    house.app.config["SESSION_COOKIE_SECURE"] = True


@pytest.fixture
def amalie(house: House) -> Staff:
    return house.staff("Amalie")


__all__ = ["PASSWORD", "START", "Browser", "House", "Phone", "Tier", "ticket_of"]


@pytest.fixture
def case(house):
    """A student in danger; Amalie helps, Liv leads, Kari coordinates, Rune reviews."""
    house.amalie, house.jonas = house.staff("Amalie"), house.staff("Jonas")
    house.liv = house.staff("Liv", Role.DUTY_LEAD)
    house.kari = house.staff("Kari", Role.COORDINATOR)
    house.rune = house.staff("Rune", Role.REVIEWER)
    house.contact = house.student(DANGER)
    house.alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    return house
