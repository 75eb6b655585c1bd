"""One turn: load the conversation, let the core decide, save everything it asks for, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot import effects as e
from bot.content import Content
from bot.conversation import Conversation, changed
from bot.draft import Draft, World
from bot.effects import Turn
from bot.events import SendSettled
from bot.messages import Purpose
from handlers.earlier import earlier
from handlers.written import Written
from storage import Tx
from storage.records import Place

ERASE_AGAIN = timedelta(seconds=5)  # what they have just written is handled in less


def world_for(
    tx: Tx, conv: Conversation, content: Content, now: datetime, *, on_duty: tuple[int, ...] | None = None
) -> World:
    """What the decision must know about everybody else: who is on duty, if that is not known, and who else waits."""
    return World(
        on_duty=on_duty_now(tx, content, now) if on_duty is None else on_duty,
        waiting=_Others(tx, conv.contact_id),  # type: ignore[arg-type]
        earlier=earlier(tx, conv, content),
    )


def on_duty_now(tx: Tx, content: Content, now: datetime) -> tuple[int, ...]:
    """The supporters on duty whose console is reachable."""
    return tx.staff.on_duty_ids(now - timedelta(minutes=content.settings.waiting.reachable_minutes))


class _Others:
    """The other contacts who wait; read only by a decision that tells somebody their place."""

    def __init__(self, tx: Tx, contact_id: int) -> None:
        self._tx, self._contact_id = tx, contact_id

    def __iter__(self) -> Iterator[Place]:
        return (place for place in self._tx.handoffs.places() if place.contact_id != self._contact_id)


def draft_for(tx: Tx, contact_id: int, content: Content, now: datetime) -> Draft:
    """A draft of what somebody is about to do to this conversation."""
    conv = tx.conversations.get(contact_id, now)
    return Draft(conv, content, world_for(tx, conv, content, now), now)


def save(tx: Tx, turn: Turn, now: datetime, before: Conversation | None = None) -> None:
    """Keep the conversation, unless it is still as `before`, and everything the turn asks for; wake whoever acts on
    it.
    """
    conv = turn.conversation
    erasing: e.EraseContact | None = None
    if conv is not before:
        tx.conversations.save(conv, now)
    tx.ways.add(turn.ways)
    for effect in turn.effects:
        if isinstance(effect, e.EraseContact):
            erasing = effect
        else:
            keep(tx, conv.contact_id, effect, now)
    if erasing is not None:
        erase(tx, conv, erasing.code, now)
    tx.wake("screens")


def erase(tx: Tx, conv: Conversation, code: str, now: datetime) -> bool:
    """Erase the contact, and write that down. False: they have written something that nobody has read. That comes
    first, for it may be danger, and then it is tried again.
    """
    if tx.contacts.erase(conv.contact_id, code, now):
        tx.audit.add(now, None, "erased", None, code)
        return True
    tx.conversations.save(changed(conv, {"erasing": code, "erase_on_close": False}), now)
    tx.timers.set(conv.contact_id, "erase", now + ERASE_AGAIN)
    return False


def is_plain(before: Conversation, turn: Turn) -> bool:
    """Whether this is a talk with the bot that concerns nobody else: then it may be kept together with others."""
    after = turn.conversation
    return (
        not before.has_people
        and not after.has_people
        and all(isinstance(effect, _PLAIN) for effect in turn.effects)
    )


def save_plain(tx: Tx, turns: Sequence[Turn], now: datetime) -> None:
    """As `save`, for plain turns of different contacts, in few statements."""
    tx.conversations.save_all([turn.conversation for turn in turns], now)
    todo = [(turn.conversation.contact_id, effect) for turn in turns for effect in turn.effects]
    sends = [(who, effect.message) for who, effect in todo if isinstance(effect, e.SendMessage)]
    ids = iter(tx.outbox.add_all(sends, now, begins=True))
    lines = []
    timers: dict[tuple[int, str], datetime | None] = {}
    for who, effect in todo:
        if isinstance(effect, e.SendMessage):
            lines.append(tx.transcript.line_of(who, effect.message, next(ids), now))
        elif isinstance(effect, e.AddEntry):
            lines.append(tx.transcript.line(who, effect))
        elif isinstance(effect, e.SetTimer):
            timers[who, effect.name] = effect.due_at
        elif isinstance(effect, e.CancelTimers) and effect.names is not None:
            timers |= dict.fromkeys((who, name) for name in effect.names)
        else:  # all of the contact's timers
            timers = {each: due for each, due in timers.items() if each[0] != who}
            keep(tx, who, effect, now)
    tx.ways.add(way for turn in turns for way in turn.ways)
    tx.timers.change(timers)
    tx.transcript.add_all(lines)
    tx.wake("screens")


def tell(
    tx: Tx, contact_id: int, outbox_id: int, purpose: str, outcome: str, code: str | None, now: datetime
) -> None:
    """Put what became of a message into the inbox, if the conversation has a use for it."""
    needs_to_know = purpose in (Purpose.CARD, Purpose.GOODBYE) or outcome == "lapsed"
    if needs_to_know:
        event = SendSettled(sent_at=now, outbox_id=outbox_id, purpose=purpose, outcome=outcome, code=code)  # type: ignore[arg-type]
        tx.inbox.add_internal(contact_id, f"settled:{outbox_id}:{outcome}:{now.isoformat()}", event, now)


def confirm(tx: Tx, contact_id: int, outbox_id: int | None, mid: str, now: datetime) -> None:
    """It has arrived. If that is the first we hear of that message's fate, the conversation hears of it too."""
    settled = tx.outbox.confirm(contact_id, outbox_id, mid, now)
    purpose = tx.outbox.purpose(settled) if settled is not None else None
    if settled is not None and purpose is not None:
        tell(tx, contact_id, settled, purpose, "sent", None, now)


def keep(tx: Tx, contact_id: int, effect: e.Effect, now: datetime) -> None:
    """Keep what one effect asks for, but for an erasure."""
    keeper: Callable[..., object] | None = _KEEPERS.get(type(effect))
    if keeper is None:
        raise TypeError(f"nobody keeps {type(effect).__name__}")
    keeper(tx, contact_id, effect, now)


def _close_alert(tx: Tx, contact_id: int, effect: e.CloseAlert, now: datetime) -> None:
    if effect.what == "closed":
        tx.alerts.close(contact_id, effect.by, now, effect.outcome)
        return
    alert = tx.alerts.open_for(contact_id)
    staff = tx.staff.get(effect.by) if effect.by is not None else None
    if alert is not None and staff is not None:
        tx.alerts.acknowledge(alert.id, staff.id, staff.alias, now)


def _hold_back(tx: Tx, contact_id: int, _: e.HoldBack, now: datetime) -> None:
    """What people wrote and had not left stands in their drafts again, and the student still waits for an answer."""
    back = tx.outbox.hold_back(contact_id, now)
    if not back:
        return
    for staff_id, words in back:
        begun = Written.unpack(tx.drafts.get(contact_id, staff_id))
        tx.drafts.save(contact_id, staff_id, begun.with_back(words).pack(), now)
    line = e.AddEntry(written_by="system", kind="event", mid=None, at=now, detail="held_back")
    tx.transcript.add(contact_id, line)
    conv = tx.conversations.peek(contact_id)
    if conv is not None and conv.handoff is not None and conv.has_people:
        said = {
            entry.written_by
            for entry in tx.transcript.entries(contact_id)
            if entry.at >= conv.handoff.opened_at
        }
        answered_at = conv.handoff.answered_at if "supporter" in said else None
        held = replace(conv.handoff, unanswered=True, answered_at=answered_at)
        tx.conversations.save(changed(conv, {"handoff": held}), now)


_PLAIN = (e.SendMessage, e.AddEntry, e.SetTimer, e.CancelTimers)

_KEEPERS: dict[type, Callable[..., object]] = {
    e.SendMessage: lambda tx, who, x, now: tx.outbox.add(who, x.message, now, x.not_before),
    e.DropPending: lambda tx, who, x, now: tx.outbox.drop(who, x.purposes, now),
    e.HoldBack: _hold_back,
    e.AddEntry: lambda tx, who, x, now: tx.transcript.add(who, x),
    e.EditEntry: lambda tx, who, x, now: tx.transcript.edit(who, x),
    e.WithdrawEntry: lambda tx, who, x, now: tx.transcript.withdraw(who, x.mid, x.at),
    e.MarkReaction: lambda tx, who, x, now: tx.transcript.react(who, x.mid, x.reaction, x.added),
    e.MarkDelivered: lambda tx, who, x, now: tx.transcript.delivered(who, x.watermark),
    e.MarkRead: lambda tx, who, x, now: tx.transcript.read(who, x.watermark),
    e.ConfirmSend: lambda tx, who, x, now: confirm(tx, who, x.outbox_id, x.mid, now),
    e.RaiseAlert: lambda tx, who, x, now: tx.alerts.raise_(who, x),
    e.MarkCard: lambda tx, who, x, now: tx.alerts.mark_card(who, x.outcome, now, x.card, x.content_set),
    e.CloseAlert: _close_alert,
    e.FinishHandoff: lambda tx, who, x, now: tx.handoffs.finish(who, x.number, x.outcome, x.by, now),
    e.SetTimer: lambda tx, who, x, now: tx.timers.set(who, x.name, x.due_at),
    e.CancelTimers: lambda tx, who, x, now: tx.timers.cancel(who, x.names),
    e.CountFeedback: lambda tx, who, x, now: tx.counters.bump(f"feedback_{x.answer}"),
    e.ForgetWords: lambda tx, who, x, now: tx.retention.forget_contact(who),
    e.Record: lambda tx, who, x, now: tx.audit.add(now, x.by, x.action, who, x.detail),
    e.TellStaff: lambda tx, who, x, now: tx.incidents.open(x.incident, now),
}
