"""Those who help: a talk afterwards, a pause, and how they are reached."""

from __future__ import annotations

import re

from alert_cases import close, take

# Those who help.


def test_after_a_hard_case_a_talk_is_offered_the_same_day_until_it_is_answered(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    assert "Det der var tungt" not in browser.page("/")
    close(case, case.amalie)
    assert "Det der var tungt" in browser.page("/") and "Det der var tungt" not in case.browser(
        case.jonas
    ).page("/")
    browser.post(f"/alert/{case.alert.id}/debrief", taken="yes")
    assert "Det der var tungt" not in browser.page("/")
    record = case.cases.open_record(case.alert.id, case.liv)
    assert record.debrief_at == case.at and record.entries[-1].fields["taken"] == "yes"


def test_who_wants_a_talk_reaches_the_leads_until_one_of_them_says_by_name_that_it_was_had(case):
    take(case, case.amalie)
    close(case, case.amalie)
    case.storage.write(lambda tx: tx.staff.set_contact(case.liv.id, email="liv@example.org", phone=None))
    said = case.browser(case.amalie).post(f"/alert/{case.alert.id}/debrief", taken="yes", follow=True).text
    assert "tar kontakt med deg" in said
    others = case.storage.read(lambda tx: tx.rungs.others(case.alert.id))
    assert {one.purpose for one in others} == {"debrief"} and f"staff:{case.liv.id}" in {
        one.who for one in others
    }
    lead = case.browser(case.liv)
    assert "Kolleger som vil snakke om noe tungt · 1" in lead.page("/")
    assert "Kolleger som vil" not in case.browser(case.jonas).page("/")
    assert "Amalie vil gjerne snakke" in lead.page("/confirm")
    debrief = case.cases.debriefs()[0]
    assert case.browser(case.jonas).post(f"/debrief/{debrief.id}/done").status_code == 403
    lead.post(f"/debrief/{debrief.id}/done")
    assert "Kolleger som vil" not in lead.page("/") and "Liv har snakket med dem, 12:00" in lead.page(
        "/confirm"
    )
    assert (
        "tatt seg av det allerede"
        in case.browser(case.kari).post(f"/debrief/{debrief.id}/done", follow=True).text
    )
    assert ("debrief_done", case.liv.id) in case.audit()


def test_nobody_is_told_of_a_no_and_nobody_marks_their_own(case):
    take(case, case.liv)
    close(case, case.liv)
    case.browser(case.liv).post(f"/alert/{case.alert.id}/debrief", taken="no")
    assert case.cases.debriefs() == [] and case.storage.read(lambda tx: tx.rungs.others(case.alert.id)) == []
    case.browser(case.liv).post(f"/alert/{case.alert.id}/debrief", taken="later")
    debrief = case.cases.debriefs()[0]
    case.browser(case.liv).post(f"/debrief/{debrief.id}/done")
    assert case.cases.debriefs()[0].done_at is None
    assert "En annen enn deg krysser av" in case.browser(case.liv).page("/confirm")


def test_the_offer_is_of_the_same_day(case):
    take(case, case.amalie)
    close(case, case.amalie)
    case.pass_time(hours=20)
    assert "Det der var tungt" not in case.browser(case.amalie).page("/")


def test_a_pause_keeps_new_conversations_away_until_i_say_that_i_am_ready(case):
    browser, waiting = case.browser(case.jonas), case.waiting("hei", "B")
    browser.post("/pause")
    assert "Du har hatt pause siden 12:00" in browser.page("/reached")
    assert "Trykk «Jeg er klar igjen»" in browser.post("/next", follow=True).text
    assert case.row(waiting).claimed_by is None and case.row(case.contact).claimed_by is None
    case.deeds.claim(waiting, case.amalie)
    assert "Jonas" not in case.browser(case.amalie).page(f"/c/{waiting}/transfer")
    case.browser(case.amalie).post(f"/c/{waiting}/offer", to=case.jonas.id, note="")
    assert case.row(waiting).claimed_by == case.amalie.id
    browser.post("/ready")
    browser.post("/next")
    assert case.row(case.contact).claimed_by == case.jonas.id


def test_nobody_pauses_with_somebody_in_danger_and_only_a_lead_pauses_another(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    assert "Velg hvem som tar over" in browser.post("/pause", follow=True).text
    assert browser.post("/pause", person=case.jonas.id).status_code == 403
    case.browser(case.liv).post("/pause", person=case.jonas.id)
    assert case.again(case.jonas).paused_at == case.at


def test_everybody_says_themselves_how_they_are_reached(case):
    browser = case.browser(case.amalie)
    browser.post("/reached/contact", email="amalie@example.org", phone="+47 400 00 000")
    assert (case.again(case.amalie).email, case.again(case.amalie).phone) == (
        "amalie@example.org",
        "+4740000000",
    )
    assert (
        "ikke en e-postadresse" in browser.post("/reached/contact", follow=True, email="nei", phone="").text
    )
    assert "ikke et telefonnummer" in browser.post("/reached/contact", follow=True, email="", phone="x").text


KEY = "B" + "A" * 86  # base64url of a point's 65 bytes, the first of them 4


def test_a_browser_is_pushed_to_only_after_it_asked(case):
    browser = case.browser(case.amalie)
    assert 'data-key="BPublicKeyOfTheTests"' in browser.page("/reached")
    there = "https://push.example.org/send/1"
    assert browser.post("/reached/push", endpoint="http://x", p256dh=KEY, auth="A" * 22).status_code == 409
    assert browser.post("/reached/push", endpoint=there, p256dh=KEY, auth="A" * 22).status_code == 204
    assert "Slått på i én nettleser." in browser.page("/reached")
    browser.post("/reached/push/off", endpoint=there)
    assert "Ikke slått på noe sted." in browser.page("/reached")


def test_the_script_that_shows_a_push_may_work_for_the_console_and_sends_nothing(case):
    answer = case.browser(case.amalie).get("/push.js")
    assert answer.mimetype in ("text/javascript", "application/javascript")
    # It passes on what the page asks for, keeps the page without network, and asks nobody for anything itself.
    assert set(re.findall(r"fetch\(([^)]*)\)", answer.text)) == {"event.request"}
    assert 'OFFLINE = ["offline", "static/console.css"]' in answer.text and "://" not in answer.text
    answer.close()
