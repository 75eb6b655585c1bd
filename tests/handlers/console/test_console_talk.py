"""Inside a conversation: undo, canned replies, services, mentions, consent, danger that a person sees, closing."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from talk_support import one_engine

from bot.conversation import Tier
from bot.events import ChoiceTapped
from handlers.alerting.mentions import MentionNews
from storage.records import NewEvent, Role

pytestmark = one_engine

DANGER = "Jeg skal ta livet mitt i kveld"


@pytest.fixture
def mine(house, amalie):
    contact = house.waiting()
    house.deeds.claim(contact, amalie)
    return contact


def taps(house, payload, title="Ja", who="A"):
    event = ChoiceTapped(sent_at=house.at, mid=f"tap{payload}{house.at}", title=title, payload=payload)
    house.storage.write(lambda tx: tx.inbox.add([NewEvent(psid=who, key=event.mid, event=event)], house.at))
    house.inbound.drain()


def entries(house, contact):
    return house.storage.read(lambda tx: tx.transcript.entries(contact))


def said(house, contact, by="supporter"):
    return [entry.text for entry in entries(house, contact) if entry.written_by == by]


def conv(house, contact):
    return house.storage.read(lambda tx: tx.conversations.peek(contact))


def writes(house, browser, contact, text, **more):
    seen = house.storage.read(lambda tx: tx.transcript.last_id(contact))
    return browser.post(f"/c/{contact}/write", text=text, mode="reply", seen=seen, json=True, **more)


# Undo.


def test_a_reply_waits_five_seconds_and_comes_back_into_the_composer_before_what_was_begun(
    house, amalie, mine
):
    browser = house.browser(amalie)
    writes(house, browser, mine, "Hei, jeg er her")
    page = browser.page(f"/c/{mine}")
    assert "Sendes om 5 s" in page and "Angre" in page and "Send nå" in page
    outbox_id = entries(house, mine)[-1].outbox_id
    answer = browser.post(f"/c/{mine}/take-back/{outbox_id}", text="Og så", mode="reply", json=True)
    assert answer.get_json() == {"text": "Hei, jeg er her\nOg så", "mode": "reply"}
    assert said(house, mine) == []
    assert "Hei, jeg er her\nOg så</textarea>" in browser.page(
        f"/c/{mine}"
    )  # kept, whatever the browser does
    assert conv(house, mine).handoff.answered_at is None  # nobody has answered
    assert writes(house, browser, mine, "Hei, jeg er her").status_code == 200


def test_words_that_come_back_beside_a_note_never_become_a_reply_that_holds_it(house, amalie, mine):
    browser = house.browser(amalie)
    writes(house, browser, mine, "Hei")
    outbox_id = entries(house, mine)[-1].outbox_id
    back = browser.post(f"/c/{mine}/take-back/{outbox_id}", text="Ring Kari", mode="note", json=True)
    assert back.get_json() == {"text": "Ring Kari\n\nHei", "mode": "note"}


def test_nobody_takes_back_what_has_gone_or_what_another_wrote(house, amalie, mine):
    browser, jonas = house.browser(amalie), house.staff("Jonas", Role.DUTY_LEAD)
    writes(house, browser, mine, "Hei")
    outbox_id = entries(house, mine)[-1].outbox_id
    assert house.browser(jonas).post(f"/c/{mine}/take-back/{outbox_id}", json=True).status_code == 409
    house.pass_time(seconds=6)
    while sends := house.storage.write(lambda tx: tx.outbox.claim(house.at, "w", 9)):
        house.storage.write(lambda tx: tx.outbox.sent({send.id: None for send in sends}, house.at))
    late = browser.post(f"/c/{mine}/take-back/{outbox_id}", follow=True)
    assert "For sent. Meldingen er sendt." in late.text and said(house, mine) == ["Hei"]


def test_the_first_reply_taken_back_leaves_a_student_in_danger_unanswered(house, amalie):
    contact, browser = house.student(DANGER), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    writes(house, browser, contact, "Jeg er her")
    assert conv(house, contact).handoff.answered_at is not None
    browser.post(f"/c/{contact}/take-back/{entries(house, contact)[-1].outbox_id}")
    assert conv(house, contact).handoff.answered_at is None


def test_who_was_first_is_named_before_anything_else_is_sent(house, amalie, mine):
    browser, jonas = house.browser(amalie), house.staff("Jonas", Role.DUTY_LEAD)
    seen = entries(house, mine)[-1].id
    house.deeds.team.take_over(mine, jonas)
    house.deeds.reply(mine, jonas, "Jonas her", entries(house, mine)[-1].id)
    house.deeds.team.offer(mine, jonas, amalie.id, "")
    house.deeds.team.accept(mine, house.again(amalie))
    answer = browser.post(f"/c/{mine}/write", text="Hei", mode="reply", seen=seen, json=True)
    assert answer.get_json()["words"].startswith("Jonas svarte mens du skrev.")


def test_dots_reach_the_student_only_from_the_one_who_has_the_conversation_and_only_where_it_is_safe(
    house, amalie, mine
):
    browser, lead = house.browser(amalie), house.browser(house.staff("Jonas", Role.DUTY_LEAD))
    wanted = lambda: house.storage.write(lambda tx: tx.typing.take(house.at))  # noqa: E731
    lead.post(f"/c/{mine}/typing")
    assert wanted() == []
    browser.post(f"/c/{mine}/typing")
    browser.post(f"/c/{mine}/typing")
    assert wanted() == ["A"]
    house.student("PAUSE")
    house.pass_time(minutes=1)
    browser.post(f"/c/{mine}/typing")
    assert wanted() == []


# Replies and services.


def test_a_canned_reply_goes_into_the_composer_only_with_every_blank_filled(house, amalie, mine):
    browser = house.browser(amalie)
    page = browser.page(f"/c/{mine}/replies")
    assert "Har jeg forstått deg rett?" in page and 'data-blank="hardest"' in page
    assert "Spør rett ut om selvmord" in page
    refused = browser.post(f"/c/{mine}/insert", reply="check_understanding", json=True)
    assert refused.status_code == 409
    done = browser.post(
        f"/c/{mine}/insert", reply="check_understanding", json=True, **{"blank-hardest": "å sove {amk}"}
    )
    assert "Det vanskeligste nå er å sove {amk}. Stemmer det?" in done.get_json()["words"]
    browser.post(f"/c/{mine}/draft", text="Hei", mode="reply")
    browser.post(f"/c/{mine}/insert", reply="greeting", **{"in": "en"})  # without a script
    assert "Hei\nHi. My name is Amalie" in browser.page(f"/c/{mine}")
    assert said(house, mine) == []


def test_in_danger_only_what_fits_is_offered(house, amalie):
    contact, browser = house.student(DANGER), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    page = browser.page(f"/c/{contact}/replies")
    assert "Spør rett ut om selvmord" in page and "Avslutt varmt" not in page
    assert browser.post(f"/c/{contact}/insert", reply="close_warmly", json=True).status_code == 404


def test_search_finds_in_titles_and_words_and_strangers_find_nothing(house, amalie, mine):
    page = house.browser(amalie).page(f"/c/{mine}/replies?q=taushet")
    assert page.count('class="offer"') == 1
    stranger = house.browser(house.staff("Jonas"))
    for path in ("replies", "services", "close", "history"):
        assert stranger.get(f"/c/{mine}/{path}").status_code == 403


def test_services_that_answer_now_come_first(house, amalie, mine):
    page = house.browser(amalie).page(f"/c/{mine}/services")
    marks = re.findall(r'class="chip">(svarer nå|stengt nå)<', page)
    assert marks == sorted(marks, key=lambda mark: mark == "stengt nå") and "svarer nå" in marks


def test_a_service_named_in_a_reply_stands_ticked_in_the_closing_form_and_is_counted(house, amalie, mine):
    browser = house.browser(amalie)
    words = browser.post(f"/c/{mine}/insert", service="mental_helse", json=True).get_json()["words"]
    writes(house, browser, mine, words)
    page = browser.page(f"/c/{mine}/close")
    assert re.search(r'name="signposted" value="mental_helse" checked', page)
    assert re.search(r'value="signposted" required checked', page)
    assert "Hjalp det litt å prate?" in page and ">Litt<" in page  # what the student gets, before it is sent
    browser.post(f"/c/{mine}/close", outcome="signposted", topic="feelings", signposted="mental_helse")
    assert house.row(mine) is None
    counts = house.storage.read(lambda tx: tx.counters.all())
    assert counts["signposted_mental_helse"] == 1
    about = house.storage.read(lambda tx: tx.handoffs.about(mine, 1))
    assert about["signposted"] == ["mental_helse"]
    assert "feelings" not in str(house.audit()) and "mental_helse" not in str(house.audit())


def test_when_nothing_would_be_sent_the_closing_form_says_so(house, amalie, mine):
    house.student("PAUSE")
    assert "Ingenting. Fristen er ute" in house.browser(amalie).page(f"/c/{mine}/close")


def test_who_wants_to_talk_afterwards_is_heard_by_the_leads(house, amalie, mine):
    house.browser(amalie).post(f"/c/{mine}/close", outcome="listened", talk="yes")
    lead = house.browser(house.staff("Kari", Role.COORDINATOR))
    assert "vil snakke med noen etter en samtale" in lead.page("/incidents")
    assert ("debrief_wanted", amalie.id) in house.audit()


def test_a_yes_to_a_talk_after_danger_stands_in_the_record_of_the_case(house, amalie):
    contact, browser = house.student(DANGER), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    browser.post(f"/c/{contact}/close", outcome="emergency_by_us", talk="later")
    record = house.storage.read(lambda tx: tx.escalations.for_alert(alert.id))
    assert record.entries[-1].fields["taken"] == "later"


# Mentions.


def test_a_colleague_who_is_named_in_a_note_gets_a_mark_until_she_looks(house, amalie, mine):
    kari = house.staff("Kari", Role.DUTY_LEAD)
    lead = house.browser(kari)
    assert "tab-named" not in lead.page("/")
    house.browser(amalie).post(f"/c/{mine}/write", text="@kari kan du se på denne?", mode="note", json=True)
    page = lead.page("/more")
    assert f'class="tab tab-named" href="/console/c/{mine}"' in page and "kan du se" not in page
    lead.page(f"/c/{mine}")
    assert "tab-named" not in lead.page("/")


def test_who_is_named_and_does_not_look_is_told_outside_without_a_word_of_it(house, amalie, mine):
    class Box:
        def __init__(self):
            self.notices = []

        def tell(self, notice):
            self.notices.append(notice)
            return ()

    box = Box()
    news = MentionNews(house.storage, lambda: house.content, lambda: house.at, {"push": box})
    house.staff("Kari", Role.DUTY_LEAD)
    per = house.staff("Per", Role.DUTY_LEAD)
    house.deeds.note(mine, amalie, "@Kari og @Per, hun heter Ragnhild")
    assert news.look() == 0 and box.notices == []  # an open console shows it first
    house.browser(per).page(f"/c/{mine}")
    house.pass_time(seconds=21)
    assert news.look() == 1
    (notice,) = box.notices
    assert not re.search(f"Ragnhild|Amalie|Kari|{house.row(mine).alias}|/c/", notice.title + notice.text)
    assert news.look() == 0


def test_a_note_cannot_name_somebody_who_may_not_read_it_and_is_kept(house, amalie, mine):
    house.staff("Jonas")
    answer = house.browser(amalie).post(f"/c/{mine}/write", text="@Jonas se her", mode="note", json=True)
    assert "Jonas kan ikke lese denne samtalen" in answer.get_json()["words"]
    assert said(house, mine, "note") == []
    assert "@Jonas se her</textarea>" in house.browser(amalie).page(f"/c/{mine}")


# Consent.


def second_talk(house, amalie):
    """The same student writes again, after a conversation that was closed."""
    contact = house.waiting("Jeg har det vondt hjemme")
    house.deeds.claim(contact, amalie)
    house.deeds.close(contact, amalie, "listened", seen=house.deeds.sight(contact))
    house.pass_time(hours=1)
    house.waiting("Nå er det noe annet")
    house.deeds.claim(contact, amalie)
    return contact


def test_earlier_words_are_read_only_after_the_students_yes_and_reading_is_recorded(house, amalie):
    contact, browser = second_talk(house, amalie), house.browser(amalie)
    page = browser.page(f"/c/{contact}")
    assert "vondt hjemme" not in page and "Nå er det noe annet" in page and "Spør studenten" in page
    assert browser.get(f"/c/{contact}/history").status_code == 403
    browser.post(f"/c/{contact}/history/ask")
    assert "Er det greit at Amalie leser" in said(house, contact, "bot")[-1]
    assert browser.get(f"/c/{contact}/history").status_code == 403
    taps(house, "b:history:yes")
    assert "Studenten har sagt ja" in browser.page(f"/c/{contact}")
    page = browser.page(f"/c/{contact}/history")
    assert "vondt hjemme" in page and "noe annet" not in page
    assert house.audit()[-1] == ("history_opened", amalie.id)
    taps(house, "b:history:no")  # taken back
    assert browser.get(f"/c/{contact}/history").status_code == 403


def test_a_note_for_next_time_is_kept_only_with_the_students_yes_and_outlives_the_words(house, amalie, mine):
    browser = house.browser(amalie)
    browser.post(f"/c/{mine}/keep", note="Sover dårlig. Liker å gå tur.")
    assert "«Sover dårlig. Liker å gå tur.»" in said(house, mine, "bot")[-1]
    assert conv(house, mine).note_kept is None
    taps(house, "b:keep:yes")
    house.deeds.close(mine, amalie, "listened", seen=house.deeds.sight(mine))
    house.pass_time(hours=100)
    house.storage.write(lambda tx: tx.retention.forget_text(house.at, house.at))
    house.waiting("Hei igjen")
    house.deeds.claim(mine, amalie)
    page = house.browser(amalie).page(f"/c/{mine}")
    assert "Fra sist, med studentens ja" in page and "Liker å gå tur." in page


def test_a_no_keeps_nothing_and_nothing_is_asked_where_it_may_not_be_safe(house, amalie, mine):
    browser = house.browser(amalie)
    browser.post(f"/c/{mine}/keep", note="Sover dårlig")
    taps(house, "b:keep:no", "Nei")
    assert conv(house, mine).note_kept is None
    house.student("PAUSE")
    before = len(entries(house, mine))
    assert "ikke trygt" in browser.post(f"/c/{mine}/keep", note="Sover", follow=True).text
    assert len(entries(house, mine)) == before


# Danger that a person sees.


def test_a_person_reports_danger_that_nothing_has_flagged(house, amalie, mine):
    browser = house.browser(amalie)
    page = browser.page(f"/c/{mine}")
    assert "Meld fare" in page and "Tenker du på å ta livet ditt?" in page and "tel:113" in page
    before = len(said(house, mine, "bot"))
    browser.post(f"/c/{mine}/raise", tier="critical", category="A")
    assert house.row(mine).tier is Tier.CRITICAL
    (alert,) = house.storage.read(lambda tx: tx.alerts.open())
    assert (alert.category, alert.rules, alert.acknowledged_by) == ("A-attempt", ("person",), amalie.id)
    assert len(said(house, mine, "bot")) == before  # the card is hers to say
    assert ("tier_raised", amalie.id) in house.audit()
    browser.post(f"/alert/{alert.id}/record", kind="note", text="Ringte 113", back="talk")
    assert house.storage.read(lambda tx: tx.escalations.for_alert(alert.id)) is not None
    browser.post(f"/c/{mine}/raise", tier="high", category="A")  # never lowers
    assert house.row(mine).tier is Tier.CRITICAL


# Installable.


def test_the_console_can_be_installed_and_its_page_without_network_holds_113_and_nobody(house):
    client = house.browser()
    manifest = client.get("/manifest.json").get_json()
    assert manifest["scope"] == "/console/" and manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        with closing(client.get(icon["src"].removeprefix("/console"))) as answer:
            assert answer.status_code == 200
    page = client.get("/offline").text
    assert 'href="tel:113"' in page and "csrf" not in page and "No connection" in page
