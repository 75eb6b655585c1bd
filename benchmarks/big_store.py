"""What years of conversations in the store do to the pages:

    python benchmarks/big_store.py [--few 100] [--many 100000] [--keep FOLDER] [--postgres URL URL]

Two services run side by side, one with few conversations behind it and one with many, ten messages each; both have the
same open ones. They are asked in turn, so that what else the machine does meets both alike. Filling takes minutes:
FOLDER keeps the filled stores for the next time.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median

import click

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # so that `benchmarks` is found, and nothing in it by a short name

from benchmarks import contestants, past, seeds  # noqa: E402
from benchmarks.cases import Neighbours  # noqa: E402
from benchmarks.console import Console  # noqa: E402
from benchmarks.contestants import Running  # noqa: E402
from benchmarks.graph import Graph  # noqa: E402
from benchmarks.processes import free_port  # noqa: E402
from bot.content import Content  # noqa: E402
from handlers import jobs  # noqa: E402
from handlers.environment import new_keys  # noqa: E402
from handlers.folder import content_of  # noqa: E402
from storage import Storage  # noqa: E402

_OPEN = 20  # students whom supporters talk with
_SETTLE = 10.0
_JOBS: Mapping[str, Callable[[Storage], object]] = {
    "take up events": lambda store: store.read(lambda tx: (tx.inbox.next_try_at(), tx.inbox.pending_count())),
    "take up messages": lambda store: store.read(
        lambda tx: (tx.outbox.next_due_at(_now()), tx.outbox.oldest_waiting_at())
    ),
    "look at the screens": lambda store: store.read(
        lambda tx: (tx.handoffs.last_change(), tx.screens.signs())
    ),
    "sends that got lost": lambda store: (
        jobs.recover_sends(store, _now()),
        jobs.settle_unknown(store, _now()),
        jobs.flag_late_cards(store, _now()),
    ),
    "hand back": lambda store: (
        jobs.release_abandoned(store, _content(), _now()),
        jobs.hand_back(store, _content(), _now()),
        jobs.lapse_offers(store, _content(), _now()),
    ),
    "forget, nothing due": lambda store: jobs.forget(store, _content(), _now()),
    "forget old records, nothing due": lambda store: jobs.forget_records(store, _content(), _now()),
}


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def _content() -> Content:
    return content_of(ROOT)


class Service:
    """A service with so many conversations behind it."""

    def __init__(self, stack: ExitStack, conversations: int, instead: Mapping[str, str]) -> None:
        contestant = contestants.product(ROOT, typing=True, instead=instead)
        self.running = Running(contestant, stack.enter_context(Graph(free_port(), 0.0)).url)
        self.store = seeds.store_of(self.running.variables)
        if not self.store.read(lambda tx: tx.staff.all()):
            began = time.monotonic()
            past.fill(self.store, conversations)
            seeds.evening(self.store, _OPEN)
            click.echo(f"{conversations:,} conversations in {time.monotonic() - began:.0f} s", err=True)
        self.contacts = [
            row.contact_id
            for number in range(_OPEN)
            for row in self.store.read(lambda tx, number=number: tx.handoffs.mine(number + 1))
        ]
        self._let_read_on()
        self.timed = {name: _middle_ms(lambda job=job: job(self.store)) for name, job in _JOBS.items()}
        stack.enter_context(self.running)

    def _let_read_on(self) -> None:
        """The first student says yes: the supporter may read earlier conversations."""
        contact_id, now = self.contacts[0], _now()
        conversation = self.store.read(lambda tx: tx.conversations.peek(contact_id))
        if conversation is None or conversation.handoff is None:
            raise RuntimeError("the store was not filled")
        asked = replace(conversation, handoff=replace(conversation.handoff, history="yes"))
        self.store.write(lambda tx: tx.conversations.save(asked, now))

    def pages(self) -> dict[str, str]:
        """What a duty lead opens."""
        open_one = f"/console/c/{self.contacts[0]}"
        return {
            "the queue": "/console/",
            "one's own": "/console/mine",
            "a conversation": open_one,
            "earlier conversations": f"{open_one}/history",
            "alerts": "/console/alerts",
            "records": "/console/records",
            "to be confirmed": "/console/confirm",
            "matters": "/console/matters",
            "metrics": "/metrics",
            "readyz": "/readyz",
        }

    def forget_a_day(self) -> float:
        """How long retention takes, in milliseconds, when a day's conversations are due; nobody else is at work."""
        began, at = time.monotonic(), _now() + timedelta(days=1)
        while jobs.forget(self.store, _content(), at):
            pass
        return (time.monotonic() - began) * 1000


def _middle_ms(job: Callable[[], object], times: int = 5) -> float:
    took = []
    for _ in range(times):
        began = time.monotonic()
        job()
        took.append((time.monotonic() - began) * 1000)
    return median(took)


async def _asked(services: list[Service], rounds: int) -> dict[str, list[float]]:
    """Milliseconds for each page, by service; the live screen's questions among them."""
    consoles = []
    for service in services:
        console = Console(service.running.port, seeds.login(0), seeds.PASSWORD)
        await console.sign_in()
        await console.open(f"/console/c/{service.contacts[0]}")
        consoles.append(console)
    took: dict[str, list[list[float]]] = {}
    for _ in range(rounds):
        for place, (service, console) in enumerate(zip(services, consoles, strict=True)):
            for name, path in service.pages().items():
                began = time.monotonic()
                answer = await console.connection.ask(path)
                times = took.setdefault(name, [[] for _ in services])[place]
                times.append((time.monotonic() - began) * 1000)
                if answer.status != 200 and path != "/readyz":  # it may have something to complain of
                    raise RuntimeError(f"{name}: answered with {answer.status}")
            began = time.monotonic()
            await console.look()
            times = took.setdefault("a live screen asks", [[] for _ in services])[place]
            times.append((time.monotonic() - began) * 1000)
    for console in consoles:
        await console.close()
    return {name: [median(each) for each in times] for name, times in took.items()}


def _place(count: int, keep: Path | None, postgres: str | None) -> dict[str, str]:
    """The variables of a store of this size: which database, and keys that open it."""
    if postgres:
        return {"DATABASE_URL": postgres}
    if keep is None:
        return {}
    folder = keep / str(count)
    kept = folder / "keys.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(new_keys()), "utf-8")
    return {
        "DATABASE_URL": f"sqlite:///{folder.absolute()}/service.db",
        **json.loads(kept.read_text("utf-8")),
    }


@click.command()
@click.option("--few", type=click.IntRange(1), default=100)
@click.option("--many", type=click.IntRange(1), default=100_000)
@click.option("--rounds", type=click.IntRange(1), default=40)
@click.option("--postgres", nargs=2, help="Two empty databases on PostgreSQL, instead of SQLite.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the filled stores.")
def main(few: int, many: int, rounds: int, postgres: tuple[str, str] | None, keep: Path | None) -> None:
    """Measure, and print a table."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what we started ends with us
    with Neighbours() as neighbours, ExitStack() as stack:
        services = [
            Service(stack, count, _place(count, keep, postgres[number] if postgres else None))
            for number, count in enumerate((few, many))
        ]
        time.sleep(_SETTLE)
        found = asyncio.run(_asked(services, rounds))
        for service in services:
            service.running.kill("web")
            service.running.kill("worker")
        found |= {name: [service.timed[name] for service in services] for name in _JOBS}
        found["forget a day's worth"] = [service.forget_a_day() for service in services]
    click.echo(f"| median, ms | {few:,} conversations | {many:,} | ratio |\n|---|---|---|---|")
    for name, (small, large) in found.items():
        click.echo(f"| {name} | {small:.1f} | {large:.1f} | {large / small:.2f} |")
    low, high = neighbours.load
    click.echo(f"\nLoad average of the machine meanwhile: {low:.1f} to {high:.1f}")


if __name__ == "__main__":
    main()
