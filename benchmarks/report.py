"""What came out, as Markdown."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from math import isnan
from pathlib import Path

from benchmarks.cases import OFF, Case, P
from benchmarks.goals import Line, Results
from benchmarks.measure import Result

_HEADS = (
    "who",
    "acks/s",
    "answered/s",
    "x P",
    "ack p50 ms",
    "p99",
    "answer p50 ms",
    "p99",
    "CPU ms/event",
    "RSS MB",
    "PSS MB",
    "PSS at rest",
    "Graph connections",
    "empty after s",
    "lost",
    "doubled",
    "to a person",
)


def report(
    wanted: Sequence[Case],
    results: Results,
    goals: Sequence[Line],
    *,
    notes: Sequence[str],
    rounds: int,
    stages: Sequence[tuple[str, float]],
) -> str:
    """The whole report."""
    parts = [
        "# Benchmark",
        *(f"- {note}" for note in (*_where(), f"Medians of {rounds} interleaved rounds.", *notes)),
        "",
        "## Goals",
        "",
        "P is the tutorial bot. F: the floors of this version. A miss is a miss in this run, on this machine.",
        "",
        _row(("#", "what", "floor", "stretch", "came out", "floor met")),
        _rule(6),
        *(_goal(line) for line in goals),
    ]
    for case in wanted:
        parts += ["", f"## {case.title}", "", *_table(results[case.key])]
    parts += ["", "## Where the product's processor time goes, each stage alone in one thread", ""]
    parts += [_row(("stage", "ms of a core")), _rule(2), *(_row((what, f"{ms:.2f}")) for what, ms in stages)]
    return "\n".join(parts) + "\n"


def _where() -> Iterator[str]:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(": ")[2] if names else platform.machine()
    yield f"{len(names) or 1} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}."
    yield (
        ", ".join(
            f"{name} {version(name)}" for name in ("flask", "waitress", "gunicorn", "urllib3", "pymessenger")
        )
        + "."
    )


def _goal(line: Line) -> str:
    met = {True: "yes", False: "**no**", None: "-"}[line.met]
    return _row((line.number, line.what, line.floor, line.stretch, line.came_out, met))


def _table(results: Mapping[str, Result]) -> Iterator[str]:
    yield _row(_HEADS)
    yield _rule(len(_HEADS))
    base = results.get(P)
    for name, r in results.items():
        ratio = f"{r.acks_s / base.acks_s:.2f}" if base and base.acks_s else "-"
        shown = f"**{name}**" if name.startswith(OFF) else name
        figures = (
            f"{r.acks_s:,.0f}",
            f"{r.replies_s:,.0f}",
            ratio,
            _number(r.ack_p50),
            _number(r.ack_p99),
            _number(r.e2e_p50),
            _number(r.e2e_p99),
            "-" if isnan(r.cpu_ms) else f"{r.cpu_ms:.2f}",
            f"{r.rss_mb:.0f}",
            f"{r.pss_mb:.0f}",
            f"{r.idle_pss_mb:.0f}",
            f"{r.graph_connections:,.0f}",
            f"{r.backlog_s:.1f}",
            f"{r.lost:.0f}",
            f"{r.doubled:.0f}",
            f"{r.unknown:.0f}",
        )
        yield _row((shown, *figures))
    busiest = max(r.generator_cores for r in results.values()), max(r.graph_cores for r in results.values())
    yield ""
    yield f"The generator used at most {busiest[0]:.2f} of a core, the Graph {busiest[1]:.2f}."


def _number(value: float) -> str:
    if isnan(value):  # there was none
        return "-"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns
