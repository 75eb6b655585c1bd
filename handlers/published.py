"""The content in use: what the process began with, and newer texts, services and phrases as soon as they are good.

Flow steps and config.yaml wait for a restart: somebody may be in the middle of them. A file that changed is read
once it stands still, so that half a file is never taken for a whole one. What `check` refuses is not used; the last
good content stays, and every process says in the store which version it uses and what is wrong.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bot.content import CONFIG, PHRASES, SERVICES, TEXTS, Content, extra_phrases_of, load_content
from bot.risk_reader import LateReader
from handlers.clock import Clock
from storage import Storage, Tx

log = logging.getLogger("peersupport.content")
LOOK_SECONDS = 4.0
SAID_AGAIN = timedelta(seconds=30)
GONE = timedelta(seconds=90)  # who has said nothing for so long does not serve any more
REFUSED = "content_refused"  # an incident while any process has a file that it cannot use
_QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|«[^»]*»")


class Published:
    """One per process. Call it for the content in use."""

    def __init__(self, folder: Path, read: Callable[[Path], Mapping[str, str]], role: str) -> None:
        """`read` gives all files as text; raises ContentError. `role`: web, worker or serve."""
        self._folder = folder
        self._reads = role != "web"
        self._seen: object = None
        self._started = dict(read(folder))
        extra = extra_phrases_of(self._started[CONFIG])
        self._live = tuple(name for name in (TEXTS, SERVICES, PHRASES, extra) if name is not None)
        self._tried = self._seen = self._stamp()
        self._content = self._load(self._started)
        self.version = _version(self._started)
        self.problem: str | None = None
        self.name = f"{role}-{os.urandom(3).hex()}"
        self._said: tuple[str, str | None] | None = None
        self._said_at: datetime | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self) -> Content:
        return self._content

    def _load(self, files: Mapping[str, str]) -> Content:
        """A web process reads nothing for danger: it learns to when it is first asked to."""
        if self._reads:
            return load_content(files)
        return load_content(files, LateReader(lambda: load_content(files).phrases))

    # Looking.

    def start(self, storage: Storage, clock: Clock, *, real: bool) -> None:
        """Look every few seconds. `real`: students may see it, so each new service needs to be verified."""
        self._thread = threading.Thread(
            target=self._run, args=(storage, clock, real), name="content", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self, storage: Storage, clock: Clock, real: bool) -> None:
        while True:
            try:
                self.look(storage, clock(), real=real)
            except Exception as error:  # the store is away for a moment, or a file: looked at again
                log.error("content_look_failed", extra={"error": type(error).__name__})
            if self._stop.wait(LOOK_SECONDS):
                return

    def look(self, storage: Storage, now: datetime, *, real: bool) -> None:
        """Use what is new and good; say what is used."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp  # perhaps somebody is still writing it
        elif stamp != self._tried:
            self._try(storage, now, real)
            self._tried = stamp
        self._say(storage, now)

    def _stamp(self) -> object:
        def of(name: str) -> tuple[int, int] | None:
            try:
                found = (self._folder / name).stat()
            except OSError:
                return None
            return found.st_mtime_ns, found.st_size

        return tuple(of(name) for name in self._live)

    def _try(self, storage: Storage, now: datetime, real: bool) -> None:
        files, problems = self._files()
        version = _version(files)
        if not problems and version != self.version:
            problems = self._take(storage, files, version, now, real)
        self.problem = _without_words(problems[0]) if problems else None
        if self.problem:
            log.error("content_refused", extra={"version": self.version, "count": len(problems)})

    def _take(
        self, storage: Storage, files: Mapping[str, str], version: str, now: datetime, real: bool
    ) -> list[str]:
        """Use it, or say why not."""
        from bot.checks import check  # megabytes, needed when something has changed

        if problems := [str(problem) for problem in check(files)]:
            return problems
        content = self._load(files)
        if real and (problems := _unverified(storage, content, now)):
            return problems
        self._content, self.version = content, version
        log.info("content_in_use", extra={"version": version})
        return []

    def _files(self) -> tuple[dict[str, str], list[str]]:
        """What it would be with the files as they are now, and which of them cannot be read."""
        files, problems = dict(self._started), []
        for name in self._live:
            try:
                files[name] = (self._folder / name).read_text("utf-8")
            except UnicodeDecodeError:
                problems.append(f"{name}:1: is not UTF-8 text; save it as UTF-8")
            except OSError:
                problems.append(f"{name}:1: the file is missing or cannot be read")
        return files, problems

    def _say(self, storage: Storage, now: datetime) -> None:
        said = (self.version, self.problem)
        if said == self._said and self._said_at and timedelta() <= now - self._said_at < SAID_AGAIN:
            return

        def write(tx: Tx) -> None:
            tx.content_in_use.say(self.name, self.version, self.problem, now)
            refused = any(line.problem for line in tx.content_in_use.since(now - GONE))
            if refused and not tx.incidents.is_open(REFUSED):
                tx.incidents.open(REFUSED, now)
            elif not refused:
                tx.incidents.close(REFUSED, now)

        storage.write(write)
        self._said, self._said_at = said, now


def _version(files: Mapping[str, str]) -> str:
    """Short, and the same for the same files in every process."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode() + b"\0" + files[name].encode() + b"\0")
    return whole.hexdigest()[:12]


def _without_words(problem: str) -> str:
    """The sentence without what it quotes: it is shown to passers-by, and the phrases are nobody's business."""
    return _QUOTED.sub("…", problem)[:300]


def _unverified(storage: Storage, content: Content, now: datetime) -> list[str]:
    """New numbers that nobody has called stay out, as at the start."""
    known = storage.read(lambda tx: tx.shown_services.all())
    if new := [each for each in content.services.unverified() if each not in known]:
        return [
            f"{SERVICES}:1: nobody has verified {', '.join(new)}; call, and write verified_by and verified_on"
        ]
    if fresh := set(content.services) - known:
        storage.write(lambda tx: tx.shown_services.add(fresh, now))
    return []
