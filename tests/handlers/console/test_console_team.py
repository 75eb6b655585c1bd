"""Between colleagues: handing over, looking on, whispering, letting go, and the end of a shift."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.conversation import Status, Tier
from handlers import jobs
from storage.records import Duty, Role

DANGER = "jeg vil ta livet mitt nå"
once = pytest.mark.parametrize(
    "engine", ["sqlite"], indirect=True
)  # what is SQL here is tried on both elsewhere


@pytest.fixture
def jonas(house):
    return house.staff("Jonas")


@pytest.fixture
def taken(house, amalie):
    """A student whom Amalie has."""
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    return contact


def said_by_the_thread(house, contact) -> list[str]:
    entries = house.storage.read(lambda tx: tx.transcript.entries(contact))
    return [entry.detail for entry in entries if entry.written_by == "system"]


@once
def test_question_to_a_colleague_shows_on_every_page_of_theirs_and_can_be_declined(
    house, amalie, jonas, taken
):
    house.browser(amalie).post(f"/c/{taken}/offer", to=jonas.id, note="Handler om bolig")
    other = house.browser(jonas)
    assert "Amalie spør om du kan ta over" in other.page("/more")
    assert "Handler om bolig" in other.page("/") and "Handler om bolig" not in other.page("/more")
    assert other.get(f"/c/{taken}").status_code == 403, "the words of the student are not theirs before a yes"
    other.post(f"/c/{taken}/decline")
    mine = house.browser(amalie).page(f"/c/{taken}")
    assert "Jonas kunne ikke ta over" in mine and house.row(taken).claimed_by == amalie.id
    assert "offer_declined" in said_by_the_thread(house, taken)
    assert other.post(f"/c/{taken}/accept", follow=True).text.count("Det går ikke nå") == 1


@once
def test_question_that_nobody_answers_is_over_after_five_minutes_and_the_asker_is_told(
    house, amalie, jonas, taken
):
    house.deeds.team.offer(taken, amalie, jonas.id, "")
    house.pass_time(minutes=4, seconds=59)
    assert jobs.lapse_offers(house.storage, house.content, house.at) == 0
    house.pass_time(seconds=1)
    assert jobs.lapse_offers(house.storage, house.content, house.at) == 1
    assert jobs.lapse_offers(house.storage, house.content, house.at) == 0
    page = house.browser(amalie).page("/")
    assert "svarte ikke om" in page and house.row(taken).offered_to is None
    notice = re.search(r"/news/(\d+)/read", page)
    house.browser(amalie).post(notice[0])
    assert "svarte ikke om" not in house.browser(amalie).page("/")


@once
def test_question_can_be_taken_back_and_is_declined_by_going_off_duty(house, amalie, jonas, taken):
    browser = house.browser(amalie)
    browser.post(f"/c/{taken}/offer", to=jonas.id)
    browser.post(f"/c/{taken}/withdraw")
    assert house.row(taken).offered_to is None and "spør om du" not in house.browser(jonas).page("/")
    browser.post(f"/c/{taken}/offer", to=jonas.id)
    house.browser(jonas).post("/duty", duty="off")
    assert house.row(taken).refused == "Jonas"
    browser.post(f"/c/{taken}/offer", to=jonas.id)
    assert house.row(taken).offered_to is None, "who is off duty cannot be asked"


def test_lead_who_looks_on_is_seen_recorded_once_and_whispers_to_one_alone(house, amalie, jonas, taken):
    lead = house.staff("Berit", Role.DUTY_LEAD)
    ida = house.staff("Ida", Role.COORDINATOR)
    theirs = house.browser(lead)
    page = theirs.page(f"/c/{taken}")
    assert "Du følger med" in page and 'value="whisper"' in page
    theirs.page(f"/c/{taken}")
    assert [line for line in house.audit() if line[0] == "watched"] == [("watched", lead.id)]
    mine = house.browser(amalie)
    assert "Berit følger med" in mine.page(f"/c/{taken}")
    theirs.post(f"/c/{taken}/write", text="Spør om hun er trygg", mode="whisper")
    assert "Spør om hun er trygg" in mine.page(f"/c/{taken}")
    assert "Spør om hun er trygg" not in house.browser(ida).page(f"/c/{taken}")
    mine.post(f"/c/{taken}/offer", to=jonas.id)
    house.browser(jonas).post(f"/c/{taken}/accept")
    assert "Spør om hun er trygg" not in house.browser(jonas).page(f"/c/{taken}")
    house.pass_time(minutes=3)
    assert "Berit følger med" not in house.browser(jonas).page(f"/c/{taken}")


@once
def test_supporter_cannot_whisper_or_take_over(house, amalie, jonas, taken):
    other = house.browser(jonas)
    assert other.post(f"/c/{taken}/write", json=True, text="x", mode="whisper").status_code == 409
    assert other.post(f"/c/{taken}/take-over").status_code == 403
    assert house.row(taken).claimed_by == amalie.id


@once
def test_lead_takes_over_and_the_supporter_reads_who_did(house, amalie, taken):
    lead = house.staff("Berit", Role.DUTY_LEAD)
    house.browser(lead).post(f"/c/{taken}/take-over")
    assert house.row(taken).claimed_by == lead.id
    assert "Berit tok over" in house.browser(amalie).page("/")
    assert ("taken_over", lead.id) in house.audit()


def test_student_i_know_is_gone_for_me_and_nothing_says_why(house, amalie, jonas, taken):
    lines = len(house.audit())
    house.browser(amalie).post(f"/c/{taken}/know")
    assert house.row(taken).status is Status.WAITING
    assert house.audit()[lines:] == [("released", amalie.id)]
    mine = house.browser(amalie)
    assert f"row-{taken}" not in mine.page("/") and mine.get(f"/c/{taken}").location == "/console/"
    mine.post(f"/c/{taken}/claim")
    assert house.deeds.next_for(amalie) is None and house.row(taken).claimed_by is None
    assert f"row-{taken}" in house.browser(jonas).page("/")
    house.student(DANGER, "A")
    assert f"row-{taken}" in mine.page("/"), "danger is shown to everybody"
    house.deeds.claim(taken, amalie)


@once
def test_slip_of_the_finger_is_undone_by_whoever_made_it_or_by_a_coordinator(house, amalie, jonas, taken):
    mine, theirs = house.browser(amalie), house.browser(jonas)
    kari = house.browser(house.staff("Kari", Role.COORDINATOR))
    page = mine.post(f"/c/{taken}/know", follow=True).text
    assert f'formaction="/console/c/{taken}/know-not"' in page and f"/c/{taken}/know-not" in mine.page(
        "/known"
    )
    assert "/console/known" in mine.page("/more") and "/console/known" not in theirs.page("/more")
    theirs.post(f"/c/{taken}/know-not", who=amalie.id)
    assert house.row(taken).known_to == (amalie.id,), "a colleague cannot say so"
    lines = len(house.audit())
    assert mine.post(f"/c/{taken}/know-not").location.endswith(f"/c/{taken}")
    assert f"row-{taken}" in mine.page("/") and house.audit()[lines:] == [("shown_again", amalie.id)]
    assert house.deeds.next_for(amalie) == taken, "as if it had not been pressed"
    mine.post(f"/c/{taken}/know")
    assert "Vises ikke for" in kari.page(f"/c/{taken}")
    kari.post(f"/c/{taken}/know-not", who=amalie.id)
    assert house.row(taken).known_to == () and "Vises ikke for" not in kari.page(f"/c/{taken}")
    kari.post(f"/c/{taken}/know-not", who=amalie.id)  # a page that is old


@once
def test_lead_who_knows_the_student_cannot_read_along(house, amalie, taken):
    lead = house.staff("Berit", Role.DUTY_LEAD)
    house.browser(lead).post(f"/c/{taken}/know")
    assert house.row(taken).claimed_by == amalie.id
    assert house.browser(lead).get(f"/c/{taken}").location == "/console/"
    house.browser(lead).post(f"/c/{taken}/take-over")
    house.browser(amalie).post(f"/c/{taken}/offer", to=lead.id)
    assert house.row(taken).claimed_by == amalie.id and house.row(taken).offered_to is None
    assert "Berit" not in house.browser(amalie).page(f"/c/{taken}/transfer")
    assert f"row-{taken}" not in house.browser(lead).page("/")


@once
def test_take_this_from_me_goes_back_to_its_place_and_the_lead_closes_the_matter(house, amalie, taken):
    opened_at = house.row(taken).opened_at
    lead = house.staff("Berit", Role.DUTY_LEAD)
    house.browser(amalie).post(f"/c/{taken}/relieve")
    assert house.row(taken).opened_at == opened_at and house.row(taken).status is Status.WAITING
    assert house.deeds.next_for(amalie) is None, "not given back to whoever asked to be rid of it"
    theirs = house.browser(lead)
    assert "Én ting venter på deg" in theirs.page("/")
    page = theirs.page("/matters")
    assert "Amalie ba om å bli fritatt" in page
    matter = re.search(r"/matters/(\d+)/close", page)[1]
    theirs.post(f"/matters/{matter}/close")
    assert "Ingenting venter på deg" in theirs.page("/matters")


def test_report_is_the_coordinators_alone_and_closes_with_a_note(house, amalie, taken):
    house.browser(amalie).post(f"/c/{taken}/report", words="Sender stygge ting")
    lead, ida = house.staff("Berit", Role.DUTY_LEAD), house.browser(house.staff("Ida", Role.COORDINATOR))
    assert "Sender stygge ting" not in house.browser(lead).page("/matters")
    page = ida.page("/matters")
    assert "Sender stygge ting" in page and f"/console/c/{taken}" in page
    matter = re.search(r"/matters/(\d+)/close", page)[1]
    assert house.browser(lead).post(f"/matters/{matter}/close", words="nei", follow=True).text
    ida.post(f"/matters/{matter}/close", words="")
    assert "Sender stygge ting" in ida.page("/matters").split("Ferdig de siste")[0]
    ida.post(f"/matters/{matter}/close", words="Snakket med studenten")
    done = ida.page("/matters")
    assert "Ingenting venter på deg" in done and "Snakket med studenten" in done


@once
def test_muted_conversation_counts_and_sounds_no_more_until_there_is_danger(house, amalie, taken):
    browser = house.browser(amalie)
    browser.post(f"/c/{taken}/mute", on=1)
    house.student("enda en melding")
    page = browser.page("/")
    assert 'class="unread"' not in page and f"c{taken}:" not in page and "dempet" in page
    house.student(DANGER)
    page = browser.page("/")
    assert f"c{taken}:" in page and house.row(taken).muted_by == ()


@once
def test_coordinator_on_duty_can_be_chosen_for_an_unpleasant_one(house, amalie, jonas, taken):
    assert "Meld fra til koordinator" in house.browser(amalie).page(f"/c/{taken}/unpleasant")
    page = house.browser(amalie).page(f"/c/{taken}/transfer?to=coordinator")
    assert "Ingen koordinator er på vakt" in page
    house.staff("Ida", Role.COORDINATOR)
    page = house.browser(amalie).page(f"/c/{taken}/transfer?to=coordinator")
    assert "Ida · koordinator" in page and ">Jonas" not in page


@once
@pytest.mark.parametrize("way", ["off", "pause", "out", "here"])
def test_nobody_leaves_somebody_in_danger_without_a_colleague_who_said_yes(house, amalie, jonas, way):
    contact = house.student(DANGER)
    house.deeds.claim(contact, amalie)
    browser = house.browser(amalie)

    def go():
        if way == "out":
            return browser.post("/sign-out", sure=1)
        if way == "here":  # among the places where one is signed in
            (place,) = house.storage.read(lambda tx: tx.sessions.of(amalie.id, house.at))
            return browser.post("/security/sign-out", place=place.uid.hex())
        return browser.post("/duty", duty=way, sure=1)

    way_out = "out" if way == "here" else way
    assert go().location.endswith(f"/leave?way={way_out}")
    page = browser.page(f"/leave?way={way_out}")
    assert "Jonas" in page and "Ikke ennå" in page
    browser.post(f"/c/{contact}/offer", to=jonas.id, back="leave")
    assert "Venter på svar fra Jonas" in browser.page(f"/leave?way={way_out}") and "/leave" in go().location
    house.browser(jonas).post(f"/c/{contact}/accept")
    assert "/leave" not in go().location
    assert house.again(amalie).duty is {"off": Duty.OFF, "pause": Duty.PAUSE, "out": Duty.ON}[way_out]


@once
def test_ordinary_ones_are_asked_about_and_go_back_where_they_wait_for_an_answer(house, amalie, taken):
    second = house.waiting(who="B")
    house.deeds.claim(second, amalie)
    seen = house.storage.read(lambda tx: tx.transcript.last_id(second))
    house.deeds.reply(second, amalie, "Hei, jeg er her", seen)
    browser = house.browser(amalie)
    assert browser.post("/duty", duty="off").location.endswith("/leave?way=off")
    assert "Legg tilbake" in browser.page("/leave?way=off")
    browser.post("/duty", duty="off", sure=1)
    assert house.row(taken).status is Status.WAITING
    assert house.row(second).claimed_by == amalie.id and house.row(second).parked


@once
def test_new_message_in_a_waiting_conversation_is_news_to_every_screen(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    before = re.search(rf"c{contact}:(\d+)", browser.page("/more"))[1]
    house.pass_time(minutes=2)
    house.student("er det noen der")
    assert int(re.search(rf"c{contact}:(\d+)", browser.page("/more"))[1]) > int(before)


@once
def test_row_says_whether_it_suits_and_stays_free_to_take(house, jonas):
    contact = house.waiting()
    english = replace(jonas, languages=("en",))
    house.storage.write(lambda tx: tx.staff.set_profile(jonas.id, english))
    browser = house.browser(jonas)
    page = browser.page("/")
    assert "ikke et av språkene dine" in page and f"/c/{contact}/claim" in page
    assert "passer bedre for en kollega" in browser.post("/next", follow=True).text
    house.pass_time(minutes=15)
    assert house.deeds.next_for(house.again(jonas)) == contact


@once
def test_danger_is_offered_first_to_anybody(house, jonas):
    house.waiting(who="B")
    contact = house.student(DANGER, "A")
    house.storage.write(lambda tx: tx.staff.set_trained(jonas.id, "basic"))
    house.storage.write(lambda tx: tx.staff.set_profile(jonas.id, replace(jonas, languages=("fr",))))
    assert house.row(contact).tier is Tier.CRITICAL
    assert house.deeds.next_for(house.again(jonas)) == contact


@once
def test_alert_of_somebody_left_alone_brings_the_conversation_along(house, amalie, jonas):
    contact = house.student(DANGER)
    house.deeds.claim(contact, amalie)
    house.pass_time(minutes=11)
    house.storage.write(lambda tx: tx.staff.seen(jonas.id, house.at))
    assert jobs.hand_back(house.storage, house.content, house.at) == 1
    assert house.row(contact).claimed_by == amalie.id, "never taken away in silence"
    alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    assert alert.acknowledged_by is None
    house.browser(jonas).post(f"/alert/{alert.id}/acknowledge")
    assert house.row(contact).claimed_by == jonas.id
    assert house.storage.read(lambda tx: tx.alerts.get(alert.id)).acknowledged_by == jonas.id
    assert timedelta(minutes=10) < house.at - house.row(contact).opened_at
