"""The files that coordinators write: the list of them, and the editor with findings, drawing and preview.

Everything is one form. Without a script each button answers with the whole page; the script asks for the same parts
as JSON. Only Save keeps anything, and only as a draft.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bot.content import Content
from handlers.console import desk, drafting, preview
from handlers.console.drafting import Finding
from handlers.console.forms import line
from handlers.console.parts import me, now, settings
from handlers.console.rehearsing import rehearsing
from handlers.console.words import language, t
from handlers.rehearsal import run_text
from storage.file_drafts import DraftChanged


@dataclass(frozen=True, slots=True)
class Row:
    """One file in the list."""

    name: str
    stem: str
    kind: drafting.Kind
    mine: bool  # I have a draft of it
    others: tuple[str, ...]  # who else has
    wrong: int  # findings in it that stop a publish
    current: bool = False


def rows(work: desk.Work, found: list[Finding] | None = None, current: str = "") -> list[Row]:
    """All files, flows first."""
    files = work.files
    made = [
        Row(
            name=name,
            stem=drafting.stem(name),
            kind=drafting.kind_of(name, files),
            mine=name in work.drafts,
            others=tuple(draft.alias for draft in work.others.get(name, ())),
            wrong=sum(1 for each in found or () if each.file == name and each.level == "error"),
            current=name == current,
        )
        for name in drafting.editable(files)
    ]
    return sorted(made, key=lambda row: (drafting.KINDS.index(row.kind), row.name))


def files_page() -> ResponseReturnValue:
    """All files with their state: published, draft, findings."""
    work = desk.open_for(me())
    return render_template(
        "console/files.html",
        rows=rows(work, drafting.findings(work.files, language())),
        kinds=drafting.KINDS,
        edition=work.edition,
        drafts=len(work.drafts),
    )


def file_new() -> ResponseReturnValue:
    """Begin a flow or a rehearsal."""
    stem = line("name", 60).lower().replace(" ", "_")
    folder = "flows/rehearsals/" if request.form.get("kind") == "rehearsal" else "flows/"
    name = f"{folder}{stem}.yaml"
    work = desk.open_for(me())
    if not drafting.may_be_new(name) or name in work.files:
        flash(t("files.name_taken" if name in work.files else "files.name_wrong"), "error")
        return redirect(url_for("console.files_page"))
    desk.save(me(), name, drafting.first_text(name), "", None)
    return redirect(url_for("console.file_page", name=name))


def schema_file(kind: str) -> ResponseReturnValue:
    """The JSON Schema that completion and hover use."""
    found = drafting.schema(kind)
    if found is None:
        abort(404)
    return Response(found, mimetype="application/json")


def file_page(name: str) -> ResponseReturnValue:
    """The editor, with my draft if there is one."""
    work = desk.open_for(me())
    _known(name, work)
    return _page(work, name, work.files[name], work.base(name))


def file_work(name: str) -> ResponseReturnValue:
    """What the editor's buttons do; `do` names it. Nothing is kept except by `save` and `keep`."""
    work = desk.open_for(me())
    _known(name, work)
    text = request.form.get("text", "").replace("\r\n", "\n").replace("\x00", "")
    base = request.form.get("base", "")[:64]
    match request.form.get("do", "check"):
        case "discard":
            gone = desk.discard(me(), name, request.form.get("seen", "")[:64])
            flash(t("files.discarded" if gone else "files.changed_elsewhere"), "message" if gone else "error")
            return redirect(url_for("console.file_page", name=name))
        case "save":
            return _save(work, name, text, base)
        case "keep":
            return _keep(work, name, text)
        case "fix":
            where = request.form.get("swap", "").split("|")
            if len(where) == 3 and where[0].isdecimal():
                text = drafting.swapped(text, int(where[0]), where[1], where[2])
    if _wants_json():
        return _parts(work, name, text)
    return _page(work, name, text, base)


def _known(name: str, work: desk.Work) -> None:
    if name not in drafting.editable(work.files):
        abort(404)


def _save(work: desk.Work, name: str, text: str, base: str) -> ResponseReturnValue:
    """As a draft. If what is published, or the draft itself, is another one by now, both are shown."""
    if len(text) > drafting.MAX_TEXT:
        flash(t("files.too_large"), "error")
        return _page(work, name, text, base), 413
    draft, published = work.drafts.get(name), work.published_hash(name)
    seen = request.form.get("seen", "")[:64]
    if base != published and request.form.get("read") != published:
        return _conflict(work, name, text, work.edition.files.get(name, ""), "published")
    if draft is not None and draft.hash != seen and draft.text != text:
        return _conflict(work, name, text, draft.text, "draft")
    try:
        kept = desk.save(me(), name, text, published, draft.hash if draft else None)
    except DraftChanged:
        return _conflict(desk.open_for(me()), name, text, "", "draft")
    if _wants_json():
        clock = now().astimezone(settings().service_hours.zone)
        said = t("files.saved_at", clock=f"{clock:%H:%M}")
        return {"saved": said, "base": published, "seen": kept.hash if kept else ""}
    flash(t("files.saved"))
    return redirect(url_for("console.file_page", name=name))


def _wants_json() -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _conflict(work: desk.Work, name: str, text: str, theirs: str, what: str) -> ResponseReturnValue:
    """Mine and the other one, line by line. Saving from here goes on from what was just read."""
    draft = work.drafts.get(name)
    page = render_template(
        "console/file_conflict.html",
        name=name,
        stem=drafting.stem(name),
        text=text,
        what=what,
        base=work.published_hash(name),
        seen=draft.hash if draft else "",
        lines=list(drafting.both(text, theirs)),
        edition=work.edition,
    )
    return page, 409


def _keep(work: desk.Work, name: str, text: str) -> ResponseReturnValue:
    """The preview as a rehearsal, in a draft of its own."""
    content = drafting.content_of({**work.files, name: text})
    stem = line("rehearsal", 60).lower().replace(" ", "_")
    target = f"flows/rehearsals/{stem}.yaml"
    wanted = preview.asked(request.form, now(), settings().service_hours.zone)
    if content is None or not wanted.acts:
        flash(t("files.nothing_to_keep"), "error")
    elif not drafting.may_be_new(target) or target in work.files:
        flash(t("files.name_taken" if target in work.files else "files.name_wrong"), "error")
    else:
        desk.save(me(), target, preview.rehearsal(content, wanted, line("rehearsal", 60)), "", None)
        flash(t("files.kept", name=stem))
    return _page(work, name, text, request.form.get("base", "")[:64])


@dataclass(frozen=True, slots=True)
class Tried:
    """Everything that follows from the text as it stands."""

    found: list[Finding]
    drawn: Any
    traffic: Any
    chat: preview.Chat | None
    result: Any  # of this rehearsal, when the file is one


def _tried(work: desk.Work, name: str, text: str) -> Tried:
    files = {**work.files, name: text}
    kind = drafting.kind_of(name, files)
    content = drafting.content_of(files)
    result = None
    if kind == "rehearsal":
        base = content or drafting.content_of(work.edition.files)
        found = drafting.of_rehearsal(files, name, base, language()) if base else []
        if base and not found and request.method == "POST":
            result = run_text(base, text, name)
    else:
        found = drafting.findings(files, language())
    here = [each for each in found if each.file == name]
    wrong = frozenset(each.line for each in here if each.level == "error")
    drawn, traffic = None, None
    if kind == "flow":
        traffic = desk.traffic(name)
        drawn = drafting.drawing(
            name, text, language(), wrong_lines=wrong, walked=rehearsing.walked, traffic=traffic
        )
    return Tried(found, drawn, traffic, _chat(content), result)


def _chat(content: Content | None) -> preview.Chat | None:
    return (
        preview.play(content, preview.asked(request.form, now(), settings().service_hours.zone))
        if content
        else None
    )


def _context(work: desk.Work, name: str, text: str, tried: Tried) -> dict[str, Any]:
    kind = drafting.kind_of(name, {**work.files, name: text})
    zone = settings().service_hours.zone
    content = drafting.content_of(work.edition.files)
    return {
        "name": name,
        "stem": drafting.stem(name),
        "kind": kind,
        "inside": [each for each in tried.found if each.file == name],
        "elsewhere": [each for each in tried.found if each.file != name and each.level == "error"],
        "drawn": tried.drawn[1] if tried.drawn else None,
        "flow": tried.drawn[0] if tried.drawn else None,
        "traffic": tried.traffic if tried.traffic and tried.traffic.taken else None,
        "few": _few,
        "chat": tried.chat,
        "result": tried.result,
        "zone": zone,
        "at": (tried.chat.at if tried.chat else now()).astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        "moments": preview.moments(content.hours, now()) if content else (),
    }


FEWEST = 5  # a smaller number could point at a person


def _few(count: int, *, short: bool = False) -> str:
    """A count of students: in words where it is small, else to the nearest five.

    Exact ones beside a hidden one would give it away: what came in, less what went out elsewhere.
    """
    if 0 < count < FEWEST:
        return "<5" if short else t("files.few")
    near = FEWEST * round(count / FEWEST)
    return str(near) if short or not near else t("files.about", n=near)


def _page(work: desk.Work, name: str, text: str, base: str) -> str:
    tried = _tried(work, name, text)
    return render_template(
        "console/file.html",
        text=text,
        base=base,
        seen=request.form.get("seen", "")[:64] if request.method == "POST" else _hash(work, name),
        rows=rows(work, tried.found, name),
        kinds=drafting.KINDS,
        mine=work.drafts.get(name),
        others=work.others.get(name, ()),
        edition=work.edition,
        moved=base != work.published_hash(name),
        names=drafting.names(drafting.kind_of(name, work.files), work.files),
        has_schema=drafting.schema(drafting.kind_of(name, work.files)) is not None,
        **_context(work, name, text, tried),
    )


def _hash(work: desk.Work, name: str) -> str:
    draft = work.drafts.get(name)
    return draft.hash if draft else ""


def _parts(work: desk.Work, name: str, text: str) -> dict[str, Any]:
    """The same parts for the script. A turn of the chat changes nothing else."""
    if request.form.get("do") not in ("check", "fix"):
        chat = _chat(drafting.content_of({**work.files, name: text}))
        return {"chat": render_template("console/_chat.html", chat=chat)}
    tried = _tried(work, name, text)
    context = _context(work, name, text, tried)
    return {
        "findings": [
            {"line": each.line, "text": each.text, "level": each.level, "swap": each.swap}
            for each in context["inside"]
        ],
        "list": render_template("console/_findings.html", **context),
        "drawing": render_template("console/_drawing.html", **context) if tried.drawn else None,
        "chat": render_template("console/_chat.html", **context),
        "text": text if request.form.get("do") == "fix" else None,
    }
