"""A flow as a drawing: boxes in layers from the start down, and the ways between them. Pure: a flow in, places out.

The layers follow from the ways themselves (a way that leads back up is bent back), the order within a layer from
where the ways come from, as in Sugiyama's method (https://en.wikipedia.org/wiki/Layered_graph_drawing).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.flow.edges import Edge, left
from bot.flow.model import PLACES, Flow, Step

BOX, TALL, GAP, DROP, MARGIN = 152, 46, 34, 60, 14  # widths and heights in SVG units
_LETTERS = 21  # of a box's line
Kind = Literal["start", "step", "place", "missing", "flow"]
Way = Literal["choice", "when", "otherwise", "silence", "goto", "call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What real conversations did, as counts."""

    since: int  # the published set from which on they are counted: the file has not changed since
    at: datetime | None  # when that was
    taken: Mapping[Edge, int]
    waiting: Mapping[tuple[str, str], int]  # on these sets, by flow and step
    here: Mapping[tuple[str, str], int]  # on any set


@dataclass(slots=True)
class Box:
    """A step, a place the flow ends in, or a step that is named and does not exist."""

    name: str
    kind: Kind
    title: str
    sub: str = ""
    line: int = 0  # in the file; 0: it stands nowhere
    wrong: bool = False
    here: int = 0  # conversations that wait at this step now
    left: int = 0  # conversations that came here and went no further; see `bot.flow.edges.left`
    x: float = 0.0
    y: float = 0.0
    layer: int = 0


@dataclass(slots=True)
class Path:
    """All ways from one box to another."""

    start: str
    end: str
    ways: list[tuple[Way, str]] = field(default_factory=list)  # kind and name: `choice`, `yes`
    words: list[str] = field(default_factory=list)
    d: str = ""
    back: bool = False  # it leads up again
    walked: int | None = None  # by rehearsals; None: nobody has counted
    taken: int | None = None  # by students; None: nobody has counted
    share: int = 0  # of all ways out of the box that students took, in quarters: 0 to 4
    label_x: float = 0.0
    label_y: float = 0.0

    @property
    def kind(self) -> str:
        """How it is drawn: dashed when all its ways are what happens if no answer fits or comes."""
        return "aside" if all(kind in ("otherwise", "silence") for kind, _ in self.ways) else "main"

    @property
    def label(self) -> str:
        """A word beside the line."""
        words = [word for word in self.words if word]
        if not words:
            return ""
        return _short(words[0], 18) if len(words) == 1 else f"{_short(words[0], 12)} +{len(words) - 1}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the page draws."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    paths: tuple[Path, ...]


def draw(
    flow: Flow,
    lines: Mapping[str, int],
    language: str,
    *,
    wrong_lines: Collection[int] = (),
    walked: Mapping[tuple[str, str], int] | None = None,
    traffic: Traffic | None = None,
) -> Drawing:
    """`lines`: of each step. `walked`: how often rehearsals took (step, way), by the names of `bot.flow.edges`."""
    boxes = {name: _box(flow, name, step, lines, language) for name, step in flow.steps.items()}
    paths: dict[tuple[str, str], Path] = {}
    for name, step in flow.steps.items():
        for target, way, word, id in _ways(step, language):
            key = target
            if target in PLACES:
                boxes.setdefault(target, Box(target, "place", target))
            elif way == "call":
                key = f"flow:{target}"
                boxes.setdefault(key, Box(key, "flow", target))
            elif target not in boxes:
                boxes[target] = Box(target, "missing", target, wrong=True)
            path = paths.setdefault((name, key), Path(name, key))
            path.ways.append((way, id))
            path.words.append(word)
            if walked is not None:
                path.walked = (path.walked or 0) + walked.get((name, id), 0)
    starts = sorted((line, name) for name, line in lines.items() if name in flow.steps)
    for line in wrong_lines:
        inside = [name for first, name in starts if first <= line]
        if inside:
            boxes[inside[-1]].wrong = True
    if traffic:
        _count(flow, boxes, paths.values(), traffic)
    return _laid_out(flow.start, boxes, list(paths.values()))


def _count(flow: Flow, boxes: Mapping[str, Box], paths: Collection[Path], traffic: Traffic) -> None:
    """How students went: on each path, and where they left."""
    by_step: dict[str, dict[str, int]] = {}
    for edge, count in traffic.taken.items():
        if edge.flow == flow.flow:
            by_step.setdefault(edge.step, {})[edge.way] = count
    for name, step in flow.steps.items():
        boxes[name].here = traffic.here.get((flow.flow, name), 0)
        boxes[name].left = left(step, by_step.get(name, {}), traffic.waiting.get((flow.flow, name), 0))
    if not by_step:
        return
    for path in paths:
        path.taken = sum(by_step.get(path.start, {}).get(id, 0) for _, id in path.ways)
    for path in paths:
        out = sum(other.taken or 0 for other in paths if other.start == path.start)
        path.share = -(-4 * (path.taken or 0) // out) if out else 0


def _box(flow: Flow, name: str, step: Step, lines: Mapping[str, int], language: str) -> Box:
    sub = ""
    if step.say:
        sub = step.say.in_("en" if language == "en" else "nb")
    elif step.call:
        sub = f"→ {step.call}"
    elif step.when:
        sub = "? " + ", ".join(sorted({fact for branch in step.when for fact in branch.if_}))
    elif step.services:
        sub = ", ".join(step.services)
    kind: Kind = "start" if name == flow.start else "step"
    return Box(name, kind, _short(name), _short(" ".join(sub.split())), lines.get(name, 0))


def _short(text: str, letters: int = _LETTERS) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _ways(step: Step, language: str) -> Iterator[tuple[str, Way, str, str]]:
    """Where to, how, the word beside it, and the way's name for those who count."""
    for choice in step.choices:
        target = choice.goto or (None if step.when else step.goto)
        if target:
            yield target, "choice", choice.title(language), f"choice:{choice.id}"
    if step.choices and step.otherwise.goto != "people":  # to people is what happens everywhere
        yield step.otherwise.goto, "otherwise", "…", "otherwise"
    if step.after:
        yield step.after.goto, "silence", f"{step.after.minutes} min", "silence"
    if step.call:
        yield step.call, "call", "", "call"
    for number, branch in enumerate(step.when):
        word = ", ".join(f"{fact} {'/'.join(values)}" for fact, values in branch.if_.items())
        yield branch.goto, "when", word, f"when:{number + 1}"
    if step.goto and not (step.choices and not step.when):
        yield step.goto, "goto", "", "goto"


# Where everything stands.


def _laid_out(start: str, boxes: dict[str, Box], paths: list[Path]) -> Drawing:
    forward = _forward(start, boxes, paths)
    _set_layers(boxes, forward)
    layers: list[list[str]] = [[] for _ in range(max(box.layer for box in boxes.values()) + 1)]
    for box in boxes.values():
        layers[box.layer].append(box.name)
    _set_order(layers, forward)
    widest = max(len(layer) for layer in layers)
    width = 2 * MARGIN + widest * BOX + (widest - 1) * GAP + 88  # room at the side for ways back up
    for number, layer in enumerate(layers):
        taken = len(layer) * BOX + (len(layer) - 1) * GAP
        left = (width - taken) / 2
        for place, name in enumerate(layer):
            boxes[name].x = left + place * (BOX + GAP)
            boxes[name].y = MARGIN + number * (TALL + DROP)
    lanes = _Lanes(boxes)
    for path in paths:
        _bend(path, boxes, lanes)
    height = 2 * MARGIN + len(layers) * TALL + (len(layers) - 1) * DROP
    return Drawing(int(width), height, tuple(boxes.values()), tuple(paths))


def _forward(start: str, boxes: Mapping[str, Box], paths: list[Path]) -> list[tuple[str, str]]:
    """The ways without those that lead back to where one has been."""
    onward: dict[str, list[str]] = {}
    for path in paths:
        onward.setdefault(path.start, []).append(path.end)
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for root in (start, *boxes):
        if root in seen or root not in boxes:
            continue
        seen.add(root)
        above = [(root, iter(onward.get(root, ())))]
        while above:
            name, rest = above[-1]
            following = next(rest, None)
            if following is None:
                above.pop()
            elif following not in {each for each, _ in above}:
                found.append((name, following))
                if following not in seen:
                    seen.add(following)
                    above.append((following, iter(onward.get(following, ()))))
    return found


def _set_layers(boxes: Mapping[str, Box], forward: list[tuple[str, str]]) -> None:
    """Each box below everything that leads to it; places where flows end stand below all steps."""
    for _ in boxes:
        changed = False
        for start, end in forward:
            if boxes[end].layer <= boxes[start].layer:
                boxes[end].layer = boxes[start].layer + 1
                changed = True
        if not changed:
            break
    lowest = max((box.layer for box in boxes.values() if box.kind not in ("place", "flow")), default=0)
    for box in boxes.values():
        if box.kind == "place":
            box.layer = lowest + 1


def _set_order(layers: list[list[str]], forward: list[tuple[str, str]]) -> None:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for start, end in forward:
        above.setdefault(end, []).append(start)
        below.setdefault(start, []).append(end)
    for turn in range(4):
        near = above if turn % 2 == 0 else below
        at = {name: place / max(1, len(layer)) for layer in layers for place, name in enumerate(layer)}
        for layer in layers if turn % 2 == 0 else reversed(layers):
            layer.sort(key=lambda name, near=near, at=at: _middle(near.get(name, ()), at, name))
            at |= {name: place / max(1, len(layer)) for place, name in enumerate(layer)}


def _middle(names: Collection[str], at: Mapping[str, float], name: str) -> float:
    return sum(at[each] for each in names) / len(names) if names else at[name]


def _bend(path: Path, boxes: Mapping[str, Box], lanes: _Lanes) -> None:
    """The line, from the lower edge of one box to the upper edge of the other, or round the side back up."""
    start, end = boxes[path.start], boxes[path.end]
    x1, y1, x2, y2 = start.x + BOX / 2, start.y + TALL, end.x + BOX / 2, end.y
    if end.layer <= start.layer:  # back up, on the right
        x1, y1, x2, y2 = start.x + BOX, start.y + TALL / 2, end.x + BOX, end.y + TALL / 2
        side = max(x1, x2) + 26
        path.d = f"M{x1:.0f} {y1:.0f}C{side:.0f} {y1:.0f} {side:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
        path.label_x, path.label_y, path.back = side - 8, (y1 + y2) / 2, True
    elif end.layer == start.layer + 1:
        middle = (y1 + y2) / 2
        path.d = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
        path.label_x, path.label_y = x2 + (x1 - x2) * 0.3, y2 - DROP * 0.3
    else:
        lane, turn = lanes.take(path, x1, x2)
        first, last = y1 + DROP * 0.8, y2 - DROP * 0.8
        path.d = (
            f"M{x1:.0f} {y1:.0f}C{x1:.0f} {first:.0f} {lane:.0f} {y1:.0f} {lane:.0f} {first:.0f}"
            f"L{lane:.0f} {last:.0f}C{lane:.0f} {y2:.0f} {x2:.0f} {last:.0f} {x2:.0f} {y2:.0f}"
        )
        path.label_x, path.label_y = x1 + (lane - x1) * 0.5, y1 + 13 + 12 * turn


class _Lanes:
    """Places to go straight down past the layers between: in no box's way, and not on top of each other."""

    def __init__(self, boxes: Mapping[str, Box]) -> None:
        self.boxes = boxes
        self.taken: list[tuple[float, int, int, str]] = []  # x, from layer, to layer, where to
        self.turns: dict[str, int] = {}  # lanes that begin at a box

    def take(self, path: Path, x1: float, x2: float) -> tuple[float, int]:
        """Where to go down, and how many lanes began at this box before."""
        start, end = self.boxes[path.start], self.boxes[path.end]
        between = [box for box in self.boxes.values() if start.layer < box.layer < end.layer]
        edges = [edge for box in between for edge in (box.x - 12, box.x + BOX + 12)]
        free = [
            x
            for x in (x1, x2, (x1 + x2) / 2, *edges)
            if not any(box.x - 6 < x < box.x + BOX + 6 for box in between)
        ]
        x = min(free, key=lambda x: abs(x - x1) + abs(x - x2), default=(x1 + x2) / 2)
        aside = -7 if x < x1 else 7
        while any(
            abs(x - other) < 5 and where != path.end and low < end.layer and start.layer < high
            for other, low, high, where in self.taken
        ):
            x += aside
        self.taken.append((x, start.layer, end.layer, path.end))
        turn = self.turns.get(path.start, 0)
        self.turns[path.start] = turn + 1
        return x, turn
