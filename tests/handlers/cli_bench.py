"""Shared by the tests of the command line: a home folder, an environment, and `run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bot.content import Content, load_content
from bot.errors import ContentError
from handlers.cli import Parts, build_cli
from handlers.environment import Environment, new_keys
from storage import Keys, Storage, open_storage

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ENVIRONMENT = {
    **new_keys(),
    "PAGE_ID": "100000000000001",
    "APP_ID": "200000000000002",
    "PAGE_ACCESS_TOKEN": "demo-the-token",
    "APP_SECRET": "the-secret",
    "VERIFY_TOKEN": "the-word",
}


@lru_cache(maxsize=8)
def _parsed(files: frozenset[tuple[str, str]]) -> Content:
    return load_content(dict(files))


def read_content(home: Path) -> Content:
    paths = [home / "config.yaml", *sorted((home / "flows").glob("*.yaml"))]
    return _parsed(frozenset((str(path.relative_to(home)), path.read_text("utf-8")) for path in paths))


def check_files(home: Path) -> list[str]:
    try:
        read_content(home)
    except ContentError as error:
        return error.problems
    return []


def open_store(env: Environment) -> Storage:
    keys = Keys.from_environment(env.data_keys.get_secret_value(), env.secret_key.get_secret_value())
    return open_storage(env.database_url, keys, home=env.home)


class Bench:
    """Runs commands; remembers what was asked to serve, in place of servers that would not end."""

    def __init__(self, home: Path, messenger: Callable[[Environment], object] | None = None) -> None:
        self.home = home
        self.done: list[tuple[str, tuple[object, ...]]] = []
        self.messenger = messenger or (lambda env: pytest.fail("no command here speaks to Meta"))

    @property
    def command(self) -> click.Group:
        def serves(name: str) -> Callable[..., None]:
            return lambda *given: self.done.append((name, given))

        return build_cli(
            Parts(
                home=self.home,
                version="1.2.3",
                clock=lambda: NOW,
                load_content=read_content,
                services_of=lambda folder: read_content(folder).services,
                check_files=check_files,
                open_storage=open_store,
                run_web=serves("web"),
                run_worker=serves("worker"),
                run_serve=serves("serve"),
                run_demo=serves("demo"),
                run_chat=serves("chat"),
                messenger=self.messenger,
            )
        )

    def __call__(self, *words: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(self.command, list(words), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def set_environment(self, **changes: str) -> None:
        lines = [f"{name}={value}\n" for name, value in (ENVIRONMENT | changes).items()]
        (self.home / ".env").write_text("".join(lines))

    def storage(self) -> Storage:
        return open_store(Environment.load(self.home, environ={}))


def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A folder with the shipped files, and an environment that has all that is needed."""
    for name in (*ENVIRONMENT, "DATABASE_URL", "GRAPH_API_URL", "SMTP_URL", "PORT", "DYNO"):
        monkeypatch.delenv(name, raising=False)
    bench = Bench(tmp_path / "service")
    assert Bench(ROOT)("init", str(bench.home)).exit_code == 0
    bench.set_environment()
    yield bench
