"""The guide's chapter about rehearsals: its examples are played on the shipped flows, and no key is left out."""

from __future__ import annotations

from functools import lru_cache

import guide
import pytest
from guide import Block

from bot.content import Content, load_content
from bot.translated import sentence_in
from bot.yaml_text import read_yaml

model = pytest.importorskip("bot.rehearsal.model", reason="this version has no rehearsals")
played = pytest.importorskip("handlers.rehearsal", reason="this version has no rehearsals")
FILE = "flows/rehearsals/example.yaml"
BLOCKS = [
    pytest.param(block, id=f"{language}-{block}")
    for language in guide.LANGUAGES
    for block in guide.blocks(language)
    if block.kind == "rehearsal"
]


@lru_cache(maxsize=1)
def shipped() -> Content:
    names = ["config.yaml", *(f"flows/{path.name}" for path in (guide.ROOT / "flows").glob("*.yaml"))]
    return load_content({name: (guide.ROOT / name).read_text("utf-8") for name in names})


@lru_cache(maxsize=64)
def differences(text: str) -> str:
    """What `peersupport rehearse` says of it last. Both languages show the same; it is played once."""
    result = played.run_text(shipped(), text, FILE)
    return "\n".join(str(problem) for problem in (*result.problems, *result.differences))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_rehearsal_goes_as_it_says_or_differs_in_exactly_the_words_below_it(block: Block) -> None:
    said = "\n".join(sentence_in(each, block.language) for each in differences(block.text).splitlines())
    assert said == (block.said.strip() if block.wrong else "")
    assert said or not block.wrong


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_every_key_of_a_rehearsal_stands_in_an_example_and_is_explained(language: str) -> None:
    shown: set[tuple[str, str]] = set()
    for block in guide.blocks(language):
        if block.kind == "rehearsal" and not block.wrong:
            raw = read_yaml(block.text, FILE).data
            shown |= set(guide.shown(model.Rehearsal.model_validate(raw), raw))
    text = guide.chapters(language)["rehearsals.md"]
    known = guide.keys(model.Rehearsal)
    assert known - shown == set()
    words = {key for _, key in known} | guide.values(model.Rehearsal)
    words |= {each.value for kind in (model.Status, model.Tier) for each in kind}
    assert {word for word in words if f"`{word}`" not in text} == set()
