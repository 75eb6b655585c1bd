"""What the editor knows of one file: its kind, its findings, its drawing, its schema, and a whole set to try it in."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from bot.content import CONFIG, MODEL, PHRASES, REPLIES, SERVICES, TEXTS, Content, load_content
from bot.errors import ContentError
from bot.findings import level
from bot.flow.load import read_flow
from bot.flow.load import schema as flow_schema
from bot.flow.model import PLACES, Flow
from bot.rehearsal.model import schema as rehearsal_schema
from bot.rehearsal.read import FOLDER, is_rehearsal, read_script
from bot.replies import ReplyList
from bot.risk import RiskFile
from bot.services import ServiceList
from bot.settings import Settings
from bot.translated import instead_in, path_in, text_in
from bot.yaml_text import BadYamlError, Problem, read_yaml
from handlers.console.diagram import Drawing, Traffic, draw

Kind = Literal["flow", "texts", "services", "phrases", "replies", "config", "rehearsal", "other"]
KINDS: tuple[Kind, ...] = ("flow", "texts", "services", "phrases", "replies", "config", "rehearsal", "other")
MAX_TEXT = 1_000_000
_NEW = re.compile(r"flows/(rehearsals/)?[a-z][a-z0-9_-]{0,60}\.yaml")
_MEANT = re.compile(r"did you mean '([^']{1,80})'")
_GAP = re.compile(r"@@ -\S+ \+(\d+)")
_QUOTED = re.compile(r"'([^']{1,80})'")
_FIXED: Mapping[str, Kind] = {
    CONFIG: "config",
    TEXTS: "texts",
    SERVICES: "services",
    PHRASES: "phrases",
    REPLIES: "replies",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding as the page shows it. `swap`: a word in its line, and the one that was probably meant."""

    file: str
    line: int
    text: str
    level: Literal["error", "warning", "note"] = "error"
    path: str = ""  # the answers that lead there
    instead: str = ""  # what to write instead
    swap: tuple[str, str] | None = None


def kind_of(name: str, files: Mapping[str, str]) -> Kind:
    """Which kind of file this is."""
    if is_rehearsal(name):
        return "rehearsal"
    if name in _FIXED:
        return _FIXED[name]
    text = files.get(name, "")
    if name.startswith("flows/") and name.count("/") == 1 and not text.startswith("rules:"):
        return "flow" if re.search(r"^flow:", text, re.MULTILINE) or not text.strip() else "other"
    return "other"


def editable(files: Mapping[str, str]) -> list[str]:
    """The files that people write; the danger model is made by a program."""
    return sorted(name for name in files if name != MODEL and name.endswith(".yaml"))


def may_be_new(name: str) -> bool:
    """Whether a file of this name may be begun here."""
    return _NEW.fullmatch(name) is not None


def findings(files: Mapping[str, str], language: str) -> list[Finding]:
    """Everything that is wrong in these files: as `peersupport check`, and the form of the rehearsals."""
    return [_finding(each, language) for each in _findings(_key(files))]


def _key(files: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(files.items()))


@lru_cache(maxsize=4)  # one page asks several times, and the next one of the same person again
def _findings(key: tuple[tuple[str, str], ...]) -> tuple[Problem, ...]:
    from bot.checks import report  # megabytes, needed by those who write

    files = dict(key)
    found = list(report(files).findings)
    content = content_of(files)
    for name in files if content else ():
        if content and is_rehearsal(name):
            found += _of_rehearsal(files, name, content)
    return tuple(found)


def of_rehearsal(files: Mapping[str, str], name: str, content: Content, language: str) -> list[Finding]:
    """What is wrong with one rehearsal's form."""
    return [_finding(each, language) for each in _of_rehearsal(files, name, content)]


def _of_rehearsal(files: Mapping[str, str], name: str, content: Content) -> list[Problem]:
    read = read_script(files[name], name, content)
    return read if isinstance(read, list) else []


def _finding(problem: Problem, language: str) -> Finding:
    meant, quoted = _MEANT.search(problem.text), _QUOTED.findall(problem.text)
    wrong = [word for word in quoted if meant and word != meant[1]]
    return Finding(
        file=problem.file,
        line=problem.line,
        text=text_in(problem, language),
        level=level(problem),
        path=path_in(problem, language),
        instead=instead_in(problem, language) if problem.kind != "form" else "",
        swap=(wrong[-1], meant[1]) if meant and wrong else None,
    )


def swapped(text: str, line: int, old: str, new: str) -> str:
    """The text with the probable word in that line, or in one of the few that belong to it."""
    lines = text.split("\n")
    for number in range(max(0, line - 1), min(len(lines), line + 12)):
        if re.search(rf"\b{re.escape(old)}\b", lines[number]):
            lines[number] = re.sub(rf"\b{re.escape(old)}\b", new, lines[number], count=1)
            break
    return "\n".join(lines)


def drawing(
    name: str,
    text: str,
    language: str,
    *,
    wrong_lines: frozenset[int] = frozenset(),
    walked: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None,
    traffic: Traffic | None = None,
) -> tuple[Flow, Drawing] | None:
    """The flow of a file, drawn. None while its form is not right.

    `walked`: flow, step and way to how often rehearsals took it.
    """
    try:
        located = read_yaml(text, name)
    except BadYamlError:
        return None
    flow = read_flow(located)
    if not isinstance(flow, Flow):
        return None
    lines = {
        str(path[1]): line
        for path, line in located.lines.items()
        if path[:1] == ("steps",) and len(path) == 2
    }
    counted = None
    if walked is not None:
        steps = walked.get(flow.flow, {})
        counted = {(step, way): count for step, ways in steps.items() for way, count in ways.items()}
    return flow, draw(flow, lines, language, wrong_lines=wrong_lines, walked=counted, traffic=traffic)


def content_of(files: Mapping[str, str]) -> Content | None:
    """The whole content, or None while it cannot be read."""
    return _content(_key({name: text for name, text in files.items() if not is_rehearsal(name)}))


@lru_cache(maxsize=4)
def _content(key: tuple[tuple[str, str], ...]) -> Content | None:
    try:
        return load_content(dict(key))
    except ContentError:
        return None


@lru_cache(maxsize=8)
def schema(kind: str) -> str | None:
    """The JSON Schema of a kind of file, as the code exports it; None where there is none."""
    models = {"services": ServiceList, "config": Settings, "phrases": RiskFile, "replies": ReplyList}
    if kind == "flow":
        return flow_schema()
    if kind == "rehearsal":
        return rehearsal_schema()
    return json.dumps(models[kind].model_json_schema(by_alias=True)) if kind in models else None


def names(kind: Kind, files: Mapping[str, str]) -> dict[str, list[str]]:
    """What may be named in a file of this kind beside what the schema says: for completion."""
    if kind == "flow":
        flows = [
            name.removeprefix("flows/").removesuffix(".yaml")
            for name in files
            if kind_of(name, files) == "flow"
        ]
        return {"goto": list(PLACES), "call": sorted(flows)}
    return {}


def stem(name: str) -> str:
    """A file's name as people say it."""
    return name.removeprefix(FOLDER).removeprefix("flows/").removesuffix(".yaml")


_REHEARSAL = """# yaml-language-server: $schema=rehearsal.schema.json
name: {name}
at: 2027-03-24 19:58
turns:

  - student writes: hei
    bot says: [welcome.notice, menu.choose]
"""
_FLOW = """# yaml-language-server: $schema=flow.schema.json
flow: {name}
start: begin
steps:

  begin:
    say:
      nb: ""
      en: ""
    goto: menu
"""


def first_text(name: str) -> str:
    """What a new file begins with."""
    return (_REHEARSAL if is_rehearsal(name) else _FLOW).format(name=stem(name))


def both(mine: str, theirs: str) -> Iterator[tuple[str, str]]:
    """Two texts line by line: `-` only in theirs, `+` only in mine, ` ` in both, `@` where equal lines
    are left out, with the number in mine of the line that follows."""
    for line in list(difflib.unified_diff(theirs.splitlines(), mine.splitlines(), n=2, lineterm=""))[2:]:
        gap = _GAP.match(line)
        yield line[:1], gap[1] if gap else line[1:]
