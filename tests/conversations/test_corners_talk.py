"""Where a rule of conduct meets an unlucky moment: what a frightened student must not fall through."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import handoff
from bot.conversation import Status, Stopped, Tier
from bot.errors import MayNotBeSafe
from bot.events import ControlChanged, EchoReceived, SendSettled, TextReceived
from bot.handoff import Person
from bot.messages import Choice, Purpose
from handlers.turns import draft_for

DANGER = "jeg vil ta livet mitt"
HEAVY = "alle hadde hatt det bedre uten meg"  # elevated


def waiting(chat):
    return chat.contact_writes("hei på dere").contact_writes("prate")


def inbox_answers(chat):
    event = EchoReceived(sent_at=chat.now, mid=chat.local.new_mid(), app="inbox", text="Hei, dette er oss")
    return chat._said(chat.local.happens("A", event))


def tap(chat, payload):
    return chat._said(chat.local.tap("A", Choice(title="x", payload=payload)))


def purposes(chat):
    return [
        s.message.purpose for s in chat.local.channel.said[len(chat.local.channel.said) - len(chat.replies) :]
    ]


# The first words of somebody new.


@pytest.mark.parametrize("word", ["prate", "HJELP", "meny", "English"])
def test_notice_is_given_whatever_the_first_words_are(chat, word):
    chat.on_duty()
    chat.contact_writes(word)
    language = "confidential" if word == "English" else "taushetsplikt"
    assert sum(language in text for text in chat.replies) == 1
    assert chat.conv().notice_at == chat.now


@pytest.mark.parametrize("word", ["prate", "HJELP", "meny", "English", "😀"])
def test_closed_reply_comes_whatever_the_first_words_are(chat, word):
    chat.at("2026-11-29 22:00").contact_writes(word)
    assert purposes(chat).count(Purpose.CLOSED) == 1
    chat.contact_writes("prate")
    assert Purpose.CLOSED not in purposes(chat)


def test_first_word_help_gets_the_card_first_and_its_buttons_stay(chat):
    chat.at("2026-11-29 22:00").contact_writes("HJELP")
    assert purposes(chat) == [Purpose.CARD, Purpose.NOTICE, Purpose.CLOSED]
    assert [c.payload for c in chat._last["A"][-1].choices] == [
        "b:help:danger",
        "b:help:talk",
        "b:help:wrong",
    ]


def test_first_word_english_starts_the_conversation_in_english(chat):
    chat.contact_writes("ENGLISH")
    assert "What do you need" in chat.last_reply


def test_language_typed_instead_of_tapped_answers_the_question_for_it(chat):
    chat.contact_writes("😀").contact_writes("ENGLISH")
    assert chat.replies == ["What do you need? Choose a button, or just write."]


# Danger.


def test_soft_question_at_night_also_says_that_we_are_closed_and_keeps_its_buttons(chat):
    chat.at("2026-11-29 22:00").contact_writes(HEAVY)
    assert purposes(chat) == [Purpose.SAFETY, Purpose.NOTICE, Purpose.CLOSED]
    chat.contact_taps("Vet ikke")
    assert chat.conv().tier is Tier.HIGH and chat.replies == [chat.text("soft.unsure", number="113")]


def test_long_no_to_the_soft_question_is_heard_and_stays_open(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).contact_writes("nei, ikke akkurat")
    assert chat.replies == [chat.text("soft.heard", number="113")]
    assert chat.conv().tier is Tier.ELEVATED
    chat.contact_taps("Nei")
    assert chat.replies == [chat.text("soft.no", number="113")]
    assert chat.wait(minutes=15).conv().tier is Tier.ELEVATED


def test_ok_is_no_yes_to_the_soft_question(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY).contact_writes("ok")
    assert chat.conv().tier is Tier.ELEVATED and chat.replies == [chat.text("soft.heard", number="113")]


def test_silence_after_the_soft_question_counts_as_not_sure(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    assert chat.wait(minutes=11).replies == []
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


@pytest.mark.parametrize(
    ("typed", "key"), [("nei, ikke akkurat", "card.alone_no"), ("ja, helt alene", "card.alone_yes")]
)
def test_answer_in_words_right_after_the_card_has_a_text(chat, typed, key):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes(typed)
    assert chat.replies == [chat.text(key)]


def test_first_free_words_after_the_card_are_not_met_with_silence(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("mamma er på vei")
    assert chat.replies == [chat.text("card.line_open", number="113")]


def test_voice_message_in_danger_is_asked_for_in_words(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("hallo").contact_sends("audio")
    assert chat.replies == [chat.text("media.unreadable")]


def test_old_yes_to_the_soft_question_is_a_yes_also_after_a_person_closed(chat):
    amalie = chat.on_duty()
    chat.contact_writes(HEAVY).claim(amalie).closes(amalie).wait(hours=1)
    tap(chat, "b:soft:yes")
    assert purposes(chat)[0] is Purpose.CARD and chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_soft_answer_reaches_us_also_while_metas_inbox_has_the_thread(chat):
    chat.on_duty()
    chat.contact_writes(HEAVY)
    inbox_answers(chat)
    tap(chat, "b:soft:yes")
    assert chat.conv().tier is Tier.HIGH and len(chat.alerts) == 1


def test_card_comes_again_in_the_language_that_is_asked_for(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("ENGLISH")
    assert purposes(chat) == [Purpose.CARD] and "Life in danger now: call 113" in chat.replies[0]
    chat.contact_taps("Yes")
    assert chat.replies == [chat.text("card.alone_yes", "en")]


def test_new_danger_after_a_person_closed_is_a_new_handoff_with_a_card_and_an_alert(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).claim(amalie).closes(amalie)
    assert chat.alerts == []
    chat.wait(minutes=1).contact_writes("jeg vil dø")
    assert purposes(chat)[0] is Purpose.CARD
    assert chat.conv().handoff.number == 2 and len(chat.alerts) == 1


def test_message_that_comes_too_late_for_a_card_does_not_use_up_the_next_one(chat):
    chat.on_duty()
    old = TextReceived(sent_at=chat.now - timedelta(days=2), mid="old", text=DANGER)
    chat.local.happens("A", old)
    chat.contact_writes("jeg vil dø")
    assert purposes(chat)[:2] == [Purpose.CARD, Purpose.NOTICE]


def test_bot_stays_silent_after_an_answer_in_metas_inbox_until_danger_is_written_again(chat):
    chat.on_duty()
    chat.contact_writes(DANGER)
    inbox_answers(chat)
    chat.wait(minutes=11).contact_writes("takk for at du svarer")
    assert chat.replies == []
    chat.contact_writes("jeg vil dø")
    assert "113" in chat.replies[0]


# People.


def test_student_is_told_that_the_person_left_also_if_nothing_was_written(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie)
    chat.local.deeds.release(chat.id_of(), amalie)
    assert [s.text for s in chat.local.settle()] == [chat.text("person.left")]


def test_released_at_night_promises_nobody_soon_and_counts_as_the_closed_reply(chat):
    amalie = chat.on_duty()
    chat.at("2026-11-25 19:50")
    chat.contact_writes(DANGER).claim(amalie).at("2026-11-25 21:00")
    chat.local.deeds.release(chat.id_of(), amalie)
    said = [s.text for s in chat.local.settle()]
    assert said == [chat.text("person.left_closed", next_open="i morgen kl. 09")]
    assert chat.alerts[0].acknowledged_at is None
    chat.contact_writes("er det noen der")
    assert Purpose.CLOSED not in purposes(chat) and "113" in chat.last_reply


def test_alert_of_a_handed_over_conversation_goes_to_the_one_who_said_yes(chat):
    amalie, jonas = chat.on_duty("Amalie"), chat.on_duty("Jonas")
    chat.contact_writes(DANGER).claim(amalie)
    assert chat.alerts[0].acknowledged_by == amalie.id
    chat.local.deeds.team.offer(chat.id_of(), amalie, jonas.id, "")
    assert chat.alerts[0].acknowledged_by == amalie.id
    chat.local.deeds.team.accept(chat.id_of(), jonas)
    assert chat.alerts[0].acknowledged_by == jonas.id


@pytest.mark.parametrize("payload", ["b:wait:no", "b:wait:yes", "b:feedback:yes", "f:menu:choose:talk"])
def test_old_button_says_nothing_while_a_person_has_it(chat, payload):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie)
    assert tap(chat, payload).replies == [] and chat.status is Status.CLAIMED


def test_yes_to_a_supporter_is_not_a_yes_to_deletion(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).contact_writes("slett").supporter_writes(amalie, "Vil du prate litt først?")
    chat.contact_writes("ja")
    assert chat.replies == [] and chat.status is Status.CLAIMED


def test_who_may_be_in_danger_keeps_the_place_when_they_would_rather_not_wait(chat):
    chat.on_duty()
    waiting(chat).contact_writes(DANGER)
    tap(chat, "b:wait:no")
    assert chat.replies == [chat.text("queue.left_flagged")] and chat.status is Status.WAITING


def test_yes_meant_for_the_flow_does_not_answer_an_older_question(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).closes(amalie).contact_writes("jeg lurer på noe mer")
    chat.contact_writes("ja")
    assert chat.local.storage.read(lambda tx: tx.counters.all()).get("feedback_yes", 0) == 0


def test_lowered_to_ordinary_the_wait_is_asked_about_again(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER)
    chat.local.deeds.lower_tier(chat.id_of(), amalie, Tier.NONE, "sitat fra en sang")
    assert chat.alerts == []
    assert chat.wait(minutes=16).last_reply == chat.text("queue.wait_question")


# PAUSE and STOP.


def test_supporter_must_confirm_before_writing_to_somebody_who_paused(chat):
    amalie = chat.on_duty()
    waiting(chat).contact_writes("PAUSE").claim(amalie)
    draft = chat.local.storage.read(lambda tx: draft_for(tx, chat.id_of(), chat.content, chat.now))
    person = Person(id=amalie.id, alias=amalie.alias)
    with pytest.raises(MayNotBeSafe):
        handoff.reply(draft, person, "hei")
    handoff.reply(draft, person, "hei", confirmed=True)


def unsafe(chat):
    """The contact answers that messages here are not safe, and waits."""
    chat.contact_writes("hei på dere").contact_taps("Prate med noen").contact_taps("Hvordan jeg har det")
    chat.contact_taps("UiO").contact_taps("Nei").contact_writes("prate")
    assert chat.conv().may_be_unsafe and chat.status is Status.WAITING
    return chat


def test_supporter_must_confirm_before_writing_where_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    unsafe(chat)
    assert chat.queue[0].paused
    chat.claim(amalie)
    assert chat.local.storage.read(lambda tx: tx.handoffs.row(chat.id_of())).paused
    with pytest.raises(MayNotBeSafe):
        chat.supporter_writes(amalie, "hei")
    newest = chat.local.storage.read(lambda tx: tx.transcript.last_id(chat.id_of()))
    chat.local.deeds.reply(chat.id_of(), amalie, "hei", newest, confirmed=True)
    assert [said.text for said in chat.local.settle()] == ["hei"]


def test_nobody_is_announced_and_nobody_says_goodbye_where_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    assert unsafe(chat).claim(amalie).replies == []
    chat.local.deeds.release(chat.id_of(), amalie)
    assert chat.local.settle() == []
    chat.claim(amalie)
    assert chat.closes(amalie).replies == []


def test_deletion_on_closing_is_without_a_receipt_where_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    unsafe(chat).contact_writes("HJELP").contact_writes("SLETT").claim(amalie)
    assert chat.conv().erase_on_close
    assert chat.closes(amalie).replies == []
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_paused_conversation_is_never_closed_by_itself(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).supporter_writes(amalie, "hei").contact_writes("PAUSE")
    assert chat.wait(hours=30).replies == [] and chat.status is Status.CLAIMED


def test_writing_on_ends_a_pause_and_the_wait_goes_on_as_before(chat):
    chat.on_duty()
    waiting(chat).contact_writes("PAUSE").wait(minutes=40)
    chat.contact_writes("nå kan jeg skrive igjen")
    assert chat.conv().stopped is Stopped.NO
    assert chat.wait(minutes=16).last_reply == chat.text("queue.wait_question")


def test_stop_after_pause_leaves_the_warning_to_supporters(chat):
    chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("PAUSE").contact_writes("STOPP")
    assert chat.conv().stopped is Stopped.PAUSE and chat.queue[0].paused


def test_silence_after_the_soft_question_does_not_alert_anew_what_is_alerted(chat):
    amalie = chat.on_duty()
    chat.contact_writes(HEAVY).contact_writes("HJELP")
    chat.local.deeds.acknowledge(chat.alerts[0].id, amalie)
    chat.wait(minutes=11)
    assert chat.alerts[0].acknowledged_by == amalie.id


def test_alerted_is_not_said_to_somebody_who_paused(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("PAUSE")
    chat.local.deeds.alert_shown(chat.alerts[0].id, amalie)
    assert chat.local.settle() == []


def test_deletion_after_danger_happens_without_a_receipt_when_messages_may_not_be_safe(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("SLETT").contact_writes("PAUSE")
    chat.claim(amalie).closes(amalie)
    assert chat.replies == []
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is None


def test_changing_one_s_mind_about_a_deletion_that_waits_keeps_everything(chat):
    amalie = chat.on_duty()
    chat.contact_writes(DANGER).contact_writes("SLETT")
    chat.contact_taps(chat.content.texts.title("erase.no_button", "nb"))
    chat.claim(amalie).closes(amalie)
    assert chat.local.storage.read(lambda tx: tx.contacts.find("A")) is not None


# Deletion, and who comes back before it is done.


@pytest.mark.parametrize("words", ["prate", DANGER, HEAVY])
def test_who_comes_back_before_the_deletion_is_seen_to_first(chat, words):
    chat.on_duty()
    chat.local.sender.drain = lambda: 0  # the receipt cannot go out now
    waiting(chat).contact_writes("SLETT")
    tap(chat, "b:erase:yes")
    chat.contact_writes(words)
    del chat.local.sender.drain
    chat._said(chat.local.settle())
    chat.wait(minutes=6)
    assert chat.status is Status.WAITING and chat.conv().erase_on_close


# HELP in a flow.


def test_wrong_button_after_help_goes_on_where_the_flow_was(chat):
    chat.contact_writes("hei på dere").contact_taps("Prate med noen").contact_writes("HJELP")
    chat.contact_taps("Feil knapp")
    assert chat.replies[0] == chat.text("help.wrong") and "Hva vil du snakke om" in chat.last_reply


def test_words_after_help_reach_a_person(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_writes("HJELP").contact_writes("jeg er så redd")
    assert chat.status is Status.WAITING


# Attachments and clocks.


def test_pictures_instead_of_answers_end_at_a_person(chat):
    chat.on_duty()
    chat.contact_writes("hei, kan jeg snakke med noen om dette")
    for _ in range(4):
        chat.contact_sends("image")
    assert chat.status is Status.WAITING


def test_contact_whose_clock_is_ahead_opens_no_longer_window(chat):
    ahead = TextReceived(sent_at=chat.now + timedelta(days=3), mid="ahead", text="hei på dere")
    chat.local.happens("A", ahead)
    assert chat.conv().last_inbound_at == chat.now


# Closing time.


def test_closing_time_is_not_told_to_who_has_just_read_that_we_are_closed(chat):
    chat.on_duty()
    chat.at("2026-11-25 19:50")
    waiting(chat)
    chat.local.now += timedelta(minutes=11)  # the timers are late
    chat.contact_writes("er dere der")
    assert purposes(chat) == [Purpose.CLOSED]
    assert chat.wait(minutes=1).replies == []


def test_who_could_not_be_told_at_closing_is_told_on_writing(chat):
    chat.on_duty()
    chat.at("2026-11-25 19:50")
    waiting(chat).contact_writes("PAUSE").at("2026-11-25 21:00").contact_writes("hei igjen")
    assert purposes(chat) == [Purpose.CLOSED]


# Meta's inbox.


def test_unanswered_there_the_place_is_told_again(chat):
    chat.on_duty()
    waiting(chat)
    inbox_answers(chat)
    chat.contact_writes("er du der").wait(minutes=16)
    assert chat.last_reply == chat.text("queue.first") and chat.conv().elsewhere_since is None


def test_heavy_words_to_a_person_in_metas_inbox_come_to_the_queue_and_the_bot_does_not_ask(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes(HEAVY)
    assert chat.replies == [] and chat.conv().tier is Tier.ELEVATED and chat.status is Status.WAITING


def test_help_to_a_person_in_metas_inbox_alerts(chat):
    chat.on_duty()
    chat.contact_writes("hei på dere")
    inbox_answers(chat)
    chat.contact_writes("HJELP")
    assert "113" in chat.last_reply and len(chat.alerts) == 1


def test_late_closed_reply_is_not_said_over_a_person(chat):
    amalie = chat.on_duty()
    waiting(chat).claim(amalie).at("2026-11-25 22:00")
    lapsed = SendSettled(sent_at=chat.now, outbox_id=1, purpose=Purpose.CLOSED, outcome="lapsed")
    assert chat.local.happens("A", lapsed) == []


def test_passing_the_thread_back_restores_what_a_waiting_student_is_asked(chat):
    chat.on_duty()
    waiting(chat)
    for action, owner in (("taken", "inbox"), ("passed", "us")):
        chat.local.happens("A", ControlChanged(sent_at=chat.now, action=action, owner=owner))
    assert chat.wait(minutes=16).last_reply == chat.text("queue.wait_question")
