"""Plays a rehearsal's acts on the real store, inbox, decision, outbox and timers, with a clock of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.commands import PAYLOADS
from bot.content import Content
from bot.conversation import Conversation, Status
from bot.errors import NotPossible
from bot.events import AttachmentReceived, ChoiceTapped, Event, TextReceived
from bot.flow.edges import Edge
from bot.messages import BotMessage
from bot.rehearsal.model import AMALIE, LATEST, LONGEST, REFUSALS, Turn, span, wall
from handlers.local_chat import LocalChat, Said
from handlers.rehearsal.store import fresh_store
from storage import Tx
from storage.records import Alert, Duty, NewEvent, Role, Staff

STUDENT = "student"
_STAYS = timedelta(days=800)  # how long the console of whoever is on duty stays open
_KINDS = {"voice": "audio"}  # our word for it, where it is not the channel's
_MENU = {"get started": "start"}


class CannotPlayError(Exception):
    """The act is not possible here; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an act led to, and how things stand after it."""

    at: datetime
    said: tuple[Said, ...]  # to the student, by the bot and by people
    refused: str | None  # why the supporter may not
    conversation: Conversation | None
    place: int | None  # among those who wait, from 1
    alert: Alert | None

    @property
    def by_bot(self) -> tuple[Said, ...]:
        """Without people's own words."""
        return tuple(one for one in self.said if isinstance(one.message, BotMessage))

    @property
    def buttons(self) -> tuple[str, ...]:
        """Under the last message."""
        return tuple(choice.title for choice in self.said[-1].choices) if self.said else ()


class Player:
    """One student, and others who wait, on a service of their own."""

    def __init__(self, chat: LocalChat, duty: Sequence[str], waiting: int = 0) -> None:
        self.chat = chat
        self._staff: dict[str, int] = {}
        self._events: list[tuple[str, Event]] = []  # of the student's own messages, with their inbox keys
        self._edits: dict[str, int] = {}  # of each message
        self.walked_before: Counter[Edge] = Counter()  # by those who wait already
        self.set_duty(duty)
        for number in range(waiting):
            self._wait_as(f"other-{number + 1}")

    @property
    def zone(self) -> ZoneInfo:
        """The service's."""
        return self.chat.content.settings.service_hours.zone

    def walked(self) -> Counter[Edge]:
        """How often the student has taken each step and way of the flows."""
        return self.chat.storage.read(lambda tx: tx.ways.since(0)) - self.walked_before

    def play(self, turn: Turn) -> Heard:
        """Do it. Raises CannotPlayError when that is not possible here."""
        before = len(self.chat.channel.said)
        refused: str | None = None
        try:
            self._act(turn)
        except NotPossible as error:
            refused = REFUSALS.get(type(error).__name__, "not possible")
        said = [one for one in self.chat.channel.said[before:] if one.psid == STUDENT]
        return self._heard(said, refused)

    def _act(self, turn: Turn) -> None:
        act = turn.acts[0]
        match act:
            case "student writes":
                self._arrive([self._text(turn.writes or "")])
            case "student writes at once":
                self._arrive([self._text(each) for each in turn.at_once or ()])
            case "student taps":
                self._arrive([self._tap(turn.taps or "")])
            case "student presses":
                self._arrive([self._press(turn.presses or "")])
            case "student sends":
                self._arrive([self._attachment(turn.sends or "")])
            case "student edits":
                self._edit(turn.edits or "")
            case "student unsends":
                self._unsend(turn.unsends or "")
            case "delivered again":
                self._again()
            case "silence":
                self.chat.wait(span(turn.silence or ""))
            case "clock":
                self._until(turn.clock or "")
            case "on duty":
                self.set_duty(turn.duty or ())
            case "supporter writes":
                self._reply(turn.replies or "")
            case _:
                self._deed(turn.supporter or "")

    # The student.

    def _arrive(self, events: list[Event]) -> None:
        """All of them reach the inbox before the first is handled."""
        now = self.chat.now
        new = []
        for event in events:
            key = f"{STUDENT}:{len(self._events)}"
            self._events.append((key, event))
            new.append(NewEvent(psid=STUDENT, key=key, event=event))
        self.chat.storage.write(lambda tx: tx.inbox.add(new, now))
        self.chat.settle()

    def _text(self, words: str) -> Event:
        return TextReceived(sent_at=self.chat.now, mid=self.chat.new_mid(), text=words)

    def _attachment(self, kind: str) -> Event:
        kinds = (_KINDS.get(kind, kind),)
        return AttachmentReceived(sent_at=self.chat.now, mid=self.chat.new_mid(), kinds=kinds)

    def _tap(self, title: str) -> Event:
        said = [one for one in self.chat.channel.said if one.psid == STUDENT]
        shown = said[-1].choices if said else ()
        for choice in shown:
            if choice.title.casefold() == title.casefold():
                return self._choice(choice.title, choice.payload)
        there = ", ".join(f"«{choice.title}»" for choice in shown) or "none"
        raise CannotPlayError(f"there is no button «{title}» under the last message; there: {there}")

    def _press(self, name: str) -> Event:
        return self._choice(name, PAYLOADS[_MENU.get(name, name)])

    def _choice(self, title: str, payload: str) -> Event:
        return ChoiceTapped(sent_at=self.chat.now, mid=self.chat.new_mid(), title=title, payload=payload)

    def _texts(self) -> list[TextReceived]:
        return [event for _, event in self._events if isinstance(event, TextReceived)]

    def _edit(self, words: str) -> None:
        if not self._texts():
            raise CannotPlayError("the student has not written anything that could be edited")
        mid = self._texts()[-1].mid
        self._edits[mid] = self._edits.get(mid, 0) + 1
        self.chat.edit(STUDENT, mid, words, self._edits[mid])

    def _unsend(self, words: str) -> None:
        found = [event for event in self._texts() if words in (LATEST, event.text)]
        if not found:
            raise CannotPlayError("the student has not written this; write the words, or latest")
        self.chat.withdraw(STUDENT, found[-1].mid)

    def _again(self) -> None:
        if not self._events:
            raise CannotPlayError("nothing of the student's has been delivered yet")
        key, event = self._events[-1]
        self.chat.happens(STUDENT, event, key)

    # Time.

    def _until(self, text: str) -> None:
        local = self.chat.now.astimezone(self.zone)
        to = wall(text if len(text) > 5 else f"{local:%Y-%m-%d} {text}", self.zone, self.chat.now)
        if to is None:
            raise CannotPlayError("the clock was put forward that night: this time did not come")
        if to < self.chat.now:
            raise CannotPlayError(f"the clock only goes forward; it is {local:%Y-%m-%d %H:%M}")
        if to - self.chat.now > LONGEST:
            raise CannotPlayError(
                f"at most {LONGEST.days} days at a time; put the clock forward in several turns"
            )
        self.chat.wait(to - self.chat.now)

    # People.

    def set_duty(self, names: Sequence[str]) -> None:
        """These are there, and nobody else."""

        def put(tx: Tx) -> None:
            for name in dict.fromkeys((*names, *([] if self._staff else [AMALIE]))):
                if name not in self._staff:
                    self._staff[name] = tx.staff.add(name.casefold(), name, Role.SUPPORTER, "", self.chat.now)
            for name, staff_id in self._staff.items():
                tx.staff.set_duty(staff_id, Duty.ON if name in names else Duty.OFF, self.chat.now)
                tx.staff.seen(staff_id, self.chat.now + _STAYS)

        self.chat.storage.write(put)

    def _supporter(self) -> Staff:
        """Who has the student, else the first on duty, else whoever has an account."""
        conversation = self.chat.conversation(STUDENT)
        held = conversation.handoff.claimed_by if conversation and conversation.handoff else None
        everybody = self.chat.storage.read(lambda tx: tx.staff.all())
        ours = [each for each in everybody if each.id in self._staff.values()]
        has = [each for each in ours if held is not None and each.id == held]
        there = [each for each in ours if each.duty is Duty.ON]
        return (has or there or ours)[0]

    def _contact_id(self) -> int:
        found = self.chat.storage.read(lambda tx: tx.contacts.find(STUDENT))
        if found is None:
            raise CannotPlayError("the student has not written yet, or was deleted")
        return found

    def _deed(self, what: str) -> None:
        contact_id, staff, deeds = self._contact_id(), self._supporter(), self.chat.deeds
        do: dict[str, Callable[[], None]] = {
            "claims": lambda: deeds.claim(contact_id, staff),
            "releases": lambda: deeds.release(contact_id, staff),
            "closes": lambda: self._close(contact_id, staff),
        }
        do[what]()
        self.chat.settle()

    def _close(self, contact_id: int, staff: Staff) -> None:
        """As somebody who has read everything, and says "I have it" before."""
        alert = self.chat.storage.read(lambda tx: tx.alerts.open_for(contact_id))
        if alert is not None and alert.acknowledged_at is None:
            self.chat.deeds.acknowledge(alert.id, staff)
        self.chat.deeds.close(contact_id, staff, "listened", seen=self.chat.deeds.sight(contact_id))

    def _reply(self, words: str) -> None:
        contact_id = self._contact_id()
        newest = self.chat.storage.read(lambda tx: tx.transcript.last_id(contact_id))
        self.chat.deeds.reply(contact_id, self._supporter(), words, newest)
        self.chat.settle()

    def _wait_as(self, psid: str) -> None:
        self.chat.write(psid, "hei på dere")
        self.chat.write(psid, "prate")

    # How things stand.

    def _heard(self, said: Sequence[Said], refused: str | None) -> Heard:
        def look(tx: Tx) -> tuple[Conversation | None, Alert | None]:
            contact_id = tx.contacts.find(STUDENT)
            if contact_id is None:
                return None, None
            return tx.conversations.peek(contact_id), tx.alerts.open_for(contact_id)

        conversation, alert = self.chat.storage.read(look)
        place = None
        if conversation is not None and conversation.status is Status.WAITING:
            waiting = [row.contact_id for row in self.chat.deeds.queue(self._supporter())]
            place = waiting.index(conversation.contact_id) + 1
        return Heard(
            at=self.chat.now,
            said=tuple(said),
            refused=refused,
            conversation=conversation,
            place=place,
            alert=alert,
        )


@contextmanager
def stage(content: Content, at: datetime, duty: Sequence[str], waiting: int = 0) -> Iterator[Player]:
    """A service with a student who has not written yet, at this time; those who wait already came a minute before."""
    early = timedelta(minutes=1 if waiting else 0)
    with fresh_store() as storage:
        chat = LocalChat(content, at.astimezone(UTC) - early, storage=storage)
        player = Player(chat, duty, waiting)
        chat.wait(early)
        player.walked_before = player.walked()
        yield player
