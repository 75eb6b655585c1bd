"""One measurement: start a contestant and a Graph, fire a plan, wait until nothing more comes, count."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from math import nan
from statistics import median
from typing import Any

from benchmarks.certificate import certificate_file
from benchmarks.contestants import Contestant, Running
from benchmarks.graph import Graph
from benchmarks.load import Fired, Generator
from benchmarks.processes import Watch, free_port
from benchmarks.traffic import ROUNDS, Plan, Shape, echo, plan

_REST_SECONDS = 1.5  # after the start, before the memory at rest is read
_AT_MOST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is fired. `rate` 0 is a closed loop. `delay` is how long Graph takes for an answer."""

    events: int
    connections: int
    delay: float = 0.0
    rate: float = 0.0
    each: int = 1
    shape: Shape = "messaging"
    limit_seconds: float = 600.0
    quiet_seconds: float = 5.0  # without a message for so long, nothing more comes
    at_once: int = 0  # so many conversations at a time; 0: all
    tls: bool = False  # Graph speaks it, as Meta's does
    danger_every: int = 0  # each so many-th message is somebody new in danger; 0: none
    echoes: bool = (
        False  # as Meta does, tell the app of each message that it took and whose answer nobody heard
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What came out. Times in milliseconds from when the request was due, a rate counts events."""

    acked: float
    acks_s: float
    replies_s: float
    ack_p50: float
    ack_p99: float
    e2e_p50: float
    e2e_p99: float
    cpu_ms: float  # per event, all processes
    rss_mb: float  # under load
    pss_mb: float
    idle_rss_mb: float
    idle_pss_mb: float
    graph_connections: float
    graph_calls: float
    graph_most: float  # calls under way at once, as Graph sees it
    backlog_s: float  # from the last 200 to the last answer
    lost: float
    doubled: float
    unknown: float  # of unknown fate, and so shown to a person
    generator_cores: float
    graph_cores: float
    cards: float = 0  # students in danger who had one
    card_p50: float = nan
    card_p99: float = nan
    card_max: float = nan


def middle(results: Sequence[Result]) -> Result:
    """Each figure's median; what was lost or doubled is added up, so that no round hides it."""
    figures = {each.name: median(getattr(result, each.name) for result in results) for each in fields(Result)}
    for name in ("lost", "doubled", "unknown"):
        figures[name] = sum(getattr(result, name) for result in results)
    return Result(**figures)


def measure(
    contestant: Contestant,
    load: Load,
    generator: Generator,
    during: Callable[[Running], None] | None = None,
) -> Result:
    """`during` runs beside the load, in a thread of its own."""
    certificate = certificate_file() if load.tls else None
    with (
        Graph(free_port(), load.delay, certificate) as graph,
        Running(contestant, graph.url, certificate) as running,
    ):
        work = plan(
            running.port,
            events=load.events,
            each=load.each,
            shape=load.shape,
            at_once=load.at_once,
            danger_every=load.danger_every,
        )
        _wait_for_rest(running)
        idle = running.memory_mb()
        cpu, graph_cpu = running.cpu_seconds(), graph.everything()["cpu_seconds"]
        with Watch(list(running.groups.values())) as watch:
            helper = threading.Thread(target=during, args=(running,)) if during else None
            if helper:
                helper.start()
            over = threading.Event()
            if load.echoes:
                threading.Thread(target=_echo, args=(graph, running.port, over), daemon=True).start()
            fired = generator.fire(
                running.port,
                work.requests,
                connections=load.connections,
                rate=load.rate,
                limit_seconds=load.limit_seconds,
            )
            if helper:
                helper.join()
            _wait_for_answers(graph, _expected(contestant, work, fired), load)
            over.set()
        told = graph.everything()
        used = float("nan") if during else running.cpu_seconds() - cpu  # what was killed cannot be asked
        sizes = (watch.rss_mb, watch.pss_mb, *idle)
        graph_used = told["cpu_seconds"] - graph_cpu
        return _counted(contestant, work, fired, told, used, sizes, graph_used, running.unknown())


def answers_of(contestant: Contestant, generator: Generator) -> tuple[int, ...]:
    """How many messages it sends for each thing that one student writes, found out by one student."""
    with Graph(free_port(), 0.0) as graph, Running(contestant, graph.url) as running:
        _wait_for_rest(running)
        counts = [0]
        for request in plan(running.port, events=ROUNDS, each=1).requests[:ROUNDS]:
            generator.fire(running.port, (request,), connections=1)
            time.sleep(1.0)
            counts.append(graph.figures()["messages"])
    return tuple(after - before for before, after in pairwise(counts))


def _wait_for_rest(running: Running) -> None:
    """Until it has done what it does when it starts: less than a tenth of a core for a while."""
    before, deadline = running.cpu_seconds(), time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(_REST_SECONDS)
        now = running.cpu_seconds()
        if now > 0.2 and now - before < _REST_SECONDS / 10:
            return
        before = now


def _expected(contestant: Contestant, work: Plan, fired: Fired) -> int:
    return sum(
        1 if event.danger else contestant.answers[event.round]
        for event in work.events
        if fired.shots[event.post].status == 200
    )


def _echo(graph: Graph, port: int, over: threading.Event) -> None:
    """Until it is accepted, as Meta does."""
    waiting: list[bytes] = []
    while not over.wait(0.2):
        waiting += [echo(port, *each) for each in graph.unheard()]
        waiting = [each for each in waiting if not _is_accepted(port, each)]


def _is_accepted(port: int, request: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request)
            return connection.recv(12).endswith(b" 200")
    except OSError:
        return False


def _wait_for_answers(graph: Graph, expected: int, load: Load) -> None:
    seen, changed_at, end_at = -1, time.monotonic(), time.monotonic() + _AT_MOST_SECONDS
    while (now := time.monotonic()) < end_at:
        count = graph.figures()["messages"]
        if count >= expected:
            time.sleep(load.delay + 0.5)  # what was doubled comes too
            return
        if count != seen:
            seen, changed_at = count, now
        elif now - changed_at > load.quiet_seconds + load.delay:
            return
        time.sleep(0.1)


def _arrivals(told: dict[str, Any]) -> tuple[dict[str, list[float]], int]:
    """When each student got messages, without repetitions; and how many of those there were."""
    seen: Counter[str] = Counter()
    times: defaultdict[str, list[float]] = defaultdict(list)
    repeated = 0
    for at, psid, mark in told["arrivals"]:
        if mark:
            seen[mark] += 1
            if seen[mark] > 1:
                repeated += 1
                continue
        times[psid].append(at)
    return times, repeated


def _counted(
    contestant: Contestant,
    work: Plan,
    fired: Fired,
    told: dict[str, Any],
    cpu_seconds: float,
    sizes: tuple[float, float, float, float],
    graph_cpu: float,
    unknown: int,
) -> Result:
    times, doubled = _arrivals(told)
    before = [0, *accumulate(contestant.answers)]
    expected: Counter[str] = Counter()
    e2e: list[float] = []
    cards: list[float] = []
    answered_at: list[float] = []
    acked = lost = 0
    for event in work.events:
        shot = fired.shots[event.post]
        if shot.status != 200:
            continue
        acked += 1
        if event.danger:
            card = times.pop(event.psid, [])  # the card is the first; what follows it is not counted
            cards += [(at - shot.scheduled) * 1000 for at in card[:1]]
            lost += not card
            continue
        if not contestant.answers[event.round]:
            continue
        expected[event.psid] += contestant.answers[event.round]
        got = times.get(event.psid, [])
        if len(got) >= before[event.round + 1]:
            at = got[before[event.round]]
            e2e.append((at - shot.scheduled) * 1000)
            answered_at.append(at)
        else:
            lost += 1
    doubled += sum(max(0, len(got) - expected[psid]) for psid, got in times.items())
    done = [shot for shot in fired.shots if shot.status == 200]
    first = min((shot.scheduled for shot in done), default=0.0)
    last_ack = max((shot.acked for shot in done), default=0.0)
    last_answer = max(answered_at, default=last_ack)
    ack = [(shot.acked - shot.scheduled) * 1000 for shot in done]
    span = max(last_answer, last_ack) - first
    return Result(
        acked=acked,
        acks_s=acked / max(last_ack - first, 1e-6),
        replies_s=len(answered_at) / max(last_answer - first, 1e-6),
        ack_p50=percentile(ack, 50),
        ack_p99=percentile(ack, 99),
        e2e_p50=percentile(e2e, 50),
        e2e_p99=percentile(e2e, 99),
        cpu_ms=cpu_seconds * 1000 / max(acked, 1),
        rss_mb=sizes[0],
        pss_mb=sizes[1],
        idle_rss_mb=sizes[2],
        idle_pss_mb=sizes[3],
        graph_connections=told["connections"],
        graph_calls=told["messages"] + told["actions"],
        graph_most=told["most"],
        backlog_s=max(0.0, last_answer - last_ack),
        lost=lost,
        doubled=doubled,
        unknown=unknown,
        generator_cores=fired.cores,
        graph_cores=graph_cpu / max(span, 1e-6),
        cards=len(cards),
        card_p50=percentile(cards, 50),
        card_p99=percentile(cards, 99),
        card_max=max(cards, default=nan),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Of the values in order; not a number when there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
