"""Everything that authors write, read and checked for form: settings, flows, texts, services, phrases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from bot.errors import ContentError
from bot.flow.fold import titles
from bot.flow.load import read_flow
from bot.flow.model import DangerMark, Flow
from bot.hours import Hours
from bot.messages import Choice
from bot.replies import Replies, ReplyList
from bot.risk import Phrases, RiskFile, merged
from bot.risk_model import RiskModel
from bot.risk_model import parse as parse_model
from bot.risk_reader import Reader, RiskReader
from bot.services import ServiceList, Services
from bot.settings import Channel, Settings, Words
from bot.texts import Texts, read_texts
from bot.versions import Plan
from bot.yaml_text import BadYamlError, Located, Problem, read_yaml, validate

CONFIG = "config.yaml"
TEXTS, SERVICES, PHRASES = "flows/texts.yaml", "flows/services.yaml", "flows/risk_phrases.yaml"
REQUIRED_FILES = (CONFIG, TEXTS, SERVICES, PHRASES)
REPLIES = "flows/replies.yaml"  # may be left out: then there are none
MODEL = "flows/risk_model.yaml"  # needed unless danger.model is off
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True)
class Content:
    """All that the service says and goes by."""

    settings: Settings
    hours: Hours
    texts: Texts
    services: Services
    flows: Mapping[str, Flow]
    phrases: Reader
    replies: Replies
    number: int | None = None  # of the published set; None: nothing is pinned, everybody is on these flows
    plans: tuple[tuple[int, Plan], ...] = ()  # what later sets make of conversations under way
    channels: frozenset[Channel] | None = None  # ways to tell staff that are set up; None: not known, so all

    @cached_property
    def buttons(self) -> dict[tuple[str, str, str | None], tuple[Choice, ...]]:
        """By flow, step and language, kept by whoever makes them."""
        return {}

    def has_channel(self, name: Channel) -> bool:
        """Whether staff who are not at the console may be told this way; the banner reaches nobody who is away."""
        return name != "banner" and (self.channels is None or name in self.channels)

    @cached_property
    def danger_choices(self) -> tuple[tuple[str, DangerMark, frozenset[str]], ...]:
        """The choices of all flows that mean danger: `flow.step.choice`, the mark, the button's titles, folded."""
        return tuple(
            (f"{flow.flow}.{name}.{choice.id}", choice.danger, titles(choice))
            for flow in self.flows.values()
            for name, step in flow.steps.items()
            for choice in step.choices
            if choice.danger
        )


@dataclass
class Parts:
    """What could be read of the files, for checks that want to say as much as possible at once."""

    located: dict[str, Located] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    settings: Settings | None = None
    hours: Hours | None = None
    services: ServiceList | None = None
    replies: ReplyList | None = None
    words: dict[str, Words] | None = None
    risk: RiskFile | None = None
    extra: RiskFile | None = None  # the phrases of danger.extra_phrases
    phrases: Phrases | None = None
    danger_model: RiskModel | None = None
    flows: dict[str, Flow] = field(default_factory=dict)
    flow_files: dict[str, str] = field(default_factory=dict)  # flow name to file
    unread: set[str] = field(default_factory=set)  # flows whose file has mistakes of form

    def model(self, kind: type[M], file: str) -> M | None:
        """The file as a model; its mistakes go to `problems`."""
        if file not in self.located:
            return None
        read: Any = validate(kind, self.located[file])
        if isinstance(read, list):
            self.problems += read
            return None
        model: M = read
        return model


def load_content(files: Mapping[str, str], reader: Reader | None = None) -> Content:
    """The content of these files (`config.yaml`, `flows/intake.yaml` ... to their text). A `reader` takes the place
    of the danger readers, whose files are then not looked at.

    Raises ContentError with every mistake of form in all files. Whether flows lead anywhere, and phrases find
    what they should, is for `bot.checks.check`.
    """
    parts = read_parts(files, with_danger=reader is None)
    content = content_of(parts, reader)
    if content is None:
        raise ContentError([str(problem) for problem in sorted(set(parts.problems))])
    return content


def content_of(parts: Parts, reader: Reader | None = None) -> Content | None:
    """What was read, ready for use; None while any file has a mistake of form. `reader`: instead of its own."""
    if reader is None and parts.phrases:
        reader = RiskReader(parts.phrases, parts.danger_model) if parts.danger_model else parts.phrases
    if parts.problems or not (parts.settings and parts.hours and parts.services and reader):
        return None
    services = Services(parts.services)
    return Content(
        settings=parts.settings,
        hours=parts.hours,
        texts=Texts(parts.words or {}, parts.settings.page, services),
        services=services,
        flows=parts.flows,
        phrases=reader,
        replies=Replies(parts.replies),
    )


def read_parts(files: Mapping[str, str], *, with_danger: bool = True) -> Parts:
    """Every file as far as it can be read, with every mistake of form; those that danger is read by if asked to."""
    parts = Parts()
    for file in REQUIRED_FILES:
        if file not in files:
            parts.problems.append(Problem(file, 1, "the file is missing"))
    left_out = {MODEL} if with_danger else {MODEL, PHRASES}
    for file, text in sorted(files.items()):
        if _is_ours(file) and file not in left_out:
            try:
                parts.located[file] = read_yaml(text, file)
            except BadYamlError as error:
                parts.problems += error.found
                parts.unread.add(_stem(file))
    parts.settings = parts.model(Settings, CONFIG)
    extra = parts.settings.danger.extra_phrases if parts.settings else None
    _read_hours(parts)
    parts.services = parts.model(ServiceList, SERVICES)
    _read_services(parts)
    parts.replies = parts.model(ReplyList, REPLIES)
    if TEXTS in parts.located:
        parts.words, found = read_texts(parts.located[TEXTS])
        parts.problems += found
    if with_danger:
        parts.risk = parts.model(RiskFile, PHRASES)
        _read_extra(parts, files, extra)
        _read_phrases(parts)
        _read_model(parts, files.get(MODEL))
    for file in parts.located:
        if file not in (*REQUIRED_FILES, REPLIES, extra):
            _read_flow(parts, file)
    return parts


def is_flow_file(name: str) -> bool:
    """Whether a file of this name holds a flow, as far as its name tells."""
    return _is_ours(name) and name not in (*REQUIRED_FILES, MODEL)


def flows_of(files: Mapping[str, str]) -> dict[str, Flow]:
    """The flows alone of a set that was good when it was published. Raises ContentError when they cannot be read."""
    parts = Parts()
    for file, text in sorted(files.items()):
        located = read_yaml(text, file)
        if "steps" in located.data:  # else the phrases that danger.extra_phrases names
            parts.located[file] = located
            _read_flow(parts, file)
    if parts.problems:
        raise ContentError([str(problem) for problem in parts.problems])
    return parts.flows


def _is_ours(file: str) -> bool:
    """config.yaml and the YAML directly in flows/; rehearsals and schemas beside them are others'."""
    return file == CONFIG or (file.startswith("flows/") and file.count("/") == 1 and file.endswith(".yaml"))


def _stem(file: str) -> str:
    return file.removeprefix("flows/").removesuffix(".yaml")


def _read_hours(parts: Parts) -> None:
    if parts.settings is None:
        return
    try:
        parts.hours = Hours(parts.settings.service_hours)
    except ContentError as error:
        located = parts.located[CONFIG]
        for said in error.problems:
            path, _, rest = said.partition(": ")
            parts.problems.append(located.problem(rest or said, *path.split(".")))


def _read_services(parts: Parts) -> None:
    seen: set[str] = set()
    for number, service in enumerate(parts.services.services if parts.services else ()):
        if service.id in seen:
            located = parts.located[SERVICES]
            parts.problems.append(
                located.problem(f"the id {service.id!r} is used twice", "services", number, "id")
            )
        seen.add(service.id)


def extra_phrases_of(config: str) -> str | None:
    """The file that danger.extra_phrases names, for whoever reads files; None also when the text is no settings."""
    try:
        danger = read_yaml(config, CONFIG).data.get("danger")
    except BadYamlError:
        return None
    name = danger.get("extra_phrases") if isinstance(danger, dict) else None
    return name if isinstance(name, str) else None


def _read_extra(parts: Parts, files: Mapping[str, str], name: str | None) -> None:
    if name is None:
        return
    if name not in files:
        said = f"the file {name} is missing or cannot be read"
        parts.problems.append(parts.located[CONFIG].problem(said, "danger", "extra_phrases"))
        return
    try:
        parts.located[name] = read_yaml(files[name], name)
    except BadYamlError as error:
        parts.problems += error.found
        return
    parts.extra = parts.model(RiskFile, name)


def _read_phrases(parts: Parts) -> None:
    if parts.risk is None:
        return
    try:
        whole = merged(parts.risk, parts.extra) if parts.extra else parts.risk
        parts.phrases = _phrases.of(whole.model_dump_json(by_alias=True))
    except ValueError as error:
        # `check` names the line; here it is enough that nothing starts with a phrase that cannot be read.
        parts.problems.append(Problem(PHRASES, 1, f"{error} (`peersupport check` says where)"))


def _read_model(parts: Parts, text: str | None) -> None:
    """The danger model, unless it is switched off. A model that is missing or broken stops the start."""
    if parts.settings is None or parts.settings.danger.model == "off":
        return
    if text is None:
        said = "the danger model is missing; copy it from the distribution, or set danger.model: off"
        parts.problems.append(Problem(MODEL, 1, said))
        return
    try:
        parts.danger_model = _model.of(text)
    except ValueError as error:
        parts.problems.append(Problem(MODEL, 1, str(error)))


class _Last(Generic[T]):
    """What was last made of a text, known by the text's hash: the text itself is a megabyte."""

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._kept: tuple[bytes, T] | None = None

    def of(self, text: str) -> T:
        """Raises what `make` raises."""
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        kept = self._kept
        if kept is None or kept[0] != digest:
            self._kept = kept = digest, self._make(text)
        return kept[1]


# An editor tries a changed flow many times a minute; phrases and model are the same each time.
_model = _Last(parse_model)
_phrases = _Last(lambda written: Phrases(RiskFile.model_validate_json(written)))


def _read_flow(parts: Parts, file: str) -> None:
    located = parts.located[file]
    flow = read_flow(located)
    if isinstance(flow, list):
        parts.problems += flow
        parts.unread |= {_stem(file), str(located.data.get("flow"))}
        return
    if flow.flow in parts.flows:
        other = parts.flow_files[flow.flow]
        parts.problems.append(located.problem(f"the flow {flow.flow!r} is also in {other}", "flow"))
        return
    parts.flows[flow.flow] = flow
    parts.flow_files[flow.flow] = file
