"""The words that always work are tried on the bot itself: HELP, STOP, a person ... whatever texts and phrases say.

They are obeyed before any flow is asked, so two places stand for all: nobody has begun yet, and a question waits.
What a single step could do against them, a button of that name, is for `bot.flow_checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from bot.commands import WORDS
from bot.content import PHRASES, Content
from bot.conversation import Conversation, Stopped
from bot.decide import decide
from bot.draft import World
from bot.events import TextReceived
from bot.yaml_text import Located, Problem

_DAY = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
_DOES: Mapping[str, Callable[[Conversation], bool]] = {
    "help": lambda conv: conv.asked == "help",
    "stop": lambda conv: conv.stopped is Stopped.STOP,
    "pause": lambda conv: conv.stopped is Stopped.PAUSE,
    "erase": lambda conv: conv.asked == "erase",
    "people": lambda conv: conv.has_people and conv.danger is None,
    "menu": lambda conv: conv.danger is None,
    "nb": lambda conv: conv.language == "nb",
    "en": lambda conv: conv.language == "en",
}


def swallowed(content: Content, phrases: Located) -> Iterator[Problem]:
    """Each word that does not do what it should, with the phrase that catches it if one does."""
    opening = content.hours.next_opening(_DAY)
    new = Conversation(contact_id=1, alias="", started_at=opening)
    hello = TextReceived(sent_at=opening, mid="m1", text="hei")
    asked = decide(new, hello, content, World(), opening).conversation
    for stands, now in ((new, opening - timedelta(minutes=1)), (asked, opening)):  # closed, and open
        for name, words in WORDS.items():
            for word in sorted(words)[: None if stands is asked else 1]:  # read before anything else is
                event = TextReceived(sent_at=now, mid="m2", text=word)
                after = decide(stands, event, content, World(), now).conversation
                if not _DOES[name](after):
                    yield _told(content, phrases, word, after)


def _told(content: Content, phrases: Located, word: str, after: Conversation) -> Problem:
    said = f"the word {word.upper()!r} does not do what it always does"
    rules = after.handoff.rules if after.handoff else ()
    for number, rule in enumerate(content.phrases.file.rules):
        if rule.id in rules:
            said += f"; the phrase {rule.id!r} catches it"
            return phrases.problem(said, "rules", number, kind="swallowed")
    return Problem(PHRASES, 1, said, "swallowed")
