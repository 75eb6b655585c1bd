"""Any order of adding, taking, failing and finishing: nothing lost, nothing twice, order kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlite_files import put_migrated
from storage_factories import at, make_storage, new

from storage.records import TakenEvent


class InboxMachine(RuleBasedStateMachine):
    """Against a list: what waits, as (psid, sent_at, order of arrival, mid, try_at)."""

    database: Callable[[], AbstractContextManager[str]]  # a fresh one's URL

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.storage = make_storage(Path(), url=self.resources.enter_context(self.database()))
        self.clock = 0
        self.waiting: dict[str, tuple[str, int, int, int]] = {}  # mid: psid, sent, arrived, try_at
        self.ever: set[str] = set()

    @rule(number=st.integers(0, 30), psid=st.sampled_from(["1", "2", "3"]), sent=st.integers(0, 5))
    def add(self, number: int, psid: str, sent: int) -> None:
        mid = f"m{number}"
        added = self.storage.write(lambda tx: tx.inbox.add([new(mid, psid, seconds=sent)], at(self.clock)))
        assert bool(added) == (mid not in self.ever)
        if added:
            self.waiting[mid] = (psid, sent, len(self.ever), self.clock)
            self.ever.add(mid)

    @rule(outcome=st.sampled_from(["done", "retry", "aside", "crash"]), wait=st.integers(1, 5))
    def take(self, outcome: str, wait: int) -> None:
        def handle(tx):  # type: ignore[no-untyped-def]
            taken: TakenEvent | None = next(iter(tx.inbox.take(at(self.clock))), None)
            if taken and outcome == "done":
                tx.inbox.done([taken.id], at(self.clock))
            if taken and outcome == "retry":
                tx.inbox.retry(taken.id, at(self.clock), at(self.clock + wait))
            if taken and outcome == "aside":
                tx.inbox.set_aside(taken.id, at(self.clock), "crashed")
            return taken

        taken = self.storage.write(handle)
        ready = self.ready()
        assert (taken is None) == (not ready)
        if taken is None:
            return
        mid = taken.event.mid
        assert mid in ready
        if outcome in ("done", "aside"):
            del self.waiting[mid]
        if outcome == "retry":
            self.waiting[mid] = (*self.waiting[mid][:3], self.clock + wait)

    def ready(self) -> set[str]:
        heads: dict[str, tuple[int, int, str, int]] = {}
        for mid, (psid, sent, arrived, try_at) in self.waiting.items():
            heads[psid] = min(heads.get(psid, (99, 0, "", 0)), (sent, arrived, mid, try_at))
        return {mid for _, _, mid, try_at in heads.values() if try_at <= self.clock}

    @rule(seconds=st.integers(1, 3))
    def pass_time(self, seconds: int) -> None:
        self.clock += seconds

    @invariant()
    def the_count_is_right(self) -> None:
        assert self.storage.read(lambda tx: tx.inbox.pending_count()) == len(self.waiting)

    def teardown(self) -> None:
        self.storage.close()
        self.resources.close()


@contextmanager
def sqlite_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{put_migrated(Path(folder) / 'peersupport.db')}"


def test_any_order_of_events(engine: str, request: pytest.FixtureRequest) -> None:
    database = sqlite_file if engine == "sqlite" else request.getfixturevalue("cluster").database
    machine = type("Machine", (InboxMachine,), {"database": staticmethod(database)})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=25, deadline=None)
    )
