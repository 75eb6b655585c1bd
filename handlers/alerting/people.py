"""Who may be told, and where they are reached: accounts, and contacts named in config.yaml."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.ladder import Person, Roster
from bot.settings import Channel, NamedContact, Settings
from handlers.doing import LEADS
from storage import Tx
from storage.ladder_records import Subscription
from storage.records import Duty, Role, Staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where one person is reached. `language` None: nobody knows, say it in both."""

    language: str | None = None
    email: str | None = None
    phone: str | None = None
    subscriptions: tuple[Subscription, ...] = ()


def roster(tx: Tx, settings: Settings, channels: Collection[Channel], now: datetime) -> Roster:
    """Everybody who may be told now."""
    reachable_since = now - timedelta(minutes=settings.waiting.reachable_minutes)
    on_duty = {staff.id for staff in tx.staff.on_duty(now, reachable_since)}
    on_shift = tx.rota.on_shift(now)
    pushed = tx.push.staff_ids()
    everybody = [staff for staff in tx.staff.all() if not staff.disabled]

    def able(staff: Staff) -> frozenset[Channel]:
        found: set[Channel] = {"banner"}
        found |= {"email"} if email_of(staff) else set()
        found |= {"webhook"} if staff.phone else set()
        found |= {"push"} if staff.id in pushed else set()
        return frozenset(found)

    people = [
        Person(
            who=f"staff:{staff.id}",
            role=staff.role.value,
            on_duty=staff.id in on_duty,
            on_shift=staff.id in on_shift,
            paused=staff.paused_at is not None,
            channels=able(staff),
        )
        for staff in everybody
    ]
    for name, contact in settings.ladder.contacts.items():
        account = _account(contact, everybody)
        found: set[Channel] = set(able(account)) if account else set()
        found |= {"email"} if contact.email else set()
        found |= {"webhook"} if contact.phone else set()
        people.append(
            Person(
                who=f"contact:{name}",
                role="contact",
                on_duty=account is not None and account.id in on_duty,
                channels=frozenset(found),
            )
        )
    return Roster(people=tuple(people), channels=frozenset({*channels, "banner"}))


def reach(tx: Tx, settings: Settings, who: str) -> Reach:
    """Where `who` of a telling is reached now; nowhere if they are gone."""
    kind, _, name = who.partition(":")
    if kind == "staff":
        staff = tx.staff.get(int(name))
        return Reach() if staff is None or staff.disabled else _of(tx, staff)
    contact = settings.ladder.contacts.get(name) if kind == "contact" else None
    if contact is None:
        return Reach()
    account = _account(contact, [staff for staff in tx.staff.all() if not staff.disabled])
    own = _of(tx, account) if account else Reach()
    return Reach(
        language=own.language,
        email=contact.email or own.email,
        phone=_digits(contact.phone) or own.phone,
        subscriptions=own.subscriptions,
    )


def _of(tx: Tx, staff: Staff) -> Reach:
    return Reach(
        language=staff.language,
        email=email_of(staff),
        phone=_digits(staff.phone),
        subscriptions=tuple(tx.push.of(staff.id)),
    )


def leads_to_tell(tx: Tx, absent: Collection[int], on_shift: Collection[int]) -> list[int]:
    """Whom to tell what leads see to: duty leads who are at work, else all of them, else coordinators too."""
    able = [s for s in tx.staff.all() if s.role in LEADS and not s.disabled and s.id not in absent]

    def at_work(staff: Staff) -> bool:
        return staff.duty is Duty.ON or staff.id in on_shift

    leads = [staff for staff in able if staff.role is Role.DUTY_LEAD]
    groups = ([s for s in leads if at_work(s)], leads, able)
    return [staff.id for staff in next((group for group in groups if group), [])]


def email_of(staff: Staff) -> str | None:
    """The address they gave, else their login where that is one."""
    return staff.email or (staff.login if "@" in staff.login else None)


def _digits(phone: str | None) -> str | None:
    return phone.replace(" ", "") if phone else None


def _account(contact: NamedContact, everybody: Collection[Staff]) -> Staff | None:
    wanted = (contact.login or "").strip().casefold()
    return next((staff for staff in everybody if wanted and staff.login.casefold() == wanted), None)
