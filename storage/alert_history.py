"""Alerts of the last days, open and over, and whose hard case it was: found by readable columns alone."""

from __future__ import annotations

from datetime import datetime

from storage.records import Alert
from storage.store import Store
from storage.times import to_ms

_MOST = 200  # on one page


class AlertHistory(Store):
    """Drills that are over are left out: they count nowhere."""

    def since(self, at: datetime) -> list[Alert]:
        """The open ones, then those raised since `at`, the newest first; 200 at most."""
        first = sorted(self._tx.alerts.open(), key=lambda one: (one.raised_at, one.id), reverse=True)[:_MOST]
        rows = self._all(
            "SELECT id FROM alert WHERE raised_at >= :at AND drill = 0 AND closed_at IS NOT NULL"
            " ORDER BY raised_at DESC, id DESC LIMIT :most",
            at=to_ms(at),
            most=_MOST - len(first),
        )
        found = (self._tx.alerts.get(row["id"]) for row in rows)
        return [*first, *(alert for alert in found if alert is not None)]

    def to_talk_about(self, staff_id: int, since: datetime) -> int | None:
        """The newest critical or high alert, over since then, that this person had and nobody offered a talk about."""
        found = self._value(
            "SELECT alert.id FROM alert LEFT JOIN escalation ON escalation.alert_id = alert.id"
            " WHERE (alert.closed_by = :staff_id OR alert.acknowledged_by = :staff_id)"
            " AND alert.tier IN ('critical', 'high') AND alert.drill = 0 AND alert.closed_at >= :since"
            " AND escalation.debrief_at IS NULL ORDER BY alert.closed_at DESC, alert.id DESC LIMIT 1",
            staff_id=staff_id,
            since=to_ms(since),
        )
        return None if found is None else int(found)
