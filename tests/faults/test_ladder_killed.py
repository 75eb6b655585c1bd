"""kill -9 of real workers anywhere between the hit and "I have it": the ladder goes on, and each rung is told."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from forked import Workers
from patience import PATIENCE
from processes import ROOT, Processes, stand_in, wait_for

from bot.content import load_content
from bot.events import TextReceived
from handlers.clock import real
from handlers.escalation import Escalation
from handlers.simulator.standalone import standing_graph
from storage.records import NewEvent, Role

DANGER = "jeg skal ta livet mitt i kveld"
CONTACTS = ("a", "b", "c", "d")  # one rung each, half a second apart, by the outgoing webhook
APART_MINUTES = 0.008
ANSWER_SECONDS = 0.05  # the gateway takes so long: many a kill falls in between


@dataclass
class Gateway:
    """An SMS gateway. It notes what it took, whole requests only."""

    heard: list[tuple[str, str]] = field(default_factory=list)  # to, key
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, to: str, key: str) -> None:
        with self.changed:
            self.heard.append((to, key))
            self.changed.notify_all()
            self.changed.wait_for(lambda: False, ANSWER_SECONDS)

    def wait_until(self, count: int, seconds: float = PATIENCE) -> None:
        """Until it has heard so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, seconds), self.heard

    def wait(self, seconds: float) -> None:
        """So long, whatever comes."""
        until = time.monotonic() + seconds
        with self.changed:
            while (left := until - time.monotonic()) > 0:
                self.changed.wait(left)


@contextmanager
def gateway():
    heard = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.take(body["to"], self.headers["Idempotency-Key"])
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Silence."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # whoever asked was killed
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield heard, f"http://127.0.0.1:{server.server_port}/sms"
    finally:
        server.shutdown()
        server.server_close()


def home_in(folder):
    """The shipped flows under a ladder that is the same at every hour, and quick."""
    home = folder / "home"
    home.mkdir()
    (home / "flows").symlink_to(ROOT / "flows")
    rungs = "".join(
        f"      - {{tell: 'contact:{name}', after_minutes: {n * APART_MINUTES}, channels: [webhook]}}\n"
        for n, name in enumerate(CONTACTS)
    )
    tiers = f"    critical:\n{rungs}    high:\n{rungs}"
    contacts = ", ".join(f'{name}: {{phone: "+470000000{n}"}}' for n, name in enumerate(CONTACTS))
    ladder = (
        f"ladder:\n  repeat_minutes: 60\n  contacts: {{{contacts}}}\n  open:\n{tiers}  closed:\n{tiers}\n"
    )
    config = (ROOT / "config.yaml").read_text("utf-8")
    changed, count = re.subn(r"(?ms)^ladder:\n.*?\n\n", lambda _: ladder, config)
    assert count == 1
    (home / "config.yaml").write_text(changed, "utf-8")
    return home


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """To be started; one home for all of them."""
    folder = tmp_path_factory.mktemp("ladder")
    made = Workers(home_in(folder), folder / "logs.txt")
    yield made
    made.stop()


@contextmanager
def ladder_world(workers, folder, database_url=None):
    """Meta's stand-in, the gateway, a database: how to start a worker, the store, what was heard, a new student."""
    graph = stand_in()
    with standing_graph(graph) as standing, gateway() as (heard, url):
        service = Processes(folder, standing.url, database_url)
        told = {"ALERT_WEBHOOK_URL": url, "ALERT_WEBHOOK_SECRET": "s" * 40}
        storage = service.open()
        try:
            yield lambda: workers.start(service.environ | told), storage, heard, graph.new_student
        finally:
            storage.close()
            workers.kill_all()


def writes(storage, who):
    """A student writes that they are in danger; as the webhook stores it."""
    event = TextReceived(sent_at=real(), mid=f"m-{who}", text=DANGER)
    storage.write(lambda tx: tx.inbox.add([NewEvent(psid=who, key=event.mid, event=event)], real()))


def under_way(storage):
    """Keys of notifications whose fate nobody knows now."""
    rows = storage.read(lambda tx: tx.all("SELECT uid FROM telling WHERE state = 'sending'"))
    return {bytes(row["uid"]).hex() for row in rows}


def alert_of(storage, who):
    contact_id = storage.read(lambda tx: tx.contacts.find(who))
    return storage.read(lambda tx: tx.alerts.open_for(contact_id)) if contact_id else None


def is_told(storage, who):
    """Every rung of this student's alert has been taken by the gateway, as the service knows."""
    alert = alert_of(storage, who)
    lines = storage.read(lambda tx: tx.rungs.lines(alert.id)) if alert else []
    return len(lines) == len(CONTACTS) and all(t.state == "accepted" for line in lines for t in line.tellings)


def check_told(storage, heard, who, doubtful):
    """Each rung once, in order; again only where the fate was unknown when somebody died. One alert."""
    alert = alert_of(storage, who)
    lines = storage.read(lambda tx: tx.rungs.lines(alert.id))
    assert [line.step for line in lines] == [1, 2, 3, 4]
    rows = storage.read(
        lambda tx: tx.all("SELECT uid FROM telling WHERE alert_id = :id ORDER BY id", id=alert.id)
    )
    keys = [bytes(row["uid"]).hex() for row in rows]
    times = Counter(key for _, key in heard.heard if key in keys)
    assert len(keys) == len(CONTACTS) and set(times) == set(keys), "each rung reached the gateway"
    assert {key for key, n in times.items() if n > 1} <= doubtful, "twice only what was under way at a kill"
    # Of rungs that are due together, as after a slow start, any may arrive first: those who send are several.
    told = {key: to for to, key in heard.heard}
    assert [told[key] for key in keys] == sorted(told[key] for key in keys), "in the order of the rungs"


@pytest.mark.parametrize("seed", [4, 1125])
def test_worker_killed_between_hit_and_acknowledgement_goes_on_with_the_ladder(workers, tmp_path, seed):
    chance = random.Random(seed)
    with ladder_world(workers, tmp_path) as (start, storage, heard, student):
        who = student()
        worker = start()
        assert wait_for(lambda: storage.read(lambda tx: tx.worker.last_beat()), storage)
        writes(storage, who)
        doubtful = set()
        for count in range(len(CONTACTS)):
            heard.wait_until(count)  # counts what came twice too: some kills hit a worker that has just begun
            heard.wait(chance.uniform(0, 2 * ANSWER_SECONDS))
            workers.kill(worker)
            doubtful |= under_way(storage)
            worker = start()
        assert wait_for(lambda: is_told(storage, who), storage)
        check_told(storage, heard, who, doubtful)
        acknowledge(storage, alert_of(storage, who))


def acknowledge(storage, alert):
    """Somebody has it: nothing more is due."""
    files = (ROOT / "config.yaml", *(ROOT / "flows").glob("*.yaml"))
    content = load_content({path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files})

    def add(tx):
        return tx.staff.get(tx.staff.add("liv", "Liv", Role.DUTY_LEAD, "-", real()))

    Escalation(storage, lambda: content, real).acknowledge(alert.id, storage.write(add))
    assert not storage.read(lambda tx: tx.rungs.is_due(real()))


def test_two_workers_tell_each_rung_once_also_when_one_of_them_is_killed(workers, cluster, tmp_path):
    chance = random.Random(9)
    with cluster.database() as url, ladder_world(workers, tmp_path, url) as (start, storage, heard, student):
        dead, _ = start(), start()
        assert wait_for(
            lambda: storage.read(lambda tx: tx.figures.workers(real() - timedelta(hours=1))) == 2, storage
        )
        first, second = student(), student()
        writes(storage, first)
        assert wait_for(lambda: is_told(storage, first), storage)
        check_told(storage, heard, first, doubtful=set())
        writes(storage, second)
        heard.wait_until(len(CONTACTS) + 1)
        heard.wait(chance.uniform(0, 2 * ANSWER_SECONDS))
        workers.kill(dead)
        # What it was sending is taken for lost at once, where others would wait a minute and a half.
        mine = f"state = 'sending' AND worker = 'ladder-{dead}'"
        rows = storage.read(lambda tx: tx.all(f"SELECT uid FROM telling WHERE {mine}"))  # noqa: S608
        lost = f"UPDATE telling SET claimed_at = claimed_at - 100000 WHERE {mine}"  # noqa: S608
        storage.write(lambda tx: tx.run(lost))
        assert wait_for(lambda: is_told(storage, second), storage)
        check_told(storage, heard, second, {bytes(row["uid"]).hex() for row in rows})
