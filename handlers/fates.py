"""Messages of unknown fate, when no echo came: what the Page itself has said stands in the Conversations API.

`catch_up` reads it anyway, and reads it for this too. If our words stand there, they have arrived. If they do not, a
good while later, they have not: then a text of the bot goes out after all, unless something was said since or the bot
is to be silent, and a person's words are shown to them as not sent. Whatever cannot be told stays as it is, and a
person looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from handlers.messenger import limits, wire
from handlers.messenger.split import split
from handlers.turns import confirm, tell
from storage import Storage, Tx
from storage.records import LostSend

log = logging.getLogger("peersupport.fates")

# Until a message that is not in the answer has not arrived. Meta gives no figure for how soon one stands there; a
# message that the student has on the screen and that is missing after a minute has not been seen.
ASK_AFTER = timedelta(minutes=1)
ASK_UNTIL = timedelta(minutes=30)  # what Meta has not told by then it will not be asked for: a person has it
CLOCKS = timedelta(minutes=15)  # Meta's and ours may differ by so much

Verdict = Literal["arrived", "missing", "unclear"]
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the Page's."""

    mid: str
    text: str
    at: datetime  # to the second


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of one conversation: the Page's messages in order, and how far back that goes (None: all)."""

    psid: str
    said: tuple[Said, ...]
    back_to: datetime | None
    is_whole: bool = True  # every message shown could be read


def shown_in(answer: Json, page_id: str) -> list[Shown]:
    """The conversations of an answer in which the student can be told."""
    found = []
    for conversation in map(wire.mapping, wire.items(answer.get("data"))):
        messages = [
            wire.mapping(each) for each in wire.items(wire.mapping(conversation.get("messages")).get("data"))
        ]
        psid, said, back_to, is_whole = None, [], None, True
        for message in reversed(messages):
            author, at = wire.person_id(message.get("from")), wire.graph_time(message.get("created_time"))
            mid = wire.message_id(message.get("id"))
            if author is None or at is None or mid is None:
                is_whole = False
                continue
            back_to = back_to or at
            if author == page_id:
                said.append(Said(mid, wire.text(message.get("message")) or "", at))
            else:
                psid = author
        if psid is not None:
            is_all = len(messages) < limits.PAST_MESSAGES
            found.append(Shown(psid, tuple(said), None if is_all else back_to, is_whole))
    return found


def judge(
    text: str, claimed_at: datetime, asked_at: datetime, shown: Shown, is_known: Callable[[str], bool]
) -> tuple[Verdict, str | None]:
    """What became of this text, and its (last part's) mid. `is_known`: the mid belongs to another message of ours."""
    since = min(claimed_at, asked_at) - CLOCKS  # a clock may have been put back between the two
    parts = split(text)
    unknown = [each for each in shown.said if not is_known(each.mid)]
    new = [each for each in unknown if each.at >= since]
    mid = _found(parts, new)
    if mid is not None:
        return "arrived", mid
    # Half of it, or it reads differently there; or our words at a time that only a wrong clock explains.
    if new or not shown.is_whole or any(_found([part], unknown) for part in parts):
        return "unclear", None
    return ("missing" if shown.back_to is None or shown.back_to < since else "unclear"), None


def _found(parts: Sequence[str], said: Sequence[Said]) -> str | None:
    """The last part's mid, where all stand there in order."""
    mid, rest = None, iter(said)
    for part in parts:
        mid = next((each.mid for each in rest if _plain(each.text) == _plain(part)), None)
        if mid is None:
            return None
    return mid


def _plain(text: str) -> str:
    return " ".join(text.split())


class Fates:
    """What one worker's catching up learns of them. Only one thread at a time may use it."""

    def __init__(self, storage: Storage, page_id: str) -> None:
        self._storage, self._page_id = storage, page_id
        self._asked: set[int] = set()

    def oldest(self, now: datetime) -> datetime | None:
        """When the oldest message was claimed for which Meta is to be asked; None: there is none."""
        claimed = [each.claimed_at for each in self._lost(now) if self._is_due(each, now)]
        return min(claimed, default=None)

    def hear(self, answer: Json, asked_at: datetime, now: datetime) -> None:
        """Settle what this answer tells. `asked_at`: no later than the question."""
        lost = self._lost(now)
        if not lost:
            return
        shown = {each.psid: each for each in shown_in(answer, self._page_id)}
        for each in lost:
            if each.psid in shown:
                self._settle(each, shown[each.psid], asked_at, now)

    def asked(self, began_at: datetime, now: datetime) -> None:
        """All was read: nothing more will be learnt of those that were due when it began."""
        self._asked = {
            each.id for each in self._lost(now) if each.id in self._asked or self._is_due(each, began_at)
        }

    def _lost(self, now: datetime) -> list[LostSend]:
        return self._storage.read(lambda tx: tx.fates.lost(now - ASK_UNTIL))

    def _is_due(self, lost: LostSend, now: datetime) -> bool:
        return lost.id not in self._asked and lost.unknown_at <= now - ASK_AFTER

    def _settle(self, lost: LostSend, shown: Shown, asked_at: datetime, now: datetime) -> None:
        def work(tx: Tx) -> str:
            if not tx.contacts.lock(lost.contact_id):  # so that nothing is said meanwhile
                return ""

            def is_known(mid: str) -> bool:
                names = (mid, f"m_{mid}", mid.removeprefix("m_"))
                return any(tx.transcript.holds(lost.contact_id, name) for name in names)

            verdict, mid = judge(lost.message.text, lost.claimed_at, asked_at, shown, is_known)
            if verdict == "arrived" and mid is not None:
                confirm(tx, lost.contact_id, lost.id, mid, now)
                tx.counters.bump("fate_arrived")
                return "arrived"
            if verdict == "missing" and self._is_due(lost, asked_at):
                state = tx.fates.not_arrived(lost.id, now)
                if state == "failed":
                    tell(tx, lost.contact_id, lost.id, lost.message.purpose, "failed", "not_arrived", now)
                if state is not None:
                    tx.counters.bump(f"fate_{state}")
                return state or ""
            return ""

        outcome = self._storage.write(work)
        if outcome:
            log.info("fate_told", extra={"outbox_id": lost.id, "outcome": outcome})
