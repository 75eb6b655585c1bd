"""One conversation: the thread, the composer, and everything its supporter can do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from bot.conversation import Tier
from bot.errors import AlreadyClaimed, ChangedMeanwhile, MayNotBeSafe, NotPossible, NotYours, WindowClosed
from bot.record_entries import is_said
from bot.routing import is_hidden
from bot.services import Service
from bot.sight import UNSEEN, Sight
from handlers.console import cases, forms, record_forms, rungs, team
from handlers.console.agreed import RAISED_TO, Agreed, agreed
from handlers.console.composer import may_read, refuse_strangers
from handlers.console.forms import line
from handlers.console.parts import me, now, parts, settings
from handlers.console.queue import lists
from handlers.console.rungs import Ladder, Question
from handlers.console.thread import Thread, thread
from handlers.console.words import t
from handlers.doing import sight
from handlers.written import Written
from storage import Tx
from storage.records import Alert, Entry, QueueRow, Role, Staff

LIVE_PARTS = ("head", "thread", "notices", "details")
TICKET_SECONDS = 16 * 3600  # longer than any session
Panel = Literal["none", "details", "transfer", "unpleasant", "lower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that a conversation page shows to somebody who may read it."""

    row: QueueRow
    thread: Thread
    answers: dict[str, str]
    safe_to_message: bool | None
    alert: Alert | None
    agreed: Agreed
    draft: Written
    mine: bool
    watchers: list[str]  # who looks on, by name
    numbers: list[Service]  # that answer now; the right one first
    sight: Sight = UNSEEN  # what is shown, for the forms that end something
    ladder: Ladder | None = None  # of the alert
    questions: tuple[Question, ...] = ()  # to ask in danger, in order; of this danger where one is known
    named: tuple[str, ...] = ()  # aliases of those who may be named in a note
    hidden_from: tuple[Staff, ...] = ()  # who has said that they know the student; for coordinators

    @property
    def lower_tiers(self) -> list[Tier]:
        """The tiers below this one, nearest first; none where a colleague has the conversation."""
        if self.row.claimed_by is not None and not self.mine:
            return []
        return [tier for tier in reversed(Tier) if tier.rank < self.row.tier.rank]


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
            agreed=agreed(conversation),
            draft=Written.unpack(tx.drafts.get(contact_id, staff.id)),
            mine=row.claimed_by == staff.id,
            sight=sight(tx, contact_id, conversation.tier),
            watchers=parts().act.team.watchers(tx, contact_id, row.claimed_by),
            numbers=rungs.numbers(alert),
            named=_readers(tx, row, staff),
            hidden_from=_hidden_from(tx, row, staff),
        )

    found = parts().storage.read(read)
    if not isinstance(found, Reading):
        return found
    alert, row = found.alert, found.row
    category = alert.category if alert else row.category or rungs.NOT_KNOWN
    asked = rungs.questions(category, alert.tier if alert else row.tier, row.language)
    found = replace(found, questions=tuple(asked))
    return replace(found, ladder=rungs.ladder(alert)) if alert else found


def _readers(tx: Tx, row: QueueRow, staff: Staff) -> tuple[str, ...]:
    """The colleagues who may read it. Only they are looked at: this is asked each time a screen is refreshed."""
    holder = tx.staff.get(row.claimed_by) if row.claimed_by is not None else None
    found = {one.id: one for one in (*tx.staff.leads(), *([holder] if holder else []))}
    return tuple(
        one.alias
        for _, one in sorted(found.items())
        if one.id != staff.id and not one.disabled and may_read(row, one)
    )


def _hidden_from(tx: Tx, row: QueueRow, staff: Staff) -> tuple[Staff, ...]:
    """The colleagues who know the student and so do not see it; a coordinator may undo that."""
    if staff.role is not Role.COORDINATOR:
        return ()
    return tuple(one for one in map(tx.staff.get, row.known_to) if one is not None and one.id != staff.id)


def _for_me(entries: list[Entry]) -> list[Entry]:
    """Without what others whispered to each other."""
    staff_id = me().id
    return [entry for entry in entries if entry.between is None or staff_id in entry.between]


def look_on(found: Reading) -> None:
    """A colleague's open conversation is on the screen: recorded, and shown to the one who answers."""
    if found.row.claimed_by is not None and not found.mine:
        parts().act.team.watch(found.row.contact_id, me())


def _page(contact_id: int, panel: Panel, typed: tuple[str, str] = ("", "")) -> ResponseReturnValue:
    """`typed`: the tier and the reason that somebody tried to lower it with, for the panel `lower`."""
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
    if panel in ("transfer", "unpleasant") and not found.mine:
        return redirect(url_for("console.conversation_page", contact_id=contact_id))
    staff, last = me(), found.thread.last_id

    def opened(tx: Tx) -> None:
        tx.audit.add(now(), staff.id, "opened", contact_id, None)
        if found.mine:
            tx.transcript.mark_opened(contact_id, staff.id, last, now())
        tx.mentions.mark_seen(contact_id, staff.id, now())

    parts().storage.write(opened)
    look_on(found)
    return render_template(
        "console/conversation.html",
        c=found,
        lists=lists(),
        which="queue",
        current=contact_id,
        panel=panel,
        typed=typed,
        takers=team.takers(found.row) if found.mine else [],
        coordinator_only=request.args.get("to") == "coordinator",
        raised_to=[tier for tier in RAISED_TO if tier.rank > found.row.tier.rank],
        ticket=_signer().dumps([staff.id, contact_id]),
        forms={kind: record_forms.FORMS[kind] for kind in record_forms.AT_HAND},
        clock=f"{now().astimezone(settings().service_hours.zone):%H:%M}",
        verdicts=cases.VERDICTS,
    )


def mark_seen(found: Reading) -> None:
    """Somebody has everything up to here on the screen; for the one who has the conversation it is read."""
    staff_id, at, row = me().id, now(), found.row

    def seen(tx: Tx) -> None:
        if found.mine:
            tx.transcript.mark_opened(row.contact_id, staff_id, found.thread.last_id, at)
        tx.mentions.mark_seen(row.contact_id, staff_id, at)

    parts().storage.write(seen)


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
    except NotPossible as why:
        flash(_refused(str(why)), "error")
        return redirect(url_for("console.queue_page"))
    return redirect(url_for("console.conversation_page", contact_id=contact_id))


def _refused(why: str) -> str:
    """Why they cannot take it, as it is."""
    if why == "cap":
        return t("queue.full", n=lists().taken)
    return t("conversation.you_know" if why == "known" else "conversation.gone")


def transfer(contact_id: int) -> ResponseReturnValue:
    """The form to hand over to somebody by name; `team.offer` takes it."""
    return _page(contact_id, "transfer")


def unpleasant(contact_id: int) -> ResponseReturnValue:
    """What can be done about a student who bothers or threatens: mute, hand to a coordinator, report."""
    return _page(contact_id, "unpleasant")


def release(contact_id: int) -> ResponseReturnValue:
    """Put it back where it stood in the queue."""
    return _done(contact_id, lambda staff: parts().act.release(contact_id, staff), "release.done")


def give_back(contact_id: int) -> ResponseReturnValue:
    """After an answer in Meta's inbox: the bot may speak again."""
    refuse_strangers(contact_id)
    deed = parts().act.give_back
    return _done(contact_id, lambda staff: deed(contact_id, staff), "give_back.done", stay=True)


def lower_tier(contact_id: int) -> ResponseReturnValue:
    """Lower the tier, with a reason in words; refused, the form comes back with them at the end of the thread."""
    refuse_strangers(contact_id)
    reason, wanted = line("reason", 500), request.form.get("tier", "")
    if wanted not in {tier.value for tier in Tier} or not is_said(reason):
        flash(t("tier_form.reason_missing"), "error")
        return _page(contact_id, "lower", (wanted, reason))
    deed, seen = parts().act.lower_tier, forms.sight()
    try:
        return _done(
            contact_id,
            lambda staff: deed(contact_id, staff, Tier(wanted), reason, seen=seen),
            "tier_form.done",
            stay=True,
        )
    except ChangedMeanwhile:
        flash(t("tier_form.changed"), "error")
        return _page(contact_id, "lower", (wanted, reason))  # under what is new, with what they wrote


def retry(contact_id: int, outbox_id: int) -> ResponseReturnValue:
    """Send a failed message once more."""
    deed, sure = parts().act.retry, request.form.get("confirmed") == "1"
    return _done(
        contact_id, lambda staff: deed(contact_id, staff, outbox_id, confirmed=sure), "retry.done", stay=True
    )


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
    except MayNotBeSafe:
        flash(t("retry.unsafe"), "error")
        return redirect(here)
    except NotYours:
        flash(t("composer.not_yours"), "error")
        return redirect(url_for("console.queue_page"))
    except ChangedMeanwhile:
        raise  # whoever asked has words for it
    except NotPossible:
        flash(t("conversation.not_now"), "error")
        return redirect(here)
    flash(t(words))
    return redirect(here if stay else url_for("console.queue_page"))
