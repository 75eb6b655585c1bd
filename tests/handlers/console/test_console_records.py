"""What is written down about an alert, and what a second person must look at."""

from __future__ import annotations

from alert_cases import close, now, take

from bot.effects import RaiseAlert
from bot.record_entries import KINDS, read_line
from handlers.console import record_forms
from handlers.console.words import WORDS
from storage.case_lines import KINDS as SERVICE_KINDS

# The record.


def test_there_is_a_form_for_every_kind_of_line_and_words_for_every_field():
    assert set(record_forms.FORMS) == set(KINDS)
    for kind, fields in record_forms.FORMS.items():
        assert f"record.kind_{kind}" in WORDS
        for field in fields:
            assert f"record.field_{field.name}" in WORDS
            assert all(f"record.value_{value}" in WORDS for value in field.options)


FILLED = {
    "asked": {"asked": "yes", "answer": "unclear"},
    "place": {"known": "yes", "place": "Sognsvann"},
    "called": {"who": "supporter", "whom": "113", "called_at": "11:55", "reference": "A1"},
    "consent": {"asked": "no", "answer": "not_possible"},
    "facts": {"passed_on": "Sted", "to": "113"},
    "ground": {"ground": "s17"},
    "help_arrived": {"confirmed": "yes", "how": "AMK ringte"},
    "informed": {"who": "duty_lead"},
    "handed_over": {"to": "Legevakten"},
    "debrief": {"taken": "later"},
    "note": {"text": "Ringte to ganger"},
}


def test_every_form_writes_a_line_that_is_read_back_with_who_and_when(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    assert set(FILLED) == set(KINDS)
    for kind, fields in FILLED.items():
        done = browser.post(f"/alert/{case.alert.id}/record", follow=True, kind=kind, **fields)
        assert "Skrevet ned." in done.text, kind
    page = browser.page(f"/alert/{case.alert.id}")
    record = page[page.index('class="record"') :]
    for words in (
        "Sognsvann",
        "25.11. 11:55",
        "nødrett, straffeloven § 17",
        "AMK ringte",
        "Legevakten",
        "senere",
    ):
        assert words in record, words
    assert (
        record.count("Amalie · 12:00") == len(KINDS)
        and "Tjenesten · 12:00" not in record.split("Spurt rett ut")[1]
    )
    assert "record_opened" in [action for action, _ in case.audit()]


def test_every_choice_of_every_form_is_taken(case):
    for kind, fields in record_forms.FORMS.items():
        for field in fields:
            for value in field.options:
                full = {"asked": True, "known": True, "confirmed": True, **FILLED[kind], field.name: value}
                names = {each.name for each in fields}
                sent = {
                    name: (value == "yes" if shape_of(fields, name) == "yes" else value)
                    for name, value in full.items()
                    if name in names
                }
                if "called_at" in sent:
                    sent["called_at"] = case.at.isoformat()
                assert read_line(kind, sent, case.at)


def shape_of(fields, name):
    return next(field.shape for field in fields if field.name == name)


def test_a_line_that_is_half_said_is_refused_with_the_name_of_the_box(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    refused = browser.post(
        f"/alert/{case.alert.id}/record", follow=True, kind="called", who="supporter", whom=""
    )
    assert "Mangler eller er feil: Ringte hvem." in refused.text
    assert browser.post(f"/alert/{case.alert.id}/record", kind="raised").status_code == 400


def test_a_clock_that_is_still_to_come_was_yesterdays(case):
    with case.app.test_request_context(
        method="POST", data={"called_at": "23:50", "whom": "113", "who": "student"}
    ):
        assert record_forms.sent("called")["called_at"].startswith("2026-11-24T23:50")


def test_the_record_is_read_by_reviewers_and_leads_and_they_do_not_all_write(case):
    take(case, case.amalie)
    case.browser(case.amalie).post(f"/alert/{case.alert.id}/record", kind="note", text="Fulgt til legevakten")
    for reader in (case.rune, case.liv):
        browser = case.browser(reader)
        assert f"/console/alert/{case.alert.id}" in browser.page("/records")
        assert "Fulgt til legevakten" in browser.page(f"/alert/{case.alert.id}")
    reviewer = case.browser(case.rune)
    assert "record-form" not in reviewer.page(f"/alert/{case.alert.id}")
    assert reviewer.post(f"/alert/{case.alert.id}/record", kind="note", text="x").status_code == 403
    assert reviewer.get(f"/c/{case.contact}").status_code == 403
    case.browser(case.amalie).post(f"/c/{case.contact}/write", text="Hei", mode="reply", seen=999)
    close(case, case.amalie)
    page = case.browser(case.amalie).page(f"/alert/{case.alert.id}")
    assert "Fulgt til legevakten" not in page and "Bare den som har varselet" in page


def test_what_the_service_wrote_is_read_in_words_with_whose_deed_it_was(case):
    take(case, case.amalie)

    def goes_on(tx):
        tx.alerts.shown(case.alert.id, case.at, case.jonas.id)
        back = RaiseAlert(
            tier=case.alert.tier, category="A-attempt", rules=("released",), at=case.at, by=case.amalie.id
        )
        tx.alerts.raise_(case.contact, back)
        tx.alerts.mark_card(case.contact, "failed", case.at, "life", 12)
        tx.alerts.close(case.contact, case.liv.id, case.at, "listened")

    case.storage.write(goes_on)
    page = case.browser(case.liv).page(f"/alert/{case.alert.id}")
    for words in ("Noen har den", "Lagt tilbake i køen", "Varsel tatt imot", "Tjenesten"):
        assert words in page
    for name, value in (
        ("Hvem", "Amalie"),
        ("Hvem", "Jonas"),
        ("Med", "skjermen"),
        ("Kortet", "kom ikke fram"),
        ("Utgave av tekstene", "12"),
        ("Hvordan det endte", "Vi snakket, det var nok"),
        ("Skal bekreftes av en annen", "ja"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page


def test_there_are_words_for_every_kind_of_line_that_the_service_writes():
    assert all(f"record.kind_{kind}" in WORDS for kind in SERVICE_KINDS)


# A second person.


def test_a_closed_critical_conversation_waits_for_another_lead(case):
    take(case, case.liv)
    assert "En annen person ser etterpå" in case.browser(case.liv).page(f"/c/{case.contact}/close")
    close(case, case.liv)
    own = case.browser(case.liv)
    assert "Du avsluttet denne selv" in own.page("/confirm") and "Skal ses til · 1" in own.page("/alerts")
    assert "Bekreftes innen" in own.page("/confirm")
    refused = own.post(f"/alert/{case.alert.id}/confirm", follow=True)
    assert "En annen person må bekrefte" in refused.text and now(case).needs_confirm
    case.browser(case.kari).post(f"/alert/{case.alert.id}/confirm")
    assert now(case).confirmed_by == case.kari.id
    assert "Ingenting venter" in own.page("/confirm")
    assert "Kari bekreftet 12:00" in own.page(f"/alert/{case.alert.id}")


def test_opening_who_it_is_takes_a_reason_is_shown_once_and_reviewed_by_another(case):
    take(case, case.amalie)
    browser, at = case.browser(case.amalie), f"/alert/{case.alert.id}"
    assert "Skriv med noen ord" in browser.post(f"{at}/identity", follow=True, reason=" ").text
    shown = browser.post(f"{at}/identity", reason="113 må vite hvem det er").text
    assert 'class="secret">A<' in shown and "Meta Business Suite" in shown
    assert 'class="secret"' not in browser.page(at)
    lead = case.browser(case.liv)
    assert "Noen har åpnet hvem en student er" in lead.page("/incidents")
    assert "Amalie åpnet 12:00" in lead.page("/identities") and "Åpnede identiteter · 1" in lead.page(
        "/alerts"
    )
    assert browser.get("/identities").status_code == 403
    lead.post("/identities/1/review", verdict="right", note="Nødvendig")
    assert "Liv vurderte 12:00: riktig" in lead.page("/identities")
    assert (
        "vurdert allerede"
        in case.browser(case.rune).post("/identities/1/review", follow=True, verdict="wrong").text
    )


def test_who_it_is_stays_closed_when_nobodys_life_is_in_danger(case):
    take(case, case.amalie)
    case.browser(case.amalie).post(f"/c/{case.contact}/write", text="Hei", mode="reply", seen=999)
    close(case, case.amalie)
    answer = case.browser(case.liv).post(f"/alert/{case.alert.id}/identity", follow=True, reason="Vil vite")
    assert "Det går bare mens varselet er kritisk og åpent" in answer.text
