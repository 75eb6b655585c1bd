"""What people do about an alert and after it: take it, judge it, record it, have it confirmed, look who it is.

Each deed is one transaction. All raise NotPossible, with a code where the console has words for it; every error
leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import handoff
from bot.content import Content
from bot.conversation import Tier
from bot.errors import AlreadyClaimed, NotPossible
from bot.handoff import Person
from bot.ladder import Plan, Roster, tellings
from bot.record_entries import is_said, read_line
from bot.settings import Rung, Words
from bot.sight import Sight, check
from handlers.alerting.climber import plan
from handlers.alerting.people import roster
from handlers.clock import Clock
from handlers.doing import ANSWERERS as HELPERS
from handlers.doing import LEADS, check_account, sight
from handlers.turns import draft_for, save
from storage import Erased, Storage, Tx
from storage.ladder_records import (
    Debrief,
    EscalationRecord,
    IdentityOpening,
    Purpose,
    RungLine,
    TellingLine,
    Unconfirmed,
    Verdict,
    VerdictCount,
)
from storage.records import Alert, Role, Staff

READERS = LEADS | {Role.REVIEWER}

# https://www.facebook.com/help/ names the inbox of Meta Business Suite; police ask at facebook.com/records.
LOOK_UP = Words(
    nb="Åpne Meta Business Suite som den som har tilgang til siden, velg Innboks og Messenger, og finn samtalen på "
    "tidspunktet for siste melding. Navnet står øverst i samtalen, profilen til høyre. Gi politiet navnet, lenken til "
    "profilen, sidens navn og tallet som står her. De kan be Meta om nødutlevering på facebook.com/records.",
    en="Open Meta Business Suite as the person who has access to the Page, choose Inbox and Messenger, and find the "
    "conversation by the time of its latest message. The name is at the top, the profile on the right. Give the police "
    "the name, the link to the profile, the Page's name and the number shown here. They can ask Meta for emergency "
    "disclosure at facebook.com/records.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the ladder has come for one alert."""

    rungs: tuple[RungLine, ...]
    others: tuple[TellingLine, ...]  # notifications about it that are not of the ladder
    plan: Plan  # `look_at` and `next_tells`: when whom next


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identity:
    """Who a student is, as far as we hold it: Meta's number for them on this Page, and where a name can be found."""

    opening_id: int
    psid: str
    last_inbound_at: datetime | None
    look_up: Words
    review_by: datetime


class Escalation:
    """Used by the console, beside `Deeds`."""

    def __init__(self, storage: Storage, content: Callable[[], Content], clock: Clock) -> None:
        self._storage = storage
        self._content = content
        self._clock = clock

    # The alert.

    def acknowledge(self, alert_id: int, staff: Staff) -> None:
        """ "I have it": the ladder pauses. Raises AlreadyClaimed with the name of whoever was first.

        Once the ladder has gone on because nobody wrote, it can be taken anew, by the same person too.
        """

        def deed(tx: Tx) -> None:
            alert = self._locked(tx, alert_id, staff, HELPERS)
            if alert.closed_at is not None:
                raise NotPossible("the alert is over")
            if alert.acknowledged_by == staff.id and alert.resumed_at is None:
                return  # a second click
            if not tx.alerts.acknowledge(alert_id, staff.id, staff.alias, self._clock()):
                raise AlreadyClaimed(alert.acknowledged_alias or "")
            tx.audit.add(self._clock(), staff.id, "acknowledged", alert.contact_id, alert.tier.value)

        self._storage.write(deed)

    def standing(self, alert_id: int) -> Standing:
        """Whom the ladder has told, how that went, and when whom next."""

        def look(tx: Tx) -> Standing:
            climb = tx.rungs.climb(alert_id)
            return Standing(
                rungs=tuple(tx.rungs.lines(alert_id)),
                others=tuple(tx.rungs.others(alert_id)),
                plan=plan(tx, climb, self._content(), self._clock()) if climb else Plan(),
            )

        return self._storage.read(look)

    def judge(self, alert_id: int, staff: Staff, verdict: Verdict) -> None:
        """Was the alert right, wrong, or unclear? The latest mark counts."""

        def deed(tx: Tx) -> None:
            alert = self._locked(tx, alert_id, staff, HELPERS, even_erased=True)
            tx.closures.judge(alert_id, staff.id, verdict, self._clock())
            tx.audit.add(self._clock(), staff.id, "alert_judged", alert.contact_id, verdict)

        self._storage.write(deed)

    def verdicts(self, days: int = 90) -> list[VerdictCount]:
        """How alerts of the last days were judged, by category and by rule; drills left out."""
        since = self._clock() - timedelta(days=days)
        return self._storage.read(lambda tx: tx.closures.verdicts(since))

    def lower_tier(self, contact_id: int, staff: Staff, tier: Tier, reason: str, *, seen: Sight) -> None:
        """A note and the record of the case say why. Raises ChangedMeanwhile when there is more than was `seen`."""
        if not is_said(reason):
            raise NotPossible("a reason is needed")

        def deed(tx: Tx) -> None:
            now = self._clock()
            _check_account(tx, staff, HELPERS)
            if not tx.contacts.lock(contact_id):
                raise NotPossible("the conversation was deleted")
            alert = tx.alerts.open_for(contact_id)
            draft = draft_for(tx, contact_id, self._content(), now)
            before = draft.conv.tier
            check(seen, sight(tx, contact_id, before))
            handoff.lower_tier(draft, Person(id=staff.id, alias=staff.alias), tier, reason)
            if alert is not None:
                fields = {"from": before.value, "to": tier.value, "reason": reason.strip()}
                tx.escalations.add(_record_of(tx, alert.id, now), staff.id, "tier_lowered", fields, now)
            save(tx, draft.turn(), now)
            tx.transcript.add_note(contact_id, staff.id, staff.alias, reason.strip(), now)

        self._storage.write(deed)

    # The record.

    def record(self, alert_id: int, staff: Staff, kind: str, fields: dict[str, object]) -> None:
        """Add one line to the record of the case. `kind` and `fields`: see `bot.record_entries`.

        Raises NotPossible("record: FIELD") for a field that is missing or wrong.
        """
        now = self._clock()
        line = read_line(kind, fields, now)

        def deed(tx: Tx) -> None:
            alert = self._locked(tx, alert_id, staff, HELPERS, even_erased=True)
            record_id = _record_of(tx, alert.id, now)
            tx.escalations.add(record_id, staff.id, kind, line, now)
            if kind == "debrief" and line.get("offered"):
                tx.escalations.offer_debrief(record_id, now)

        self._storage.write(deed)

    def open_record(self, alert_id: int, staff: Staff) -> EscalationRecord | None:
        """The record with its lines; None if there is none. Written down that it was read.

        For duty leads, coordinators and reviewers, and for whoever has the alert while it is open.
        """

        def deed(tx: Tx) -> EscalationRecord | None:
            alert = tx.alerts.get(alert_id)
            has_it = alert is not None and alert.closed_at is None and alert.acknowledged_by == staff.id
            _check_account(tx, staff, HELPERS if has_it else READERS)
            found = tx.escalations.for_alert(alert_id)
            if found is not None:
                tx.audit.add(self._clock(), staff.id, "record_opened", found.contact_id, str(found.id))
            return found

        return self._storage.write(deed)

    def records(self, staff: Staff) -> list[EscalationRecord]:
        """The newest records, without their lines."""

        def look(tx: Tx) -> list[EscalationRecord]:
            _check_account(tx, staff, READERS)
            return tx.escalations.newest()

        return self._storage.read(look)

    # A second person.

    def unconfirmed(self) -> list[Unconfirmed]:
        """Critical conversations that one person closed and nobody has confirmed."""
        return self._storage.read(lambda tx: tx.closures.unconfirmed())

    def confirm_closure(self, alert_id: int, staff: Staff) -> None:
        """A duty lead or coordinator agrees that a critical conversation could be closed; not the one who did."""

        def deed(tx: Tx) -> None:
            now = self._clock()
            alert = self._locked(tx, alert_id, staff, LEADS, even_erased=True)
            if alert.closed_by == staff.id:
                raise NotPossible("another person must confirm")
            if not tx.closures.confirm(alert_id, staff.id, now):
                raise NotPossible("there is nothing to confirm")
            tx.escalations.add(_record_of(tx, alert.id, now), staff.id, "closure_confirmed", {}, now)
            tx.audit.add(now, staff.id, "closure_confirmed", alert.contact_id, None)
            end_incidents(tx, now)

        self._storage.write(deed)

    def open_identity(self, alert_id: int, staff: Staff, reason: str) -> Identity:
        """In an emergency: who is it? One person opens it with a reason, a second one is told at once and reviews.

        Only while the alert is critical and open. Raises NotPossible otherwise, and for a student who was erased.
        """
        if not any(each.isalnum() for each in reason):
            raise NotPossible("a reason is needed")

        def deed(tx: Tx) -> Identity:
            now = self._clock()
            alert = self._locked(tx, alert_id, staff, HELPERS)
            if alert.tier is not Tier.CRITICAL or alert.closed_at is not None:
                raise NotPossible("only while somebody's life is in danger")
            try:
                psid = "-" if alert.drill else tx.contacts.psid(alert.contact_id)
            except Erased:
                raise NotPossible("the conversation was deleted") from None
            review_by = now + timedelta(hours=self._content().settings.ladder.confirm_hours)
            record_id = _record_of(tx, alert.id, now)
            tx.escalations.add(record_id, staff.id, "identity_opened", {"reason": reason.strip()}, now)
            opening_id = tx.closures.identity_opened(record_id, alert_id, staff.id, now, review_by)
            tx.audit.add(now, staff.id, "identity_opened", alert.contact_id, str(opening_id))
            self._tell_leads(tx, alert_id, staff, now, "identity")
            if not alert.drill:  # its notice says that it is one; what everybody sees must be real
                tx.incidents.open("identity_opened", now)
            conversation = tx.conversations.peek(alert.contact_id)
            return Identity(
                opening_id=opening_id,
                psid=psid,
                last_inbound_at=conversation.last_inbound_at if conversation else None,
                look_up=LOOK_UP,
                review_by=review_by,
            )

        return self._storage.write(deed)

    def _tell_leads(self, tx: Tx, alert_id: int, by: Staff, now: datetime, purpose: Purpose) -> None:
        """Every lead but the one whose deed it is, by what reaches them away from the console."""
        channels = frozenset({"push", "email", "webhook"})
        everybody = roster(tx, self._content().settings, channels, now)
        others = tuple(one for one in everybody.people if one.who != f"staff:{by.id}")
        for tell in ("duty_lead", "coordinator"):
            rung = Rung(tell=tell, after_minutes=0, channels=("push", "email", "webhook"))
            told = tellings(rung, Roster(others, channels))
            tx.rungs.tell(alert_id, purpose, [one for one in told if one.who.startswith("staff:")], now)

    def identities(self, *, unreviewed: bool = False) -> list[IdentityOpening]:
        """Who opened an identity when, and what the second person said."""
        return self._storage.read(lambda tx: tx.closures.identities(unreviewed=unreviewed))

    def review_identity(self, opening_id: int, staff: Staff, verdict: Verdict, note: str = "") -> None:
        """A second person says whether it was right to open it."""

        def deed(tx: Tx) -> None:
            now = self._clock()
            _check_account(tx, staff, READERS)
            opening = tx.closures.identity(opening_id)
            if opening is None:
                raise NotPossible("there is nothing to review")
            if opening.opened_by == staff.id:
                raise NotPossible("another person must review")
            if not tx.closures.review(opening_id, staff.id, verdict, now):
                raise NotPossible("it has been reviewed")
            fields = {"verdict": verdict, **({"note": note.strip()} if note.strip() else {})}
            record_id = _record_of(tx, opening.alert_id, now)
            tx.escalations.add(record_id, staff.id, "identity_reviewed", fields, now)
            tx.audit.add(now, staff.id, "identity_reviewed", None, f"{opening_id}:{verdict}")
            end_incidents(tx, now)

        self._storage.write(deed)

    # Those who help.

    def answer_debrief(self, alert_id: int, staff: Staff, taken: str) -> None:
        """The answer to the offer of a talk: `yes`, `later` or `no`. Leads are told of a yes, now or later."""
        now = self._clock()
        line = read_line("debrief", {"offered": True, "taken": taken}, now)

        def deed(tx: Tx) -> None:
            alert = self._locked(tx, alert_id, staff, HELPERS, even_erased=True)
            if staff.id not in (alert.closed_by, alert.acknowledged_by):
                raise NotPossible("not theirs")
            record_id = _record_of(tx, alert.id, now)
            tx.escalations.add(record_id, staff.id, "debrief", line, now)
            tx.escalations.offer_debrief(record_id, now)
            if taken != "no" and tx.debriefs.ask(alert_id, staff.id, now):
                self._tell_leads(tx, alert_id, staff, now, "debrief")

        self._storage.write(deed)

    def debriefs(self, done_days: int = 7) -> list[Debrief]:
        """Who would like to talk, the oldest first; then what was seen to lately, and by whom."""
        since = self._clock() - timedelta(days=done_days)
        return self._storage.read(lambda tx: tx.debriefs.since(since))

    def debrief_done(self, debrief_id: int, staff: Staff) -> None:
        """Another person, a lead, has talked with them."""

        def deed(tx: Tx) -> None:
            _check_account(tx, staff, LEADS)
            if not tx.debriefs.done(debrief_id, staff.id, self._clock()):
                raise NotPossible("it was done, or it is their own")
            tx.audit.add(self._clock(), staff.id, "debrief_done", None, str(debrief_id))

        self._storage.write(deed)

    def pause(self, staff: Staff, person_id: int | None = None) -> None:
        """No new conversation comes to them until they say that they are ready. A lead may pause somebody else.

        Raises NotPossible("hand_over") while they have somebody in danger.
        """
        whom = staff.id if person_id is None else person_id

        def deed(tx: Tx) -> None:
            _check_account(tx, staff, HELPERS if whom == staff.id else LEADS)
            if any(row.tier.rank >= Tier.HIGH.rank for row in tx.handoffs.mine(whom)):
                raise NotPossible("hand_over")
            tx.staff.pause(whom, self._clock())
            tx.audit.add(self._clock(), staff.id, "paused", None, str(whom))

        self._storage.write(deed)

    def ready(self, staff: Staff) -> None:
        """The pause is over; only they themselves say so."""

        def deed(tx: Tx) -> None:
            _check_account(tx, staff, HELPERS)
            tx.staff.ready(staff.id)
            tx.audit.add(self._clock(), staff.id, "ready", None, None)

        self._storage.write(deed)

    # Inside.

    def _locked(
        self, tx: Tx, alert_id: int, staff: Staff, roles: frozenset[Role], *, even_erased: bool = False
    ) -> Alert:
        """The alert, with its contact held. Raises NotPossible."""
        _check_account(tx, staff, roles)
        found = tx.alerts.get(alert_id)
        if found is None or not (tx.contacts.lock(found.contact_id) or even_erased):
            raise NotPossible("the alert is over")
        alert = tx.alerts.get(alert_id)  # again: nobody else can change it any more
        if alert is None:
            raise NotPossible("the alert is over")
        return alert


def _record_of(tx: Tx, alert_id: int, now: datetime) -> int:
    """The alert's record. Raises NotPossible when it was destroyed because it was old."""
    try:
        return tx.escalations.open_for(alert_id, now)
    except Erased:
        raise NotPossible("the alert is over") from None


def end_incidents(tx: Tx, now: datetime) -> None:
    """Nothing waits for a second person any more: then nothing says that it does."""
    if not tx.closures.any_overdue():
        tx.incidents.close("confirmation_overdue", now)
    if not tx.closures.is_any_unreviewed():
        tx.incidents.close("identity_opened", now)


def _check_account(tx: Tx, staff: Staff, roles: frozenset[Role]) -> None:
    """As the account is now, not when the request began."""
    if check_account(tx, staff).role not in roles:
        raise NotPossible("not for this role")
