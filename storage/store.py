"""What every store has: the running transaction, and ways to seal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.engine import Row

if TYPE_CHECKING:
    from storage.tx import Tx


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
