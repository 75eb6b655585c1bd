"""A disk without room, for real: a process that may not let a file grow beyond a limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from storage_factories import make_storage

CODE = """
import resource, sys, threading
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from storage import StorageUnavailable
from storage_factories import NOW, in_threads, make_storage, new
storage = make_storage(Path({home!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
kept, refused = [], []
def work(thread):
    for number in range(40):
        mid = f"m{{thread}}-{{number}}"
        try:
            storage.write(lambda tx: tx.inbox.add([new(mid, str(thread), "ord " * 400)], NOW))
            kept.append(mid)
        except StorageUnavailable:
            refused.append(mid)
in_threads(8, work)
assert refused, "the limit was never met"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert storage.write(lambda tx: tx.inbox.add([new("room again")], NOW))
print(len(kept) + 1)
"""


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX resource limits")
def test_on_a_full_disk_writers_hear_of_it_and_what_was_promised_is_there(tmp_path: Path) -> None:
    here = Path(__file__).parent
    code = CODE.format(root=str(here.parents[1]), here=str(here), home=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    storage = make_storage(tmp_path)
    assert storage.read(lambda tx: tx.inbox.pending_count()) == int(done.stdout)
    storage.close()
