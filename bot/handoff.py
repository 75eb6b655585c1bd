"""Claim, reply, release, transfer, close: one door for each act, for supporters and for the clock alike.

Every function takes a draft and changes it; the caller saves what came of it in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from bot import closed, erasure, queue, soft
from bot.conversation import Danger, Handoff, Status, Tier
from bot.draft import Draft
from bot.effects import (
    AddEntry,
    CancelTimers,
    CloseAlert,
    DropPending,
    FinishHandoff,
    HoldBack,
    RaiseAlert,
    Record,
    SendMessage,
    SetTimer,
)
from bot.errors import AlreadyClaimed, MayNotBeSafe, NotPossible, NotYours, WindowClosed
from bot.messages import Choice, Purpose, SupporterMessage
from bot.window import bot_may_write, window
from bot.wording import hours_in_words

RAISED_BY_HAND = "person"  # in the place of a rule: somebody on the staff saw it


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who acts: a signed-in supporter. `alias` is the name the student sees."""

    id: int
    alias: str


def claim(draft: Draft, by: Person) -> None:
    """Take a waiting conversation. Taking a critical or high one is also "I have it".

    Raises AlreadyClaimed when somebody was first, NotPossible when nobody waits here.
    """
    conv = draft.conv
    if conv.status is Status.CLAIMED and conv.handoff:
        raise AlreadyClaimed(conv.handoff.claimed_alias or "")
    if conv.status is not Status.WAITING or conv.handoff is None:
        raise NotPossible("nobody waits here")
    draft.conv = conv.moved(Status.CLAIMED)
    # Who has it now has not answered.
    draft.change(handoff=replace(conv.handoff, answered_at=None, unanswered=True))
    hold(draft, by)
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        acknowledged(draft, by)
    draft.do(Record(action="claimed", by=by.id, detail=conv.handoff.tier.value))


def hold(draft: Draft, by: Person) -> None:
    """It is theirs from now on, and the student reads who is here. What was asked of others about it is over."""
    draft.change(
        flow=None,
        asked=None,
        asked_at=None,
        elsewhere_since=None,
        handoff=replace(
            current(draft),
            claimed_by=by.id,
            claimed_alias=by.alias,
            claimed_at=draft.now,
            parked_at=None,
            offer=None,
            refused=None,
            left_at=None,
        ),
    )
    draft.do(
        CancelTimers(
            names=frozenset({"wait:1", "wait:2", "closing", "flow", "soft", "elsewhere", *queue.QUIET_TIMERS})
        ),
        DropPending(purposes=frozenset({Purpose.QUEUE, Purpose.FLOW, Purpose.CLOSED})),
        AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail="joined", who=by.alias),
    )
    if draft.may_disturb:
        draft.say(Purpose.PRESENCE, "person.here", alias=by.alias)


def acknowledged(draft: Draft, by: Person) -> None:
    """Taking somebody in danger is also "I have it"."""
    draft.do(CloseAlert(by=by.id, at=draft.now, what="acknowledged"))


def release(draft: Draft, by: Person, *, why: str | None = None) -> None:
    """Put the conversation back where it stood in the queue; `by` is not offered it again.

    `why`: it was not they who did so, but the service, because they are not there. Raises NotYours unless `by` has it.
    """
    held = owned(draft, by)
    passed_by = held.passed_by if why else tuple(dict.fromkeys((*held.passed_by, by.id)))
    draft.change(
        handoff=replace(
            held,
            passed_by=passed_by,
            offer=None,
            refused=None,
            left_at=None,
            claimed_by=None,
            claimed_alias=None,
            claimed_at=None,
            parked_at=None,
            answered_at=None,
        )
    )
    draft.conv = draft.conv.moved(Status.WAITING)
    draft.do(
        AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail="left", who=by.alias),
        Record(action="released", by=None if why else by.id, detail=why),
    )
    queue.set_waiting_timers(draft)
    if draft.may_disturb:
        _say_left(draft)
    soft.take_up(draft)
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        _alert_again(draft, "released", None if why else by.id)


def _say_left(draft: Draft) -> None:
    """They were told who is here, so they are told who is not, and what can be had instead."""
    if draft.in_hours:
        draft.say(Purpose.PRESENCE, "person.left")
    elif draft.say(Purpose.PRESENCE, "person.left_closed", next_open=draft.next_open_words):
        closed.told(draft)


def _alert_again(draft: Draft, why: str, by: int | None) -> None:
    """A flagged conversation whose person has gone alerts anew."""
    handoff = current(draft)
    draft.do(
        RaiseAlert(
            tier=handoff.tier,
            category=handoff.category or "O-distress",
            rules=(why,),
            at=draft.now,
            by=by,
        )
    )


def reply(
    draft: Draft,
    by: Person,
    text: str,
    *,
    confirmed: bool = False,
    hold_seconds: float = 0,
    saw_all: bool = True,
) -> None:
    """A person's words to the student. `confirmed`: sent although it may not be safe for the student now.
    `hold_seconds`: so long they can be taken back. `saw_all` False: the student has written what they had not on
    the screen. That stays unanswered, and so does what the bot has asked about it.

    Raises NotYours, WindowClosed when the channel lets nobody write, or MayNotBeSafe.
    """
    may_write(draft, by, confirmed=confirmed)
    not_before = draft.now + timedelta(seconds=hold_seconds) if hold_seconds else None
    message = SupporterMessage(supporter_id=by.id, alias=by.alias, text=text)
    draft.do(SendMessage(message=message, not_before=not_before))
    handoff = current(draft)
    named = draft.content.services.named_in(text)
    draft.change(
        elsewhere_since=None,
        handoff=replace(
            handoff,
            answered_at=handoff.answered_at or draft.now,
            parked_at=None,
            unanswered=not saw_all,
            refused=None,
            left_at=None,
            signposted=tuple(dict.fromkeys((*handoff.signposted, *named))),
        ),
    )
    if saw_all:
        drop_questions(draft)
        _watch_for_silence(draft)


def may_write(draft: Draft, by: Person, *, confirmed: bool) -> None:
    """Whether this person's words may go out now, the first time or once more. Raises as `reply` says."""
    owned(draft, by)
    if window(draft.conv.last_inbound_at, draft.now, granted=draft.granted) == "closed":
        raise WindowClosed("the student must write again first")
    if draft.conv.needs_confirming and not confirmed:
        raise MayNotBeSafe("the student wrote PAUSE, or said that messages here may not be safe")


def take_back(draft: Draft, by: Person, *, was_only_one: bool, student_waits: bool) -> None:
    """A reply was taken back before it left. `was_only_one`: no other of ours was said in this handoff, so nobody has
    answered, and silence is broken again. `student_waits`: the last words that stand are theirs.
    """
    handoff = owned(draft, by)
    if was_only_one:
        handoff = replace(handoff, answered_at=None)
    draft.change(handoff=replace(handoff, unanswered=handoff.unanswered or student_waits or was_only_one))
    if student_waits:
        draft.do(CancelTimers(names=queue.QUIET_TIMERS))
    draft.do(Record(action="taken_back", by=by.id))


def _watch_for_silence(draft: Draft) -> None:
    """After a person's words: count the student's silence."""
    if draft.conv.tier in queue.UNTIMED or draft.conv.status is not Status.CLAIMED:
        return
    waiting = draft.content.settings.waiting
    for name, minutes in (
        ("idle", waiting.check_in_minutes),
        ("park", waiting.park_minutes),
        ("close", waiting.close_minutes),
    ):
        draft.do(SetTimer(name=name, due_at=draft.now + timedelta(minutes=minutes)))


def drop_questions(draft: Draft) -> None:
    """A person has written: "yes" is their answer now, not the bot's, and what is heavy is theirs to ask about.
    Buttons still mean what they say.
    """
    danger = replace(draft.conv.danger, asked=None, soft_owed=False) if draft.conv.danger else None
    draft.change(asked=None, asked_at=None, danger=danger)


def student_wrote(draft: Draft) -> None:
    """The student wrote to a supporter: not parked any more, and nothing closes what nobody has answered."""
    handoff = draft.conv.handoff
    if handoff:
        draft.change(handoff=replace(handoff, parked_at=None, unanswered=True))
    draft.do(CancelTimers(names=queue.QUIET_TIMERS))


def close(draft: Draft, by: Person | None, outcome: str) -> None:
    """End the handoff. `by` None: the student or the clock ended it. The alert ends with it.

    Raises NotYours when a supporter closes what another has.
    """
    conv = draft.conv
    if not conv.has_people:
        raise NotPossible("there is nothing to close")
    if by is not None:
        owned(draft, by)
    tier = conv.tier
    if by is None:
        draft.do(HoldBack())
    draft.do(FinishHandoff(number=current(draft).number, outcome=outcome, by=by.id if by else None))
    draft.conv = conv.moved(Status.CLOSED)
    draft.change(
        flow=None,
        asked=None,
        asked_at=None,
        danger=None,
        closed_at=draft.now,
        elsewhere_since=None,
        handoff=replace(current(draft), offer=None, refused=None),
    )
    draft.do(
        CancelTimers(names=None),
        DropPending(purposes=frozenset({Purpose.QUEUE, Purpose.FLOW, Purpose.CLOSED})),
        AddEntry(
            written_by="system",
            kind="event",
            mid=None,
            at=draft.now,
            detail="closed",
            who=by.alias if by else None,
        ),
        Record(action="closed", by=by.id if by else None, detail=outcome),
    )
    if tier.rank >= Tier.HIGH.rank or by is not None:
        draft.do(CloseAlert(by=by.id if by else None, at=draft.now, what="closed", outcome=outcome))
    if conv.erase_on_close:
        erasure.erase(draft, quietly=conv.needs_confirming)
    elif by is not None and draft.may_disturb:
        text, choices = _goodbye(draft, tier)
        if choices:
            draft.change(asked="feedback", asked_at=draft.now)
        draft.say_text(Purpose.GOODBYE, text, *choices)


def _goodbye(draft: Draft, tier: Tier) -> tuple[str, tuple[Choice, ...]]:
    kept = draft.content.settings.retention.text_hours_after_close

    def hours(language: str) -> str:
        return hours_in_words(kept, language)

    if tier.rank >= Tier.HIGH.rank:  # no survey after danger
        return draft.text("goodbye.plain", draft.conv.language, hours=hours), ()
    choices = [draft.choice(f"feedback.{a}_button", f"b:feedback:{a}") for a in ("yes", "some", "no", "skip")]
    return draft.text("goodbye.question", draft.conv.language, hours=hours), tuple(choices)


def goodbye(draft: Draft) -> tuple[str, tuple[Choice, ...]] | None:
    """What the student would get if a person closed this now: words and buttons. None: nothing is sent."""
    if draft.conv.erase_on_close or not draft.may_disturb:
        return None
    if not bot_may_write(draft.conv.last_inbound_at, draft.now):
        return None
    return _goodbye(draft, draft.conv.tier)


def give_back(draft: Draft, by: Person) -> None:
    """After somebody answered in Meta's inbox: the bot may speak again."""
    queue.speak_again(draft)
    soft.take_up(draft)
    draft.do(Record(action="given_back", by=by.id))


def lower_tier(draft: Draft, by: Person, tier: Tier, reason: str) -> None:
    """Only a person lowers a tier, with a reason (kept as a note by the caller). Raises NotPossible."""
    handoff = current(draft)
    if not draft.conv.has_people or tier.rank >= handoff.tier.rank:
        raise NotPossible("the tier can only be lowered here")
    if draft.conv.status is Status.CLAIMED:
        owned(draft, by)
    draft.change(handoff=replace(handoff, tier=tier))
    if draft.conv.danger:
        heard_at = draft.conv.danger.heard_at if tier.rank >= Tier.HIGH.rank else None
        draft.change(
            danger=replace(draft.conv.danger, tier=tier, asked=None, soft_owed=False, heard_at=heard_at)
        )
    draft.do(Record(action="tier_lowered", by=by.id, detail=f"{handoff.tier.value}>{tier.value}"))
    if tier.rank < Tier.HIGH.rank:
        draft.do(CloseAlert(by=by.id, at=draft.now, what="closed"))
    if draft.conv.status is Status.WAITING:
        queue.set_waiting_timers(draft)


def raise_tier(draft: Draft, by: Person, tier: Tier, category: str) -> None:
    """A person sees danger that nothing has flagged: alert, place and record as for any other; the card stays theirs
    to say, for they are there. Raises NotPossible unless it rises.
    """
    handoff = current(draft)
    if not draft.conv.has_people or tier.rank <= handoff.tier.rank or tier.rank < Tier.HIGH.rank:
        raise NotPossible("the tier can only be raised here")
    claimed = draft.conv.status is Status.CLAIMED
    if claimed:
        owned(draft, by)
    old = draft.conv.danger or Danger(tier=tier, category=category, raised_at=draft.now)
    draft.change(
        handoff=replace(
            handoff,
            tier=tier,
            category=category,
            rules=tuple(dict.fromkeys((*handoff.rules, RAISED_BY_HAND))),
        ),
        danger=draft.heard(replace(old, tier=tier, category=category)),
    )
    draft.do(
        CancelTimers(names=frozenset({"wait:1", "wait:2", "soft", *queue.QUIET_TIMERS})),
        RaiseAlert(tier=tier, category=category, rules=(RAISED_BY_HAND,), at=draft.now, by=by.id),
        Record(action="tier_raised", by=by.id, detail=f"{handoff.tier.value}>{tier.value}"),
    )
    if claimed:
        draft.do(CloseAlert(by=by.id, at=draft.now, what="acknowledged"))


def current(draft: Draft) -> Handoff:
    """The handoff that is open, or was last. Raises NotPossible when there never was one."""
    if draft.conv.handoff is None:
        raise NotPossible("no handoff is open")
    return draft.conv.handoff


def owned(draft: Draft, by: Person) -> Handoff:
    """The handoff, which `by` has. Raises NotYours, or NotPossible when nobody has it."""
    handoff = current(draft)
    if draft.conv.status is not Status.CLAIMED:
        raise NotPossible("nobody has this conversation")
    if handoff.claimed_by != by.id:
        raise NotYours(handoff.claimed_alias or "")
    return handoff
