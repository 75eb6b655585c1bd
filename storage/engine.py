"""The seam between the stores and a database: what an engine must be able to do.

The stores write one SQL text for all engines: parameters as `:name`, and these macros where engines differ:
{pk} {big} {blob} {strict} {for_update} {for_end} {for_rows}
{skip_locked} {slot}. Times are integers (milliseconds), booleans 0 or 1.
An engine is a class like `sqlite_engine.SqliteEngine` or `postgres_engine.PostgresEngine`, chosen by the URL
in `open_storage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, get_args

T = TypeVar("T")
Row = dict[str, Any]

Topic = Literal["inbox", "outbox", "screens", "timers", "alerts", "content"]  # what somebody may wait for
TOPICS: tuple[Topic, ...] = get_args(Topic)

BUMP = "UPDATE change SET number = number + 1"  # once per commit that something visible changed in


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered migration. Once released it is never edited, only followed by another."""

    name: str
    statements: tuple[str, ...]


class Statements(Protocol):
    """A running transaction."""

    wakes: set[Topic]  # whom to notify after the commit

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        """Every row."""

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, or None."""

    def run(self, sql: str, **parameters: Any) -> int:
        """The number of rows that changed."""

    def all_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Every row of a statement with `{rows}`, for which VALUES with these stand; all have the same keys. It has no
        other parameters.
        """

    def run_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """As `all_from`: the number of rows that changed."""

    def run_each(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """`run` once for each of these: the number of rows that changed."""

    def part(self) -> AbstractContextManager[None]:
        """A part of the transaction that is undone by itself when it raises; what was done before it stays."""

    def wake(self, *topics: Topic) -> None:
        """Notify whoever listens for one of these after the commit."""

    def shred(self) -> None:
        """After the commit, also overwrite what this transaction deleted wherever the engine still holds it."""


class Listener(Protocol):
    """Hears of commits that woke its topics, in this process and in others. One per waiting thread."""

    def wait(self, timeout_seconds: float) -> bool:
        """Block until woken (True), or for so long (False). A wake between two waits is not lost."""

    def close(self) -> None:
        """Stop listening; a `wait` that is under way returns False."""


class Engine(Protocol):
    """A database. All methods may be called from any thread."""

    worker_lock: (
        Path | None
    )  # one worker at most may work on it: who holds the lock on this file; None: any number

    @property
    def post_box(self) -> Engine:
        """Where posts are kept until they are read: this database, or one beside it that wakes the same listeners."""

    def write(self, fn: Callable[[Statements], T], *, flushes: bool = True) -> T:
        """Run `fn` in a write transaction; returns after the commit is durable, or raises and nothing is kept.

        Without `flushes` a loss of power may undo it, a kill does not.
        """

    def read(self, fn: Callable[[Statements], T]) -> T:
        """Run `fn` in a transaction that sees one state of the database and changes nothing."""

    def migrate(self, steps: Sequence[Step]) -> None:
        """Apply the steps that are missing. Several processes may do this at once."""

    def is_current(self, steps: Sequence[Step]) -> bool:
        """Whether all steps have been applied."""

    def listen(self, *topics: Topic) -> Listener:
        """A new listener for these; for none named, for all."""

    def notify(self) -> None:
        """Wake all listeners now."""

    def close(self) -> None:
        """Let go of the database."""
