"""What stands on staff's screens, as far as it must never be late there. Ids, times and codes; nothing is opened."""

from __future__ import annotations

from dataclasses import dataclass

from storage.store import Store

_OPEN = (
    "SELECT contact.id, tier, claimed_by, offered_to, last_inbound_at, last_entry_id FROM conversation"
    " JOIN contact ON contact.id = conversation.contact_id WHERE "
)


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that people see. It is equal to itself for as long as they see the same."""

    contact_id: int
    staff: (
        tuple[int, ...] | None
    )  # whose own screens it is on, beside those that show this contact; None: everybody's
    what: tuple[str | int | None, ...]


class Screens(Store):
    """For whoever tells open consoles to look again."""

    def signs(self) -> set[Sign]:
        """Everybody sees who waits and the alerts; who has a student, or is asked to, sees each line of theirs."""
        found: set[Sign] = set()
        waiting = self._all(_OPEN + "conversation.status = 'waiting'")  # each has an index of its own
        for row in waiting:
            found.add(Sign(row["id"], None, (row["tier"], row["last_inbound_at"])))
        for row in (*waiting, *self._all(_OPEN + "conversation.status = 'claimed'")):
            holders = tuple(each for each in (row["claimed_by"], row["offered_to"]) if each is not None)
            found.add(Sign(row["id"], holders, (row["tier"], row["last_entry_id"])))
        alerts = self._all(
            "SELECT id, contact_id, tier, armed, acknowledged_at, resumed_at FROM alert WHERE closed_at IS NULL"
        )
        for row in alerts:
            what = (row["id"], row["tier"], row["armed"], row["acknowledged_at"], row["resumed_at"])
            found.add(Sign(row["contact_id"], None, what))
        return found
