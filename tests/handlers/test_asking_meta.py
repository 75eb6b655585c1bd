"""What became of a message whose answer never came: told by what the Page has said, as Meta shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from outage import outage

from bot.events import TextReceived
from bot.messages import BotMessage, Purpose, SupporterMessage
from handlers import jobs
from handlers.fates import Said, Shown, judge, shown_in
from handlers.messenger import limits
from storage.records import Delivery, NewEvent

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONG = "ord " * 900  # goes in two parts


def said(*texts: str, seconds: float = 1) -> tuple[Said, ...]:
    return tuple(Said(f"m{n}", text, AT + timedelta(seconds=seconds + n)) for n, text in enumerate(texts))


def verdict(text: str, shown: tuple[Said, ...], *, known: tuple[str, ...] = (), asked=MINUTE, **more):
    rest = {"back_to": None} | more
    return judge(text, AT, AT + asked, Shown("1", shown, **rest), lambda mid: mid in known)


@pytest.mark.parametrize(
    ("text", "shown", "more", "expected"),
    [
        ("Hei du", said("Hei  du"), {}, ("arrived", "m0")),
        ("Hei", said("Hei", seconds=-600), {}, ("arrived", "m0")),  # our clock is ahead of Meta's
        ("Hei", said("Hei", seconds=-3600), {}, ("unclear", None)),  # said before, or our clock is far ahead
        ("Hei", said("Hei", seconds=-3600), {"asked": -60 * MINUTE}, ("arrived", "m0")),  # it was put back
        ("Hei", said("Noe annet", seconds=-3600), {}, ("missing", None)),
        ("Hei", (), {}, ("missing", None)),
        ("Hei", said("Hei"), {"known": ("m0",)}, ("missing", None)),  # another message with these words
        ("Hei", said("Hei", "Hei"), {"known": ("m0",)}, ("arrived", "m1")),
        ("Hei", said("Noe annet"), {}, ("unclear", None)),
        ("Hei", (), {"is_whole": False}, ("unclear", None)),
        ("Hei", said("Hei"), {"is_whole": False}, ("arrived", "m0")),
        ("Hei", (), {"back_to": AT - timedelta(hours=1)}, ("missing", None)),
        ("Hei", (), {"back_to": AT - 14 * MINUTE}, ("unclear", None)),  # ours may stand before
        (LONG, said("ord " * 500), {}, ("unclear", None)),
    ],
)
def test_fate_is_told_by_what_stands_there_after_the_message_was_claimed(text, shown, more, expected):
    assert verdict(text, shown, **more) == expected


def test_all_parts_of_a_long_text_must_stand_there():
    from handlers.messenger.split import split

    first, second = split(LONG)
    assert verdict(LONG, said(first, second)) == ("arrived", "m1")
    assert verdict(LONG, said(second, first)) == ("unclear", None)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": "x"},
        {"data": [None, {}, {"messages": {"data": [None, {"id": "m", "from": {"id": "1"}}]}}]},
        {"data": [{"messages": {"data": [{"id": "m", "created_time": "no", "from": {"id": "1"}}]}}]},
    ],
)
def test_answers_of_any_shape_show_nothing(answer):
    assert shown_in(answer, "99") == []


def test_a_conversation_that_may_go_on_says_how_far_back_it_is_shown():
    def message(n, author):
        at = (AT + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%S+0000")
        return {"id": f"m{n}", "created_time": at, "from": {"id": author}, "message": "x"}

    newest_first = [message(n, "99" if n % 2 else "1") for n in reversed(range(limits.PAST_MESSAGES))]
    (all_shown,) = shown_in({"data": [{"messages": {"data": newest_first[:3]}}]}, "99")
    (cut,) = shown_in({"data": [{"messages": {"data": newest_first}}]}, "99")
    assert all_shown.back_to is None and cut.back_to == AT
    assert [each.mid for each in cut.said[:2]] == ["m1", "m3"] and cut.is_whole


@pytest.mark.parametrize("name", ["id", "from", "created_time", None])
def test_a_conversation_of_which_one_message_cannot_be_read_is_not_shown_whole(name):
    theirs = {"id": "m1", "created_time": "2026-11-25T12:00:00+0000", "from": {"id": "1"}, "message": "x"}
    ours = theirs | {"from": {"id": "99"}, name: None} if name else None
    (shown,) = shown_in({"data": [{"messages": {"data": [ours, theirs]}}]}, "99")
    assert shown == Shown("1", (), None, is_whole=False)


@pytest.fixture
def place(content, tmp_path):
    with outage(content, tmp_path) as place:
        place.psid = place.stand_in.new_student()
        place.stand_in.write(place.psid, "hei")
        place.catches_up()
        place.stand_in.write(place.psid, "hei igjen")
        place.catches_up()
        yield place


def lost(place, text="Har du det bra?", *, arrives, supporter=False):
    """A worker was killed with this message under way."""
    contact_id = place.storage.read(lambda tx: tx.contacts.find(place.psid))
    message = (
        SupporterMessage(supporter_id=1, alias="Ola", text=text)
        if supporter
        else BotMessage(purpose=Purpose.FLOW, text=text, not_after=place.now + timedelta(hours=1))
    )

    def claim(tx):
        outbox_id = tx.outbox.add(contact_id, message, place.now)
        assert [send.id for send in tx.outbox.claim(place.now, "killed", 5)] == [outbox_id]
        return outbox_id

    outbox_id = place.storage.write(claim)
    if arrives:
        place.client.send(place.psid, message, outbox_id=outbox_id)
    jobs.recover_sends(place.storage, place.now, older_than=timedelta(seconds=-1))
    place.passes(seconds=25)
    jobs.settle_unknown(place.storage, place.now)
    return outbox_id


def fate(place, outbox_id):
    entry = next(e for e in place.entries(place.psid) if e.outbox_id == outbox_id)
    return entry.delivery, entry.failure


def reached(place, text="Har du det bra?"):
    return [d.text for d in place.stand_in.deliveries].count(text)


def test_what_stands_there_is_sent_and_is_not_repeated(place):
    outbox_id = lost(place, arrives=True)
    assert fate(place, outbox_id)[0] is Delivery.UNKNOWN
    assert place.catches_up()
    assert fate(place, outbox_id)[0] is Delivery.SENT and reached(place) == 1
    entry = next(e for e in place.entries(place.psid) if e.outbox_id == outbox_id)
    assert entry.mid == place.stand_in.deliveries[-1].mid


def test_what_arrived_is_not_sent_again_where_our_clock_is_ahead_of_metas(place):
    place.passes(minutes=10)
    place.stand_in.clock = lambda: place.now - timedelta(minutes=2)
    outbox_id = lost(place, arrives=True)
    place.catches_up()
    assert fate(place, outbox_id)[0] is Delivery.SENT and reached(place) == 1


def test_a_text_of_the_bot_that_does_not_stand_there_goes_out_after_all(place):
    outbox_id = lost(place, arrives=False)
    worker = place.starts()
    assert place.catches_up(worker)
    assert fate(place, outbox_id)[0] is Delivery.SENT and reached(place) == 1


def test_meta_is_asked_no_sooner_than_it_can_tell_and_once(place):
    worker = place.starts()
    place.catches_up(worker)
    lost(place, arrives=False)
    assert not worker.run_if_due(place.pause), "too early: it may not stand there yet"
    place.passes(minutes=2)
    assert worker.run_if_due(place.pause)
    place.storage.write(lambda tx: tx.run("UPDATE outbox SET state = 'unknown' WHERE state = 'waiting'"))
    place.passes(minutes=2)
    assert not worker.run_if_due(place.pause)


def test_a_persons_words_that_do_not_stand_there_are_shown_to_them_as_not_sent(place):
    outbox_id = lost(place, arrives=False, supporter=True)
    place.catches_up()
    assert fate(place, outbox_id) == (Delivery.FAILED, "not_arrived") and reached(place) == 0


def test_where_meta_refuses_to_be_asked_it_stays_for_a_person(place):
    outbox_id = lost(place, arrives=False)
    place.stand_in.fail("dead_token")
    place.catches_up()
    assert fate(place, outbox_id)[0] is Delivery.UNKNOWN and reached(place) == 0


def test_nothing_of_a_message_or_whom_it_was_for_reaches_the_log(place, caplog):
    caplog.set_level(0)
    lost(place, "hemmelig-markør-8", arrives=True)
    place.catches_up()
    told = str([record.__dict__ for record in caplog.records])
    assert "fate_told" in told and "hemmelig-markør-8" not in told and place.psid not in told


def test_bots_question_does_not_follow_a_stop_whose_answer_is_held_up(place):
    outbox_id = lost(place, arrives=False)
    stop = TextReceived(sent_at=place.now, mid="x9", text="STOPP")
    place.storage.write(
        lambda tx: tx.inbox.add([NewEvent(psid=place.psid, key="message:x9", event=stop)], place.now)
    )
    place.chat.inbound.drain()
    place.storage.write(
        lambda tx: tx.run("UPDATE outbox SET next_try_at = next_try_at + 600000 WHERE state = 'waiting'")
    )
    assert place.catches_up()
    assert fate(place, outbox_id) == (Delivery.FAILED, "not_arrived") and reached(place) == 0


def test_what_a_student_wrote_while_nothing_came_through_is_read_before_the_bot_repeats_itself(place):
    outbox_id = lost(place, arrives=False)
    place.stand_in.write(place.psid, "PAUSE")
    place.catches_up()
    assert place.heard(place.psid)[-1] == "PAUSE"
    assert fate(place, outbox_id) == (Delivery.FAILED, "not_arrived") and reached(place) == 0
