"""A conversation changes hands because of the one who has it: they know the student, are gone, or are relieved."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from bot import handoff, offers
from bot.conversation import Conversation, Status, Tier
from bot.draft import Draft
from bot.effects import AddEntry, RaiseAlert, Record
from bot.errors import NotPossible
from bot.handoff import Person

Gone = Literal["away", "off_duty", "shift_over"]
Left = Literal["returned", "parked", "alarmed"]


def know(draft: Draft, by: Person) -> None:
    """They know each other: from now on it is not theirs to see. Nothing says why, here or in the audit log."""
    conv = draft.conv
    held = conv.handoff if conv.has_people else None
    if held is None:
        raise NotPossible("nobody waits here")
    if conv.status is Status.CLAIMED and held.claimed_by == by.id:
        handoff.release(draft, by)
    elif held.offer is not None and held.offer.to == by.id:
        offers.decline(draft, by)
    else:
        draft.do(Record(action="passed", by=by.id))
    draft.change(known_to=tuple(dict.fromkeys((*draft.conv.known_to, by.id))))


def know_not(draft: Draft, who: int, by: Person) -> None:
    """It was a slip: they see the student again, and may be offered them. Nothing says of whom it was said, either.

    Raises NotPossible where that was never said.
    """
    conv = draft.conv
    if who not in conv.known_to:
        raise NotPossible("nobody said so")
    draft.change(known_to=tuple(each for each in conv.known_to if each != who))
    held = conv.handoff if conv.has_people else None
    if held is not None:
        draft.change(handoff=replace(held, passed_by=tuple(each for each in held.passed_by if each != who)))
    draft.do(Record(action="shown_again", by=by.id))


def take_over(draft: Draft, by: Person) -> int:
    """Somebody else answers from now on; whoever may do so is the caller's question. Returns who had it.

    Raises NotPossible when nobody has it, or they themselves do.
    """
    held = handoff.current(draft)
    if draft.conv.status is not Status.CLAIMED or held.claimed_by is None or held.claimed_by == by.id:
        raise NotPossible("there is nothing to take over")
    had, alias = held.claimed_by, held.claimed_alias or ""
    draft.do(AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail="left", who=alias))
    handoff.hold(draft, by)
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        handoff.acknowledged(draft, by)
    draft.do(Record(action="taken_over", by=by.id, detail=str(had)))
    return had


def is_left(conv: Conversation) -> bool:
    """Whether something is to be done now that the one who has it is not there; see `gone`."""
    held = conv.handoff
    if conv.status is not Status.CLAIMED or held is None or held.claimed_by is None:
        return False
    if held.tier.rank >= Tier.HIGH.rank:
        return held.left_at is None
    return held.unanswered or held.parked_at is None


def gone(draft: Draft, why: Gone) -> Left | None:
    """The one who has it is not there. None: all that has been done.

    What waits for an answer goes back to its place in the queue; where we spoke last it is set aside with them. In
    danger nothing is taken away in silence: people are alarmed anew, once, and whoever says "I have it" gets it.
    """
    held = draft.conv.handoff
    if not is_left(draft.conv) or held is None or held.claimed_by is None:
        return None
    if held.tier.rank >= Tier.HIGH.rank:
        draft.change(handoff=replace(held, left_at=draft.now, offer=None))
        category = held.category or "O-distress"
        draft.do(
            RaiseAlert(tier=held.tier, category=category, rules=("left_alone",), at=draft.now),
            Record(action="left_alone", by=None, detail=why),
        )
        return "alarmed"
    if held.unanswered:
        handoff.release(draft, Person(id=held.claimed_by, alias=held.claimed_alias or ""), why=why)
        return "returned"
    draft.change(handoff=replace(held, parked_at=draft.now, offer=None))
    draft.do(Record(action="parked", by=None, detail=why))
    return "parked"


def returned(draft: Draft, by: Person) -> None:
    """Whoever had gone is there again, and has said "I have it" about a student who is still theirs."""
    held = handoff.owned(draft, by)
    draft.change(handoff=replace(held, left_at=None))


def mute(draft: Draft, by: Person, *, on: bool) -> None:
    """No sound, count or push of this conversation for the one who has it, until danger is read in it."""
    held = handoff.owned(draft, by)
    others = tuple(each for each in held.muted_by if each != by.id)
    draft.change(handoff=replace(held, muted_by=(*others, by.id) if on else others))
    draft.do(Record(action="muted" if on else "unmuted", by=by.id))
