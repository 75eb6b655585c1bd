"""What the walk through all flows proves, and what it finds where a proof fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.flow.model import MENU, URGENT, WELCOME
from bot.flow.walk import Node, Walk, Way
from bot.yaml_text import Path

MOST_TAPS = 5  # before a person
MOST_MESSAGES = 4  # in one go
_HOW = {
    "words": "(writes something)",
    "nonsense": "(writes something else)",
    "sticker": "(sends a sticker)",
    "nb": "(writes NORSK)",
    "en": "(writes ENGLISH)",
}
_BEGINS = {WELCOME: "First message", MENU: "Menu"}


@dataclass(frozen=True, slots=True)
class Flaw:
    """Where a proof fails: the step, the place below it in the file, and the answers that lead there."""

    kind: str
    flow: str
    step: str
    where: Path
    text: str
    path: str = ""


def flaws(walk: Walk) -> Iterator[Flaw]:
    """Everything that does not hold, one flaw for each step and kind, with the shortest way there."""
    seen: set[tuple[str, str, str, Path]] = set()
    for flaw in _all(walk):
        key = (flaw.kind, flaw.flow, flaw.step, flaw.where)
        if key not in seen:
            seen.add(key)
            yield flaw


def _all(walk: Walk) -> Iterator[Flaw]:
    yield from _ends(walk)
    yield from _ways_out(walk)
    yield from _taps(walk)
    yield from _urgent(walk)
    for kind, hows, where in (
        ("endless", ("nonsense", "words"), ("otherwise", "goto")),
        ("endless", ("nonsense", "sticker"), ("otherwise", "goto")),
        ("silence", ("silence",), ("after", "goto")),
    ):
        for open_now in (True, False):
            yield from _circles(walk, kind, hows, where, open_now)
    if walk.bounded:
        said = f"more than {walk.limit:,} different situations; those beyond are not walked"
        yield Flaw("bounded", MENU, "", ("flow",), said)
    else:
        yield from _never(walk)


def described(walk: Walk, number: int, *more: Way) -> str:
    """The way to a question as a coordinator knows it: "First message > Norsk > Prate med noen"."""
    steps, begins = walk.path(number)
    node = walk.nodes[number]
    parts = [_BEGINS.get(begins, begins)] + [_label(walk, each, way) for each, way in steps]
    return " > ".join(parts + [_label(walk, node, way) for way in more])


def _label(walk: Walk, node: Node, way: Way) -> str:
    if way.choice is not None:
        return way.choice.title(node.language)
    if way.how == "skip":
        return walk.content.texts.title("skip_button", node.language)
    if way.how == "silence" and node.step.after:
        return f"(is silent for {node.step.after.minutes} minutes)"
    return _HOW[way.how]


def _ends(walk: Walk) -> Iterator[Flaw]:
    """Every end is a person, the question before deleting, or something said. And no way says too much at once."""
    for way in walk.starts:
        flow, step = way.last
        if way.goes == "end" and not way.said:
            yield Flaw("goodbye", flow, step, (), f"step {step!r} ends the conversation without a word", flow)
    for number, node in enumerate(walk.nodes):
        for way in node.ways:
            flow, step = way.last
            is_own = way.last == node.place
            where: Path = _below(node, way) if is_own else ()
            if way.goes == "end" and not way.said and way.how != "silence":
                said = f"step {step!r} ends the conversation without a word"
                if is_own and way.choice:
                    said = f"choice {way.choice.id!r} of step {step!r} ends the conversation without a word"
                yield Flaw("goodbye", flow, step, where, said, described(walk, number, way))
            same = way.to == number and way.how == "tap" and way.said <= 1
            if same and not _speaks_otherwise(node, way):
                said = f"choice {way.choice.id if way.choice else ''!r} only asks {step!r} again"
                yield Flaw(
                    "same_question", *node.place, _below(node, way), said, described(walk, number, way)
                )
            if way.said > MOST_MESSAGES:
                said = f"{way.said} messages come at once, the last from step {step!r}"
                yield Flaw("flood", flow, step, (), said, described(walk, number, way))


def _speaks_otherwise(node: Node, way: Way) -> bool:
    """Whether it chooses a language, so that the same question comes in that one: to the walk they are one."""
    chooses = node.step.save == "language" or (way.choice is not None and "language" in way.choice.set)
    return chooses and node.language is None


def _below(node: Node, way: Way) -> Path:
    if way.choice is None:
        return ()
    return ("choices", node.step.choices.index(way.choice))


def _ways_out(walk: Walk) -> Iterator[Flaw]:
    """From every question some button leads to an end, and to a person."""
    ending = _distances(walk, lambda way: bool(way.goes))
    people = _distances(walk, lambda way: way.goes == "people")
    if walk.bounded:
        return  # what was not walked may be the way out
    for number, node in enumerate(walk.nodes):
        if number not in ending:
            said = f"from step {node.state.at.step!r} no button leads to a person, a referral or an end"
            yield Flaw("trap", *node.place, (), said, described(walk, number))
        elif number not in people:
            said = f"from step {node.state.at.step!r} no button leads to a person"
            yield Flaw("no_person", *node.place, (), said, described(walk, number))


def _distances(
    walk: Walk, ends: Callable[[Way], bool], without: frozenset[int] = frozenset()
) -> dict[int, int]:
    """For each node the fewest answers to an end, not through the nodes `without`."""
    before: dict[int, list[int]] = {}
    found: dict[int, int] = {}
    for number, node in enumerate(walk.nodes):
        if number in without:
            continue
        for way in node.ways:
            if not way.is_willing:
                continue
            if ends(way):
                found[number] = 1
            elif way.to is not None:
                before.setdefault(way.to, []).append(number)
    ahead = deque(found)
    while ahead:
        each = ahead.popleft()
        for earlier in before.get(each, ()):
            if earlier not in found:
                found[earlier] = found[each] + 1
                ahead.append(earlier)
    return found


def _taps(walk: Walk) -> Iterator[Flaw]:
    """By every button of the menu that leads to a person, and from the first message, it is five taps at most."""
    menus = frozenset(n for n, node in enumerate(walk.nodes) if node.came is None and node.begins == MENU)
    people = _distances(walk, lambda way: way.goes == "people")
    direct = _distances(walk, lambda way: way.goes == "people", menus)
    for number, node in enumerate(walk.nodes):
        if node.came is None and people.get(number, 0) > MOST_TAPS:
            said = f"from the first question a person is {people[number]} taps away; {MOST_TAPS} is the most"
            yield Flaw("taps", *node.place, (), said, described(walk, number))
        for way in node.ways if number in menus else ():
            taps = 1 + direct.get(way.to, 0) if way.to is not None else 1
            if way.how == "tap" and taps > MOST_TAPS:
                said = (
                    f"after {_label(walk, node, way)!r} a person is {taps} taps away; {MOST_TAPS} is the most"
                )
                yield Flaw("taps", *node.place, _below(node, way), said, _quickest(walk, number, way, direct))


def _urgent(walk: Walk) -> Iterator[Flaw]:
    """One tap in the menu is urgent help, and each of its questions has a button for those in danger.

    The word HELP, which needs no button, is tried in `bot.always_proof`.
    """
    if walk.bounded or URGENT not in walk.content.flows:
        return
    for node in walk.nodes:
        if node.came is None and node.begins == MENU:
            ahead = [walk.nodes[way.to] for way in node.ways if way.how == "tap" and way.to is not None]
            if not any(each.state.at.flow == URGENT for each in ahead):
                said = f"no button of step {node.state.at.step!r} leads to urgent help at once"
                yield Flaw("urgent", *node.place, (), said)
        if node.state.at.flow == URGENT and not any(choice.danger for choice in node.step.choices):
            said = f"step {node.state.at.step!r} of urgent help has no button for those in danger"
            yield Flaw("urgent", *node.place, (), said)


def _quickest(walk: Walk, number: int, way: Way, distance: dict[int, int]) -> str:
    """The way on from there to a person."""
    said = described(walk, number, way)
    while way.to is not None and way.goes != "people":
        node = walk.nodes[way.to]
        left = distance[way.to] - 1
        way = next(
            each
            for each in node.ways
            if each.is_willing
            and (
                (left == 0 and each.goes == "people")
                or (each.to is not None and distance.get(each.to) == left)
            )
        )
        said += f" > {_label(walk, node, way)}"
    return said


def _circles(
    walk: Walk, kind: str, hows: tuple[str, ...], where: tuple[str, str], open_now: bool
) -> Iterator[Flaw]:
    """Who always answers in this manner comes to an end: nobody is asked, or written to, for ever."""
    onward: dict[int, tuple[int, Way]] = {}
    for number, node in enumerate(walk.nodes):
        for way in node.ways:
            if way.how in hows and way.to is not None and way.open_now in (open_now, True):
                onward[number] = (way.to, way)
    done: set[int] = set()
    for begun in onward:
        trail: dict[int, None] = {}
        number = begun
        while number in onward and number not in done and number not in trail:
            trail[number] = None
            number = onward[number][0]
        if number in trail:
            circle = list(trail)[list(trail).index(number) :]
            first = min(circle)
            yield _circle(walk, kind, where, circle, first, onward[first][1])
        done.update(trail)


def _circle(walk: Walk, kind: str, where: tuple[str, str], circle: list[int], first: int, way: Way) -> Flaw:
    node = walk.nodes[first]
    steps = list(dict.fromkeys(walk.nodes[each].state.at.step for each in circle))
    circling = " > ".join([*steps, steps[0]])
    said = f"who answers otherwise is asked for ever: {circling}"
    if kind == "silence":
        said = f"who does not answer is written to for ever: {circling}"
    below: Path = ("goto",) if node.step.write and kind == "endless" else where
    return Flaw(kind, *node.place, below, said, described(walk, first, way))


def _never(walk: Walk) -> Iterator[Flaw]:
    """Every step is met by somebody."""
    for name, flow in walk.content.flows.items():
        if not any((name, step) in walk.passed for step in flow.steps):
            continue  # nothing calls it: that is told by itself
        for step in flow.steps:
            if (name, step) not in walk.passed:
                yield Flaw("never", name, step, (), f"nobody ever gets to step {step!r}")
