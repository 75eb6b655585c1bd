"""YAML text to checked models, with a line number for every mistake.

The parser's events are read here, by the rules of YAML 1.2 for bare words, so that `no` is the word no. Only plain
data is built: text, numbers, true/false, null, lists and mappings. Anchors and tags are refused. A bare date stays
text; a model with a date field turns it into one.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from bot.errors import ContentError

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 40
_NOT_ALLOWED = "is not YAML: a character that is not allowed here"
# What a bare word may be besides text: https://yaml.org/spec/1.2.2/#103-core-schema
_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
# What æ, ø and å become in a file that was saved with one encoding and opened with another.
_GARBLED = re.compile("\u00c3[\u00a5\u00a6\u00b8\u0085\u0086\u0098\u2026\u2020\u02dc]|\ufffd")
# libyaml where it is there; the plain Python parser gives the same events, thirty times slower.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake, printed as `file:line: what is wrong`. Lines count from 1.

    `kind` is a key of `bot.findings.KINDS`, which knows how grave it is and what to write instead.
    """

    file: str
    line: int
    text: str
    kind: str = "form"
    step: str = ""  # of a flow
    path: str = ""  # the answers that lead there: "First message > Norsk > Prate med noen"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class BadYamlError(ContentError):
    """A file that cannot be read as YAML at all."""

    def __init__(self, found: list[Problem]) -> None:
        super().__init__([str(problem) for problem in found])
        self.found = found


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data, and the line on which each path stands: `("steps", "topic", "choices", 0)`."""

    file: str
    data: dict[str, Any]
    lines: Mapping[Path, int] = field(repr=False)

    def line(self, *path: str | int) -> int:
        """The line of the longest part of `path` that exists. Parts that do not exist are skipped."""
        at: Path = ()
        for part in path:
            if (*at, part) in self.lines:
                at = (*at, part)
        return self.lines.get(at, 1)

    def problem(self, text: str, *path: str | int, kind: str = "form") -> Problem:
        """A problem at `path`."""
        return Problem(self.file, self.line(*path), text, kind)


def near(name: object, names: Iterable[object]) -> str:
    """` (did you mean 'x'?)`, or nothing when no name is close."""
    found = difflib.get_close_matches(str(name), sorted({str(each) for each in names}), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def read_yaml(text: str, file: str) -> Located:
    """The file's data with its lines. Raises BadYamlError with `file:line: ...` sentences."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadYamlError([Problem(file, text[: error.start].count("\n") + 1, _NOT_ALLOWED)]) from None
    if size > MAX_BYTES:
        raise BadYamlError([Problem(file, 1, "is larger than 1 MB")])
    if "\t" in text:
        line = text[: text.index("\t")].count("\n") + 1
        raise BadYamlError([Problem(file, line, "use spaces instead of a tab")])
    if garbled := _GARBLED.search(text):
        line = text[: garbled.start()].count("\n") + 1
        said = f"{garbled[0]!r} is no letter of ours; write {_meant(garbled[0])} and save the file as UTF-8"
        raise BadYamlError([Problem(file, line, said)])
    if text.startswith("%") or "\n%" in text:  # a directive could change what words mean
        raise BadYamlError([Problem(file, 1, "a line may not start with %")])
    reader = _Reader(file)
    try:
        data = reader.document(iter(_Loader(text).get_event, None))
    except MarkedYAMLError as error:
        raise BadYamlError([_refused(error, file)]) from None
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise BadYamlError([Problem(file, line, _NOT_ALLOWED)]) from None
    if reader.found:
        raise BadYamlError(sorted(reader.found))
    return Located(file, data, reader.lines)


def _meant(garbled: str) -> str:
    for encoding in ("latin-1", "cp1252"):
        try:
            return garbled.encode(encoding).decode()
        except UnicodeError:
            continue
    return "the letter that should be there"


def _refused(error: MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = str(error.problem or error.context or "unreadable").splitlines()[0]
    if "nesting" in said:
        return Problem(file, mark.line + 1 if mark else 1, "is nested too deeply")
    said = (
        f"is not YAML: {said}; look at the spaces at the beginning, the quotes and the brackets, here and on the"
        " line above"
    )
    return Problem(file, mark.line + 1 if mark else 1, said)


class _Reader:
    """Builds plain data from the parser's events, counting as it goes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {(): 1}
        self.found: list[Problem] = []
        self.count = 0

    def document(self, events: Iterator[Event]) -> dict[str, Any]:
        """The one document of a file."""
        data: Any = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise BadYamlError(
                        [Problem(self.file, _line(event), "is not YAML: --- starts another document")]
                    )
            elif isinstance(event, MappingStartEvent):
                data = self.mapping(events, event, ())
            elif isinstance(event, (SequenceStartEvent, ScalarEvent)):
                break
        if not isinstance(data, dict):
            raise BadYamlError([Problem(self.file, 1, "must be a mapping: lines of `key: value`")])
        return data

    def wrong(self, event: Event, text: str) -> None:
        self.found.append(Problem(self.file, _line(event), text))

    def value(self, events: Iterator[Event], event: Any, path: Path) -> Any:
        """What begins with `event`."""
        self.count += 1
        if self.count > MAX_VALUES:
            raise BadYamlError([Problem(self.file, _line(event), f"holds more than {MAX_VALUES:,} values")])
        if len(path) > MAX_DEPTH:
            raise BadYamlError([Problem(self.file, _line(event), "is nested too deeply")])
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:  # nearly all are
            return self.scalar(event)
        if isinstance(event, AliasEvent):
            self.wrong(event, f"*{event.anchor} is not allowed; write the words out")
            return None
        if event.anchor is not None:
            self.wrong(event, f"&{event.anchor} is not allowed; write the words out in both places")
        if event.tag is not None:
            self.wrong(event, f"the tag {event.tag} is not allowed")
        if isinstance(event, MappingStartEvent):
            return self.mapping(events, event, path)
        if isinstance(event, SequenceStartEvent):
            return self.sequence(events, path)
        return self.scalar(event)

    def sequence(self, events: Iterator[Event], path: Path) -> list[Any]:
        made: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            self.lines.setdefault((*path, len(made)), _line(event))
            made.append(self.value(events, event, (*path, len(made))))
        return made

    def mapping(self, events: Iterator[Event], start: Event, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self.value(events, event, path)
            if not isinstance(event, ScalarEvent) or not isinstance(key, str):
                shown = f'"{event.value}"' if isinstance(event, ScalarEvent) else "it"
                self.wrong(event, f"a key must be text; write {shown} in quotes")
                self.value(events, next(events), path)
                continue
            if key in data:
                first = self.lines.get((*path, key), 1)
                self.wrong(event, f"{key!r} stands here twice (first on line {first})")
                self.value(events, next(events), (*path, key))
                continue
            self.lines.setdefault((*path, key), _line(event))
            data[key] = self.value(events, next(events), (*path, key))
        return data

    def scalar(self, event: ScalarEvent) -> Any:
        """Text, unless it is written without quotes and looks like something else. A date stays text."""
        text: str = event.value
        if not event.implicit[0] or (text[:1].isalpha() and text not in _CONSTANTS):
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        try:
            if _WHOLE.fullmatch(text):
                return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
            return (
                float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
                if _FLOAT.fullmatch(text)
                else text
            )
        except ValueError:  # more digits than anybody means
            self.wrong(event, "a number that cannot be read; write it in quotes")
            return None


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def validate(model: type[M], located: Located) -> M | list[Problem]:
    """The data as a model, or every mistake in it, sorted by line."""
    try:
        return model.model_validate(located.data)
    except ValidationError as error:
        return sorted({_explained(model, located, each) for each in error.errors(include_url=False)})


def _explained(model: type[BaseModel], located: Located, error: Any) -> Problem:
    where: tuple[str | int, ...] = error["loc"]
    key = where[-1] if where else ""
    said: str
    match error["type"]:
        case "missing":
            said = f"{key!r} is missing"
        case "extra_forbidden":
            said = f"unknown key {key!r}{near(key, _fields(model, where[:-1]))}"
        case "literal_error" | "enum":
            allowed = error["ctx"]["expected"]
            said = f"{_name(where)} must be {allowed}, not {error['input']!r}"
            said += near(error["input"], re.findall(r"'([^']*)'", allowed))
        case "string_type" if isinstance(error["input"], (int, float)) and not isinstance(
            error["input"], bool
        ):
            said = f"{_name(where)}: write the number in quotes, as text"
        case "string_type":
            said = f"{_name(where)} must be text"
        case "string_too_short":
            said = f"{_name(where)} is empty"
        case "model_type" | "dict_type" | "model_attributes_type":
            fields = sorted(_fields(model, where))
            said = f"{_name(where)} must be a mapping" + (f" with {', '.join(fields)}" if fields else "")
        case "tuple_type" | "list_type":
            said = f"{_name(where)} must be a list, as [a, b]"
        case "value_error":
            said = str(error["ctx"]["error"])
            name = _name(where)
            said = f"{name}: {said}" if where and name not in said else said
        case _:
            message = str(error["msg"])
            said = f"{_name(where)}: {message[:1].lower()}{message[1:]}"
    return located.problem(said, *where)


def _name(where: tuple[str | int, ...]) -> str:
    for part in reversed(where):
        if isinstance(part, str):
            return repr(part)
    return "this file" if not where else f"entry {int(where[-1]) + 1}"


def _fields(model: Any, where: tuple[str | int, ...]) -> set[str]:
    """The keys allowed at `where`, as YAML spells them; empty when there is no model there."""
    kinds = [model]
    for part in where:
        kinds = [below for kind in kinds for below in _below(kind, part)]
    return {
        info.alias or name
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, info in kind.model_fields.items()
    }


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if part in (name, info.alias):
                yield from _unwrapped(info.annotation)
    elif typing.get_origin(kind) in (tuple, list, dict, Mapping):
        arguments = [each for each in typing.get_args(kind) if each is not Ellipsis]
        yield from _unwrapped(arguments[-1])


def _unwrapped(kind: Any) -> Iterator[Any]:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        yield from _unwrapped(typing.get_args(kind)[0])
    elif origin in (typing.Union, types.UnionType):
        for each in typing.get_args(kind):
            yield from _unwrapped(each)
    elif kind is not type(None):
        yield kind
