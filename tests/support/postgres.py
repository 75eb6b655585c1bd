"""A PostgreSQL of the tests' own: one cluster per run, on a unix socket in a folder that is removed afterwards.

Durability is off, for nothing here outlives the run; everything else is as the package delivers it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from patience import PATIENCE

from storage.migrations import STEPS
from storage.postgres_engine import PostgresEngine

OWNER = "peersupport"
TEMPLATE = "migrated"
MISSING = "PostgreSQL is not installed: half of the storage tests do not run (apt-get install postgresql)"
# The server ends with the test run, however that ends: its keeper waits for the end of standard input.
KEEPER = '"$@" </dev/null & server=$!; read -r _; kill -QUIT "$server"; wait "$server"'
FAST = ("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "jit=off")


def binaries() -> Path | None:
    """Where the server's programs are: Debian keeps them out of PATH."""
    found = sorted(
        (path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()),
        key=lambda path: float(path.parent.name),
    )
    if found:
        return found[-1]
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


def _account() -> dict[str, object]:
    """Who runs the server: it refuses to be root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise AssertionError("no account to run PostgreSQL with")


class Cluster:
    """One server. `stop` and `start` make an outage."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None, MISSING
        self._bin = found
        self._account = _account()
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has little room
        if "user" in self._account:
            os.chown(self.folder, self._account["user"], self._account["group"])  # type: ignore[arg-type]
        self._keeper: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._idle: list[str] = []
        self._run(
            "initdb", "--pgdata", str(self.folder / "data"), "--username", OWNER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip
        self.start()
        self._make_template()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False, **self._account,  # type: ignore[call-overload]
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server; returns when it answers."""
        settings = [part for setting in FAST for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                [
                    "sh", "-c", KEEPER, "keeper", str(self._bin / "postgres"), "-D", str(self.folder / "data"),
                    "-k", str(self.folder), "-c", "listen_addresses=", "-c", "max_connections=200", *settings,
                ],
                cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=log, **self._account,  # type: ignore[call-overload]
            )  # fmt: skip
        pause, until = threading.Event(), time.monotonic() + PATIENCE
        while True:
            try:
                self.connect("postgres").close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text("utf-8")[-2000:]
                pause.wait(0.02)

    def stop(self) -> None:
        """Take the server away, as a crash would."""
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None

    def remove(self) -> None:
        """End the server and forget everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """What DATABASE_URL would say."""
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection, for what storage does not offer."""
        return psycopg.connect(self.url(database), autocommit=True)

    def _make_template(self) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        engine = PostgresEngine(self.url(TEMPLATE))
        engine.migrate(STEPS)
        engine.close()
        with self.connect(TEMPLATE) as connection:
            tables = (
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'"
            )
            sequences = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"
            emptied = [f"DELETE FROM {name}" for (name,) in connection.execute(tables)]  # noqa: S608
            begun = [f"SELECT setval('{name}', 1, false)" for (name,) in connection.execute(sequences)]
        self._clean = "; ".join(
            [
                "SET session_replication_role = replica",
                *emptied,
                *begun,
                "INSERT INTO change VALUES (0, 1)",
                "INSERT INTO escalation_head (id, count, hash, signature) VALUES (1, 0, '', '')",
            ]
        )

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh, migrated database. It is emptied for the next one: 3 ms, where a new one takes 150."""
        if not self._idle:
            name = f"test_{next(self._numbers)}"
            with self.connect("postgres") as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
            self._idle.append(name)
        name = self._idle.pop()
        yield self.url(name)
        with self.connect(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(self._clean)
        self._idle.append(name)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """The URL of a database without any table, dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield self.url(name)
        with self.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
