"""Between colleagues: hand over and answer, look on, whisper, take over, let go, and what there is to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.errors import NobodyHasIt, NotPossible, NotYours
from bot.offers import ANSWER_WITHIN
from bot.routing import is_danger, is_hidden
from handlers.console.forms import number, paragraph
from handlers.console.parts import me, parts
from handlers.console.words import t
from handlers.teamwork import Asked, Told
from storage.fates import Unsure
from storage.records import QueueRow, Role, Staff


@dataclass(frozen=True, slots=True)
class Around:
    """What colleagues want from this person, or have done for them."""

    asked: list[Asked]
    news: list[Told]
    matters: list[Told]  # for those who lead
    unsure: Sequence[Unsure]  # what the bot said and may not have arrived

    @staticmethod
    def until(one: Asked) -> datetime:
        """When the question is over."""
        return (one.row.offered_at or one.row.opened_at) + ANSWER_WITHIN


def around() -> Around:
    """Read for the one who asks, once per request."""
    if "around" not in g:
        staff, team = me(), parts().act.team
        g.around = Around(
            asked=team.asked(staff),
            news=team.news(staff),
            matters=team.of_leads(staff),
            unsure=parts().act.unsure(),
        )
    return cast(Around, g.around)


def arrivals(waiting: list[QueueRow]) -> str:
    """What a screen compares with what it had: something new, or newer, is worth a sound. Ids and times alone.

    Somebody who waits, a message of somebody who waits or is with this person, a question, something to know. With a
    `q` it makes none: danger that waits has the alert's own sound, and one's own may be muted.
    """
    staff_id, found = me().id, around()
    signs = [_sign("q" if is_danger(row) else "c", row) for row in waiting]
    signs += [_sign("q" if staff_id in row.muted_by else "c", row) for row in own_rows()]
    signs += [f"a{one.row.contact_id}:{_ms(found.until(one))}" for one in found.asked]
    signs += [f"n{one.matter.id}:1" for one in (*found.news, *found.matters)]
    signs += [f"u{one.outbox_id}:1" for one in found.unsure]
    return " ".join(signs)


def _sign(kind: str, row: QueueRow) -> str:
    return f"{kind}{row.contact_id}:{_ms(row.last_inbound_at or row.opened_at)}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def own_rows() -> list[QueueRow]:
    """What this person has, asked once per request."""
    if "own_rows" not in g:
        g.own_rows = parts().act.mine(me())
    return cast("list[QueueRow]", g.own_rows)


def takers(row: QueueRow) -> list[Staff]:
    """Who can be asked to take this one over; with `?to=coordinator` coordinators alone."""
    found = [one for one in parts().act.team.takers(me()) if not is_hidden(one, row)]
    if request.args.get("to") == "coordinator":
        return [one for one in found if one.role is Role.COORDINATOR]
    return found


# Handing over.


def offer(contact_id: int) -> ResponseReturnValue:
    """Ask a colleague; the conversation stays ours until they say yes."""
    to = number("to")
    if to is None:
        flash(t("transfer.choose"), "error")
        return redirect(url_for("console.transfer", contact_id=contact_id))
    note = paragraph("note", 2000)
    back = "leave_page" if request.form.get("back") == "leave" else None
    return _done(
        contact_id, lambda one: parts().act.team.offer(contact_id, one, to, note), "team.asked", to=back
    )


def withdraw(contact_id: int) -> ResponseReturnValue:
    """Keep it after all."""
    return _done(contact_id, lambda one: parts().act.team.withdraw(contact_id, one), "team.withdrawn")


def accept(contact_id: int) -> ResponseReturnValue:
    """Yes, I take it."""
    return _done(contact_id, lambda one: parts().act.team.accept(contact_id, one), "team.yours")


def decline(contact_id: int) -> ResponseReturnValue:
    """No, not now."""
    deed = parts().act.team.decline
    return _done(contact_id, lambda one: deed(contact_id, one), "team.declined_done", to="queue_page")


# Letting go.


def know(contact_id: int) -> ResponseReturnValue:
    """I know this person. One press too many is one press back."""
    deed = parts().act.team.know
    done = f"undo {url_for('console.know_not', contact_id=contact_id)}"
    return _done(
        contact_id, lambda one: deed(contact_id, one), "team.known_done", to="queue_page", category=done
    )


def known_page() -> ResponseReturnValue:
    """Whom one has said one knows, for whoever pressed it by mistake."""
    return render_template("console/known.html", rows=parts().act.team.known(me()))


def know_not(contact_id: int) -> ResponseReturnValue:
    """I do not, after all; or a coordinator says so of a colleague."""
    deed, who = parts().act.team.know_not, number("who")
    return _done(contact_id, lambda one: deed(contact_id, one, who), "team.shown_again")


def relieve(contact_id: int) -> ResponseReturnValue:
    """Take this from me."""
    deed = parts().act.team.relieve
    return _done(contact_id, lambda one: deed(contact_id, one), "team.relieved_done", to="queue_page")


# Leading.


def take_over(contact_id: int) -> ResponseReturnValue:
    """I answer from now on."""
    return _done(contact_id, lambda one: parts().act.team.take_over(contact_id, one), "team.yours")


# Harassment.


def mute(contact_id: int) -> ResponseReturnValue:
    """No signals of this conversation for me, or again."""
    on = request.form.get("on") == "1"
    words = "team.muted_done" if on else "team.unmuted_done"
    return _done(contact_id, lambda one: parts().act.team.mute(contact_id, one, on=on), words)


def report(contact_id: int) -> ResponseReturnValue:
    """Tell the coordinators."""
    words = paragraph("words", 2000)
    deed = parts().act.team.report
    return _done(contact_id, lambda one: deed(contact_id, one, words), "team.reported_done")


# What there is to know.


def matters_page() -> ResponseReturnValue:
    """What those who lead are to see to, and what they have seen to of late."""
    team, staff = parts().act.team, me()
    return render_template("console/matters.html", open=around().matters, closed=team.seen_to(staff))


def close_matter(matter_id: int) -> ResponseReturnValue:
    """Seen to, with a note where one is asked for."""
    try:
        parts().act.team.close_matter(matter_id, me(), paragraph("words", 1000))
    except NotPossible as refused:
        flash(t("matters.note_missing" if str(refused) == "note" else "conversation.not_now"), "error")
    else:
        flash(t("matters.done"))
    return redirect(url_for("console.matters_page"))


def read_news(matter_id: int) -> ResponseReturnValue:
    """I have seen it."""
    try:
        parts().act.team.close_matter(matter_id, me())
    except NotPossible:
        flash(t("conversation.not_now"), "error")
    return redirect(url_for("console.queue_page"))


def send_again(outbox_id: int) -> ResponseReturnValue:
    """The student may not have got the bot's last text: send it once more."""
    return _seen_to(lambda one: parts().act.send_again(outbox_id, one), "unsure.sent")


def let_be(outbox_id: int) -> ResponseReturnValue:
    """It is not to be sent again."""
    return _seen_to(lambda one: parts().act.let_be(outbox_id, one), "unsure.let")


def _seen_to(deed: Callable[[Staff], None], words: str) -> ResponseReturnValue:
    try:
        deed(me())
    except NotPossible:
        flash(t("unsure.over"))
    else:
        flash(t(words))
    return redirect(url_for("console.queue_page"))


def _done(
    contact_id: int,
    deed: Callable[[Staff], None],
    words: str,
    *,
    to: str | None = None,
    category: str = "message",
) -> ResponseReturnValue:
    """Do it, say so, and go on: to the page named, or to the conversation."""
    here = url_for(f"console.{to}") if to else url_for("console.conversation_page", contact_id=contact_id)
    try:
        deed(me())
    except NotYours:
        flash(t("composer.not_yours"), "error")
        return redirect(url_for("console.queue_page"))
    except NobodyHasIt:
        flash(t("team.not_muted"), "error")
        return redirect(here)
    except NotPossible as refused:
        flash(t("team.nobody" if str(refused) == "nobody" else "conversation.not_now"), "error")
        return redirect(here)
    flash(t(words), category)
    return redirect(here)
