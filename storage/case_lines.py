"""What the service itself writes in the record of a case, in the transaction in which it happens: one line an event.

So that every alert has a record, also where nobody wrote a word, and it says after DELETE what was noticed, who was
told, and who had it. These lines have no `by_id`: they are nobody's deed, and nothing waits less because of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.effects import HANDED_ON, RaiseAlert
from bot.ladder import UNUSABLE
from storage.engine import Row
from storage.errors import WrongKey
from storage.store import Store
from storage.times import from_ms

_UNUSABLE = ", ".join(f"'{code}'" for code in sorted(UNUSABLE))
_SAME_RUNG = (
    " FROM telling JOIN rung ON rung.id = telling.rung_id WHERE telling.alert_id = :alert_id"
    " AND rung.climb = :climb AND rung.part = :part AND rung.rung = :rung"
)
KINDS = (
    "raised",
    "raised_again",
    *sorted(HANDED_ON),
    "card",
    "acknowledged",
    "resumed",
    "told",
    "not_told",
    "closed",
)
UNREADABLE = "record_unreadable"  # an incident


class CaseLines(Store):
    """The caller holds the contact, or its alert."""

    def begin(self, alert_id: int, alert: RaiseAlert, *, drill: bool) -> None:
        """The alert went off: its record begins, with the words that it went off for."""
        noticed = {
            "at": alert.at.isoformat(),
            **({} if alert.in_hours is None else {"in_hours": alert.in_hours}),
            **_what(alert),
            "call_for_them": alert.call_for_them,
            "drill": drill,
        }
        self._tx.escalations.open_for(alert_id, alert.at, noticed)

    def raised_again(self, alert_id: int, alert: RaiseAlert, *, words: tuple[str, ...]) -> None:
        """It went off once more, or the one who had it has handed it on. `words`: those that are new."""
        (rule,) = alert.rules if len(alert.rules) == 1 else ("",)
        if rule in HANDED_ON:
            self._add(alert_id, rule, _who(alert.by), alert.at)
        else:
            fields = {**_what(alert), "words": list(words), "call_for_them": alert.call_for_them}
            self._add(alert_id, "raised_again", fields, alert.at)

    def card(
        self, alert_id: int, outcome: str, now: datetime, card: str | None, content_set: int | None
    ) -> None:
        """Whether the emergency card went out, and which."""
        fields = {"card": outcome, "which": card, "set": content_set}
        self._add(alert_id, "card", {name: each for name, each in fields.items() if each is not None}, now)

    def acknowledged(self, alert_id: int, staff_id: int, now: datetime) -> None:
        """ "I have it." A later arming wipes that off the alert, and not from here."""
        self._add(alert_id, "acknowledged", _who(staff_id), now)

    def resumed(self, alert_id: int, now: datetime) -> None:
        """Whoever had it did nothing that shows: people are told again."""
        self._add(alert_id, "resumed", {}, now)

    def closed(
        self, alert_id: int, by: int | None, now: datetime, *, to_confirm: bool, outcome: str | None
    ) -> None:
        """It is over. `record_proof` holds the alert to this line."""
        ended = {} if outcome is None else {"outcome": outcome}
        self._add(alert_id, "closed", {**_who(by), **ended, "to_confirm": to_confirm}, now)

    # Whom the ladder told: a line for each rung of a climb, however often it is repeated.

    def shown(self, alert_id: int, staff_id: int | None, now: datetime) -> None:
        """The bar was open at somebody on duty."""
        who = {} if staff_id is None else {"who": f"staff:{staff_id}"}
        self._add(alert_id, "told", {"channel": "banner", **who}, now)

    def accepted(self, telling_id: int, now: datetime) -> None:
        """A channel took it: the line is written for the first that does."""
        one = self._telling(telling_id)
        if one is not None and self._first(one, "telling.state = 'accepted'"):
            self._add(one["alert_id"], "told", _rung(one) | _by(one), now)

    def failed(self, telling_id: int, now: datetime) -> None:
        """A channel did not take it: the line is written for the first that does not, unless another has."""
        one = self._telling(telling_id)
        tried = f"(telling.state = 'accepted' OR telling.tries > 0) AND COALESCE(telling.code, '') NOT IN ({_UNUSABLE})"
        if one is not None and one["tries"] == 1 and self._first(one, tried):
            self._add(one["alert_id"], "not_told", _rung(one) | _by(one) | {"code": one["code"]}, now)

    def nobody(self, rung_id: int, now: datetime) -> None:
        """A rung has nobody who could be told."""
        one = self._one("SELECT * FROM rung WHERE id = :id", id=rung_id)
        if one is None:
            return
        earlier = self._one(
            "SELECT id FROM rung WHERE alert_id = :alert_id AND climb = :climb AND part = :part AND rung = :rung"
            " AND id <> :id LIMIT 1",
            **{name: one[name] for name in ("id", "alert_id", "climb", "part", "rung")},
        )
        if earlier is None:
            self._add(one["alert_id"], "not_told", _rung(one), now)

    def _telling(self, telling_id: int) -> Row | None:
        return self._one(
            "SELECT telling.id, telling.alert_id, telling.who, telling.channel, telling.tries, telling.code,"
            " rung.climb, rung.part, rung.rung, rung.tell, rung.at FROM telling"
            " JOIN rung ON rung.id = telling.rung_id WHERE telling.id = :id",
            id=telling_id,
        )

    def _first(self, one: Row, like: str) -> bool:
        """Whether no other notification of this rung, in this climb, is like that."""
        other = self._one(
            f"SELECT telling.id{_SAME_RUNG} AND telling.id <> :id AND {like} LIMIT 1",
            **{name: one[name] for name in ("id", "alert_id", "climb", "part", "rung")},
        )
        return other is None

    def _add(self, alert_id: int, kind: str, fields: Mapping[str, Any], now: datetime) -> None:
        try:
            self._tx.escalations.add(self._tx.escalations.open_for(alert_id, now), None, kind, fields, now)
        except WrongKey:  # a record that somebody damaged must not keep an alert from going off
            self._tx.incidents.open(UNREADABLE, now)


def _what(alert: RaiseAlert) -> dict[str, Any]:
    return {
        "tier": alert.tier.value,
        "category": alert.category,
        "rules": list(alert.rules),
        "words": list(alert.matched),
        **({} if alert.content_set is None else {"set": alert.content_set}),
        **_who(alert.by),
    }


def _who(staff_id: int | None) -> dict[str, int]:
    return {} if staff_id is None else {"staff": staff_id}


def _rung(one: Row) -> dict[str, Any]:
    return {"tell": one["tell"], "in_hours": one["part"] == "open", "at": from_ms(one["at"]).isoformat()}


def _by(one: Row) -> dict[str, str]:
    return {"who": one["who"], "channel": one["channel"]}
