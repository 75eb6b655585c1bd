"""When deciding fails for good, or words cannot be read: nobody in danger meets silence, and people are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from talk_support import one_engine

from bot.content import Content
from bot.conversation import Status, Tier
from bot.decide import decide
from bot.events import ChoiceTapped, MessageEdited, TextReceived
from handlers import inbound

pytestmark = one_engine
HEAVY = "alle har det bedre uten meg"


class Unreadable:
    """Phrases that fail on some words: those that say "gift", or all."""

    def __init__(self, phrases, word: str = "") -> None:
        self._phrases, self._word = phrases, word

    def __getattr__(self, name):
        return getattr(self._phrases, name)

    def read(self, text, earlier=()):
        if self._word in text:
            raise RecursionError
        return self._phrases.read(text, earlier)


@pytest.fixture
def reading_fails(chat):
    """From now on no words can be read, or none with this word in them."""

    def fails(word: str = "") -> None:
        content: Content = chat.content
        chat.local.content = replace(content, phrases=Unreadable(content.phrases, word))

    return fails


@pytest.fixture
def deciding_fails(monkeypatch):
    """From now on no decision about what a student writes or taps comes off."""

    def failing(conv, event, *more):
        if isinstance(event, TextReceived | ChoiceTapped | MessageEdited):
            raise ZeroDivisionError
        return decide(conv, event, *more)

    return lambda: monkeypatch.setattr(inbound, "decide", failing)


def outlast(chat) -> str:
    """Let every repetition come and go; all that was said."""
    before = len(chat.local.channel.said)
    for _ in range(4):
        chat.wait(seconds=5)
    return "\n".join(said.text for said in chat.local.channel.said[before:])


def writes(chat, text: str) -> str:
    chat.contact_writes(text)
    return "\n".join((*chat.replies, outlast(chat)))


def taps(chat, payload: str, title: str) -> str:
    chat._said(
        chat.local.happens("A", ChoiceTapped(sent_at=chat.now, mid="tap", title=title, payload=payload))
    )
    return "\n".join((*chat.replies, outlast(chat)))


def test_words_that_cannot_be_read_get_the_card_for_any_danger_an_alert_and_a_person(chat, reading_fails):
    chat.on_duty()
    reading_fails("gift")
    said = writes(chat, "gift, jeg skal ta livet mitt i kveld")
    assert chat.text("card.danger") in said and "noe gikk galt hos oss" in said
    assert [(alert.tier, alert.rules) for alert in chat.alerts] == [(Tier.HIGH, ("unread",))]
    assert chat.status is Status.WAITING


def test_after_words_that_could_not_be_read_the_next_ones_are(chat, reading_fails):
    chat.on_duty()
    reading_fails("gift")
    writes(chat, "gift")
    assert "110" not in chat.contact_writes("jeg skal ta livet mitt i kveld").replies[0]
    assert (chat.alerts[0].tier, chat.alerts[0].category) == (Tier.CRITICAL, "A-attempt")


def test_an_edit_that_cannot_be_read_raises_an_alert(chat, reading_fails):
    chat.on_duty()
    chat.contact_writes("hei")
    reading_fails("gift")
    chat.local.edit("A", chat.last_mid, "gift")
    outlast(chat)
    assert [alert.tier for alert in chat.alerts] == [Tier.HIGH]


@pytest.mark.parametrize(
    ("payload", "title", "rule", "tier"),
    [
        ("b:soft:yes", "Ja", "answer:soft_yes", Tier.HIGH),
        ("b:soft:unsure", "Vet ikke", "answer:soft_unsure", Tier.HIGH),
        ("b:now:yes", "Ja", "answer:now_yes", Tier.CRITICAL),
        ("b:help:danger", "Jeg er i fare", "answer:in_danger", Tier.CRITICAL),
        ("b:call:cannot", "Jeg kan ikke ringe", "answer:cannot_call", Tier.CRITICAL),
        ("help", "Hjelp", "word:help", Tier.HIGH),
    ],
)
def test_a_button_for_those_in_danger_works_when_deciding_and_reading_fail(
    chat, reading_fails, deciding_fails, payload, title, rule, tier
):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    reading_fails()
    deciding_fails()
    assert "113" in taps(chat, payload, title)
    assert (chat.conv().tier, [alert.rules for alert in chat.alerts]) == (tier, [(rule,)])


def test_a_flow_button_that_is_marked_works_when_deciding_and_reading_fail(
    chat, reading_fails, deciding_fails
):
    chat.on_duty()
    chat.contact_writes("hei")
    where, mark, shown = next(each for each in chat.content.danger_choices if each[1].tier == "critical")
    reading_fails()
    deciding_fails()
    taps(chat, "f:" + where.replace(".", ":"), next(iter(shown)))
    assert [(alert.tier, alert.category) for alert in chat.alerts] == [(Tier.CRITICAL, mark.category)]


def test_no_to_the_soft_question_is_a_no_when_deciding_and_reading_fail(chat, reading_fails, deciding_fails):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    reading_fails()
    deciding_fails()
    assert chat.text("soft.no", number="113") in taps(chat, "b:soft:no", "Nei")
    assert chat.conv().tier is Tier.ELEVATED and not chat.alerts


def test_help_in_words_works_when_deciding_and_reading_fail(chat, reading_fails, deciding_fails):
    chat.on_duty()
    chat.contact_writes("hei")
    reading_fails()
    deciding_fails()
    assert chat.text("help.card") in writes(chat, "HJELP")
    assert [alert.rules for alert in chat.alerts] == [("word:help",)]


@pytest.mark.parametrize(
    ("typed", "tier"), [("ja", Tier.HIGH), ("ja, jeg skal ta livet mitt i kveld", Tier.CRITICAL)]
)
def test_a_typed_yes_means_what_it_says_when_deciding_fails(chat, deciding_fails, typed, tier):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    deciding_fails()
    assert "113" in writes(chat, typed)
    assert chat.conv().tier is tier and len(chat.alerts) == 1


def test_people_are_told_when_nothing_can_be_said(chat, deciding_fails, monkeypatch):
    chat.on_duty()
    chat.contact_writes("hei")
    deciding_fails()
    monkeypatch.setattr("bot.rescue.Draft.say_text", None)
    chat.contact_writes("hallo")
    outlast(chat)
    assert [(alert.tier, alert.rules) for alert in chat.alerts] == [(Tier.HIGH, ("unread",))]


def test_people_are_told_when_the_words_cannot_be_kept(chat, monkeypatch):
    chat.on_duty()
    chat.contact_writes("hei")
    monkeypatch.setattr("storage.transcript.Transcript.add", None)
    chat.contact_writes("jeg skal ta livet mitt i kveld")
    outlast(chat)
    assert [(alert.rules, alert.card) for alert in chat.alerts] == [(("unread",), "blocked")]


def test_the_card_that_nothing_could_be_said_of_comes_with_the_next_words(chat, monkeypatch):
    chat.on_duty()
    chat.contact_writes("hei")
    with monkeypatch.context() as broken:
        broken.setattr("storage.transcript.Transcript.add", None)
        chat.contact_writes("jeg skal ta livet mitt i kveld")
        outlast(chat)
    assert chat.text("card.danger") in chat.contact_writes("hallo?").replies[0]


def test_calm_words_get_the_plain_sentence_and_no_alert_when_deciding_fails(chat, deciding_fails):
    chat.on_duty()
    chat.contact_writes("hei")
    deciding_fails()
    assert chat.text("system_error") in writes(chat, "hvor melder jeg meg på eksamen")
    assert chat.status is Status.WAITING and not chat.alerts


def test_old_words_that_cannot_be_read_raise_an_alert_that_says_no_card_went(chat, reading_fails):
    chat.on_duty()
    reading_fails("gift")
    old = TextReceived(sent_at=chat.now - timedelta(hours=25), mid="old", text="gift")
    chat.local.happens("A", old)
    outlast(chat)
    assert [alert.card for alert in chat.alerts] == ["blocked"]
