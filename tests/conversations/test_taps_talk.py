"""A tapped button under words that are not its own: danger in them is not overheard."""

from __future__ import annotations

import pytest
from talk_support import one_engine

from bot.conversation import Tier
from bot.events import ChoiceTapped

pytestmark = one_engine
HEAVY, WORDS = "alle har det bedre uten meg", "jeg skal ta livet mitt i kveld"


def taps(chat, payload: str, title: str) -> None:
    event = ChoiceTapped(sent_at=chat.now, mid="tap", title=title, payload=payload)
    chat._said(chat.local.happens("A", event))


@pytest.mark.parametrize(
    "payload", ["b:soft:no", "menu", "f:menu:choose:urgent", "f:menu:choose:urgent:more"]
)
def test_danger_in_words_that_are_not_the_buttons_brings_the_card_and_an_alert(chat, payload):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    taps(chat, payload, WORDS)
    assert "113" in chat.replies[0] and [alert.tier for alert in chat.alerts] == [Tier.CRITICAL]


def test_the_buttons_own_words_mean_what_the_button_does(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).contact_taps("Nei")
    assert chat.conv().tier is Tier.ELEVATED and not chat.alerts


def test_words_of_an_earlier_wording_change_nothing_while_they_are_calm(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    taps(chat, "b:soft:no", "Nei, ikke det")
    assert not chat.alerts and chat.conv().danger.asked is None


def test_the_worse_of_mark_and_words_counts(chat):
    chat.on_duty()
    chat.contact_writes("hei")
    where, mark, _ = next(each for each in chat.content.danger_choices if each[1].tier == "critical")
    taps(chat, "f:" + where.replace(".", ":"), "jeg vil dø")
    assert [(alert.tier, alert.category) for alert in chat.alerts] == [(Tier.CRITICAL, mark.category)]
