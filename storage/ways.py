"""How often steps and ways of the flows were taken: counts alone, with nothing of who or when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bot.flow.edges import Edge
from storage.store import Store


class Ways(Store):
    """Counts by published set. 0 is the set of a service that publishes none, such as a rehearsal."""

    def add(self, taken: Iterable[tuple[int, Edge]]) -> None:
        """Count these. The rows in one order, so that writers never wait for each other in a circle."""
        counted = Counter(taken)
        if counted:
            self._run_from(
                "INSERT INTO flow_way (set_number, flow, step, way, taken, slot)"
                " SELECT column1, column2, column3, column4, column5, {slot} FROM ({rows}) AS counted WHERE true"
                " ON CONFLICT (set_number, flow, step, way, slot)"
                " DO UPDATE SET taken = flow_way.taken + excluded.taken",
                [
                    {"number": number, "flow": edge.flow, "step": edge.step, "way": edge.way, "taken": count}
                    for (number, edge), count in sorted(counted.items())
                ],
            )

    def since(self, first: int, flow: str | None = None) -> Counter[Edge]:
        """Of the set `first` and all later ones: every way, or those of one flow."""
        rows = self._all(
            "SELECT flow, step, way, SUM(taken) AS taken FROM flow_way"
            " WHERE set_number >= :first AND flow = COALESCE(:flow, flow) GROUP BY flow, step, way",
            first=first,
            flow=flow,
        )
        return Counter({Edge(row["flow"], row["step"], row["way"]): int(row["taken"]) for row in rows})
