"""The cases: who is measured together, under what load. Within a case everybody runs side by side, in turn."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contestants import Contestant, Running
from benchmarks.load import Generator
from benchmarks.measure import Load, Result, measure, middle

P, OFF, ON, ONE, BOTTENDER, BOTKIT = (
    "pymessenger tutorial",
    "product",
    "product, typing shown",
    "product, `serve`",
    "bottender",
    "botkit",
)
BARE, STORE, ONE_COMMIT = "bare Flask", "product, worker off", "one commit a request"
WEB_KILLED, WORKER_KILLED = "web", "worker"
CARDS = 2  # students in danger, each second of that case


@dataclass(frozen=True, slots=True)
class Entry:
    """One contestant under one load. `during` runs beside it."""

    contestant: Contestant
    load: Load
    during: Callable[[Running], None] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Entries that are compared with each other. `once`: one round is enough, nothing is compared."""

    key: str
    title: str
    entries: tuple[Entry, ...]
    once: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """Everybody who can take part."""

    tutorial: Contestant
    off: Contestant
    on: Contestant
    one: Contestant  # web and worker in one process, as one machine runs it
    node: tuple[Contestant, ...]
    bare: Contestant
    store: Contestant
    slow: tuple[Contestant, ...]  # one commit a request, the product's store; empty without a compiler

    @property
    def bots(self) -> tuple[Contestant, ...]:
        """All that answer."""
        return (self.tutorial, self.off, self.on, self.one, *self.node)


def cases(field: Field, *, quick: bool) -> list[Case]:
    """All cases, or those of a quick run, which are shorter too."""
    many = 1500 if quick else 3000
    limit = 4.0 if quick else 8.0
    found = [
        _same("at-once", "Closed loop, 16 connections, Graph answers at once", field.bots, Load(many, 16)),
        _same(
            "tls",
            "The same with a Graph that speaks TLS, as Meta's does",
            field.bots,
            Load(many, 16, tls=True),
        ),
        _same(
            "slow-graph",
            "Closed loop, 64 connections, Graph answers after 100 ms",
            field.bots,
            Load(many, 64, delay=0.1, limit_seconds=limit, quiet_seconds=3),
        ),
        _same(
            "store",
            "Only stored, 16 connections (worker off)",
            (field.bare, field.store),
            Load(many, 16, quiet_seconds=0),
        ),
        _batches(field, 1500 if quick else 3000),
        _killed(field, 2400 if quick else 4000, quick=quick),
        _floor(field, 15 if quick else 60),
        _danger(field, 15 if quick else 60),
    ]
    if quick:
        return found
    if field.slow:
        slow = Load(1500, 16, quiet_seconds=0)
        found.append(
            _same("slow-disk", "Only stored, 16 connections, 2 ms more for each flush", field.slow, slow)
        )
    steady = (field.tutorial, field.off, *field.node)
    for rate in (100, 400):
        load = Load(rate * 10, 128, rate=rate)
        found.append(_same(f"rate-{rate}", f"Fixed rate, {rate}/s, Graph answers at once", steady, load))
    found.append(_latency(field))
    return found


def _same(key: str, title: str, contestants: Iterable[Contestant], load: Load) -> Case:
    return Case(key, title, tuple(Entry(each, load) for each in contestants))


def _batches(field: Field, events: int) -> Case:
    entries = []
    for each, shape, name in (
        (5, "messaging", "5 in one entry"),
        (5, "entries", "5 entries"),
        (100, "messaging", "100 in one entry"),
        (100, "entries", "100 entries"),
    ):
        load = Load(events, 16, each=each, shape=shape)  # type: ignore[arg-type]
        for contestant in (field.tutorial, field.off, *(field.node if each == 5 else ())):
            entries.append(Entry(contestant.named(f"{contestant.name}, {name}"), load))
    return Case("batches", "Several events in one POST, 16 connections", tuple(entries))


def _killed(field: Field, events: int, *, quick: bool) -> Case:
    """kill -9 a third and two thirds into the load, and an immediate restart."""
    rate = 200
    load = Load(events, 128, rate=rate, delay=0.1, quiet_seconds=75, echoes=True)

    def die(*names: str) -> Callable[[Running], None]:
        def during(running: Running) -> None:
            for name in names:
                time.sleep(events / rate / (len(names) + 1))
                running.kill(name)
                running.start(name)

        return during

    entries = [
        Entry(contestant.named(f"{contestant.name}: {name} killed"), load, die(name, name))
        for contestant in ((field.off,) if quick else (field.off, field.on))
        for name in (WEB_KILLED, WORKER_KILLED)
    ]
    # More it cannot take while Graph needs 100 ms.
    slower = replace(load, rate=15, events=events * 15 // rate)
    entries.append(Entry(field.tutorial.named(f"{P}: killed, at 15/s"), slower, die("web", "web")))
    return Case("killed", "kill -9 twice under 200/s, Graph answers after 100 ms", tuple(entries), once=True)


def _floor(field: Field, seconds: int) -> Case:
    load = Load(300 * seconds, 256, rate=300, delay=0.1, quiet_seconds=10)
    title = f"300 events/s for {seconds} s, Graph answers after 100 ms"
    return Case("floor", title, (Entry(field.off, load), Entry(field.on, load)))


def _danger(field: Field, seconds: int) -> Case:
    """200 students write, each every two seconds; twice a second somebody new writes that they are in danger."""
    load = Load(
        100 * seconds, 256, rate=100, delay=0.1, quiet_seconds=10, at_once=200, danger_every=100 // CARDS
    )
    title = f"A card while 200 others write: 100 events/s for {seconds} s, Graph answers after 100 ms"
    return Case("danger", title, (Entry(field.off, load), Entry(field.on, load)))


def _latency(field: Field) -> Case:
    entries = tuple(
        Entry(
            field.off.named(f"product, Graph {delay * 1000:.0f} ms"), Load(1000, 128, rate=100, delay=delay)
        )
        for delay in (0.0, 1.0)
    )
    return Case("latency", "Fixed rate, 100/s, Graph answers at once or after a second", entries)


def run_cases(
    wanted: Sequence[Case], generator: Generator, rounds: int, say: Callable[[str], None]
) -> dict[str, Mapping[str, Result]]:
    """Medians by case and name. The first round goes forwards, the second backwards, and so on."""
    results: dict[str, Mapping[str, Result]] = {}
    for case in wanted:
        collected: defaultdict[str, list[Result]] = defaultdict(list)
        times = 1 if case.once else rounds
        for number in range(times):
            for entry in case.entries if number % 2 == 0 else case.entries[::-1]:
                result = measure(entry.contestant, entry.load, generator, entry.during)
                collected[entry.contestant.name].append(result)
                say(
                    f"{case.key}, round {number + 1}: {entry.contestant.name}: {result.acks_s:.0f} acks/s,"
                    f" {result.replies_s:.0f} answered/s, ack p99 {result.ack_p99:.1f} ms,"
                    f" lost {result.lost:.0f}, doubled {result.doubled:.0f}, backlog {result.backlog_s:.1f} s"
                )
        ordered = {entry.contestant.name: middle(collected[entry.contestant.name]) for entry in case.entries}
        results[case.key] = ordered
    return results


class Neighbours:
    """How much of the machine somebody else used while we measured: what says how far to trust the figures."""

    def __init__(self) -> None:
        self._loads: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Neighbours:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self._loads.append(float(Path("/proc/loadavg").read_text().split()[0]))
            if self._stop.wait(10.0):
                return

    @property
    def load(self) -> tuple[float, float]:
        """The lowest and the highest load average of a minute."""
        return min(self._loads), max(self._loads)
