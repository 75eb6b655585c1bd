"""Many schedules of faults on real processes: nothing lost, nothing twice, each in order.

    python benchmarks/faults.py [--schedules 200] [--store sqlite|postgresql] [--seed 1]

One line for each; at the first that fails it stops, with the schedule, what is wrong, and how to see it again.
It needs what the tests need; for PostgreSQL its programs, of which it runs a cluster of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0:1] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "faults")]

from harness.run import run_schedule  # noqa: E402
from harness.schedule import Store, schedule  # noqa: E402
from harness.world import World, world  # noqa: E402

FRESH_AFTER = 10  # schedules on one database; more would only make the reading of it longer


@contextmanager
def worlds(store: Store) -> Iterator[Generator[World, None, None]]:
    """One world after the other, the same one for some schedules."""
    cluster: Any = None
    if store == "postgresql":
        import postgres

        cluster = postgres.Cluster()
    try:
        yield _worlds(store, cluster)
    finally:
        if cluster is not None:
            cluster.remove()


def _worlds(store: Store, cluster: Any) -> Generator[World, None, None]:
    while True:
        with (
            tempfile.TemporaryDirectory(prefix="faults-") as folder,
            world(store, Path(folder), cluster) as made,
        ):
            for _ in range(FRESH_AFTER):
                yield made


@click.command()
@click.option("--schedules", type=click.IntRange(1), default=200, show_default=True)
@click.option("--store", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first; each next one counts up.")
@click.option("--acts", type=click.IntRange(10), default=40, show_default=True, help="Of students, in each.")
@click.option(
    "--seconds", type=click.FloatRange(1), default=4.0, show_default=True, help="Of trouble, in each."
)
def main(schedules: int, store: Store, seed: int, acts: int, seconds: float) -> None:
    """Carry out many schedules; stop at the first that fails."""
    began, totals = time.monotonic(), [0, 0, 0]
    with worlds(store) as following, closing(following):
        for number, made in zip(range(seed, seed + schedules), following, strict=False):
            result = run_schedule(made, schedule(number, store, acts=acts, seconds=seconds))
            click.echo(str(result))
            if result.problems:
                raise SystemExit(1)
            totals = [total + more for total, more in zip(totals, result.facts.counts, strict=True)]
    events, texts, unknown = totals
    click.echo(
        f"{schedules} schedules on {store} green in {time.monotonic() - began:.0f} s: {events} events, "
        f"{texts} texts, {unknown} of them of unknown fate; none lost, none twice."
    )


if __name__ == "__main__":
    main()
