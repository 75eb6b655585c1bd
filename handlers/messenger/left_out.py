"""Importing a library without what it imports for calls that are never made here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


class _Nothing(ModuleType):
    """Every name that is looked for in it is None."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Within the block these modules are empty to whoever imports them, unless they have been loaded before.

    Afterwards they are as ever. Imports belong to the start of a process, when one thread does them.
    """
    empty = {name: _Nothing(name) for name in names if name not in sys.modules}
    sys.modules.update(empty)
    try:
        yield
    finally:
        for name in empty:
            del sys.modules[name]
