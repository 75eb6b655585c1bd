"""After an outage: is the Page still subscribed, and what did students write meanwhile?

Meta tells a webhook once, for an hour at most, and then unsubscribes the app from the Page ("Webhooks"). What it
could not tell stands in the Conversations API. It is read here and put into the inbox as if a webhook had brought
it; the inbox knows what it has had before. Nothing else differs: danger is read, today's rules answer, and windows
count from when the student wrote. What the Page itself said is not put in; it tells what became of messages of
unknown fate (`fates`).

Unconfirmed against a live Page: that a message has one id in webhooks and in the Conversations API (the reference
page of Message names both as its source; microsoft/botframework-sdk#2950, of 2017, found an "m_" in front of the
webhook's), and that a tap on a button is listed under the id of its postback. So each of these names is compared.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.content import Content
from handlers import jobs
from handlers.channel import ChannelError
from handlers.clock import Clock
from handlers.fates import Fates
from handlers.messenger import limits, wire
from handlers.messenger.payloads import read_body
from storage import Storage, Tx
from storage.missed import Known
from storage.records import NewEvent

log = logging.getLogger("peersupport.catch_up")

FURTHEST = timedelta(days=7)  # what is older than this no automatic message and no person may answer
SLACK = timedelta(minutes=10)  # clocks differ, and the Conversations API may be slow to show a message
SLOT = timedelta(minutes=2)  # one worker has this long
CALLS = 100  # of the Conversations API in one slot: one minute's worth; the next slot goes on from there
AT_ONCE = 50  # events in one transaction: more would keep the webhook waiting for the store
FAILURES = 3  # then staff are told that what was missed has not been read
LONGEST_WAIT = timedelta(minutes=30)  # between two tries while Meta refuses
SHOWN_FOR = timedelta(hours=24)

LOST, FAILED, UNREAD = "subscription_lost", "catch_up_failed", "missed_unread"  # incidents

Json = Mapping[str, object]


class Past(Protocol):
    """The channel's client, as far as the past goes. All methods may raise ChannelError."""

    page_id: str

    def subscriptions(self) -> dict[str, tuple[str, ...]]: ...
    def subscribe(self) -> None: ...
    def conversations(self, *, after: str | None = None) -> dict[str, object]: ...


# What an answer of the Conversations API says. Pure, and surprised by nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One answer."""

    events: tuple[NewEvent, ...]  # the contacts' messages, each contact's in order
    edges: tuple[str, ...]  # event keys of the oldest message shown of conversations that go on before it
    after: str | None  # cursor of the next page; None: this is the last, or all that follows is older


def read_answer(
    answer: Json, *, page_id: str, app_id: str | None, since: datetime, bound: datetime, now: datetime
) -> Found:
    """Messages by contacts sent at `since` or later; `bound`: the next page is wanted if this one goes back so far."""
    conversations = [wire.mapping(each) for each in wire.items(answer.get("data"))]
    items: list[dict[str, object]] = []
    edges: list[str] = []
    for conversation in conversations:
        messages = [
            wire.mapping(each) for each in wire.items(wire.mapping(conversation.get("messages")).get("data"))
        ]
        items += _items(messages, page_id, since)
        edge = _edge(messages, since)
        if edge is not None:
            edges.append(edge)
    body = {"object": "page", "entry": [{"id": page_id, "messaging": items}]}
    events = read_body(body, page_id=page_id, app_id=app_id, now=now).events if items else ()
    times = [wire.graph_time(conversation.get("updated_time")) for conversation in conversations]
    goes_on = bool(conversations) and all(at is None or at >= bound for at in times[-1:])
    return Found(events=events, edges=tuple(edges), after=_cursor(answer) if goes_on else None)


def _items(messages: list[dict[str, object]], page_id: str, since: datetime) -> Iterator[dict[str, object]]:
    """The contact's messages as the webhook would have brought them, the oldest first."""
    for message in reversed(messages):
        author, at = wire.person_id(message.get("from")), wire.graph_time(message.get("created_time"))
        mid = wire.message_id(message.get("id"))
        if author in (None, page_id) or at is None or at < since or mid is None:
            continue
        told: dict[str, object] = {"mid": mid, "text": message.get("message")}
        attachments = _attachments(message)
        if attachments:
            told["attachments"] = attachments
        yield {
            "sender": {"id": author},
            "recipient": {"id": page_id},
            "timestamp": int(at.timestamp() * 1000),
            "message": told,
        }


def _attachments(message: Json) -> list[dict[str, str]]:
    """Only what kind of thing each is; no address is kept or fetched."""
    found = [{"type": "sticker"}] if message.get("sticker") else []
    for each in wire.items(wire.mapping(message.get("attachments")).get("data")):
        kind = (wire.text(wire.mapping(each).get("mime_type")) or "").partition("/")[0].lower()
        found.append({"type": kind if kind in ("image", "audio", "video") else "file"})
    return found


def _edge(messages: list[dict[str, object]], since: datetime) -> str | None:
    """The key of the oldest message shown, when as many are shown as can be and all of them were wanted."""
    if len(messages) < limits.PAST_MESSAGES:
        return None
    at, mid = wire.graph_time(messages[-1].get("created_time")), wire.message_id(messages[-1].get("id"))
    return f"message:{mid}" if at is not None and at >= since and mid else None


def _cursor(answer: Json) -> str | None:
    paging = wire.mapping(answer.get("paging"))
    if not paging.get("next"):
        return None
    return wire.short(wire.mapping(paging.get("cursors")).get("after"), 2000)


def other_keys(key: str) -> tuple[str, ...]:
    """Under which keys the same message may have come, or may yet come, by the webhook."""
    name, _, mid = key.partition(":")
    if name != "message":
        return ()
    mids = (mid,) if mid.startswith("m_") else (mid, f"m_{mid}")
    return tuple(
        f"{kind}:{each}" for kind in ("message", "postback") for each in mids if f"{kind}:{each}" != key
    )


def is_in(tx: Tx, key: str) -> bool:
    """Whether the event with this key has come, by the webhook or by catching up."""
    return tx.missed.is_known(key) or tx.missed.is_known(f"caught:{key}")


def keep(tx: Tx, events: tuple[NewEvent, ...], now: datetime) -> int:
    """Put what has not been here into the inbox; how many those were."""
    added = 0
    for event in events:
        others = other_keys(event.key)
        # Looked up first, by all names: adding would make a contact anew of somebody who was erased.
        if any(is_in(tx, key) for key in (event.key, *others)):
            continue
        # Under a name of its own: the webhook may still bring the message, and if these words are an edit's,
        # only it knows the first ones. `handlers.inbound` takes it for what it is.
        if not tx.inbox.add([replace(event, key=f"caught:{event.key}")], now):
            continue
        added += 1
        for key in others:
            tx.missed.shut_out(key, now)
    if added:
        tx.counters.bump("caught_up", added)
    return added


# The work.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """How far one reading has come; a slot can end in the middle of it."""

    since: datetime  # messages older than this are in
    bound: datetime  # conversations in which nothing was said since are not looked at
    began_at: datetime
    after: str | None = None
    pages: int = 0
    is_second: bool = False
    added: int = 0
    is_cut: bool = False  # a conversation holds more than can be read


class _Ending(Exception):
    """The process is to end; what was being done is done again after the next start."""


class CatchUp:
    """Looks after one Page for one worker. Only one thread at a time may use it."""

    def __init__(
        self,
        storage: Storage,
        past: Past,
        content: Callable[[], Content],
        clock: Clock,
        *,
        app_id: str | None,
    ) -> None:
        """`app_id` None: whichever app is subscribed with all fields is taken for ours."""
        self._storage, self._past, self._content, self._clock = storage, past, content, clock
        self._app_id = app_id
        self._fates = Fates(storage, past.page_id)
        self._started_at: datetime | None = clock()  # None: what was missed before the start is in
        self._pass: _Pass | None = None
        self._failures = 0
        self._not_before: datetime | None = None

    def run_if_due(self, pause: Callable[[float], bool]) -> bool:
        """Check and read if it is time to, and if no other worker does; whether something was done.

        `pause` waits so many seconds and returns True when the process is to end.
        """
        now = self._clock()
        known = self._storage.read(lambda tx: tx.missed.known())
        if not self._is_due(known, now):
            return False
        slot = datetime.fromtimestamp(
            now.timestamp() // SLOT.total_seconds() * SLOT.total_seconds(), now.tzinfo
        )
        if not jobs.once(self._storage, "catch_up", slot.isoformat(), now):
            return False
        self._run(known, now, slot + SLOT, pause)
        return True

    def _is_due(self, known: Known, now: datetime) -> bool:
        if self._not_before is not None and now < self._not_before <= now + LONGEST_WAIT:
            return False
        if self._started_at is not None and known.caught_up_at is not None and known.until is not None:
            begun_since = self._started_at < known.until <= now
            self._started_at = None if begun_since else self._started_at  # another worker has read it
        if self._started_at is not None or self._pass is not None or self._failures:
            return True
        if self._fates.oldest(now) is not None:
            return True
        content = self._content()
        if not content.hours.is_open(now):
            return False
        # What lies ahead was written before the clock was put back.
        heard = [at for at in (known.heard_at, known.caught_up_at) if at is not None and at <= now]
        return not heard or now - max(heard) >= timedelta(minutes=content.settings.messenger.quiet_minutes)

    def _run(self, known: Known, now: datetime, ends_at: datetime, pause: Callable[[float], bool]) -> None:
        """Both halves, whatever becomes of the other: each needs a permission of its own."""
        paced = self._paced(pause)
        halves: tuple[Callable[[], None], ...] = (
            lambda: self._check_subscription(now, paced),
            lambda: self._read(known, now, ends_at, paced),
        )
        errors: list[ChannelError] = []
        try:
            for half in halves:
                try:
                    half()
                except ChannelError as error:
                    errors.append(error)
        except _Ending:
            return
        if errors:
            self._failed(errors[0], now)
        else:
            self._failures, self._not_before = 0, None

    @staticmethod
    def _paced(pause: Callable[[float], bool]) -> Callable[[], None]:
        """To be called before each call to Meta."""
        waits = iter((0.0,))

        def wait() -> None:
            if pause(next(waits, limits.CONVERSATIONS_PAUSE_SECONDS)):
                raise _Ending

        return wait

    def _failed(self, error: ChannelError, now: datetime) -> None:
        self._failures += 1
        self._pass = None  # its cursor may be what is refused; what has been read is known
        self._not_before = now + min(SLOT * 2 ** min(self._failures - 1, 6), LONGEST_WAIT)
        log.warning("catch_up_failed", extra={"code": error.code, "tries": self._failures})
        if self._failures >= FAILURES:
            self._storage.write(lambda tx: tx.incidents.open(FAILED, now))

    # The subscription.

    def _check_subscription(self, now: datetime, paced: Callable[[], None]) -> None:
        """Subscribe again where it is needed. While that does not succeed the incident stays open."""
        missing = self._missing(paced)
        if missing:
            self._storage.write(lambda tx: tx.incidents.open(LOST, now))
            log.warning("subscription_lost", extra={"count": len(missing)})
            paced()
            self._past.subscribe()
            missing = self._missing(paced)
            if missing:
                log.error("subscription_not_restored", extra={"count": len(missing)})
                return
            log.info("subscribed_again")
        if self._storage.read(lambda tx: tx.incidents.is_open(LOST)):
            self._storage.write(lambda tx: tx.incidents.close(LOST, now))

    def _missing(self, paced: Callable[[], None]) -> list[str]:
        paced()
        found = self._past.subscriptions()
        apps = list(found.values()) if self._app_id is None else [found.get(self._app_id, ())]
        lacking = [[field for field in limits.WEBHOOK_FIELDS if field not in fields] for fields in apps]
        return min(lacking, key=len, default=list(limits.WEBHOOK_FIELDS))

    # What was missed.

    def _read(self, known: Known, now: datetime, ends_at: datetime, paced: Callable[[], None]) -> None:
        """Read on until all is in, or the slot is over: then the next one goes on from there."""
        if self._pass is None:
            self._pass = self._begin(known, now)
        calls = 0
        while self._pass is not None:
            if calls == CALLS or (calls and self._clock() >= ends_at):
                return
            paced()
            calls += 1
            self._pass = self._next_page(self._pass)
        self._started_at = None

    def _begin(self, known: Known, now: datetime) -> _Pass | None:
        """Nobody has ever written to this service: it has missed nothing, and what is older is none of its business."""
        if known.until is None:
            self._storage.write(lambda tx: tx.missed.caught_up(now, now))
            return None
        asked = [at for at in (self._fates.oldest(now),) if at is not None]
        since = max(min(known.until, now, *asked) - SLACK, now - FURTHEST)
        return _Pass(since=since, bound=since, began_at=now)

    def _next_page(self, reading: _Pass) -> _Pass | None:
        now = self._clock()
        answer = self._past.conversations(after=reading.after)
        found = read_answer(
            answer,
            page_id=self._past.page_id,
            app_id=self._app_id,
            since=reading.since,
            bound=reading.bound,
            now=now,
        )
        is_cut = self._storage.read(lambda tx: any(not is_in(tx, key) for key in found.edges))
        added = 0
        for start in range(0, len(found.events), AT_ONCE):
            some = found.events[start : start + AT_ONCE]
            added += self._storage.write(lambda tx, some=some: keep(tx, some, now))  # type: ignore[misc]
        self._fates.hear(answer, asked_at=now, now=now)  # now that what students wrote meanwhile is in
        reading = replace(
            reading,
            after=found.after,
            pages=reading.pages + 1,
            added=reading.added + added,
            is_cut=reading.is_cut or is_cut,
        )
        if found.after is not None:
            return reading
        if reading.pages > 1 and not reading.is_second:
            # Whoever wrote meanwhile moved from a page not yet read to one that had been read.
            return replace(reading, bound=reading.began_at - SLACK, is_second=True)
        self._finish(reading, now)
        return None

    def _finish(self, reading: _Pass, now: datetime) -> None:
        def work(tx: Tx) -> None:
            tx.missed.caught_up(reading.began_at, now)
            tx.incidents.close(FAILED, now)
            if reading.is_cut:
                tx.incidents.open(UNREAD, now)
            elif any(i.kind == UNREAD and i.last_at < now - SHOWN_FOR for i in tx.incidents.open_ones()):
                tx.incidents.close(UNREAD, now)

        self._storage.write(work)
        self._fates.asked(reading.began_at, now)
        log.info("caught_up", extra={"count": reading.added})
