"""What supporters do to conversations. Each deed is one transaction through the same doors as the flows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from bot import danger, handoff, leaving, routing
from bot.content import Content
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.errors import AlreadyClaimed, AnsweredMeanwhile, CannotRead, NotPossible
from bot.mentions import named
from bot.sight import Sight, check
from bot.triage import in_order
from handlers.clock import Clock
from handlers.doing import LEADS, Doing, check_account, person, sight
from handlers.escalation import Escalation
from handlers.teamwork import Teamwork
from handlers.turns import draft_for, save
from storage import Storage, Tx
from storage.records import Delivery, Duty, QueueRow, Staff


class Deeds(Doing):
    """Used by the console. Raises the errors of `bot.errors`; every error leaves everything as it was."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        super().__init__(storage, content, clock)
        self._escalation = Escalation(storage, content, clock)
        self.team = Teamwork(storage, content, clock)

    # Lists.

    def queue(self, staff: Staff) -> list[QueueRow]:
        """Who waits, in the order people should take them; without those this person knows."""
        waiting = self._storage.read(self._in_order)
        return [row for row in waiting if not routing.is_hidden(staff, row)]

    def mine(self, staff: Staff) -> list[QueueRow]:
        """What this supporter has: who waits for an answer first, in the queue's order."""
        rows = self._sorted(self._storage.read(lambda tx: tx.handoffs.mine(staff.id)))
        return sorted(rows, key=lambda row: (-row.tier.rank, not row.unanswered, row.parked))

    def claimed(self, staff: Staff) -> list[QueueRow]:
        """What everybody has; for those who lead, without students they know."""
        rows = self._storage.read(lambda tx: tx.handoffs.claimed())
        return [row for row in rows if not routing.is_hidden(staff, row)]

    def _in_order(self, tx: Tx) -> list[QueueRow]:
        return self._sorted(tx.handoffs.queue())

    def _sorted(self, rows: Iterable[QueueRow]) -> list[QueueRow]:
        settings = self._content().settings
        return in_order(
            rows,
            self._clock(),
            soon_minutes=settings.queue.window_soon_minutes,
            granted=settings.human_agent == "granted",
        )

    def sight(self, contact_id: int) -> Sight:
        """How this conversation stands now. Raises NotPossible when there is none."""

        def look(tx: Tx) -> Sight:
            conv = tx.conversations.peek(contact_id)
            if conv is None:
                raise NotPossible("the conversation was deleted")
            return sight(tx, contact_id, conv.tier)

        return self._storage.read(look)

    # Taking and leaving.

    def claim(self, contact_id: int, staff: Staff) -> None:
        """Take a waiting conversation. Raises AlreadyClaimed, or NotPossible with a full cap.

        NotPossible, too, for a student whom they have said they know, unless there is danger.
        """

        def deed(tx: Tx, draft: Draft) -> None:
            if draft.conv.status is Status.CLAIMED and draft.conv.handoff:
                raise AlreadyClaimed(draft.conv.handoff.claimed_alias or "")
            if staff.id in draft.conv.known_to and draft.conv.tier.rank < Tier.HIGH.rank:
                raise NotPossible("known")
            self._check_cap(tx, staff, draft.conv.tier)
            handoff.claim(draft, person(staff))

        self._do(contact_id, staff, deed)

    def next_for(self, staff: Staff) -> int | None:
        """Claim whoever this person is offered (`bot.routing`) and say which; None when there is nobody for them.

        Raises NotPossible("paused") for somebody who has not said that they are ready again.
        """

        def deed(tx: Tx) -> int | None:
            helper = check_account(tx, staff)
            if helper.paused_at is not None:
                raise NotPossible("paused")
            patience = self._content().settings.waiting.ask_again_minutes[:1] or (15,)
            offered = routing.offers(
                helper,
                self._in_order(tx),
                self._clock(),
                anybody_after=timedelta(minutes=patience[0]),
                room=self._room(tx, staff, Tier.NONE),
            )
            for row in offered:
                if not tx.contacts.lock(row.contact_id):
                    continue
                draft = draft_for(tx, row.contact_id, self._content(), self._clock())
                try:
                    self._check_cap(tx, staff, draft.conv.tier)
                    handoff.claim(draft, person(staff))
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
        self._do(contact_id, staff, lambda tx, draft: handoff.release(draft, person(staff)))

    def close(
        self,
        contact_id: int,
        staff: Staff,
        outcome: str,
        *,
        seen: Sight,
        topic: str | None = None,
        signposted: Collection[str] = (),
    ) -> None:
        """End the handoff; the student gets a goodbye and, below high, one question.

        `topic` and `signposted` (ids of services) are kept as long as the words, and counted for good. Raises
        ChangedMeanwhile when the student wrote, or the danger rose, after what was `seen`; NobodyHasIt with an
        alert that nobody has taken.
        """

        def deed(tx: Tx, draft: Draft) -> None:
            conv = draft.conv
            handoff.owned(draft, person(staff))
            alert = tx.alerts.open_for(contact_id)
            taken = alert is None or alert.acknowledged_at is not None
            check(seen, sight(tx, contact_id, conv.tier), taken=taken)
            handoff.close(draft, person(staff), outcome)
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
        self._do(contact_id, staff, lambda tx, draft: handoff.give_back(draft, person(staff)))

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
            handoff.reply(
                draft,
                person(staff),
                text,
                confirmed=confirmed,
                hold_seconds=hold_seconds,
                saw_all=tx.transcript.last_of_contact(contact_id) <= seen_entry_id,
            )
            tx.typing.forget(contact_id)

        self._do(contact_id, staff, deed)
        return self._storage.read(lambda tx: tx.transcript.last_id(contact_id))

    def note(self, contact_id: int, staff: Staff, text: str) -> None:
        """Words between supporters, never sent. Who is named with an @ is asked to look.

        Raises CannotRead for a name whose owner may not read this conversation.
        """

        def deed(tx: Tx) -> None:
            check_account(tx, staff)
            if not tx.contacts.lock(contact_id):
                raise NotPossible("the conversation was deleted")
            conv, now = tx.conversations.peek(contact_id), self._clock()
            holder = conv.handoff.claimed_by if conv and conv.handoff else None
            others = {one.id: one for one in tx.staff.all() if not one.disabled and one.id != staff.id}
            asked = named(text, {id: one.alias for id, one in others.items()})
            row = tx.handoffs.row(contact_id)
            for id in asked:
                hidden = row is not None and routing.is_hidden(others[id], row)
                if id != holder and (others[id].role not in LEADS or hidden):
                    raise CannotRead(others[id].alias)
            entry_id = tx.transcript.add_note(contact_id, staff.id, staff.alias, text, now)
            tx.mentions.add(contact_id, entry_id, asked, staff.id, now)
            tx.wake("screens")

        self._storage.write(deed)

    def retry(self, contact_id: int, staff: Staff, outbox_id: int, *, confirmed: bool = False) -> None:
        """Send a failed message again: the one who has the conversation decided so. Raises as `reply` does, and
        NotPossible when it is not one of those.
        """

        def deed(tx: Tx, draft: Draft) -> None:
            handoff.may_write(draft, person(staff), confirmed=confirmed)
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
        """ "I have it". Raises AlreadyClaimed with the name of whoever was first; a second click is no error.

        Where the one who has the conversation has gone, or has been silent so long that the ladder went on, the
        conversation comes along with the alert.
        """
        alert = self._storage.read(lambda tx: tx.alerts.get(alert_id))
        row = self._storage.read(lambda tx: tx.handoffs.row(alert.contact_id)) if alert else None
        self._escalation.acknowledge(alert_id, staff)
        is_free = alert is not None and row is not None and (alert.resumed_at is not None or row.left)
        if row is None or not is_free or row.claimed_by is None:
            return
        if row.claimed_by != staff.id:
            self.team.relieve_absent(row.contact_id, staff)
        elif row.left:
            self._do(row.contact_id, staff, lambda tx, draft: leaving.returned(draft, person(staff)))

    def alert_shown(self, alert_id: int, staff: Staff) -> None:
        """The bar is on the screen of somebody on duty: now the student may be told that people know."""
        if staff.duty is not Duty.ON:
            return
        alert = self._storage.read(lambda tx: tx.alerts.get(alert_id))
        if alert is None or alert.closed_at is not None or alert.shown_at is not None:
            return  # asked by every screen at every change; what changes nothing must not be one

        def deed(tx: Tx, draft: Draft) -> None:
            if tx.alerts.shown(alert_id, self._clock(), staff.id):
                danger.alerted(draft)

        self._do(alert.contact_id, staff, deed)

    def lower_tier(self, contact_id: int, staff: Staff, tier: Tier, reason: str, *, seen: Sight) -> None:
        """Only a person lowers a tier, and says why. Raises ChangedMeanwhile when it is not as they have `seen` it."""
        self._escalation.lower_tier(contact_id, staff, tier, reason, seen=seen)

    # Duty.

    def set_duty(self, staff: Staff, duty: Duty) -> None:
        """On duty, paused, off. Raises NotPossible("hand_over") for whoever has somebody in danger.

        Off duty, what waits for an answer goes back to the queue, and what was asked of this person is declined.
        """

        def deed(tx: Tx) -> None:
            now = self._clock()
            check_account(tx, staff)
            if duty is not Duty.ON:
                self._let_go(tx, staff, for_good=duty is Duty.OFF)
            tx.staff.set_duty(staff.id, duty, now)
            tx.audit.add(now, staff.id, f"duty_{duty.value}", None, None)
            tx.wake("screens")

        self._storage.write(deed)

    def _let_go(self, tx: Tx, staff: Staff, *, for_good: bool) -> None:
        mine = tx.handoffs.mine(staff.id)
        if any(row.tier.rank >= Tier.HIGH.rank for row in mine):
            raise NotPossible("hand_over")
        asked = {row.contact_id for row in tx.handoffs.offered_to(staff.id)}
        theirs = {row.contact_id for row in mine} if for_good else set()
        for contact_id in sorted(asked | theirs):  # all of them before the first change
            tx.contacts.lock(contact_id)
        for contact_id in sorted(asked | theirs):
            draft = draft_for(tx, contact_id, self._content(), self._clock())
            if contact_id in asked:
                self.team.say_no(tx, draft, staff)
            elif draft.conv.tier.rank >= Tier.HIGH.rank:
                raise NotPossible("hand_over")  # it rose while we looked
            else:
                leaving.gone(draft, "off_duty")
            save(tx, draft.turn(), self._clock())
