"""Shared by all tests: the shipped content, conversations written as conversations, and no silent skips.

Tests that drive a browser or real processes are tried a second time when they fail (markers `browser`, `processes`;
all of tests/browser and tests/faults). They share a machine with whatever else runs on it, and one in five thousand
that meets a bad moment must not keep a change from going out. No other test gets a second try, and nothing is hidden:
each try that failed is counted (`1 rerun`) and shown with its traceback under "rerun test summary info". It is a
finding. Look for the cause as if the run had failed: a fault of ours that shows rarely, or a test in a hurry (see
tests/support/patience.py). `pytest --fail-on-flaky` makes a failure of it.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import postgres
import pytest
from hypothesis import HealthCheck, settings
from patience import unhurried
from rota_plan import Plan
from sqlite_files import put_migrated
from talk_support import Chat, shipped

from bot.content import Content
from handlers.environment import new_keys
from storage import Keys, Storage, open_storage

os.environ["LC_ALL"] = "C.UTF-8"  # commands speak English here, wherever the tests run
MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    # Every commit is flushed to disk, and no test needs that: they would wait for it a third of their time.
    os.environ["TMPDIR"] = str(MEMORY)  # for the workers and every process that a test starts, too
    tempfile.tempdir = None
# The same examples every time, however slow the machine; `pytest --hypothesis-profile searching` tries others.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("searching", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")
unhurried()
NOON = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)  # in Oslo, a Wednesday
ENGINES = ("sqlite", "postgresql")
PROCESSES = (("tests", "browser"), ("tests", "faults"))
failed: list[str] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where everything is installed (PEERSUPPORT_NO_SKIPS=1), a skipped test has not been run: it fails."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("PEERSUPPORT_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that depend on more than this process get a second try."""
    for item in items:
        if item.path.relative_to(item.config.rootpath).parts[:2] in PROCESSES or any(
            item.get_closest_marker(name) for name in ("browser", "processes")
        ):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember that something failed in this process."""
    failed.extend([report.nodeid] if report.failed or report.outcome == "rerun" else [])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """What a failed test left open is let go of here, in silence: the next one is not to blame for it."""
    if failed:
        failed.clear()
        sys.last_value = sys.last_traceback = sys.last_type = None  # they hold its frames
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()


@pytest.fixture(scope="session")
def content() -> Content:
    """What the product ships."""
    return shipped()


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of this run's own."""
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    made = postgres.Cluster()
    yield made
    made.remove()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine under test; whatever asks for it, or for a database, runs on every engine."""
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a fresh database of this test alone; its tables are there."""
    if engine == "sqlite":
        yield f"sqlite:///{put_migrated(tmp_path / 'data' / 'peersupport.db')}"
        return
    server: postgres.Cluster = request.getfixturevalue("cluster")
    with server.database() as url:
        yield url


@pytest.fixture
def database_folder(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where everything that the engine writes lies."""
    return tmp_path if engine == "sqlite" else request.getfixturevalue("cluster").folder


@pytest.fixture
def chat(content: Content, database_url: str, tmp_path: Path) -> Iterator[Chat]:
    """A Wednesday at noon; nobody on duty until `chat.on_duty()`."""
    keys = new_keys()
    ring = Keys.from_environment(keys["DATA_KEYS"], keys["SECRET_KEY"])
    storage: Storage = open_storage(database_url, ring, home=tmp_path)
    chat = Chat(content, storage, "2026-11-25 12:00")
    yield chat
    chat.local.close()


@pytest.fixture
def plan(content: Content, database_url: str, tmp_path: Path) -> Iterator[Plan]:
    """A rota on a Wednesday at noon, with a coordinator and nobody else."""
    keys = new_keys()
    ring = Keys.from_environment(keys["DATA_KEYS"], keys["SECRET_KEY"])
    storage: Storage = open_storage(database_url, ring, home=tmp_path)
    storage.migrate(NOON)
    yield Plan(storage, content, NOON)
    storage.close()
