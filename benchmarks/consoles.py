"""How soon a student's message is on supporters' screens, and what open screens cost:

    python benchmarks/consoles.py [--consoles 50 --consoles 200] [--seconds 60]

Web and worker run as their own processes. Each supporter is signed in, has a talk with one student open, and listens.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # so that `benchmarks` is found, and nothing in it by a short name

from benchmarks import contestants, seeds  # noqa: E402
from benchmarks.cases import Neighbours  # noqa: E402
from benchmarks.console import Console  # noqa: E402
from benchmarks.contestants import Running  # noqa: E402
from benchmarks.graph import Graph  # noqa: E402
from benchmarks.measure import percentile  # noqa: E402
from benchmarks.processes import free_port  # noqa: E402
from benchmarks.traffic import DANGER_TEXTS, FREE_TEXTS, one  # noqa: E402

_NEW = 27_000_000_000_000_000  # ids of students who write for the first time
_EACH_WRITES = 30.0  # seconds between two messages of one student, on average
_ALERTS, _ALERT_EVERY = 8, 5.0
_SETTLE = 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the service while nothing happens."""

    cores: float
    mb: float  # proportional: what processes share counts once


@dataclass(frozen=True, slots=True)
class Seen:
    """How long after its POST was begun something was on the screens it belongs on, in milliseconds."""

    times: tuple[float, ...]
    missing: int  # not on a screen when the measurement ended

    def __str__(self) -> str:
        p50, p95, p99 = (percentile(self.times, each) for each in (50, 95, 99))
        longest = max(self.times, default=nan)
        lost = f", {self.missing} never" if self.missing else ""
        return f"{p50:.0f} / {p95:.0f} / {p99:.0f} / {longest:.0f} ms of {len(self.times)}{lost}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of so many consoles."""

    consoles: int
    alone: Cost  # the service before anybody signed in
    idle: Cost  # with all consoles open
    heard_idle: float  # words on a stream in a minute in which nobody writes
    refused: int
    message: Seen
    alert: Seen
    busy_cores: float
    asked_each: float  # questions of a console for each message
    page_kb: float
    client_cores: float


class Students:
    """They write through the webhook, over one kept connection for each message under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._count = 0

    async def write(self, psid: str, text: str) -> float:
        """When the POST of this message was begun."""
        self._count += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        request = one(self._port, psid, self._count, text)
        began = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError("the webhook refused a message")
        return began


async def figures_of(running: Running, contacts: Sequence[int], seconds: float) -> Figures:
    """Measure with one console for each of these contacts."""
    alone = await _cost(running, seconds)
    consoles = [Console(running.port, seeds.login(n), seeds.PASSWORD) for n in range(len(contacts))]
    for console, contact_id in zip(consoles, contacts, strict=True):
        await console.sign_in()
        await console.open(f"/console/c/{contact_id}")
    for console in consoles:
        console.listen()
    await asyncio.sleep(_SETTLE)
    heard = sum(each.heard for each in consoles)
    idle = await _cost(running, max(seconds, 65.0))  # each asks once a minute
    heard_idle = (sum(each.heard for each in consoles) - heard) / len(consoles) / max(seconds, 65.0) * 60
    students = Students(running.port)
    asked, cpu, own, began = (
        sum(each.asked for each in consoles),
        running.cpu_seconds(),
        time.process_time(),
        time.monotonic(),
    )
    message, written = await _messages(students, consoles, seconds)
    took = time.monotonic() - began
    busy, client = (running.cpu_seconds() - cpu) / took, (time.process_time() - own) / took
    asked_each = (sum(each.asked for each in consoles) - asked) / len(consoles) / written
    alert = await _alerts(students, consoles)
    for console in consoles:
        await console.close()
    return Figures(
        consoles=len(consoles),
        alone=alone,
        idle=idle,
        heard_idle=heard_idle,
        refused=sum(1 for each in consoles if each.refused),
        message=message,
        alert=alert,
        busy_cores=busy,
        asked_each=asked_each,
        page_kb=max(each.page_kb for each in consoles),
        client_cores=client,
    )


async def _cost(running: Running, seconds: float) -> Cost:
    cpu, began = running.cpu_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    return Cost((running.cpu_seconds() - cpu) / (time.monotonic() - began), running.memory_mb()[1])


async def _messages(students: Students, consoles: Sequence[Console], seconds: float) -> tuple[Seen, int]:
    """Each student writes now and then, independently of the others; seen is what the own supporter's page has."""
    chance = random.Random(5)
    sent: list[tuple[Console, str, asyncio.Task[float]]] = []
    loop = asyncio.get_running_loop()
    due, end = time.monotonic(), time.monotonic() + seconds
    while True:
        due += chance.expovariate(len(consoles) / _EACH_WRITES)
        if due >= end:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        number, sign = chance.randrange(len(consoles)), f"ref{len(sent):06d}"
        text = f"{FREE_TEXTS[len(sent) % len(FREE_TEXTS)]} {sign}"
        sent.append((consoles[number], sign, loop.create_task(students.write(seeds.psid(number), text))))
    await asyncio.sleep(_SETTLE)
    times = [(console.seen.get(sign, nan) - await task) * 1000 for console, sign, task in sent]
    there = tuple(each for each in times if each == each)  # noqa: PLR0124 - not a number is not itself
    return Seen(there, len(times) - len(there)), len(sent)


async def _alerts(students: Students, consoles: Sequence[Console]) -> Seen:
    """Somebody new is in danger: their row belongs on every screen."""
    times: list[float] = []
    missing = 0
    for number in range(_ALERTS):
        before = {row for console in consoles for row in console.seen}
        began = await students.write(str(_NEW + number), DANGER_TEXTS[number % len(DANGER_TEXTS)])
        await asyncio.sleep(_ALERT_EVERY)
        for console in consoles:
            found = [at for sign, at in console.seen.items() if sign not in before]
            times += [(at - began) * 1000 for at in found[:1]]
            missing += not found
    return Seen(tuple(times), missing)


def measured(count: int, seconds: float) -> Figures:
    """The whole of it, with a fresh service."""
    contestant = contestants.product(ROOT, typing=True)
    with Graph(free_port(), 0.1) as graph:
        running = Running(contestant, graph.url)
        storage = seeds.store_of(running.variables)
        contacts = seeds.evening(storage, count)
        storage.close()
        with running:
            time.sleep(_SETTLE)
            return asyncio.run(figures_of(running, contacts, seconds))


def told(found: Figures) -> list[str]:
    """For people."""
    idle, alone = found.idle, found.alone
    return [
        f"{found.consoles} consoles ({found.page_kb:.0f} KB a page; {found.refused} without a stream)",
        f"  a message on its supporter's screen, p50 / p95 / p99 / longest: {found.message}",
        f"  somebody new in danger, on every screen:                        {found.alert}",
        f"  while they write: {found.busy_cores:.2f} cores (these consoles {found.client_cores:.2f}); each console asks"
        f" {found.asked_each:.2f} times a message",
        f"  idle: {idle.cores * 100:.1f} % of a core and {idle.mb:.0f} MB; without any {alone.cores * 100:.1f} % and"
        f" {alone.mb:.0f} MB; so {(idle.cores - alone.cores) * 100:.1f} % and {idle.mb - alone.mb:.0f} MB;"
        f" {found.heard_idle:.1f} words a minute on a stream",
    ]


@click.command()
@click.option("--consoles", "counts", multiple=True, type=click.IntRange(1, 1000), default=(50, 200))
@click.option("--seconds", type=click.FloatRange(5, 600), default=60.0, help="For each part.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the report there too.")
def main(counts: tuple[int, ...], seconds: float, out: Path | None) -> None:
    """Measure, and print a report."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what we started ends with us
    lines: list[str] = []
    for count in counts:
        with Neighbours() as neighbours:
            lines += told(measured(count, seconds))
        low, high = neighbours.load
        lines.append(f"  load average of the machine meanwhile: {low:.1f} to {high:.1f}")
    click.echo("\n".join(lines))
    if out:
        out.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
