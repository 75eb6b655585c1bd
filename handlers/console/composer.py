"""Words on their way out: drafts, sending, taking back within some seconds, notes, and "..." to the student."""

from __future__ import annotations

from contextlib import suppress

from flask import abort, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import AnsweredMeanwhile, CannotRead, MayNotBeSafe, NotPossible, NotYours, WindowClosed
from bot.routing import is_hidden
from handlers.console.forms import has_mode, number, written
from handlers.console.parts import LEADS, me, now, parts, settings
from handlers.console.queue import refused_json, wants_json
from handlers.console.words import t
from handlers.written import Written
from storage import Tx
from storage.errors import Erased
from storage.records import QueueRow, Staff


def may_read(row: QueueRow, staff: Staff) -> bool:
    """One's own; for duty leads and coordinators every open one, but for students they know."""
    return row.claimed_by == staff.id or (staff.role in LEADS and not is_hidden(staff, row))


def write(contact_id: int) -> ResponseReturnValue:
    """Send a reply, or keep a note. Whatever goes wrong, the words are kept as a draft.

    The same words again, after an answer that got lost on its way to the browser, are not sent twice.
    """
    words, staff, seen = written(), me(), number("seen")
    problem: tuple[str, str] | None = None
    try:
        if not words.text.strip():
            problem = ("empty", t("composer.empty"))
        elif not has_mode():
            problem = ("mode", t("composer.no_mode"))
        elif words.mode == "note":
            only_readers(contact_id)
            parts().act.note(contact_id, staff, words.text)
        elif words.mode == "whisper":
            parts().act.team.whisper(contact_id, staff, words.text)
        elif not _went_out(contact_id, seen or 0, words.text):
            parts().act.reply(
                contact_id,
                staff,
                words.text,
                seen or 0,
                confirmed=request.form.get("confirmed") == "1",
                hold_seconds=settings().console.undo_seconds,
            )
    except AnsweredMeanwhile:
        problem = ("answered", _who_answered(contact_id, seen or 0))
    except MayNotBeSafe:
        problem = ("unsafe", t("composer.unsafe"))
    except WindowClosed:
        problem = ("window", t("composer.window_closed"))
    except NotYours:
        problem = ("not_yours", t("composer.not_yours"))
    except CannotRead as named:
        problem = ("cannot_read", t("composer.cannot_read", alias=named.alias))
    except NotPossible:
        problem = ("not_possible", t(f"composer.{_why_not(contact_id)}"))
    is_kept = keep_draft(contact_id, Written(words.mode, words.text if problem else ""), seen)
    if problem and not is_kept and not wants_json():  # a page without scripts comes back with what is kept
        _keep_too(contact_id, words)
    if wants_json():
        return refused_json(*problem) if problem else jsonify(sent=True)
    if problem:
        flash(problem[1], "error")
    return _back(contact_id)


def _why_not(contact_id: int) -> str:
    """It waits, and nobody has it; or it is over."""
    row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
    return "not_taken" if row is not None and row.claimed_by is None else "not_possible"


def _back(contact_id: int) -> ResponseReturnValue:
    return redirect(url_for("console.conversation_page", contact_id=contact_id) + "#end")


def _went_out(contact_id: int, seen: int, text: str) -> bool:
    """Whether this person sent these very words after what is on the screen."""
    entries = parts().storage.read(lambda tx: tx.transcript.entries(contact_id, after_id=seen))
    alias = me().alias
    return any(
        entry.written_by == "supporter" and entry.who == alias and entry.text == text for entry in entries
    )


def _who_answered(contact_id: int, seen: int) -> str:
    """Says who was first, so that it is read before anything else is sent."""
    entries = parts().storage.read(lambda tx: tx.transcript.entries(contact_id, after_id=seen))
    alias = me().alias
    for entry in reversed(entries):
        if entry.written_by == "supporter" and entry.who and entry.who != alias:
            return t("composer.answered_by", alias=entry.who)
        if entry.written_by == "inbox":
            return t("composer.answered_inbox")
    return t("composer.answered")


def only_readers(contact_id: int) -> None:
    """Raises NotYours for somebody who may not read the conversation."""
    row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
    if row is None or not may_read(row, me()):
        raise NotYours("")


def refuse_strangers(contact_id: int) -> None:
    """403 for somebody who may not read the conversation."""
    try:
        only_readers(contact_id)
    except NotYours:
        abort(403)


def draft(contact_id: int) -> ResponseReturnValue:
    """Keep what stands in the composer, on the server, for this person only."""
    row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
    if row is None or not may_read(row, me()):
        abort(409)
    if not keep_draft(contact_id, written(), number("seen")):
        abort(409)  # the page is about to get those words, and keeps all of it then
    return "", 204


def keep_draft(contact_id: int, words: Written, seen: int | None = None) -> bool:
    """What the composer holds from now on; nothing, when there are no words. `seen`: the last line on its page.

    False: words were held back after that and stand in the draft, which this page does not show. They stay.
    """
    staff_id, at, packed = me().id, now(), words.pack()

    def keep(tx: Tx) -> bool:
        newer = [] if seen is None else tx.transcript.entries(contact_id, after_id=seen)
        if any(entry.written_by == "system" and entry.detail == "held_back" for entry in newer):
            return False
        if packed:
            tx.drafts.save(contact_id, staff_id, packed, at)
        else:
            tx.drafts.clear(contact_id, staff_id)
        return True

    with suppress(Erased):  # the contact asked for deletion meanwhile: there is nothing left to keep it with
        return parts().storage.write(keep)
    return True


def _keep_too(contact_id: int, words: Written) -> None:
    """Keep these beside what the draft holds."""
    staff_id = me().id
    begun = Written.unpack(parts().storage.read(lambda tx: tx.drafts.get(contact_id, staff_id)))
    mode = begun.mode if words.mode == "reply" else words.mode
    keep_draft(contact_id, Written(mode, f"{begun.text}\n{words.text}".lstrip()))


def kept_draft(contact_id: int) -> Written:
    """What the composer holds: as the page sent it along, else as it was kept."""
    if "text" in request.form:
        return written()
    staff_id = me().id
    return Written.unpack(parts().storage.read(lambda tx: tx.drafts.get(contact_id, staff_id)))


def take_back(contact_id: int, outbox_id: int) -> ResponseReturnValue:
    """Undo: the words come back into the composer, before whatever was begun meanwhile."""
    now_there = kept_draft(contact_id)
    try:
        words = parts().act.take_back(contact_id, me(), outbox_id)
    except NotPossible:
        if wants_json():
            return refused_json("late", t("undo.late"))
        flash(t("undo.late"), "error")
        return _back(contact_id)
    back = now_there.with_back(words)
    keep_draft(contact_id, back)
    if wants_json():
        return jsonify(text=back.text, mode=back.mode)
    return redirect(url_for("console.conversation_page", contact_id=contact_id) + "#text")


def send_now(contact_id: int, outbox_id: int) -> ResponseReturnValue:
    """No need for a second thought."""
    parts().act.send_now(contact_id, me(), outbox_id)
    return jsonify(sent=True) if wants_json() else _back(contact_id)


def typing(contact_id: int) -> ResponseReturnValue:
    """Somebody types a reply; asked by the page every now and then while keys are pressed."""
    parts().act.typing(contact_id, me())
    return "", 204
