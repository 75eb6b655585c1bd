"""What staff do for each other: hand over, look on, whisper, take over, and let go of what is not for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot import handoff, leaving, offers
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.errors import NobodyHasIt, NotPossible
from handlers.doing import LEADS, Doing, check_account, colleague, may_take, person
from storage import Erased, Tx
from storage.matters import FOR_COORDINATORS, Matter
from storage.records import QueueRow, Role, Staff

FRESH = timedelta(seconds=90)  # a page that is open asks at least once a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody asks this person to take a conversation over."""

    row: QueueRow
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A matter with names to it; empty where there is nobody, or nobody any more."""

    matter: Matter
    alias: str  # of the student
    who: str  # whose doing it is
    closer: str
    is_open: bool  # there is a conversation to look at


class Teamwork(Doing):
    """Reached through `Deeds.team`."""

    # Handing over.

    def takers(self, staff: Staff) -> list[Staff]:
        """Who can be asked to take over now, by name."""
        everybody = self._storage.read(lambda tx: tx.staff.all())
        return sorted(
            (one for one in everybody if may_take(one, staff)), key=lambda one: one.alias.casefold()
        )

    def offer(self, contact_id: int, staff: Staff, to_staff_id: int, note: str) -> None:
        """Ask a colleague to take it. Raises NotPossible("nobody") for one who is not on duty."""

        def deed(tx: Tx, draft: Draft) -> None:
            to = colleague(tx, staff, to_staff_id)
            if to is None or _is_hidden(draft, to):
                raise NotPossible("nobody")
            offers.offer(draft, person(to), person(staff), note.strip() or None)

        self._do(contact_id, staff, deed)

    def withdraw(self, contact_id: int, staff: Staff) -> None:
        """Keep it after all."""
        self._do(contact_id, staff, lambda tx, draft: offers.withdraw(draft, person(staff)))

    def asked(self, staff: Staff) -> list[Asked]:
        """What colleagues ask this person to take, the oldest first."""

        def look(tx: Tx) -> list[Asked]:
            found = []
            for row in tx.handoffs.offered_to(staff.id):
                conv = tx.conversations.peek(row.contact_id)
                if conv is not None and conv.handoff is not None and conv.handoff.offer is not None:
                    found.append(Asked(row=row, note=conv.handoff.offer.note))
            return sorted(found, key=lambda one: one.row.offered_at or one.row.opened_at)

        return self._storage.read(look)

    def accept(self, contact_id: int, staff: Staff) -> None:
        """Yes: it is theirs; the note that came with it stands in the thread as one between us."""

        def deed(tx: Tx, draft: Draft) -> None:
            held = handoff.current(draft)
            asked = offers.accept(draft, person(staff))
            giver = held.claimed_by or 0
            if asked.note:
                tx.transcript.add_note(contact_id, giver, held.claimed_alias or "", asked.note, self._clock())
            tx.matters.open("accepted", self._clock(), contact_id=contact_id, by_id=staff.id, for_id=giver)

        self._do(contact_id, staff, deed)

    def decline(self, contact_id: int, staff: Staff) -> None:
        """No. No reason is asked; the one who asked is told."""
        self._do(contact_id, staff, lambda tx, draft: self.say_no(tx, draft, staff))

    def say_no(self, tx: Tx, draft: Draft, staff: Staff) -> None:
        """As `decline`, inside a transaction."""
        holder = handoff.current(draft).claimed_by
        offers.decline(draft, person(staff))
        tx.matters.open(
            "declined", self._clock(), contact_id=draft.conv.contact_id, by_id=staff.id, for_id=holder
        )

    # Letting go.

    def know(self, contact_id: int, staff: Staff) -> None:
        """ "I know this person": taken away from them without a word why."""
        self._do(contact_id, staff, lambda tx, draft: leaving.know(draft, person(staff)))

    def known(self, staff: Staff) -> list[QueueRow]:
        """Students whom this person has said they know, and who wait or are with a colleague; the oldest first."""
        rows = self._storage.read(lambda tx: [*tx.handoffs.queue(), *tx.handoffs.claimed()])
        return sorted((row for row in rows if staff.id in row.known_to), key=lambda row: row.opened_at)

    def know_not(self, contact_id: int, staff: Staff, who: int | None = None) -> None:
        """That was a slip, of theirs; a coordinator may say so of a colleague (`who`)."""

        def deed(tx: Tx, draft: Draft) -> None:
            of_another = who is not None and who != staff.id
            if of_another and (staff.role is not Role.COORDINATOR or _is_hidden(draft, staff)):
                raise NotPossible("not for this person")
            leaving.know_not(draft, staff.id if who is None else who, person(staff))

        self._do(contact_id, staff, deed)

    def relieve(self, contact_id: int, staff: Staff) -> None:
        """ "Take this from me": back to its place, no reason asked, and those who lead are told."""

        def deed(tx: Tx, draft: Draft) -> None:
            handoff.release(draft, person(staff))
            tx.matters.open("relieved", self._clock(), contact_id=contact_id, by_id=staff.id)

        self._do(contact_id, staff, deed)

    # Leading.

    def take_over(self, contact_id: int, staff: Staff) -> None:
        """Somebody who leads answers from now on; the supporter is told by whom."""
        if staff.role not in LEADS:
            raise NotPossible("not for this role")

        def deed(tx: Tx, draft: Draft) -> None:
            if _is_hidden(draft, staff):
                raise NotPossible("known")
            self._take_over(tx, draft, staff)

        self._do(contact_id, staff, deed)

    def relieve_absent(self, contact_id: int, staff: Staff) -> None:
        """Whoever has said "I have it" gets the student whose supporter has gone or is silent."""

        def deed(tx: Tx, draft: Draft) -> None:
            alert = tx.alerts.open_for(contact_id)
            if alert is None or alert.acknowledged_by != staff.id or draft.conv.tier.rank < Tier.HIGH.rank:
                raise NotPossible("the alert is over")
            self._take_over(tx, draft, staff)

        self._do(contact_id, staff, deed)

    def _take_over(self, tx: Tx, draft: Draft, staff: Staff) -> None:
        had = leaving.take_over(draft, person(staff))
        tx.matters.open(
            "taken_over", self._clock(), contact_id=draft.conv.contact_id, by_id=staff.id, for_id=had
        )

    def watch(self, contact_id: int, staff: Staff) -> None:
        """This person has a colleague's conversation on the screen. Recorded once; the colleague sees it."""
        now = self._clock()
        last = self._storage.read(lambda tx: tx.watches.seen_at(contact_id, staff.id))
        if last is not None and now - last < FRESH / 3:
            return  # asked by every refresh of the page

        def deed(tx: Tx) -> None:
            if tx.watches.look(contact_id, staff.id, now, now - FRESH):
                tx.audit.add(now, staff.id, "watched", contact_id, None)

        self._storage.write(deed)

    def watchers(self, tx: Tx, contact_id: int, holder: int | None) -> list[str]:
        """Who looks on now, by name."""
        found = [tx.staff.get(who) for who in tx.watches.of(contact_id, self._clock() - FRESH)]
        return [one.alias for one in found if one is not None and one.id != holder and one.role in LEADS]

    def whisper(self, contact_id: int, staff: Staff, text: str) -> None:
        """Words that only the one who answers sees, at once. Raises NotPossible when nobody does."""
        if staff.role not in LEADS:
            raise NotPossible("not for this role")

        def deed(tx: Tx, draft: Draft) -> None:
            held = handoff.current(draft)
            if draft.conv.status is not Status.CLAIMED or held.claimed_by in (None, staff.id):
                raise NotPossible("nobody answers")
            to = held.claimed_by or 0
            tx.transcript.add_whisper(contact_id, staff.id, staff.alias, to, text, self._clock())
            tx.audit.add(self._clock(), staff.id, "whispered", contact_id, None)

        self._do(contact_id, staff, deed)

    # Harassment.

    def mute(self, contact_id: int, staff: Staff, *, on: bool) -> None:
        """No signals of it for the one who has it, until there is danger. Raises NobodyHasIt while there is some that
        nobody has taken: their page may be older than it.
        """

        def deed(tx: Tx, draft: Draft) -> None:
            leaving.mute(draft, person(staff), on=on)
            alert = tx.alerts.open_for(contact_id)
            if on and alert is not None and alert.acknowledged_at is None:
                raise NobodyHasIt("danger is heard by everybody")

        self._do(contact_id, staff, deed)

    def report(self, contact_id: int, staff: Staff, words: str) -> None:
        """Tell the coordinators; it stays open until one of them closes it with a note."""

        def deed(tx: Tx, draft: Draft) -> None:
            handoff.owned(draft, person(staff))
            tx.matters.open(
                "report", self._clock(), contact_id=contact_id, by_id=staff.id, words=words.strip()
            )
            tx.audit.add(self._clock(), staff.id, "reported", contact_id, None)

        self._do(contact_id, staff, deed)

    # Matters.

    def of_leads(self, staff: Staff) -> list[Told]:
        """What is open for those who lead; nothing for anybody else."""
        if staff.role not in LEADS:
            return []
        is_coordinator = staff.role is Role.COORDINATOR
        return self._storage.read(
            lambda tx: [_told(tx, one) for one in tx.matters.of_leads(coordinator=is_coordinator)]
        )

    def seen_to(self, staff: Staff, days: int = 30) -> list[Told]:
        """What those who lead have closed of late."""
        since, is_coordinator = self._clock() - timedelta(days=days), staff.role is Role.COORDINATOR
        return self._storage.read(
            lambda tx: [_told(tx, one) for one in tx.matters.closed(since, coordinator=is_coordinator)]
        )

    def news(self, staff: Staff) -> list[Told]:
        """What this person is to know."""
        return self._storage.read(lambda tx: [_told(tx, one) for one in tx.matters.of(staff.id)])

    def close_matter(self, matter_id: int, staff: Staff, words: str = "") -> None:
        """Seen to. A report is closed with a note. Raises NotPossible("note") without one."""

        def deed(tx: Tx) -> None:
            check_account(tx, staff)
            matter = tx.matters.get(matter_id)
            if matter is None or not _may_close(matter, staff):
                raise NotPossible("not for this person")
            if matter.kind in FOR_COORDINATORS and len(words.strip()) < 3:
                raise NotPossible("note")
            if not tx.matters.close(matter_id, staff.id, self._clock(), words.strip()):
                return  # a colleague was first
            if matter.for_id is None:
                tx.audit.add(self._clock(), staff.id, "matter_closed", matter.contact_id, matter.kind)

        self._storage.write(deed)


def _is_hidden(draft: Draft, staff: Staff) -> bool:
    """They know the student, and no life is in danger."""
    return staff.id in draft.conv.known_to and draft.conv.tier.rank < Tier.HIGH.rank


def _may_close(matter: Matter, staff: Staff) -> bool:
    if matter.for_id is not None:
        return matter.for_id == staff.id
    return staff.role is Role.COORDINATOR or (staff.role in LEADS and matter.kind not in FOR_COORDINATORS)


def _told(tx: Tx, matter: Matter) -> Told:
    conv = None
    if matter.contact_id is not None:
        try:
            conv = tx.conversations.peek(matter.contact_id)
        except Erased:
            conv = None

    def name(staff_id: int | None) -> str:
        found = tx.staff.get(staff_id) if staff_id is not None else None
        return found.alias if found else ""

    return Told(
        matter=matter,
        alias=conv.alias if conv else "",
        who=name(matter.by_id),
        closer=name(matter.closed_by),
        is_open=conv is not None and conv.has_people,
    )
