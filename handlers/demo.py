"""The demo: the real service with its own keys, two sample staff, a movable clock and the stand-in beside it.

Everything lives in data/demo and is invented. It never starts when a real Page's token is set.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import threading
import webbrowser
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, request

from bot.content import Content
from bot.errors import PeerSupportError
from bot.rota import Kind, stretch
from handlers.cli.parts import DemoOptions
from handlers.clock import MovableClock, real
from handlers.console import devices, passwords, sessions
from handlers.environment import Environment, new_keys, read
from handlers.simulator.graph import StandIn
from handlers.simulator.guard import refuse_real_token
from handlers.simulator.poster import Poster
from handlers.simulator.server import create_blueprint
from storage import Storage, Tx
from storage.records import Duty, Role

log = logging.getLogger("peersupport.demo")
_OSLO = ZoneInfo("Europe/Oslo")
PAGE_ID, APP_ID = "100000000000001", "200000000000002"
# Sample staff, not people: (login, alias shown to students, role, role in words).
STAFF = (
    ("amalie", "Amalie", Role.SUPPORTER, {"nb": "likeperson (eksempel)", "en": "supporter (sample)"}),
    ("marte", "Marte", Role.COORDINATOR, {"nb": "koordinator (eksempel)", "en": "coordinator (sample)"}),
)


class Demo:
    """What the demo adds to the service."""

    def __init__(self, home: Path, options: DemoOptions) -> None:
        """Raises PeerSupportError when a real token is set."""
        problem = refuse_real_token(read(home))
        if problem:
            raise PeerSupportError(problem)
        self._options = options
        self._folder = home / "data" / "demo"
        if options.fresh:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._made = self._load()
        offset = timedelta(seconds=float(self._made.get("clock_offset_seconds", 0)))
        self.clock = _KeptClock(offset, self._keep_offset)
        if options.at is not None:
            self.clock.set(options.at)
        self.environment = Environment.load(home, environ=self._environ())

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._options.port}/simulator"

    def _load(self) -> dict[str, str]:
        """Keys and password of this folder's demo, made the first time and kept for the next."""
        path = self._folder / "demo.json"
        if path.exists():
            return dict(json.loads(path.read_text("utf-8")))
        made = {
            **new_keys(),
            "APP_SECRET": secrets.token_hex(16),
            "PAGE_ACCESS_TOKEN": f"demo-{secrets.token_hex(12)}",
            "VERIFY_TOKEN": secrets.token_hex(8),
            "password": f"demo-{secrets.token_hex(6)}",
        }
        self._write(made)
        return made

    def _write(self, made: dict[str, str]) -> None:
        path = self._folder / "demo.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(made), "utf-8")
        fresh.chmod(0o600)
        os.replace(fresh, path)

    def _keep_offset(self, offset: timedelta) -> None:
        self._made["clock_offset_seconds"] = str(offset.total_seconds())
        self._write(self._made)

    def _environ(self) -> dict[str, str]:
        port = self._options.port
        return {
            **{name: value for name, value in self._made.items() if name.isupper()},
            "PAGE_ID": PAGE_ID,
            "APP_ID": APP_ID,
            "DATABASE_URL": f"sqlite:///{(self._folder / 'peersupport.db').absolute()}",
            "GRAPH_API_URL": f"http://127.0.0.1:{port}/simulator/graph",
            "PORT": str(port),
        }

    def prepare(self, storage: Storage) -> None:
        """The two sample staff, on duty, with shifts in the week when the demo is first started."""

        def add(tx: Tx) -> None:
            is_new = tx.staff.by_login(STAFF[0][0]) is None
            for login, alias, role, _ in STAFF:
                if tx.staff.by_login(login) is None:
                    hashed = passwords.hash_password(self._made["password"])
                    staff_id = tx.staff.add(login, alias, role, hashed, self.clock())
                    tx.staff.set_duty(staff_id, Duty.ON, self.clock())
            if is_new:
                _sample_shifts(tx, self.clock())

        storage.write(add)

    def blueprint(self, storage: Storage, content: Callable[[], Content]) -> Blueprint:
        """The page and the Graph endpoints."""
        env = self.environment
        secret = env.app_secret.get_secret_value()
        stand_in = StandIn(
            page_id=PAGE_ID,
            app_id=APP_ID,
            token=env.page_access_token.get_secret_value(),
            app_secret=secret,
            clock=self.clock,
            human_agent_granted=content().settings.human_agent == "granted",
            path=self._folder / "messenger.json",
        )
        poster = Poster(f"http://127.0.0.1:{env.port}/webhook", secret)
        links = [(alias, words, "/console/") for _, alias, _, words in STAFF]
        return create_blueprint(
            stand_in,
            poster,
            _ClockControl(self.clock, storage, content),
            links,
            sign_in=lambda n: self._sign_in(storage, n),
            zone=content().settings.service_hours.zone,
            page_name=content().settings.page.name,
        )

    def _sign_in(self, storage: Storage, n: int) -> Response:
        """The console's own kind of session, without the password: only here, only for the samples.

        The console speaks the language of the page around it.
        """
        language, agent = request.args.get("lang", ""), request.user_agent.string

        def start(tx: Tx) -> str:
            found = tx.staff.by_login(STAFF[n][0])
            if found is None:
                raise PeerSupportError("the sample account is gone; start the demo with --fresh")
            token = secrets.token_urlsafe(32)
            years = timedelta(days=3650)  # the clock jumps; nobody is to be signed out by that
            tx.sessions.add(
                found[0].id,
                sessions.token_hash(token),
                self.clock(),
                self.clock() + years,
                idle=years,
                device=devices.device_of(agent),
            )
            tx.staff.seen(found[0].id, self.clock())
            if language in ("nb", "en"):
                tx.staff.set_language(found[0].id, language)
            return token

        answer = redirect("/console/")
        answer.set_cookie(
            sessions.COOKIE, storage.write(start), httponly=True, samesite="Lax", path="/console"
        )
        return answer  # type: ignore[return-value]

    def started(self) -> None:
        """Say where it is, and open it."""
        print(  # noqa: T201 - the demo speaks to a person
            f"\nThe demo is at {self.url}\n"
            f"The console alone: http://127.0.0.1:{self._options.port}/console/ "
            f"(sign in as amalie or marte, password {self._made['password']})\n"
            "Here a code from a phone is optional; the real service asks everybody for one.\n"
            "Everything in it is invented. Stop with Ctrl+C.\n",
            flush=True,
        )
        if self._options.browser:
            threading.Timer(0.5, webbrowser.open, [self.url]).start()


# (weekday, start, end, kind, whose: a place in STAFF, or None for an open one). The rest is gaps.
_SHIFTS: tuple[tuple[int, str, str, Kind, int | None], ...] = (
    *((day, "09:00", "14:00", "duty_lead", 1) for day in range(5)),
    *((day, "14:00", "20:00", "duty_lead", None) for day in (0, 2)),
    *((day, "09:00", "14:00", "supporter", 0) for day in (0, 1, 3)),
    *((day, "14:00", "20:00", "supporter", 0) for day in (2,)),
    *((day, "14:00", "20:00", "supporter", None) for day in (1, 3, 4)),
)


def _sample_shifts(tx: Tx, now: datetime) -> None:
    """This week and the next, for the samples. The first of them asks everybody about one of hers."""
    ids = [found[0].id for login, *_ in STAFF if (found := tx.staff.by_login(login))]
    today = now.astimezone(_OSLO).date()
    last = None
    for day, start, end, kind, whose in (
        (today + timedelta(days=each[0] - today.weekday() + week), *each[1:])
        for week in (0, 7)
        for each in _SHIFTS
    ):
        starts_at, ends_at = stretch(_OSLO, day, start, end)
        shift_id = tx.rota.add(kind, starts_at, ends_at, None if whose is None else ids[whose], now)
        last = shift_id if whose == 0 else last
    if last is not None:
        tx.swaps.ask(last, ids[0], None, None, now)


class _KeptClock(MovableClock):
    """Survives a restart: the demo goes on at the time it was put to."""

    def __init__(self, offset: timedelta, keep: Callable[[timedelta], None]) -> None:
        super().__init__(offset)
        self._keep = keep

    def set(self, now: datetime) -> None:
        super().set(now)
        self._keep(self.offset)

    def advance(self, by: timedelta) -> None:
        super().advance(by)
        self._keep(self.offset)


class _ClockControl:
    """What the page's clock buttons do; everything that sleeps is woken, to look at the time again."""

    def __init__(self, clock: MovableClock, storage: Storage, content: Callable[[], Content]) -> None:
        self._clock, self._storage, self._content = clock, storage, content

    def now(self) -> datetime:
        """The service's time."""
        return self._clock()

    def set(self, at: datetime, /) -> None:
        self._clock.set(at)
        self._look_again()

    def advance(self, by: timedelta, /) -> None:
        self._clock.advance(by)
        self._look_again()

    def next_opening(self) -> datetime:
        return self._content().hours.next_opening(self._clock())

    def real(self) -> None:
        self._clock.set(real())
        self._look_again()

    def _look_again(self) -> None:
        """Whoever sits in front of the demo is still there, however far the clock jumped."""

        def seen(tx: Tx) -> None:
            for staff in tx.staff.all():
                if staff.duty is Duty.ON:
                    tx.staff.seen(staff.id, self._clock())
            tx.wake("screens")

        self._storage.write(seen)
