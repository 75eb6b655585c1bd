"""What supporters do, raced: by each other, by the student, by a closed account, by a second click."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from bot.conversation import Status, Stopped
from bot.errors import AlreadyClaimed, AnsweredMeanwhile, MayNotBeSafe, NotPossible, NotYours
from bot.events import EchoReceived
from bot.messages import SupporterMessage
from bot.sight import UNSEEN
from storage.records import Delivery, Duty, Role


@pytest.fixture
def waiting(chat):
    """One student in the queue, Amalie and Birk on duty."""
    chat.amalie, chat.birk = chat.on_duty("Amalie"), chat.on_duty("Birk")
    chat.contact_writes("hei").contact_writes("prate")
    assert chat.status is Status.WAITING
    chat.deeds = chat.local.deeds
    return chat


def together(*acts):
    """Do all of them at the same time; what each returned or raised."""
    outcomes: list[object] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number):
        start.wait()
        try:
            outcomes[number] = acts[number]()
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def handed_over(chat) -> None:
    """From Amalie to Birk, who says yes."""
    chat.deeds.team.offer(chat.id_of(), chat.amalie, chat.birk.id, "")
    chat.deeds.team.accept(chat.id_of(), chat.birk)


def newest(chat) -> int:
    return chat.local.storage.read(lambda tx: tx.transcript.last_id(chat.id_of()))


def persons_words(chat) -> list[str]:
    return [s.text for s in chat.local.channel.said if isinstance(s.message, SupporterMessage)]


def test_of_many_who_claim_at_once_one_gets_it_and_the_others_are_told_who(waiting):
    people = [waiting.on_duty(f"Person {n}") for n in range(8)]
    outcomes = together(*[lambda p=p: waiting.deeds.claim(waiting.id_of(), p) for p in people])
    losers = [o for o in outcomes if isinstance(o, AlreadyClaimed)]
    winner = people[outcomes.index(None)]
    assert outcomes.count(None) == 1 and len(losers) == 7
    assert {loser.alias for loser in losers} == {winner.alias}


def test_next_gives_two_people_two_students(waiting):
    waiting.contact_writes("hei", who="B").contact_writes("prate", who="B")
    got = together(
        lambda: waiting.deeds.next_for(waiting.amalie), lambda: waiting.deeds.next_for(waiting.birk)
    )
    assert set(got) == {waiting.id_of("A"), waiting.id_of("B")}


def test_alert_acknowledged_by_two_at_once_is_one_persons(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    alert = waiting.alerts[0]
    outcomes = together(
        lambda: waiting.deeds.acknowledge(alert.id, waiting.amalie),
        lambda: waiting.deeds.acknowledge(alert.id, waiting.birk),
    )
    second = next(o for o in outcomes if o is not None)
    assert outcomes.count(None) == 1 and isinstance(second, AlreadyClaimed)
    assert second.alias == waiting.alerts[0].acknowledged_alias


def test_second_click_on_i_have_it_is_no_error_and_no_second_line_in_the_record(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    alert = waiting.alerts[0]
    for _ in range(2):
        waiting.deeds.acknowledge(alert.id, waiting.amalie)
    lines = waiting.local.storage.read(lambda tx: tx.audit.lines())
    assert sum(line.action == "acknowledged" for line in lines) == 1


def test_bar_that_is_shown_already_changes_nothing_so_screens_do_not_wake_each_other_for_ever(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    alert = waiting.alerts[0]
    waiting.deeds.alert_shown(alert.id, waiting.amalie)
    before = waiting.local.storage.read(lambda tx: tx.handoffs.last_change())
    waiting.deeds.alert_shown(alert.id, waiting.birk)
    assert waiting.local.storage.read(lambda tx: tx.handoffs.last_change()) == before


def test_same_words_from_the_same_screen_are_sent_once(waiting):
    waiting.claim(waiting.amalie)
    seen = newest(waiting)
    together(
        *[lambda: waiting.deeds.reply(waiting.id_of(), waiting.amalie, "jeg er her", seen) for _ in range(4)]
    )
    waiting.local.settle()
    assert persons_words(waiting) == ["jeg er her"]


def test_same_words_said_again_later_are_sent_again(waiting):
    waiting.claim(waiting.amalie)
    for _ in range(2):
        waiting.supporter_writes(waiting.amalie, "ja")
    assert persons_words(waiting) == ["ja", "ja"]


def test_reply_after_the_conversation_went_to_a_colleague_is_not_sent(waiting):
    waiting.claim(waiting.amalie)
    handed_over(waiting)
    with pytest.raises(NotYours):
        waiting.deeds.reply(waiting.id_of(), waiting.amalie, "hei", newest(waiting))
    assert persons_words(waiting) == []


def test_reply_to_what_a_colleague_has_answered_meanwhile_is_not_sent(waiting):
    waiting.claim(waiting.amalie)
    seen = newest(waiting)
    waiting.supporter_writes(waiting.amalie, "først")
    handed_over(waiting)
    with pytest.raises(AnsweredMeanwhile):
        waiting.deeds.reply(waiting.id_of(), waiting.birk, "sist", seen)


@pytest.mark.parametrize("first", ["claim", "stop"])
def test_claim_and_the_students_stop_end_alike_whichever_comes_first(waiting, first):
    if first == "claim":
        waiting.claim(waiting.amalie).contact_writes("STOPP")
    else:
        waiting.contact_writes("STOPP")
        if waiting.status is Status.WAITING:
            waiting.claim(waiting.amalie)
    if waiting.status is Status.CLAIMED:
        waiting.supporter_writes(waiting.amalie, "ok, vi er her")
        assert "ok, vi er her" in persons_words(waiting), "a person may always answer who was not told to go"
    assert waiting.conv().stopped in (Stopped.STOP, Stopped.NO)


def drafts(chat, staff) -> str | None:
    return chat.local.storage.read(lambda tx: tx.drafts.get(chat.id_of(), staff.id))


def held(chat, text):
    """A reply that can still be taken back, as the console sends it."""
    chat.deeds.reply(chat.id_of(), chat.amalie, text, newest(chat), hold_seconds=5)


@pytest.mark.parametrize("word", ["STOPP", "PAUSE"])
def test_a_reply_that_has_not_left_stays_here_when_the_student_asks_for_quiet(waiting, word):
    waiting.claim(waiting.amalie)
    held(waiting, "Vil du fortelle mer?")
    waiting.local.storage.write(
        lambda tx: tx.drafts.save(waiting.id_of(), waiting.amalie.id, "reply\nog så", waiting.now)
    )
    waiting.contact_writes(word)
    assert waiting.last_reply, "the answer comes at once"
    waiting.wait(minutes=1)
    assert persons_words(waiting) == []
    assert drafts(waiting, waiting.amalie) == "reply\nVil du fortelle mer?\nog så"
    if word == "PAUSE":
        handoff = waiting.conv().handoff
        assert handoff.unanswered and handoff.answered_at is None
        with pytest.raises(MayNotBeSafe):
            held(waiting, "Vil du fortelle mer?")


def test_a_reply_that_stays_here_is_no_answer_though_another_app_has_spoken(waiting):
    waiting.claim(waiting.amalie)
    held(waiting, "Vil du fortelle mer?")
    echo = EchoReceived(sent_at=waiting.now, mid="echo", app="other", text="Takk for meldingen!")
    waiting.local.happens("A", echo)
    waiting.contact_writes("PAUSE")
    assert waiting.conv().handoff.answered_at is None


def test_a_reply_that_has_not_left_goes_when_the_student_only_stops_the_bot_in_danger(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    waiting.claim(waiting.amalie)
    held(waiting, "Jeg er her")
    waiting.contact_writes("STOPP")
    waiting.wait(minutes=1)
    assert "Jeg er her" in persons_words(waiting), "stop.danger says that a person may still write"


def test_nothing_of_ours_follows_a_deletion_that_was_confirmed(waiting):
    waiting.claim(waiting.amalie)
    waiting.contact_writes("SLETT")
    held(waiting, "Vil du fortelle mer?")
    waiting.contact_writes("Ja, slett")
    assert "Ferdig" in waiting.last_reply
    waiting.wait(minutes=1)
    assert persons_words(waiting) == []


def test_closed_account_can_do_nothing_more_whatever_its_screen_still_shows(waiting):
    waiting.contact_writes("hei", who="B").contact_writes("prate", who="B")
    waiting.claim(waiting.amalie)
    seen, contact_id = newest(waiting), waiting.id_of()
    waiting.local.storage.write(lambda tx: tx.staff.disable(waiting.amalie.id, waiting.now))
    deeds, amalie = waiting.deeds, waiting.amalie
    for act in (
        lambda: deeds.reply(contact_id, amalie, "hei", seen),
        lambda: deeds.claim(waiting.id_of("B"), amalie),
        lambda: deeds.next_for(amalie),
        lambda: deeds.close(contact_id, amalie, "listened", seen=UNSEEN),
        lambda: deeds.note(contact_id, amalie, "x"),
        lambda: deeds.set_duty(amalie, Duty.ON),
    ):
        with pytest.raises(NotPossible):
            act()
    assert persons_words(waiting) == []


@pytest.mark.parametrize("role", [Role.ADMIN, Role.REVIEWER])
def test_nobody_is_handed_to_somebody_who_may_see_no_text(waiting, role):
    other = waiting.on_duty("Admin", role=role)
    waiting.claim(waiting.amalie)
    with pytest.raises(NotPossible):
        waiting.deeds.team.offer(waiting.id_of(), waiting.amalie, other.id, "")


def test_nobody_goes_off_duty_with_somebody_in_danger_before_a_colleague_has_said_yes(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    waiting.claim(waiting.amalie)
    waiting.deeds.team.offer(waiting.id_of(), waiting.amalie, waiting.birk.id, "")
    with pytest.raises(NotPossible, match="hand_over"):
        waiting.deeds.set_duty(waiting.amalie, Duty.OFF)
    waiting.deeds.team.accept(waiting.id_of(), waiting.birk)
    waiting.deeds.set_duty(waiting.amalie, Duty.OFF)
    assert waiting.conv().handoff.claimed_by == waiting.birk.id


def test_every_deed_on_an_erased_contact_is_refused_and_leaves_nothing(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    waiting.claim(waiting.amalie)
    contact_id, alert = waiting.id_of(), waiting.alerts[0]
    waiting.local.storage.write(lambda tx: tx.contacts.erase(contact_id, "KODE", waiting.now))
    deeds, amalie = waiting.deeds, waiting.amalie
    for act in (
        lambda: deeds.claim(contact_id, amalie),
        lambda: deeds.release(contact_id, amalie),
        lambda: deeds.reply(contact_id, amalie, "hei", 0),
        lambda: deeds.close(contact_id, amalie, "listened", seen=UNSEEN),
        lambda: deeds.note(contact_id, amalie, "x"),
        lambda: deeds.retry(contact_id, amalie, 1),
        lambda: deeds.acknowledge(alert.id, amalie),
        lambda: deeds.give_back(contact_id, amalie),
    ):
        with pytest.raises(NotPossible):
            act()
    deeds.alert_shown(alert.id, amalie)
    left = waiting.local.storage.read(lambda tx: tx.all("SELECT contact_id FROM conversation"))
    assert left == [] and waiting.deeds.mine(amalie) == []


def test_message_is_sent_again_once_however_often_somebody_clicks(waiting):
    waiting.claim(waiting.amalie).supporter_writes(waiting.amalie, "hei")
    entries = waiting.local.storage.read(lambda tx: tx.transcript.entries(waiting.id_of()))
    outbox_id = next(e.outbox_id for e in entries if e.written_by == "supporter")
    with pytest.raises(NotPossible):
        waiting.deeds.retry(waiting.id_of(), waiting.amalie, outbox_id)  # it went out
    message = SupporterMessage(supporter_id=waiting.amalie.id, alias="Amalie", text="igjen")
    lost = waiting.local.storage.write(lambda tx: tx.outbox.add(waiting.id_of(), message, waiting.now))
    waiting.local.storage.write(lambda tx: tx.outbox.failed(lost, "graph_down", waiting.now))
    outcomes = together(
        *[lambda: waiting.deeds.retry(waiting.id_of(), waiting.amalie, lost) for _ in range(3)]
    )
    waiting.local.settle()
    assert outcomes.count(None) == 1 and persons_words(waiting).count("igjen") == 1


def test_message_whose_words_are_gone_cannot_be_sent_again(waiting):
    waiting.claim(waiting.amalie)
    message = SupporterMessage(supporter_id=waiting.amalie.id, alias="Amalie", text="igjen")
    storage = waiting.local.storage
    lost = storage.write(lambda tx: tx.outbox.add(waiting.id_of(), message, waiting.now))
    storage.write(lambda tx: tx.outbox.failed(lost, "graph_down", waiting.now))
    later = waiting.now + timedelta(days=30)
    storage.write(lambda tx: tx.transcript.forget_text(later, later))
    with pytest.raises(NotPossible):
        waiting.deeds.retry(waiting.id_of(), waiting.amalie, lost)
    entries = storage.read(lambda tx: tx.transcript.entries(waiting.id_of()))
    assert next(e.delivery for e in entries if e.outbox_id == lost) is Delivery.FAILED


def test_somebody_who_has_a_pause_is_given_nobody(waiting):
    waiting.local.storage.write(lambda tx: tx.staff.pause(waiting.amalie.id, waiting.now))
    with pytest.raises(NotPossible, match="paused"):
        waiting.deeds.next_for(waiting.amalie)
    waiting.claim(waiting.birk)
    with pytest.raises(NotPossible, match="nobody"):
        waiting.deeds.team.offer(waiting.id_of(), waiting.birk, waiting.amalie.id, "")
    waiting.local.storage.write(lambda tx: tx.staff.ready(waiting.amalie.id))
    waiting.deeds.team.offer(waiting.id_of(), waiting.birk, waiting.amalie.id, "")
    waiting.deeds.team.accept(waiting.id_of(), waiting.amalie)
    assert waiting.conv().handoff.claimed_by == waiting.amalie.id


def test_danger_is_taken_by_somebody_with_a_pause_too_if_they_choose_it(waiting):
    waiting.contact_writes("jeg vil ta livet mitt nå")
    waiting.local.storage.write(lambda tx: tx.staff.pause(waiting.amalie.id, waiting.now))
    waiting.deeds.claim(waiting.id_of(), waiting.amalie)
    assert waiting.status is Status.CLAIMED
