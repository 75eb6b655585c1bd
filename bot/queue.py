"""Waiting for people: into the queue, the place in it, what comes by itself meanwhile, and going on after silence."""

from __future__ import annotations

from datetime import timedelta

from bot import closed, notice
from bot.conversation import Handoff, Status, Stopped, Tier
from bot.draft import Draft
from bot.effects import CancelTimers, Record, SetTimer
from bot.messages import Purpose
from bot.triage import Standing, ahead_of

UNTIMED = frozenset({Tier.ELEVATED, Tier.HIGH, Tier.CRITICAL})  # no idle text, no closing by itself
UNANSWERED_OPEN_DAYS = 3
QUIET_TIMERS = frozenset({"idle", "park", "close"})


def open_handoff(
    draft: Draft,
    *,
    tier: Tier = Tier.NONE,
    category: str | None = None,
    rules: tuple[str, ...] = (),
    quietly: bool = False,
) -> None:
    """Put the conversation into the queue. `quietly`: the caller says what is to be said.

    Somebody who waits already keeps the place and is told so.
    """
    conv = draft.conv
    if conv.has_people:
        if not quietly:
            say_place(draft)
        return
    number = conv.handoffs + 1
    handoff = Handoff(number=number, opened_at=draft.now, tier=tier, category=category, rules=rules)
    draft.change(flow=None, closed_at=None, handoff=handoff, handoffs=number)
    draft.conv = draft.conv.moved(Status.WAITING)
    draft.do(Record(action="opened_handoff", by=None, detail=tier.value))
    set_waiting_timers(draft)
    if not quietly:
        say_place(draft)


def set_waiting_timers(draft: Draft) -> None:
    """What comes by itself while somebody waits: "ok to wait?", closing time, the end."""
    draft.do(CancelTimers(names=frozenset({"wait:1", "wait:2", "closing", *QUIET_TIMERS})))
    starts_at = draft.now if draft.in_hours else draft.next_opening  # nobody waits for us while we are closed
    set_closing_timer(draft)
    if draft.conv.tier in UNTIMED:
        return
    for n, minutes in enumerate(draft.content.settings.waiting.ask_again_minutes[:2], start=1):
        draft.do(SetTimer(name=f"wait:{n}", due_at=starts_at + timedelta(minutes=minutes)))
    wait_on(draft)


def wait_on(draft: Draft) -> None:
    """Nobody has answered yet: an ordinary wait ends by itself only after three open days of silence."""
    if draft.conv.tier not in UNTIMED:
        due_at = draft.content.hours.open_days_after(draft.now, UNANSWERED_OPEN_DAYS)
        draft.do(SetTimer(name="close", due_at=due_at))


def set_soft_timer(draft: Draft) -> None:
    """Silence after the soft question counts as "not sure"."""
    minutes = draft.content.settings.waiting.quiet_danger_minutes
    draft.do(SetTimer(name="soft", due_at=draft.now + timedelta(minutes=minutes)))


def set_closing_timer(draft: Draft) -> None:
    """The end of this open stretch, or of the next one: whoever still waits is told."""
    hours = draft.content.hours
    closes_at = hours.closes_at(draft.now if draft.in_hours else draft.next_opening)
    if closes_at:
        draft.do(SetTimer(name="closing", due_at=closes_at))


def say_place(draft: Draft) -> None:
    """Tell somebody who waits where they stand, truly: open with people, open with nobody, or closed."""
    conv = draft.conv
    if conv.status is Status.CLAIMED and conv.handoff:
        draft.say(Purpose.ANSWER, "person.here", alias=conv.handoff.claimed_alias or "")
        return
    closed.reply(draft)
    notice.give(draft)
    if closed.said_now(draft):
        draft.say(Purpose.QUEUE, "queue.have_place")
    elif not draft.in_hours:
        draft.say(Purpose.QUEUE, "queue.closed", next_open=draft.next_open_words)
    elif not draft.world.on_duty:
        draft.say(Purpose.QUEUE, "closed.nobody_free")
    else:
        ahead = _ahead(draft)
        if ahead:
            draft.say(Purpose.QUEUE, "queue.place", ahead=str(ahead))
        else:
            draft.say(Purpose.QUEUE, "queue.first")


def _ahead(draft: Draft) -> int:
    handoff = draft.conv.handoff
    assert handoff is not None  # noqa: S101 - asked by say_place
    mine = Standing(
        tier=handoff.tier, opened_at=handoff.opened_at, last_inbound_at=draft.conv.last_inbound_at
    )
    return ahead_of(
        mine,
        draft.world.waiting,
        draft.now,
        soon_minutes=draft.content.settings.queue.window_soon_minutes,
        granted=draft.granted,
    )


def resume(draft: Draft) -> None:
    """They write on after STOP or PAUSE: the bot may speak again, also by itself."""
    if draft.conv.stopped is not Stopped.NO:
        draft.change(stopped=Stopped.NO)
        if draft.conv.status is Status.WAITING:
            set_waiting_timers(draft)


def speak_again(draft: Draft) -> None:
    """The silence for Meta's inbox is over. Whoever waits, waits for us again."""
    if draft.conv.elsewhere_since is None:
        return
    draft.change(elsewhere_since=None, elsewhere_waits_since=None)
    draft.do(CancelTimers(names=frozenset({"elsewhere"})))
    if draft.conv.status is Status.WAITING:
        set_waiting_timers(draft)
