"""Somebody new waits, or wrote again: a push without a word of it to those on duty who want one.

Danger is the ladder's, which asks nobody's wish. What is to be told is taken by one of any number of workers, and told
once: a console that is open shows it anyway, and the next message knocks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.content import Content
from bot.conversation import Status
from bot.routing import is_hidden
from bot.settings import Channel, Words
from handlers.alerting.notice import AlertChannel, Notice
from handlers.alerting.people import reach
from handlers.alerting.telling import Telling
from handlers.clock import Clock
from handlers.doing import ANSWERERS
from storage import Storage, Tx
from storage.records import Duty, QueueRow, Staff

Knock = Literal["queue", "mine"]  # as in `storage.profile.Notice`
_CHANNELS: tuple[Literal["push", "email"], ...] = ("push", "email")
_NOT_AGAIN = timedelta(minutes=2)  # about the same student
_LOOKING = timedelta(seconds=90)  # whoever's console was open so lately sees it there
_TEXT: Mapping[Knock, Words] = {
    "queue": Words(nb="Noen venter i køen.", en="Somebody is waiting in the queue."),
    "mine": Words(nb="Det er noe nytt i en av samtalene dine.", en="There is something new in one of yours."),
}
_SIGN_IN = Words(nb="Logg inn", en="Sign in")


@dataclass(frozen=True, slots=True)
class _Telling:
    staff: Staff
    what: Knock
    channel: Channel


class Knocks:
    """`look` is called every few seconds."""

    def __init__(
        self,
        storage: Storage,
        content: Callable[[], Content],
        clock: Clock,
        channels: Mapping[Channel, AlertChannel],
    ) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock
        self._channels = channels
        self._telling = Telling(storage, channels)

    def look(self) -> int:
        """Tell what is new; how many tellings a channel took."""
        now = self._clock()
        if not self._storage.read(lambda tx: tx.handoffs.knocking(now - _NOT_AGAIN)):
            return 0
        due = self._storage.write(lambda tx: self._take(tx, now))
        return sum(self._tell(one, now) for one in due)

    def _take(self, tx: Tx, now: datetime) -> list[_Telling]:
        rows = [row for row in tx.handoffs.knocking(now - _NOT_AGAIN) if tx.contacts.lock(row.contact_id)]
        tx.handoffs.knocked([row.contact_id for row in rows], now)
        local = now.astimezone(self._content().settings.service_hours.zone).time()
        is_open = self._content().hours.is_open(now)
        found = []
        for staff in tx.staff.all():
            what = _what(staff, rows, now, is_open=is_open)
            if what is None or staff.is_quiet(local):
                continue
            wanted = (each for each in _CHANNELS if each in self._channels and staff.wants(what, each))
            found += [_Telling(staff, what, channel) for channel in wanted]
        return found

    def _tell(self, one: _Telling, now: datetime) -> int:
        settings = self._content().settings
        where = self._storage.read(lambda tx: reach(tx, settings, f"staff:{one.staff.id}"))
        if not (where.subscriptions if one.channel == "push" else where.email):
            return 0
        language, link = one.staff.language, settings.ladder.console_url
        notice = Notice(
            key=f"{one.what}-{one.staff.id}",  # a later one takes the place of an earlier one
            kind="new",
            title=settings.page.name,
            text=f"{_TEXT[one.what].in_(language)} {_SIGN_IN.in_(language)}: {link}",
            link=link,
            at=now,
            email=where.email,
            subscriptions=where.subscriptions,
        )
        return int(self._telling.send(one.channel, notice) is True)


def _what(staff: Staff, rows: list[QueueRow], now: datetime, *, is_open: bool) -> Knock | None:
    """What there is to tell this person; their own first."""
    if staff.disabled or staff.role not in ANSWERERS:
        return None
    is_looking = staff.seen_at is not None and now - staff.seen_at < _LOOKING
    own = [row for row in rows if row.claimed_by == staff.id and staff.id not in row.muted_by]
    if own and not is_looking:
        return "mine"
    may_take = staff.duty is Duty.ON and staff.paused_at is None and is_open
    waiting = [row for row in rows if row.status is Status.WAITING and not is_hidden(staff, row)]
    return "queue" if waiting and may_take else None
