"""A second file of phrases, which is kept out of the repository."""

from __future__ import annotations

import pytest
from content_files import CONFIG, RISK, files

from bot.checks import check
from bot.content import extra_phrases_of, load_content
from bot.errors import ContentError

NAME = "/etc/peersupport/phrases.yaml"
NAMED = CONFIG.replace("danger: {model: off}", f"danger: {{model: off, extra_phrases: {NAME}}}")
EXTRA = """rules:
  - id: X-code
    category: B-coded
    tier: high
    nb: ["blå time", "{own} nå", "tar <what>"]
    hits: ["det er blå time"]
    misses: ["en time til"]
groups: {own: ["siste buss"]}
words: {what: [kvelden]}
"""


def _said(extra: str) -> list[str]:
    return [str(each) for each in check({**files(config=NAMED), NAME: extra})]


def test_its_phrases_are_read_beside_the_others() -> None:
    assert check({**files(config=NAMED), NAME: EXTRA}) == []
    reader = load_content({**files(config=NAMED), NAME: EXTRA}).phrases
    found = reader.read("det er blå time")
    assert found is not None
    assert (found.rule, found.category) == ("X-code", "B-coded")
    assert reader.read("siste buss nå") is not None
    assert reader.read("jeg vil ta livet mitt") is not None


def test_nothing_starts_when_it_is_named_and_missing() -> None:
    with pytest.raises(
        ContentError, match=r"config\.yaml:\d+: the file /etc/peersupport/phrases\.yaml is missing"
    ):
        load_content(files(config=NAMED))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: X-code", "id: B-take-life", f"{NAME}:2: the id 'B-take-life' is used twice"),
        ("blå time", "blå |time", f"{NAME}:5: X-code: 'blå |time': a word is missing beside |"),
        ("det er blå time", "hei", f"{NAME}:6: X-code: this sentence must be high, but is none"),
        ("rules:", "rulse:", f"{NAME}:1: "),
        ('["blå time"', '["fristen", "blå time"', "must mean nothing, but is high by X-code"),
    ],
)
def test_its_mistakes_are_told_with_its_own_name_and_line(old: str, new: str, said: str) -> None:
    assert old in EXTRA
    assert any(said in each and each.startswith(NAME) for each in _said(EXTRA.replace(old, new, 1)))


def test_a_list_of_the_same_name_is_a_mistake() -> None:
    base = RISK.replace("words:", "groups: {own: [livet]}\nwords:", 1)
    said = [str(each) for each in check({**files(config=NAMED, risk_phrases=base), NAME: EXTRA})]
    assert any("the list 'own' stands in the other file already" in each for each in said)


@pytest.mark.parametrize("config", ["danger: {}", "danger: 7", "a: [", "page: 7"])
def test_settings_that_name_no_file_name_none(config: str) -> None:
    assert extra_phrases_of(config) is None
