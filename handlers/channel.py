"""What the sender needs of a channel: Messenger, or a terminal. app.py chooses which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

from bot.messages import OutboundMessage
from bot.window import HumanAgentTag


class ChannelError(Exception):
    """A message was not taken, or nobody knows whether it was. The code is stable and safe to log."""

    code: str
    kind: Literal["retry", "permanent", "unknown"]
    scope: Literal["message", "contact", "page"]  # page: nothing can be sent to anybody
    retry_after_seconds: float | None = None
    max_retries: int | None = None  # how often a repetition is worth it; None: as often as the sender likes


class Sent(Protocol):
    """What a channel answers when a message was taken."""

    @property
    def mid(self) -> str | None:
        """The channel's id of (the last part of) the message."""


class Channel(Protocol):
    """Where messages go. Every method but `typing` raises ChannelError."""

    def send(self, psid: str, message: OutboundMessage, *, outbox_id: int, tag: HumanAgentTag | None) -> Sent:
        """Send one message, whole and in order."""

    def typing(self, psid: str, on: bool) -> None:
        """Show or hide "...". Never raises: it is only a courtesy."""

    def take_thread(self, psid: str) -> None:
        """Take the thread from whoever owns it."""

    def check_token(self) -> None:
        """Whether the Page can be used at all."""

    def pause_seconds(self) -> float:
        """How long the channel asks us to slow down; 0 when it does not."""


@runtime_checkable
class ManyAtOnce(Channel, Protocol):
    """A channel that holds hundreds of messages under way without a thread for each."""

    def soon(self, work: Callable[[], None]) -> None:
        """Run this in the channel's own thread, where `begin` may be called. May be asked from any thread."""

    def begin(
        self,
        psid: str,
        message: OutboundMessage,
        *,
        outbox_id: int,
        tag: HumanAgentTag | None,
        shows_typing: bool,
        leaves: Callable[[], None],
        done: Callable[[Sent | ChannelError], None],
    ) -> None:
        """As `send`, after `typing` if it is wanted. `leaves` is called just before the words leave, perhaps several
        times; `done` is told what came of it. Both in the same thread, where they must not wait.
        """
