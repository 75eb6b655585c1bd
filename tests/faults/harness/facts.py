"""What can be seen when a schedule is over: in the store, at the stand-in, and in the harness's own records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from harness.schedule import DANGER, Schedule

from bot.conversation import Conversation
from bot.events import EchoReceived, MessageEdited
from handlers.messenger.payloads import read_body
from handlers.simulator.records import Delivery, Happening
from storage.records import AuditLine, Entry
from storage.times import from_ms

if TYPE_CHECKING:
    from harness.world import Post, World

MOST_ENTRIES = 5000
HANDLED = frozenset({"text", "choice", "attachment"})  # what stands in the transcript as the student's


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event that a webhook told. Times are monotonic seconds."""

    psid: str
    key: str  # what the inbox knows it by
    kind: str
    mid: str | None
    text: str | None
    number: int | None  # of an edit
    outbox_id: int | None  # of an echo of ours
    sent_at: datetime
    post: int  # the first POST that told it ...
    tried_at: float  # ... and when that began
    accepted_at: float | None  # when one was first answered with 200

    @property
    def is_danger(self) -> bool:
        """Whether it says what must never be overheard."""
        return self.text in DANGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """One row of the outbox."""

    id: int
    purpose: str
    state: str
    code: str | None
    tries: int
    repeats: int
    created_at: datetime
    state_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alert, open or closed."""

    id: int
    is_open: bool
    card: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A student as the store knows them."""

    psid: str
    contact_id: int | None
    conversation: Conversation | None
    entries: tuple[Entry, ...] = ()
    outs: tuple[Out, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    audit: tuple[AuditLine, ...] = ()  # the oldest first
    handoffs: int = 0
    handoffs_closed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A text that the stand-in showed to a student. `is_last`: not an earlier part of a long one."""

    psid: str
    outbox_id: int
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class Deed:
    """What a member of staff did, and whether it was `done`, `refused`, or `unknown`."""

    what: str
    contact_id: int
    staff_id: int
    outcome: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Planted:
    """A timer that the harness has set."""

    contact_id: int
    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it."""

    people: tuple[Person, ...]
    told: tuple[Told, ...]
    known: dict[str, int]  # keys that the inbox knows, and the number under which each came in
    caught: dict[str, int]  # mids of what was read after an outage, and the same
    reached: tuple[Reached, ...]
    deeds: tuple[Deed, ...]
    planted: tuple[Planted, ...]
    fired: frozenset[Planted]  # those that have become an event which was handled
    left: int  # events not handled, in the whole store
    incidents: tuple[str, ...]
    audit_holds: bool

    @property
    def counts(self) -> tuple[int, int, int]:
        """Events accepted, texts written, and how many of those are of unknown fate."""
        states = [out.state for person in self.people for out in person.outs]
        accepted = sum(told.accepted_at is not None for told in self.told)
        return accepted, len(states), states.count("unknown")

    @property
    def summary(self) -> str:
        """A few figures."""
        events, texts, unknown = self.counts
        alarms = sum(len(person.alarms) for person in self.people)
        done = sum(deed.outcome == "done" for deed in self.deeds)
        return f"{events} events, {texts} texts ({unknown} of unknown fate), {alarms} alerts, {done} deeds"


def gather(
    tx: Any,
    plan: Schedule,
    *,
    world: World,
    deeds: tuple[Deed, ...],
    planted: tuple[Planted, ...],
    posts: tuple[Post, ...],
    deliveries: tuple[Delivery, ...],
) -> Facts:
    """Read the store and the stand-in, as far as they concern the students of this schedule."""
    students = frozenset(plan.students)
    told = tuple(each for each in _told(posts, world) if each.psid in students)
    audit = tuple(reversed(tx.audit.lines(limit=10**6)))
    return Facts(
        people=tuple(_person(tx, psid, audit) for psid in plan.students),
        told=told,
        known=_numbers(tx, {each.key: each.key for each in told}),
        caught=_numbers(tx, {each.mid: f"caught:message:{each.mid}" for each in told if each.mid}),
        reached=tuple(_reached(deliveries, students)),
        deeds=deeds,
        planted=planted,
        fired=frozenset(each for each in planted if _has_fired(tx, each)),
        left=tx.inbox.pending_count(),
        incidents=tuple(incident.kind for incident in tx.incidents.open_ones()),
        audit_holds=tx.audit.verify(),
    )


def _told(posts: Iterable[Post], world: World) -> list[Told]:
    first: dict[str, tuple[Happening, Post]] = {}
    accepted: dict[str, float] = {}
    for post in sorted(posts, key=lambda post: post.began_at):
        for item in post.items:
            first.setdefault(item.id, (item, post))
            if post.accepted:
                accepted[item.id] = min(accepted.get(item.id, post.ended_at), post.ended_at)
    found = []
    for item, post in first.values():
        name = "standby" if item.standby else "messaging"
        body = {"object": "page", "entry": [{"id": item.page_id, name: [item.item]}]}
        for new in read_body(body, page_id=item.page_id, app_id=world.graph.app_id, now=world.clock()).events:
            event = new.event
            found.append(
                Told(
                    psid=new.psid or "",
                    key=new.key,
                    kind=event.kind,
                    mid=getattr(event, "mid", None),
                    text=getattr(event, "title", None) or getattr(event, "text", None),
                    number=event.number if isinstance(event, MessageEdited) else None,
                    outbox_id=event.outbox_id if isinstance(event, EchoReceived) else None,
                    sent_at=event.sent_at,
                    post=post.number,
                    tried_at=post.began_at,
                    accepted_at=accepted.get(item.id),
                )
            )
    return found


def _numbers(tx: Any, keys: dict[str, str]) -> dict[str, int]:
    """Under which numbers the inbox has these keys; those it does not have are left out."""
    found = {}
    for name, key in keys.items():
        row = tx.one("SELECT id FROM inbox WHERE dedupe = :hash", hash=tx.keys.hash("inbox", key))
        if row is not None:
            found[name] = row["id"]
    return found


def _reached(deliveries: Iterable[Delivery], students: frozenset[str]) -> Iterable[Reached]:
    for delivery in deliveries:
        ours = re.fullmatch(r"ps:(\d+)(:more)?", delivery.metadata or "")
        if ours and delivery.psid in students:
            yield Reached(psid=delivery.psid, outbox_id=int(ours[1]), is_last=ours[2] is None)


def _person(tx: Any, psid: str, audit: tuple[AuditLine, ...]) -> Person:
    contact_id = tx.contacts.find(psid)
    if contact_id is None:
        return Person(psid=psid, contact_id=None, conversation=None)
    outs = tx.all(
        "SELECT id, purpose, state, code, tries, repeats, created_at, state_at FROM outbox"
        " WHERE contact_id = :id ORDER BY id",
        id=contact_id,
    )
    alarms = tx.all("SELECT id, closed_at, card FROM alert WHERE contact_id = :id ORDER BY id", id=contact_id)
    handoffs = tx.all(
        "SELECT number, closed_at FROM handoff WHERE contact_id = :id ORDER BY number", id=contact_id
    )
    return Person(
        psid=psid,
        contact_id=contact_id,
        conversation=tx.conversations.peek(contact_id),
        entries=tuple(tx.transcript.entries(contact_id, limit=MOST_ENTRIES)),
        outs=tuple(
            Out(**{**row, "created_at": from_ms(row["created_at"]), "state_at": from_ms(row["state_at"])})
            for row in outs
        ),
        alarms=tuple(
            Alarm(id=row["id"], is_open=row["closed_at"] is None, card=row["card"]) for row in alarms
        ),
        audit=tuple(line for line in audit if line.contact_id == contact_id),
        handoffs=len(handoffs),
        handoffs_closed=sum(row["closed_at"] is not None for row in handoffs),
    )


def _has_fired(tx: Any, timer: Planted) -> bool:
    """Its event was kept under this key, and is handled."""
    key = f"timer:{timer.contact_id}:{timer.name}:{timer.due_at.isoformat()}"
    row = tx.one(
        "SELECT state FROM inbox WHERE dedupe = :hash", hash=tx.keys.hash("own", timer.contact_id, key)
    )
    return row is not None and row["state"] == "done"
