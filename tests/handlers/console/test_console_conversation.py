"""Taking, reading, answering, leaving: what a supporter does, over a real store."""

from __future__ import annotations

import re

import pytest

from bot.conversation import Status, Tier
from bot.events import AttachmentReceived, EchoReceived, MessageEdited, MessageWithdrawn, ReactionChanged
from handlers.written import Written
from storage.records import Duty, NewEvent, Role

DANGER = "Jeg skal ta livet mitt i kveld"


def happens(house, event, who="A"):
    house.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=who, key=repr(event), event=event)], house.at))
    house.inbound.drain()


def last_id(house, contact):
    return house.storage.read(lambda tx: tx.transcript.last_id(contact))


def test_the_queue_shows_alias_and_tier_but_never_what_somebody_wrote(house, amalie):
    contact = house.waiting("Jeg sover dårlig for tiden")
    page = house.browser(amalie).page("/")
    assert house.row(contact).alias in page and "Vanlig" in page
    assert "sover dårlig" not in page


def test_a_waiting_conversation_cannot_be_read_before_it_is_taken(house, amalie):
    contact = house.waiting("Jeg sover dårlig for tiden")
    answer = house.browser(amalie).get(f"/c/{contact}")
    assert answer.status_code == 403 and "sover dårlig" not in answer.text
    assert ("opened", amalie.id) not in house.audit()


def test_a_conversation_that_somebody_else_has_cannot_be_read_by_a_supporter(house, amalie):
    contact, jonas = house.waiting("Jeg sover dårlig for tiden"), house.staff("Jonas")
    house.deeds.claim(contact, jonas)
    browser = house.browser(amalie)
    for path in (
        f"/c/{contact}",
        f"/c/{contact}/details",
        f"/c/{contact}/close",
        f"/fresh?c={contact}",
    ):
        answer = browser.get(path)
        assert answer.status_code in (403, 409) and "sover dårlig" not in answer.text
    assert "Jonas har denne samtalen." in browser.get(f"/c/{contact}").text


def test_a_duty_lead_reads_along_and_every_opening_is_recorded(house, amalie):
    contact, lead = house.waiting("Jeg sover dårlig for tiden"), house.staff("Jonas", Role.DUTY_LEAD)
    house.deeds.claim(contact, amalie)
    page = house.browser(lead).page(f"/c/{contact}")
    assert "sover dårlig" in page and "Amalie svarer, og ser at du er her" in page
    assert house.audit()[-2:] == [("opened", lead.id), ("watched", lead.id)]


def test_neither_admin_nor_reviewer_sees_an_alias_or_a_word(house):
    contact = house.waiting(f"Jeg sover dårlig. {DANGER}")
    alias = house.row(contact).alias
    for role, paths in (
        (Role.ADMIN, ("/staff", "/incidents", "/more")),
        (Role.REVIEWER, ("/records", "/more")),
    ):
        browser = house.browser(house.staff(role.value, role))
        for path in paths:
            assert alias not in browser.page(path) and "sover" not in browser.page(path)
        assert browser.get(f"/c/{contact}").status_code == 403


def test_the_second_to_take_one_is_told_who_was_first(house, amalie):
    contact, jonas = house.waiting(), house.staff("Jonas")
    house.deeds.claim(contact, jonas)
    answer = house.browser(amalie).post(f"/c/{contact}/claim", follow=True)
    assert "Jonas var før deg." in answer.text
    assert house.row(contact).claimed_by == jonas.id


def test_taking_one_twice_opens_it(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    for _ in range(2):
        assert browser.post(f"/c/{contact}/claim").location == f"/console/c/{contact}"


def test_give_me_the_next_one_takes_the_first_in_order(house, amalie):
    house.waiting("hei", "A")
    house.pass_time(minutes=1)
    flagged = house.student(DANGER, "B")
    assert house.browser(amalie).post("/next").location == f"/console/c/{flagged}"
    assert house.row(flagged).claimed_by == amalie.id


def test_with_full_hands_ordinary_rows_lose_the_button_and_flagged_ones_keep_it(house, amalie):
    for who in "ABC":
        house.deeds.claim(house.waiting("hei", who), amalie)
    calm, flagged = house.waiting("hei", "D"), house.student(DANGER, "E")
    page = house.browser(amalie).page("/")
    assert f"/console/c/{calm}/claim" not in page and f"/console/c/{flagged}/claim" in page
    assert "Hendene er fulle" in page


def test_a_reply_goes_to_the_outbox_and_clears_the_draft(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    browser.post(f"/c/{contact}/draft", text="Hei, jeg", mode="reply")
    answer = browser.post(
        f"/c/{contact}/write",
        text="Hei, jeg er her\r\nnå",
        mode="reply",
        seen=last_id(house, contact),
        json=True,
    )
    assert answer.get_json() == {"sent": True}
    entry = house.storage.read(lambda tx: tx.transcript.entries(contact))[-1]
    assert (entry.written_by, entry.text, entry.who) == ("supporter", "Hei, jeg er her\nnå", "Amalie")
    assert house.storage.read(lambda tx: tx.drafts.get(contact, amalie.id)) is None


def test_a_reply_to_a_conversation_that_is_not_mine_is_refused_and_kept_as_a_draft(house, amalie):
    contact, jonas = house.waiting(), house.staff("Jonas")
    house.deeds.claim(contact, jonas)
    answer = house.browser(amalie).post(f"/c/{contact}/write", text="Hei", mode="reply", seen=99, json=True)
    assert answer.status_code == 409 and answer.get_json()["problem"] == "not_yours"
    assert house.storage.read(lambda tx: tx.transcript.entries(contact))[-1].text != "Hei"


def test_the_same_words_sent_again_after_a_lost_answer_go_out_once(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    seen = last_id(house, contact)
    for _ in range(2):
        assert (
            browser.post(f"/c/{contact}/write", text="Hei du", mode="reply", seen=seen, json=True).status_code
            == 200
        )
    entries = house.storage.read(lambda tx: tx.transcript.entries(contact))
    assert [entry.text for entry in entries].count("Hei du") == 1


def test_an_answer_in_metas_inbox_meanwhile_stops_the_reply_and_keeps_the_draft(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    seen = last_id(house, contact)
    happens(house, EchoReceived(sent_at=house.at, mid="echo", app="inbox", text="Hei fra innboksen"))
    answer = browser.post(f"/c/{contact}/write", text="Mine ord", mode="reply", seen=seen, json=True)
    assert answer.get_json()["problem"] == "answered"
    page = browser.page(f"/c/{contact}")
    assert "Mine ord</textarea>" in page and "Svart i Metas innboks" in page


def test_a_draft_survives_and_a_note_never_comes_back_as_a_reply(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    browser.post(f"/c/{contact}/draft", text="Bare for <oss>", mode="note")
    page = house.browser(amalie).page(f"/c/{contact}")
    assert "Bare for &lt;oss&gt;</textarea>" in page
    assert re.search(r'value="note" id="mode-note" checked', page) and 'mode-reply" checked' not in page
    assert Written.unpack(Written("note", "a\nb").pack()) == Written("note", "a\nb")


def test_a_draft_is_for_its_writer_alone(house, amalie):
    contact, lead = house.waiting(), house.staff("Jonas", Role.DUTY_LEAD)
    house.deeds.claim(contact, amalie)
    house.browser(amalie).post(f"/c/{contact}/draft", text="Mine ord", mode="reply")
    assert "Mine ord" not in house.browser(lead).page(f"/c/{contact}")


def test_a_note_is_kept_and_never_sent(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    waiting = house.storage.read(lambda tx: tx.outbox.waiting_count())
    browser.post(f"/c/{contact}/write", text="Ring Kari", mode="note", seen=0)
    assert "Ring Kari" in browser.page(f"/c/{contact}") and "bare for oss" in browser.page(f"/c/{contact}")
    assert house.storage.read(lambda tx: tx.outbox.waiting_count()) == waiting


@pytest.mark.parametrize("mode", ["", "nota", "Reply"])
def test_words_of_which_nobody_can_tell_what_they_are_go_to_no_student(house, amalie, mode):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    waiting = house.storage.read(lambda tx: tx.outbox.waiting_count())
    seen = last_id(house, contact)
    answer = browser.post(f"/c/{contact}/write", text="Si fra til Kari", mode=mode, seen=seen, json=True)
    assert answer.get_json()["problem"] == "mode" and last_id(house, contact) == seen
    assert house.storage.read(lambda tx: tx.outbox.waiting_count()) == waiting
    kept = house.storage.read(lambda tx: tx.drafts.get(contact, amalie.id))
    assert Written.unpack(kept) == Written("note", "Si fra til Kari")


def test_a_stranger_cannot_leave_a_note(house, amalie):
    contact, jonas = house.waiting(), house.staff("Jonas")
    house.deeds.claim(contact, jonas)
    answer = house.browser(amalie).post(f"/c/{contact}/write", text="Hei", mode="note", json=True)
    assert answer.get_json()["problem"] == "not_yours"


def test_when_the_window_has_closed_the_page_says_so_and_a_reply_keeps_the_draft(house, amalie):
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    house.pass_time(hours=24, minutes=5)
    browser = house.browser(amalie)
    page = browser.page(f"/c/{contact}")
    assert "Svarfristen er ute" in page and "Messenger stenger 24 timer" in page
    answer = browser.post(f"/c/{contact}/write", text="For sent", mode="reply", seen=99, json=True)
    assert answer.get_json()["problem"] == "window"
    assert "For sent</textarea>" in browser.page(f"/c/{contact}")


def test_putting_back_handing_over_and_closing_leave_the_conversation(house, amalie):
    jonas, browser = house.staff("Jonas"), house.browser(amalie)
    first, second, third = (house.waiting("hei", who) for who in "ABC")
    for contact in (first, second, third):
        house.deeds.claim(contact, amalie)
    browser.post(f"/c/{first}/release")
    assert house.row(first).status is Status.WAITING
    browser.post(f"/c/{second}/offer", to=jonas.id, note="Ta det rolig")
    assert house.row(second).claimed_by == amalie.id
    assert "Ta det rolig" in house.browser(jonas).page("/")
    house.browser(jonas).post(f"/c/{second}/accept")
    assert house.row(second).claimed_by == jonas.id
    assert "Ta det rolig" in house.browser(jonas).page(f"/c/{second}")
    browser.post(f"/c/{third}/close", outcome="not one of ours")
    assert house.row(third) is not None
    browser.post(f"/c/{third}/close", outcome="listened")
    assert house.row(third) is None
    assert browser.get(f"/c/{third}").location == "/console/"


def test_the_forms_for_closing_and_handing_over_have_their_own_page_without_a_script(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.staff("Jonas")
    house.deeds.claim(contact, amalie)
    assert 'value="warm_handover"' in browser.page(f"/c/{contact}/close")
    house.staff("Berit", duty=Duty.OFF)
    form = browser.page(f"/c/{contact}/transfer")
    assert ">Jonas</option>" in form and "Berit" not in form, "who is not on duty cannot be chosen"


def test_i_have_it_takes_the_alert_and_the_conversation(house, amalie):
    contact = house.student(DANGER)
    alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    browser, other = house.browser(amalie), house.browser(house.staff("Jonas"))
    assert "Kritisk varsel" in browser.page("/") and "Ingen har den" in browser.page("/more")
    assert browser.post(f"/alert/{alert.id}/acknowledge").location == f"/console/c/{contact}"
    assert "Du tok den 12:00" in browser.page("/") and "Amalie tok den 12:00" in other.page("/")
    assert "Amalie har den." in other.post(f"/alert/{alert.id}/acknowledge", follow=True).text


def test_an_alert_without_a_reply_turns_red_again(house, amalie):
    contact, browser = house.student(DANGER), house.browser(amalie)
    alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    browser.post(f"/alert/{alert.id}/acknowledge")
    assert "strip-held" in browser.page("/")
    house.pass_time(minutes=6)
    assert "strip-alert" in browser.page("/") and "Studenten venter på svar" in browser.page("/")
    browser.post(f"/c/{contact}/write", text="Jeg er her", mode="reply", seen=last_id(house, contact))
    assert "strip-held" in browser.page("/")


def test_the_bar_asks_to_be_reported_only_once_and_only_by_somebody_on_duty(house, amalie):
    house.student(DANGER)
    alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    paused = house.browser(house.staff("Pia", duty=Duty.PAUSE))
    browser = house.browser(amalie)
    assert "data-show" in browser.page("/") and "data-show" not in paused.page("/")
    assert browser.post(f"/alert/{alert.id}/shown").status_code == 204
    assert "data-show" not in browser.page("/")


def test_the_flag_is_explained_inside_and_lowered_only_with_a_reason(house, amalie):
    contact, browser = house.student(DANGER), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    page = browser.page(f"/c/{contact}")
    assert "Derfor ble det varslet" in page and '<mark class="hit">' in page
    browser.post(f"/c/{contact}/tier", tier="none", reason="")
    assert house.row(contact).tier is Tier.CRITICAL
    browser.post(f"/c/{contact}/tier", tier="high", reason="Snakket sammen, ikke i kveld")
    assert house.row(contact).tier is Tier.HIGH
    assert "Snakket sammen, ikke i kveld" in browser.page(f"/c/{contact}")


def test_odd_things_from_the_student_are_shown_in_words(house, amalie):
    contact = house.waiting("Hei der")
    house.deeds.claim(contact, amalie)
    happens(house, AttachmentReceived(sent_at=house.at, mid="p1", kinds=("image", "like")))
    happens(house, MessageEdited(sent_at=house.at, mid="m2", text="Hei igjen", number=1))
    house.student("Dette angrer jeg på")
    happens(house, MessageWithdrawn(sent_at=house.at, mid="m3"))
    house.deeds.reply(contact, amalie, "Så fint", last_id(house, contact))
    sent = house.storage.read(lambda tx: tx.transcript.entries(contact))[-1]
    house.storage.write(lambda tx: tx.outbox.sent({sent.outbox_id: "out1"}, house.at))
    happens(house, ReactionChanged(sent_at=house.at, mid="out1", reaction="like", added=True))
    page = house.browser(amalie).page(f"/c/{contact}")
    for words in (
        "Bilde. Hentes ikke her.",
        "Tommel opp",
        "Hei igjen",
        "Redigert",
        "En melding ble trukket tilbake",
        "Studenten reagerte: tommel opp",
        "Sendt",
    ):
        assert words in page, words
    assert "Dette angrer jeg på" not in page


def test_a_failed_message_says_why_and_can_be_sent_again(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    house.deeds.reply(contact, amalie, "Hei", last_id(house, contact))
    entry = house.storage.read(lambda tx: tx.transcript.entries(contact))[-1]
    house.storage.write(lambda tx: tx.outbox.failed(entry.outbox_id, "timeout", house.at))
    assert "Ikke sendt. Messenger svarte ikke." in browser.page(f"/c/{contact}")
    browser.post(f"/c/{contact}/retry/{entry.outbox_id}")
    assert "Venter på å bli sendt" in browser.page(f"/c/{contact}")


def test_the_bot_may_speak_again_after_metas_inbox(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    happens(house, EchoReceived(sent_at=house.at, mid="echo", app="inbox", text="Hei"))
    assert house.row(contact).elsewhere and "La boten snakke igjen" in browser.page(f"/c/{contact}")
    browser.post(f"/c/{contact}/give-back")
    assert not house.row(contact).elsewhere


def test_nothing_of_a_student_or_a_password_reaches_the_log(house, amalie, caplog):
    caplog.set_level(0)
    contact, browser = house.waiting("Jeg heter Ragnhild"), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    browser.page(f"/c/{contact}")
    browser.post(f"/c/{contact}/write", text="Hei Ragnhild", mode="reply", seen=last_id(house, contact))
    house.browser().post("/sign-in", login="amalie", password="hemmelig hemmelig")
    assert not re.search("Ragnhild|hemmelig|token-of", caplog.text)


def test_writing_to_a_paused_student_takes_a_tick_and_keeps_the_draft(house, amalie):
    contact = house.waiting("Jeg sover dårlig for tiden")
    house.student("PAUSE")
    house.deeds.claim(contact, amalie)
    browser = house.browser(amalie)
    assert 'id="confirm-unsafe" hidden' not in browser.page(f"/c/{contact}")
    words = {"text": "Hei, jeg er her", "mode": "reply", "seen": last_id(house, contact)}
    browser.post(f"/c/{contact}/write", **words)
    assert sent(house, contact) == []
    assert "Hei, jeg er her</textarea>" in browser.page(f"/c/{contact}")
    browser.post(f"/c/{contact}/write", **words, confirmed="1")
    assert sent(house, contact) == ["Hei, jeg er her"]


def sent(house, contact):
    entries = house.storage.read(lambda tx: tx.transcript.entries(contact))
    return [entry.text for entry in entries if entry.written_by == "supporter"]
