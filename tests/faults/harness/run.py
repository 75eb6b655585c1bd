"""Carries a schedule out, mends everything, lets it come to rest, and has the checker look."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from harness import checker, rest
from harness.facts import Deed, Facts, Planted, gather
from harness.schedule import Schedule, Step
from harness.world import World

from bot.errors import NotPossible, PeerSupportError
from bot.outcomes import OUTCOMES
from handlers.simulator.state import Refused
from storage.errors import StorageError
from storage.records import Staff
from storage.times import from_ms, to_ms

GRACE_SECONDS = 15.0  # between asking a process to end and killing it
TIMER_AFTER = timedelta(milliseconds=400)


@dataclass(slots=True)
class Result:
    """What became of one schedule."""

    schedule: Schedule
    facts: Facts
    problems: list[str]
    seconds: float
    trouble: list[str] = field(default_factory=list)  # of the harness itself

    def __str__(self) -> str:
        seed, store = self.schedule.seed, self.schedule.store
        if not self.problems:
            return f"seed {seed:>6} {store}: green, {self.seconds:.1f} s, {self.facts.summary}"
        return "\n".join(
            [
                f"seed {seed} {store}: {len(self.problems)} problems",
                *(f"  - {problem}" for problem in self.problems),
                "What was done:",
                str(self.schedule),
                "To see it again:",
                f"  python benchmarks/faults.py --store {store} --schedules 1 --seed {seed} {self.schedule.size}",
            ]
        )


class Runner:
    """One schedule in one world."""

    def __init__(self, world: World, plan: Schedule) -> None:
        self.world, self.plan = world, plan
        self.deeds: list[Deed] = []
        self.planted: list[Planted] = []
        self._said: dict[str, list[str]] = {psid: [] for psid in plan.students}
        self._pool = ThreadPoolExecutor(6)
        self._futures: list[Any] = []
        self._lock = threading.Lock()
        self._numbers = iter(range(10**6))
        self._first_post = len(world.posted)
        self._first_delivery = len(world.graph.deliveries)

    def run(self) -> Result:
        """Do it all."""
        try:
            return self._run()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> Result:
        began = time.monotonic()
        self.world.set_clock(self.plan.starts)
        self.world.new_shift()
        self.world.mail.set_copies(self.plan.copies)
        for psid in self.plan.students:
            self.world.graph.new_student(psid)
        started = time.monotonic()
        for step in self.plan.steps:
            left = started + step.at_ms / 1000 - time.monotonic()
            if left > 0:
                threading.Event().wait(left)
            self._do(step)
        self.world.mend()
        wait(self._futures, rest.MOST_SECONDS)
        rested = rest.comes_to_rest(self.world)
        for step in self.plan.afterwards:  # whom trouble kept from being taken is taken now
            self._deed(step)
        rested = rest.comes_to_rest(self.world) and rested
        facts = self.facts()
        problems = (
            [] if rested else ["It does not come to rest: " + rest.what_is_left(self.world)]
        ) + checker.check(facts)
        return Result(self.plan, facts, problems, time.monotonic() - began)

    def facts(self, tx: Any = None) -> Facts:
        """What there is to see now, or in this transaction."""
        if tx is None:
            return self.world.storage.read(self.facts)
        return gather(
            tx,
            self.plan,
            world=self.world,
            deeds=tuple(self.deeds),
            planted=tuple(self.planted),
            posts=tuple(self.world.posted[self._first_post :]),
            deliveries=tuple(self.world.graph.deliveries[self._first_delivery :]),
        )

    def _do(self, step: Step) -> None:
        match step.who:
            case "graph":
                self.world.graph.fail(step.value, seconds=3.0, milliseconds=700)  # type: ignore[arg-type]
            case "database" if step.what == "is back":
                self.world.database_comes_back()
            case "database":
                self.world.database_goes(step.what)
            case "clock":
                self.world.clock.jump(timedelta(seconds=float(step.value)))
            case "mail":
                self._mail(step)
            case "everybody":
                wait(self._futures)
                rest.comes_to_rest(self.world)
            case "staff" if step.what == "takes":
                self._takes(str(step.value))
            case "staff":
                self._later(lambda: self._deed(step))
            case name if name in self.world.names:
                self._process(name, step.what)
            case _ if step.what == "timer":
                self._later(lambda: self._plant(step))
            case psid:
                self._act(psid, step)

    def _later(self, work: Callable[[], None]) -> None:
        """Beside everything else: the store may keep it waiting."""
        self._futures.append(self._pool.submit(work))

    def _process(self, name: str, what: str) -> None:
        service = self.world.service
        match what:
            case "is killed":
                service.forget(name)
            case "is asked to end":
                self._ask_to_end(name)
            case "is started":
                self.world.start(name)
            case "is stopped":
                service.signal(name, signal.SIGSTOP)
            case "goes on":
                service.signal(name, signal.SIGCONT)
            case "has a full disk":
                if service.is_up(name):
                    service.largest_file(name, 1)
            case "has room":
                if service.is_up(name):
                    service.largest_file(name, -1)

    def _ask_to_end(self, name: str) -> None:
        """SIGTERM; whoever does not end in time, such as a process that is stopped, is killed, as a platform does."""
        service = self.world.service
        if service.is_up(name) and not self._is_stopped(name):
            service.signal(name, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                service.running[name].wait(GRACE_SECONDS)
        service.forget(name)

    def _is_stopped(self, name: str) -> bool:
        with open(f"/proc/{self.world.service.running[name].pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "T"

    def _mail(self, step: Step) -> None:
        mail = self.world.mail
        match step.what:
            case "is held back":
                mail.hold()
            case "comes again":
                before = [item for post in self.world.posted[self._first_post :] for item in post.items]
                if before:
                    start = int(float(step.value) * len(before))
                    mail.put(before[start : start + 4])
            case what:
                mail.release(int(step.value), shuffled=what == "comes shuffled")

    # Students.

    def _act(self, psid: str, step: Step) -> None:
        try:
            self._student(psid, step)
        except Refused:
            return  # Messenger would not let them: the message was taken back, say

    def _student(self, psid: str, step: Step) -> None:
        graph, value, said = self.world.graph, step.value, self._said[psid]
        match step.what:
            case "says" | "danger" | "commands":
                said.append(graph.write(psid, str(value)))
            case "taps":
                offered = graph.thread(psid).offered
                if offered:
                    graph.tap(psid, int(float(value) * len(offered)))
                else:
                    said.append(graph.write(psid, "hallo"))
            case "likes":
                graph.send_like(psid)
            case "pictures":
                graph.send_image(psid, caption="bilde fra i dag" if float(value) > 0.5 else None)
            case "starts":
                graph.get_started(psid)
            case "edits" | "edits into danger" if said:
                graph.edit(psid, said[-1], str(value))
            case "takes back" if said:
                graph.unsend(psid, said[int(float(value) * len(said)) - 1])
            case "reacts" if said:
                graph.react(psid, said[-1], "❤" if float(value) > 0.4 else None)
            case "reads":
                graph.read(psid)

    # Staff.

    def _takes(self, psid: str) -> None:
        """This student, surely: what comes after it in a quiet schedule is about somebody who is claimed."""
        contact_id = self.world.storage.read(lambda tx: tx.contacts.find(psid))
        assert contact_id is not None
        staff, ends_at = self.world.staff[0], time.monotonic() + rest.MOST_SECONDS
        while time.monotonic() < ends_at:
            self._try("claim", contact_id, staff, lambda: self.world.deeds.claim(contact_id, staff))
            if self.deeds[-1].outcome == "done":
                return

    def _deed(self, step: Step) -> None:
        chance = random.Random(float(step.value))
        staff = chance.choice(self.world.staff)
        try:
            match step.what:
                case "claims":
                    self._claims(chance, staff)
                case "acknowledges" | "sees alert":
                    self._alert(chance, staff, step.what)
                case what:
                    self._own(chance, staff, what)
        except PeerSupportError:
            return  # not even the list could be read

    def _claims(self, chance: random.Random, staff: Staff) -> None:
        """Two want the same one."""
        rows = [row for row in self.world.deeds.queue(staff) if self._is_ours(row.contact_id)]
        if not rows:
            return
        contact_id = chance.choice(rows).contact_id
        other = chance.choice([each for each in self.world.staff if each.id != staff.id])
        racing = threading.Thread(
            target=self._try,
            args=("claim", contact_id, other, lambda: self.world.deeds.claim(contact_id, other)),
        )
        racing.start()
        self._try("claim", contact_id, staff, lambda: self.world.deeds.claim(contact_id, staff))
        racing.join()

    def _alert(self, chance: random.Random, staff: Staff, what: str) -> None:
        alerts = self.world.storage.read(lambda tx: tx.alerts.open())
        alerts = [alert for alert in alerts if self._is_ours(alert.contact_id)]
        if not alerts:
            return
        alert = chance.choice(alerts)
        act = self.world.deeds.acknowledge if what == "acknowledges" else self.world.deeds.alert_shown
        self._try(what, alert.contact_id, staff, lambda: act(alert.id, staff))

    def _own(self, chance: random.Random, staff: Staff, what: str) -> None:
        deeds = self.world.deeds
        rows = [row for row in deeds.claimed(staff) if self._is_ours(row.contact_id)]
        if not rows:
            return
        contact_id = chance.choice(rows).contact_id
        by = next(
            each
            for row in rows
            if row.contact_id == contact_id
            for each in self.world.staff
            if each.id == row.claimed_by
        )
        text = f"svar {self.plan.seed}-{next(self._numbers)}"
        match what:
            case "replies":
                seen = self.world.storage.read(lambda tx: tx.transcript.last_id(contact_id))
                self._try(
                    "reply",
                    contact_id,
                    by,
                    lambda: deeds.reply(contact_id, by, text, seen, confirmed=True),
                    text,
                )
            case "closes":
                outcome = chance.choice(sorted(OUTCOMES))
                self._try(
                    "close",
                    contact_id,
                    by,
                    lambda: deeds.close(contact_id, by, outcome, seen=deeds.sight(contact_id)),
                )
            case "releases":
                self._try("release", contact_id, by, lambda: deeds.release(contact_id, by))
            case "transfers":
                to = chance.choice([each for each in self.world.staff if each.id != by.id])
                self._try("transfer", contact_id, by, lambda: deeds.team.offer(contact_id, by, to.id, ""))
                self._try("accept", contact_id, to, lambda: deeds.team.accept(contact_id, to))
            case "notes":
                self._try("note", contact_id, by, lambda: deeds.note(contact_id, by, text), text)

    def _is_ours(self, contact_id: int) -> bool:
        return self.world.storage.read(lambda tx: tx.contacts.psid(contact_id)) in self._said

    def _try(
        self, what: str, contact_id: int, staff: Staff, act: Callable[[], object], text: str = ""
    ) -> None:
        """Do it, and remember how it went; `unknown` means that it may have been done."""
        try:
            act()
        except NotPossible:
            outcome = "refused"
        except StorageError:
            outcome = "unknown" if self.world.store == "postgresql" else "refused"
        else:
            outcome = "done"
        with self._lock:
            self.deeds.append(Deed(what, contact_id, staff.id, outcome, text))

    # Timers.

    def _plant(self, step: Step) -> None:
        """A timer that nothing answers to: only that it goes off, once."""
        due_at = from_ms(to_ms(self.world.clock() + TIMER_AFTER))
        name = f"harness:{step.value}"
        psid = step.who

        def plant(tx: Any) -> int | None:
            contact_id = tx.contacts.find(psid)
            if contact_id is not None and tx.contacts.lock(contact_id):
                tx.timers.set(contact_id, name, due_at)
                return int(contact_id)
            return None

        try:
            contact_id = self.world.storage.write(plant)
        except StorageError:
            return
        if contact_id is not None:
            with self._lock:
                self.planted.append(Planted(contact_id, name, due_at))


def run_schedule(world: World, plan: Schedule) -> Result:
    """Carry it out and check."""
    return Runner(world, plan).run()
