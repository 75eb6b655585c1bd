"""One contact's conversation in memory, driven by anything that can happen, with the rules checked at each turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot import danger, handoff, leaving, offers
from bot.content import Content
from bot.conversation import MOVES, Conversation, Status, Stopped, Tier
from bot.decide import decide
from bot.draft import Draft, World
from bot.effects import CancelTimers, CloseAlert, EraseContact, RaiseAlert, SendMessage, SetTimer, Turn
from bot.errors import MayNotBeSafe, NotPossible
from bot.events import (
    AttachmentReceived,
    ChoiceTapped,
    ControlChanged,
    EchoReceived,
    Event,
    MessageEdited,
    MessageWithdrawn,
    ReactionChanged,
    SendSettled,
    TextReceived,
    TimerDue,
)
from bot.handoff import Person
from bot.messages import BotMessage, Choice, Purpose
from bot.window import BOT_WINDOW, bot_may_write

PEOPLE = (Person(id=1, alias="Amalie"), Person(id=2, alias="Jonas"))
QUIET = timedelta(minutes=10)
UNREAD = timedelta(minutes=15)  # so long a message in Meta's inbox may wait for an answer
SAFETY_BUTTONS = ("b:soft:", "b:alone:", "b:near:", "b:now:", "b:friend:", "b:call:", "b:help:danger")
ONE_DAY = timedelta(hours=24)
SMALL_TALK = {Purpose.FLOW, Purpose.NOTICE, Purpose.CLOSED, Purpose.QUEUE, Purpose.ALERTED}
WORDS_OF_DANGER = (
    "jeg vil ta livet mitt",
    "I want to die",
    "jeg har tatt en overdose",
    "jeg vil ikke leve lenger",
)
COMMANDS = ("HJELP", "stopp", "PAUSE", "slett", "meny", "prate", "English", "norsk")


@dataclass(frozen=True)
class Sent:
    """One automatic message."""

    at: datetime
    message: BotMessage


class RandomTalk:
    """`do` takes one step, checks the rules, and never lets an error through that is not a refusal."""

    def __init__(self, content: Content, at: datetime) -> None:
        self.content = content
        self.now = at
        self.mids = 0
        self.shown: list[Choice] = []
        self.on_duty: tuple[int, ...] = (1,)
        self.forget()

    def forget(self) -> None:
        """As somebody new."""
        self.conv = Conversation(contact_id=1, alias="Bjørk", started_at=self.now)
        self.timers: dict[str, datetime] = {}
        self.alert: Tier | None = None
        self.sent: list[Sent] = []
        self.answered_by_a_person = False
        self.lapsed = False  # something was too late: its like is said again

    @property
    def world(self) -> World:
        return World(on_duty=self.on_duty)

    # Steps.

    def do(self, step: str, value: Any) -> None:
        """One thing happens."""
        getattr(self, step)(value)

    def writes(self, text: str) -> None:
        self.contact(TextReceived(sent_at=self.now, mid=self.mid(), text=text), text in WORDS_OF_DANGER)

    def writes_with_a_wrong_clock(self, hours: int) -> None:
        sent_at = self.now + timedelta(hours=hours)
        self.contact(TextReceived(sent_at=sent_at, mid=self.mid(), text="hei, er dere der"), False)

    def edits(self, text: str) -> None:
        mid = self.conv.recent[-1].mid if self.conv.recent else self.mid()
        event = MessageEdited(sent_at=self.now, mid=mid, text=text, number=1)
        self.apply(decide(self.conv, event, self.content, self.world, self.now), event)
        if text in WORDS_OF_DANGER:
            self.danger_is_answered()
        if bot_may_write(self.conv.last_inbound_at, self.now):
            self.nobody_flagged_meets_silence()

    def taps(self, number: int) -> None:
        """Any button that was ever shown."""
        if self.shown:
            choice = self.shown[number % len(self.shown)]
            self.contact(
                ChoiceTapped(sent_at=self.now, mid=self.mid(), title=choice.title, payload=choice.payload),
                False,
            )

    def taps_the_last(self, number: int) -> None:
        last = self.sent[-1].message.choices if self.sent else ()
        if last:
            choice = last[number % len(last)]
            self.contact(
                ChoiceTapped(sent_at=self.now, mid=self.mid(), title=choice.title, payload=choice.payload),
                False,
            )

    def sends(self, kind: str) -> None:
        self.contact(AttachmentReceived(sent_at=self.now, mid=self.mid(), kinds=(kind,)), False)

    def quietly(self, what: str) -> None:
        """What the contact or Meta does without words."""
        mid = self.conv.recent[-1].mid if self.conv.recent else "m0"
        event: Event
        match what:
            case "withdraws":
                event = MessageWithdrawn(sent_at=self.now, mid=mid)
            case "reacts":
                event = ReactionChanged(sent_at=self.now, mid=mid, reaction="like", added=True)
            case "inbox":
                event = EchoReceived(sent_at=self.now, mid=self.mid(), app="inbox", text="Hei")
            case "taken":
                event = ControlChanged(sent_at=self.now, action="taken", owner="inbox")
            case "receipt":  # the last goodbye has gone out
                event = SendSettled(sent_at=self.now, outbox_id=1, purpose=Purpose.GOODBYE, outcome="sent")
            case "passed":
                event = ControlChanged(sent_at=self.now, action="passed", owner="us")
            case _:
                purpose = Purpose(what)
                late = [s for s in self.sent if s.message.purpose is purpose]
                if not late:
                    return
                self.sent.remove(late[-1])  # it never went out
                self.lapsed = True
                event = SendSettled(sent_at=self.now, outbox_id=1, purpose=purpose, outcome="lapsed")
        self.apply(decide(self.conv, event, self.content, self.world, self.now), event)

    def passes(self, span: timedelta) -> None:
        """Time goes by; every timer fires when it is due."""
        until = self.now + span
        while self.timers and min(self.timers.values()) <= until:
            name = min(self.timers, key=lambda each: (self.timers[each], each))
            self.now = max(self.now, self.timers.pop(name))
            event = TimerDue(sent_at=self.now, name=name)
            self.apply(decide(self.conv, event, self.content, self.world, self.now), event)
        self.now = until

    def is_down(self, span: timedelta) -> None:
        """Time goes by and the worker does not run: timers come late."""
        self.now += span

    def duty(self, ids: tuple[int, ...]) -> None:
        self.on_duty = ids

    def staff(self, deed: tuple[str, int]) -> None:
        """A supporter does something; a refusal changes nothing."""
        name, index = deed
        by, other = PEOPLE[index], PEOPLE[1 - index]
        deeds: dict[str, Callable[[Draft], object]] = {
            "claim": lambda d: handoff.claim(d, by),
            "reply": lambda d: handoff.reply(d, by, "Hei, jeg er her"),
            "reply_confirmed": lambda d: handoff.reply(d, by, "Hei, jeg er her", confirmed=True),
            "release": lambda d: handoff.release(d, by),
            "offer": lambda d: offers.offer(d, other, by, None),
            "accept": lambda d: offers.accept(d, by),
            "decline": lambda d: offers.decline(d, by),
            "take_over": lambda d: leaving.take_over(d, by),
            "know": lambda d: leaving.know(d, by),
            "gone": lambda d: leaving.gone(d, "away"),
            "close": lambda d: handoff.close(d, by, "listened"),
            "lower": lambda d: handoff.lower_tier(d, by, Tier.NONE, "en spøk"),
            "give_back": lambda d: handoff.give_back(d, by),
            "alerted": danger.alerted,
        }
        draft = Draft(self.conv, self.content, self.world, self.now)
        unsafe = self.conv.needs_confirming
        try:
            deeds[name](draft)
        except MayNotBeSafe:
            assert unsafe and name == "reply"
            return
        except NotPossible:
            return
        assert not (unsafe and name == "reply"), "written to somebody who may not be safe, unconfirmed"
        if name.startswith("reply"):
            self.answered_by_a_person = True
        if name in ("release", "claim"):
            self.answered_by_a_person = False
        self.apply(draft.turn(), None, lowered=name == "lower", by=name)

    # Rules.

    def contact(self, event: Event, is_danger: bool) -> None:
        """The contact did something that is owed an answer."""
        before = self.conv
        if is_danger and before.status is not Status.CLAIMED:
            self.answered_by_a_person = False
        count = len(self.sent)
        self.apply(decide(self.conv, event, self.content, self.world, self.now), event)
        if not self.sent and not self.conv.recent and before.recent:
            return  # erased
        said = self.sent[count:]
        if is_danger:
            self.danger_is_answered()
        if not bot_may_write(self.conv.last_inbound_at, self.now):
            return
        self.nobody_flagged_meets_silence()
        if isinstance(event, ChoiceTapped) and (event.payload or "").startswith(SAFETY_BUTTONS):
            assert said, f"the answer {event.payload} met silence"
        silent = before.elsewhere_since is not None or self.conv.elsewhere_since is not None
        if before.status in (Status.BOT, Status.CLOSED) and not silent and not before.erasing:
            assert said, f"nothing was said to {event.kind} in {before.status}"

    def danger_is_answered(self) -> None:
        assert self.alert is not None, "no alert"
        assert self.conv.status in (Status.WAITING, Status.CLAIMED)
        assert self.conv.tier.rank >= Tier.HIGH.rank
        if not bot_may_write(self.conv.last_inbound_at, self.now):
            return
        cards = [s for s in self.sent if s.message.purpose is Purpose.CARD and "113" in s.message.text]
        recent = [s for s in cards if self.now - s.at < QUIET]
        assert recent or (self.conv.status is Status.CLAIMED and cards), "no card"

    def nobody_flagged_meets_silence(self) -> None:
        conv, elsewhere = self.conv, self.conv.elsewhere_since is not None
        echo_at = conv.danger.echo_at if conv.danger and elsewhere else None
        if conv.tier.rank >= Tier.HIGH.rank:
            owed = not self.answered_by_a_person and not (echo_at and self.now - echo_at < UNREAD)
        else:
            owed = conv.tier is Tier.ELEVATED and conv.status is Status.WAITING and not elsewhere
        if conv.has_people and owed:
            assert any(self.now - s.at < QUIET for s in self.sent), f"silence for {conv.tier}"

    def apply(self, turn: Turn, event: Event | None, *, lowered: bool = False, by: str = "") -> None:
        """Keep what the turn asks for, as the store does, and check what holds for every turn."""
        before, after = self.conv, turn.conversation
        said: list[BotMessage] = []
        erased = False
        for effect in turn.effects:
            match effect:
                case SendMessage(message=BotMessage() as message):
                    said.append(message)
                case SetTimer(name=name, due_at=due_at):
                    self.timers[name] = due_at
                case CancelTimers(names=None):
                    self.timers.clear()
                case CancelTimers(names=names):
                    for name in names or ():
                        self.timers.pop(name, None)
                case RaiseAlert(tier=tier):
                    self.alert = tier if self.alert is None or tier.rank > self.alert.rank else self.alert
                case CloseAlert(what="closed"):
                    self.alert = None
                case EraseContact():
                    erased = True
        self.conv = after
        self.moves_are_allowed(before, after)
        self.tier_does_not_fall(before, after, lowered)
        for message in said:
            self.may_be_said(message)
        self.quiet_when_asked(before, after, event, said)
        self.quiet_for_people(before, after, event, said)
        if before.handoffs != after.handoffs:
            self.answered_by_a_person = False
        if erased:
            assert not after.has_people, "erased while people had to see to them"
            self.forget()
            return
        self.nobody_is_forgotten()
        for message in said:
            self.sent.append(Sent(self.now, message))
            self.shown.extend(message.choices)

    def nobody_is_forgotten(self) -> None:
        """Whoever is in danger has an open alert, and only they; whoever waits is woken for."""
        assert (self.alert is not None) == (self.conv.tier.rank >= Tier.HIGH.rank), "alert and tier differ"
        danger, waits_since = self.conv.danger, self.conv.elsewhere_waits_since
        if self.conv.elsewhere_since and waits_since and self.conv.stopped is Stopped.NO:
            assert self.timers["elsewhere"] <= waits_since + UNREAD, "nobody looks after them there"
        if self.conv.status is not Status.WAITING or not self.may_disturb:
            return
        assert "closing" in self.timers, "nobody will tell them that we close"
        if self.conv.tier is Tier.NONE:
            assert "close" in self.timers, "an ordinary wait has no end"
        if danger and (danger.asked == "soft" or danger.soft_owed) and self.conv.tier is Tier.ELEVATED:
            assert "soft" in self.timers, "silence after the soft question counts for nothing"

    @property
    def may_disturb(self) -> bool:
        return self.conv.stopped is Stopped.NO and self.conv.elsewhere_since is None

    def moves_are_allowed(self, before: Conversation, after: Conversation) -> None:
        one = MOVES[before.status]
        two = {step for middle in one for step in MOVES[middle]}
        assert after.status in {before.status} | one | two

    def tier_does_not_fall(self, before: Conversation, after: Conversation, lowered: bool) -> None:
        same = before.has_people and after.has_people and before.handoffs == after.handoffs
        assert lowered or not same or after.tier.rank >= before.tier.rank, "a tier fell by itself"

    def may_be_said(self, message: BotMessage) -> None:
        last = self.conv.last_inbound_at
        assert last is not None and last <= self.now
        assert self.now <= message.not_after <= last + BOT_WINDOW
        if message.purpose is Purpose.CLOSED:
            self.closed_reply_is_due(message)

    def closed_reply_is_due(self, message: BotMessage) -> None:
        opening = self.content.hours.next_opening(self.now)
        assert not self.content.hours.is_open(self.now)
        for earlier in self.sent:
            if (
                earlier.message.purpose is Purpose.CLOSED
                and self.content.hours.next_opening(earlier.at) == opening
            ):
                assert self.now - earlier.at >= timedelta(hours=12), "two closed replies in one stretch"
                short = "fortsatt stengt" in message.text or "still closed" in message.text
                assert short or self.lapsed, "a second long closed reply in one stretch"

    def quiet_when_asked(
        self, before: Conversation, after: Conversation, event: Event | None, said: list[BotMessage]
    ) -> None:
        by_itself = event is None or isinstance(event, TimerDue | EchoReceived | ControlChanged | SendSettled)
        if by_itself and before.stopped is not Stopped.NO and after.stopped is not Stopped.NO:
            receipt = before.stopped is Stopped.STOP and after.erasing is not None
            assert not said or receipt, f"spoke after {before.stopped}"
        if isinstance(event, TimerDue) and before.stopped is Stopped.PAUSE and before.has_people:
            assert after.has_people, "the place was lost during PAUSE"

    def quiet_for_people(
        self, before: Conversation, after: Conversation, event: Event | None, said: list[BotMessage]
    ) -> None:
        if before.status is not Status.CLAIMED or after.status is not Status.CLAIMED:
            return
        purposes = {m.purpose for m in said}
        if isinstance(event, ChoiceTapped) and (event.payload or "").startswith(
            ("f:", "b:wait", "b:feedback")
        ):
            assert purposes <= {Purpose.CARD, Purpose.SAFETY}, "an old button talked over a person"
        idle = isinstance(event, TimerDue | ChoiceTapped) or purposes <= {Purpose.QUEUE, Purpose.ANSWER}
        assert not purposes & (SMALL_TALK - ({Purpose.QUEUE} if idle else set())), (
            f"talked over a person: {purposes}"
        )
        if isinstance(event, AttachmentReceived) or (
            isinstance(event, TextReceived) and event.text.casefold() not in {c.casefold() for c in COMMANDS}
        ):
            asked = before.asked is not None
            assert asked or not purposes - {Purpose.CARD, Purpose.SAFETY}, f"talked over a person: {purposes}"
            if self.answered_by_a_person and not asked:
                assert purposes <= {Purpose.CARD}, f"talked over a person who had answered: {purposes}"

    def a_person_can_be_reached(self) -> None:
        """The word "prate", now, whatever has happened."""
        event = TextReceived(sent_at=self.now, mid=self.mid(), text="prate")
        turn = decide(self.conv, event, self.content, self.world, self.now)
        assert turn.conversation.has_people
        assert any(isinstance(e, SendMessage) for e in turn.effects), (
            "the word for people was met with silence"
        )

    def mid(self) -> str:
        self.mids += 1
        return f"m{self.mids}"
