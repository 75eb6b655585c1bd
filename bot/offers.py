"""Handing a conversation to somebody by name, who has to say yes. Until then it stays where it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot import handoff
from bot.conversation import Offer, Status, Tier
from bot.draft import Draft
from bot.effects import AddEntry, CloseAlert, RaiseAlert, Record
from bot.errors import NotPossible
from bot.handoff import Person

ANSWER_WITHIN = timedelta(minutes=5)


def offer(draft: Draft, to: Person, by: Person, note: str | None) -> None:
    """Ask a colleague to take it over. Another question about it that waits is taken back.

    Raises NotYours unless `by` has it.
    """
    held = handoff.owned(draft, by)
    asked = Offer(to=to.id, alias=to.alias, at=draft.now, note=note or None)
    draft.change(handoff=replace(held, offer=asked, refused=None))
    _say(draft, "offered", to.alias)
    draft.do(Record(action="offered", by=by.id, detail=str(to.id)))


def withdraw(draft: Draft, by: Person) -> None:
    """The one who asked keeps it after all. A question that is gone already is no error."""
    held = handoff.owned(draft, by)
    if held.offer is not None:
        draft.change(handoff=replace(held, offer=None))
        draft.do(Record(action="offer_withdrawn", by=by.id))


def accept(draft: Draft, to: Person) -> Offer:
    """Yes: it is theirs from now on, and so is an alert about it. Returns what was asked.

    Raises NotPossible when nothing is asked of them any more.
    """
    asked = _asked_of(draft, to)
    held = handoff.current(draft)
    _say(draft, "left", held.claimed_alias or "")
    handoff.hold(draft, to)
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        category = held.category or "O-distress"
        draft.do(
            RaiseAlert(
                tier=held.tier, category=category, rules=("transferred",), at=draft.now, by=held.claimed_by
            ),
            CloseAlert(by=to.id, at=draft.now, what="acknowledged"),  # saying yes is saying "I have it"
        )
    draft.do(Record(action="transferred", by=to.id, detail=str(held.claimed_by)))
    return asked


def decline(draft: Draft, to: Person) -> None:
    """No, without a reason. Raises NotPossible when nothing is asked of them any more."""
    asked = _asked_of(draft, to)
    _refused(draft, asked, "offer_declined")
    draft.do(Record(action="offer_declined", by=to.id))


def lapse(draft: Draft) -> bool:
    """Five minutes without an answer are a no. False: nothing has waited for so long."""
    held = draft.conv.handoff
    if held is None or held.offer is None or draft.now - held.offer.at < ANSWER_WITHIN:
        return False
    _refused(draft, held.offer, "offer_lapsed")
    draft.do(Record(action="offer_lapsed", by=None, detail=str(held.offer.to)))
    return True


def _refused(draft: Draft, asked: Offer, what: str) -> None:
    draft.change(handoff=replace(handoff.current(draft), offer=None, refused=asked.alias))
    _say(draft, what, asked.alias)


def _asked_of(draft: Draft, to: Person) -> Offer:
    held = handoff.current(draft)
    if draft.conv.status is not Status.CLAIMED or held.offer is None or held.offer.to != to.id:
        raise NotPossible("nothing is asked of you any more")
    return held.offer


def _say(draft: Draft, what: str, who: str) -> None:
    draft.do(AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail=what, who=who))
