"""What must hold of a Messenger profile before it is written: it is all that works while we are down.

Source: Messenger Profile API and persistent menu pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from handlers.messenger import limits, wire
from handlers.messenger.split import units

EMERGENCY_NUMBER = "113"
HELP = "help"  # the payload of the menu's urgent help


def problems(profile: Mapping[str, object]) -> list[str]:
    """What is wrong with these properties; empty when they may be written. Those left out stay as they are."""
    found: list[str] = []
    if "get_started" in profile and not wire.text(wire.mapping(profile["get_started"]).get("payload")):
        found.append("get_started: the payload is missing")
    if "greeting" in profile:
        found += _per_locale("greeting", profile["greeting"], _greeting)
    if "persistent_menu" in profile:
        found += _per_locale("persistent_menu", profile["persistent_menu"], _menu)
    return found


def _per_locale(
    name: str, value: object, check: Callable[[dict[str, object]], Iterator[str]]
) -> Iterator[str]:
    entries = [wire.mapping(entry) for entry in wire.items(value)]
    if "default" not in [entry.get("locale") for entry in entries]:
        yield f"{name}: the locale `default` is missing"
    for entry in entries:
        for problem in check(entry):
            yield f"{name}, {wire.short(entry.get('locale'), 10)}: {problem}"


def _greeting(entry: dict[str, object]) -> Iterator[str]:
    text = wire.text(entry.get("text")) or ""
    if units(text) > limits.GREETING:
        yield f"{units(text)} characters; Meta takes {limits.GREETING}"
    if EMERGENCY_NUMBER not in text:
        yield f"{EMERGENCY_NUMBER} must be in it"


def _menu(entry: dict[str, object]) -> Iterator[str]:
    actions = [wire.mapping(action) for action in wire.items(entry.get("call_to_actions"))]
    if not 0 < len(actions) <= limits.MENU_ITEMS:
        yield f"{len(actions)} items; Meta takes 1 to {limits.MENU_ITEMS}"
    if entry.get("composer_input_disabled"):
        yield "students must always be able to write"
    urgent = [wire.text(action.get("title")) or "" for action in actions if action.get("payload") == HELP]
    if not any(EMERGENCY_NUMBER in title for title in urgent):
        yield f"an item with the payload {HELP!r} and {EMERGENCY_NUMBER} in its title is missing"
    for number, action in enumerate(actions, start=1):
        title, payload = wire.text(action.get("title")) or "", wire.text(action.get("payload")) or ""
        if not 0 < units(title) <= limits.MENU_TITLE:
            yield f"item {number}: a title of {units(title)} characters; Meta takes 1 to {limits.MENU_TITLE}"
        if units(payload) > limits.PAYLOAD:
            yield f"item {number}: the payload is longer than {limits.PAYLOAD}"
