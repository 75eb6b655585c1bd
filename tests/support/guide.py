"""The coordinators' guide: its chapters, their YAML blocks, and a complete set of files around each block."""

from __future__ import annotations

import itertools
import json
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from content_files import SERVICES, files
from pydantic import BaseModel

from bot.content import CONFIG, MODEL, TEXTS, Parts, read_parts
from bot.content import SERVICES as SERVICES_FILE
from bot.flow.model import BUILT_IN, PLACES
from bot.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
LANGUAGES = ("en", "nb")
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
_EXTRA = """
rules:
  - {id: D-code-word, category: D-self-harm, tier: high, nb: [kodeordet vårt], hits: [kodeordet vårt]}
"""
_RULES = """
rules:
  - {id: B-wish, category: B-suicidal, tier: high, nb: [vil ikke leve], hits: [jeg vil ikke leve mer]}
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `kind`: flow, steps, texts, services, config, phrases ...; `said`: what check prints."""

    chapter: str
    number: int
    kind: str
    wrong: bool
    text: str
    said: str
    language: str = "en"

    def __str__(self) -> str:
        return f"{self.chapter}-{self.number}-{self.kind}"


def chapters(language: str) -> dict[str, str]:
    """File name to text, the doorway README.md included."""
    return {path.name: path.read_text("utf-8") for path in sorted((GUIDE / language).glob("*.md"))}


def blocks(language: str) -> list[Block]:
    """Every block whose fence begins with yaml, in the order of files and lines."""
    found: list[Block] = []
    for name, text in chapters(language).items():
        fences = [*_FENCE.findall(text), ("", "")]
        for number, ((info, body), (after, said)) in enumerate(itertools.pairwise(fences)):
            if info.split()[:1] == ["yaml"]:
                kind, *marks = info.split()[1:] or ["unmarked"]
                shown = said if after == "text" else ""
                found.append(Block(name, number, kind, marks == ["wrong"], body, shown, language))
    return found


def prose(text: str) -> str:
    """A chapter without its blocks."""
    return _FENCE.sub("", text)


def set_around(block: Block) -> dict[str, str]:
    """All files of a service, with the block where it belongs."""
    return {
        "flow": _with_flow,
        "steps": _with_steps,
        "texts": _with_texts,
        "services": _with_services,
        "config": _with_config,
        "phrases": _with_phrases,
    }[block.kind](block.text)


def _with_flow(text: str) -> dict[str, str]:
    match = re.search(r"^flow: (\w+)", text, re.M)
    assert match, "a flow block begins with its name"
    name = match[1]
    called = {each for each in re.findall(r"\bcall: (\w+)", text) if each not in ("intake", name)}
    stubs = {each: _stub(each) for each in called}
    if name not in ("menu", "welcome", "intake"):
        stubs["menu"] = (
            "flow: menu\nstart: choose\nsteps:\n  choose:\n"
            '    say: {nb: "Hva trenger du?", en: "What do you need?"}\n    choices:\n'
            '      - {id: person, nb: "Et menneske", en: "A person", goto: people}\n'
            f'      - {{id: more, nb: "Noe annet", en: "Something else", goto: more}}\n'
            f"  more: {{call: {name}, goto: people}}\n"
        )
    return files(**{**stubs, name: text})


def _stub(name: str) -> str:
    return (
        f"flow: {name}\nstart: only\nsteps:\n"
        '  only: {say: {nb: "Her er det.", en: "Here it is."}, goto: back}\n'
    )


def _with_steps(text: str) -> dict[str, str]:
    """A flow that asks for what the steps' conditions need, leads to every step, and ends all ways."""
    steps = read_yaml("steps:\n" + text, "block").data["steps"]
    saved, asked = set(BUILT_IN) | {"open"}, []
    for each in _mappings(steps):
        saved |= {each[key] for key in ("save", "write") if isinstance(each.get(key), str)}
        saved |= set(each.get("set") or ())
    for each in _mappings(steps):
        asked += [name for name in each.get("if") or () if name not in saved | set(asked)]
    lines = ["flow: example", f"start: {'ask_' + asked[0] if asked else 'entry'}", "steps:", text.rstrip()]
    for name, after in zip(asked, [*(f"ask_{each}" for each in asked[1:]), "entry"], strict=False):
        say = f'{{nb: "Fortell om {name}.", en: "Tell us about {name}."}}'
        lines.append(f"  ask_{name}: {{say: {say}, write: {name}, goto: {after}}}")
    lines += ["  entry:", '    say: {nb: "Hvor vil du?", en: "Where to?"}', "    choices:"]
    lines += [f'      - {{id: way_{s}, nb: "Til {s}", en: "To {s}", goto: {s}}}' for s in steps]
    lines += ['      - {id: way_people, nb: "Et menneske", en: "A person", goto: people}']
    gotos = {each["goto"] for each in _mappings(steps) if isinstance(each.get("goto"), str)}
    for name in sorted(gotos - set(steps) - set(PLACES)):
        lines.append(f'  {name}: {{say: {{nb: "Takk.", en: "Thank you."}}, goto: people}}')
    return _with_flow("\n".join(lines) + "\n")


def _mappings(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
    for each in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _mappings(each)


def _with_texts(text: str) -> dict[str, str]:
    return files(texts=_completed(text, json.loads(files()[TEXTS])))


def _with_config(text: str) -> dict[str, str]:
    base = read_yaml(files()[CONFIG], CONFIG).data
    base["service_hours"] = {"weekly": base["service_hours"]["weekly"]}
    made = files(config=_completed(text, base))
    named = re.search(r"extra_phrases: (/\S+)", text)
    if re.search(r"^  model: on$", text, re.M):
        made[MODEL] = (ROOT / MODEL).read_text("utf-8")
    return {**made, named[1]: _EXTRA} if named else made


def _completed(text: str, base: Mapping[str, Any]) -> str:
    """The block, in each of its sections the keys that it leaves out, and below it the sections that it lacks."""
    own: list[list[str]] = []
    for line in text.splitlines():
        if re.match(r"[a-z_]+:", line) or not own:
            own.append([])
        own[-1].append(line)
    made: list[str] = []
    for section in own:
        made += section
        name = section[0].split(":")[0]
        if section[0].rstrip().endswith(":") and isinstance(base.get(name), dict):
            there = {match[1] for line in section if (match := re.match(r'  "?([a-z_]+)"?:', line))}
            made += [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in base[name].items() if k not in there]
    mine = {section[0].split(":")[0] for section in own}
    made += [f"{key}: {json.dumps(value)}" for key, value in base.items() if key not in mine]
    return "\n".join(made) + "\n"


def _with_services(text: str) -> dict[str, str]:
    ids = set(re.findall(r"^  - id: (\w+)", text, re.M))
    others = [each for each in read_yaml(SERVICES, SERVICES_FILE).data["services"] if each["id"] not in ids]
    return files(services=text + "".join(f"  - {json.dumps(each)}\n" for each in others))


def _with_phrases(text: str) -> dict[str, str]:
    return files(risk_phrases=text if re.search(r"^rules:", text, re.M) else text + _RULES)


def keys_shown(block: Block) -> set[tuple[str, str]]:
    """(model, key) for every key that stands in the block, as the reader took it."""
    parts = read_parts(set_around(block))
    return set(shown(*_read(block, parts)))


def _read(block: Block, parts: Parts) -> tuple[Any, Any]:
    """The model that the block became, and the block as plain data."""
    raw: Any
    if block.kind == "steps":
        raw = read_yaml("steps:\n" + block.text, "block").data
        return parts.flows["example"], raw
    raw = read_yaml(block.text, "block").data
    if block.kind == "flow":
        return parts.flows[raw["flow"]], raw
    model = {
        "config": parts.settings,
        "services": parts.services,
        "phrases": parts.risk,
        "texts": parts.words,
    }[block.kind]
    return model, raw


def shown(model: Any, raw: Any) -> Iterator[tuple[str, str]]:
    """(model, key) for every key of the plain data that the model took."""
    if isinstance(model, BaseModel) and isinstance(raw, dict):
        for name, info in type(model).model_fields.items():
            key = info.alias or name
            if key in raw:
                yield type(model).__name__, key
                yield from shown(getattr(model, name), raw[key])
    elif isinstance(model, dict) and isinstance(raw, dict):
        for key in raw:
            if key in model:
                yield from shown(model[key], raw[key])
    elif isinstance(model, tuple) and isinstance(raw, list):
        for each, its in zip(model, raw, strict=False):
            yield from shown(each, its)


def models(kind: Any) -> set[type[BaseModel]]:
    """The model, and every one that may stand in it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        below = [models(info.annotation) for info in kind.model_fields.values()]
        return {kind}.union(*below)
    return set().union(*(models(each) for each in typing.get_args(kind)))


def keys(owned: type[BaseModel]) -> set[tuple[str, str]]:
    return {
        (model.__name__, info.alias or name)
        for model in models(owned)
        for name, info in model.model_fields.items()
    }


def values(owned: type[BaseModel]) -> set[str]:
    """Every word that a key may be limited to."""
    found: set[str] = set()

    def collect(kind: Any) -> None:
        if typing.get_origin(kind) is Literal:
            found.update(typing.get_args(kind))
        for each in typing.get_args(kind):
            if not isinstance(each, str):
                collect(each)

    for model in models(owned):
        for info in model.model_fields.values():
            collect(info.annotation)
    return found
