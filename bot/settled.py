"""What became of what we said: the card's fate stands on the alert, what came too late is said anew."""

from __future__ import annotations

from bot import cards, closed, erasure, notice, queue, silence, talk
from bot.conversation import Status
from bot.draft import Draft
from bot.effects import MarkCard
from bot.events import SendSettled
from bot.messages import Purpose


def settled(draft: Draft, event: SendSettled, *, people_answer: bool) -> None:
    """The sender is done with a message. `people_answer`: somebody else than the bot speaks here now."""
    conv = draft.conv
    if conv.erasing and event.purpose == Purpose.GOODBYE:
        erasure.erased(draft)
    elif event.purpose == Purpose.CARD:
        outcome = {"sent": "sent", "unknown": "unknown"}.get(event.outcome, "failed")
        told = conv.danger
        card = cards.card_for(told.category, told.tier).key if told else None
        draft.do(MarkCard(outcome=outcome, card=card, content_set=draft.content.number))  # type: ignore[arg-type]
    elif event.outcome == "lapsed" and not people_answer and draft.may_disturb:
        _rebuild(draft, event.purpose)


def _rebuild(draft: Draft, purpose: str) -> None:
    """A text came too late to be true. Say what is true now, if it is still this conversation's turn."""
    if purpose == Purpose.CLOSED:
        draft.change(closed_reply_for=None)
        closed.reply(draft)
    elif purpose == Purpose.NOTICE:
        notice.say(draft, *silence.choices(draft, draft.conv.language))
        talk.ask_again(draft)
    elif purpose == Purpose.FLOW:
        talk.ask_again(draft)
    elif purpose == Purpose.QUEUE and draft.conv.status is Status.WAITING:
        queue.say_place(draft)
