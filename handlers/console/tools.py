"""What can be put into the composer: canned replies, services. Put there, never sent."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot import replies
from bot.errors import NotPossible
from bot.replies import Reply
from bot.services import Service
from handlers.console.composer import keep_draft, kept_draft, may_read
from handlers.console.parts import me, now, parts, settings
from handlers.console.queue import refused_json, wants_json
from handlers.console.words import t
from handlers.written import Written
from storage.records import QueueRow

LANGUAGES = ("nb", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One reply as the list shows it."""

    reply: Reply
    pieces: list[tuple[str, str | None]]  # words; or a label and the id of its blank


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One service as the list shows it."""

    service: Service
    is_open: bool
    text: str  # what is put into the composer


def _row(contact_id: int) -> QueueRow:
    row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
    if row is None or not may_read(row, me()):
        abort(403)
    return row


def student_language(row: QueueRow) -> str:
    """The language to write in: chosen on the page, else the student's, else this reader's."""
    asked = request.values.get("in", "")
    if asked in LANGUAGES:
        return asked
    return row.language if row.language in LANGUAGES else str(g.language)


def replies_page(contact_id: int) -> ResponseReturnValue:
    """The canned replies that fit here."""
    row = _row(contact_id)
    language = student_language(row)
    content = parts().content()
    offers = [
        Offer(reply=each, pieces=replies.pieces(each, language, content.texts, alias=me().alias))
        for each in content.replies.offered(row.tier)
    ]
    wanted = _wanted()
    if wanted:
        offers = [
            each
            for each in offers
            if wanted in f"{each.reply.title.in_(language)} {each.reply.text.in_(language)}".casefold()
        ]
    return render_template("console/replies.html", row=row, offers=offers, into=language, q=wanted)


def services_page(contact_id: int) -> ResponseReturnValue:
    """The services; those that answer now first."""
    row = _row(contact_id)
    language = student_language(row)
    wanted = _wanted()
    listed = [each for each in services(language) if wanted in each.text.casefold()]
    return render_template("console/services.html", row=row, listed=listed, into=language, q=wanted)


def services(language: str) -> list[Listed]:
    """All services, those that answer now first, else in the file's order."""
    found = parts().content().services
    local = now().astimezone(settings().service_hours.zone)
    listed = [
        Listed(service=each, is_open=each.is_open(local), text=found.line(each.id, language))
        for each in found.values()
    ]
    return sorted(listed, key=lambda each: not each.is_open)


def _wanted() -> str:
    return " ".join(request.args.get("q", "").split()).casefold()[:60]


def insert(contact_id: int) -> ResponseReturnValue:
    """The words of a reply with its blanks filled, or a service's line; for the page to put where the cursor is.

    Without a script they go to the end of the draft.
    """
    row = _row(contact_id)
    try:
        words = _words(row)
    except NotPossible:
        if wants_json():
            return refused_json("blanks", t("replies.blanks"))
        flash(t("replies.blanks"), "error")
        return redirect(url_for("console.replies_page", contact_id=contact_id))
    if wants_json():
        return jsonify(words=words)
    begun = kept_draft(contact_id)
    keep_draft(contact_id, Written(begun.mode, f"{begun.text.rstrip()}\n{words}".lstrip()))
    return redirect(url_for("console.conversation_page", contact_id=contact_id) + "#text")


def _words(row: QueueRow) -> str:
    content, language = parts().content(), student_language(row)
    service, reply = request.form.get("service", ""), request.form.get("reply", "")
    if service in content.services:
        return content.services.line(service, language)
    found = content.replies.get(reply)
    if found is None or not found.fits(row.tier):
        abort(404)
    blanks = {blank.id: request.form.get(f"blank-{blank.id}", "") for blank in found.blanks}
    return replies.written(found, language, content.texts, alias=me().alias, blanks=blanks)
