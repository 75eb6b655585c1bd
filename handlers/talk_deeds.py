"""What supporters do inside a conversation beside writing: take words back, ask for consent, raise the tier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from bot import consent, handoff
from bot.conversation import Conversation, Status, Tier
from bot.draft import Draft
from bot.errors import NotPossible
from bot.handoff import Person
from bot.messages import Choice
from bot.window import window
from handlers.deeds import Deeds
from handlers.doing import check_account
from handlers.turns import draft_for
from storage import Tx
from storage.fates import Unsure
from storage.records import Staff

CATEGORIES = {
    each[0]: each
    for each in (
        *(
            "A-attempt",
            "B-suicidal",
            "C-indirect",
            "D-self",
            "E-medical",
            "F-violence",
            "G-weapon",
            "H-sexual",
        ),
        *("I-control", "J-psychosis", "K-eating", "L-child", "M-blackmail", "N-other", "O-distress"),
    )
}


SETTLING = timedelta(minutes=2)  # so long an echo, or Meta when it is asked, may still tell
UNSURE_FOR = timedelta(hours=24)  # nothing automatic is worth sending for longer, most of it for far less


class TalkDeeds(Deeds):
    """The console's deeds. Raises the errors of `bot.errors`; every error leaves everything as it was."""

    # What the bot said and may not have arrived.

    def unsure(self) -> Sequence[Unsure]:
        """Texts that a student waits behind and may not have got. Whoever is at work may see to them."""
        now = self._clock()
        return self._storage.read(lambda tx: tx.fates.unsure(now, now - SETTLING, now - UNSURE_FOR))

    def send_again(self, outbox_id: int, staff: Staff) -> None:
        """Send one of those once more. Raises NotPossible when it is none of them any more."""
        self._see_to(outbox_id, staff, "sent_again")

    def let_be(self, outbox_id: int, staff: Staff) -> None:
        """Show it no longer. Raises as `send_again`."""
        self._see_to(outbox_id, staff, "not_sent_again")

    def _see_to(self, outbox_id: int, staff: Staff, what: Literal["sent_again", "not_sent_again"]) -> None:
        def deed(tx: Tx) -> None:
            check_account(tx, staff)
            now = self._clock()

            def find() -> Unsure | None:
                found = tx.fates.unsure(now, now - SETTLING, now - UNSURE_FOR)
                return next((each for each in found if each.outbox_id == outbox_id), None)

            one = find()
            if one is None or not tx.contacts.lock(one.contact_id) or find() is None:
                raise NotPossible("it has been seen to")
            if what == "sent_again":
                tx.outbox.resend(outbox_id, now)
            else:
                tx.fates.let_be(outbox_id)
            tx.audit.add(now, staff.id, what, one.contact_id, None)

        self._storage.write(deed)

    # Words that wait a moment before they go.

    def take_back(self, contact_id: int, staff: Staff, outbox_id: int) -> str:
        """The words of a reply that nobody has begun to send; they will not be. Raises NotPossible("too late")."""
        words = ""

        def deed(tx: Tx, draft: Draft) -> None:
            nonlocal words
            taken = tx.outbox.take_back(contact_id, outbox_id, staff.id, self._clock())
            if taken is None:
                raise NotPossible("too late")
            words = taken
            said = [
                entry.written_by
                for entry in tx.transcript.entries(contact_id)
                if entry.written_by in ("contact", "supporter", "inbox")
                and draft.conv.handoff is not None
                and entry.at >= draft.conv.handoff.opened_at
            ]
            handoff.take_back(
                draft,
                _who(staff),
                was_only_one=not {"supporter", "inbox"} & set(said),
                student_waits=not said or said[-1] == "contact",
            )

        self._do(contact_id, staff, deed)
        return words

    def send_now(self, contact_id: int, staff: Staff, outbox_id: int) -> None:
        """Do not wait for a change of mind. Sent already, or another's, changes nothing."""

        at = self._clock()
        self._storage.write(lambda tx: tx.outbox.hurry(contact_id, outbox_id, staff.id, at))

    def typing(self, contact_id: int, staff: Staff) -> bool:
        """Show the student that somebody writes, if that is right and was not done a moment ago."""
        content, now = self._content(), self._clock()
        if not content.settings.messenger.typing_indicator:
            return False

        def may(conv: Conversation | None) -> bool:
            return (
                conv is not None
                and conv.status is Status.CLAIMED
                and conv.handoff is not None
                and conv.handoff.claimed_by == staff.id
                and not conv.needs_confirming
                and conv.elsewhere_since is None
                and window(conv.last_inbound_at, now, granted=False) == "open"
            )

        if not self._storage.read(lambda tx: may(tx.conversations.peek(contact_id))):
            return False
        return self._storage.write(
            lambda tx: (
                tx.contacts.lock(contact_id)
                and may(tx.conversations.peek(contact_id))
                and tx.typing.want(contact_id, now)
            )
        )

    # With the student's consent.

    def ask_history(self, contact_id: int, staff: Staff) -> None:
        """Ask the student whether this supporter may read earlier conversations."""
        self._do(contact_id, staff, lambda tx, draft: consent.ask_history(draft, _who(staff)))

    def offer_note(self, contact_id: int, staff: Staff, text: str) -> None:
        """Ask the student whether these words may be kept for next time. Raises NotPossible("length")."""
        self._do(contact_id, staff, lambda tx, draft: consent.offer_note(draft, _who(staff), text))

    # Danger that a person sees.

    def raise_tier(self, contact_id: int, staff: Staff, tier: Tier, letter: str) -> None:
        """Alert, as if something had been found: high or critical. `letter`: which danger, A to O."""
        category = CATEGORIES.get(letter)
        if category is None:
            raise NotPossible("no such danger")
        self._do(contact_id, staff, lambda tx, draft: handoff.raise_tier(draft, _who(staff), tier, category))

    # Closing.

    def goodbye(self, contact_id: int) -> tuple[str, tuple[Choice, ...]] | None:
        """What the student would be sent if the conversation were closed now. None: nothing."""

        def look(tx: Tx) -> tuple[str, tuple[Choice, ...]] | None:
            if tx.conversations.peek(contact_id) is None:
                return None
            return handoff.goodbye(draft_for(tx, contact_id, self._content(), self._clock()))

        return self._storage.read(look)


def _who(staff: Staff) -> Person:
    return Person(id=staff.id, alias=staff.alias)
