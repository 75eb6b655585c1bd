"""Real workers that start at once: forked off a process that has read the content and nothing else.

`forked.py HOME` answers each environment on its input, a line of JSON, by a new worker, and says its process id.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from patience import PATIENCE

ROOT = Path(__file__).parents[2]


class Workers:
    """Starts and kills them."""

    def __init__(self, home: Path, logs: Path) -> None:
        with logs.open("ab") as file:
            self._mother = subprocess.Popen(
                [sys.executable, __file__, str(home)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True,
            )  # fmt: skip
        self._alive: dict[int, int] = {}

    def start(self, environ: dict[str, str]) -> int:
        """One more; its process id."""
        assert self._mother.stdin and self._mother.stdout
        self._mother.stdin.write(json.dumps(environ) + "\n")
        self._mother.stdin.flush()
        pid = int(self._mother.stdout.readline())
        self._alive[pid] = os.pidfd_open(pid)
        return pid

    def kill(self, pid: int) -> None:
        """SIGKILL; returns when it is dead."""
        handle = self._alive.pop(pid)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], PATIENCE)
        os.close(handle)

    def kill_all(self) -> None:
        """Every worker; more can be started."""
        for pid in list(self._alive):
            self.kill(pid)

    def stop(self) -> None:
        """End everything."""
        self.kill_all()
        self._mother.kill()
        self._mother.communicate()


def _serve(home: str) -> None:
    sys.path[0] = str(ROOT)
    import app
    from handlers import published
    from handlers.alerting import climber, web_push, webhook  # noqa: F401 - so that nobody waits for them
    from handlers.messenger import client  # noqa: F401
    from handlers.worker import Worker  # noqa: F401

    content = app.content_of(Path(home))
    app.content_of = lambda folder: content  # what was read here is what they serve
    published.load_content = lambda files, reader=None: content
    published.check_files = lambda files: []  # nor is it checked anew by each
    app.GATES = ()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for environ in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(2, 1)
            os.environ |= json.loads(environ)
            sys.argv = ["peersupport", "--home", home, "worker"]
            app.main()
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
