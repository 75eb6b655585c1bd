"""What every store has: the running transaction, ways to ask it for one row or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from storage.engine import Row

if TYPE_CHECKING:
    from storage.tx import Tx

_MOST_AT_ONCE = 64  # rows in one statement


class Store:
    """One subject's SQL. Lives as long as its transaction."""

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def _all(self, sql: str, **parameters: Any) -> list[Row]:
        return self._tx.all(sql, **parameters)

    def _one(self, sql: str, **parameters: Any) -> Row | None:
        return self._tx.one(sql, **parameters)

    def _run(self, sql: str, **parameters: Any) -> int:
        return self._tx.run(sql, **parameters)

    def _value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._tx.one(sql, **parameters)
        return next(iter(row.values())) if row else None

    def _all_of(self, sql: str, values: Iterable[Any], **parameters: Any) -> list[Row]:
        """Every row of a statement with `IN {each}`, for any number of values; in the statement's order while
        there are no more than 64.
        """
        return [
            row
            for size, named in _lists(values)
            for row in self._tx.all(_with_list(sql, size), **named, **parameters)
        ]

    def _run_of(self, sql: str, values: Iterable[Any], **parameters: Any) -> int:
        """As `_all_of`, for a statement that returns nothing: how many rows changed."""
        return sum(
            self._tx.run(_with_list(sql, size), **named, **parameters) for size, named in _lists(values)
        )

    def _all_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """What `RETURNING` gives for a statement with `{rows}`, the rows in their order. All have the same keys."""
        return [row for part in _parts(rows) for row in self._tx.all_from(sql, part)]

    def _run_from(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """As `_all_from`, for a statement that returns nothing: how many rows changed."""
        return sum(self._tx.run_from(sql, part) for part in _parts(rows))

    def _run_each(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """A statement about one row, for each of these: how many changed. All have the same keys."""
        return self._tx.run_each(sql, rows) if rows else 0


def _parts(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """In powers of two, so that there are few different statements to prepare."""
    start = 0
    while start < len(rows):
        size = min(_MOST_AT_ONCE, 1 << ((len(rows) - start).bit_length() - 1))
        yield rows[start : start + size]
        start += size


def _lists(values: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `_parts`, but filled up with the last value, which changes nothing in a list."""
    wanted = list(values)
    for start in range(0, len(wanted), _MOST_AT_ONCE):
        part = wanted[start : start + _MOST_AT_ONCE]
        size = 1 << (len(part) - 1).bit_length()
        part += part[-1:] * (size - len(part))
        yield size, {f"each_{number}": value for number, value in enumerate(part)}


@lru_cache(maxsize=1024)
def _with_list(sql: str, count: int) -> str:
    return sql.replace("{each}", "(" + ", ".join(f":each_{number}" for number in range(count)) + ")")
