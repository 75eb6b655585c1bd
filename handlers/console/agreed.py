"""What needs the student's yes: earlier conversations, a note for next time. And danger that a person sees."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.conversation import Conversation, Tier
from bot.errors import MayNotBeSafe, NotPossible, NotYours, WindowClosed
from handlers.console.composer import may_read, refuse_strangers
from handlers.console.forms import line
from handlers.console.parts import me, now, parts
from handlers.console.queue import lists
from handlers.console.thread import Thread, thread
from handlers.console.words import t
from handlers.talk_deeds import CATEGORIES
from storage import Tx
from storage.records import QueueRow

RAISED_TO = (Tier.HIGH, Tier.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What this student has agreed to, in this handoff or for good."""

    history: str | None  # asked, yes, no
    note_kept: str | None
    note_waits: bool  # a note was shown to the student, who has not answered
    signposted: tuple[str, ...]

    @property
    def may_open(self) -> bool:
        """Whether earlier conversations may be read."""
        return self.history == "yes"


def agreed(conversation: Conversation) -> Agreed:
    """As the conversation keeps it."""
    handoff = conversation.handoff
    return Agreed(
        history=handoff.history if handoff else None,
        note_kept=conversation.note_kept,
        note_waits=bool(handoff and handoff.note_offered),
        signposted=handoff.signposted if handoff else (),
    )


def ask_history(contact_id: int) -> ResponseReturnValue:
    """Ask the student whether earlier conversations may be read."""
    return _asked(contact_id, lambda: parts().act.ask_history(contact_id, me()), "history.asked")


def offer_note(contact_id: int) -> ResponseReturnValue:
    """Ask the student whether these words may be kept for next time."""
    words = line("note", 2000)
    return _asked(contact_id, lambda: parts().act.offer_note(contact_id, me(), words), "keep.asked")


def _asked(contact_id: int, deed: object, done: str) -> ResponseReturnValue:
    refuse_strangers(contact_id)
    try:
        deed()  # type: ignore[operator]
    except MayNotBeSafe:
        flash(t("history.unsafe"), "error")
    except WindowClosed:
        flash(t("composer.window_closed"), "error")
    except NotYours:
        flash(t("composer.not_yours"), "error")
    except NotPossible as refused:
        flash(t("keep.too_long") if str(refused) == "length" else t("conversation.not_now"), "error")
    else:
        flash(t(done))
    return redirect(url_for("console.conversation_page", contact_id=contact_id))


def history_page(contact_id: int) -> ResponseReturnValue:
    """Earlier conversations, as far as their words are still there. Each reading is recorded."""
    staff = me()

    def read(tx: Tx) -> tuple[QueueRow, Thread] | None:
        row, conversation = tx.handoffs.row(contact_id), tx.conversations.peek(contact_id)
        if row is None or conversation is None or not may_read(row, staff):
            return None
        if not agreed(conversation).may_open:
            return None
        return row, thread(tx.transcript.entries(contact_id), row, None, now())

    found = parts().storage.read(read)
    if found is None:
        abort(403)
    parts().storage.write(lambda tx: tx.audit.add(now(), staff.id, "history_opened", contact_id, None))
    return render_template(
        "console/history.html",
        row=found[0],
        thread=found[1],
        lists=lists(),
        which="queue",
        current=contact_id,
    )


def raise_tier(contact_id: int) -> ResponseReturnValue:
    """A person sees danger: alert, and the record lies open."""
    refuse_strangers(contact_id)
    wanted, letter = request.form.get("tier", ""), request.form.get("category", "")
    if wanted not in {tier.value for tier in RAISED_TO} or letter not in CATEGORIES:
        flash(t("raise.choose"), "error")
        return redirect(url_for("console.details_page", contact_id=contact_id))
    try:
        parts().act.raise_tier(contact_id, me(), Tier(wanted), letter)
    except NotYours:
        flash(t("composer.not_yours"), "error")
    except NotPossible:
        flash(t("conversation.not_now"), "error")
    else:
        flash(t("raise.done"))
    return redirect(url_for("console.details_page", contact_id=contact_id) + "#help")
