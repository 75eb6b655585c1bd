"""Changes that come before their message: after an outage Meta repeats each delivery by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.events import AttachmentReceived, MessageEdited, MessageWithdrawn, TextReceived
from bot.messages import Purpose
from storage.records import NewEvent


def line(chat, mid):
    (found,) = [
        entry
        for entry in chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of("A")))
        if entry.mid == mid
    ]
    return found


def test_an_edit_that_overtakes_its_message_is_shown_and_the_old_words_do_not_come_back(chat):
    chat.contact_writes("hei")
    edit = MessageEdited(sent_at=chat.now, mid="m-late", text="nye ord", number=1)
    chat.local.happens("A", edit)
    assert (line(chat, "m-late").text, line(chat, "m-late").edits) == ("nye ord", 1)
    chat.local.happens(
        "A", TextReceived(sent_at=chat.now - timedelta(seconds=9), mid="m-late", text="gamle ord")
    )
    assert line(chat, "m-late").text == "nye ord"


def test_the_old_words_of_a_message_that_its_edit_overtook_are_read_for_danger(chat):
    chat.contact_writes("hei")
    chat.local.happens("A", MessageEdited(sent_at=chat.now, mid="m-late", text="glem det", number=1))
    said = chat.local.happens("A", TextReceived(sent_at=chat.now, mid="m-late", text="jeg vil ta livet mitt"))
    assert said[0].message.purpose is Purpose.CARD
    assert len(chat.alerts) == 1


def test_the_first_words_of_somebody_are_answered_though_their_edit_overtook_them(chat):
    """Nothing was known of them: no messaging window, no language, no conversation."""
    chat.on_duty()
    edit = MessageEdited(sent_at=chat.now, mid="m-first", text="I want to die", number=1)
    said = chat.local.happens("A", edit)
    assert said[0].message.purpose is Purpose.CARD
    assert len(chat.alerts) == 1
    first = TextReceived(sent_at=chat.now - timedelta(seconds=9), mid="m-first", text="hello")
    assert all(each.message.purpose is not Purpose.CARD for each in chat.local.happens("A", first))
    assert (line(chat, "m-first").text, line(chat, "m-first").edits) == ("I want to die", 1)


def test_first_words_without_danger_begin_as_ever_though_their_edit_overtook_them(chat):
    begins = [each.message.text for each in chat.local.happens("B", _words(chat, "m-other", "hei du"))]
    edit = MessageEdited(sent_at=chat.now, mid="m-first", text="hei du", number=2)
    assert [each.message.text for each in chat.local.happens("A", edit)] == begins
    assert chat.local.happens("A", _words(chat, "m-first", "hei")) == []
    earlier = MessageEdited(sent_at=chat.now, mid="m-first", text="hei d", number=1)
    assert chat.local.happens("A", earlier) == []
    assert (line(chat, "m-first").text, line(chat, "m-first").edits) == ("hei du", 2)


def test_the_old_words_of_a_caption_that_its_edit_overtook_are_read_for_danger(chat):
    chat.contact_writes("hei")
    chat.local.happens("A", MessageEdited(sent_at=chat.now, mid="m-late", text="glem det", number=1))
    words = "jeg vil ta livet mitt"
    said = chat.local.happens(
        "A", AttachmentReceived(sent_at=chat.now, mid="m-late", kinds=("image",), text=words)
    )
    assert said[0].message.purpose is Purpose.CARD
    assert line(chat, "m-late").text == "glem det"


@pytest.mark.parametrize(
    "late",
    [lambda chat: _words(chat, "m-late", "jeg har det greit"),
     lambda chat: MessageEdited(sent_at=chat.now, mid="m-late", text="jeg har det greit", number=1)],
)  # fmt: skip
def test_the_next_message_is_read_together_with_the_words_that_stand_not_with_older_ones_that_came_late(
    chat, late
):
    chat.contact_writes("hei")
    chat.local.happens("A", MessageEdited(sent_at=chat.now, mid="m-late", text="jeg vil ikke", number=2))
    chat.local.happens("A", late(chat))
    said = chat.local.happens("A", _words(chat, "m-next", "leve mer"))
    assert said[0].message.purpose is Purpose.CARD


def _words(chat, mid, text):
    return TextReceived(sent_at=chat.now, mid=mid, text=text)


def test_what_was_taken_back_before_it_came_is_not_shown(chat):
    chat.contact_writes("hei")
    for mid, event in (
        ("m-1", TextReceived(sent_at=chat.now, mid="m-1", text="angrer")),
        ("m-2", AttachmentReceived(sent_at=chat.now, mid="m-2", kinds=("image",), text="angrer")),
    ):
        chat.local.happens("A", MessageWithdrawn(sent_at=chat.now, mid=mid), f"withdrawn:{mid}")
        chat.local.happens("A", event)
        assert (line(chat, mid).withdrawn, line(chat, mid).text) == (True, None)
        assert mid not in [said.mid for said in chat.conv().recent], "nor kept beside the transcript"


def test_what_was_taken_back_before_anybody_was_known_is_not_shown_and_makes_nobody_known(chat):
    chat.on_duty()
    chat.local.happens("A", MessageWithdrawn(sent_at=chat.now, mid="m-1"), "withdrawn:m-1")
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None
    words = TextReceived(sent_at=chat.now, mid="m-1", text="jeg vil ta livet mitt")
    said = chat.local.happens("A", words)
    assert (line(chat, "m-1").withdrawn, line(chat, "m-1").text) == (True, None)
    assert said[0].message.purpose is Purpose.CARD  # what was taken back is read for danger all the same
    chat.local.happens("A", TextReceived(sent_at=chat.now, mid="m-2", text="hei"))
    assert line(chat, "m-2").text == "hei"


def test_of_one_second_what_is_told_to_the_second_comes_after_what_waited(chat):
    """The Conversations API tells no milliseconds; what it tells must not overtake what a webhook brought before."""
    second = chat.now.replace(microsecond=0)

    def keep(tx):
        for mid, at in (("m-1", second + timedelta(milliseconds=300)), ("m-2", second)):
            event = TextReceived(sent_at=at, mid=mid, text=mid)
            tx.inbox.add([NewEvent(psid="A", key=f"message:{mid}", event=event)], chat.now)

    chat.local.storage.write(keep)
    chat.local.settle()
    entries = chat.local.storage.read(lambda tx: tx.transcript.entries(chat.id_of("A")))
    assert [entry.text for entry in entries if entry.written_by == "contact"] == ["m-1", "m-2"]


def test_danger_that_was_edited_away_in_an_outage_is_read_when_its_first_wording_comes(chat):
    chat.on_duty()
    caught = TextReceived(sent_at=chat.now, mid="m-caught", text="det går bra")
    chat.local.happens("A", caught, key="caught:message:m-caught")
    said = chat.local.happens(
        "A",
        TextReceived(sent_at=chat.now, mid="m-caught", text="jeg vil ta livet mitt"),
        key="message:m-caught",
    )
    assert said[0].message.purpose is Purpose.CARD
    assert len(chat.alerts) == 1
    assert line(chat, "m-caught").text == "det går bra"


def test_message_that_catching_up_has_brought_is_not_answered_again_when_the_webhook_brings_it(chat):
    caught = TextReceived(sent_at=chat.now, mid="m-caught", text="hei på dere")
    assert chat.local.happens("A", caught, key="caught:message:m-caught")
    assert chat.local.happens("A", caught, key="message:m-caught") == []
