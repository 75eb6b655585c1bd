"""The program as the Procfile starts it, with a clock that somebody else can move: `clocked.py FILE web`.

The file holds how far that clock is from the machine's, in seconds. Nothing else differs from `app.py`: the
service has one clock, and this hands it another.
"""

from __future__ import annotations

import mmap
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[3]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from handlers import clock as clocks  # noqa: E402

machine = clocks.real
_OFFSET = struct.Struct("d")


class SharedClock:
    """One clock for several processes; a file carries how far it is from the machine's."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_OFFSET.pack(0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _OFFSET.size)

    def __call__(self) -> datetime:
        """Now, as far as the service knows."""
        return machine() + self.offset

    @property
    def offset(self) -> timedelta:
        """How far from the machine's clock."""
        return timedelta(seconds=_OFFSET.unpack(self._shared[:])[0])

    def jump(self, by: timedelta) -> None:
        """Move it, for everybody at once, while they run."""
        self._shared[:] = _OFFSET.pack((self.offset + by).total_seconds())

    def close(self) -> None:
        """Let go of the file."""
        self._shared.close()


if __name__ == "__main__":
    clocks.real = SharedClock(Path(sys.argv.pop(1)))
    import app

    app.main()
