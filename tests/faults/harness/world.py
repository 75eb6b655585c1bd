"""The service as processes, Meta's stand-in, the database and its outages, the post, and one clock for all."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from harness.clocked import SharedClock
from harness.schedule import STAFF, WEBS, WORKERS, Store
from patience import PATIENCE
from processes import APP_ID, PAGE_ID, ROOT, SECRET, TOKEN, Processes

from bot.content import Content, load_content
from handlers.deeds import Deeds
from handlers.simulator.graph import Answer, StandIn
from handlers.simulator.poster import Poster
from handlers.simulator.records import Happening
from handlers.simulator.standalone import standing_graph
from storage import Storage
from storage.records import Duty, Role, Staff

OSLO = ZoneInfo("Europe/Oslo")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
READ_TIMEOUT_SECONDS = (
    2  # of our calls to Meta; as shipped it is 10, and each time-out would cost a run so much
)
LONGEST_START_SECONDS = 180  # of all processes, on a machine that is busy with other things
# Somebody else has the database: says so, and lets go when its input ends.
LOCKER = (
    "import sys; from storage.sqlite_statements import sqlite3;"
    "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=100);"
    "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read(); c.execute('ROLLBACK')"
)


class Graph(StandIn):
    """Meta, whose rate limit is over after a second: what is tried here is that we stop and go on, not patience."""

    def call(self, *arguments: Any, **options: Any) -> Answer:
        """Answer one request."""
        answer = super().call(*arguments, **options)
        if answer.status == 429:
            answer.headers.pop("X-App-Usage", None)
            answer.headers.pop("X-Business-Use-Case-Usage", None)
            answer.headers["Retry-After"] = "1"
        return answer


@dataclass(frozen=True, slots=True)
class Post:
    """One POST to the webhook: when it began and ended (monotonic seconds), whether it was answered with 200."""

    number: int
    began_at: float
    ended_at: float
    accepted: bool
    items: tuple[Happening, ...]


class Mail(Poster):
    """Posts webhooks, and keeps a record of every try."""

    def __init__(self, url: str, posted: list[Post]) -> None:
        super().__init__(url, SECRET, timeout_seconds=5, pauses_seconds=(0.0, *[0.1] * 3000))
        self._posted = posted

    def _post(self, happenings: list[Happening]) -> bool:
        began_at = time.monotonic()
        accepted = super()._post(happenings)
        post = Post(len(self._posted), began_at, time.monotonic(), accepted, tuple(happenings))
        self._posted.append(post)
        return accepted


class Mails:
    """Delivers everything to each web process, so that with two of them each event comes to both at once."""

    synchronous = False

    def __init__(self, mails: Sequence[Mail]) -> None:
        self._mails = mails

    def put(self, happenings: Sequence[Happening]) -> None:
        """To everybody."""
        for mail in self._mails:
            mail.put(happenings)

    def set_copies(self, copies: int) -> None:
        """How often each POST comes."""
        for mail in self._mails:
            mail.copies = copies

    def hold(self) -> None:
        """Keep everything back."""
        for mail in self._mails:
            mail.hold()

    def release(self, batch: int, *, shuffled: bool) -> None:
        """Deliver what was kept back, `batch` in a POST, in another order if `shuffled`."""

        def order(items: list[Happening]) -> list[Happening]:
            return random.Random(batch).sample(items, len(items)) if shuffled else items

        for mail in self._mails:
            mail.release(order, batch=batch)

    @property
    def is_idle(self) -> bool:
        """Everything is delivered."""
        return all(not mail.waiting for mail in self._mails)

    def close(self) -> None:
        """Stop."""
        for mail in self._mails:
            mail.close()

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name in ("on_accepted", "now_ms"):  # what the stand-in hands to whoever delivers for it
            for mail in self._mails:
                setattr(mail, name, value)


class Service(Processes):
    """The processes, on a clock that moves; they can also be stopped and go on."""

    def __init__(self, folder: Path, graph_url: str, database_url: str | None) -> None:
        home = folder / "home"
        shutil.copytree(ROOT / "flows", home / "flows", ignore=shutil.ignore_patterns("model"))
        config = (ROOT / "config.yaml").read_text("utf-8")
        config, changes = re.subn(
            r"read_timeout_seconds: \d+", f"read_timeout_seconds: {READ_TIMEOUT_SECONDS}", config
        )
        assert changes == 1
        (home / "config.yaml").write_text(config, "utf-8")
        self.clock_file = folder / "clock"
        super().__init__(folder, graph_url, database_url, home)

    def _command(self, name: str) -> list[str]:
        launcher = Path(__file__).with_name("clocked.py")
        return [sys.executable, str(launcher), str(self.clock_file), "--home", str(self.home), name]

    def _answers(self, process: object, port: int) -> None:
        """Nobody waits for that here; `World` looks after it."""

    def is_up(self, name: str) -> bool:
        """Whether it was started and has not ended."""
        return name in self.running and self.running[name].poll() is None

    def forget(self, name: str) -> None:
        """It has ended by itself, if it ever ran; whatever it forked ends, too."""
        process = self.running.pop(name, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the process and what it forked, if it runs."""
        if self.is_up(name):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running[name].pid, number)


class World:
    """Everything there is, for one schedule after the other."""

    def __init__(self, store: Store, folder: Path, cluster: Any = None) -> None:
        self.store: Store = store
        self._cluster, self._is_away, self._is_read_only = cluster, False, False
        self._ends = contextlib.ExitStack()
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = SharedClock(folder / "clock")
        self._ends.callback(self.clock.close)
        self.graph = Graph(
            page_id=PAGE_ID, app_id=APP_ID, token=TOKEN, app_secret=SECRET, clock=self.clock, default_app=True
        )
        standing = self._ends.enter_context(standing_graph(self.graph))
        self.database_url = self._ends.enter_context(cluster.database()) if cluster else None
        self.service = Service(folder, standing.url, self.database_url)
        self._ends.callback(self._end_service)
        self.storage: Storage = self.service.open()
        self._ends.callback(self.storage.close)
        self.content: Content = load_content(_files(self.service.home))
        self.deeds = Deeds(self.storage, lambda: self.content, self.clock)
        self.posted: list[Post] = []
        self.mail = Mails([Mail(self._url(web), self.posted) for web in WEBS[store]])
        self._ends.callback(self.mail.close)
        self.graph.attach(self.mail)  # type: ignore[arg-type]
        self._shifts = count(1)
        self.staff: list[Staff] = []
        self._locker: subprocess.Popen[bytes] | None = None
        self._stands_up()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the processes."""
        return WORKERS[self.store] + WEBS[self.store]

    def _url(self, web: str) -> str:
        return f"http://127.0.0.1:{self.service.port_of(web)}/webhook"

    def new_shift(self) -> None:
        """Other people come on duty: whom the last ones have taken stays theirs, and these have their hands free."""
        shift = next(self._shifts)

        def change(tx: Any) -> list[Staff]:
            now, made = self.clock(), []
            for gone in self.staff:
                tx.staff.set_duty(gone.id, Duty.OFF, now)
            for number in range(STAFF):
                name = f"{shift}-{number}"
                staff_id = tx.staff.add(f"staff{name}", f"Person {name}", Role.DUTY_LEAD, "x", now)
                tx.staff.set_duty(staff_id, Duty.ON, now)
                tx.staff.seen(staff_id, now + timedelta(days=4000))  # whose console stays open
                made.append(tx.staff.get(staff_id))
            return made

        self.staff = self.storage.write(change)

    def set_clock(self, words: str) -> None:
        """Let it become the next "wednesday 12:00" in Oslo."""
        day, _, hour = words.partition(" ")
        local = self.clock().astimezone(OSLO)
        days = (DAYS.index(day) - local.weekday()) % 7
        wanted = datetime.fromisoformat(f"{(local + timedelta(days=days)).date()} {hour}").replace(
            tzinfo=OSLO
        )
        if wanted <= local:
            wanted = wanted + timedelta(days=7)
        self.clock.jump(wanted - local)

    # Outages.

    def database_goes(self, how: str) -> None:
        """Take the database away. While it is, nothing else can be done to it."""
        if self._is_away:
            return
        match how:
            case "is locked":
                if self._locker is None:
                    self._locker = subprocess.Popen(
                        [sys.executable, "-c", LOCKER, str(self.service.database)],
                        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    )  # fmt: skip
            case "is away":
                self._is_away = True
                self._cluster.stop()
            case "drops connections":
                with self._cluster.connect("postgres") as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'"
                    )
            case "takes no writes":
                self._take_writes("off")

    def database_comes_back(self) -> None:
        """Give it back, whatever was the matter."""
        if self._locker is not None and self._locker.stdin and self._locker.stdout:
            self._locker.stdin.close()
            self._locker.wait(PATIENCE)
            self._locker.stdout.close()
            self._locker = None
        if self._is_away:
            self._cluster.start()
            self._is_away = False
        if self._is_read_only:
            self._take_writes("on")

    def _take_writes(self, how: str) -> None:
        """What a managed server does whose disk is nearly full, and what a standby does after a failover."""
        self._is_read_only = how == "off"
        with self._cluster.connect("postgres") as connection:
            read_only = "on" if self._is_read_only else "off"
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {read_only}")
            connection.execute("SELECT pg_reload_conf()")

    def mend(self) -> None:
        """End every trouble: processes run, the database and Meta answer, the post comes."""
        self.database_comes_back()
        self.graph.fail("normal")
        self.mail.release(batch=1, shuffled=False)
        for name in self.names:
            self.service.signal(name, signal.SIGCONT)
            if self.store == "sqlite" and self.service.is_up(name):
                self.service.largest_file(name, -1)
        self._stands_up()

    def _stands_up(self) -> None:
        """Returns when everything runs and every web process answers."""
        deadline = time.monotonic() + LONGEST_START_SECONDS
        self.keep_up()
        while not all(map(self._answers, WEBS[self.store])):
            assert time.monotonic() < deadline, (
                f"web does not start: {self.service.logs.read_text('utf-8')[-2000:]}"
            )
            pause(0.05)
            self.keep_up()

    def keep_up(self) -> None:
        """What has ended is started again, as a platform does: a process that finds no database ends."""
        for name in self.names:
            self.start(name)

    def _answers(self, web: str) -> bool:
        address = f"http://127.0.0.1:{self.service.port_of(web)}/healthz"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return True
        except OSError:
            return False

    def start(self, name: str) -> None:
        """Start what does not run; does not wait for it."""
        if self.service.is_up(name):
            return
        self.service.forget(name)
        self.service.start(name)

    def _end_service(self) -> None:
        self.database_comes_back()
        self.service.stop()

    def close(self) -> None:
        """End everything."""
        self._ends.close()


def _files(home: Path) -> dict[str, str]:
    paths = [home / "config.yaml", *sorted((home / "flows").glob("*.yaml"))]
    return {path.relative_to(home).as_posix(): path.read_text("utf-8") for path in paths}


@contextlib.contextmanager
def world(store: Store, folder: Path, cluster: Any = None) -> Iterator[World]:
    """A world that ends with the block."""
    made = World(store, folder, cluster)
    try:
        yield made
    finally:
        made.close()


def pause(seconds: float) -> None:
    """Real time passes."""
    threading.Event().wait(seconds)
