"""Publishing: what has to be in order, who has to agree, and what students under way meet. Files in, a set out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.content import load_content
from bot.differences import FileChange, differences, sensitive
from bot.errors import PeerSupportError
from bot.verified import FLAG_DAYS, STOP_DAYS, aged
from bot.versions import FIRST, Plan, place, stands, step_at
from handlers.clock import Clock
from handlers.earlier import flows_of_set
from handlers.published import has_passed, unverified_problem
from storage import Storage, StorageError, StorageUnavailable, Tx
from storage.published import set_hash, text_hash
from storage.publishing_records import Origin, Proposal
from storage.records import Role

log = logging.getLogger("peersupport.content")
Files = Mapping[str, str]
Gate = Callable[[Files], Sequence[object]]  # what is wrong, each printable; nothing: the files pass
SETTLED = timedelta(
    days=7
)  # so long after others made, opened or reset an account, it is nobody's second person
TOO_NEW = "too_new"
RECENT = timedelta(hours=24)  # whoever has written since then may be answered by itself


class Refused(PeerSupportError):
    """The files do not pass. `problems` says why, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NeedsSecond(PeerSupportError):
    """Another coordinator has to agree. `reasons`: see `bot.differences.sensitive`; or why this one cannot."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("this takes a second coordinator: " + ", ".join(reasons))
        self.reasons = tuple(reasons)


class Meanwhile(PeerSupportError):
    """Somebody else has published since. Nothing has been overwritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many students stand at one step of an earlier set."""

    number: int
    place: str  # "intake.topic"
    students: int
    recent: int  # of them, those who have written within a day
    gone: bool  # the step, or an answer that it offered, is not in the new files


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What publishing these files would mean. Nothing has been changed."""

    base: int | None  # hand it back with `publish`
    changes: tuple[FileChange, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]  # they stop nothing
    reasons: tuple[str, ...]  # why a second person is needed; none: nobody is
    standing: tuple[Standing, ...]

    @property
    def students(self) -> int:
        """On earlier sets, all together."""
        return sum(each.students for each in self.standing)


class Publishing:
    """One per process. Every method may be called from any thread."""

    def __init__(self, storage: Storage, clock: Clock, *, gates: Sequence[Gate], real: bool) -> None:
        """`gates`: the checks that files must pass. `real`: students may see it, so each new service is verified."""
        self._storage, self._clock, self._gates, self._real = storage, clock, tuple(gates), real
        self._green: str | None = (
            None  # the hash of the last files that passed all gates: looked at, then published
        )

    # Looking.

    def problems(self, files: Files) -> list[str]:
        """Everything that keeps these files from being published; the first gate that finds something ends it."""
        hashed = _hash(files)
        for gate in self._gates if hashed != self._green else ():
            if found := [str(each) for each in gate(files)]:
                return found
        self._green = hashed
        content = load_content(files)
        today = self._clock().astimezone(content.settings.service_hours.zone).date()
        found = [str(each) for each in aged(files, today, days=STOP_DAYS)]
        known = self._storage.read(lambda tx: tx.shown_services.all())
        if self._real and (problem := unverified_problem(content, known)):
            found.append(problem)
        return found

    def preview(self, files: Files) -> Preview:
        """Everything to be seen before publishing."""
        problems = self.problems(files)
        base, old = self.newest()
        return Preview(
            base=base,
            changes=tuple(differences(old, files)),
            problems=tuple(problems),
            warnings=() if problems else tuple(self.warnings(files)),
            reasons=sensitive(old, files) if base is not None else (),
            standing=() if problems else self.standing(files),
        )

    def warnings(self, files: Files) -> list[str]:
        """What should be seen to, and stops nothing."""
        content = load_content(files)
        today = self._clock().astimezone(content.settings.service_hours.zone).date()
        return [str(each) for each in aged(files, today, days=FLAG_DAYS)]

    def newest(self) -> tuple[int | None, dict[str, str]]:
        """The newest set's number and files; nothing before the first."""

        def read(tx: Tx) -> tuple[int | None, dict[str, str]]:
            number = tx.published.newest_number()
            try:
                return number, tx.published.files(number) if number is not None else {}
            except StorageUnavailable:
                raise
            except StorageError:  # damaged: whatever is published next differs from it in everything
                return number, {}

        return self._storage.read(read)

    def standing(self, files: Files) -> tuple[Standing, ...]:
        """Where students under way stand, on any set, and whether these files still have that step."""
        new, now = load_content(files).flows, self._clock()

        def look(tx: Tx) -> tuple[Standing, ...]:
            counted: Counter[tuple[int, str, bool]] = Counter()
            recent: Counter[tuple[int, str, bool]] = Counter()
            for each in tx.conversations.underway():
                number = each.flow_set or FIRST
                old = flows_of_set(tx, number)
                gone = old is None or not stands(old, new, each.state)
                key = (number, place(each.state), gone)
                counted[key] += 1
                recent[key] += each.last_inbound_at is not None and each.last_inbound_at > now - RECENT
            return tuple(
                Standing(number=key[0], place=key[1], gone=key[2], students=count, recent=recent[key])
                for key, count in sorted(counted.items())
            )

        return self._storage.read(look)

    # Publishing.

    def first(self, files: Files) -> int | None:
        """What is on disk becomes the first set, unless there is one. Raises Refused. None: there is one.

        Only the first gate counts (`check`): a service that starts does not wait for rehearsals or signatures.
        """
        if self._storage.read(lambda tx: tx.published.newest_number()) is not None:
            return None
        if problems := [str(each) for gate in self._gates[:1] for each in gate(files)]:
            raise Refused(problems)
        has_passed(files)
        return self._storage.write(
            lambda tx: self._add(
                tx, files, None, None, "what was on disk at the first start", "first", Plan()
            )
        )

    def take_disk(self, files: Files, why: str) -> int | None:
        """The demo alone: what is on disk becomes the newest set, unless it ever was one. Raises Refused."""
        hashed = _hash(files)
        base = self._storage.read(
            lambda tx: None if tx.published.with_hash(hashed) else tx.published.newest_number()
        )
        if base is None:
            return self.first(files)
        if problems := [str(each) for gate in self._gates[:1] for each in gate(files)]:
            raise Refused(problems)
        return self._storage.write(lambda tx: self._add(tx, files, base, None, why, "demo", Plan()))

    def publish(
        self,
        files: Files,
        *,
        base: int | None,
        by: int | None,
        why: str,
        plan: Plan | None = None,
        second: int | None = None,
        origin: Origin = "console",
    ) -> int:
        """Make these files the newest set; its number. `by` None: whoever runs the command line.

        Raises Refused, NeedsSecond (then `propose` it, or name `second`), Meanwhile.
        """
        plan = plan or Plan()
        old = self._pass(files, base, why, plan)
        reasons = sensitive(old, files) if base is not None else ()

        def write(tx: Tx) -> int | None:
            if reasons and second is None:
                raise NeedsSecond(reasons)
            if second is not None:
                _check_second(tx, second, by, self._clock())
            return self._add(tx, files, base, by, why, origin, plan, second=second)

        return self._done(self._storage.write(write))

    def propose(
        self,
        files: Files,
        *,
        base: int,
        by: int,
        why: str,
        plan: Plan | None = None,
        origin: Origin = "console",
    ) -> int:
        """Keep these files for a second person to approve; the proposal's id. Raises Refused, Meanwhile."""
        plan = plan or Plan()
        reasons = sensitive(self._pass(files, base, why, plan), files)

        def write(tx: Tx) -> int:
            found = tx.proposals.add(
                files, base=base, by=by, why=why, origin=origin, plan=plan, reasons=reasons, now=self._clock()
            )
            tx.audit.add(self._clock(), by, "proposed_set", None, str(found))
            return found

        return self._storage.write(write)

    def approve(self, proposal_id: int, by: int) -> int:
        """A second coordinator agrees: it is published. Raises Refused, Meanwhile (publish anew), NeedsSecond."""
        proposal, files = self._storage.read(lambda tx: _open_proposal(tx, proposal_id))
        self._pass(files, proposal.base, proposal.why, proposal.plan)

        def write(tx: Tx) -> int | None:
            _check_second(tx, by, proposal.by, self._clock())
            number = self._add(
                tx, files, proposal.base, proposal.by, proposal.why, proposal.origin, proposal.plan, second=by
            )
            if number is not None and not tx.proposals.decide(
                proposal_id, by, "approved", self._clock(), number=number
            ):
                raise Meanwhile("this proposal has been decided meanwhile")
            return number

        return self._done(self._storage.write(write))

    def drop(self, proposal_id: int, by: int) -> bool:
        """Take one's own proposal back, or refuse somebody else's. False: it has been decided meanwhile."""

        def write(tx: Tx) -> bool:
            proposal = tx.proposals.get(proposal_id)
            state = "withdrawn" if proposal is not None and proposal.by == by else "refused"
            done = tx.proposals.decide(proposal_id, by, state, self._clock())  # type: ignore[arg-type]
            if done:
                tx.audit.add(self._clock(), by, f"{state}_set", None, str(proposal_id))
            return done

        return self._storage.write(write)

    def restore(
        self, number: int, *, by: int | None, why: str, plan: Plan | None = None, second: int | None = None
    ) -> int:
        """Publish the files of an earlier set once more, as a new set. Raises as `publish`."""
        base, files = self.newest()[0], self.files_of(number)
        return self.publish(files, base=base, by=by, why=why, plan=plan, second=second, origin="restore")

    def files_of(self, number: int) -> dict[str, str]:
        """The files of one set, to be looked at, exported, or published once more (`origin="restore"`)."""
        return self._storage.read(lambda tx: tx.published.files(number))

    def _pass(self, files: Files, base: int | None, why: str, plan: Plan) -> dict[str, str]:
        """The files of `base`, once these have passed everything."""
        if not why.strip():
            raise Refused(["say why"])
        if problems := self.problems(files):
            raise Refused(problems)
        flows = load_content(files).flows
        for target in plan.moves.values():
            if target != "people" and step_at(flows, target) is None:
                raise Refused([f"there is no step {target} to move to"])
        number, old = self.newest()
        if number != base:
            raise Meanwhile(f"set {number} has been published meanwhile; look at it, and publish again")
        if old == dict(files):
            raise Refused([f"nothing differs from set {number}"])
        has_passed(files)
        return old

    def _add(
        self,
        tx: Tx,
        files: Files,
        base: int | None,
        by: int | None,
        why: str,
        origin: Origin,
        plan: Plan,
        *,
        second: int | None = None,
    ) -> int | None:
        now = self._clock()
        number = tx.published.add(
            files, base=base, by=by, why=why, origin=origin, plan=plan, now=now, second=second
        )
        if number is not None:
            tx.file_drafts.drop_published(files)
            detail = f"{number}" if second is None else f"{number}, agreed by {second}"
            tx.audit.add(now, by, "published_set", None, detail)
        return number

    def _done(self, number: int | None) -> int:
        if number is None:
            raise Meanwhile("somebody else has published meanwhile; look at it, and publish again")
        log.info("set_published", extra={"version": str(number)})
        return number


def _hash(files: Files) -> str:
    return set_hash({name: text_hash(text) for name, text in files.items()})


def _open_proposal(tx: Tx, proposal_id: int) -> tuple[Proposal, dict[str, str]]:
    proposal = tx.proposals.get(proposal_id)
    if proposal is None or proposal.state != "open":
        raise Meanwhile("this proposal has been decided meanwhile")
    return proposal, tx.proposals.files(proposal_id)


def _check_second(tx: Tx, second: int, by: int | None, now: datetime) -> None:
    """Another coordinator whose account is open, and not the hand of somebody who could sign in with it.

    Who runs the command line (`by` None) could write into the database as well, so only its own rule holds there.
    """
    found = tx.staff.get(second)
    if found is None or found.disabled or found.role is not Role.COORDINATOR or second == by:
        raise NeedsSecond(("coordinator",))
    if by is not None and tx.audit.was_handled(second, now - SETTLED):
        raise NeedsSecond((TOO_NEW,))
