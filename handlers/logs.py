"""Logs: one JSON object a line, with ids, codes, durations and counts, and nothing anybody wrote.

A log call names an event and hands over facts: `log.info("sent", extra={"outbox_id": 7, "tries": 1})`.
What is not on the list below is left out, whoever asks for it. So are the texts of exceptions and the
messages of libraries, as either may quote a student; what is logged of them is the type and the lines.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

FIELDS = frozenset(
    {
        *(
            "contact_id",
            "conversation_id",
            "inbox_id",
            "inbox_ids",
            "post_ids",
            "outbox_id",
            "outbox_ids",
            "entry_id",
            "alert_id",
            "staff_id",
        ),
        *("supporter_id", "request_id", "worker", "job", "slot", "incident", "number"),
        *("kind", "purpose", "outcome", "code", "status", "state", "tier", "category", "rule", "rules"),
        *("action", "reason", "part", "version", "language", "subcode", "retryable"),
        *("method", "path", "route", "port", "threads", "senders"),
        *("count", "tries", "size", "pending", "waiting", "dropped", "repeated", "streams"),
        *("seconds", "duration_ms", "age_seconds", "lag_seconds", "retry_in_seconds", "error"),
    }
)
OURS = ("peersupport", "bot", "storage", "handlers", "app", "__main__")
_LONGEST = 80
_MOST = 100  # of a list; a POST of Meta's rarely holds more
# One word of letters: no spaces, so no sentence. A row of nine or more digits may be somebody's id or number.
_CODE = re.compile(r"[A-Za-z0-9_.:/<>\-]*", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{9}")
_encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make an encoder for each line
_LARGEST = 10**13  # ids of our own and durations stay far below; a PSID does not


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; whatever was passed, it contains nothing that is not on the list."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": _event(record),
        }
        line |= _facts(record.__dict__)
        if not _is_ours(record):
            line["where"] = f"{record.name}:{Path(record.pathname).name}:{record.lineno}"
        if record.exc_info and record.exc_info[0]:
            line |= described(record.exc_info[1], record.exc_info[2])
        return _encode(line)


def setup_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logging through the filter, as JSON lines, to `stream` (standard error). Safe to repeat."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    # Nobody logs these, and finding them out costs as much as writing the line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # A handler that prints tracebacks when it fails itself would print what it was to log.
    logging.raiseExceptions = False
    # Libraries speak when something is wrong. Their request lines hold addresses with query strings.
    for library in ("werkzeug", "urllib3", "apscheduler", "asyncio"):
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def described(error: BaseException | None, trace: TracebackType | None) -> dict[str, object]:
    """An exception by type and lines, without its text: {"error": "KeyError", "frames": ["x.py:40"]}."""
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return {"error": type(error).__name__, "frames": frames[-12:]}


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.split(".", 1)[0] in OURS


def _event(record: logging.LogRecord) -> str:
    """The words of the call itself, never what was filled into them; a library's words not at all."""
    return record.msg if _is_ours(record) and isinstance(record.msg, str) else "library"


def _facts(given: dict[str, object]) -> dict[str, object]:
    return {name: shown for name in FIELDS & given.keys() if (shown := _shown(given[name])) is not None}


def _shown(value: object) -> object | None:
    """A value that cannot hold words or an identity; None: it might."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < _LARGEST else None
    if isinstance(value, list | tuple | frozenset | set):
        parts = [part for item in list(value)[:_MOST] if (part := _shown(item)) is not None]
        return parts or None
    if isinstance(value, str):
        plain = str(value)
        fits = len(plain) <= _LONGEST and _CODE.fullmatch(plain) and not _LONG_NUMBER.search(plain)
        return plain if fits else None
    return None
