"""Work whose memory is given back whole: done in a child process that ends with it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """What `work` returns, which must be plain JSON.

    Checking every file takes some ten megabytes that Python would keep for the life of a server. Where no process
    can be forked, or the child does not come to its end, the work is done here, with whatever it raises.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(work, writing)
    os.close(writing)
    with open(reading, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    result: T = json.loads(answer) if status == 0 else work()
    return result


def _answer(work: Callable[[], object], writing: int) -> None:
    """In the child: nothing that it inherited is closed, flushed or said."""
    status = 1
    try:
        with open(writing, "wb") as answers:
            answers.write(json.dumps(work()).encode())
        status = 0
    finally:
        os._exit(status)
