"""The one way through for what staff do to a conversation: checked, in one transaction, kept whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

from bot.content import Content
from bot.conversation import Tier
from bot.draft import Draft
from bot.errors import NotPossible
from bot.handoff import Person
from bot.sight import Sight
from handlers.clock import Clock
from handlers.turns import draft_for, save
from storage import Storage, Tx
from storage.records import Duty, Role, Staff

ANSWERERS = frozenset({Role.SUPPORTER, Role.DUTY_LEAD, Role.COORDINATOR})  # the others see no text
LEADS = frozenset({Role.DUTY_LEAD, Role.COORDINATOR})


class Doing:
    """What `Deeds` and `Teamwork` stand on. Raises the errors of `bot.errors`; every error leaves all as it was."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock

    def _do(self, contact_id: int, staff: Staff, deed: Callable[[Tx, Draft], object]) -> None:
        def turn(tx: Tx) -> None:
            check_account(tx, staff)
            if not tx.contacts.lock(contact_id):
                raise NotPossible("the conversation was deleted")
            now = self._clock()
            draft = draft_for(tx, contact_id, self._content(), now)
            deed(tx, draft)
            save(tx, draft.turn(), now)

        self._storage.write(turn)


def sight(tx: Tx, contact_id: int, tier: Tier) -> Sight:
    """How the conversation stands: what a page that is drawn now shows."""
    alert = tx.alerts.open_for(contact_id)
    return Sight(said=tx.transcript.last_of_contact(contact_id), tier=tier, armed=alert.armed if alert else 0)


def person(staff: Staff) -> Person:
    """As the core knows them."""
    return Person(id=staff.id, alias=staff.alias)


def check_account(tx: Tx, staff: Staff) -> Staff:
    """The account as it is now: `staff` was read when the request began, and it may have been closed since."""
    current = tx.staff.get(staff.id)
    if current is None or current.disabled:
        raise NotPossible("the account is closed")
    return current


def may_take(other: Staff, staff: Staff) -> bool:
    """Whether `other` can be asked to take over from `staff`: on duty, without a pause, and answers students."""
    return (
        other.id != staff.id
        and not other.disabled
        and other.duty is Duty.ON
        and other.paused_at is None
        and other.role in ANSWERERS
    )


def colleague(tx: Tx, staff: Staff, to_staff_id: int | None) -> Staff | None:
    """Somebody who can be asked to take over; None when there is no such person."""
    to = tx.staff.get(to_staff_id) if to_staff_id is not None else None
    return to if to is not None and may_take(to, staff) else None
