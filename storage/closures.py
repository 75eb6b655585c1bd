"""What a second person must see, and how alerts were judged. Readable columns: ids, times and verdicts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

from bot.effects import HANDED_ON
from storage.engine import Row
from storage.ladder_records import IdentityOpening, Unconfirmed, Verdict, VerdictCount
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

# A drill's openings are reviewed while it is on, and wait for nobody after it.
_OPENINGS = (
    "SELECT identity_opening.*, alert.drill"
    " FROM identity_opening JOIN alert ON alert.id = identity_opening.alert_id"
)
_NO_DRILL = "NOT EXISTS (SELECT 1 FROM alert WHERE alert.id = identity_opening.alert_id AND alert.drill = 1)"
_UNREVIEWED = (
    " WHERE reviewed_at IS NULL AND (alert.drill = 0 OR EXISTS (SELECT 1 FROM contact"
    " WHERE contact.id = alert.contact_id AND contact.key_wrapped IS NOT NULL))"
)


class Closures(Store):
    """Closed critical conversations, opened identities, verdicts."""

    # A critical conversation that one person closed.

    def unconfirmed(self) -> list[Unconfirmed]:
        """Those that wait for a second person, the oldest first."""
        rows = self._all(
            "SELECT id, contact_id, closed_by, closed_at, overdue_at FROM alert"
            " WHERE needs_confirm = 1 AND confirmed_at IS NULL ORDER BY closed_at, id"
        )
        return [
            Unconfirmed(
                alert_id=row["id"],
                contact_id=row["contact_id"],
                closed_by=row["closed_by"],
                closed_at=from_ms(row["closed_at"]),
                overdue=row["overdue_at"] is not None,
            )
            for row in rows
        ]

    def confirm(self, alert_id: int, staff_id: int, now: datetime) -> bool:
        """A second person agrees. False: nothing to confirm, confirmed already, or the same person closed it."""
        changed = self._run(
            "UPDATE alert SET confirmed_by = :by, confirmed_at = :now WHERE id = :id AND needs_confirm = 1"
            " AND confirmed_at IS NULL AND closed_by <> :by",
            id=alert_id,
            by=staff_id,
            now=to_ms(now),
        )
        if changed:
            self._tx.wake("alerts", "screens")
        return changed == 1

    def overdue(self, closed_before: datetime, now: datetime) -> int:
        """Mark what nobody confirmed or reviewed in time; how many are newly so."""
        count = self._run(
            "UPDATE alert SET overdue_at = :now WHERE needs_confirm = 1 AND confirmed_at IS NULL"
            " AND overdue_at IS NULL AND closed_at <= :before",
            now=to_ms(now),
            before=to_ms(closed_before),
        )
        return count + self._run(
            "UPDATE identity_opening SET overdue_at = :now"  # noqa: S608 - fixed words
            f" WHERE reviewed_at IS NULL AND overdue_at IS NULL AND review_by <= :now AND {_NO_DRILL}",
            now=to_ms(now),
        )

    def any_overdue(self) -> bool:
        """Whether anything waits for a second person for too long."""
        late = self._one(
            "SELECT id FROM alert WHERE needs_confirm = 1 AND confirmed_at IS NULL AND overdue_at IS NOT NULL LIMIT 1"
        ) or self._one(
            "SELECT id FROM identity_opening WHERE reviewed_at IS NULL AND overdue_at IS NOT NULL"  # noqa: S608
            f" AND {_NO_DRILL} LIMIT 1"
        )
        return late is not None

    # Who a student is.

    def identity_opened(
        self, escalation_id: int, alert_id: int, by: int, now: datetime, review_by: datetime
    ) -> int:
        """One person opened it; the id of the opening, to review."""
        added = self._value(
            "INSERT INTO identity_opening (escalation_id, alert_id, opened_by, opened_at, review_by)"
            " VALUES (:escalation_id, :alert_id, :by, :now, :review_by) RETURNING id",
            escalation_id=escalation_id,
            alert_id=alert_id,
            by=by,
            now=to_ms(now),
            review_by=to_ms(review_by),
        )
        self._tx.wake("alerts", "screens")
        return int(added)

    def identities(self, *, unreviewed: bool = False) -> list[IdentityOpening]:
        """Every opening, or those that nobody has reviewed, the newest first."""
        where = _UNREVIEWED if unreviewed else ""
        rows = self._all(f"{_OPENINGS}{where} ORDER BY identity_opening.id DESC")
        return [_opening(row) for row in rows]

    def is_any_unreviewed(self) -> bool:
        """Whether a second person has to look at an identity that somebody opened; drills left out."""
        return any(not each.drill for each in self.identities(unreviewed=True))

    def identity(self, opening_id: int) -> IdentityOpening | None:
        """One opening."""
        row = self._one(f"{_OPENINGS} WHERE identity_opening.id = :id", id=opening_id)
        return _opening(row) if row else None

    def review(self, opening_id: int, staff_id: int, verdict: Verdict, now: datetime) -> bool:
        """A second person has looked at it. False: reviewed already, or it is the same person."""
        changed = self._run(
            "UPDATE identity_opening SET reviewed_by = :by, reviewed_at = :now, verdict = :verdict"
            " WHERE id = :id AND reviewed_at IS NULL AND opened_by <> :by",
            id=opening_id,
            by=staff_id,
            now=to_ms(now),
            verdict=verdict,
        )
        if changed:
            self._tx.wake("alerts", "screens")
        return changed == 1

    # Verdicts.

    def judge(self, alert_id: int, staff_id: int, verdict: Verdict, now: datetime) -> bool:
        """Was the alert right? May be changed; the latest counts. False: there is no such alert."""
        changed = self._run(
            "UPDATE alert SET verdict = :verdict, verdict_by = :by, verdict_at = :now WHERE id = :id",
            id=alert_id,
            by=staff_id,
            now=to_ms(now),
            verdict=verdict,
        )
        if changed:
            self._tx.wake("alerts", "screens")
        return changed == 1

    def verdicts(self, since: datetime) -> list[VerdictCount]:
        """Alerts since then by category and by rule, drills left out; the most frequent first."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for row in self._all(
            "SELECT category, rules, verdict FROM alert WHERE drill = 0 AND raised_at >= :since ORDER BY raised_at, id",
            since=to_ms(since),
        ):
            names = [
                ("category", row["category"]),
                *(("rule", r) for r in json.loads(row["rules"]) if r not in HANDED_ON),
            ]
            for name in names:
                found.setdefault(name, Counter())[row["verdict"] or "unmarked"] += 1
        return [
            VerdictCount(
                kind="rule" if kind == "rule" else "category",
                name=name,
                right=count["right"],
                wrong=count["wrong"],
                unclear=count["unclear"],
                unmarked=count["unmarked"],
            )
            for (kind, name), count in sorted(
                found.items(), key=lambda one: (one[0][0], -one[1].total(), one[0][1])
            )
        ]


def _opening(row: Row) -> IdentityOpening:
    return IdentityOpening(
        id=row["id"],
        alert_id=row["alert_id"],
        opened_by=row["opened_by"],
        opened_at=from_ms(row["opened_at"]),
        review_by=from_ms(row["review_by"]),
        reviewed_by=row["reviewed_by"],
        reviewed_at=from_ms_or_none(row["reviewed_at"]),
        verdict=row["verdict"],
        drill=bool(row["drill"]),
    )
