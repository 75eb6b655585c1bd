"""How long `peersupport check` takes for 100 flows of 50 steps: `python benchmarks/check.py`, from the checkout.

The goal is under two seconds of one processor. Files without risk phrases of their own: reading those does not
depend on the flows, and is measured by `phrases.py`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bot"), str(ROOT / "tests" / "support")]


def main() -> None:
    """Measures the best of five, because the machine has other work."""
    from content_files import files
    from many_flows import many_flows

    from bot.checks import report

    given = files(**many_flows(100, 50))
    took = []
    for _ in range(5):
        began = time.process_time()
        found = report(given)
        took.append(time.process_time() - began)
    lines = sum(text.count("\n") for text in given.values())
    print(f"{lines:,} lines, {found.questions:,} questions, {found.answers:,} answers")  # noqa: T201
    print(f"findings: {len(found.findings)}; whole: {found.complete}; best of 5: {min(took):.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
