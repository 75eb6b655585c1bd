"""Pictures, sound and the like: nothing is opened here, and they are told so."""

from __future__ import annotations

from bot import silence
from bot.conversation import Stopped
from bot.draft import Draft
from bot.effects import SendMessage
from bot.messages import BotMessage, Purpose


def ask_for_words(draft: Draft, *, liked: bool) -> None:
    """Nothing came but this: it is asked for in words. A thumb up says what it has to say."""
    key = "media.like" if liked else "media.unreadable"
    draft.say(Purpose.ANSWER, key, *silence.choices(draft, draft.conv.language))
    if not liked:
        draft.change(unopened_at=draft.now)


def say_unopened(draft: Draft, kinds: tuple[str, ...]) -> None:
    """The words that came along have been answered in this turn: say once that the rest is not opened.

    It goes before that answer, whose buttons must stand last. Never with a card, and not to somebody who wants quiet.
    """
    told, wants_quiet = draft.conv.unopened_at, draft.conv.stopped is not Stopped.NO
    if set(kinds) <= {"like"} or wants_quiet or silence.is_recent(draft, told):
        return
    said = [
        (place, each.message)
        for place, each in enumerate(draft.effects)
        if isinstance(each, SendMessage) and isinstance(each.message, BotMessage)
    ]
    if any(message.purpose is Purpose.CARD for _, message in said):
        return
    choices = () if said else silence.choices(draft, draft.conv.language)
    if draft.say(Purpose.ANSWER, "media.unopened", *choices):
        draft.effects.insert(said[0][0] if said else len(draft.effects) - 1, draft.effects.pop())
        draft.change(unopened_at=draft.now)
