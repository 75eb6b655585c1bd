"""What supporters do to conversations. Each deed is one transaction through the same doors as the flows."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bot import danger, handoff
from bot.content import Content
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.errors import AlreadyClaimed, AnsweredMeanwhile, CannotRead, NotPossible
from bot.handoff import Person
from bot.mentions import named
from bot.triage import in_order
from handlers.clock import Clock
from handlers.escalation import LEADS, Escalation
from handlers.turns import draft_for, save
from storage import Storage, Tx
from storage.records import Delivery, Duty, QueueRow, Role, Staff

ANSWERERS = frozenset({Role.SUPPORTER, Role.DUTY_LEAD, Role.COORDINATOR})  # the others see no text


class Deeds:
    """Used by the console. Raises the errors of `bot.errors`; every error leaves everything as it was."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock
        self._escalation = Escalation(storage, content, clock)

    # Lists.

    def queue(self, staff: Staff) -> list[QueueRow]:
        """Who waits, in the order people should take them."""
        return self._storage.read(self._in_order)

    def mine(self, staff: Staff) -> list[QueueRow]:
        """What this supporter has."""
        return self._storage.read(lambda tx: tx.handoffs.mine(staff.id))

    def claimed(self, staff: Staff) -> list[QueueRow]:
        """What everybody has; for those who lead."""
        return self._storage.read(lambda tx: tx.handoffs.claimed())

    def _in_order(self, tx: Tx) -> list[QueueRow]:
        settings = self._content().settings
        return in_order(
            tx.handoffs.queue(),
            self._clock(),
            soon_minutes=settings.queue.window_soon_minutes,
            granted=settings.human_agent == "granted",
        )

    # Taking and leaving.

    def claim(self, contact_id: int, staff: Staff) -> None:
        """Take a waiting conversation. Raises AlreadyClaimed, or NotPossible with a full cap."""

        def deed(tx: Tx, draft: Draft) -> None:
            if draft.conv.status is Status.CLAIMED and draft.conv.handoff:
                raise AlreadyClaimed(draft.conv.handoff.claimed_alias or "")
            self._check_cap(tx, staff, draft.conv.tier)
            handoff.claim(draft, _person(staff))

        self._do(contact_id, staff, deed)

    def next_for(self, staff: Staff) -> int | None:
        """Claim the first in order and say which; None when nobody waits, or none that the cap allows.

        Raises NotPossible("paused") for somebody who has not said that they are ready again.
        """

        def deed(tx: Tx) -> int | None:
            _check_account(tx, staff)
            if _is_paused(tx, staff.id):
                raise NotPossible("paused")
            for row in self._in_order(tx):
                if not tx.contacts.lock(row.contact_id):
                    continue
                draft = draft_for(tx, row.contact_id, self._content(), self._clock())
                try:
                    self._check_cap(tx, staff, draft.conv.tier)
                    handoff.claim(draft, _person(staff))
                except NotPossible:
                    continue
                save(tx, draft.turn(), self._clock())
                return row.contact_id
            return None

        return self._storage.write(deed)

    def _room(self, tx: Tx, staff: Staff, tier: Tier) -> bool:
        if tier.rank >= Tier.HIGH.rank:
            return True  # nothing blocks taking somebody in danger
        queue = self._content().settings.queue
        mine = tx.handoffs.mine(staff.id)
        critical = any(row.tier is Tier.CRITICAL for row in mine)
        return tx.handoffs.open_count(staff.id) < (queue.cap_while_critical if critical else queue.cap)

    def _check_cap(self, tx: Tx, staff: Staff, tier: Tier) -> None:
        if not self._room(tx, staff, tier):
            raise NotPossible("cap")

    def release(self, contact_id: int, staff: Staff) -> None:
        """Put it back where it stood in the queue."""
        self._do(contact_id, staff, lambda tx, draft: handoff.release(draft, _person(staff)))

    def transfer(self, contact_id: int, staff: Staff, to_staff_id: int, note: str) -> None:
        """Hand it to a colleague, with a few words that only staff see."""

        def deed(tx: Tx, draft: Draft) -> None:
            to = _colleague(tx, staff, to_staff_id)
            if to is None:
                raise NotPossible("no such colleague")
            if to.paused_at is not None:
                raise NotPossible("they have a pause")
            handoff.assign(draft, _person(to), _person(staff), note.strip() or None)
            if note.strip():
                tx.transcript.add_note(contact_id, staff.id, staff.alias, note.strip(), self._clock())

        self._do(contact_id, staff, deed)

    def close(
        self,
        contact_id: int,
        staff: Staff,
        outcome: str,
        *,
        topic: str | None = None,
        signposted: Collection[str] = (),
    ) -> None:
        """End the handoff; the student gets a goodbye and, below high, one question.

        `topic` and `signposted` (ids of services) are kept as long as the words, and counted for good.
        """

        def deed(tx: Tx, draft: Draft) -> None:
            conv = draft.conv
            handoff.close(draft, _person(staff), outcome)
            if conv.handoff is None:
                return
            about = {"topic": topic, "signposted": sorted(set(signposted))}
            tx.handoffs.set_about(contact_id, conv.handoff.number, about)
            if not tx.drills.is_drill(contact_id):
                for name in [f"topic_{topic}"] * bool(topic) + [
                    f"signposted_{id}" for id in sorted(set(signposted))
                ]:
                    tx.counters.bump(name)

        self._do(contact_id, staff, deed)

    def give_back(self, contact_id: int, staff: Staff) -> None:
        """After somebody answered in Meta's inbox: let the bot speak again."""
        self._do(contact_id, staff, lambda tx, draft: handoff.give_back(draft, _person(staff)))

    # Words.

    def reply(
        self,
        contact_id: int,
        staff: Staff,
        text: str,
        seen_entry_id: int,
        *,
        confirmed: bool = False,
        hold_seconds: float = 0,
    ) -> int:
        """Send a person's words; returns the newest entry's id. `hold_seconds`: so long they can be taken back.

        Raises MayNotBeSafe unless `confirmed` when the student wrote PAUSE, and AnsweredMeanwhile when somebody
        else of ours wrote after what is on the screen. The same words again from the same screen are a second
        click, or a form sent twice: they are sent once.
        """

        def deed(tx: Tx, draft: Draft) -> None:
            for entry in tx.transcript.entries(contact_id, after_id=seen_entry_id):
                if entry.written_by == "inbox" or (
                    entry.written_by == "supporter" and entry.who != staff.alias
                ):
                    raise AnsweredMeanwhile("somebody replied")
                if entry.written_by == "supporter" and entry.text == text:
                    return
            handoff.reply(draft, _person(staff), text, confirmed=confirmed, hold_seconds=hold_seconds)
            tx.typing.forget(contact_id)

        self._do(contact_id, staff, deed)
        return self._storage.read(lambda tx: tx.transcript.last_id(contact_id))

    def note(self, contact_id: int, staff: Staff, text: str) -> None:
        """Words between supporters, never sent. Who is named with an @ is asked to look.

        Raises CannotRead for a name whose owner may not read this conversation.
        """

        def deed(tx: Tx) -> None:
            _check_account(tx, staff)
            if not tx.contacts.lock(contact_id):
                raise NotPossible("the conversation was deleted")
            conv, now = tx.conversations.peek(contact_id), self._clock()
            holder = conv.handoff.claimed_by if conv and conv.handoff else None
            others = {one.id: one for one in tx.staff.all() if not one.disabled and one.id != staff.id}
            asked = named(text, {id: one.alias for id, one in others.items()})
            for id in asked:
                if id != holder and others[id].role not in LEADS:
                    raise CannotRead(others[id].alias)
            entry_id = tx.transcript.add_note(contact_id, staff.id, staff.alias, text, now)
            tx.mentions.add(contact_id, entry_id, asked, staff.id, now)
            tx.wake("screens")

        self._storage.write(deed)

    def retry(self, contact_id: int, staff: Staff, outbox_id: int) -> None:
        """Send a failed message again: a person decided so. Raises NotPossible when it is not one of those."""

        def deed(tx: Tx, draft: Draft) -> None:
            entries = tx.transcript.entries(contact_id)
            failed = (Delivery.FAILED, Delivery.UNKNOWN, Delivery.LAPSED)
            if not any(e.outbox_id == outbox_id and e.delivery in failed for e in entries):
                raise NotPossible("this message did not fail")
            if not tx.outbox.resend(outbox_id, self._clock()):
                raise NotPossible("its words are gone")
            tx.audit.add(self._clock(), staff.id, "sent_again", contact_id, None)

        self._do(contact_id, staff, deed)

    # Danger.

    def acknowledge(self, alert_id: int, staff: Staff) -> None:
        """ "I have it". Raises AlreadyClaimed with the name of whoever was first; a second click is no error."""
        self._escalation.acknowledge(alert_id, staff)

    def alert_shown(self, alert_id: int, staff: Staff) -> None:
        """The bar is on the screen of somebody on duty: now the student may be told that people know."""
        if staff.duty is not Duty.ON:
            return
        alert = self._storage.read(lambda tx: tx.alerts.get(alert_id))
        if alert is None or alert.closed_at is not None or alert.shown_at is not None:
            return  # asked by every screen at every change; what changes nothing must not be one

        def deed(tx: Tx, draft: Draft) -> None:
            if tx.alerts.shown(alert_id, self._clock()):
                danger.alerted(draft)

        self._do(alert.contact_id, staff, deed)

    def lower_tier(self, contact_id: int, staff: Staff, tier: Tier, reason: str) -> None:
        """Only a person lowers a tier, and says why."""
        self._escalation.lower_tier(contact_id, staff, tier, reason)

    # Duty.

    def set_duty(self, staff: Staff, duty: Duty, hand_over_to: int | None = None) -> None:
        """On duty, paused, off. Nobody leaves with somebody in danger without naming who has them now."""

        def deed(tx: Tx) -> None:
            now = self._clock()
            _check_account(tx, staff)
            if duty is not Duty.ON:
                self._hand_over(tx, staff, hand_over_to)
            tx.staff.set_duty(staff.id, duty, now)
            tx.audit.add(now, staff.id, f"duty_{duty.value}", None, None)
            tx.wake("screens")

        self._storage.write(deed)

    def _hand_over(self, tx: Tx, staff: Staff, to_staff_id: int | None) -> None:
        flagged = [row for row in tx.handoffs.mine(staff.id) if row.tier.rank >= Tier.HIGH.rank]
        if not flagged:
            return
        to = _colleague(tx, staff, to_staff_id)
        if to is None or to.duty is not Duty.ON or to.paused_at is not None:
            raise NotPossible("hand_over")
        for contact_id in sorted(row.contact_id for row in flagged):  # all of them before the first change
            tx.contacts.lock(contact_id)
        for row in flagged:
            draft = draft_for(tx, row.contact_id, self._content(), self._clock())
            handoff.assign(draft, _person(to), _person(staff), None)
            save(tx, draft.turn(), self._clock())

    # The one way through.

    def _do(self, contact_id: int, staff: Staff, deed: Callable[[Tx, Draft], object]) -> None:
        def turn(tx: Tx) -> None:
            _check_account(tx, staff)
            if not tx.contacts.lock(contact_id):
                raise NotPossible("the conversation was deleted")
            now = self._clock()
            draft = draft_for(tx, contact_id, self._content(), now)
            deed(tx, draft)
            save(tx, draft.turn(), now)

        self._storage.write(turn)


def _person(staff: Staff) -> Person:
    return Person(id=staff.id, alias=staff.alias)


def _check_account(tx: Tx, staff: Staff) -> None:
    """`staff` was read when the request began; the account may have been closed since."""
    current = tx.staff.get(staff.id)
    if current is None or current.disabled:
        raise NotPossible("the account is closed")


def _is_paused(tx: Tx, staff_id: int) -> bool:
    current = tx.staff.get(staff_id)
    return current is not None and current.paused_at is not None


def _colleague(tx: Tx, staff: Staff, to_staff_id: int | None) -> Staff | None:
    """Somebody else who may answer students; None when there is no such person."""
    to = tx.staff.get(to_staff_id) if to_staff_id is not None else None
    if to is None or to.disabled or to.id == staff.id or to.role not in ANSWERERS:
        return None
    return to
