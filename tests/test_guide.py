"""The coordinators' guide: what it shows is read as it says, it leaves no key out, and both languages hold the same."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import guide
import pytest
from guide import Block
from pydantic import BaseModel

from bot.checks import check
from bot.flow.model import BUILT_IN, PLACES, Flow
from bot.risk import RiskFile
from bot.services import Service
from bot.settings import DangerReading as Danger
from bot.settings import Page, Queue, Rota, ServiceHours, Settings, Waiting
from bot.texts import REQUIRED
from bot.translated import sentence_in

CHECKED = ("flow", "steps", "texts", "services", "config", "phrases")
# Other readers, other tests: replies and rehearsals have their own files beside this one.
ELSEWHERE = ("replies", "rehearsal")
BLOCKS = {language: guide.blocks(language) for language in guide.LANGUAGES}
HERE = [
    pytest.param(block, id=f"{language}-{block}")
    for language in guide.LANGUAGES
    for block in BLOCKS[language]
    if block.kind in CHECKED
]
CHAPTERS = {language: guide.chapters(language) for language in guide.LANGUAGES}
OWNED = (Flow, RiskFile, Service, ServiceHours, Page, Rota, Waiting, Queue, Danger)


@lru_cache(maxsize=64)
def problems(kind: str, text: str) -> tuple[str, ...]:
    block = Block("", 0, kind, False, text, "")
    return tuple(str(problem) for problem in check(guide.set_around(block)))


@pytest.mark.parametrize("block", HERE)
def test_a_block_is_in_order_or_gets_exactly_the_words_below_it(block: Block) -> None:
    said = "\n".join(sentence_in(each, block.language) for each in problems(block.kind, block.text))
    assert said == (block.said.strip() if block.wrong else "")
    assert said or not block.wrong


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_every_yaml_block_says_which_file_it_belongs_to(language: str) -> None:
    assert {block.kind for block in BLOCKS[language]} <= {*CHECKED, *ELSEWHERE}


@lru_cache(maxsize=2)
def shown(language: str) -> set[tuple[str, str]]:
    right = [block for block in BLOCKS[language] if block.kind in CHECKED and not block.wrong]
    return set().union(*(guide.keys_shown(block) for block in right))


@lru_cache(maxsize=2)
def named(language: str) -> str:
    return "\n".join(guide.prose(text) for text in CHAPTERS[language].values())


@pytest.mark.parametrize("language", guide.LANGUAGES)
@pytest.mark.parametrize("owned", OWNED, ids=lambda owned: owned.__name__)
def test_every_key_that_the_code_knows_stands_in_an_example_and_is_explained(
    owned: type[BaseModel], language: str
) -> None:
    assert guide.keys(owned) - shown(language) == set(), "in no example"
    unnamed = {key for _, key in guide.keys(owned) if f"`{key}`" not in named(language)}
    assert unnamed == set(), "not explained"


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_every_value_place_and_built_in_name_is_explained(language: str) -> None:
    words = set(PLACES) | set(BUILT_IN) | {each for allowed in BUILT_IN.values() for each in allowed}
    words = words.union(*(guide.values(owned) for owned in OWNED)) | set(Settings.model_fields)
    words |= {"granted", "not_granted"}
    assert {word for word in words if f"`{word}`" not in named(language)} == set()


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_every_text_and_every_field_in_braces_is_explained(language: str) -> None:
    wanted = set(REQUIRED) | {f"{{{field}}}" for fields in REQUIRED.values() for field in fields}
    assert {word for word in wanted if f"`{word}`" not in named(language)} == set()


def test_both_languages_have_the_same_chapters_headings_and_tables() -> None:
    shape = {language: {} for language in guide.LANGUAGES}
    for language, texts in CHAPTERS.items():
        for name, text in texts.items():
            plain = guide.prose(text)
            shape[language][name] = (
                [len(match) for match in re.findall(r"^(#+) ", plain, re.M)],
                len(re.findall(r"^\|", plain, re.M)),
            )
    assert shape["en"] == shape["nb"]


def without_comments(block: Block) -> tuple[str, str, bool, str, bool]:
    text = "\n".join(re.sub(r"(^|\s+)# .*$", "", line) for line in block.text.splitlines())
    return block.chapter, block.kind, block.wrong, text, bool(block.said)


def test_both_languages_show_the_same_blocks() -> None:
    assert [without_comments(each) for each in BLOCKS["en"]] == [
        without_comments(each) for each in BLOCKS["nb"]
    ]


def anchors(path: Path) -> set[str]:
    """The names that a page's headings have as places to jump to."""
    heads = re.findall(r"^#+ (.+)$", guide.prose(path.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


PAGES = [guide.ROOT / "docs" / "coordinators.md", *sorted(guide.GUIDE.rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(guide.ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        file, _, place = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not place or place in anchors(target), link


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_the_first_page_lists_every_chapter_in_the_order_of_the_other_language(language: str) -> None:
    listed = {each: re.findall(r"\]\((\w+\.md)\)", CHAPTERS[each]["README.md"]) for each in guide.LANGUAGES}
    assert listed["en"] == listed["nb"]
    assert sorted(listed[language]) == sorted(set(CHAPTERS[language]) - {"README.md"})


def test_the_doorway_is_short_and_leads_to_both_languages() -> None:
    text = PAGES[0].read_text("utf-8")
    assert len(text.splitlines()) <= 15
    assert "(guide/en/README.md)" in text and "(guide/nb/README.md)" in text
