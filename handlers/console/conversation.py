"""One conversation: the thread, the composer, and everything its supporter can do with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from bot.conversation import Tier
from bot.errors import AlreadyClaimed, AnsweredMeanwhile, MayNotBeSafe, NotPossible, NotYours, WindowClosed
from bot.outcomes import OUTCOMES
from bot.routing import is_hidden
from bot.services import Service
from handlers.console import cases, record_forms, rungs, team
from handlers.console.forms import Written, line, number, written
from handlers.console.parts import LEADS, me, now, parts, settings
from handlers.console.queue import lists, refused_json, wants_json
from handlers.console.rungs import Ladder, Question
from handlers.console.thread import Thread, thread
from handlers.console.words import t
from storage import Tx
from storage.errors import Erased
from storage.records import Alert, Entry, QueueRow, Staff

LIVE_PARTS = ("head", "thread", "notices", "details")
TICKET_SECONDS = 16 * 3600  # longer than any session
Panel = Literal["none", "details", "transfer", "close", "unpleasant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that a conversation page shows to somebody who may read it."""

    row: QueueRow
    thread: Thread
    answers: dict[str, str]
    safe_to_message: bool | None
    alert: Alert | None
    draft: Written
    mine: bool
    watchers: list[str]  # who looks on, by name
    numbers: list[Service]  # that answer now; the right one first
    ladder: Ladder | None = None  # of the alert
    questions: tuple[Question, ...] = ()  # to ask in this danger, in order

    @property
    def lower_tiers(self) -> list[Tier]:
        """The tiers below this one, nearest first; none where a colleague has the conversation."""
        if self.row.claimed_by is not None and not self.mine:
            return []
        return [tier for tier in reversed(Tier) if tier.rank < self.row.tier.rank]


def may_read(row: QueueRow, staff: Staff) -> bool:
    """One's own; for duty leads and coordinators every open one, but for students they know."""
    return row.claimed_by == staff.id or (staff.role in LEADS and not is_hidden(staff, row))


def reading(contact_id: int) -> Reading | QueueRow | None:
    """What may be read. A bare row: it is open, but not this person's to read. None: it is not open."""
    staff = me()

    def read(tx: Tx) -> Reading | QueueRow | None:
        row = tx.handoffs.row(contact_id)
        if row is None or not may_read(row, staff):
            return row
        conversation = tx.conversations.peek(contact_id)
        if conversation is None:
            return None
        alert = tx.alerts.open_for(contact_id)
        return Reading(
            row=row,
            thread=thread(_for_me(tx.transcript.entries(contact_id)), row, alert, now()),
            answers=dict(conversation.answers),
            safe_to_message=conversation.safe_to_message,
            alert=alert,
            draft=Written.unpack(tx.drafts.get(contact_id, staff.id)),
            mine=row.claimed_by == staff.id,
            watchers=parts().act.team.watchers(tx, contact_id, row.claimed_by),
            numbers=rungs.numbers(alert),
        )

    found = parts().storage.read(read)
    if not isinstance(found, Reading) or found.alert is None:
        return found
    asked = rungs.questions(found.alert, found.row.language)
    return replace(found, ladder=rungs.ladder(found.alert), questions=tuple(asked))


def _for_me(entries: list[Entry]) -> list[Entry]:
    """Without what others whispered to each other."""
    staff_id = me().id
    return [entry for entry in entries if entry.between is None or staff_id in entry.between]


def look_on(found: Reading) -> None:
    """A colleague's open conversation is on the screen: recorded, and shown to the one who answers."""
    if found.row.claimed_by is not None and not found.mine:
        parts().act.team.watch(found.row.contact_id, me())


def _page(contact_id: int, panel: Panel) -> ResponseReturnValue:
    found = reading(contact_id)
    if found is None:
        flash(t("conversation.gone"))
        return redirect(url_for("console.queue_page"))
    if isinstance(found, QueueRow) and is_hidden(me(), found):
        return redirect(url_for("console.queue_page"))
    if isinstance(found, QueueRow):
        page = render_template(
            "console/not_yours.html", row=found, lists=lists(), which="queue", current=contact_id
        )
        return page, 403
    if panel in ("transfer", "close", "unpleasant") and not found.mine:
        return redirect(url_for("console.conversation_page", contact_id=contact_id))
    staff, last = me(), found.thread.last_id

    def opened(tx: Tx) -> None:
        tx.audit.add(now(), staff.id, "opened", contact_id, None)
        if found.mine:
            tx.transcript.mark_opened(contact_id, staff.id, last, now())

    parts().storage.write(opened)
    look_on(found)
    return render_template(
        "console/conversation.html",
        c=found,
        lists=lists(),
        which="queue",
        current=contact_id,
        panel=panel,
        takers=team.takers(found.row) if found.mine else [],
        coordinator_only=request.args.get("to") == "coordinator",
        outcomes=OUTCOMES,
        ticket=_signer().dumps([staff.id, contact_id]),
        forms={kind: record_forms.FORMS[kind] for kind in record_forms.AT_HAND},
        clock=f"{now().astimezone(settings().service_hours.zone):%H:%M}",
        verdicts=cases.VERDICTS,
    )


def mark_opened(contact_id: int, last_id: int) -> None:
    """The one who has the conversation has everything up to this entry on the screen."""
    staff_id, at = me().id, now()
    parts().storage.write(lambda tx: tx.transcript.mark_opened(contact_id, staff_id, last_id, at))


def has_ticket(contact_id: int) -> bool:
    """Whether this page was opened, and that recorded, by the one who now refreshes it."""
    try:
        return bool(
            _signer().loads(request.headers.get("X-Ticket", ""), max_age=TICKET_SECONDS)
            == [me().id, contact_id]
        )
    except BadData:
        return False


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="console opened")


def conversation_page(contact_id: int) -> ResponseReturnValue:
    """The thread and the composer."""
    return _page(contact_id, "none")


def details_page(contact_id: int) -> ResponseReturnValue:
    """The same with the details in front, for narrow screens."""
    return _page(contact_id, "details")


def claim(contact_id: int) -> ResponseReturnValue:
    """Take a waiting conversation."""
    try:
        parts().act.claim(contact_id, me())
    except AlreadyClaimed as other:
        row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
        if row is None or row.claimed_by != me().id:
            flash(t("queue.first", alias=other.alias))
            return redirect(url_for("console.queue_page"))
    except NotPossible:
        flash(t("conversation.gone"))
        return redirect(url_for("console.queue_page"))
    return redirect(url_for("console.conversation_page", contact_id=contact_id))


def write(contact_id: int) -> ResponseReturnValue:
    """Send a reply, or keep a note. Whatever goes wrong, the words are kept as a draft.

    The same words again, after an answer that got lost on its way to the browser, are not sent twice.
    """
    words, staff, seen = written(), me(), number("seen")
    back = url_for("console.conversation_page", contact_id=contact_id)
    problem: tuple[str, str] | None = None
    try:
        if not words.text.strip():
            problem = ("empty", t("composer.empty"))
        elif words.mode == "note":
            _only_readers(contact_id)
            parts().act.note(contact_id, staff, words.text)
        elif words.mode == "whisper":
            parts().act.team.whisper(contact_id, staff, words.text)
        elif not _went_out(contact_id, seen or 0, words.text):
            sure = request.form.get("confirmed") == "1"
            parts().act.reply(contact_id, staff, words.text, seen or 0, confirmed=sure)
    except AnsweredMeanwhile:
        problem = ("answered", t("composer.answered"))
    except MayNotBeSafe:
        problem = ("unsafe", t("composer.unsafe"))
    except WindowClosed:
        problem = ("window", t("composer.window_closed"))
    except NotYours:
        problem = ("not_yours", t("composer.not_yours"))
    except NotPossible:
        problem = ("not_possible", t("composer.not_possible"))
    kept = Written(words.mode, words.text if problem else "")
    _keep_draft(contact_id, kept)
    if wants_json():
        return refused_json(*problem) if problem else jsonify(sent=True)
    if problem:
        flash(problem[1], "error")
    return redirect(back + "#end")


def _went_out(contact_id: int, seen: int, text: str) -> bool:
    """Whether this person sent these very words after what is on the screen."""
    entries = parts().storage.read(lambda tx: tx.transcript.entries(contact_id, after_id=seen))
    alias = me().alias
    return any(
        entry.written_by == "supporter" and entry.who == alias and entry.text == text for entry in entries
    )


def _only_readers(contact_id: int) -> None:
    """Raises NotYours for somebody who may not read the conversation."""
    row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
    if row is None or not may_read(row, me()):
        raise NotYours("")


def draft(contact_id: int) -> ResponseReturnValue:
    """Keep what stands in the composer, on the server, for this person only."""
    row = parts().storage.read(lambda tx: tx.handoffs.row(contact_id))
    if row is None or not may_read(row, me()):
        abort(409)
    _keep_draft(contact_id, written())
    return "", 204


def _keep_draft(contact_id: int, words: Written) -> None:
    staff_id, at, packed = me().id, now(), words.pack()

    def keep(tx: Tx) -> None:
        if packed:
            tx.drafts.save(contact_id, staff_id, packed, at)
        else:
            tx.drafts.clear(contact_id, staff_id)

    with suppress(Erased):  # the contact asked for deletion meanwhile: there is nothing left to keep it with
        parts().storage.write(keep)


def transfer(contact_id: int) -> ResponseReturnValue:
    """The form to hand over to somebody by name; `team.offer` takes it."""
    return _page(contact_id, "transfer")


def unpleasant(contact_id: int) -> ResponseReturnValue:
    """What can be done about a student who bothers or threatens: mute, hand to a coordinator, report."""
    return _page(contact_id, "unpleasant")


def close(contact_id: int) -> ResponseReturnValue:
    """End the conversation with an outcome."""
    if request.method == "GET":
        return _page(contact_id, "close")
    outcome = request.form.get("outcome", "")
    if outcome not in OUTCOMES:
        flash(t("close.choose"), "error")
        return redirect(url_for("console.close", contact_id=contact_id))
    return _done(contact_id, lambda staff: parts().act.close(contact_id, staff, outcome), "close.done")


def release(contact_id: int) -> ResponseReturnValue:
    """Put it back where it stood in the queue."""
    return _done(contact_id, lambda staff: parts().act.release(contact_id, staff), "release.done")


def give_back(contact_id: int) -> ResponseReturnValue:
    """After an answer in Meta's inbox: the bot may speak again."""
    _refuse_strangers(contact_id)
    deed = parts().act.give_back
    return _done(contact_id, lambda staff: deed(contact_id, staff), "give_back.done", stay=True)


def lower_tier(contact_id: int) -> ResponseReturnValue:
    """Lower the tier, with a reason in words."""
    _refuse_strangers(contact_id)
    reason, wanted = line("reason", 500), request.form.get("tier", "")
    if wanted not in {tier.value for tier in Tier} or len(reason) < 3:
        flash(t("tier_form.reason_missing"), "error")
        return redirect(url_for("console.details_page", contact_id=contact_id))
    deed = parts().act.lower_tier
    return _done(
        contact_id, lambda staff: deed(contact_id, staff, Tier(wanted), reason), "tier_form.done", stay=True
    )


def retry(contact_id: int, outbox_id: int) -> ResponseReturnValue:
    """Send a failed message once more."""
    deed = parts().act.retry
    return _done(contact_id, lambda staff: deed(contact_id, staff, outbox_id), "retry.done", stay=True)


def _refuse_strangers(contact_id: int) -> None:
    try:
        _only_readers(contact_id)
    except NotYours:
        abort(403)


def _done(
    contact_id: int, deed: Callable[[Staff], None], words: str, *, stay: bool = False
) -> ResponseReturnValue:
    """Do it, say so, and go on: to the queue, or back to the conversation when it is still ours."""
    here = url_for("console.conversation_page", contact_id=contact_id)
    try:
        deed(me())
    except WindowClosed:
        flash(t("composer.window_closed"), "error")
        return redirect(here)
    except NotYours:
        flash(t("composer.not_yours"), "error")
        return redirect(url_for("console.queue_page"))
    except NotPossible:
        flash(t("conversation.not_now"), "error")
        return redirect(here)
    flash(t(words))
    return redirect(here if stay else url_for("console.queue_page"))
