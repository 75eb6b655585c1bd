"""The guide's chapter about canned replies: its examples are read, and no key is left out."""

from __future__ import annotations

import guide
import pytest
from content_files import files
from guide import Block

from bot.checks import check
from bot.content import read_parts
from bot.translated import sentence_in
from bot.yaml_text import read_yaml

ReplyList = pytest.importorskip("bot.replies", reason="this version has no canned replies").ReplyList

BLOCKS = [
    pytest.param(block, id=f"{language}-{block}")
    for language in guide.LANGUAGES
    for block in guide.blocks(language)
    if block.kind == "replies"
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_reply_is_in_order_or_gets_exactly_the_words_below_it(block: Block) -> None:
    said = "\n".join(
        sentence_in(str(problem), block.language) for problem in check(files(replies=block.text))
    )
    assert said == (block.said.strip() if block.wrong else "")
    assert said or not block.wrong


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_every_key_of_a_reply_stands_in_an_example_and_is_explained(language: str) -> None:
    right = [each for each in guide.blocks(language) if each.kind == "replies" and not each.wrong]
    shown: set[tuple[str, str]] = set()
    for block in right:
        model = read_parts(files(replies=block.text)).replies
        shown |= set(guide.shown(model, read_yaml(block.text, "flows/replies.yaml").data))
    text = guide.chapters(language)["replies.md"]
    assert guide.keys(ReplyList) - shown == set()
    words = {key for _, key in guide.keys(ReplyList)} | guide.values(ReplyList)
    assert {word for word in words if f"`{word}`" not in text} == set()
