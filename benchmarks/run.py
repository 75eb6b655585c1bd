"""One command, everything side by side:

    python benchmarks/run.py [--quick] [--out FILE] [--case KEY ...]

It needs what the service needs, and Linux. A C compiler makes the generator faster; node brings two more bots.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # so that `benchmarks` is found, and nothing in it by a short name

from app import SMALL_THREADS  # noqa: E402
from benchmarks import contestants, phrases, stages  # noqa: E402
from benchmarks.cases import ON, ONE, STORE, Field, Neighbours, cases, run_cases  # noqa: E402
from benchmarks.goals import lines  # noqa: E402
from benchmarks.graph import Graph  # noqa: E402
from benchmarks.load import HERE, Generator, compiled  # noqa: E402
from benchmarks.measure import answers_of  # noqa: E402
from benchmarks.processes import free_port  # noqa: E402
from benchmarks.report import report  # noqa: E402
from benchmarks.traffic import plan  # noqa: E402
from handlers.folder import content_of  # noqa: E402


def say(text: str) -> None:
    """Tell how far we are, beside the report."""
    click.echo(text, err=True)


def field_of(generator: Generator, folder: Path) -> tuple[Field, list[str]]:
    """Everybody, and what is to be said about them."""
    threads = content_of(ROOT).settings.console.streams + SMALL_THREADS
    say("Installing the node bots, where node is present ...")
    node, notes = contestants.node_bots()
    off = contestants.product(ROOT, typing=False)
    off = replace(off, answers=answers_of(off, generator))
    notes.append(
        f"The product answers six messages of a student with {off.answers} messages; the bots echo each."
    )
    on = replace(contestants.product(ROOT, typing=True, name=ON), answers=off.answers)
    none = (0,) * len(off.answers)
    store = replace(contestants.product(ROOT, typing=False, words=("web",), name=STORE), answers=none)
    slow: tuple[contestants.Contestant, ...] = ()
    library = compiled(HERE / "slow_disk.c", folder / "slow_disk.so", "-shared", "-fPIC")
    if library:
        slowed = contestants.product(ROOT, typing=False, words=("web",), slow_disk=library, name=STORE)
        slow = (contestants.one_commit(threads, library), replace(slowed, answers=none))
    bare = contestants.bare_flask(threads)
    one = contestants.product(ROOT, typing=False, words=("serve",), name=ONE)
    one = replace(one, answers=off.answers)
    return Field(contestants.tutorial(), off, on, one, tuple(node), bare, store, slow), notes


def ceiling(generator: Generator) -> str:
    """How fast the generator and the Graph are with nothing in between: neither may be the limit."""
    with Graph(free_port(), 0.0) as graph:
        port = int(graph.url.rpartition(":")[2])
        fired = generator.fire(port, plan(port, events=20_000).requests, connections=16)
        rate, cost = len(fired.shots) / fired.seconds, fired.cpu_seconds / len(fired.shots) * 1000
    return f"Generator ({generator.kind}) straight at the Graph: {rate:,.0f}/s, {cost:.3f} ms of a core for each."


@click.command()
@click.option("--quick", is_flag=True, help="Two minutes, one round, fewer cases.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the report there too.")
@click.option("--rounds", type=click.IntRange(1, 9), help="Rounds of each case.")
@click.option("--case", "only", multiple=True, help="Only this case; can be given several times.")
def main(quick: bool, out: Path | None, rounds: int | None, only: tuple[str, ...]) -> None:
    """Measure the service beside what people would use instead, and print a report."""
    rounds = rounds or (1 if quick else 3)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what we started ends with us
    with tempfile.TemporaryDirectory(prefix="peersupport-benchmark-") as name, Neighbours() as neighbours:
        generator = Generator(Path(name))
        notes = [ceiling(generator)]
        say(notes[0])
        field, more = field_of(generator, Path(name))
        wanted = [case for case in cases(field, quick=quick) if not only or case.key in only]
        results = run_cases(wanted, generator, rounds, say)
        reading = phrases.microseconds(content_of(ROOT))
        costs = list(stages.stages(content_of(ROOT), Path(name)))
    low, high = neighbours.load
    notes += [*more, f"Load average of the machine meanwhile: {low:.1f} to {high:.1f}."]
    text = report(wanted, results, lines(results, reading), notes=notes, rounds=rounds, stages=costs)
    click.echo(text)
    if out:
        out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
