"""Runs all rehearsals on a set of files, beside the requests: it takes seconds, and a page waits for none of it."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.content import Content
from bot.rehearsal.read import is_rehearsal
from handlers.rehearsal import Result, coverage, run_text

log = logging.getLogger("peersupport.rehearsals")


def key_of(files: Mapping[str, str]) -> str:
    """The same for the same files."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return whole.hexdigest()


@dataclass
class Run:
    """One run over all rehearsals of these files."""

    key: str
    total: int
    results: list[Result] = field(default_factory=list)
    walked: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None  # flow, step, way; when it is over
    failed: bool = False  # it broke off; nothing was proved

    @property
    def over(self) -> bool:
        """Whether all have been played."""
        return self.failed or self.walked is not None

    @property
    def green(self) -> bool:
        """All passed."""
        return self.walked is not None and all(each.passed for each in self.results)

    @property
    def red(self) -> list[Result]:
        """Those that did not."""
        return [each for each in self.results if not each.passed]


class Rehearsing:
    """The newest run of this process. A run that is asked for while another goes on replaces it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Run | None = None

    def of(self, files: Mapping[str, str]) -> Run | None:
        """The run on exactly these files, if there is one."""
        run = self._run
        return run if run is not None and run.key == key_of(files) else None

    @property
    def walked(self) -> Mapping[str, Mapping[str, Mapping[str, int]]] | None:
        """Ways walked in the newest run that is over."""
        return self._run.walked if self._run else None

    def start(self, content: Content, files: Mapping[str, str]) -> Run:
        """Begin, unless exactly this is under way or done."""
        with self._lock:
            known = self.of(files)
            if known is not None and not known.failed:
                return known
            names = sorted(name for name in files if is_rehearsal(name))
            self._run = run = Run(key_of(files), len(names))
        threading.Thread(
            target=self._play,
            args=(run, content, {name: files[name] for name in names}),
            name="rehearsals",
            daemon=True,
        ).start()
        return run

    def _play(self, run: Run, content: Content, scripts: Mapping[str, str]) -> None:
        try:
            for name, text in scripts.items():
                if self._run is not run:
                    return
                run.results.append(run_text(content, text, name))
            found: dict[str, Any] = coverage(content, run.results).as_json()
            run.walked = found["flows"]
        except Exception as error:  # the page says that it broke off
            run.failed = True
            log.error("rehearsals_broke_off", extra={"error": type(error).__name__})


rehearsing = Rehearsing()


def not_green(files: Mapping[str, str]) -> list[str]:
    """A gate for publishing: why the rehearsals of these files do not let them through."""
    run = rehearsing.of(files)
    if run is None or not run.over:
        return ["the rehearsals have not been played on these files yet"]
    if run.failed:
        return ["the rehearsals broke off; play them again"]
    return [str(problem) for each in run.red for problem in (*each.problems, *each.differences)]
