from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ContentError
from bot.settings import Model, Settings
from bot.yaml_text import Problem, read_yaml, validate


class _Dated(Model):
    on: dt.date
    text: str


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb:\t2", "x.yaml:2: use spaces instead of a tab"),
        ("a: 1\na: 2", "x.yaml:2: 'a' stands here twice (first on line 1)"),
        ("a: 1\n2: 3", 'x.yaml:2: a key must be text; write "2" in quotes'),
        ("a: 1\ntrue: 3", 'x.yaml:2: a key must be text; write "true" in quotes'),
        ("- 1", "x.yaml:1: must be a mapping"),
        ("", "x.yaml:1: must be a mapping"),
        ("a: [1\nb: 2", "x.yaml:2: is not YAML"),
        ("a: *b", "x.yaml:1: *b is not allowed; write the words out"),
        ("a: 1\n---\nb: 2", "x.yaml:2: is not YAML"),
        ("a: \x01", "x.yaml:1: is not YAML"),
        ("a: !!python/object:os.system {}", "is not allowed"),
        ("%YAML 1.1\n---\na: no", "x.yaml:1: a line may not start with %"),
        ("a: " + "[" * 5000, "x.yaml:1: is nested too deeply"),
        ("a: " + "{a: " * 50 + "1" + "}" * 50, "x.yaml:1: is nested too deeply"),
        ("a: 1\nb: &a [*a]", "x.yaml:2: &a is not allowed; write the words out in both places"),
        ("a: \ud800", "x.yaml:1: is not YAML: a character that is not allowed here"),
        ("a: '" + "x" * 1_000_000 + "'", "x.yaml:1: is larger than 1 MB"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_file_line_and_sentence(text: str, said: str) -> None:
    with pytest.raises(ContentError) as refused:
        read_yaml(text, "x.yaml")
    assert said in refused.value.problems[0]


def test_an_alias_bomb_never_unfolds() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ContentError, match=r"x\.yaml:1: &a0 is not allowed"):
        read_yaml("\n".join(lines), "x.yaml")


def test_more_values_than_any_file_of_ours_holds_are_refused() -> None:
    with pytest.raises(ContentError, match="more than 20,000 values"):
        read_yaml("a: [" + "1, " * 20_001 + "]", "x.yaml")


def test_what_a_bare_word_means_is_what_yaml_1_2_says() -> None:
    read = read_yaml(
        "a: 010\nb: 0x1F\nc: 0o17\nd: 1.5e3\ne: -.inf\nf: 1_000\ng: 'true'\nh: FALSE\ni: Yes\nj: 190:20\nk: +12",
        "x.yaml",
    )
    assert read.data == {
        "a": 10, "b": 31, "c": 15, "d": 1500.0, "e": float("-inf"), "f": "1_000", "g": "true", "h": False,
        "i": "Yes", "j": "190:20", "k": 12,
    }  # fmt: skip


def test_yaml_is_version_1_2_and_a_bare_no_is_a_word() -> None:
    read = read_yaml("no: no\nhours: 16:30\nyes: on\nnothing: ~\nflag: true\nnumber: 12", "x.yaml")
    assert read.data == {
        "no": "no", "hours": "16:30", "yes": "on", "nothing": None, "flag": True, "number": 12,
    }  # fmt: skip


def test_a_bare_date_fits_a_date_field_and_a_text_field() -> None:
    read = validate(_Dated, read_yaml("on: 2026-11-22\ntext: 2026-11-22", "x.yaml"))
    assert read == _Dated(on=dt.date(2026, 11, 22), text="2026-11-22")


def test_every_mistake_is_told_by_line_with_the_nearest_key() -> None:
    text = """\
page: {name: X, privacy_url: "https://x", contact_email: x@x}
human_agent: not_grantd
service_hours:
  weekly:
    monday: ["09:00-08:00"]
  time_zoen: Europe/Oslo
queue:
  cap: many
messenger: {graph_version: 26.0}
"""
    found = validate(Settings, read_yaml(text, "config.yaml"))
    assert isinstance(found, list)
    assert [str(each) for each in found] == [
        "config.yaml:2: 'human_agent' must be 'granted' or 'not_granted', not 'not_grantd'"
        " (did you mean 'not_granted'?)",
        "config.yaml:5: 'monday': write an interval as \"09:00-20:00\", the earlier time first",
        "config.yaml:6: unknown key 'time_zoen' (did you mean 'time_zone'?)",
        "config.yaml:8: 'cap': write a whole number from 1 to 50",
        "config.yaml:9: 'graph_version': write the number in quotes, as text",
    ]


def test_a_missing_key_is_told_where_it_should_stand() -> None:
    found = validate(Settings, read_yaml("service_hours:\n  weekly: {}", "config.yaml"))
    assert found == [Problem("config.yaml", 1, "'page' is missing")]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab:- \n\t[]{}&*!|>'\"#%,?0x~.\u00e5\ud800", max_size=60))
def test_any_text_is_read_or_refused_never_worse(text: str) -> None:
    with contextlib.suppress(ContentError):
        validate(Settings, read_yaml(text, "x.yaml"))
