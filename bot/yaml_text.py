"""YAML text to checked models, with a line number for every mistake.

YAML 1.2, so a bare `no` is the word no. Only plain data is built: text, numbers, true/false, null, lists and
mappings. A bare date stays text; a model with a date field turns it into one.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import ContentError

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000  # an alias bomb is a few lines that unfold to millions of values
MAX_DEPTH = 40
_TAG = "tag:yaml.org,2002:"
_PLAIN = {"null", "bool", "int", "float", "str", "timestamp", "merge", "seq", "map"}

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake, printed as `file:line: what is wrong`. Lines count from 1."""

    file: str
    line: int
    text: str

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

    def problem(self, text: str, *path: str | int) -> Problem:
        """A problem at `path`."""
        return Problem(self.file, self.line(*path), text)


def near(name: object, names: Iterable[object]) -> str:
    """` (did you mean 'x'?)`, or nothing when no name is close."""
    found = difflib.get_close_matches(str(name), sorted({str(each) for each in names}), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def read_yaml(text: str, file: str) -> Located:
    """The file's data with its lines. Raises BadYamlError with `file:line: ...` sentences."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise BadYamlError([Problem(file, 1, "is larger than 1 MB")])
    if "\t" in text:
        raise BadYamlError(
            [Problem(file, text[: text.index("\t")].count("\n") + 1, "use spaces instead of a tab")]
        )
    if text.startswith("%") or "\n%" in text:  # %YAML 1.1 would turn a bare `no` into false
        raise BadYamlError([Problem(file, 1, "a line may not start with %")])
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        if not isinstance(node, MappingNode):
            raise BadYamlError([Problem(file, 1, "must be a mapping: lines of `key: value`")])
        reader = _Reader(file)
        data = reader.value(node, ())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = (error.problem or error.context or "").splitlines()
        raise BadYamlError(
            [Problem(file, line, f"is not YAML: {said[0] if said else 'unreadable'}")]
        ) from None
    except (YAMLError, ValueError) as error:
        line = text[: getattr(error, "position", 0) or 0].count("\n") + 1
        raise BadYamlError(
            [Problem(file, line, "is not YAML: a character that is not allowed here")]
        ) from None
    except RecursionError:
        raise BadYamlError([Problem(file, 1, "is nested too deeply")]) from None
    if reader.found:
        raise BadYamlError(sorted(reader.found))
    return Located(file, data, reader.lines)


class _Reader:
    """Copies composed nodes to plain data, counting as it goes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {(): 1}
        self.found: list[Problem] = []
        self.count = 0

    def wrong(self, node: Node, text: str) -> None:
        self.found.append(Problem(self.file, _line(node), text))

    def value(self, node: Node, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise BadYamlError([Problem(self.file, _line(node), f"holds more than {MAX_VALUES:,} values")])
        if len(path) > MAX_DEPTH:
            raise BadYamlError([Problem(self.file, _line(node), "is nested too deeply")])
        tag = str(node.tag)
        if not tag.startswith(_TAG) or tag.removeprefix(_TAG) not in _PLAIN:
            self.wrong(node, f"the tag {tag} is not allowed")
            return None
        if isinstance(node, ScalarNode):
            return self.scalar(node, tag.removeprefix(_TAG))
        if isinstance(node, SequenceNode):
            return [self.item(each, (*path, number)) for number, each in enumerate(node.value)]
        return self.mapping(node, path)

    def item(self, node: Node, path: Path) -> Any:
        self.lines.setdefault(path, _line(node))
        return self.value(node, path)

    def mapping(self, node: Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, ScalarNode) or not _is_text(key_node):
                self.found.append(
                    Problem(
                        self.file, _line(key_node), f"a key must be text; write {_shown(key_node)} in quotes"
                    )
                )
                continue
            if key in data:
                first = self.lines.get((*path, key), 1)
                self.wrong(key_node, f"{key!r} stands here twice (first on line {first})")
                continue
            self.lines.setdefault((*path, key), _line(key_node))
            data[key] = self.value(value_node, (*path, key))
        return data

    def scalar(self, node: ScalarNode, kind: str) -> Any:
        text = node.value
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text.replace("_", ""), 0) if text[:2] in ("0x", "0o") else int(text)
                case "float":
                    return float(text)
        except ValueError:
            self.wrong(node, "a number that cannot be read; write it in quotes")
            return None
        return text  # a bare date too; models with a date field read it


def _is_text(node: ScalarNode) -> bool:
    return str(node.tag).removeprefix(_TAG) in ("str", "timestamp", "merge")


def _shown(node: Node) -> str:
    return f'"{node.value}"' if isinstance(node, ScalarNode) else "it"


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


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
