"""Publishing: what changes, findings, rehearsals, whom it meets, why, and a second person where one is needed.

Also the history: every set with who, when and why, what it changed, and going back to it as a new set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.differences import FileChange, differences, sensitive
from bot.translated import sentence_in
from bot.versions import Choice, Plan
from handlers.console import desk, drafting
from handlers.console.drafting import Finding
from handlers.console.forms import line, number
from handlers.console.parts import me, now, parts
from handlers.console.rehearsing import Run, rehearsing
from handlers.console.words import known, language, t
from handlers.published import reached
from handlers.publishing import SETTLED, TOO_NEW, Meanwhile, NeedsSecond, Refused, Standing
from storage import Tx
from storage.records import Staff

CHOICES: tuple[Choice, ...] = ("finish", "move", "people")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What would be published, and all that is to be seen before."""

    files: Mapping[str, str]
    restore: int | None  # going back to this set
    chosen: frozenset[str]  # my drafts that are to be published
    outdated: bool  # one of them began from a text that is not the published one any more
    changes: list[FileChange]
    found: list[Finding]
    run: Run | None
    standing: tuple[Standing, ...]
    reasons: tuple[str, ...]
    steps: list[str]  # where somebody could be moved to

    @property
    def gone(self) -> list[str]:
        """Steps at which somebody stands, and which are not there any more."""
        return sorted({each.place for each in self.standing if each.gone})

    @property
    def students(self) -> int:
        """Under way, on any set."""
        return sum(each.students for each in self.standing)

    @property
    def wrong(self) -> list[Finding]:
        """What stops it."""
        return [each for each in self.found if each.level == "error"]

    @property
    def stops(self) -> str:
        """Why the button is off, as a word of the page; empty when it is on."""
        if not self.changes:
            return "nothing"
        if self.outdated:
            return "outdated"
        if self.wrong:
            return "findings"
        if self.run is None or not self.run.over:
            return "not_played"
        return "" if self.run.green else "red"


def _ahead(work: desk.Work, restore: int | None, *, play: bool) -> Ahead:
    chosen = frozenset() if restore else _chosen(work)
    files = dict(parts().publishing.files_of(restore)) if restore else work.with_drafts(chosen)
    changes = differences(work.edition.files, files)
    found = drafting.findings(files, language()) if changes else []
    content = drafting.content_of(files) if changes else None
    ready = content is not None and not any(each.level == "error" for each in found)
    run = rehearsing.of(files)
    if ready and content is not None and play:
        run = rehearsing.start(content, files)
    return Ahead(
        files=files,
        restore=restore,
        chosen=chosen,
        outdated=not chosen.isdisjoint(work.outdated),
        changes=changes,
        found=found,
        run=run,
        standing=parts().publishing.standing(files) if ready else (),
        reasons=sensitive(work.edition.files, files) if changes else (),
        steps=[
            f"{flow.flow}.{name}"
            for flow in content.flows.values()
            for name, step in flow.steps.items()
            if step.say
        ]
        if content
        else [],
    )


def _chosen(work: desk.Work) -> frozenset[str]:
    """The drafts that are ticked; all of them until somebody has chosen."""
    if not request.values.get("some"):
        return frozenset(work.drafts)
    return frozenset(work.drafts).intersection(request.values.getlist("file"))


def _restored(work: desk.Work) -> int | None:
    wanted = request.values.get("restore", "")
    if not wanted.isdecimal() or len(wanted) > 9 or not 0 < int(wanted) <= work.edition.number:
        return None
    return int(wanted)


def publish_page() -> ResponseReturnValue:
    """Everything before the button. The rehearsals begin by themselves once the check is clean."""
    work = desk.open_for(me())
    ahead = _ahead(work, _restored(work), play=True)
    return _page(work, ahead)


def _page(work: desk.Work, ahead: Ahead, why: str = "") -> str:
    waiting = parts().storage.read(
        lambda tx: (tx.proposals.open(), {each.id: each.alias for each in tx.staff.all()})
    )
    return render_template(
        "console/publish.html",
        work=work,
        ahead=ahead,
        edition=work.edition,
        why=why,
        choices=CHOICES,
        sentences=[(change, _sentences(change)) for change in ahead.changes],
        proposals=waiting[0],
        names=waiting[1],
        stem=drafting.stem,
    )


def _sentences(change: FileChange) -> list[str]:
    """What changed in words of this page's language."""
    return [
        t(f"change.{each.kind}", where=each.where, old=_short(each.old), new=_short(each.new))
        for each in change.changes
    ]


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"


def publish_now() -> ResponseReturnValue:
    """Publish, or hand to a second person."""
    work = desk.open_for(me())
    restore = _restored(work)
    ahead = _ahead(work, restore, play=False)
    why, base = line("why", 300), number("base")
    asked: dict[str, Any] = {"base": base, "by": me().id, "why": why, "plan": _plan(ahead)}
    origin = "restore" if restore else "console"
    if ahead.stops or not why:
        flash(t(f"publish.stop_{ahead.stops or 'why'}"), "error")
        return _page(work, ahead, why)
    try:
        if ahead.reasons:
            parts().publishing.propose(ahead.files, origin=origin, **asked)
            flash(t("publish.proposed"))
        else:
            made = parts().publishing.publish(ahead.files, origin=origin, **asked)
            flash(t("publish.done", n=made))
    except Meanwhile:
        flash(t("publish.meanwhile"), "error")
        return redirect(url_for("console.publish_page"))
    except Refused as refused:
        flash(t("publish.refused", why=sentence_in(refused.problems[0], language())), "error")
        return _page(work, ahead, why)
    return redirect(url_for("console.versions_page"))


def _plan(ahead: Ahead) -> Plan:
    choice = request.form.get("choice", "finish")
    if choice not in CHOICES:
        abort(400)
    moves = {
        place: to
        for place in ahead.gone
        if choice == "move" and (to := request.form.get(f"to:{place}", "")) in ahead.steps
    }
    return Plan(choice=choice, moves=moves)


def play_again() -> ResponseReturnValue:
    """All rehearsals on what would be published."""
    work = desk.open_for(me())
    restore = _restored(work)
    ahead = _ahead(work, restore, play=True)
    if not ahead.changes and (content := drafting.content_of(work.files)) is not None:
        rehearsing.start(content, work.files)  # nothing to publish: for the drawings
    return redirect(url_for("console.publish_page", restore=restore))


def decide(proposal_id: int) -> ResponseReturnValue:
    """A second person agrees or refuses; whoever proposed may take it back."""
    deed, by = request.form.get("do", ""), me().id
    try:
        if deed == "approve":
            _play_proposal(proposal_id)
            made = parts().publishing.approve(proposal_id, by)
            flash(t("publish.done", n=made))
        else:
            parts().publishing.drop(proposal_id, by)
            flash(t("publish.dropped"))
    except NeedsSecond as needs:
        said = "too_new" if needs.reasons == (TOO_NEW,) else "not_oneself"
        flash(t(f"publish.{said}", days=SETTLED.days), "error")
    except Meanwhile:
        flash(t("publish.meanwhile"), "error")
    except Refused as refused:
        flash(t("publish.refused", why=sentence_in(refused.problems[0], language())), "error")
    return redirect(url_for("console.versions_page"))


def _play_proposal(proposal_id: int) -> None:
    """In this process nobody may have played them yet: then it begins, and the answer says so."""
    files = parts().storage.read(lambda tx: tx.proposals.files(proposal_id))
    content = drafting.content_of(files)
    if content is not None:
        rehearsing.start(content, files)


def proposal_page(proposal_id: int) -> ResponseReturnValue:
    """What somebody would like to publish."""
    found = parts().storage.read(lambda tx: tx.proposals.get(proposal_id))
    if found is None:
        abort(404)
    files = parts().storage.read(lambda tx: tx.proposals.files(proposal_id))
    old = parts().publishing.files_of(found.base)
    content = drafting.content_of(files)
    run = rehearsing.start(content, files) if content is not None and found.state == "open" else None
    return _difference(
        t("proposal.title", alias=_alias(found.by)), found.why, old, files, proposal=found, run=run
    )


def _alias(staff_id: int | None) -> str:
    found: Staff | None = parts().storage.read(lambda tx: tx.staff.get(staff_id)) if staff_id else None
    return found.alias if found else t("versions.command_line")


def versions_page() -> ResponseReturnValue:
    """Every published set, the newest first, and what waits for a second person."""

    def read(tx: Tx) -> tuple[Any, ...]:
        sets = tx.published.all()
        far = reached(tx, sets[0].number, now()) if sets else "everywhere"
        return sets, far, tx.proposals.open(), {each.id: each.alias for each in tx.staff.all()}

    sets, far, waiting, names = parts().storage.read(read)
    return render_template("console/versions.html", sets=sets, reached=far, proposals=waiting, names=names)


def version_page(n: int) -> ResponseReturnValue:
    """What a set changed against the one before it."""
    found = parts().storage.read(lambda tx: tx.published.get(n))
    if found is None:
        abort(404)
    files = parts().publishing.files_of(n)
    old = parts().publishing.files_of(n - 1) if n > 1 else {}
    return _difference(t("versions.version", n=n), found.why, old, files, published=found)


def _difference(title: str, why: str, old: Mapping[str, str], new: Mapping[str, str], **more: Any) -> str:
    changes = differences(old, new) if old else []
    return render_template(
        "console/version.html",
        title=title,
        why=why,
        sentences=[(change, _sentences(change)) for change in changes],
        first=not old,
        stem=drafting.stem,
        known=known,
        **{"proposal": None, "published": None, "run": None, **more},
    )
