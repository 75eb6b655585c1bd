"""Requests that are answered together: what a server hands over, and what it is given back for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request that has been read wholly."""

    headers: Mapping[str, str]  # names in capitals, with _ for -
    body: Callable[[], bytes]  # where it lies: so no two large ones are at hand that nobody wants


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request is told."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Door(Protocol):
    """Whoever answers POST at `path`. Called by one thread at a time."""

    path: str

    def answers(self, arrived: Sequence[Arrived]) -> Sequence[Answer]:
        """One for each, in their order. What fails for one must not fail for its neighbours."""
