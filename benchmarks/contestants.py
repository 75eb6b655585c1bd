"""Who is measured, each started as its users would start it."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from benchmarks.processes import Group, free_port, wait_for_port
from benchmarks.traffic import APP_ID, PAGE_ID, ROUNDS, SECRET, TOKEN
from handlers.environment import new_keys

HERE = Path(__file__).parent
BOTS = HERE / "bots"
DATABASE = Path("data", "service.db")
_OPEN_ALWAYS = "  weekly:\n" + "".join(
    f'    {day}: ["00:00-23:59"]\n'
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contestant runs, this time."""

    folder: Path
    port: int
    graph_url: str


@dataclass(frozen=True, slots=True)
class Part:
    """One command of a contestant."""

    command: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contestant:
    """How to start it. `answers`: how many messages it sends for each thing that a student writes, in turn."""

    name: str
    parts: Callable[[Place], dict[str, Part]]
    answers: tuple[int, ...] = (1,) * ROUNDS

    def named(self, name: str) -> Contestant:
        """The same under another name."""
        return replace(self, name=name)


class Running:
    """A contestant that runs, with its Graph at `graph_url`, until the block ends. It trusts `certificate`."""

    def __init__(self, contestant: Contestant, graph_url: str, certificate: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="peersupport-benchmark-"))
        self.port = free_port()
        self.log = self._folder / "log.txt"
        self._parts = contestant.parts(Place(self._folder, self.port, graph_url))
        self._trust = _trust(certificate) if certificate else {}
        self.groups: dict[str, Group] = {}

    def __enter__(self) -> Running:
        for name in self._parts:
            self.start(name)
        wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        for group in self.groups.values():
            group.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def variables(self) -> Mapping[str, str]:
        """What its first command is told, for filling its store before it starts."""
        return next(iter(self._parts.values())).variables

    def start(self, name: str) -> None:
        """Start one of its commands."""
        part = self._parts[name]
        self.groups[name] = Group(
            part.command, variables={**part.variables, **self._trust}, folder=part.folder, log=self.log
        )

    def kill(self, name: str) -> None:
        """SIGKILL, to one command and all it started."""
        self.groups.pop(name).kill()

    def unknown(self) -> int:
        """Messages that the product shows to a person, because whether they went out cannot be known."""
        database = self._folder / DATABASE
        if not database.exists():
            return 0
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return int(
                connection.execute("SELECT count(*) FROM outbox WHERE state = 'unknown'").fetchone()[0]
            )

    def cpu_seconds(self) -> float:
        """Of all its processes."""
        return sum(group.cpu_seconds() for group in self.groups.values())

    def memory_mb(self) -> tuple[float, float]:
        """Resident and proportional."""
        sizes = [group.memory_mb() for group in self.groups.values()]
        return sum(rss for rss, _ in sizes), sum(pss for _, pss in sizes)


def product(
    root: Path,
    *,
    typing: bool,
    words: tuple[str, ...] = ("web", "worker"),
    slow_disk: Path | None = None,
    instead: Mapping[str, str] | None = None,
    name: str = "product",
) -> Contestant:
    """The whole service in `root`: on SQLite, its own flows and danger reading; open at any hour.

    `words`: the commands to start. `slow_disk`: the library that makes each flush 2 ms slower. `instead`: variables,
    of another database say.
    """

    def parts(place: Place) -> dict[str, Part]:
        home = _home(root, place.folder, typing=typing)
        variables = {
            "PAGE_ID": PAGE_ID,
            "APP_ID": APP_ID,
            "APP_SECRET": SECRET,
            "PAGE_ACCESS_TOKEN": TOKEN,
            "VERIFY_TOKEN": "verify",
            "DATABASE_URL": f"sqlite:///{place.folder / DATABASE}",
            "GRAPH_API_URL": place.graph_url,
            "PORT": str(place.port),
            **new_keys(),
            **_slow(slow_disk),
            **(instead or {}),
        }

        def command(word: str) -> tuple[str, ...]:
            return (sys.executable, str(root / "app.py"), "--home", str(home), word)

        pairs = [f"{key}={value}" for key, value in variables.items()]
        subprocess.run(["env", *pairs, *command("release")], check=True, capture_output=True, cwd=root)
        return {word: Part(command(word), root, variables) for word in words}

    return Contestant(name, parts)


def _home(root: Path, folder: Path, *, typing: bool) -> Path:
    """The service's own config and flows, but open at all hours: figures of noon and of midnight must be comparable."""
    home = folder / "home"
    home.mkdir()
    shutil.copytree(root / "flows", home / "flows")
    text = (root / "config.yaml").read_text("utf-8")
    text = re.sub(r"  weekly:.*\n(    \w+day:.*\n)+", _OPEN_ALWAYS, text)
    text = re.sub(r'public_holidays: "NO"', "public_holidays: null", text)
    text = re.sub(r"closed_days:.*\n(    .*\n)+", "closed_days: []\n", text)
    text = re.sub(r"typing_indicator: \w+", f"typing_indicator: {str(typing).lower()}", text)
    (home / "config.yaml").write_text(text, "utf-8")
    services = (
        home / "flows" / "services.yaml"
    )  # here nobody reads the numbers; a real Page must have them verified
    text = services.read_text("utf-8").replace("verified_by: null", "verified_by: benchmark")
    services.write_text(text.replace("verified_on: null", "verified_on: 2026-01-01"), "utf-8")
    return home


def _trust(certificate: Path) -> dict[str, str]:
    """For Python, whose HTTP libraries look there where the environment is silent, and for node."""
    return {
        "REQUESTS_CA_BUNDLE": "",
        "CURL_CA_BUNDLE": "",
        "PYTHONPATH": str(certificate.parent),
        "NODE_EXTRA_CA_CERTS": str(certificate),
    }


def _slow(library: Path | None) -> dict[str, str]:
    return {"LD_PRELOAD": str(library), "SLOW_DISK_US": "2000"} if library else {}


def bare_flask(threads: int) -> Contestant:
    """One route that checks the signature, on the product's server with as many threads."""

    def parts(place: Place) -> dict[str, Part]:
        script = str(BOTS / "bare_flask.py")
        return {"web": Part((sys.executable, script, str(place.port), str(threads), SECRET), BOTS)}

    return Contestant("bare Flask", parts, answers=(0,) * ROUNDS)


def one_commit(threads: int, slow_disk: Path | None) -> Contestant:
    """The same server, storing with one flushed commit for each request."""

    def parts(place: Place) -> dict[str, Part]:
        database = str(place.folder / "events.db")
        words = (str(BOTS / "one_commit.py"), str(place.port), str(threads), SECRET, database)
        return {"web": Part((sys.executable, *words), BOTS, _slow(slow_disk))}

    return Contestant("one commit a request", parts, answers=(0,) * ROUNDS)


def tutorial() -> Contestant:
    """The classic: pymessenger, inline, on gunicorn's default workers."""

    def parts(place: Place) -> dict[str, Part]:
        target = f"tutorial:create('{place.graph_url}', '{TOKEN}')"
        options = ("-w", "2", "-k", "sync", "-b", f"127.0.0.1:{place.port}", "--log-level", "warning")
        return {"web": Part((sys.executable, "-m", "gunicorn", *options, target), BOTS)}

    return Contestant("pymessenger tutorial", parts)


def node_bots() -> tuple[list[Contestant], list[str]]:
    """bottender and botkit where node can install them; and why not, where it cannot."""
    found: list[Contestant] = []
    reasons: list[str] = []
    commands = {
        "bottender": lambda port: ("node", "node_modules/.bin/bottender", "start", "--port", str(port)),
        "botkit": lambda port: ("node", "bot.js"),
    }
    for name, command in commands.items():
        folder, reason = _installed(BOTS / name)
        if folder is None:
            reasons.append(f"{name} was left out: {reason}")
        else:
            found.append(_node_bot(name, folder, command))
    return found, reasons


def _node_bot(name: str, folder: Path, command: Callable[[int], tuple[str, ...]]) -> Contestant:
    def parts(place: Place) -> dict[str, Part]:
        variables = {
            "PORT": str(place.port),
            "GRAPH_URL": place.graph_url,
            "PAGE_ID": PAGE_ID,
            "APP_ID": APP_ID,
            "SECRET": SECRET,
            "TOKEN": TOKEN,
            "NODE_ENV": "production",
        }
        return {"web": Part(command(place.port), folder, variables)}

    return Contestant(name, parts)


def _installed(bot: Path) -> tuple[Path | None, str]:
    """The bot in a folder outside the repository, with its packages; kept there for the next time."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "node or npm is not installed"
    mark = sha256((bot / "package.json").read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"peersupport-benchmark-{bot.name}-{mark}"
    folder.mkdir(exist_ok=True)
    for file in bot.iterdir():
        shutil.copy(file, folder / file.name)
    if not (folder / "complete").exists():
        # Without install scripts: one of bottender's packages fetches a program that is not needed here.
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            return None, "npm did not come to an end in five minutes"
        if done.returncode:
            return None, "npm could not install it"
        (folder / "complete").touch()
    return folder, ""
