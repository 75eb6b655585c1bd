"""Our exceptions. Each docstring is a sentence that a colleague understands."""

from __future__ import annotations


class PeerSupportError(Exception):
    """Something that we foresaw and can name."""


class NotPossible(PeerSupportError):
    """The conversation is in a state that does not allow this."""


class AlreadyClaimed(NotPossible):
    """Somebody else was first. `alias` is who."""

    def __init__(self, alias: str) -> None:
        super().__init__("already claimed")
        self.alias = alias


class NotYours(NotPossible):
    """Only the supporter who has claimed the conversation may do this."""


class WindowClosed(NotPossible):
    """The channel lets nobody write to this contact until the contact writes again."""


class MayNotBeSafe(NotPossible):
    """The student wrote PAUSE, or said that messages may not be safe. A person must confirm before writing."""


class CannotRead(NotPossible):
    """A note names a colleague who may not read the conversation. `alias` is who."""

    def __init__(self, alias: str) -> None:
        super().__init__("a colleague who may not read this")
        self.alias = alias


class AnsweredMeanwhile(NotPossible):
    """A message came in or went out after the one the supporter had on the screen."""


class ChangedMeanwhile(NotPossible):
    """The student wrote, or the danger rose, after the page was drawn that somebody decides on."""


class NobodyHasIt(NotPossible):
    """Nobody has said "I have it" about the open alert: what ends it must wait until somebody has."""


class ContentError(PeerSupportError):
    """Config, flows, texts, services or phrases have mistakes; `problems` lists them all."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
