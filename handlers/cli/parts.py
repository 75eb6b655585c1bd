"""What the commands need from the application, which fills this in once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from bot import content as files_read
from bot.errors import ContentError, PeerSupportError
from bot.settings import Settings
from handlers.cli.apart import apart
from handlers.environment import FOR_STORAGE, Environment
from handlers.publishing import Gate, Publishing
from storage import Storage, StorageError, Tx

if TYPE_CHECKING:
    from bot.checks import Report


class Texts(Protocol):
    """The wording."""

    def fill(self, text: str, language: str, **fields: str) -> str:
        """A text with the page's facts, the services' numbers and `fields` filled in."""


class Services(Protocol):
    """The table of services: iterating yields the id of each."""

    def __iter__(self) -> Iterator[str]: ...

    def unverified(self) -> tuple[str, ...]:
        """Ids that nobody has signed off."""


class Content(Protocol):
    """Config, flows, texts, services and phrases, as far as the commands need them."""

    @property
    def services(self) -> Services:
        """services.yaml."""

    @property
    def settings(self) -> Settings:
        """config.yaml."""

    @property
    def texts(self) -> Texts:
        """texts.yaml, with what it is filled from."""


class PageClient(Protocol):
    """The channel's client, as far as the Page itself goes. All may raise SendError."""

    def check_token(self) -> None: ...
    def set_profile(self, profile: Mapping[str, object]) -> None: ...
    def get_profile(self) -> dict[str, object]: ...
    def subscribe(self) -> None: ...
    def subscriptions(self) -> dict[str, tuple[str, ...]]: ...
    def conversations(self, *, after: str | None = None) -> dict[str, object]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How the demo starts."""

    home: Path  # whose flows it shows; its data goes below
    port: int
    browser: bool  # open one
    fresh: bool  # throw away the last demo's data first
    at: datetime | None  # aware UTC: where its clock starts; None: now


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The application's hands. Those that serve return when they are told to stop."""

    home: Path  # unless --home says otherwise
    version: str
    clock: Callable[[], datetime]
    load_content: Callable[[Path], Content]  # raises ContentError
    check_files: Callable[[Path], Sequence[object]]  # each prints as `file:line: what is wrong`
    read_files: Callable[[Path], Mapping[str, str]]  # raises ContentError
    gates: Sequence[Gate]  # what files must pass to be published
    report_files: Callable[[Path], Report]  # everything that is to be said about them
    open_storage: Callable[[Environment], Storage]
    run_web: Callable[[Environment], None]
    run_worker: Callable[[Environment], None]
    run_serve: Callable[[Environment], None]
    run_demo: Callable[[DemoOptions], None]
    run_chat: Callable[
        [Path, datetime | None, str | None, Path | None], None
    ]  # home, start, language, save as
    messenger: Callable[[Environment], PageClient]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every command gets: the parts, and the home folder that was chosen."""

    parts: Parts
    home: Path

    def environment(self, need: Collection[str] = FOR_STORAGE) -> Environment:
        """The environment. Raises EnvironmentProblem."""
        return Environment.load(self.home, need=need)

    @contextmanager
    def storage(self, env: Environment | None = None) -> Iterator[Storage]:
        """The store, closed afterwards."""
        storage = self.parts.open_storage(env or self.environment())
        try:
            yield storage
        finally:
            storage.close()

    @contextmanager
    def current_storage(self) -> Iterator[Storage]:
        """The store; refused while its tables are older than the program."""
        with self.storage() as storage:
            if not storage.is_current():
                raise PeerSupportError(
                    "The database has no tables of this version: run `peersupport migrate`."
                )
            yield storage

    def publishing(self, storage: Storage, env: Environment | None = None) -> Publishing:
        """The way to publish."""
        real = (env or self.environment()).is_real
        return Publishing(storage, self.parts.clock, gates=self.parts.gates, real=real)

    def files(self) -> dict[str, str]:
        """The files on disk. Raises ContentError."""
        return dict(self.parts.read_files(self.home))

    def served(self, env: Environment | None = None) -> files_read.Content:
        """What the service goes by: the newest set; the files on disk before the first, or while no store answers.

        Raises ContentError for mistakes in those.
        """
        try:
            with self.storage(env) as storage:
                return self.served_from(storage)
        except StorageError:
            self.check()
            return files_read.load_content(self.files())

    def served_from(self, storage: Storage) -> files_read.Content:
        """As `served`, from a store that is open."""
        files = storage.read(_newest_files) if storage.is_current() else None
        if files is None:
            self.check()
            files = self.files()
        return files_read.load_content(files)

    def check(self) -> None:
        """Refuse to go on with mistakes in the files. Raises ContentError with all of them."""
        problems = apart(lambda: [str(problem) for problem in self.parts.check_files(self.home)])
        if problems:
            raise ContentError(problems)

    def instant(self, text: str | None) -> datetime | None:
        """ "2026-11-29 22:00" on the service's own clock as aware UTC."""
        if text is None:
            return None
        zone = self.parts.load_content(self.home).settings.service_hours.zone
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            raise click.ClickException(f'write the time as "2026-11-29 22:00", not {text!r}') from None
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)


def _newest_files(tx: Tx) -> dict[str, str] | None:
    number = tx.published.newest_number()
    return None if number is None else tx.published.files(number)


pass_state = click.make_pass_decorator(State)
