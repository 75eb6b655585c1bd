"""For any flow, any state and any hour: a critical message leads to the card and the alert, and nobody who is
flagged meets silence after. An echo of another app is no person: it keeps the bot quiet for a quarter of an hour.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signs import LETTERS, TIERS, Talk, sign, signs_content
from talk_support import oslo

from bot import handoff
from bot.content import Content
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import EraseContact
from bot.errors import NotPossible
from bot.events import AttachmentReceived, EchoReceived, MessageEdited, TimerDue
from bot.flow.model import PLACES, Flow
from bot.handoff import Person
from bot.messages import BotMessage, Purpose
from bot.silence import QUESTIONS
from bot.window import bot_may_write

SHIPPED = signs_content()
QUIET = timedelta(minutes=10)
AMALIE = Person(id=1, alias="Amalie")
STEPS = ("a", "b", "c")
HOURS = (
    "2026-11-25 09:00",
    "2026-11-25 12:00",
    "2026-11-25 19:58",
    "2026-11-25 23:30",
    "2026-11-29 03:00",
    "2026-12-24 10:00",
)
TEXTS = (
    "hei på dere",
    "ja",
    "nei",
    "vet ikke",
    "jeg kan ikke ringe",
    "Storgata 1",
    "no quiero vivir más así",
    "1",
    "takk",
)
SAFETY = (
    *(f"b:{question}:{answer}" for question, answers in QUESTIONS.items() for answer in answers),
    "b:help:danger",
)
UNREAD = timedelta(minutes=15)
WORDS = ("HJELP", "stopp", "PAUSE", "slett", "meny", "prate", "English", "norsk")
TIMERS = ("wait:1", "wait:2", "closing", "idle", "park", "close", "flow", "soft", "elsewhere", "consent")
SPANS = tuple(timedelta(minutes=each) for each in (0, 1, 9, 11, 45, 180, 800))

goto = st.sampled_from([*STEPS, *PLACES])
danger = st.fixed_dictionaries(
    {"tier": st.sampled_from(TIERS), "category": st.sampled_from([f"{letter}-sign" for letter in LETTERS])}
)


@st.composite
def _step(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["say", "choices", "choices", "write", "danger"]))
    if kind == "danger":
        return {"danger": draw(danger), "goto": "people"}
    step: dict[str, Any] = {"say": {"nb": "hei", "en": "hi"}, "goto": draw(goto)}
    if kind == "write":
        return step | {"write": "about"}
    if kind == "choices":
        ids = draw(st.lists(st.sampled_from(["one", "two"]), min_size=1, unique=True))
        step["choices"] = [
            {"id": id, "nb": f"Valg {id}", "en": f"Pick {id}", "goto": draw(goto)} for id in ids
        ]
        if draw(st.booleans()):
            step["choices"][0] |= {"danger": draw(danger), "goto": "people"}
    return step


@st.composite
def _contents(draw: st.DrawFn) -> Content:
    if draw(st.booleans()):
        return SHIPPED
    flows = {
        name: Flow.model_validate(
            {"flow": name, "start": "a", "steps": {each: draw(_step()) for each in STEPS}}
        )
        for name in ("menu", "welcome")
    }
    return replace(SHIPPED, flows=flows)


happenings = st.one_of(
    st.tuples(st.just("writes"), st.sampled_from((*TEXTS, *WORDS))),
    st.tuples(st.just("writes"), st.sampled_from([sign(a, b) for a in LETTERS for b in TIERS[1:]])),
    st.tuples(st.just("taps"), st.integers(0, 60)),
    st.tuples(st.just("sends"), st.sampled_from(("image", "audio", "sticker", "like", "location"))),
    st.tuples(st.just("answers"), st.sampled_from(SAFETY)),
    st.tuples(
        st.just("edits"),
        st.sampled_from(("hei igjen", "STOPP", *(sign(a, b) for a in "CF" for b in TIERS))),
    ),
    st.tuples(
        st.just("captions"), st.sampled_from((*TEXTS, *WORDS, "kan ikke ringe", "vet ikke", "Storgata 5"))
    ),
    st.tuples(st.just("timer"), st.sampled_from(TIMERS)),
    st.tuples(st.just("staff"), st.sampled_from(("claim", "reply", "release", "close", "inbox"))),
    st.tuples(st.just("passes"), st.sampled_from(SPANS)),
    st.tuples(st.just("duty"), st.sampled_from(((), (1,)))),
)


class Watched(Talk):
    """Remembers what was said when, and whether a person has answered since the danger."""

    def __init__(self, content: Content, at: Any, **known: Any) -> None:
        super().__init__(content, at, **known)
        self.spoken: list[tuple[Any, BotMessage]] = []
        self.answered = False
        self.echoed: Any = None  # the first echo of another app since the last sign

    def happens(self, event: Any) -> Talk:
        super().happens(event)
        words = getattr(event, "text", None)
        if self.alerts or (words or "").startswith("tegn"):
            self.echoed = None
        if isinstance(event, EchoReceived):
            self.echoed = self.echoed or self.now
        self.spoken += [(self.now, message) for message in self.messages]
        if self.turn and any(isinstance(e, EraseContact) for e in self.turn.effects):
            self.__init__(self.content, self.now, on_duty=self.on_duty)  # type: ignore[misc]
        return self

    def do(self, what: str, value: Any) -> bool:
        """One thing happens. True: the contact did something that is owed an answer."""
        match what:
            case "writes":
                self.writes(value)
            case "taps":
                shown = [choice for _, message in self.spoken for choice in message.choices]
                if not shown:
                    return False
                self.taps(shown[value % len(shown)].payload, shown[value % len(shown)].title)
            case "answers":
                self.taps(value)
            case "sends":
                self.happens(AttachmentReceived(sent_at=self.now, mid=self.mid(), kinds=(value,)))
            case "captions":
                mid = self.mid()
                self.happens(AttachmentReceived(sent_at=self.now, mid=mid, kinds=("image",), text=value))
            case "edits":
                self.happens(MessageEdited(sent_at=self.now, mid=f"m{self.mids}", text=value, number=1))
            case "timer":
                self.happens(TimerDue(sent_at=self.now, name=value))
            case "staff":
                self.staff(value)
            case "passes":
                self.now += value
            case "duty":
                self.on_duty = value
        return what in ("writes", "taps", "answers", "sends", "edits", "captions")

    def staff(self, deed: str) -> None:
        if deed == "inbox":
            self.happens(EchoReceived(sent_at=self.now, mid=self.mid(), app="inbox", text="Hei"))
            return
        draft = Draft(self.conv, self.content, self.world, self.now)
        try:
            match deed:
                case "claim":
                    handoff.claim(draft, AMALIE)
                case "reply":
                    handoff.reply(draft, AMALIE, "Hei", confirmed=True)
                case "release":
                    handoff.release(draft, AMALIE)
                case "close":
                    handoff.close(draft, AMALIE, "listened")
        except NotPossible:
            return
        self.answered = deed in ("reply", "close") or (self.answered and deed != "release")
        self.conv = draft.conv
        if any(isinstance(e, EraseContact) for e in draft.effects):
            self.__init__(self.content, self.now, on_duty=self.on_duty)  # type: ignore[misc]

    def said_lately(self) -> bool:
        return any(self.now - at < QUIET for at, _ in self.spoken)

    def meets_no_silence(self, what: str, value: Any) -> None:
        """After what the contact did: whoever is flagged has read something from us a moment ago."""
        conv, elsewhere = self.conv, self.conv.elsewhere_since is not None
        if not bot_may_write(conv.last_inbound_at, self.now):
            assert what == "edits", "what they send opens the window"
            return
        if what == "answers":
            assert self.messages, f"{value} met silence"
        if conv.tier.rank >= Tier.HIGH.rank:
            quiet = elsewhere and self.echoed is not None and self.now - self.echoed < UNREAD
            assert self.answered or quiet or self.said_lately(), f"{what} {value} met silence"
        elif conv.tier is Tier.ELEVATED and conv.status is Status.WAITING and not elsewhere:
            assert self.said_lately(), f"{what} {value} met silence"


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    content=_contents(),
    hour=st.sampled_from(HOURS),
    on_duty=st.sampled_from(((), (1,))),
    known=st.booleans(),
    before=st.lists(happenings, max_size=8),
    letter=st.sampled_from(LETTERS),
    after=st.lists(happenings, max_size=8),
)
def test_critical_words_lead_to_the_card_and_the_alert_and_no_later_message_to_silence(
    content: Content, hour: str, on_duty: tuple[int, ...], known: bool, before: list, letter: str, after: list
) -> None:
    talk = Watched(content, oslo(hour), on_duty=on_duty, language="nb" if known else None)
    if not known:
        talk.conv = replace(talk.conv, notice_at=None)
    for what, value in before:
        talk.do(what, value)

    claimed = talk.conv.status is Status.CLAIMED
    lead_before = talk.conv.danger.card_leads if talk.conv.danger else ()
    talk.writes(sign(letter, "critical"))

    assert {alert.tier for alert in talk.alerts} == {Tier.CRITICAL}, "no alert in this very turn"
    assert talk.conv.tier is Tier.CRITICAL and talk.conv.has_people and talk.conv.flow is None
    if talk.messages and any(m.purpose is Purpose.CARD for m in talk.messages):
        assert talk.messages[0].purpose is Purpose.CARD, "something came before the card"
    else:
        danger = talk.conv.danger
        assert danger and danger.card_tier is Tier.CRITICAL and lead_before, "no card"
        assert claimed or talk.now - danger.card_at < QUIET, "no card for ten minutes"
    if not claimed:
        talk.answered = False
        assert talk.said_lately()

    for what, value in after:
        if talk.do(what, value):
            talk.meets_no_silence(what, value)


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    hour=st.sampled_from(HOURS),
    on_duty=st.sampled_from(((), (1,))),
    known=st.booleans(),
    before=st.lists(happenings, max_size=4),
    heavy=st.sampled_from([*(sign(letter, "elevated") for letter in LETTERS), "no quiero vivir más así"]),
    after=st.lists(happenings, max_size=12),
)
def test_whoever_may_be_in_danger_meets_no_silence_while_they_wait(
    hour: str, on_duty: tuple[int, ...], known: bool, before: list, heavy: str, after: list
) -> None:
    talk = Watched(SHIPPED, oslo(hour), on_duty=on_duty, language="nb" if known else None)
    for what, value in [*before, ("writes", heavy), *after]:
        if talk.do(what, value):
            talk.meets_no_silence(what, value)
