"""What differs between two sets of files: line by line, and in words; and what of it takes a second person."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.content import CONFIG, MODEL, PHRASES, SERVICES, TEXTS, extra_phrases_of, is_flow_file
from bot.yaml_text import BadYamlError, read_yaml

Files = Mapping[str, str]
# Sections of texts.yaml that speak to somebody in danger.
CARD_SECTIONS = ("card", "cannot_call", "soft", "help")
# Sections of config.yaml that one person alone must not weaken, by what their change is called.
_GUARDED = {"alerts": ("ladder", "waiting"), "sign_in": ("console",), "channel": ("messenger",)}
_NUMBERS = ("number", "url", "hours")
_SHORT = 60

# Each kind of change as an English sentence; the console has its own words for them.
SENTENCES: Mapping[str, str] = {
    "file_added": "the file is new",
    "file_removed": "the file is gone",
    "file_changed": "the file has changed",
    "step_added": "new step {where}",
    "step_removed": "step {where} is gone",
    "step_renamed": "step {old} is now called {where}",
    "step_changed": "step {where}: {new} changed",
    "choice_added": "{where}: new choice {new}",
    "choice_removed": "{where}: choice {old} is gone",
    "text_added": "new text {where}: {new}",
    "text_removed": "text {where} is gone: {old}",
    "text_changed": "text {where}: {old} -> {new}",
    "service_added": "new service {where}: {new}",
    "service_removed": "service {where} is gone: {old}",
    "number_changed": "service {where}: {old} -> {new}",
    "service_changed": "service {where}: {new} changed",
    "rule_added": "new rule {where}",
    "rule_removed": "rule {where} is gone",
    "rule_changed": "rule {where}: {new} changed",
    "setting_changed": "{where}: {old} -> {new}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. `kind` is a key of SENTENCES, `where` such as "intake.topic.say.nb"."""

    kind: str
    where: str = ""
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        return SENTENCES[self.kind].format(where=self.where, old=_short(self.old), new=_short(self.new))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file that differs."""

    name: str
    kind: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...]  # in words
    diff: str  # as `diff -u`


def differences(old: Files, new: Files) -> list[FileChange]:
    """Every file that differs, by name."""
    return [
        _file(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def sensitive(old: Files, new: Files) -> tuple[str, ...]:
    """Why a second person has to agree: phrases, cards, numbers (of services, or that a step lists), danger (what in
    a flow means danger), and whoever is told of an alert and when (alerts), how one signs in (sign_in), how we reach
    Meta (channel).
    """
    found = []
    config, changed = _data(old, CONFIG), _data(new, CONFIG)
    lists = {PHRASES, MODEL, extra_phrases_of(old.get(CONFIG, "")), extra_phrases_of(new.get(CONFIG, ""))}
    if any(_data(old, name) != _data(new, name) for name in lists if name) or (
        config.get("danger") != changed.get("danger")
    ):
        found.append("phrases")
    if any(_data(old, TEXTS).get(each) != _data(new, TEXTS).get(each) for each in CARD_SECTIONS):
        found.append("cards")
    if _numbers(old) != _numbers(new) or _takes_away(old, new):
        found.append("numbers")
    if _marks(old) != _marks(new):
        found.append("danger")
    for reason, sections in _GUARDED.items():
        if any(config.get(each) != changed.get(each) for each in sections):
            found.append(reason)
    return tuple(found)


def _file(name: str, old: str | None, new: str | None) -> FileChange:
    if old is None or new is None:
        kind: Literal["added", "removed"] = "added" if old is None else "removed"
        changes: tuple[Change, ...] = (Change(kind=f"file_{kind}"),)
    else:
        changes = tuple(_in_words(name, old, new)) or (Change(kind="file_changed"),)
    lines = difflib.unified_diff(
        []
        if name == MODEL
        else (old or "").splitlines(),  # seven thousand lines of figures tell nobody anything
        [] if name == MODEL else (new or "").splitlines(),
        f"{name} (old)",
        f"{name} (new)",
        lineterm="",
    )
    found = "added" if old is None else "removed" if new is None else "changed"
    return FileChange(name=name, kind=found, changes=changes, diff="\n".join(lines))  # type: ignore[arg-type]


def _in_words(name: str, old: str, new: str) -> Iterator[Change]:
    before, after = _data({name: old}, name), _data({name: new}, name)
    if name == MODEL or "" in before or "" in after:
        return
    if name == TEXTS:
        yield from _leaves(before, after, "text")
    elif name == CONFIG:
        yield from _settings(before, after)
    elif name == SERVICES:
        yield from _services(_by_id(before, "services"), _by_id(after, "services"))
    elif is_flow_file(name) and "steps" in before and "steps" in after:
        yield from _steps(str(after.get("flow")), _mapping(before["steps"]), _mapping(after["steps"]))
    elif "rules" in before and "rules" in after:
        yield from _rules(_by_id(before, "rules"), _by_id(after, "rules"))


def _steps(flow: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    gone = [name for name in old if name not in new]
    fresh = [name for name in new if name not in old]
    for name in gone:
        same = next((each for each in fresh if _asks(new[each]) == _asks(old[name]) is not None), None)
        if same is None:
            yield Change(kind="step_removed", where=f"{flow}.{name}")
        else:
            fresh.remove(same)
            yield Change(kind="step_renamed", where=f"{flow}.{same}", old=f"{flow}.{name}")
    for name in fresh:
        yield Change(kind="step_added", where=f"{flow}.{name}")
    for name, step in new.items():
        if name in old and old[name] != step:
            yield from _step(f"{flow}.{name}", _mapping(old[name]), _mapping(step))


def _step(where: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    yield from _leaves({"say": old.get("say")}, {"say": new.get("say")}, "text", where)
    before, after = _by_id(old, "choices"), _by_id(new, "choices")
    for id in before.keys() - after.keys():
        yield Change(kind="choice_removed", where=where, old=id)
    for id in after.keys() - before.keys():
        yield Change(kind="choice_added", where=where, new=id)
    for id in after:
        if id in before and before[id] != after[id]:
            yield from _leaves(_titles(before[id]), _titles(after[id]), "text", f"{where}.{id}")
    bare_old, bare_new = (
        {k: _without_titles(k, v) for k, v in each.items() if k != "say"} for each in (old, new)
    )
    yield from _keys("step_changed", where, bare_old, bare_new)


def _services(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for id in old.keys() - new.keys():
        yield Change(kind="service_removed", where=id, old=_contact(old[id]))
    for id, service in new.items():
        if id not in old:
            yield Change(kind="service_added", where=id, new=_contact(service))
        elif _contact(old[id]) != _contact(service):
            yield Change(kind="number_changed", where=id, old=_contact(old[id]), new=_contact(service))
        if id in old:
            yield from _keys("service_changed", id, old[id], service, but=("number", "url"))


def _rules(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """By id alone: phrases are not repeated where they need not be."""
    yield from (Change(kind="rule_removed", where=id) for id in old.keys() - new.keys())
    for id, rule in new.items():
        if id not in old:
            yield Change(kind="rule_added", where=id)
        else:
            yield from _keys("rule_changed", id, old[id], rule)


def _settings(old: dict[str, Any], new: dict[str, Any], where: str = "") -> Iterator[Change]:
    for key in {**old, **new}:
        before, after, path = old.get(key), new.get(key), f"{where}{key}"
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _settings(before, after, f"{path}.")
        elif before != after:
            yield Change(kind="setting_changed", where=path, old=str(before), new=str(after))


def _leaves(old: Any, new: Any, kind: str, where: str = "") -> Iterator[Change]:
    before, after = dict(_flat(old, where)), dict(_flat(new, where))
    for path in {**before, **after}:
        if path not in after:
            yield Change(kind=f"{kind}_removed", where=path, old=before[path])
        elif path not in before:
            yield Change(kind=f"{kind}_added", where=path, new=after[path])
        elif before[path] != after[path]:
            yield Change(kind=f"{kind}_changed", where=path, old=before[path], new=after[path])


def _keys(kind: str, where: str, old: Any, new: Any, but: tuple[str, ...] = ()) -> Iterator[Change]:
    before, after = _mapping(old), _mapping(new)
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key) and key not in but]
    if changed:
        yield Change(kind=kind, where=where, new=", ".join(changed))


def _flat(data: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    elif data is not None:
        yield where, str(data)


def _numbers(files: Files) -> dict[str, Any]:
    services = _by_id(_data(files, SERVICES), "services")
    return {id: [service.get(key) for key in _NUMBERS] for id, service in services.items()}


def _takes_away(old: Files, new: Files) -> bool:
    """Whether a step that stays has lost a service that it listed."""
    before, after = _listed(old), _listed(new)
    return any(before[step] - after[step] for step in before.keys() & after.keys())


def _listed(files: Files) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in files:
        data = _data(files, name) if is_flow_file(name) else {}
        for step, body in _mapping(data.get("steps")).items():
            services = _mapping(body).get("services")
            found[f"{data.get('flow')}.{step}"] = set(
                map(str, services if isinstance(services, list) else ())
            )
    return found


def _marks(files: Files) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in files:
        data = _data(files, name) if is_flow_file(name) else {}
        for step, body in _mapping(data.get("steps")).items():
            where = f"{data.get('flow')}.{step}"
            found[where] = _mapping(body).get("danger")
            for id, choice in _by_id(_mapping(body), "choices").items():
                found[f"{where}.{id}"] = choice.get("danger")
    return {where: mark for where, mark in found.items() if mark}


def _data(files: Files, name: str) -> dict[str, Any]:
    """The file's data; what cannot be read stands under "" as its text."""
    text = files.get(name)
    if text is None:
        return {}
    if name == MODEL:
        return {"": text}
    try:
        return read_yaml(text, name).data
    except BadYamlError:
        return {"": text}


def _by_id(data: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    listed = data.get(key)
    entries = listed if isinstance(listed, list) else []
    return {str(each["id"]): each for each in entries if isinstance(each, dict) and "id" in each}


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _titles(choice: dict[str, Any]) -> dict[str, Any]:
    return {language: choice.get(language) for language in ("nb", "en")}


def _without_titles(key: str, value: Any) -> Any:
    if key != "choices" or not isinstance(value, list):
        return value
    return [{k: v for k, v in _mapping(each).items() if k not in ("nb", "en")} for each in value]


def _asks(step: Any) -> Any:
    """What makes a step the same under another name; None: nothing does."""
    return _mapping(step).get("say")


def _contact(service: dict[str, Any]) -> str:
    return str(service.get("number") or service.get("url") or "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else line[: _SHORT - 1] + "…"
