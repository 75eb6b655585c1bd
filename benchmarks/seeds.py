"""A store as it is on an ordinary evening: supporters on duty, and students whom they talk with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.traffic import FREE_TEXTS
from bot.conversation import Handoff, Status
from bot.effects import AddEntry
from bot.messages import SupporterMessage
from handlers.console.passwords import hash_password
from storage import Keys, Storage, Tx, open_storage
from storage.records import Duty, Role
from storage.sealing import new_uid
from storage.times import to_ms
from storage.transcript import Line

PASSWORD = "a password of the benchmark"  # noqa: S105 - of accounts that live for minutes
_PSID = 26_000_000_000_000_000
_LEADS = 3  # of the supporters
_LINES = 20  # of a talk so far
_SENT = """INSERT INTO outbox (contact_id, uid, purpose, place, state, state_at, created_at, next_try_at, claimed_at)
VALUES (:contact_id, :uid, 'supporter', 1, 'seen', :at, :at, :at, :at) RETURNING id"""


def store_of(variables: Mapping[str, str]) -> Storage:
    """The store of a service with these variables."""
    keys = Keys.from_environment(variables["DATA_KEYS"], variables["SECRET_KEY"])
    return open_storage(variables["DATABASE_URL"], keys, home=Path("/"))


def psid(number: int) -> str:
    """Of the student whom supporter `number` talks with."""
    return str(_PSID + number)


def login(number: int) -> str:
    """Of a supporter."""
    return f"supporter-{number}"


def evening(storage: Storage, supporters: int) -> list[int]:
    """So many supporters, each with one student; their contact ids. The first three lead."""
    password, now = hash_password(PASSWORD), datetime.now(UTC)

    def write(tx: Tx) -> list[int]:
        return [_with_a_student(tx, number, password, now) for number in range(supporters)]

    return storage.write(write)


def _with_a_student(tx: Tx, number: int, password: str, now: datetime) -> int:
    role, alias = Role.DUTY_LEAD if number < _LEADS else Role.SUPPORTER, f"Supporter {number}"
    staff_id = tx.staff.add(login(number), alias, role, password, now)
    tx.staff.set_duty(staff_id, Duty.ON, now)
    contact_id = new_contact(tx, psid(number), now)
    opened = now - timedelta(minutes=30)
    handoff = Handoff(
        number=1,
        opened_at=opened,
        claimed_by=staff_id,
        claimed_alias=alias,
        claimed_at=opened,
        answered_at=opened,
        unanswered=False,
    )
    conversation = replace(
        tx.conversations.get(contact_id, now),
        status=Status.CLAIMED,
        language="nb",
        notice_at=opened,
        continued_at=opened,
        answers={"topic": "studies"},
        handoff=handoff,
        handoffs=1,
        last_inbound_at=now,
    )
    tx.conversations.save(conversation, now)
    tx.transcript.add_all(talk(tx, contact_id, alias, opened, lines=_LINES))
    return contact_id


def new_contact(tx: Tx, known_as: str, now: datetime) -> int:
    """The id of a contact with this PSID."""
    contact_id = tx.contacts.find_or_add([known_as], now)[known_as]
    if contact_id is None:
        raise RuntimeError("the store is not new")
    return contact_id


def talk(tx: Tx, contact_id: int, alias: str, began: datetime, *, lines: int) -> list[Line]:
    """A talk of so many lines; student and supporter write in turn. What the supporter wrote was sent and seen."""
    made = []
    for number in range(lines):
        text, at = FREE_TEXTS[(contact_id + number) % len(FREE_TEXTS)], began + timedelta(minutes=number)
        if number % 2:
            sent = tx.all(_SENT, contact_id=contact_id, uid=new_uid(), at=to_ms(at))[0]["id"]
            message = SupporterMessage(supporter_id=1, alias=alias, text=text)
            made.append(tx.transcript.line_of(contact_id, message, sent, at))
        else:
            entry = AddEntry(
                written_by="contact", kind="text", mid=f"m_seed_{contact_id}_{number}", at=at, text=text
            )
            made.append(tx.transcript.line(contact_id, entry))
    return made
