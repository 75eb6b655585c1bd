"""The goals, each with its floor, its stretch and what came out: misses are printed like everything else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.cases import BARE, BOTKIT, BOTTENDER, OFF, ON, ONE, ONE_COMMIT, STORE, P
from benchmarks.measure import Result

Results = Mapping[str, Mapping[str, Result]]


@dataclass(frozen=True, slots=True)
class Line:
    """One goal. `met` None: it could not be measured here."""

    number: str
    what: str
    floor: str
    stretch: str
    came_out: str
    met: bool | None


class _Missing(Exception):
    """A case or a contestant did not take part."""


class _Look:
    def __init__(self, results: Results) -> None:
        self._results = results

    def __call__(self, case: str, name: str) -> Result:
        try:
            return self._results[case][name]
        except KeyError:
            raise _Missing from None

    def has(self, case: str, name: str) -> bool:
        """Whether it took part."""
        return name in self._results.get(case, {})

    def peers(self, case: str) -> list[Result]:
        """The other bots of a case."""
        return [self._results[case][name] for name in (P, BOTTENDER, BOTKIT) if self.has(case, name)]


_Judged = tuple[str, bool]


def lines(results: Results, reading: tuple[float, float] | None) -> list[Line]:
    """All goals. `reading`: microseconds of danger reading for one message, and of trying phrase by phrase."""
    look = _Look(results)
    found = [_line(look, *goal) for goal in _GOALS]
    if reading:
        us, naive_us = reading
        text = f"{us:.0f} us, {naive_us / us:.0f} x"
        met = us <= 20 and naive_us >= 15 * us
        goal = ("17", "2,000 phrases, 200 characters", "<= 20 us, >= 15 x phrase by phrase", "7-8 us, 34 x")
        found.append(Line(*goal, text, met))
    return found


def _line(
    look: _Look, number: str, what: str, floor: str, stretch: str, judge: Callable[[_Look], _Judged]
) -> Line:
    try:
        came_out, met = judge(look)
    except _Missing:
        return Line(number, what, floor, stretch, "not measured in this run", None)
    return Line(number, what, floor, stretch, came_out, met)


def _ratio(mine: float, other: float) -> float:
    return mine / other if other else math.inf


def _floor_run(look: _Look) -> _Judged:
    texts, met = [], True
    for name in (OFF, ON):
        r = look("floor", name)
        texts.append(
            f"{name}: ack p99 {r.ack_p99:.0f} ms, lost {r.lost:.0f}, doubled {r.doubled:.0f},"
            f" empty after {r.backlog_s:.1f} s"
        )
        met = met and r.ack_p99 <= 100 and not r.lost and r.backlog_s <= 2
    return "; ".join(texts), met


def _acks(look: _Look) -> _Judged:
    mine, other = look("at-once", OFF), look("at-once", P)
    ratio = _ratio(mine.acks_s, other.acks_s)
    best = max(peer.acks_s for peer in look.peers("at-once"))
    return (
        f"{ratio:.2f} x ({mine.acks_s:.0f} / {other.acks_s:.0f}; best peer {best:.0f})",
        ratio >= 1.5 and mine.acks_s > best,
    )


def _acks_of_issue(look: _Look) -> _Judged:
    ratio = _ratio(look("at-once", OFF).acks_s, look("at-once", P).acks_s)
    return f"{ratio:.2f} x", ratio >= 1.0


def _replies(look: _Look) -> _Judged:
    mine, other = look("at-once", OFF), look("at-once", P)
    ratio = _ratio(mine.replies_s, other.replies_s)
    return f"{ratio:.2f} x, empty after {mine.backlog_s:.1f} s", ratio >= 1.3 and mine.backlog_s <= 2


def _store(look: _Look) -> _Judged:
    ratio = _ratio(look("store", STORE).acks_s, look("store", BARE).acks_s)
    return f"{ratio:.2f}", ratio >= 0.6


def _slow_disk(look: _Look) -> _Judged:
    ratio = _ratio(look("slow-disk", STORE).acks_s, look("slow-disk", ONE_COMMIT).acks_s)
    return f"{ratio:.2f} x", ratio >= 3.5


def _slow_graph_acks(look: _Look) -> _Judged:
    mine, other = look("slow-graph", OFF), look("slow-graph", P)
    ratio, text = _ratio(mine.acks_s, other.acks_s), ""
    met = ratio >= 50
    if look.has("slow-graph", BOTTENDER):
        second = _ratio(mine.acks_s, look("slow-graph", BOTTENDER).acks_s)
        text, met = f", {second:.2f} x bottender", met and second >= 1.5
    return f"{ratio:.0f} x{text}", met


def _slow_graph_replies(look: _Look) -> _Judged:
    mine, other = look("slow-graph", OFF), look("slow-graph", P)
    ratio, text = _ratio(mine.replies_s, other.replies_s), ""
    met = ratio >= 50
    if look.has("slow-graph", BOTTENDER):
        second = _ratio(mine.replies_s, look("slow-graph", BOTTENDER).replies_s)
        text, met = f", {second:.2f} x bottender", met and second >= 1.2
    return f"{ratio:.0f} x{text}", met


def _slow_graph_p99(look: _Look) -> _Judged:
    mine = look("slow-graph", OFF)
    if not look.has("slow-graph", BOTKIT):
        return f"{mine.ack_p99:.0f} ms", mine.ack_p99 <= 100
    ratio = _ratio(mine.ack_p99, look("slow-graph", BOTKIT).ack_p99)
    return f"{mine.ack_p99:.0f} ms, {ratio:.2f} x botkit", mine.ack_p99 <= 100 and ratio <= 0.7


def _latency(look: _Look) -> _Judged:
    fast, slow = look("latency", "product, Graph 0 ms"), look("latency", "product, Graph 1000 ms")
    p50, p99 = (_ratio(slow.ack_p50, fast.ack_p50) - 1) * 100, (_ratio(slow.ack_p99, fast.ack_p99) - 1) * 100
    return f"{p50:+.0f}%, {p99:+.0f}%", p50 <= 20 and p99 <= 20


def _rate_acks(look: _Look) -> _Judged:
    texts, met = [], True
    for rate in (100, 400):
        mine, other = look(f"rate-{rate}", OFF), look(f"rate-{rate}", P)
        p50, p99 = _ratio(mine.ack_p50, other.ack_p50), _ratio(mine.ack_p99, other.ack_p99)
        texts.append(f"{rate}/s: {p50:.2f} x, {p99:.2f} x")
        met = met and p50 <= 0.75 and p99 <= 1.0
    return "; ".join(texts), met


def _rate_e2e(look: _Look) -> _Judged:
    texts, met = [], True
    for rate in (100, 400):
        mine, other = look(f"rate-{rate}", OFF), look(f"rate-{rate}", P)
        p50, p99 = _ratio(mine.e2e_p50, other.e2e_p50), _ratio(mine.e2e_p99, other.e2e_p99)
        texts.append(f"{rate}/s: {p50:.2f} x, {p99:.2f} x")
        met = met and p50 <= 1.3 and p99 <= 1.5
    return "; ".join(texts), met


def _cpu(look: _Look) -> _Judged:
    off, on, other = look("at-once", OFF), look("at-once", ON), look("at-once", P)
    ratio = _ratio(off.cpu_ms, other.cpu_ms)
    text = f"{ratio:.2f} x ({off.cpu_ms:.2f} / {other.cpu_ms:.2f} ms)"
    return f"{text}; typing shown {_ratio(on.cpu_ms, other.cpu_ms):.2f} x", ratio <= 0.65


def _cpu_of_issue(look: _Look) -> _Judged:
    ratio = _ratio(look("at-once", OFF).cpu_ms, look("at-once", P).cpu_ms)
    return f"{ratio:.2f} x", ratio <= 1.0


def _cpu_with_tls(look: _Look) -> _Judged:
    mine, other = look("tls", OFF), look("tls", P)
    ratio = _ratio(mine.cpu_ms, other.cpu_ms)
    return f"{ratio:.2f} x ({mine.cpu_ms:.2f} / {other.cpu_ms:.2f} ms)", ratio <= 1.0


def _memory(look: _Look) -> _Judged:
    mine, two, other = look("at-once", ONE), look("at-once", OFF), look("at-once", P)
    ratio = _ratio(mine.idle_pss_mb, other.idle_pss_mb)
    text = f"{mine.idle_pss_mb:.0f} MB, {ratio:.2f} x; as web and worker {two.idle_pss_mb:.0f} MB"
    return text, ratio <= 1.2


def _memory_of_issue(look: _Look) -> _Judged:
    mine, bottender = look("at-once", ONE).idle_pss_mb, look("at-once", BOTTENDER).idle_pss_mb
    two = look("at-once", OFF).idle_pss_mb
    return f"{mine:.0f} / {bottender:.0f} MB; as web and worker {two:.0f} MB", mine < bottender


def _batches(look: _Look) -> _Judged:
    single, texts, met = look("at-once", OFF).acks_s, [], True
    for name in ("5 in one entry", "5 entries", "100 in one entry", "100 entries"):
        mine, other = look("batches", f"{OFF}, {name}"), look("batches", f"{P}, {name}")
        ratio, own = _ratio(mine.acks_s, other.acks_s), _ratio(mine.acks_s, single)
        texts.append(f"{name}: {ratio:.1f} x, {own:.1f} x own, lost {mine.lost:.0f}")
        met = met and ratio >= 3 and own >= 2 and not mine.lost
    return "; ".join(texts), met


def _kills(look: _Look) -> dict[str, Result]:
    names = [f"{who}: {what} killed" for who in (OFF, ON) for what in ("web", "worker")]
    found = {name: look("killed", name) for name in names if look.has("killed", name)}
    if not found:
        raise _Missing
    return found


def _lost(look: _Look) -> _Judged:
    kills = _kills(look)
    text = "; ".join(
        f"{name} {r.lost:.0f} of {r.acked:.0f} ({r.unknown:.0f} shown to a person)"
        for name, r in kills.items()
    )
    return text, not any(r.lost for r in kills.values())


def _doubled(look: _Look) -> _Judged:
    kills = _kills(look)
    text = "; ".join(f"{name} {r.doubled:.0f}" for name, r in kills.items())
    return text, all(r.doubled <= 2 * 32 for r in kills.values())


def _connections(look: _Look) -> _Judged:
    r = look("floor", OFF)
    text = f"{r.graph_connections:.0f} for {r.graph_calls:.0f} sends; {r.graph_most:.0f} under way at once"
    # An answer that has not been read yet is no longer under way for Graph, and still is for the sender.
    return text, r.graph_connections <= 1.5 * r.graph_most


def _cards(look: _Look) -> _Judged:
    texts, met = [], True
    for name in (OFF, ON):
        r = look("danger", name)
        times = f"{r.card_p50:.0f}, {r.card_p99:.0f}, at most {r.card_max:.0f} ms"
        texts.append(f"{name}: {times} ({r.cards:.0f} cards, lost {r.lost:.0f})")
        met = met and r.card_p99 <= 3000 and not r.lost
    return "; ".join(texts), met


_GOALS: tuple[tuple[str, str, str, str, Callable[[_Look], _Judged]], ...] = (
    (
        "F",
        "300 events/s, Graph 100 ms",
        "all kept, ack p99 <= 100 ms, all answered, empty within 2 s",
        "-",
        _floor_run,
    ),
    (
        "F",
        "a card at Graph (100 ms) while 200 others write, 100/s: p50, p99",
        "p99 <= 3,000 ms, none lost",
        "-",
        _cards,
    ),
    ("F", "acks/s at once, of the tutorial bot", ">= 1.0 x", "-", _acks_of_issue),
    ("F", "CPU per event, of the tutorial bot", "<= 1.0 x", "-", _cpu_of_issue),
    ("F", "the same with TLS to Graph, as in life", "<= 1.0 x", "-", _cpu_with_tls),
    ("1", "acks/s, Graph at once, 16 connections", ">= 1.5 x P, > every peer", "2.2 x", _acks),
    ("2", "answered/s in the same run", ">= 1.3 x P, empty within 2 s", "2.2 x", _replies),
    ("3", "acks/s, only stored, of bare Flask", ">= 0.60", "0.71-0.76", _store),
    ("4", "2 ms more a flush, of one commit a request", ">= 3.5 x", "4.1 x", _slow_disk),
    (
        "5",
        "Graph 100 ms, 64 connections: acks/s",
        ">= 50 x P, >= 1.5 x bottender",
        "116 x, 2.6 x",
        _slow_graph_acks,
    ),
    ("6", "same: answered/s", ">= 50 x P, >= 1.2 x bottender", "109 x, 2.5 x", _slow_graph_replies),
    ("7", "same: ack p99", "<= 100 ms, <= 0.7 x botkit", "53 ms, 0.34 x", _slow_graph_p99),
    ("8", "Graph 0 -> 1,000 ms at 100/s: ack p50, p99", "<= +20%", "-", _latency),
    ("9", "fixed rate: ack p50, p99, of P", "<= 0.75 x, <= 1.0 x", "0.55, 0.55", _rate_acks),
    ("10", "fixed rate: answer p50, p99, of P", "<= 1.3 x, <= 1.5 x", "0.9, 0.8-0.9", _rate_e2e),
    ("11", "CPU per event, of P", "<= 0.65 x", "0.39 x", _cpu),
    ("F", "memory at rest, PSS, `serve` and bottender", "below", "-", _memory_of_issue),
    ("12", "memory at rest, PSS, `serve`", "<= 1.2 x P", "0.9 x", _memory),
    (
        "13",
        "several events in a POST",
        ">= 3 x P, >= 2 x own single rate, none lost",
        "4.4 x, 2.5 x",
        _batches,
    ),
    ("14", "kill -9, restart: acked, never answered", "0", "0", _lost),
    ("15", "same: answered twice", "<= in flight + one batch", "27", _doubled),
    ("16", "connections to Graph", "<= in flight", "3-229", _connections),
)
