"""What Meta refuses in a message. Pure.

Source: Send API reference, "Quick replies", "Button template" (Messenger Platform). The unit of the 2000
limit is not documented; UTF-16 units is the stricter of the two that are likely.
"""

from __future__ import annotations

import json
from typing import Any

from handlers.simulator.faults import GraphError, bad_parameter, outside_window

Json = dict[str, Any]

TEXT_UNITS = 2000
QUICK_REPLIES = 13
TITLE_UNITS = 20
PAYLOAD_UNITS = 1000
METADATA_UNITS = 1000
BUTTON_TEXT_UNITS = 640
STANDARD_MS = 24 * 60 * 60 * 1000
HUMAN_MS = 7 * STANDARD_MS
MESSAGING_TYPES = ("RESPONSE", "UPDATE", "MESSAGE_TAG")
SENDER_ACTIONS = ("typing_on", "typing_off", "mark_seen", "react", "unreact")


def utf16_units(text: str) -> int:
    """How long a text is in UTF-16 code units; a lone surrogate counts as one."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def as_object(value: Any, name: str) -> Json:
    """A parameter that is an object, or the same as JSON text, which Meta takes as well."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise bad_parameter(f"Param {name} must be a JSON object") from None
    if not isinstance(value, dict):
        raise bad_parameter(f"Param {name} must be a JSON object")
    return value


def recipient(body: Json) -> str:
    """The PSID a call is for."""
    if "recipient" not in body:
        raise bad_parameter("The parameter recipient is required")
    psid = as_object(body["recipient"], "recipient").get("id")
    if not psid:
        raise bad_parameter("Param recipient must have an id")
    return str(psid)


def check_message(message: Json) -> None:
    """Raises GraphError for a message that Meta would not take."""
    text, attachment = message.get("text"), message.get("attachment")
    if text is not None and attachment is not None:
        raise bad_parameter("Message cannot contain both text and attachment")
    if attachment is not None:
        _check_attachment(as_object(attachment, "message[attachment]"))
    elif not isinstance(text, str) or not text.strip():
        raise bad_parameter("Invalid data: message text must not be empty", 2018032)
    elif utf16_units(text) > TEXT_UNITS:
        raise _too_long("message[text]", TEXT_UNITS)
    if utf16_units(str(message.get("metadata") or "")) > METADATA_UNITS:
        raise _too_long("message[metadata]", METADATA_UNITS)
    if "quick_replies" in message:
        _check_quick_replies(message["quick_replies"])


def _too_long(name: str, limit: int) -> GraphError:
    return bad_parameter(f"Length of param {name} must be less than or equal to {limit}")


def _check_quick_replies(replies: Any) -> None:
    if not isinstance(replies, list) or not replies:
        raise bad_parameter("Param message[quick_replies] must be a non-empty array")
    if len(replies) > QUICK_REPLIES:
        raise bad_parameter(
            f"Number of elements in message[quick_replies] must be less than or equal to {QUICK_REPLIES}"
        )
    for at, reply in enumerate(replies):
        name = f"message[quick_replies][{at}]"
        if not isinstance(reply, dict):
            raise bad_parameter(f"Param {name} must be a JSON object")
        kind = reply.get("content_type")
        if kind not in ("text", "user_phone_number", "user_email"):
            raise bad_parameter(
                f"Param {name}[content_type] must be one of text, user_phone_number, user_email"
            )
        if kind == "text":
            _check_titled(reply, name)


def _check_titled(thing: Json, name: str) -> None:
    """Title and payload of a quick reply or a postback button."""
    for key, limit in (("title", TITLE_UNITS), ("payload", PAYLOAD_UNITS)):
        value = thing.get(key)
        if not isinstance(value, str) or not value.strip():
            raise bad_parameter(f"Param {name}[{key}] must be a non-empty string")
        if utf16_units(value) > limit:
            raise _too_long(f"{name}[{key}]", limit)


def _check_attachment(attachment: Json) -> None:
    kind = attachment.get("type")
    if kind not in ("image", "audio", "video", "file", "template"):
        raise bad_parameter(
            "Param message[attachment][type] must be one of image, audio, video, file, template"
        )
    payload = as_object(attachment.get("payload"), "message[attachment][payload]")
    if kind != "template":
        if not payload.get("url") and not payload.get("attachment_id"):
            raise bad_parameter("Param message[attachment][payload] must have url or attachment_id")
        return
    if payload.get("template_type") == "button":
        _check_button_template(payload)


def _check_button_template(payload: Json) -> None:
    text, buttons = payload.get("text"), payload.get("buttons")
    if not isinstance(text, str) or not text.strip():
        raise bad_parameter("Param message[attachment][payload][text] must be a non-empty string")
    if utf16_units(text) > BUTTON_TEXT_UNITS:
        raise _too_long("message[attachment][payload][text]", BUTTON_TEXT_UNITS)
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise bad_parameter("Param message[attachment][payload][buttons] must have 1 to 3 elements")
    for at, button in enumerate(buttons):
        if isinstance(button, dict) and button.get("type") == "postback":
            _check_titled(button, f"message[attachment][payload][buttons][{at}]")


def check_window(body: Json, *, opened_at: int | None, now: int, human_agent_granted: bool) -> None:
    """Whether this kind of message may be sent now. Times in ms; `opened_at` None: never written."""
    kind, tag = body.get("messaging_type"), body.get("tag")
    if kind is None:
        raise bad_parameter("The parameter messaging_type is required")
    if kind not in MESSAGING_TYPES:
        raise bad_parameter(f"Param messaging_type must be one of {{{', '.join(MESSAGING_TYPES)}}}")
    if kind != "MESSAGE_TAG":
        if tag is not None:
            raise bad_parameter("Param tag can only be used with messaging_type MESSAGE_TAG")
        limit = STANDARD_MS
    else:
        if tag is None:
            raise bad_parameter("The parameter tag is required with messaging_type MESSAGE_TAG")
        if tag != "HUMAN_AGENT":  # the others give error 100 since 2026-04-27
            raise bad_parameter("Param tag is not a tag that this Page can use")
        if not human_agent_granted:
            raise GraphError(10, "(#10) Application does not have permission for this action", status=403)
        limit = HUMAN_MS
    if opened_at is None or now - opened_at > limit:
        raise outside_window()
