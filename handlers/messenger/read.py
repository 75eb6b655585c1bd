"""One item of a webhook body as events. What Meta calls its fields is known here and nowhere further in.

Source: Messenger Platform, "Webhook events" (one page per key), "Conversation Routing" for the handover keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from bot.events import (
    AccountLinked,
    ControlChanged,
    MessagesDelivered,
    MessagesRead,
    OptinReceived,
    PolicyEnforced,
    ReactionChanged,
    ResponseRated,
)
from handlers.messenger import read_message, wire
from handlers.messenger.context import Context, Result, Results, Unreadable, app_name, new_event

Reader = Callable[[dict[str, object], Context], Results]


def item(content: dict[str, object], context: Context) -> Iterator[tuple[str, Result]]:
    """Each event of the item under the key it was read from; an item can hold several keys."""
    names = [name for name in _READERS if content.get(name) is not None]
    if not names:
        others = [name for name in content if name not in ("sender", "recipient", "timestamp")]
        yield (others[0] if others else "item"), Unreadable("no key we know")
    for name in names:
        body = content[name]
        if not isinstance(body, dict):
            yield name, Unreadable("not an object")
        elif context.psid is None and name != "policy_enforcement":
            yield name, Unreadable("no page-scoped id")
        elif context.from_page and name in _OF_THE_CONTACT:
            # The Page's own tap or reaction must not pass for the contact's, nor open the messaging window.
            yield name, Unreadable("done by the Page itself")
        else:
            for result in _READERS[name](body, context):
                yield name, result


def _reaction(body: dict[str, object], context: Context) -> Results:
    mid = wire.message_id(body.get("mid"))
    if mid is None:
        yield Unreadable("reaction without a message id")
        return
    action = "unreact" if wire.text(body.get("action")) == "unreact" else "react"
    event = ReactionChanged(
        mid=mid,
        reaction=wire.short(body.get("reaction"), 40) or "other",
        emoji=wire.short(body.get("emoji"), 40),
        added=action == "react",
        **context.common,
    )
    yield new_event(context, event, "reaction", context.psid, mid, action, context.stamp)


def _delivery(body: dict[str, object], context: Context) -> Results:
    watermark = wire.passed(body.get("watermark"), context.now)
    if watermark is None:
        yield Unreadable("no readable watermark")
        return
    found = (wire.message_id(mid) for mid in wire.items(body.get("mids"))[:1000])
    event = MessagesDelivered(watermark=watermark, mids=tuple(mid for mid in found if mid), **context.common)
    yield new_event(context, event, "delivered", context.psid, wire.whole(body.get("watermark")))


def _read(body: dict[str, object], context: Context) -> Results:
    watermark = wire.passed(body.get("watermark"), context.now)
    if watermark is None:
        yield Unreadable("no readable watermark")
        return
    event = MessagesRead(watermark=watermark, **context.common)
    yield new_event(context, event, "read", context.psid, wire.whole(body.get("watermark")))


def _optin(body: dict[str, object], context: Context) -> Results:
    event = OptinReceived(type=wire.short(body.get("type"), 100), **context.common)
    yield new_event(context, event, "optin", context.psid, context.stamp, event.type)


def _account_linking(body: dict[str, object], context: Context) -> Results:
    event = AccountLinked(linked=wire.text(body.get("status")) == "linked", **context.common)
    yield new_event(context, event, "account_linked", context.psid, context.stamp, event.linked)


def _response_feedback(body: dict[str, object], context: Context) -> Results:
    mid = wire.message_id(body.get("mid"))
    good = (wire.text(body.get("feedback")) or "").lower().startswith("good")
    event = ResponseRated(mid=mid, good=good, **context.common)
    yield new_event(context, event, "rated", context.psid, mid, good, context.stamp)


def _policy(body: dict[str, object], context: Context) -> Results:
    action = (wire.short(body.get("action"), 40) or "").lower()
    event = PolicyEnforced(
        action=action if action in ("warning", "block", "unblock") else "other",  # type: ignore[arg-type]
        reason=wire.short(body.get("reason"), 1000),
        **context.common,
    )
    # About the Page, never about a contact, even when a sender stands there.
    keyed = new_event(context, event, "policy", context.stamp, action, event.reason)
    yield replace(keyed, psid=None)


def _passed(body: dict[str, object], context: Context) -> Results:
    yield from _control("passed", wire.text(body.get("new_owner_app_id")), context)


def _taken(body: dict[str, object], context: Context) -> Results:
    yield from _control("taken", wire.text(body.get("new_owner_app_id")), context)


def _requested(body: dict[str, object], context: Context) -> Results:
    yield from _control("requested", wire.text(body.get("requested_owner_app_id")), context)


def _app_roles(body: dict[str, object], context: Context) -> Results:
    """Legacy of the handover protocol: {"<APP_ID>": ["primary_receiver"]}."""
    first = next((app for app, roles in body.items() if "primary_receiver" in wire.items(roles)), None)
    yield from _control("roles", wire.text(first), context)


def _control(action: str, app_id: str | None, context: Context) -> Results:
    event = ControlChanged(
        action=action,  # type: ignore[arg-type]
        owner=app_name(app_id, context) or "nobody",
        **context.common,
    )
    yield new_event(context, event, "control", context.psid, context.stamp, action, app_id)


def _referral(body: dict[str, object], context: Context) -> Results:
    yield from read_message.referral(body, context)


# In the order in which an item with several keys is read.
_READERS: dict[str, Reader] = {
    "message": read_message.message,
    "message_edit": read_message.edit,
    "postback": read_message.postback,
    "reaction": _reaction,
    "referral": _referral,
    "delivery": _delivery,
    "read": _read,
    "optin": _optin,
    "account_linking": _account_linking,
    "response_feedback": _response_feedback,
    "policy_enforcement": _policy,
    "pass_thread_control": _passed,
    "take_thread_control": _taken,
    "request_thread_control": _requested,
    "app_roles": _app_roles,
}
_OF_THE_CONTACT = frozenset(
    {"message_edit", "postback", "reaction", "referral", "delivery", "read", "optin", "account_linking"}
)
