"""Alerts: dangers that somebody should take. One open alert per conversation."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from bot.conversation import Tier
from bot.effects import RaiseAlert
from storage.engine import Row
from storage.errors import Erased
from storage.records import Alert
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

_SELECT = (
    "SELECT alert.*, conversation.uid AS conversation_uid, conversation.summary"
    " FROM alert LEFT JOIN conversation ON conversation.contact_id = alert.contact_id WHERE "
)


class Alerts(Store):
    """Alerts outlive an erased contact, without words."""

    def raise_(self, contact_id: int, alert: RaiseAlert) -> int:
        """Raise an alert, or add to the open one; its id.

        The higher tier stays. What leads is the danger that the student was told of last; the rules and words of all
        hits stay readable. A rise, or a new hit after somebody acknowledged, arms it anew: people are told again.
        """
        row = self._one(
            "SELECT * FROM alert WHERE contact_id = :contact_id AND closed_at IS NULL {for_update}",
            contact_id=contact_id,
        )
        alert_id = self._insert(contact_id, alert) if row is None else self._add_to(row, alert)
        self._tx.wake("alerts", "screens")
        return alert_id

    def _insert(self, contact_id: int, alert: RaiseAlert) -> int:
        uid = new_uid()
        alert_id: int = self._value(
            "INSERT INTO alert (contact_id, uid, tier, category, rules, matched, raised_at, armed_at,"
            " card, call_for_them, drill) VALUES (:contact_id, :uid, :tier, :category, :rules, :matched, :at, :at,"
            " :card, :call, COALESCE((SELECT drill FROM contact WHERE id = :contact_id), 0)) RETURNING id",
            contact_id=contact_id,
            uid=uid,
            tier=alert.tier.value,
            category=alert.category,
            rules=json.dumps(alert.rules),
            matched=self._sealed(contact_id, uid, alert.matched),
            at=to_ms(alert.at),
            card=alert.card or "not_due",
            call=int(alert.call_for_them),
        )
        self._tx.case_lines.begin(alert_id, alert, drill=self._tx.drills.is_drill(contact_id))
        self._no_card(alert_id, alert)
        return alert_id

    def _add_to(self, row: Row, alert: RaiseAlert) -> int:
        rises = alert.tier.rank > Tier(row["tier"]).rank
        rearms = rises or row["acknowledged_at"] is not None
        known_rules, known_words = tuple(json.loads(row["rules"])), self._matched(row)
        rules = tuple(dict.fromkeys((*known_rules, *alert.rules)))
        matched = tuple(dict.fromkeys((*known_words, *alert.matched)))
        calls = alert.call_for_them and not row["call_for_them"]
        self._run(
            "UPDATE alert SET tier = :tier, category = :category, leads = :leads, rules = :rules,"
            " matched = :matched, card = :card, call_for_them = :call WHERE id = :id",
            id=row["id"],
            leads=None if rises else alert.category if alert.leads else row["leads"],
            card=alert.card or row["card"],
            call=max(row["call_for_them"], int(alert.call_for_them)),
            tier=alert.tier.value if rises else row["tier"],
            category=alert.category if rises else row["category"],
            rules=json.dumps(rules),
            matched=self._sealed(row["contact_id"], row["uid"], matched),
        )
        if rearms:
            self._run(
                "UPDATE alert SET armed = armed + 1, climb = climb + 1, armed_at = :at, shown_at = NULL,"
                " alerted_at = NULL, resumed_at = NULL, acknowledged_by = NULL, acknowledged_alias = NULL,"
                " acknowledged_at = NULL WHERE id = :id",
                id=row["id"],
                at=to_ms(alert.at),
            )
        if (
            rearms or calls or (rules, matched) != (known_rules, known_words)
        ):  # else the record says it already
            words = tuple(each for each in alert.matched if each not in known_words)
            self._tx.case_lines.raised_again(row["id"], alert, words=words)
        self._no_card(row["id"], alert)
        return int(row["id"])

    def _no_card(self, alert_id: int, alert: RaiseAlert) -> None:
        if alert.card == "blocked":
            self._tx.case_lines.card(alert_id, "blocked", alert.at, None, alert.content_set)

    def open(self) -> list[Alert]:
        """The open alerts, those that nobody has taken first, then the oldest first."""
        rows = self._all(
            _SELECT + "alert.closed_at IS NULL"
            " ORDER BY (alert.acknowledged_at IS NOT NULL AND alert.resumed_at IS NULL), alert.raised_at, alert.id"
        )
        return [self._opened(row) for row in rows]

    def get(self, alert_id: int) -> Alert | None:
        """One alert, open or closed."""
        row = self._one(_SELECT + "alert.id = :id", id=alert_id)
        return self._opened(row) if row else None

    def open_for(self, contact_id: int) -> Alert | None:
        """The contact's open alert."""
        row = self._one(_SELECT + "alert.contact_id = :id AND alert.closed_at IS NULL", id=contact_id)
        return self._opened(row) if row else None

    def acknowledge(self, alert_id: int, staff_id: int, alias: str, now: datetime) -> bool:
        """ "I have it." False: somebody has, or it is closed.

        Once the ladder has gone on because nobody did anything, it can be taken anew, by the same person too.
        """
        row = self._one("SELECT uid FROM alert WHERE id = :id", id=alert_id)
        if row is None:
            return False
        changed = self._run(
            "UPDATE alert SET acknowledged_by = :by, acknowledged_alias = :alias, acknowledged_at = :now,"
            " resumed_at = NULL"
            " WHERE id = :id AND (acknowledged_at IS NULL OR resumed_at IS NOT NULL) AND closed_at IS NULL",
            id=alert_id,
            by=staff_id,
            alias=self._tx.keys.seal(alias, "alert.acknowledged_alias", row["uid"]),
            now=to_ms(now),
        )
        if changed:
            self._tx.case_lines.acknowledged(alert_id, staff_id, now)
            self._tx.wake("alerts", "screens")
        return changed == 1

    def shown(self, alert_id: int, now: datetime, staff_id: int | None = None) -> bool:
        """The bar was open at somebody on duty. True if that is the first since it was armed that anybody heard."""
        changed = self._run(
            "UPDATE alert SET shown_at = :now WHERE id = :id AND shown_at IS NULL AND closed_at IS NULL",
            id=alert_id,
            now=to_ms(now),
        )
        if not changed:
            return False
        self._tx.case_lines.shown(alert_id, staff_id, now)
        self._tx.rungs.banner_shown(alert_id, now)
        self._tx.wake("alerts", "screens")
        return self.alerted(alert_id, now)

    def alerted(self, alert_id: int, now: datetime, armed: int | None = None) -> bool:
        """A channel took it. True the first time since it was armed: then the student is told, once.

        `armed`: what was told was this arming, and means nothing for a later one.
        """
        changed = self._run(
            "UPDATE alert SET alerted_at = :now WHERE id = :id AND alerted_at IS NULL AND closed_at IS NULL"
            " AND armed = COALESCE(:armed, armed)",
            id=alert_id,
            now=to_ms(now),
            armed=armed,
        )
        return changed == 1

    def resume(self, alert_id: int, now: datetime) -> bool:
        """Somebody said "I have it", and then nothing happened: people are told again. False: it is not so."""
        changed = self._run(
            "UPDATE alert SET resumed_at = :now, climb = climb + 1 WHERE id = :id"
            " AND acknowledged_at IS NOT NULL AND resumed_at IS NULL AND closed_at IS NULL",
            id=alert_id,
            now=to_ms(now),
        )
        if changed:
            self._tx.case_lines.resumed(alert_id, now)
            self._tx.wake("alerts", "screens")
        return changed == 1

    def mark_card(
        self,
        contact_id: int,
        outcome: Literal["sent", "failed", "unknown"],
        now: datetime,
        card: str | None = None,
        content_set: int | None = None,
    ) -> None:
        """Say on the open alert whether the emergency card went out; `card` of `content_set`, where that is known."""
        row = self._one(
            "SELECT id, card FROM alert WHERE contact_id = :contact_id AND closed_at IS NULL {for_update}",
            contact_id=contact_id,
        )
        if row is None:
            return
        if row["card"] != outcome:
            self._run("UPDATE alert SET card = :card WHERE id = :id", id=row["id"], card=outcome)
            self._tx.wake("alerts", "screens")
        elif outcome != "sent":
            return
        self._tx.case_lines.card(
            row["id"], outcome, now, card, content_set
        )  # each that went out has its line

    def close(self, contact_id: int, by: int | None, now: datetime, outcome: str | None = None) -> None:
        """The contact's open alert is over; `by` None is the system.

        A critical one that a person closed waits for a second person to confirm that.
        """
        row = self._one(
            "SELECT id, tier, drill FROM alert WHERE contact_id = :contact_id AND closed_at IS NULL {for_update}",
            contact_id=contact_id,
        )
        if row is None:
            return
        to_confirm = row["tier"] == Tier.CRITICAL and not row["drill"] and by is not None
        self._run(
            "UPDATE alert SET closed_at = :now, closed_by = :by, needs_confirm = :to_confirm WHERE id = :id",
            id=row["id"],
            by=by,
            now=to_ms(now),
            to_confirm=int(to_confirm),
        )
        self._tx.case_lines.closed(row["id"], by, now, to_confirm=to_confirm, outcome=outcome)
        self._tx.wake("alerts", "screens")

    def _sealed(self, contact_id: int, uid: bytes, matched: tuple[str, ...]) -> bytes:
        return self._tx.box(contact_id).seal(json.dumps(matched).encode(), "alert.matched", uid)

    def _matched(self, row: Row) -> tuple[str, ...]:
        if row["matched"] is None:
            return ()
        opened = self._tx.box(row["contact_id"]).open(row["matched"], "alert.matched", row["uid"])
        return tuple(json.loads(opened))

    def _alias(self, row: Row) -> str:
        if row["summary"] is None:
            return ""
        try:
            box = self._tx.box(row["contact_id"])
        except Erased:
            return ""
        alias: str = json.loads(box.open(row["summary"], "conversation.summary", row["conversation_uid"]))[
            "alias"
        ]
        return alias

    def _opened(self, row: Row) -> Alert:
        sealed_alias = row["acknowledged_alias"]
        return Alert(
            id=row["id"],
            contact_id=row["contact_id"],
            alias=self._alias(row),
            tier=Tier(row["tier"]),
            category=row["leads"] or row["category"],
            rules=tuple(json.loads(row["rules"])),
            matched=self._matched(row),
            raised_at=from_ms(row["raised_at"]),
            shown_at=from_ms_or_none(row["shown_at"]),
            acknowledged_by=row["acknowledged_by"],
            acknowledged_alias=None
            if sealed_alias is None
            else self._tx.keys.open(sealed_alias, "alert.acknowledged_alias", row["uid"]),
            acknowledged_at=from_ms_or_none(row["acknowledged_at"]),
            closed_at=from_ms_or_none(row["closed_at"]),
            card=row["card"],
            armed=row["armed"],
            armed_at=from_ms_or_none(row["armed_at"]),
            alerted_at=from_ms_or_none(row["alerted_at"]),
            resumed_at=from_ms_or_none(row["resumed_at"]),
            call_for_them=bool(row["call_for_them"]),
            drill=bool(row["drill"]),
            verdict=row["verdict"],
            closed_by=row["closed_by"],
            needs_confirm=bool(row["needs_confirm"]) and row["confirmed_at"] is None,
            confirmed_by=row["confirmed_by"],
            confirmed_at=from_ms_or_none(row["confirmed_at"]),
        )
