"""A transaction as callers see it: one attribute per store, and a few things of its own."""

from __future__ import annotations

from functools import cached_property

from bot.messages import OutboundMessage
from storage.alert_history import AlertHistory
from storage.alerts import Alerts
from storage.audit import Audit
from storage.calendars import Calendars, RotaNotices
from storage.case_lines import CaseLines
from storage.closures import Closures
from storage.contacts import Contacts
from storage.conversations import Conversations
from storage.debriefs import Debriefs
from storage.drafts import Drafts
from storage.drills import Drills
from storage.engine import Row, Statements, Topic
from storage.errors import Erased
from storage.escalations import Escalations
from storage.fates import Fates
from storage.figures import Figures
from storage.file_drafts import FileDrafts
from storage.handoffs import Handoffs
from storage.inbox import Inbox
from storage.invitations import Invitations
from storage.matters import Matters
from storage.mentions import Mentions
from storage.missed import Missed
from storage.outbox import Outbox
from storage.posts import Posts
from storage.proposals import Proposals
from storage.published import PublishedSets
from storage.push import Push
from storage.record_proof import RecordProof
from storage.retention import Retention
from storage.rota import RotaStore
from storage.rungs import Rungs
from storage.screens import Screens
from storage.sealing import Box, Keys
from storage.second_factor import SecondFactors
from storage.service import ContentInUse, Counters, Incidents, Jobs, ShownServices, Worker
from storage.sessions import Sessions
from storage.staff import StaffStore
from storage.swaps import Swaps
from storage.timers import Timers
from storage.transcript import Transcript
from storage.typing import Typing
from storage.watches import Watches
from storage.ways import Ways


class Tx:
    """Valid inside `Storage.write` or `Storage.read` only. All times in and out are aware UTC."""

    def __init__(self, statements: Statements, keys: Keys) -> None:
        self._statements = statements
        self._boxes: dict[int, Box] = {}
        self._wrapped: dict[int, Row] = {}
        self.handling: dict[int, int] = {}  # by contact: the inbox row that is being handled
        self.written: dict[int, OutboundMessage] = {}  # by id: what was put into the outbox
        self.keys = keys
        self.all = statements.all
        self.one = statements.one
        self.run = statements.run
        self.all_from = statements.all_from
        self.run_from = statements.run_from
        self.run_each = statements.run_each
        self.part = statements.part

    def wake(self, *topics: Topic) -> None:
        """Notify the listeners once this is committed. The stores do so themselves for what they change."""
        self._statements.wake(*topics)

    def wakes(self, topic: Topic) -> bool:
        """Whether the commit will wake these listeners."""
        return topic in self._statements.wakes

    def leave_asleep(self, topic: Topic) -> None:
        """This transaction has itself dealt with what it was to wake these listeners for."""
        self._statements.wakes.discard(topic)

    def shred(self) -> None:
        """Have what this transaction deletes overwritten once it is committed."""
        self._statements.shred()

    def box(self, contact_id: int) -> Box:
        """The contact's key. Raises Erased when it has been destroyed, WrongKey when it cannot be read."""
        box = self._boxes.get(contact_id)
        if box is None:
            row = self._wrapped.get(contact_id) or self.one(
                "SELECT uid, key_wrapped FROM contact WHERE id = :id", id=contact_id
            )
            if row is None or row["key_wrapped"] is None:
                raise Erased(f"contact {contact_id} is gone")
            box = self.keep_box(contact_id, row)
        return box

    def keep_box(self, contact_id: int, row: Row) -> Box:
        """The contact's key from a row that has `key_wrapped` and the contact's `uid`, for `box` to reuse."""
        box = self._boxes.get(contact_id)
        if box is None:
            box = self._boxes[contact_id] = self.keys.contact_box(row["key_wrapped"], row["uid"])
        return box

    def note_key(self, contact_id: int, row: Row) -> None:
        """As `keep_box`, but the key is only unwrapped when it is needed; it may be gone, or unreadable."""
        self._wrapped[contact_id] = row

    def set_box(self, contact_id: int, box: Box) -> None:
        """The key of a contact that has just been added."""
        self._boxes[contact_id] = box

    def forget_box(self, contact_id: int) -> None:
        """The contact is erased: seal and open nothing more in this transaction."""
        self._boxes.pop(contact_id, None)
        self._wrapped.pop(contact_id, None)

    @cached_property
    def contacts(self) -> Contacts:
        """Who writes to us, and their keys."""
        return Contacts(self)

    @cached_property
    def posts(self) -> Posts:
        """What Meta posted and nobody has read yet."""
        return Posts(self)

    @cached_property
    def inbox(self) -> Inbox:
        """Events that came in and are not handled yet."""
        return Inbox(self)

    @cached_property
    def missed(self) -> Missed:
        """What may have come while nobody heard it."""
        return Missed(self)

    @cached_property
    def conversations(self) -> Conversations:
        """One per contact."""
        return Conversations(self)

    @cached_property
    def handoffs(self) -> Handoffs:
        """The queue, and who has whom."""
        return Handoffs(self)

    @cached_property
    def screens(self) -> Screens:
        """What people see."""
        return Screens(self)

    @cached_property
    def transcript(self) -> Transcript:
        """What was said."""
        return Transcript(self)

    @cached_property
    def fates(self) -> Fates:
        """What may have gone out and what has not."""
        return Fates(self)

    @cached_property
    def outbox(self) -> Outbox:
        """Messages on their way out."""
        return Outbox(self)

    @cached_property
    def mentions(self) -> Mentions:
        """Colleagues who are named in notes."""
        return Mentions(self)

    @cached_property
    def typing(self) -> Typing:
        """Supporters who are typing, as far as students are to see it."""
        return Typing(self)

    @cached_property
    def timers(self) -> Timers:
        """When to wake a conversation."""
        return Timers(self)

    @cached_property
    def alerts(self) -> Alerts:
        """Dangers that somebody should take."""
        return Alerts(self)

    @cached_property
    def rungs(self) -> Rungs:
        """Whom the ladder has told of an alert."""
        return Rungs(self)

    @cached_property
    def debriefs(self) -> Debriefs:
        """Who would like to talk about a hard case."""
        return Debriefs(self)

    @cached_property
    def closures(self) -> Closures:
        """What a second person must see: closed critical ones, opened identities; and verdicts on alerts."""
        return Closures(self)

    @cached_property
    def escalations(self) -> Escalations:
        """The records of serious cases."""
        return Escalations(self)

    @cached_property
    def record_proof(self) -> RecordProof:
        """Whether the records are what was written."""
        return RecordProof(self)

    @cached_property
    def case_lines(self) -> CaseLines:
        """What the service itself writes in the records."""
        return CaseLines(self)

    @cached_property
    def drills(self) -> Drills:
        """Invented students."""
        return Drills(self)

    @cached_property
    def push(self) -> Push:
        """Where browsers of staff can be reached."""
        return Push(self)

    @cached_property
    def staff(self) -> StaffStore:
        """Accounts."""
        return StaffStore(self)

    @cached_property
    def rota(self) -> RotaStore:
        """Shifts."""
        return RotaStore(self)

    @cached_property
    def swaps(self) -> Swaps:
        """Who asked whom to take a shift."""
        return Swaps(self)

    @cached_property
    def rota_notices(self) -> RotaNotices:
        """What people are yet to be told about their shifts."""
        return RotaNotices(self)

    @cached_property
    def calendars(self) -> Calendars:
        """Secret addresses of the rota as a calendar."""
        return Calendars(self)

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in, and failed tries."""
        return Sessions(self)

    @cached_property
    def factors(self) -> SecondFactors:
        """The second factor of each account, and its recovery codes."""
        return SecondFactors(self)

    @cached_property
    def invitations(self) -> Invitations:
        """Links with which a person chooses a password."""
        return Invitations(self)

    @cached_property
    def drafts(self) -> Drafts:
        """What a supporter has typed and not sent."""
        return Drafts(self)

    @cached_property
    def matters(self) -> Matters:
        """What a person is to see to or to know."""
        return Matters(self)

    @cached_property
    def watches(self) -> Watches:
        """Who looks on."""
        return Watches(self)

    @cached_property
    def audit(self) -> Audit:
        """Who did what, chained."""
        return Audit(self)

    @cached_property
    def retention(self) -> Retention:
        """How long words live."""
        return Retention(self)

    @cached_property
    def incidents(self) -> Incidents:
        """What staff must see that is not about one student."""
        return Incidents(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Which scheduled runs have been taken."""
        return Jobs(self)

    @cached_property
    def shown_services(self) -> ShownServices:
        """Which services students may have been shown."""
        return ShownServices(self)

    @cached_property
    def content_in_use(self) -> ContentInUse:
        """Which published set each process serves."""
        return ContentInUse(self)

    @cached_property
    def published(self) -> PublishedSets:
        """Published sets of files."""
        return PublishedSets(self)

    @cached_property
    def ways(self) -> Ways:
        """How often steps and ways of the flows were taken."""
        return Ways(self)

    @cached_property
    def proposals(self) -> Proposals:
        """Sets that wait for a second person."""
        return Proposals(self)

    @cached_property
    def file_drafts(self) -> FileDrafts:
        """Files that somebody has changed and not published."""
        return FileDrafts(self)

    @cached_property
    def counters(self) -> Counters:
        """Plain counts."""
        return Counters(self)

    @cached_property
    def worker(self) -> Worker:
        """Signs of life."""
        return Worker(self)

    @cached_property
    def figures(self) -> Figures:
        """Numbers for whoever watches over the service."""
        return Figures(self)

    @cached_property
    def alert_history(self) -> AlertHistory:
        """Alerts of the last days, open and over."""
        return AlertHistory(self)
