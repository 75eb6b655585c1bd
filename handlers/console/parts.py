"""What the console needs from the rest of the service, and who may do what with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import current_app, g

from bot.conversation import Tier
from storage.records import Duty, QueueRow, Role, Staff

if TYPE_CHECKING:
    from bot.content import Content
    from bot.messages import Choice
    from bot.sight import Sight
    from handlers.console.live import Live
    from handlers.drills import Drills
    from handlers.escalation import Escalation
    from handlers.publishing import Publishing
    from handlers.reaching import Reaching
    from handlers.rota import Rota
    from handlers.teamwork import Teamwork
    from storage import Storage
    from storage.fates import Unsure

LEADS = frozenset({Role.DUTY_LEAD, Role.COORDINATOR})  # may read every open conversation
HELPERS = LEADS | {Role.SUPPORTER}  # may see the queue and answer
MANAGERS = frozenset({Role.COORDINATOR, Role.ADMIN})  # may add and stop accounts
READERS = LEADS | {Role.REVIEWER}  # of the records of serious cases
COORDINATOR = frozenset({Role.COORDINATOR})
EVERYBODY = frozenset(Role)


class Act(Protocol):
    """What a supporter's buttons do; each call is one transaction.

    All may raise `bot.errors.NotPossible` or one of its kinds; nothing is kept then.
    """

    team: Teamwork  # what they do for each other

    def claim(self, contact_id: int, staff: Staff) -> None: ...
    def next_for(self, staff: Staff) -> int | None: ...
    def reply(
        self,
        contact_id: int,
        staff: Staff,
        text: str,
        seen_entry_id: int,
        *,
        confirmed: bool = False,
        hold_seconds: float = 0,
    ) -> int: ...
    def unsure(self) -> Sequence[Unsure]: ...
    def send_again(self, outbox_id: int, staff: Staff) -> None: ...
    def let_be(self, outbox_id: int, staff: Staff) -> None: ...
    def take_back(self, contact_id: int, staff: Staff, outbox_id: int) -> str: ...
    def send_now(self, contact_id: int, staff: Staff, outbox_id: int) -> None: ...
    def typing(self, contact_id: int, staff: Staff) -> bool: ...
    def ask_history(self, contact_id: int, staff: Staff) -> None: ...
    def offer_note(self, contact_id: int, staff: Staff, text: str) -> None: ...
    def raise_tier(self, contact_id: int, staff: Staff, tier: Tier, letter: str) -> None: ...
    def goodbye(self, contact_id: int) -> tuple[str, tuple[Choice, ...]] | None: ...
    def note(self, contact_id: int, staff: Staff, text: str) -> object: ...
    def release(self, contact_id: int, staff: Staff) -> None: ...
    def sight(self, contact_id: int) -> Sight: ...
    def close(
        self,
        contact_id: int,
        staff: Staff,
        outcome: str,
        *,
        seen: Sight,
        topic: str | None = None,
        signposted: Collection[str] = (),
    ) -> None: ...
    def acknowledge(self, alert_id: int, staff: Staff) -> None: ...
    def alert_shown(self, alert_id: int, staff: Staff) -> None: ...
    def give_back(self, contact_id: int, staff: Staff) -> None: ...
    def lower_tier(self, contact_id: int, staff: Staff, tier: Tier, reason: str, *, seen: Sight) -> None: ...
    def retry(self, contact_id: int, staff: Staff, outbox_id: int, *, confirmed: bool = False) -> None: ...
    def set_duty(self, staff: Staff, duty: Duty) -> None: ...
    def queue(self, staff: Staff) -> list[QueueRow]: ...
    def mine(self, staff: Staff) -> list[QueueRow]: ...
    def claimed(self, staff: Staff) -> list[QueueRow]: ...


class Letters(Protocol):
    """Writes e-mail. Raises `handlers.alerting.notice.ChannelFailed`."""

    def write(self, to: str, title: str, text: str, at: datetime, key: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """Handed over once by the application. `clock` gives aware UTC."""

    storage: Storage
    clock: Callable[[], datetime]
    content: Callable[[], Content]  # the newest published one
    act: Act
    cases: Escalation
    drills: Drills
    reaching: Reaching
    rota: Rota
    push_key: str  # public, base64url: browsers that take pushes ask for it
    live: Live
    publishing: Publishing
    secure_cookies: bool = True  # False only where the console is served without TLS (the demo)
    frame_ancestors: str = "'none'"  # "'self'" in the demo, which shows the console in a frame
    letters: Letters | None = None  # None: no mail server is named
    one_tap: bool = False  # the demo: its sample staff need no second factor, whatever the settings say


def parts() -> ConsoleParts:
    """The parts of the application that serves this request."""
    return cast(ConsoleParts, current_app.extensions["peersupport-console"])


def now() -> datetime:
    """The instant this request is answered at: one value for the whole request."""
    if "now" not in g:
        g.now = parts().clock()
    return cast(datetime, g.now)


def me() -> Staff:
    """Who is signed in. The guard in `auth` has made sure that somebody is."""
    return cast(Staff, g.staff)


def settings() -> Any:
    """The settings of the newest published content."""
    return parts().content().settings
