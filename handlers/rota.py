"""What people do to the rota: take, give up, swap; and what coordinators do. Each deed is one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from bot.content import Content
from bot.errors import NotPossible
from bot.rota import Kind, Shift, clashing, may_have, stretch, weekly
from handlers.clock import Clock
from storage import Storage, Tx
from storage.calendars import RotaNews, Scope
from storage.records import Role, Staff
from storage.swaps import Swap

T = TypeVar("T")
MOST_PLACES = 10  # at the same hours
MOST_AT_ONCE = 600  # shifts of one pattern: a term of weekdays, several places each
LONGEST_PATTERN = timedelta(days=370)
CALENDAR_BACK, CALENDAR_AHEAD = timedelta(days=60), timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A shift as a coordinator writes it: the clock in Oslo. An end not after the start is the next day's."""

    day: date
    start: str
    end: str
    kind: Kind
    staff_id: int | None = None
    places: int = 1


class Rota:
    """Every deed may raise NotPossible with a code that the console has a sentence for; nothing is kept then."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock

    # One's own shifts.

    def take(self, shift_id: int, staff: Staff) -> None:
        """Sign up. Raises NotPossible: taken, over, gone, clash, kind."""

        def deed(tx: Tx, now: datetime) -> None:
            shift = _existing(tx, shift_id)
            _may_take(tx, staff, shift, now)
            taken = tx.rota.take(shift, staff.id, now)
            if taken is None:
                raise NotPossible("taken")
            tx.audit.add(now, staff.id, "shift_taken", None, str(taken))

        self._do(staff, deed)

    def give_up(self, shift_id: int, staff: Staff) -> None:
        """Make it open again. Raises NotPossible: late (it must be swapped), yours (it is not)."""

        def deed(tx: Tx, now: datetime) -> None:
            shift = _own(tx, shift_id, staff)
            if not self.may_give_up(shift):
                raise NotPossible("late")
            if not tx.rota.hand(shift_id, staff.id, None, now):
                raise NotPossible("yours")
            tx.swaps.lapse(shift_id, now)
            tx.audit.add(now, staff.id, "shift_given_up", None, str(shift_id))

        self._do(staff, deed)

    def may_give_up(self, shift: Shift) -> bool:
        """Whether there is time enough for somebody else to take it."""
        limit = timedelta(hours=self._content().settings.rota.give_up_hours)
        return shift.starts_at - self._clock() >= limit and shift.starts_at > self._clock()

    # Swaps.

    def ask(
        self, shift_id: int, staff: Staff, *, of: int | None = None, in_return: int | None = None
    ) -> None:
        """Ask somebody, or everybody, to take it; or its owner to change it for the shift `in_return`.

        Raises NotPossible: yours, over, asked, nobody, gone, kind, clash.
        """

        def deed(tx: Tx, now: datetime) -> None:
            shift = _own(tx, shift_id, staff)
            if shift.starts_at <= now:
                raise NotPossible("over")
            other = of
            if in_return is not None:
                theirs = _existing(tx, in_return)
                if theirs.staff_id is None or theirs.staff_id == staff.id or theirs.starts_at <= now:
                    raise NotPossible("gone")
                other = theirs.staff_id
                _may_take(tx, staff, theirs, now, leaving=shift_id)
            if other is not None:
                person = tx.staff.get(other)
                if person is None or person.disabled or person.id == staff.id:
                    raise NotPossible("nobody")
                if not may_have(person.role.value, shift.kind):
                    raise NotPossible("kind_other")
            if tx.swaps.ask(shift_id, staff.id, other, in_return, now) is None:
                raise NotPossible("asked")
            if other is not None:
                tx.rota_notices.add(other, "asked", now)
            tx.audit.add(now, staff.id, "swap_asked", None, str(shift_id))

        self._do(staff, deed)

    def accept(self, swap_id: int, staff: Staff) -> None:
        """Take the shift that one was asked to take. Raises NotPossible: answered, over, clash, kind."""

        def deed(tx: Tx, now: datetime) -> None:
            swap = _asked(tx, swap_id, staff)
            shift = _existing(tx, swap.shift_id)
            _may_take(tx, staff, shift, now, leaving=swap.in_return)
            if not tx.swaps.answer(swap_id, "accepted", staff.id, now):
                raise NotPossible("answered")
            if not tx.rota.hand(shift.id, swap.asked_by, staff.id, now):
                raise NotPossible("answered")
            if swap.in_return is not None:
                self._take_in_return(tx, swap, staff, now)
            tx.swaps.lapse(shift.id, now)
            tx.rota_notices.add(swap.asked_by, "answered", now)
            tx.audit.add(now, staff.id, "swap_accepted", None, str(shift.id))

        self._do(staff, deed)

    def _take_in_return(self, tx: Tx, swap: Swap, staff: Staff, now: datetime) -> None:
        asker = tx.staff.get(swap.asked_by)
        assert swap.in_return is not None  # noqa: S101 - the caller looked
        theirs = _existing(tx, swap.in_return)
        if asker is None or theirs.staff_id != staff.id:
            raise NotPossible("answered")
        _may_take(tx, asker, theirs, now)
        if not tx.rota.hand(theirs.id, staff.id, asker.id, now):
            raise NotPossible("answered")
        tx.swaps.lapse(theirs.id, now)

    def decline(self, swap_id: int, staff: Staff) -> None:
        """Say no. Only who was asked by name can."""

        def deed(tx: Tx, now: datetime) -> None:
            swap = _asked(tx, swap_id, staff)
            if swap.asked_of is None or not tx.swaps.answer(swap_id, "declined", staff.id, now):
                raise NotPossible("answered")
            tx.rota_notices.add(swap.asked_by, "answered", now)
            tx.audit.add(now, staff.id, "swap_declined", None, str(swap.shift_id))

        self._do(staff, deed)

    def withdraw(self, swap_id: int, staff: Staff) -> None:
        """Take one's own question back."""

        def deed(tx: Tx, now: datetime) -> None:
            swap = tx.swaps.get(swap_id)
            if swap is None or swap.asked_by != staff.id:
                raise NotPossible("gone")
            if not tx.swaps.answer(swap_id, "withdrawn", staff.id, now):
                raise NotPossible("answered")
            tx.audit.add(now, staff.id, "swap_withdrawn", None, str(swap.shift_id))

        self._do(staff, deed)

    # The coordinator's.

    def add(self, staff: Staff, wanted: Planned) -> int:
        """New places; how many. Raises NotPossible: times, places, nobody, kind_other, clash_other."""
        return self._add(staff, [(wanted.day, self._stretch(wanted))], wanted)

    def repeat(self, staff: Staff, wanted: Planned, last: date, weekdays: frozenset[int]) -> tuple[int, int]:
        """The same hours every week from `wanted.day` to `last`, but for days on which the service is closed.

        How many shifts were made, and how many days were left out. Raises NotPossible as `add`, and: dates, many.
        """
        if not weekdays or not timedelta() <= last - wanted.day <= LONGEST_PATTERN:
            raise NotPossible("dates")
        self._stretch(wanted)
        hours = self._content().hours
        days = weekly(hours.zone, wanted.day, last, weekdays, wanted.start, wanted.end)
        kept = [each for each in days if hours.intervals_on(each[0])]
        if not kept:
            raise NotPossible("dates")
        return self._add(staff, kept, wanted), len(days) - len(kept)

    def _stretch(self, wanted: Planned) -> tuple[datetime, datetime]:
        try:
            return stretch(self._content().hours.zone, wanted.day, wanted.start, wanted.end)
        except (ValueError, OverflowError):
            raise NotPossible("times") from None

    def _add(
        self, staff: Staff, stretches: list[tuple[date, tuple[datetime, datetime]]], wanted: Planned
    ) -> int:
        if not 1 <= wanted.places <= MOST_PLACES or (wanted.staff_id is not None and wanted.places > 1):
            raise NotPossible("places")
        if len(stretches) * wanted.places > MOST_AT_ONCE:
            raise NotPossible("many")

        def deed(tx: Tx, now: datetime) -> int:
            for _, (starts_at, ends_at) in stretches:
                self._check_person(tx, wanted.kind, starts_at, ends_at, wanted.staff_id)
                for _ in range(wanted.places):
                    tx.rota.add(wanted.kind, starts_at, ends_at, wanted.staff_id, now)
            count = len(stretches) * wanted.places
            _tell(tx, wanted.staff_id, staff, "changed", now)
            tx.audit.add(now, staff.id, "shifts_added", None, str(count))
            return count

        return self._do(staff, deed)

    def change(self, shift_id: int, staff: Staff, wanted: Planned) -> None:
        """Other hours, another kind, another person. Raises NotPossible as `add`, and: gone."""
        starts_at, ends_at = self._stretch(wanted)

        def deed(tx: Tx, now: datetime) -> None:
            before = _existing(tx, shift_id)
            self._check_person(tx, wanted.kind, starts_at, ends_at, wanted.staff_id, but=shift_id)
            after = replace(
                before, kind=wanted.kind, starts_at=starts_at, ends_at=ends_at, staff_id=wanted.staff_id
            )
            if after == before:
                return
            tx.rota.change(after, now)
            tx.swaps.lapse(shift_id, now)
            for person in {before.staff_id, after.staff_id}:
                _tell(tx, person, staff, "changed", now)
            tx.audit.add(now, staff.id, "shift_changed", None, str(shift_id))

        self._do(staff, deed)

    def remove(self, shift_id: int, staff: Staff) -> None:
        """There is no such shift any more."""

        def deed(tx: Tx, now: datetime) -> None:
            shift = _existing(tx, shift_id)
            tx.swaps.lapse(shift_id, now)
            tx.rota.remove(shift_id)
            _tell(tx, shift.staff_id, staff, "changed", now)
            tx.audit.add(now, staff.id, "shift_removed", None, str(shift_id))

        self._do(staff, deed)

    def _check_person(
        self,
        tx: Tx,
        kind: Kind,
        starts_at: datetime,
        ends_at: datetime,
        staff_id: int | None,
        *,
        but: int | None = None,
    ) -> None:
        if staff_id is None:
            return
        person = tx.staff.get(staff_id)
        if person is None or not tx.rota.lock(staff_id):
            raise NotPossible("nobody")
        if not may_have(person.role.value, kind):
            raise NotPossible("kind_other")
        others = clashing(tx.rota.between(starts_at, ends_at), staff_id, starts_at, ends_at)
        if any(shift.id != but for shift in others):
            raise NotPossible("clash_other")

    # Calendars.

    def new_address(self, staff: Staff, scope: Scope) -> str:
        """A fresh secret for this person's calendar; the one before opens nothing any more. Shown once."""
        if scope == "all" and staff.role is not Role.COORDINATOR:
            raise NotPossible("scope")
        token = secrets.token_urlsafe(32)

        def deed(tx: Tx, now: datetime) -> None:
            tx.calendars.renew(staff.id, scope, token, now)
            tx.audit.add(now, staff.id, "calendar_address", None, scope)

        self._do(staff, deed)
        return token

    def end_address(self, staff: Staff, scope: Scope) -> None:
        """Nobody can read this calendar any more."""

        def deed(tx: Tx, now: datetime) -> None:
            tx.calendars.end(staff.id, scope)
            tx.audit.add(now, staff.id, "calendar_ended", None, scope)

        self._do(staff, deed)

    # The one way through.

    def _do(self, staff: Staff, deed: Callable[[Tx, datetime], T]) -> T:
        def work(tx: Tx) -> T:
            if not tx.rota.lock(staff.id):
                raise NotPossible("account")
            return deed(tx, self._clock())

        return self._storage.write(work)


def _existing(tx: Tx, shift_id: int) -> Shift:
    shift = tx.rota.get(shift_id)
    if shift is None:
        raise NotPossible("gone")
    return shift


def _own(tx: Tx, shift_id: int, staff: Staff) -> Shift:
    shift = _existing(tx, shift_id)
    if shift.staff_id != staff.id:
        raise NotPossible("yours")
    return shift


def _asked(tx: Tx, swap_id: int, staff: Staff) -> Swap:
    """An open question that this person may answer."""
    swap = tx.swaps.get(swap_id)
    if swap is None or swap.state != "open" or swap.asked_by == staff.id:
        raise NotPossible("answered")
    if swap.asked_of is not None and swap.asked_of != staff.id:
        raise NotPossible("answered")
    return swap


def _may_take(tx: Tx, staff: Staff, shift: Shift, now: datetime, *, leaving: int | None = None) -> None:
    """`leaving`: a shift that they give away for it."""
    if shift.ends_at <= now:
        raise NotPossible("over")
    if not may_have(staff.role.value, shift.kind):
        raise NotPossible("kind")
    own = tx.rota.of(staff.id, shift.starts_at)
    if any(each.id != leaving for each in clashing(own, staff.id, shift.starts_at, shift.ends_at)):
        raise NotPossible("clash")


def _tell(tx: Tx, person: int | None, by: Staff, kind: RotaNews, now: datetime) -> None:
    if person is not None and person != by.id:
        tx.rota_notices.add(person, kind, now)
