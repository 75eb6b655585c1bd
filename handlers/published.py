"""The content in use: the newest published set, in every process within seconds of its publication.

Sets live in the store. A set that cannot be used leaves the last good one in use, and every process says in the
store which one it uses and what is wrong. Files on disk are import and export: where they differ from the newest
set that is shown, and nothing is taken from them.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bot.content import CONFIG, SERVICES, Content, load_content
from bot.errors import ContentError
from bot.risk_reader import LateReader, Reader
from bot.settings import Channel
from handlers.clock import Clock
from handlers.memory import give_back
from storage import Storage, StorageError, StorageUnavailable, Tx
from storage.published import set_hash, text_hash

log = logging.getLogger("peersupport.content")
LOOK_SECONDS = 4.0  # the net below waking
SAID_AGAIN = timedelta(seconds=30)
GONE = timedelta(seconds=90)  # who has said nothing for so long does not serve any more
REFUSED = "content_refused"  # an incident while any process cannot use the newest set
STEPS_BACK = 5  # how many older sets a start tries when the newest cannot be used
_QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|«[^»]*»")
Check = Callable[[Mapping[str, str]], list[str]]
Reached = Literal["everywhere", "coming", "refused"]
Read = Callable[[Path], Mapping[str, str]]  # a folder's files as text; raises ContentError

_loaded: dict[tuple[str, bool], Content] = {}  # the last set that was read and checked here, by its hash
_passed: set[str] = set()  # hashes of sets that this process has checked before it published them


def check_files(files: Mapping[str, str]) -> list[str]:
    """Everything that is wrong with them."""
    from bot.checks import check  # megabytes, needed when something has changed

    return [str(problem) for problem in check(files)]


def has_passed(files: Mapping[str, str]) -> None:
    """These have been checked here, and need not be once more when they are used."""
    _passed.add(set_hash({name: text_hash(text) for name, text in files.items()}))


def set_of(storage: Storage, number: int, *, late: bool = False, check: Check | None = None) -> Content:
    """A set, ready for use. Raises ContentError for one that this version cannot use, StorageError for a lost one.

    `late`: a web process reads nothing for danger, and learns to from the store when it is first asked to. `check`:
    instead of `check_files`, for whoever has another way to it.
    """
    found = storage.read(lambda tx: tx.published.get(number))
    if found is None:
        raise StorageError(f"there is no published set {number}")
    reader = LateReader(lambda: _phrases_of(storage, number)) if late else None
    content = _loaded.get((found.hash, late))
    if content is None:
        files = storage.read(lambda tx: tx.published.files(number))
        if found.hash not in _passed and (problems := (check or check_files)(files)):
            raise ContentError(problems)
        _passed.add(found.hash)
        content = load_content(files, reader)
        _loaded.clear()
        _loaded[found.hash, late] = content
    plans = storage.read(lambda tx: tx.published.plans())
    return replace(
        content,
        number=number,
        plans=tuple(each for each in plans if each[0] <= number),
        phrases=reader or content.phrases,
    )


def _phrases_of(storage: Storage, number: int) -> Reader:
    return load_content(storage.read(lambda tx: tx.published.files(number))).phrases


def newest_good(
    storage: Storage, *, late: bool = False, check: Check | None = None
) -> tuple[Content, str | None]:
    """What a starting process serves: the newest set, or one of those before it and why. Raises PeerSupportError."""
    newest = storage.read(lambda tx: tx.published.newest_number())
    if newest is None:
        raise StorageError("Nothing has been published yet: run `peersupport release`.")
    first: str | None = None
    error: StorageError | ContentError | None = None
    for number in range(newest, max(0, newest - STEPS_BACK - 1), -1):
        try:
            return set_of(storage, number, late=late, check=check), first
        except StorageUnavailable:
            raise
        except (StorageError, ContentError) as found:
            error, first = error or found, first or _said(newest, found)
    raise error or StorageError(f"there is no published set {newest}")


class Published:
    """One per process. Call it for the content in use."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        role: str,
        folder: Path,
        read: Read,
        *,
        channels: frozenset[Channel] | None = None,
    ) -> None:
        """`folder`: whose files are compared with what is published. `role`: web, worker or serve. `channels`: see
        `Content`.

        Raises PeerSupportError when there is no set that can be used.
        """
        self._storage, self._clock, self._folder, self._read = storage, clock, folder, read
        self._late = role == "web"
        found, self.problem = newest_good(storage, late=self._late)
        self._channels = channels
        self._content = replace(found, channels=channels)
        self._tried = self._content.number
        self.differs: tuple[str, ...] = ()  # files on disk that are not as published
        self._compared: object = None
        self._elsewhere = {CONFIG}  # files of the newest set outside flows/
        self.name = f"{role}-{os.urandom(3).hex()}"
        self._said: object = None
        self._said_at: datetime | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._looks = threading.Lock()

    def __call__(self) -> Content:
        return self._content

    @property
    def number(self) -> int:
        """Of the set in use."""
        return self._content.number or 0

    def start(self, *, real: bool) -> None:
        """Look whenever something is published, and every few seconds. `real`: students may see it."""
        self._thread = threading.Thread(target=self._run, args=(real,), name="content", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; this process is not one of those that serve. What is to end in time ends before this."""
        self._stop.set()
        if not self._looks.acquire(timeout=1):  # its silence will say it
            return
        try:
            self._storage.write(lambda tx: tx.content_in_use.leave(self.name))
        except StorageError as error:
            log.warning("content_not_left", extra={"error": type(error).__name__})
        finally:
            self._looks.release()

    def _run(self, real: bool) -> None:
        listener = self._storage.listen("content")
        try:
            while not self._stop.is_set():
                try:
                    self.look(self._clock(), real=real)
                except Exception as error:  # the store is away for a moment, or a file: looked at again
                    log.error("content_look_failed", extra={"error": type(error).__name__})
                    self._stop.wait(1)
                listener.wait(LOOK_SECONDS)
        finally:
            listener.close()

    def look(self, now: datetime, *, real: bool) -> None:
        """Use the newest set; say what is used, and what differs from it on disk."""
        with self._looks:
            if self._stop.is_set():
                return
            newest = self._storage.read(lambda tx: tx.published.newest_number())
            if newest is not None and newest != self._tried:
                self._take(newest, now, real)
            self._compare(newest)
            self._say(now)

    def _take(self, newest: int, now: datetime, real: bool) -> None:
        try:
            content = set_of(self._storage, newest, late=self._late)
        except StorageUnavailable:
            raise
        except StorageError as error:  # perhaps it can be read the next time
            self._refuse(_said(newest, error))
            return
        except ContentError as error:
            self._tried = newest
            self._refuse(_said(newest, error))
            return
        self._tried = newest
        if real and (problem := show_services(self._storage, content, now)):
            self._refuse(f"set {newest}: {_without_words(problem)}")
            return
        self._content, self.problem = replace(content, channels=self._channels), None
        log.info("content_in_use", extra={"version": str(newest)})

    def _refuse(self, problem: str) -> None:
        if problem != self.problem:
            log.error("content_refused", extra={"version": str(self.number)})
        self.problem = problem

    def _compare(self, newest: int | None) -> None:
        stamp = (newest, self._stamp())
        if newest is None or stamp == self._compared:
            return
        hashes = self._storage.read(lambda tx: tx.published.hashes(newest))
        self._elsewhere = {name for name in hashes if not name.startswith("flows/")}
        differs = differing(self._folder, self._read, hashes)
        if differs and differs != self.differs:
            log.warning("disk_differs", extra={"version": str(newest), "count": len(differs)})
        self.differs, self._compared = differs, stamp
        give_back()

    def _stamp(self) -> object:
        paths = sorted(
            {*(self._folder / "flows").glob("**/*.yaml"), *(self._folder / n for n in self._elsewhere)}
        )
        found = []
        for path in paths:
            try:
                seen = path.stat()
            except OSError:
                continue
            found.append((path, seen.st_mtime_ns, seen.st_size))
        return found

    def _say(self, now: datetime) -> None:
        said = (self.number, self.problem, self.differs)
        if said == self._said and self._said_at and timedelta() <= now - self._said_at < SAID_AGAIN:
            return
        differs = ", ".join(self.differs)[:300] or None

        def write(tx: Tx) -> None:
            tx.content_in_use.say(self.name, str(self.number), self.problem, now, differs=differs)
            refused = any(line.problem for line in tx.content_in_use.since(now - GONE))
            if refused and not tx.incidents.is_open(REFUSED):
                tx.incidents.open(REFUSED, now)
            elif not refused:
                tx.incidents.close(REFUSED, now)

        self._storage.write(write)
        self._said, self._said_at = said, now


def reached(tx: Tx, newest: int, now: datetime) -> Reached:
    """How far the newest set has come: in use by all that serve, not yet, or one of them cannot use it."""
    lines = tx.content_in_use.since(now - GONE)
    if any(line.problem for line in lines):
        return "refused"
    return "everywhere" if all(line.version == str(newest) for line in lines) else "coming"


def differing(folder: Path, read: Read, hashes: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the files that are not the same on disk as in a set; a file that cannot be read differs."""
    try:
        files = read(folder)
    except ContentError as error:
        return tuple(sorted({problem.partition(":")[0] for problem in error.problems}))
    found = {name: text_hash(text) for name, text in files.items()}
    return tuple(name for name in sorted({**found, **hashes}) if found.get(name) != hashes.get(name))


def show_services(storage: Storage, content: Content, now: datetime) -> str | None:
    """Before students of the real Page meet a number, a person has called it. What is wrong; None: all are shown now.

    The store remembers what it has shown. That stops nothing any more, whoever has taken a signature away since: a
    service that runs can be started again at night. A trial with the stand-in counts for nothing.
    """
    known = storage.read(lambda tx: tx.shown_services.all())
    if problem := unverified_problem(content, known):
        return problem
    if fresh := set(content.services) - known:
        storage.write(lambda tx: tx.shown_services.add(fresh, now))
    return None


def unverified_problem(content: Content, known: Collection[str]) -> str | None:
    """A sentence that names the services which nobody has verified, apart from `known`; None: there are none."""
    new = [each for each in content.services.unverified() if each not in known]
    if not new:
        return None
    return (
        f"{SERVICES}: nobody has verified {', '.join(new)}. Call each number or open each page, and write"
        " verified_by and verified_on; or take the service out."
    )


def _said(number: int, error: StorageError | ContentError) -> str:
    problems = error.problems if isinstance(error, ContentError) else [str(error)]
    return f"set {number}: {_without_words(problems[0])}"


def _without_words(problem: str) -> str:
    """The sentence without what it quotes: it is shown to passers-by, and the phrases are nobody's business."""
    return _QUOTED.sub("…", problem)[:300]
