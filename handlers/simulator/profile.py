"""The Page's Messenger profile and its subscriptions.

Source: Messenger Profile API reference, "Persistent menu"; Page `subscribed_apps`.
"""

from __future__ import annotations

import json
from typing import Any

from handlers.simulator.control import Control
from handlers.simulator.faults import bad_parameter
from handlers.simulator.rules import PAYLOAD_UNITS, utf16_units

Json = dict[str, Any]

PROPERTIES = (
    "get_started",
    "greeting",
    "persistent_menu",
    "ice_breakers",
    "commands",
    "whitelisted_domains",
)
GREETING_UNITS = 160
MENU_ITEMS = 20
MENU_TITLE_UNITS = 30


class Profile(Control):
    """What students see before they have written, and what the app is told about."""

    def _get_profile(self, params: Json) -> Json:
        fields = _names(params.get("fields"))
        if not fields:
            raise bad_parameter("The parameter fields is required")
        shown = {name: self.profile[name] for name in fields if name in self.profile}
        if "subject_to_new_eu_privacy_rules" in fields:
            shown["subject_to_new_eu_privacy_rules"] = True
        return {"data": [shown] if shown else []}

    def _set_profile(self, body: Json) -> Json:
        new = {name: _plain(body[name]) for name in PROPERTIES if name in body}
        if not new:
            raise bad_parameter("The profile has no such property")
        _check_greeting(new.get("greeting", []))
        _check_started(new.get("get_started"))
        if "persistent_menu" in new:
            _check_menu(new["persistent_menu"], has_started="get_started" in self.profile | new)
        with self._change():
            self.profile = {**self.profile, **new}
        return {"result": "success"}

    def _delete_profile(self, body: Json) -> Json:
        fields = _names(body.get("fields"))
        if "get_started" in fields and "persistent_menu" in self.profile.keys() - set(fields):
            raise bad_parameter("The persistent menu needs get_started")
        with self._change():
            self.profile = {name: value for name, value in self.profile.items() if name not in fields}
        return {"result": "success"}

    def _get_subscribed(self, _: Json) -> Json:
        if not self.subscribed_fields:
            return {"data": []}
        app = {"name": "demo", "id": self.app_id, "subscribed_fields": self.subscribed_fields}
        return {"data": [app]}

    def _subscribe(self, body: Json) -> Json:
        fields = _names(body.get("subscribed_fields"))
        if not fields:
            raise bad_parameter("The parameter subscribed_fields is required")
        with self._change():
            self.subscribed_fields = fields
        return {"success": True}

    def _unsubscribe(self, _: Json) -> Json:
        with self._change():
            self.subscribed_fields = []
        return {"success": True}


def _plain(value: Any) -> Any:
    """Form fields carry JSON as text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise bad_parameter("A property must be JSON") from None
    return value


def _names(value: Any) -> list[str]:
    """A list, JSON text of one, or names with commas between."""
    if isinstance(value, str):
        value = json.loads(value) if value.startswith("[") else value.split(",")
    return [str(name).strip() for name in value or [] if str(name).strip()]


def _check_greeting(greeting: Any) -> None:
    for text in greeting:
        if utf16_units(str(text.get("text", ""))) > GREETING_UNITS:
            raise bad_parameter(f"Length of greeting must be less than or equal to {GREETING_UNITS}")
    if greeting and not any(text.get("locale") == "default" for text in greeting):
        raise bad_parameter("The greeting needs a text for the locale default")


def _check_started(started: Any) -> None:
    if started is None:
        return
    payload = started.get("payload", "")
    if not payload or utf16_units(payload) > PAYLOAD_UNITS:
        raise bad_parameter("get_started needs a payload of at most 1000 characters")


def _check_menu(menus: Any, *, has_started: bool) -> None:
    if not has_started:
        raise bad_parameter("The persistent menu needs get_started")
    if not any(menu.get("locale") == "default" for menu in menus):
        raise bad_parameter("The persistent menu needs one for the locale default")
    for menu in menus:
        items = menu.get("call_to_actions", [])
        if len(items) > MENU_ITEMS:
            raise bad_parameter(f"A persistent menu has at most {MENU_ITEMS} items")
        if any(utf16_units(str(item.get("title", ""))) > MENU_TITLE_UNITS for item in items):
            raise bad_parameter(f"A menu item's title has at most {MENU_TITLE_UNITS} characters")
