"""A flow as a drawing: every step has its place, every way leads from box to box, and what is wrong is marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.flow.edges import Edge
from handlers.console.diagram import BOX, TALL, Traffic
from handlers.console.drafting import drawing

FLOWS = Path(__file__).parents[3] / "flows"
NAMES = sorted(path.name for path in FLOWS.glob("*.yaml") if path.read_text("utf-8").count("\nsteps:"))


def drawn(name, text=None, **more):
    found = drawing(name, text or (FLOWS / name).read_text("utf-8"), "nb", **more)
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_a_shipped_flow_is_drawn_once_and_no_two_boxes_touch(name):
    flow, picture = drawn(name)
    names = [box.name for box in picture.boxes]
    assert set(flow.steps) <= set(names) and len(names) == len(set(names))
    for one in picture.boxes:
        assert 0 <= one.x <= picture.width - BOX and 0 <= one.y <= picture.height - TALL
        for other in picture.boxes:
            if other is not one and other.layer == one.layer:
                assert abs(other.x - one.x) > BOX
    assert {end for path in picture.paths for end in (path.start, path.end)} <= set(names)


def test_a_way_leads_down_except_where_it_goes_back():
    _, picture = drawn("intake.yaml")
    boxes = {box.name: box for box in picture.boxes}
    for path in picture.paths:
        assert path.back or boxes[path.end].layer > boxes[path.start].layer


def test_a_step_that_is_named_and_not_there_is_drawn_as_missing():
    text = (FLOWS / "intake.yaml").read_text("utf-8").replace("    goto: topic\n", "    goto: topicc\n")
    _, picture = drawn("intake.yaml", text, wrong_lines=frozenset({16}))
    boxes = {box.name: box for box in picture.boxes}
    assert boxes["topicc"].kind == "missing" and boxes["route"].wrong and not boxes["campus"].wrong


def traffic(taken=None, **more):
    edges = {Edge(*key): count for key, count in (taken or {}).items()}
    return Traffic(**{"since": 1, "at": None, "taken": edges, "waiting": {}, "here": {}, **more})


def test_ways_carry_how_often_rehearsals_took_them_and_boxes_who_waits_there():
    walked = {"intake": {"campus": {"choice:bi": 3, "choice:uio": 2}, "topic": {}}}
    here = {("intake", "campus"): 2, ("menu", "choose"): 9}
    _, picture = drawn("intake.yaml", walked=walked, traffic=traffic(here=here))
    ways = {(path.start, path.end): path.walked for path in picture.paths}
    assert ways["campus", "know_safe"] == 5 and ways["topic", "know_campus"] == 0
    assert [(box.name, box.here) for box in picture.boxes if box.here] == [("campus", 2)]
    assert {path.taken for path in picture.paths} == {None}


def test_ways_carry_how_often_students_took_them_and_boxes_how_many_left_there():
    taken = {
        ("intake", "campus", "step"): 100,
        ("intake", "campus", "choice:bi"): 40,
        ("intake", "campus", "choice:uio"): 20,
        ("intake", "campus", "otherwise"): 5,
        ("intake", "words", "step"): 30,
        ("intake", "words", "goto"): 28,
        ("intake", "words", "skip"): 10,  # and then on by goto
        ("menu", "choose", "step"): 900,
    }
    waiting = {("intake", "campus"): 3}
    _, picture = drawn("intake.yaml", traffic=traffic(taken, waiting=waiting))
    ways = {(path.start, path.end): path for path in picture.paths}
    assert (ways["campus", "know_safe"].taken, ways["campus", "know_safe"].share) == (
        65,
        4,
    )  # otherwise leads there, too
    assert ways["topic", "know_campus"].taken == 0
    assert {box.name: box.left for box in picture.boxes if box.left} == {"campus": 32, "words": 2}


def test_text_that_is_no_flow_is_not_drawn():
    assert drawing("x.yaml", "a: [", "nb") is None
    assert drawing("x.yaml", "flow: x", "nb") is None
