"""The ladder's rungs, and every notification of them: claimed like a message, tried again like a message.

A notification that was cut off half way is sent again: a double alert is harmless, none is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from bot.conversation import Tier
from bot.ladder import UNUSABLE, Climb, Fired, Step, Telling, reaches
from storage.engine import Row
from storage.ladder_records import Purpose, RungLine, TakenTelling, TellingLine
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms, from_ms_or_none, to_ms

_NEVER = 1 << 53  # beyond every time
_FAR_MS = 600_000  # no pause of ours before another try is as long
_KEPT = timedelta(days=90)
_MACHINE_MS = 15_000  # nobody reads and types so fast
_UNUSABLE = ", ".join(f"'{code}'" for code in sorted(UNUSABLE))

_CLIMB = (
    "SELECT alert.id, alert.contact_id, alert.tier, alert.armed, alert.climb,"  # noqa: S608 - fixed words
    " alert.raised_at, COALESCE(alert.armed_at, alert.raised_at) AS armed_at,"
    " alert.acknowledged_at, alert.resumed_at, alert.drill,"
    " (SELECT MAX(created_at) FROM outbox WHERE outbox.contact_id = alert.contact_id AND purpose = 'supporter'"
    # What Meta was offered and has not taken has reached nobody; a drill's words never go there.
    " AND (alert.drill = 1 OR state IN ('sending', 'sent', 'delivered', 'seen')"
    " OR (state = 'waiting' AND tries = 0))) AS replied_at,"
    # An answer within seconds is a machine's, such as Meta's own "thanks for your message".
    " (SELECT MAX(at) FROM entry WHERE entry.contact_id = alert.contact_id AND written_by = 'inbox'"
    " AND at >= alert.acknowledged_at AND NOT EXISTS (SELECT 1 FROM entry AS before"
    " WHERE before.contact_id = entry.contact_id AND before.written_by = 'contact'"
    f" AND before.at BETWEEN entry.at - {_MACHINE_MS} AND entry.at)) AS inbox_at,"
    # A note alone is no action.
    " (SELECT MAX(at) FROM escalation_entry JOIN escalation ON escalation.id = escalation_id"
    " WHERE escalation.alert_id = alert.id AND by_id IS NOT NULL AND kind <> 'note') AS acted_at"
    " FROM alert WHERE alert.closed_at IS NULL"
)
_FIRED = (
    "SELECT step, part, rung, at,"  # noqa: S608 - fixed words
    f" EXISTS (SELECT 1 FROM telling WHERE rung_id = rung.id AND COALESCE(code, '') NOT IN ({_UNUSABLE})"
    " AND (state IN ('failed', 'unknown') OR (tries > 0 AND state IN ('waiting', 'sending')))) AS failing,"
    f" EXISTS (SELECT 1 FROM telling WHERE rung_id = rung.id AND COALESCE(code, '') NOT IN ({_UNUSABLE}))"
    " AS reaching FROM rung WHERE alert_id = :alert_id AND climb = :climb ORDER BY step DESC LIMIT 1"
)
# What is worth sending: the alert is still to be told, and no later climb tells it.
_WANTED = (
    "(rung_id IS NULL OR EXISTS (SELECT 1 FROM rung JOIN alert ON alert.id = rung.alert_id"
    " WHERE rung.id = telling.rung_id AND rung.climb = alert.climb AND alert.closed_at IS NULL"
    " AND (alert.acknowledged_at IS NULL OR alert.resumed_at IS NOT NULL)))"
)
_DUE = (
    "state IN ('waiting', 'unknown') AND channel <> 'banner' AND channel = COALESCE(:channel, channel)"
    f" AND next_try_at <= :now AND {_WANTED}"
)


class Rungs(Store):
    """The caller holds the contact's lock where it writes."""

    # Climbing.

    def climbs(self) -> list[Climb]:
        """Every open alert, the oldest first."""
        return [_climb(row) for row in self._all(_CLIMB + " ORDER BY alert.id")]

    def climb(self, alert_id: int) -> Climb | None:
        """One open alert."""
        row = self._one(_CLIMB + " AND alert.id = :id", id=alert_id)
        return _climb(row) if row else None

    def last(self, climb: Climb) -> Fired | None:
        """The latest rung of this climb."""
        row = self._one(_FIRED, alert_id=climb.alert_id, climb=climb.number)
        if row is None:
            return None
        return Fired(
            step=row["step"],
            part=row["part"],
            rung=row["rung"],
            at=from_ms(row["at"]),
            moves_on=bool(row["failing"]) or not row["reaching"],
        )

    def fire(self, climb: Climb, step: Step, told: Iterable[Telling], now: datetime) -> bool:
        """Write down that this rung is climbed, and whom it tells. False: another worker was first."""
        rung_id = self._value(
            "INSERT INTO rung (alert_id, armed, climb, step, part, rung, tell, at)"
            " VALUES (:alert_id, :armed, :climb, :step, :part, :rung, :tell, :now)"
            " ON CONFLICT (alert_id, climb, step) DO NOTHING RETURNING id",
            alert_id=climb.alert_id,
            armed=climb.armed,
            climb=climb.number,
            step=step.step,
            part=step.part,
            rung=step.index,
            tell=step.rung.tell,
            now=to_ms(now),
        )
        if rung_id is None:
            return False
        told = tuple(told)
        self._add(climb.alert_id, int(rung_id), "ladder", told, now)
        if not reaches(told):
            self._tx.case_lines.nobody(int(rung_id), now)
        return True

    def tell(self, alert_id: int, purpose: Purpose, told: Iterable[Telling], now: datetime) -> None:
        """Notifications that are not of the ladder: nothing but their own success ends them."""
        self._add(alert_id, None, purpose, told, now)

    def _add(
        self, alert_id: int, rung_id: int | None, purpose: Purpose, told: Iterable[Telling], now: datetime
    ) -> None:
        for one in told:
            self._run(
                "INSERT INTO telling (uid, alert_id, rung_id, purpose, who, channel, state, state_at,"
                " next_try_at, code) VALUES (:uid, :alert_id, :rung_id, :purpose, :who, :channel, :state, :now,"
                " :now, :code)",
                uid=new_uid(),
                alert_id=alert_id,
                rung_id=rung_id,
                purpose=purpose,
                who=one.who,
                channel=one.channel,
                state="failed" if one.code else "waiting",
                now=to_ms(now),
                code=one.code,
            )
        self._tx.wake("alerts", "screens")

    def reached_anybody(self, climb: Climb) -> bool:
        """Whether any rung of this climb could be told to anybody."""
        row = self._one(
            "SELECT telling.id FROM telling JOIN rung ON rung.id = telling.rung_id"  # noqa: S608 - fixed words
            " WHERE rung.alert_id = :alert_id AND rung.climb = :climb"
            f" AND COALESCE(code, '') NOT IN ({_UNUSABLE}) LIMIT 1",
            alert_id=climb.alert_id,
            climb=climb.number,
        )
        return row is not None

    def banner_shown(self, alert_id: int, now: datetime) -> None:
        """The bar was open at somebody."""
        self._run(
            "UPDATE telling SET state = 'accepted', state_at = :now"
            " WHERE alert_id = :id AND channel = 'banner' AND state = 'waiting'",
            id=alert_id,
            now=to_ms(now),
        )

    # Sending.

    def is_due(self, now: datetime, channel: str | None = None) -> bool:
        """Whether `claim` would find something."""
        found = self._one(f"SELECT id FROM telling WHERE {_DUE} LIMIT 1", now=to_ms(now), channel=channel)  # noqa: S608
        return found is not None

    def claim(self, now: datetime, worker: str, channel: str | None = None) -> TakenTelling | None:
        """Give this worker the next notification; it is in state `sending` from now on. `channel` None: of any."""
        at = to_ms(now)
        candidate = self._one(
            f"SELECT id FROM telling WHERE {_DUE} ORDER BY next_try_at, id LIMIT 1 {{skip_locked}}",  # noqa: S608
            now=at,
            channel=channel,
        )
        if candidate is None:
            return None
        row = self._one(
            "UPDATE telling SET state = 'sending', state_at = :now, claimed_at = :now, worker = :worker"
            " WHERE id = :id AND state IN ('waiting', 'unknown') RETURNING *",
            id=candidate["id"],
            now=at,
            worker=worker,
        )
        return self._taken(row) if row else None

    def _taken(self, row: Row) -> TakenTelling:
        alert = self._one("SELECT contact_id, drill FROM alert WHERE id = :id", id=row["alert_id"])
        assert alert is not None  # noqa: S101 - a foreign key
        armed = (
            self._value("SELECT armed FROM rung WHERE id = :id", id=row["rung_id"])
            if row["rung_id"]
            else None
        )
        return TakenTelling(
            id=row["id"],
            key=row["uid"].hex(),
            alert_id=row["alert_id"],
            contact_id=alert["contact_id"],
            purpose=row["purpose"],
            who=row["who"],
            channel=row["channel"],
            tries=row["tries"],
            armed=armed,
            drill=bool(alert["drill"]),
        )

    def accepted(self, telling_id: int, now: datetime) -> bool:
        """The channel said yes. False: that is known already."""
        changed = self._run(
            "UPDATE telling SET state = 'accepted', state_at = :now, tries = tries + 1, code = NULL"
            " WHERE id = :id AND state <> 'accepted'",
            id=telling_id,
            now=to_ms(now),
        )
        if changed:
            self._tx.case_lines.accepted(telling_id, now)
        self._tx.wake("alerts", "screens")
        return changed == 1

    def failed(
        self, telling_id: int, now: datetime, code: str, *, again_at: datetime | None, unknown: bool = False
    ) -> None:
        """It did not go out, or nobody knows (`unknown`); tried again from `again_at` on. `code` is stable."""
        state = "unknown" if unknown else "failed" if again_at is None else "waiting"
        changed = self._run(
            "UPDATE telling SET state = :state, state_at = :now, next_try_at = :again, tries = tries + 1,"
            " code = :code WHERE id = :id AND state = 'sending'",
            id=telling_id,
            state=state,
            now=to_ms(now),
            again=_NEVER if again_at is None else to_ms(again_at),
            code=code,
        )
        if changed:
            self._tx.case_lines.failed(telling_id, now)
        self._tx.wake("alerts", "screens")

    def recover(self, now: datetime, older_than: timedelta, in_flight: Collection[int] = ()) -> int:
        """What a dead worker was sending is sent again; what nobody needs any more is dropped; how many of both.

        A clock that was put back holds up nothing.
        """
        at, far = to_ms(now), to_ms(now) + _FAR_MS
        stuck = self._all(
            "SELECT id FROM telling WHERE state = 'sending' AND (claimed_at <= :before OR claimed_at > :far)"
            " ORDER BY id {skip_locked}",
            before=to_ms(now - older_than),
            far=far,
        )
        count = 0
        for row in stuck:
            if row["id"] not in in_flight:
                count += self._run(
                    "UPDATE telling SET state = 'waiting', state_at = :now, next_try_at = :now, code = 'cut_off'"
                    " WHERE id = :id AND state = 'sending'",
                    id=row["id"],
                    now=at,
                )
        count += self._run(
            "UPDATE telling SET next_try_at = :now WHERE state IN ('waiting', 'unknown') AND next_try_at > :far"
            " AND next_try_at < :never",
            now=at,
            far=far,
            never=_NEVER,
        )
        count += self._run(
            "UPDATE telling SET state = 'dropped', state_at = :now"  # noqa: S608 - fixed words
            f" WHERE state IN ('waiting', 'unknown') AND NOT {_WANTED}",
            now=at,
        )
        count += self._run("UPDATE rung SET at = :now WHERE at > :far", now=at, far=far)
        count += self._run(
            "UPDATE alert SET armed_at = :now WHERE armed_at > :far AND closed_at IS NULL", now=at, far=far
        )
        if count:
            self._tx.wake("alerts")
        return count

    def prune(self, now: datetime) -> None:
        """Forget whom closed alerts told, after ninety days."""
        before = to_ms(now - _KEPT)
        old = "(SELECT id FROM alert WHERE closed_at < :before)"
        self._run(f"DELETE FROM telling WHERE alert_id IN {old}", before=before)  # noqa: S608 - fixed words
        self._run(f"DELETE FROM rung WHERE alert_id IN {old}", before=before)  # noqa: S608 - fixed words

    # Showing.

    def lines(self, alert_id: int) -> list[RungLine]:
        """Every rung of this alert, the oldest first."""
        tellings: dict[int | None, list[TellingLine]] = {}
        for row in self._all("SELECT * FROM telling WHERE alert_id = :id ORDER BY id", id=alert_id):
            tellings.setdefault(row["rung_id"], []).append(_line(row))
        return [
            RungLine(
                step=row["step"],
                armed=row["armed"],
                part=row["part"],
                tell=row["tell"],
                at=from_ms(row["at"]),
                tellings=tuple(tellings.get(row["id"], ())),
            )
            for row in self._all("SELECT * FROM rung WHERE alert_id = :id ORDER BY id", id=alert_id)
        ]

    def others(self, alert_id: int) -> list[TellingLine]:
        """Notifications about this alert that are not of the ladder."""
        rows = self._all(
            "SELECT * FROM telling WHERE alert_id = :id AND rung_id IS NULL ORDER BY id", id=alert_id
        )
        return [_line(row) for row in rows]


def _line(row: Row) -> TellingLine:
    return TellingLine(
        who=row["who"],
        channel=row["channel"],
        purpose=row["purpose"],
        state=row["state"],
        state_at=from_ms(row["state_at"]),
        code=row["code"],
        tries=row["tries"],
    )


def _climb(row: Row) -> Climb:
    replies = [at for at in (row["replied_at"], row["inbox_at"]) if at is not None]
    return Climb(
        alert_id=row["id"],
        contact_id=row["contact_id"],
        tier=Tier(row["tier"]),
        armed=row["armed"],
        number=row["climb"],
        armed_at=from_ms(row["armed_at"]),
        raised_at=from_ms(row["raised_at"]),
        acknowledged_at=from_ms_or_none(row["acknowledged_at"]),
        resumed_at=from_ms_or_none(row["resumed_at"]),
        replied_at=from_ms(max(replies)) if replies else None,
        acted_at=from_ms_or_none(row["acted_at"]),
        drill=bool(row["drill"]),
    )
