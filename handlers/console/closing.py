"""Closing a conversation: how it ended, what it was about, whom the student was shown, and what is sent now."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.conversation import Conversation, Tier
from bot.errors import ChangedMeanwhile, NobodyHasIt, NotPossible, NotYours
from bot.outcomes import OUTCOMES
from bot.sight import Sight
from handlers.console import forms
from handlers.console.composer import refuse_strangers
from handlers.console.labels import choices
from handlers.console.parts import me, now, parts
from handlers.console.tools import Listed, services
from handlers.console.words import language, t
from handlers.doing import sight
from storage import Tx
from storage.records import Alert, Entry, QueueRow

TALKS = ("no", "later", "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What the form shows."""

    goodbye: str | None  # what the student gets; None: nothing
    buttons: tuple[str, ...]
    topics: list[tuple[str, str]]  # id and words
    services: list[Listed]


def close_page(contact_id: int) -> ResponseReturnValue:
    """The form. Of what was said it shows only what is new; talk.js puts it into a sheet over the conversation."""
    return _page(contact_id, after=None)


def _page(contact_id: int, *, after: int | None) -> ResponseReturnValue:
    """The form, with what the student wrote after line `after`: the form was sent, and refused for what is new.

    `after` None: it is drawn for the first time, and shows what has not been on the screen yet.
    """
    refused = after is not None

    def read(tx: Tx) -> tuple[QueueRow | None, Conversation | None, Alert | None, Sight, list[Entry], int]:
        row, conversation = tx.handoffs.row(contact_id), tx.conversations.peek(contact_id)
        alert = tx.alerts.open_for(contact_id)
        tier = conversation.tier if conversation else Tier.NONE
        since = after or tx.transcript.opened_to(contact_id)
        is_mine = row is not None and row.claimed_by == me().id
        news = tx.transcript.entries(contact_id, after_id=since) if is_mine else []
        shown = [each for each in news if each.written_by == "contact" and not each.withdrawn]
        return row, conversation, alert, sight(tx, contact_id, tier), shown, tx.transcript.last_id(contact_id)

    row, conversation, alert, seen, news, last = parts().storage.read(read)
    if row is None or conversation is None:
        flash(t("conversation.gone"))
        return redirect(url_for("console.queue_page"))
    refuse_strangers(contact_id)
    if row.claimed_by != me().id:  # a lead who reads along
        return redirect(url_for("console.conversation_page", contact_id=contact_id))
    if news:
        _opened(contact_id, last)
    signposted = conversation.handoff.signposted if conversation.handoff else ()
    page = render_template(
        "console/close.html",
        row=row,
        alert=alert,
        sight=seen,
        news=news,
        refused=refused,
        nobodys=alert is not None and alert.acknowledged_at is None,
        chosen=request.form,
        signposted=request.form.getlist("signposted") if refused else signposted,
        outcomes=OUTCOMES,
        closing=_closing(contact_id, signposted),
    )
    return page, 409 if refused else 200


def _opened(contact_id: int, last: int) -> None:
    """Words are on the screen: they count as read, and that is written down."""
    staff_id, at = me().id, now()

    def opened(tx: Tx) -> None:
        tx.audit.add(at, staff_id, "opened", contact_id, None)
        tx.transcript.mark_opened(contact_id, staff_id, last, at)

    parts().storage.write(opened)


def _closing(contact_id: int, signposted: tuple[str, ...]) -> Closing:
    """What the form needs. Services that were named to the student come first."""
    said = parts().act.goodbye(contact_id)
    listed = services(language())
    return Closing(
        goodbye=said[0] if said else None,
        buttons=tuple(choice.title for choice in said[1]) if said else (),
        topics=choices(parts().content(), "topic", language()),
        services=sorted(listed, key=lambda each: each.service.id not in signposted),
    )


def close(contact_id: int) -> ResponseReturnValue:
    """End the conversation, with an outcome."""
    outcome, staff = request.form.get("outcome", ""), me()
    if outcome not in OUTCOMES:
        flash(t("close.choose"), "error")
        return redirect(url_for("console.close_page", contact_id=contact_id))
    content, seen = parts().content(), forms.sight()
    topics = {id for id, _ in choices(content, "topic", "nb")}
    topic = request.form.get("topic", "")
    alert = parts().storage.read(lambda tx: tx.alerts.open_for(contact_id))
    try:
        parts().act.close(
            contact_id,
            staff,
            outcome,
            seen=seen,
            topic=topic if topic in topics else None,
            signposted=[id for id in request.form.getlist("signposted") if id in content.services],
        )
    except NotYours:
        flash(t("composer.not_yours"), "error")
        return redirect(url_for("console.queue_page"))
    except (ChangedMeanwhile, NobodyHasIt):
        return _page(contact_id, after=seen.said)
    except NotPossible:
        flash(t("conversation.not_now"), "error")
        return redirect(url_for("console.conversation_page", contact_id=contact_id))
    talk = request.form.get("talk", "")
    if talk in TALKS:
        _wants_to_talk(contact_id, alert.id if alert else None, talk)
    flash(t("close.done"))
    return redirect(url_for("console.queue_page"))


def _wants_to_talk(contact_id: int, alert_id: int | None, talk: str) -> None:
    """After a serious case the answer stands in its record. Else a yes reaches those who lead."""
    staff, at = me(), now()
    if alert_id is not None:
        parts().cases.record(alert_id, staff, "debrief", {"offered": True, "taken": talk})
    elif talk == "yes":

        def tell(tx: Tx) -> None:
            tx.incidents.open("debrief_wanted", at)
            tx.audit.add(at, staff.id, "debrief_wanted", contact_id, None)

        parts().storage.write(tell)
