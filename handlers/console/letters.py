"""E-mail to members of staff about their own account: a link, or what a coordinator changed."""

from __future__ import annotations

import secrets
from typing import Literal

from flask import request

from handlers.accounts import link_address
from handlers.alerting.notice import ChannelFailed
from handlers.alerting.people import email_of
from handlers.console.parts import now, parts, settings
from handlers.console.words import say
from storage.records import Staff

Told = Literal["sent", "failed", "no_address", "no_server"]


def tell(staff: Staff, what: str, **blanks: object) -> Told:
    """Write them the letter `what` of words.yaml in their language; whether the mail server took it."""
    to, letters = email_of(staff), parts().letters
    if letters is None:
        return "no_server"
    if to is None:
        return "no_address"
    page = settings().page.name
    title = say(f"letter.{what}_title", staff.language, page=page)
    text = say(f"letter.{what}", staff.language, alias=staff.alias, page=page, **blanks)
    try:
        letters.write(to, title, text, now(), secrets.token_hex(12))
    except ChannelFailed:
        return "failed"
    return "sent"


def console_address() -> str:
    """Where the console is: as the settings say, and until somebody has written it there, as this request says."""
    named = str(settings().ladder.console_url)
    return request.host_url.rstrip("/") + "/console" if "://example.org" in named else named


def link_to(token: str) -> str:
    """The link with this token."""
    return link_address(console_address(), token)
