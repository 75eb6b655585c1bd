"""Every sentence that the code can say about a file is there in bokmål, with the same blanks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.findings import KINDS
from bot.findings_nb import AFTER, INSTEAD, SENTENCES, WORDS
from bot.translated import norwegian, path_in, sentence_in
from bot.yaml_text import Problem

ROOT = Path(__file__).parents[2]
# Where sentences are made, and by which calls; None: whatever is called, yielded, returned, appended or named `said`.
MODULES = (
    *(
        f"bot/{name}.py"
        for name in ("always_proof", "bounds", "cards", "checks", "content", "fill", "flow_checks", "hours")
    ),
    *(f"bot/{name}.py" for name in ("ladder", "replies", "risk_check", "texts", "verified", "yaml_text")),
    *(f"bot/{name}.py" for name in ("risk_model", "risk_pattern", "service_hours", "services", "settings")),
    *(f"bot/{name}.py" for name in ("flow/model", "flow/proofs", "rehearsal/model", "rehearsal/read")),
    *("bot/rehearsal/wording.py", "handlers/rehearsal/run.py", "handlers/rehearsal/player.py"),
    *(
        "storage/record_proof.py",
        "handlers/publishing.py",
        "handlers/published.py",
        "handlers/console/rehearsing.py",
    ),
)
_SAYS = re.compile(r"[a-z]{2,} [a-z]{2,}")  # two words beside each other: no pattern, no shape, no key
_BLANK = re.compile(r"\{([a-z])\}")
_TOLD = {"problem", "Problem", "Flaw", "wrong", "append", "ValueError", "CannotPlayError"}
_TOLD |= {"ContentError", "Refused"}
# Parts of sentences that are only said whole; the wholes are below.
_PARTS = {"{x}; it is {x}", "bot says", "the service does not open within {x} days of {x}"}
_WHOLES = {
    "this sentence must be {a}, but is none",
    "{a} must be a mapping with {b}",
    "expected: refused, {a}; it is refused: {b}",
    "expected: refused, {a}; it is not refused",
    "expected: this is possible; it is refused: {a}",
    "write a whole number of {a} from {b} to {c}",
    "write a number of {a} from {b} to {c}",
    "write a whole number from {a} to {b}",
    "write a number from {a} to {b}",
}


def sentences(path: str) -> Iterator[str]:
    """Every literal that a module yields, returns, raises, calls `said`, or hands to one of `_TOLD`; blanks as {x}."""
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        match node:
            case ast.Yield(value=value) | ast.Return(value=value) | ast.AugAssign(value=value) if value:
                yield from _literals(value)
            case ast.Assign(targets=[ast.Name(id="said" | "said_of" | "_NOT_ALLOWED")], value=value):
                yield from _literals(value)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _TOLD:
                for value in [*node.args, *(each.value for each in node.keywords)]:
                    yield from _literals(value)


def _literals(value: ast.AST) -> Iterator[str]:
    if isinstance(value, ast.JoinedStr):
        yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{x}" for p in value.values)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif not isinstance(value, ast.Call):
        for part in ast.iter_child_nodes(value):
            yield from _literals(part)


def said() -> set[tuple[str, str]]:
    return {(path, each) for path in MODULES for each in sentences(path) if _SAYS.search(each)}


def is_known(said: str) -> bool:
    if said in WORDS or said in _PARTS:
        return True
    after = {re.sub(r"\{[a-z]\}", "{x}", each) for each in AFTER}
    return said.removeprefix("{x}") in after or norwegian(said.replace("{x}", "'x'")) is not None


def test_every_sentence_is_there_in_bokmal() -> None:
    made = said()
    assert len(made) > 150  # the sentences are still found where they are made
    missing = sorted(f"{path}: {each}" for path, each in made if not is_known(each))
    assert not missing, "\n".join(missing)


def test_nothing_is_there_in_bokmal_that_nobody_says_any_more() -> None:
    made = {each for path in MODULES for each in sentences(path)}
    words = {english: _BLANK.sub("\0", english).split("\0") for english in SENTENCES}
    stale = [each for each, parts in words.items() if not any(all(p in one for p in parts) for one in made)]
    assert set(stale) == _WHOLES


def test_every_kind_says_in_bokmal_what_to_write_instead_as_the_guide_does() -> None:
    assert INSTEAD.keys() == KINDS.keys()
    guide = (ROOT / "docs/guide/nb/findings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| \S+ \| .*? \| (.*?) \|$", guide, re.MULTILINE))
    assert rows == dict(INSTEAD)


def test_every_sentence_in_bokmal_has_the_blanks_of_the_english_one() -> None:
    for english, bokmal in {**SENTENCES, **AFTER}.items():
        assert set(_BLANK.findall(bokmal)) <= set(_BLANK.findall(english)), english
        assert "?" not in bokmal or "?" in english


@pytest.mark.parametrize(
    ("english", "bokmal"),
    [
        ("'page': 'name' is missing", "'page': 'name' mangler"),
        (
            "step 'topic' jumps to unknown step 'wrods' (did you mean 'words'?)",
            "steget 'topic' går til steget 'wrods', som ikke finnes (mente du 'words'?)",
        ),
        (
            "flows/texts.yaml:3: card.talk: nb: unknown placeholder {amkk} (did you mean 'amk'?)",
            "flows/texts.yaml:3: card.talk: nb: ukjent ord i krøllparenteser: {amkk} (mente du 'amk'?)",
        ),
        (
            "B-wish: 'go by bus': a phrase needs at least one word",
            "B-wish: 'go by bus': et uttrykk må ha minst ett ord",
        ),
        (
            "D-low: this sentence must be high, but is elevated by C-burden",
            "D-low: denne setningen må være high, men er elevated etter C-burden",
        ),
        (
            "expected: refused, taken; it is not refused",
            "ventet: avvist, taken; det er ikke avvist",
        ),
        ("entry 3 must be text", "oppføring 3 må være tekst"),
        ("'tier' must be 'high' or 'critical', not 'x'", "'tier' må være 'high' eller 'critical', ikke 'x'"),
        ("a sentence that nobody has translated", "a sentence that nobody has translated"),
    ],
)
def test_a_sentence_is_said_in_bokmal(english: str, bokmal: str) -> None:
    assert sentence_in(english, "nb") == bokmal
    assert sentence_in(english, "en") == english


def test_the_way_there_is_told_in_bokmal() -> None:
    found = Problem("f", 1, "x", "goodbye", path="First message > Norsk > (is silent for 60 minutes)")
    assert path_in(found, "nb") == "Første melding > Norsk > (er stille i 60 minutter)"
    assert path_in(found, "en") == found.path
