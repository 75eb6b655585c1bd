"""Gives back what the start of a server needed and its life does not."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

_MANY_OBJECTS = 20_000  # a few megabytes at most; 700 is Python's own


def settle() -> None:
    """Once everything is loaded, and before the first request.

    What is loaded stays, so the collector need not look through it again and again; and it need not come as often as
    by default: what an event leaves behind holds hardly any cycles, and goes by itself.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MANY_OBJECTS, 10, 10)
    give_back()


def give_back() -> None:
    """After work that needed much for a moment, such as reading all files.

    glibc keeps what has been freed between what is in use, some megabytes, until it is asked to return it.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library, such as musl
            ctypes.CDLL(None).malloc_trim(0)
