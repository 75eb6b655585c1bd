"""One event in; a new conversation and the effects out. Pure: the same input gives the same turn.

The order is the product's promise: danger is read before anything else, in every state; then the words
that always work; then people have the conversation, or the flow does.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot import (
    answers,
    attachments,
    closed,
    commands,
    danger,
    elsewhere,
    foreign,
    handoff,
    queue,
    safety,
    settled,
    silence,
    soft,
    talk,
    taps,
    timers,
)
from bot import language as languages
from bot.conversation import Conversation, Said, Status
from bot.draft import Draft, World
from bot.effects import (
    AddEntry,
    EditEntry,
    MarkDelivered,
    MarkReaction,
    MarkRead,
    Turn,
    WithdrawEntry,
)
from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    ControlChanged,
    EchoReceived,
    Event,
    MessageEdited,
    MessagesDelivered,
    MessagesRead,
    MessageWithdrawn,
    ReactionChanged,
    ReferralReceived,
    SendSettled,
    TextReceived,
    TimerDue,
)
from bot.long_text import kept
from bot.risk import Finding

if TYPE_CHECKING:
    from bot.content import Content

KEPT_TEXTS = 10


def decide(conv: Conversation, event: Event, content: Content, world: World, now: datetime) -> Turn:
    """What this event leads to. `now` is aware UTC; `event.sent_at` may be much earlier."""
    draft = Draft(conv, content, world, now)
    match event:
        case TextReceived():
            _note_inbound(draft, event)
            _words(draft, event)
        case ChoiceTapped():
            _note_inbound(draft, event)
            _tapped(draft, event)
        case AttachmentReceived():
            _note_inbound(draft, event)
            _attachment(draft, event)
        case MessageEdited():
            _edited(draft, event)
        case MessageWithdrawn():
            _withdrawn(draft, event)
        case ReactionChanged():
            _note_inbound(draft, event)  # a reaction opens the messaging window too
            draft.do(MarkReaction(mid=event.mid, reaction=event.reaction, added=event.added))
        case MessagesDelivered() | MessagesRead():
            draft.do(receipt(event))
        case EchoReceived():
            elsewhere.echo(draft, event)
        case ControlChanged():
            elsewhere.control(draft, event)
        case ReferralReceived():
            _note_inbound(draft, event)
            elsewhere.student_is_here(draft, standby=event.standby)
            if draft.conv.flow is None and not draft.conv.has_people and draft.conv.elsewhere_since is None:
                queue.resume(draft)
                talk.begin(draft)
        case TimerDue():
            timers.due(draft, event.name)
        case SendSettled():
            settled.settled(draft, event, people_answer=_people_answer(draft))
        case _:
            pass  # opt-ins, account links, ratings, unreadable items: counted at the door, nothing to say
    danger.give_owed_card(draft)
    return draft.turn()


def receipt(event: MessagesDelivered | MessagesRead) -> MarkDelivered | MarkRead:
    """What these lead to, whatever the conversation."""
    if isinstance(event, MessagesRead):
        return MarkRead(watermark=event.watermark)
    return MarkDelivered(watermark=event.watermark)


# What the contact did.


def _note_inbound(
    draft: Draft, event: TextReceived | ChoiceTapped | AttachmentReceived | ReactionChanged | ReferralReceived
) -> None:
    """The messaging window counts from when it was sent; going on after the notice is consent."""
    last = draft.conv.last_inbound_at
    sent_at = min(event.sent_at, draft.now)  # a clock that is ahead opens no longer window
    draft.change(last_inbound_at=max(last, sent_at) if last else sent_at)
    if draft.conv.notice_at and not draft.conv.continued_at and event.sent_at >= draft.conv.notice_at:
        draft.change(continued_at=draft.now)


def _remember(draft: Draft, mid: str, text: str, sent_at: datetime) -> None:
    said = Said(at=min(sent_at, draft.now), mid=mid, text=text)
    others = [s for s in draft.conv.recent if s.mid != mid]
    draft.change(recent=(*others, said)[-KEPT_TEXTS:])
    if draft.conv.language is None:  # recognised, not chosen: the words NORSK and ENGLISH still decide
        draft.change(language=languages.guess(text))


def _words(draft: Draft, event: TextReceived) -> None:
    """Words, typed. What is kept is what a person can read."""
    text = kept(event.text)
    draft.do(
        AddEntry(
            written_by="contact",
            kind="text",
            mid=event.mid,
            at=event.sent_at,
            text=text,
            reply_to=event.reply_to,
        )
    )
    _heard(draft, event, event.text, text)


def _heard(draft: Draft, event: TextReceived | AttachmentReceived, whole: str, text: str) -> None:
    """Words, alone or under a picture. Danger first, in every state, and in all of them."""
    tells_where = safety.tells_where(draft)
    if _is_danger(draft, event, whole):
        if answers.asked(draft, text, None) == ("call", "cannot"):
            safety.answer(draft, "call", "cannot", mid=event.mid)
        elif tells_where:
            safety.told_where(draft, event.mid, text)
        return
    word = commands.named(text, None)
    if word is not None:
        commands.obey(draft, word, mid=event.mid)
    elif _answered(draft, text, None, event.mid):
        return
    elif tells_where and not talk.is_understood(draft, text):
        queue.resume(draft)
        _people_have_it(draft)
        safety.told_where(draft, event.mid, text)
    elif not _is_foreign(draft, text):
        _go_on(draft, text, None)


def _answered(draft: Draft, text: str | None, payload: str | None, mid: str | None) -> bool:
    """Whether this answered one of the bot's own questions. While people answer, few of them are left."""
    answer = _own_answer(draft, text, payload)
    if answer is None:
        return False
    queue.resume(draft)
    commands.settle(draft, *answer, mid=mid, text=(text or "") if payload is None else "")
    return True


def _own_answer(draft: Draft, text: str | None, payload: str | None) -> tuple[str, str] | None:
    answer = answers.asked(draft, text, payload)
    if answer is None or (answer[0] not in answers.ALWAYS and _people_answer(draft)):
        return None
    return answer


def _is_answer_above_all(draft: Draft, text: str, finding: Finding) -> bool:
    """Whether a word that always works, or a typed answer about safety, is more than the danger written before it."""
    if commands.named(text, None) is not None and draft.content.phrases.read(text) is None:
        return draft.conv.tier.rank >= finding.tier.rank
    answer = _own_answer(draft, text, None)
    return answer is not None and safety.is_above(draft, *answer, text, finding)


def _is_foreign(draft: Draft, text: str) -> bool:
    """Words in no language we read: the number line in both languages, once, and a person."""
    if _people_answer(draft) or talk.is_understood(draft, text):
        return False
    return foreign.met(draft, text)


def _people_answer(draft: Draft) -> bool:
    return draft.conv.elsewhere_since is not None or draft.conv.status is Status.CLAIMED


def _is_danger(draft: Draft, event: TextReceived | AttachmentReceived | MessageEdited, whole: str) -> bool:
    """Read words for danger and deal with it; False when there is none. A finding ends the event's way."""
    finding = danger.read(draft, whole, event.mid, event.sent_at)
    text = kept(whole)
    if not isinstance(event, MessageEdited):
        titled = talk.means_danger(draft, text, None)  # a button's words, typed
        if titled is not None and (finding is None or titled.tier.rank >= finding.tier.rank):
            finding = titled
        if finding is not None and _is_answer_above_all(draft, text, finding):
            finding = None
    _remember(draft, event.mid, text, event.sent_at)
    elsewhere.student_is_here(draft, standby=event.standby)
    if finding is not None:
        danger.hit(draft, finding, mid=event.mid, text=text)
        elsewhere.student_wrote(draft)
    return finding is not None


def _tapped(draft: Draft, event: ChoiceTapped) -> None:
    title = kept(event.title)
    draft.do(AddEntry(written_by="contact", kind="choice", mid=event.mid, at=event.sent_at, text=title))
    elsewhere.student_is_here(draft, standby=event.standby)
    payload = event.payload
    finding = taps.means_danger(draft, event)
    if finding is not None:
        danger.hit(draft, finding, mid=event.mid, text=title)
        elsewhere.student_wrote(draft)
        return
    word = commands.named(None if payload is not None else title, payload)
    if word is not None:
        commands.obey(draft, word, mid=event.mid)
        return
    if not _answered(draft, title, payload, event.mid):
        _go_on(draft, title or None, payload)


def _attachment(draft: Draft, event: AttachmentReceived) -> None:
    """We open nothing. Words that came along are words like any; the rest is asked for."""
    text = kept(event.text) if event.text else event.text
    draft.do(
        AddEntry(
            written_by="contact",
            kind="attachment",
            mid=event.mid,
            at=event.sent_at,
            text=text,
            detail=",".join(event.kinds),
        )
    )
    if event.text and text:
        _heard(draft, event, event.text, text)
        if not _people_answer(draft):
            attachments.say_unopened(draft, event.kinds)
        return
    elsewhere.student_is_here(draft, standby=event.standby)
    queue.resume(draft)
    if _people_answer(draft):
        _people_have_it(draft)
        return
    liked = set(event.kinds) <= {"like"}
    if liked and silence.waits_in_danger(draft):
        silence.break_silence(draft)
        return
    closed.reply(draft)
    attachments.ask_for_words(draft, liked=liked)
    if draft.conv.flow is not None:
        talk.answer(draft, None, None)
    elif not draft.conv.has_people:
        talk.begin(draft)


def _edited(draft: Draft, event: MessageEdited) -> None:
    """An edit is read for danger again, and shown; the earlier wording is not kept."""
    draft.do(EditEntry(mid=event.mid, text=kept(event.text), number=event.number, at=draft.now))
    if not _is_danger(draft, event, event.text) and silence.waits_flagged(draft):
        queue.resume(draft)  # as after a new message
        silence.break_silence(draft)


def _withdrawn(draft: Draft, event: MessageWithdrawn) -> None:
    draft.change(recent=tuple(s for s in draft.conv.recent if s.mid != event.mid))
    draft.do(WithdrawEntry(mid=event.mid, at=draft.now))


# Who has the conversation now.


def _go_on(draft: Draft, text: str | None, payload: str | None) -> None:
    """No danger, no word that always works, no question of the bot's own: people have it, or the flow."""
    helped = draft.conv.asked == "help"
    draft.change(asked=None, asked_at=None)  # they speak of something else: a later "yes" is not for it
    queue.resume(draft)
    if _people_answer(draft):
        _people_have_it(draft)
        return
    if draft.conv.status is Status.WAITING and draft.conv.flow is None and payload is None:
        _while_waiting(draft)
        return
    closed.reply(draft)
    if helped and payload is None:
        queue.open_handoff(draft)  # who writes on after HELP is not asked for a choice again
    elif draft.conv.flow is None and payload is None:
        talk.begin(draft)
    else:
        talk.answer(draft, text, payload) if draft.conv.flow else _old_button(draft, payload)


def _old_button(draft: Draft, payload: str | None) -> None:
    """Buttons never expire in the thread: one of an earlier conversation leads to the menu."""
    if draft.conv.has_people:
        queue.say_place(draft)
    else:
        talk.begin(draft)


def _people_have_it(draft: Draft) -> None:
    if draft.conv.status is Status.CLAIMED:
        handoff.student_wrote(draft)
    elsewhere.student_wrote(draft)
    silence.break_silence(draft)


def _while_waiting(draft: Draft) -> None:
    """They write while they wait: kept for the supporter. Nobody flagged meets silence; nobody is flooded."""
    if soft.is_owed(draft):
        soft.ask(draft)
    elif not silence.waits_in_danger(draft) and not soft.heard(draft):
        closed.reply(draft)
        queue.wait_on(draft)
    silence.break_silence(draft)
