"""Who may import whom, and where things may happen. The reasons are in docs/architecture.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent

EDGES = {"flask", "flask_wtf", "waitress", "requests", "pymessenger", "apscheduler", "click", "dotenv"}
DATABASES = {"sqlite3", "pysqlite3", "sqlite_utils", "psycopg"}
FORBIDDEN = {
    "bot": {"storage", "handlers", "app", "logging", "os", "pathlib", "time"} | EDGES | DATABASES,
    "storage": {"handlers", "app"} | EDGES,
    "handlers": {"app"} | DATABASES,
}
NEIGHBOURS = ("messenger", "console", "simulator")
CLOCKS = {"now", "utcnow", "today"}


def python_files(*folders: str) -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "vendor" not in path.parts
    )


EVERY = python_files("bot", "storage", "handlers")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a file's syntax: what it imports and what it calls."""
    found = ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
    return [node for node in found if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]


@cache
def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import with its full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    """Calls of a method or function with one of these names."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
            if name in names:
                yield node


def test_imports_only_point_down():
    found = {str(path): roots(imported(path)) & FORBIDDEN[path.parts[0]] for path in EVERY}
    assert not {path: names for path, names in found.items() if names}


def test_neighbours_do_not_import_each_other():
    found = []
    for path in python_files(*(f"handlers/{name}" for name in NEIGHBOURS)):
        others = tuple(f"handlers.{name}" for name in NEIGHBOURS if name != path.parts[1])
        found += [f"{path}: {name}" for name in imported(path) if name.startswith(others)]
    assert not found


def test_only_the_client_knows_pymessenger():
    users = [str(path) for path in EVERY if "pymessenger" in roots(imported(path))]
    assert users == ["handlers/messenger/client.py"]


def test_only_one_file_knows_waitress():
    users = [str(path) for path in EVERY if "waitress" in roots(imported(path))]
    assert users == ["handlers/http_server.py"]


def test_only_storage_speaks_to_a_database():
    outside = [*python_files("bot", "handlers"), Path("app.py")]
    assert not [
        str(path)
        for path in outside
        if list(calls(path, "execute", "executemany", "executescript")) or roots(imported(path)) & DATABASES
    ]


def test_only_the_engines_know_which_database_it_is():
    users = {path.name.split("_")[0] for path in python_files("storage") if roots(imported(path)) & DATABASES}
    assert users == {"sqlite", "postgres"}
    stores = [path for path in python_files("storage") if path.name.split("_")[0] not in users]
    chosen = {name for path in stores for name in imported(path) if name.startswith("storage.postgres")}
    assert chosen == {"storage.postgres_engine", "storage.postgres_engine.PostgresEngine"}


def test_no_clock_is_read_below_the_edges():
    found = [
        f"{path}:{call.lineno}"
        for path in python_files("bot", "storage")
        for call in calls(path, *CLOCKS)
        if isinstance(call.func, ast.Attribute)
    ]
    assert not found, "time comes in as an argument"


def test_log_calls_name_an_event_and_build_no_sentence():
    """An f-string in a log call may carry what somebody wrote past the filter in handlers/logs.py."""
    methods = {"debug", "info", "warning", "error", "exception", "critical"}
    found = []
    for path in EVERY:
        for call in calls(path, *methods):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            if isinstance(owner, ast.Name) and owner.id in {"log", "logger", "logging"}:
                first = call.args[0] if call.args else None
                is_name = isinstance(first, ast.Constant) and str(first.value).isidentifier()
                found += [f"{path}:{call.lineno}"] * (not is_name)
    assert not found


def test_files_can_be_read_in_one_sitting():
    lengths = {str(path): len((ROOT / path).read_text("utf-8").splitlines()) for path in EVERY}
    assert not {path: length for path, length in lengths.items() if length > 450}
