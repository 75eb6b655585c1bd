"""Parts of a page, fresh: the very templates that the page itself was made of, and only if they differ."""

from __future__ import annotations

import hmac

from flask import abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from handlers.console import cases, conversation, forms, queue, rungs, shell
from handlers.console.parts import parts


def mark(html: str) -> str:
    """A short sign of what stands on the screen; keyed, because it travels in an address."""
    return hmac.digest(str(current_app.secret_key).encode(), html.encode(), "sha256").hex()[:16]


def part(name: str, **values: object) -> Markup:
    """A part of a page in its place, with its mark, so that `fresh` can tell whether it has changed."""
    html = render_template(f"console/_{name}.html", **values)
    place = '<div class="part part-{0}" id="part-{0}" data-part="{0}" data-mark="{1}">{2}</div>'
    return Markup(place).format(name, mark(html), Markup(html))  # noqa: S704 - a rendered template


def fresh() -> ResponseReturnValue:
    """Everything on this page that is no longer as the page's marks say; 204 if nothing is.

    With a changed thread comes the kept draft: words that were held back from the student stand in it.
    Arguments: one mark per part; `which` (queue or mine) for the list; `a` for the ladder of an alert; `c` for a
    conversation, with the header X-Ticket from its page; `only=list`: without the conversation's own parts.
    """
    with parts().live.answering():
        return _fresh()


def _fresh() -> ResponseReturnValue:
    contact_id = forms.number("c")
    made = {
        "strip": render_template("console/_strip.html"),
        "asked": render_template("console/_asked.html"),
        "named": render_template("console/_named.html"),
    }
    if request.args.get("which"):
        made["list"] = render_template(
            "console/_list.html",
            lists=queue.lists(),
            which="mine" if request.args["which"] == "mine" else "queue",
            current=contact_id,
        )
    alert_id, open_one = forms.number("a"), None
    alert = parts().storage.read(lambda tx: tx.alerts.get(alert_id)) if alert_id is not None else None
    if alert is not None and cases.may_work(alert):
        made["ladder"] = render_template("console/_ladder.html", ladder=rungs.ladder(alert))
    if contact_id is not None and request.args.get("only") != "list":
        found = conversation.reading(contact_id)
        if not isinstance(found, conversation.Reading):
            abort(409)  # it is not ours to read any more
        if not conversation.has_ticket(contact_id):
            abort(403)  # opening a transcript is recorded; only an opened page is refreshed
        open_one = found
        conversation.look_on(found)
        made |= {name: render_template(f"console/_{name}.html", c=found) for name in conversation.LIVE_PARTS}
    changed = {
        name: {"mark": mark(html), "html": html}
        for name, html in made.items()
        if mark(html) != request.args.get(name)
    }
    if not changed:
        return "", 204
    if "thread" in changed and open_one is not None:
        conversation.mark_seen(open_one)
        draft = open_one.draft
        return jsonify(parts=changed, badge=shell.badge(), draft={"mode": draft.mode, "text": draft.text})
    return jsonify(parts=changed, badge=shell.badge())
