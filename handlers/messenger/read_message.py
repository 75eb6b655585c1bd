"""Messages, echoes, edits and taps as events."""

from __future__ import annotations

import re

from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    EchoReceived,
    MessageEdited,
    MessageWithdrawn,
    ReferralReceived,
    TextReceived,
)
from bot.long_text import kept
from handlers.messenger import limits, wire
from handlers.messenger.context import Context, Results, Unreadable, app_name, new_event

_KINDS = {
    "sticker": "sticker",
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "file",
    "fallback": "link",
    "post": "post",
    "ig_post": "post",
    "reel": "post",
    "ig_reel": "post",
    "location": "location",
    "template": "product",
}
_MOST_KINDS = 30
_OURS = re.compile(r"ps:([0-9]{1,18})(:more)?")


def metadata(outbox_id: int, *, last: bool) -> str:
    """What we send along, and read in the echo. Only the last part's echo settles a message."""
    return f"ps:{outbox_id}" if last else f"ps:{outbox_id}:more"


def message(body: dict[str, object], context: Context) -> Results:
    """`message`: an echo first (a bot that answers its own echo never stops), else the contact's words."""
    mid = wire.message_id(body.get("mid"))
    if context.from_page:
        yield from _echo(body, mid, context)
        return
    if wire.is_true(body.get("is_deleted")):
        if mid is None:
            yield Unreadable("withdrawn without a message id")
        else:
            yield new_event(context, MessageWithdrawn(mid=mid, **context.common), "withdrawn", mid)
        return
    text = _words(body)
    kinds = _attachment_kinds(body)
    # Words without an id are kept all the same: they must be read for danger.
    mid = mid or f"none-{wire.digest([context.psid, context.stamp, text, kinds])}"
    quick_reply = body.get("quick_reply")
    event: ChoiceTapped | TextReceived | AttachmentReceived
    if isinstance(quick_reply, dict):
        payload = wire.short(quick_reply.get("payload"), limits.PAYLOAD)
        event = ChoiceTapped(mid=mid, title=text or "", payload=payload, **context.common)
    elif text and set(kinds) <= {"link"}:  # a link's address stands in the text already
        reply_to = wire.message_id(wire.mapping(body.get("reply_to")).get("mid"))
        event = TextReceived(mid=mid, text=text, reply_to=reply_to, **context.common)
    else:
        # Without words and attachments it is something new of Meta's: it gets the neutral reply, too.
        event = AttachmentReceived(mid=mid, kinds=kinds or ("other",), text=text, **context.common)
    yield new_event(context, event, "message", mid)
    yield from referral(body.get("referral"), context)


def _echo(body: dict[str, object], mid: str | None, context: Context) -> Results:
    if mid is None:
        yield Unreadable("echo without a message id")
        return
    app = app_name(wire.text(body.get("app_id")), context) or "unknown"
    ours = _OURS.fullmatch(wire.short(body.get("metadata"), 64) or "")
    trusted = ours is not None and (app in ("us", "unknown") or context.app_id is None)
    if ours and trusted and ours[2]:
        return  # an earlier part of a long message of ours: the last part's echo speaks for the whole
    event = EchoReceived(
        mid=mid,
        outbox_id=int(ours[1]) if ours and trusted else None,
        app="us" if ours and trusted else app,
        text=_words(body),
        kinds=_attachment_kinds(body),
        **context.common,
    )
    yield new_event(context, event, "message", mid)


def edit(body: dict[str, object], context: Context) -> Results:
    """`message_edit`: the new wording of an earlier message."""
    mid, text = wire.message_id(body.get("mid")), _words(body)
    if mid is None or text is None:
        yield Unreadable("edit without a message id or text")
        return
    number = min(max(wire.whole(body.get("num_edit")) or 1, 1), 1000)
    event = MessageEdited(mid=mid, text=text, number=number, **context.common)
    # The words are part of the key: should Meta leave out the number, a second edit is still read for danger.
    yield new_event(context, event, "edit", mid, number, wire.digest(text)[:16])


def postback(body: dict[str, object], context: Context) -> Results:
    """`postback`: a menu item, Get started, or a button; the payload is missing when another app sent it."""
    mid = wire.message_id(body.get("mid"))
    payload = wire.short(body.get("payload"), limits.PAYLOAD)
    title = kept(wire.text(body.get("title")) or "", limits.INBOUND_TEXT)
    event = ChoiceTapped(mid=mid, title=title, payload=payload, **context.common)
    if mid:
        yield new_event(context, event, "postback", mid)
    else:
        yield new_event(context, event, "postback", context.psid, context.stamp, payload, title)
    yield from referral(body.get("referral"), context)


def referral(body: object, context: Context) -> Results:
    """`referral`, alone or inside a message or postback. Nothing when there is none."""
    if not isinstance(body, dict):
        return
    ref, source = wire.short(body.get("ref"), limits.PAYLOAD), wire.short(body.get("source"), 100)
    event = ReferralReceived(ref=ref, source=source, **context.common)
    yield new_event(context, event, "referral", context.psid, context.stamp, ref)


def _words(body: dict[str, object]) -> str | None:
    text = wire.text(body.get("text"))
    return kept(text, limits.INBOUND_TEXT) if text and text.strip() else None


def _attachment_kinds(body: dict[str, object]) -> tuple[str, ...]:
    return tuple(_attachment_kind(one) for one in wire.items(body.get("attachments"))[:_MOST_KINDS])


def _attachment_kind(attachment: object) -> str:
    found = wire.mapping(attachment)
    # Before 2026-08-30 the thumbs-up came as an image with this sticker id.
    if wire.text(wire.mapping(found.get("payload")).get("sticker_id")) == limits.LIKE_STICKER_ID:
        return "like"
    return _KINDS.get((wire.text(found.get("type")) or "").lower(), "other")
