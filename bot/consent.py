"""What a student says yes or no to: that earlier words are read, and that a short note is kept for next time.

Asked by a button of the supporter who has the conversation; answered by the student alone.
"""

from __future__ import annotations

from dataclasses import replace

from bot.conversation import Handoff, Status
from bot.draft import Draft
from bot.effects import AddEntry, Record
from bot.errors import MayNotBeSafe, NotPossible, NotYours, WindowClosed
from bot.handoff import Person
from bot.messages import Purpose

MAX_NOTE = 300  # characters; two lines


def ask_history(draft: Draft, by: Person) -> None:
    """Ask whether this supporter may read what is left of earlier conversations. Once a handoff."""
    handoff = _mine(draft, by)
    if handoff.history is not None:
        raise NotPossible("it was asked already")
    draft.change(handoff=replace(handoff, history="asked"))
    _ask(draft, "history", alias=by.alias)
    draft.do(Record(action="history_asked", by=by.id))


def history_answered(draft: Draft, is_yes: bool) -> None:
    """Their answer holds for this handoff only. A yes can be taken back with the same button as long as it lasts."""
    handoff = draft.conv.handoff
    if handoff is None or not draft.conv.has_people or handoff.history is None:
        draft.say(Purpose.ANSWER, "history.late")
        return
    draft.change(handoff=replace(handoff, history="yes" if is_yes else "no"))
    _told(draft, "history_yes" if is_yes else "history_no")
    draft.say(Purpose.ANSWER, "history.thanks" if is_yes else "history.declined")


def offer_note(draft: Draft, by: Person, text: str) -> None:
    """Ask whether these words may stand for whoever answers next time. They see exactly what would be kept."""
    handoff = _mine(draft, by)
    note = " ".join(text.split())
    if not note or len(note) > MAX_NOTE:
        raise NotPossible("length")
    draft.change(handoff=replace(handoff, note_offered=note))
    _ask(draft, "keep", alias=by.alias, note=note)
    draft.do(Record(action="note_offered", by=by.id))


def note_answered(draft: Draft, is_yes: bool) -> None:
    """A yes keeps what was shown, in the place of an older one; after a no the older one stays."""
    handoff = draft.conv.handoff
    if handoff is None or handoff.note_offered is None:
        draft.say(Purpose.ANSWER, "keep.late")
        return
    draft.change(handoff=replace(handoff, note_offered=None))
    if is_yes:
        draft.change(note_kept=handoff.note_offered, note_kept_at=draft.now)
    _told(draft, "note_yes" if is_yes else "note_no")
    draft.say(Purpose.ANSWER, "keep.thanks" if is_yes else "keep.declined")


def _mine(draft: Draft, by: Person) -> Handoff:
    handoff = draft.conv.handoff
    if draft.conv.status is not Status.CLAIMED or handoff is None:
        raise NotPossible("nobody has this conversation")
    if handoff.claimed_by != by.id:
        raise NotYours(handoff.claimed_alias or "")
    return handoff


def _ask(draft: Draft, question: str, **fields: str) -> None:
    if draft.conv.needs_confirming:
        raise MayNotBeSafe("nothing goes out unasked")
    if draft.conv.danger is not None and draft.conv.danger.asked is not None:
        raise NotPossible("a question about their safety waits")  # "yes" must stay the answer to that one
    draft.change(asked=question, asked_at=draft.now)
    choices = [draft.choice(f"{question}.{a}_button", f"b:{question}:{a}") for a in ("yes", "no")]
    if not draft.say(Purpose.ANSWER, f"{question}.question", *choices, **fields):
        raise WindowClosed("the student must write again first")


def _told(draft: Draft, what: str) -> None:
    """A line in the thread, and who-did-what: the student."""
    draft.do(
        AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail=what),
        Record(action=what, by=None),
    )
