"""Which steps and ways of the flows the rehearsals walk: for people, and as JSON for the console's diagram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.content import Content
from bot.flow.edges import STEP, Edge, edges_of
from handlers.rehearsal.run import Result


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each step and each way was walked; what was never walked counts 0."""

    counts: Mapping[Edge, int]

    @property
    def missing(self) -> list[Edge]:
        """What no rehearsal walks."""
        return [edge for edge, count in self.counts.items() if not count]

    def as_json(self) -> dict[str, Any]:
        """By flow, step and way: `{"menu": {"choose": {"step": 40, "choice:talk": 12}}}`, and the sums."""
        flows: dict[str, dict[str, dict[str, int]]] = {}
        for edge, count in self.counts.items():
            flows.setdefault(edge.flow, {}).setdefault(edge.step, {})[edge.way] = count
        return {
            "flows": flows,
            "ways": len(self.counts),
            "walked": len(self.counts) - len(self.missing),
            "missing": [str(edge) for edge in self.missing],
        }


def coverage(content: Content, results: Sequence[Result]) -> Coverage:
    """Of all flows, by these rehearsals."""
    walked: Counter[Edge] = Counter()
    for result in results:
        walked.update(result.walked)
    return Coverage({edge: walked[edge] for edge in edges_of(content.flows)})


def table(found: Coverage) -> Iterator[str]:
    """One line a flow, then the names of what is missing."""
    flows = list(dict.fromkeys(edge.flow for edge in found.counts))
    yield f"{'flow':<16} {'steps':>9} {'ways':>9}"
    for flow in [*flows, None]:
        steps = _walked(found, flow, steps=True)
        ways = _walked(found, flow, steps=False)
        yield f"{flow or 'all':<16} {steps:>9} {ways:>9}"
    yield from (f"no rehearsal walks: {edge}" for edge in found.missing)


def _walked(found: Coverage, flow: str | None, *, steps: bool) -> str:
    counts = [
        count
        for edge, count in found.counts.items()
        if flow in (None, edge.flow) and (edge.way == STEP) is steps
    ]
    return f"{sum(1 for count in counts if count)} of {len(counts)}"
