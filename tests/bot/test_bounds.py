"""What may stand in config.yaml: every number and text has its bounds, and the guide and the schema say the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.fill import LONGEST
from bot.settings import Settings
from bot.yaml_text import read_yaml, validate

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "config.yaml").read_text("utf-8")
SCHEMA = Settings.model_json_schema()


def leaves(
    node: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every number and text that the schema knows, and the keys that lead there."""
    if "$ref" in node:
        yield from leaves(SCHEMA["$defs"][node["$ref"].rpartition("/")[2]], path)
    for each in node.get("anyOf", ()):
        yield from leaves(each, path)
    for name, each in node.get("properties", {}).items():
        yield from leaves(each, (*path, name))
    for part in ("items", "additionalProperties"):
        if isinstance(node.get(part), dict):
            yield from leaves(node[part], path)
    if node.get("type") in ("integer", "number", "string"):
        yield path, node


LEAVES = list(leaves(SCHEMA))


def said_of(old: str, new: str) -> list[str]:
    text, count = re.subn(old, lambda _: new, SHIPPED, count=1, flags=re.M | re.S)
    assert count == 1, old
    found = validate(Settings, read_yaml(text, "config.yaml"))
    return [each.text for each in found] if isinstance(found, list) else []


def test_every_number_and_text_has_bounds_in_the_schema() -> None:
    bare = []
    for path, node in LEAVES:
        if node["type"] == "string":
            is_bounded = {"maxLength", "pattern", "enum", "const", "format"} & set(node)
        else:
            is_bounded = {"minimum", "maximum"} <= set(node) and node["minimum"] < node["maximum"]
        if not is_bounded:
            bare.append(".".join(path))
    assert bare == []
    assert len(LEAVES) > 70


NUMBERS = [
    (path, node["minimum"], node["maximum"])
    for path, node in LEAVES
    if node["type"] != "string" and path[:2] not in (("rota", "minimum_on"), ("ladder", "closed"))
]


@pytest.mark.parametrize(
    ("path", "low", "high"), [pytest.param(*each, id=".".join(each[0])) for each in NUMBERS]
)
def test_a_number_beyond_its_bounds_gets_a_sentence_with_both(
    path: tuple[str, ...], low: float, high: float
) -> None:
    for wrong in (low - 1, high + 1, math.inf, math.nan, 1e300, 10**30, True, "many"):
        found = _said(path, wrong)
        assert len(found) == 1 and f"from {low:g} to {high:g}" in found[0] and path[-1] in found[0], found


def _said(path: tuple[str, ...], number: object) -> list[str]:
    """What is said of this value at this place of the shipped file, whose lists lose all but the first entry."""
    data: Any = read_yaml(SHIPPED, "config.yaml")
    place = data.data
    for part in path[:-1]:
        place = place[part]
        while isinstance(place, list):
            place = place[0]
    place[path[-1]] = [number] if isinstance(place[path[-1]], list) else number
    found = validate(Settings, data)
    return [each.text for each in found] if isinstance(found, list) else []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"privacy_url: \S+", 'privacy_url: "javascript:alert(1)"', "begins with https://"),
        (r"privacy_url: \S+", 'privacy_url: ""', "begins with https://"),
        (r"privacy_url: \S+", "privacy_url: https://e/" + "x" * 200, "200 characters at most"),
        (r"contact_email: \S+", "contact_email: nobody", "an e-mail address"),
        (r"contact_email: \S+", r'contact_email: "a@b.no\r\nBcc: x@evil.no"', "an e-mail address"),
        (r"^  name: [^\n]+", '  name: ""', "on one line"),
        (r"^  name: [^\n]+", '  name: "\\u00a0"', "on one line"),
        (r"^  name: [^\n]+", '  name: "a\\nb"', "on one line"),
        (r"console_url: \S+", "console_url: http://127.0.0.1.evil.example", "begins with https://"),
        (r"console_url: \S+", "console_url: http://evil.example", "begins with https://"),
        (r"\{tell: on_duty", "{tell: everybody", "write on_duty, duty_lead, coordinator"),
        (r'graph_version: "26.0"', 'graph_version: "26.0.1"', 'write a version as "26.0"'),
        (r'public_holidays: "NO"', 'public_holidays: "Norge"', 'write a country as "NO"'),
        (r"ask_again_minutes: \S+ \S+", "ask_again_minutes: [1, 2, 3]", "two numbers of minutes at most"),
        (r"ask_again_minutes: \S+ \S+", "ask_again_minutes: [30, 15]", "the smaller one first"),
        (r"park_minutes: 120", "park_minutes: 20", "check_in_minutes is less than park_minutes"),
        (r"close_minutes: 1440", "close_minutes: 60", "less than close_minutes"),
        (
            r"closed_spans: \[\]",
            "closed_spans: [{first: 2027-08-08, last: 2027-07-05, reason: {nb: x, en: x}}]",
            "'last' is the day of 'first' or a later one",
        ),
        (
            r"closed_spans: \[\]",
            "closed_spans: [{first: 2027-01-01, last: 2028-01-02, reason: {nb: x, en: x}}]",
            "366 days at most",
        ),
        (
            r"closed_spans: \[\]",
            "closed_spans: [{first: 0001-01-01, last: 0001-01-02, reason: {nb: x, en: x}}]",
            "from the year 2000",
        ),
        (r'date: "12-24"', 'date: "W51-5"', 'write a date as "2027-07-01"'),
        (r"nb: julaften", "nb: " + "x" * 101, "100 characters at most"),
        (r'monday: \["09:00-20:00"\]', 'monday: ["12:00-20:00", "09:00-13:00"]', "overlap"),
    ],
)
def test_a_text_that_is_none_gets_a_sentence_that_says_what_is_allowed(old: str, new: str, said: str) -> None:
    found = said_of(old, new)
    assert found and all(said in each for each in found), found


def test_what_is_shipped_and_what_is_left_out_are_within_the_bounds() -> None:
    shipped = validate(Settings, read_yaml(SHIPPED, "config.yaml"))
    assert isinstance(shipped, Settings)
    bare = Settings(page=shipped.page, service_hours=shipped.service_hours)
    assert Settings.model_validate(bare.model_dump()) == bare


def test_the_page_fits_where_texts_name_it() -> None:
    page = SCHEMA["$defs"]["Page"]["properties"]
    fields = {"page_name": "name", "privacy_url": "privacy_url", "contact_email": "contact_email"}
    assert {field: page[key]["maxLength"] for field, key in fields.items()} == {
        field: LONGEST[field] for field in fields
    }


DOCUMENTS = {
    "rota": ("guide/en/rota.md", "guide/nb/rota.md"),
    "waiting": ("guide/en/hours.md", "guide/nb/hours.md"),
    "queue": ("guide/en/hours.md", "guide/nb/hours.md"),
    "ladder": ("alerting.md",),
    "retention": ("operating.md",),
    "messenger": ("operating.md",),
    "console": ("operating.md",),
}


@pytest.mark.parametrize(("path", "low", "high"), NUMBERS)
def test_the_documents_that_list_a_number_say_its_bounds(
    path: tuple[str, ...], low: float, high: float
) -> None:
    for name in DOCUMENTS[path[0]]:
        text = (ROOT / "docs" / name).read_text("utf-8")
        wanted = rf"(^|[^.])`([a-z]+\.)?{path[-1]}`[^`\n]*[ |(]{low:g}–{high:g}([^\d]|$)"
        assert re.search(wanted, text, re.M), f"{name}: {path[-1]} {low:g}–{high:g}"
