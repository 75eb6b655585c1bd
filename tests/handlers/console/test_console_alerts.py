"""An alert in the console: the bar, the ladder, the questions, the mark, the record, the second person, the drill."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from bot.conversation import Tier
from bot.record_entries import KINDS, read_line
from handlers.alerting.climber import Climber
from handlers.console import record_forms, rungs
from handlers.console.words import WORDS
from storage.records import Role

DANGER = "Jeg skal ta livet mitt i kveld"


class Refuses:
    """A push service that is not there."""

    def tell(self, notice):
        from handlers.alerting.notice import ChannelFailed

        raise ChannelFailed("refused", again=False)


@pytest.fixture
def case(house):
    """A student in danger; Amalie helps, Liv leads, Kari coordinates, Rune reviews."""
    house.amalie, house.jonas = house.staff("Amalie"), house.staff("Jonas")
    house.liv = house.staff("Liv", Role.DUTY_LEAD)
    house.kari = house.staff("Kari", Role.COORDINATOR)
    house.rune = house.staff("Rune", Role.REVIEWER)
    house.contact = house.student(DANGER)
    house.alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    return house


def now(case):
    """The alert as it is."""
    return case.storage.read(lambda tx: tx.alerts.get(case.alert.id))


def take(case, staff):
    case.browser(staff).post(f"/alert/{case.alert.id}/acknowledge")


def close(case, staff):
    return case.browser(staff).post(f"/c/{case.contact}/close", follow=True, outcome="listened").text


def climb(case, channels=None):
    climber = Climber(case.storage, lambda: case.content, lambda: case.at, channels or {}, worker="w")
    while climber.climb() or climber.send_one():
        pass


# The bar.


def test_the_bar_names_the_tier_and_the_alias_and_the_title_says_only_that_there_is_one(case):
    page = case.browser(case.amalie).page("/more")
    bar = page[page.index('id="alert-bar"') :]
    assert "Kritisk varsel" in bar and "#i-tier-critical" in bar and now(case).alias in bar
    assert re.search("<title>(.*?)</title>", page)[1] == "⚠ (1) Mer"


def test_somebody_who_cannot_call_is_called_for_and_the_bar_says_so(case):
    case.student("jeg kan ikke ringe")
    case.storage.write(
        lambda tx: tx.run("UPDATE alert SET call_for_them = 1 WHERE id = :id", id=case.alert.id)
    )
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    assert "Ring for studenten" in browser.page("/")
    assert "Noen av oss må ringe" in browser.page(f"/c/{case.contact}")


def test_the_sound_knows_each_arming_apart(case):
    def arming():
        return re.search('data-armed="([^"]+)"', case.browser(case.amalie).page("/"))[1]

    first = arming()
    take(case, case.amalie)
    case.student("nå gjør jeg det")
    assert now(case).armed == 2 and arming() != first


def test_an_alert_that_was_let_lie_can_be_taken_by_somebody_else(case):
    take(case, case.amalie)
    assert "Jeg har den" not in case.browser(case.jonas).page("/")
    case.storage.write(lambda tx: tx.alerts.resume(case.alert.id, case.at))
    page = case.browser(case.jonas).page("/")
    assert "strip-alert" in page and "Jeg har den" in page
    take(case, case.jonas)
    assert now(case).acknowledged_by == case.jonas.id


# The conversation.


def test_the_ladder_says_who_was_told_how_and_who_is_next(case):
    case.storage.write(
        lambda tx: tx.push.subscribe(case.amalie.id, "https://push.example/1", "k", "a", case.at)
    )
    climb(case, {"push": Refuses()})
    take(case, case.liv)
    page = case.browser(case.liv).page(f"/alert/{case.alert.id}")
    assert "De på vakt" in page and "Amalie, push: kom ikke fram" in page
    assert "Jonas, push: mangler adresse" in page and "Jonas, e-post: ikke satt opp" in page
    assert "Uten svar til studenten varsles det på nytt 12:05" in page


def test_the_next_rung_is_named_while_nobody_has_it(case):
    climb(case)
    assert "Neste: Vaktleder 12:02" in case.browser(case.liv).page(f"/alert/{case.alert.id}")


def test_the_right_number_stands_first_and_can_be_tapped(case):
    take(case, case.amalie)
    page = case.browser(case.amalie).page(f"/c/{case.contact}")
    assert re.findall(r'class="number[^"]*" href="tel:(\d+)"', page)[:2] == ["113", "116117"]


@pytest.mark.parametrize(
    ("category", "number", "question"),
    [
        ("F-violence", "112", "Takk for at du sier det. Er du trygg akkurat nå?"),
        ("E-fire", "110", "Ring 110 nå. Kan du det, eller skal vi?"),
        ("N-friend", "113", "Så bra at du sier fra. Hva har skjedd?"),
        ("C-indirect", "113", "Takk for at du skriver. Hvordan har du det akkurat nå?"),
    ],
)
def test_the_first_number_and_the_questions_go_with_the_danger(case, category, number, question):
    alert = replace(case.alert, category=category)
    with case.app.test_request_context():
        assert rungs.numbers(alert)[0].number == number
        asked = rungs.questions(alert.category, alert.tier, "nb")
        assert asked[0].text == question
        assert {one.language for one in rungs.questions(alert.category, alert.tier, None)} == {"nb", "en"}
        assert len(rungs.questions(alert.category, alert.tier, None)) == 2 * len(asked)


def test_the_questions_are_in_the_students_language_and_in_order(case):
    contact = case.student("I am going to kill myself tonight", "B")
    case.deeds.claim(contact, case.liv)
    page = case.browser(case.liv).page(f"/c/{contact}")
    asked = [unescape(text) for text in re.findall("data-put>([^<]+)<", page)]
    if case.row(contact).language == "en":
        assert asked[1] == "Are you thinking of ending your life?" and len(asked) == 9
    assert asked.index("Are you thinking of ending your life?") < asked.index("Have you thought about how?")
    assert "Derfor ble det varslet" in page


def test_every_kind_of_danger_has_its_questions_in_both_languages():
    for group, n in (("life", 9), ("safe", 6), ("medical", 5), ("friend", 6)):
        found = [key for key in WORDS if key.startswith(f"ask.{group}_")]
        assert len(found) == n


# The mark.


def test_an_alert_is_marked_and_the_mark_counts(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    browser.post(f"/alert/{case.alert.id}/judge", verdict="wrong")
    assert now(case).verdict == "wrong"
    browser.post(f"/alert/{case.alert.id}/judge", verdict="right")
    page = browser.page("/alerts")
    assert "100 % riktige" in page and "Amalie tok den etter 0 min" in page
    assert browser.post(f"/alert/{case.alert.id}/judge", verdict="maybe").status_code == 400


def test_somebody_elses_alert_is_neither_marked_nor_opened_nor_written_about(case):
    take(case, case.amalie)
    stranger, at = case.browser(case.jonas), f"/alert/{case.alert.id}"
    assert stranger.get(at).status_code == 403
    for rest in ("judge", "record", "identity"):
        assert (
            stranger.post(f"{at}/{rest}", verdict="right", kind="note", text="x", reason="fordi").status_code
            == 403
        )
    assert stranger.post(f"{at}/debrief", taken="yes").status_code == 403
    assert now(case).verdict is None
    assert stranger.get("/alert/4711").status_code == 404


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


# A second person.


def test_a_closed_critical_conversation_waits_for_another_lead(case):
    take(case, case.liv)
    assert "En annen person ser etterpå" in case.browser(case.liv).page(f"/c/{case.contact}/close")
    close(case, case.liv)
    own = case.browser(case.liv)
    assert "Du avsluttet denne selv" in own.page("/confirm") and "Skal bekreftes · 1" in own.page("/alerts")
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


def test_the_offer_is_of_the_same_day(case):
    take(case, case.amalie)
    close(case, case.amalie)
    case.pass_time(hours=20)
    assert "Det der var tungt" not in case.browser(case.amalie).page("/")


def test_a_pause_keeps_new_conversations_away_until_i_say_that_i_am_ready(case):
    browser, waiting = case.browser(case.jonas), case.waiting("hei", "B")
    browser.post("/pause")
    assert "Du har pause siden 12:00" in browser.page("/reached")
    assert "Trykk «Jeg er klar igjen»" in browser.post("/next", follow=True).text
    assert case.row(waiting).claimed_by is None and case.row(case.contact).claimed_by is None
    case.deeds.claim(waiting, case.amalie)
    assert "Jonas" not in case.browser(case.amalie).page(f"/c/{waiting}/transfer")
    case.browser(case.amalie).post(f"/c/{waiting}/transfer", to=case.jonas.id, note="")
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


# The drill.


def test_a_drill_is_marked_everywhere_and_leaves_nothing_to_count(case):
    close_real(case)
    coordinator = case.browser(case.kari)
    coordinator.post("/drill/start", tier="critical")
    assert "Øvelsen er i gang" in coordinator.page("/drill")
    assert "i gang allerede" in coordinator.post("/drill/start", follow=True).text
    alert = case.storage.read(lambda tx: tx.alerts.open())[0]
    assert alert.drill
    browser = case.browser(case.amalie)
    assert "ØVELSE" in browser.page("/") and 'data-say="ØVELSE. ' in browser.page("/more")
    browser.post(f"/alert/{alert.id}/acknowledge")
    assert "Studenten finnes ikke" in browser.page(f"/c/{alert.contact_id}")
    assert ">ØVELSE<" in browser.page("/alerts") and ">ØVELSE<" in browser.page(f"/alert/{alert.id}")
    assert "Det er ingen bak dette" in browser.post(f"/alert/{alert.id}/identity", reason="Øvelse").text
    coordinator.post("/drill/stop")
    assert ">ØVELSE<" not in browser.page("/alerts") and "strip-calm" in browser.page("/")


def close_real(case):
    take(case, case.liv)
    close(case, case.liv)


@pytest.mark.parametrize(("tier", "wanted"), [("high", Tier.HIGH), ("nonsense", Tier.CRITICAL)])
def test_a_drill_has_the_tier_that_was_chosen(case, tier, wanted):
    close_real(case)
    case.browser(case.kari).post("/drill/start", tier=tier)
    assert case.storage.read(lambda tx: tx.alerts.open())[0].tier is wanted


def test_what_is_wrong_with_alerting_is_said_in_words_and_an_unheard_alert_to_everybody(case):
    kinds = [f"alert_channel:{channel}" for channel in ("push", "email", "webhook")]
    for kind in (*kinds, "confirmation_overdue", "identity_opened"):
        case.storage.write(lambda tx, kind=kind: tx.incidents.open(kind, case.at))
    page = case.browser(case.kari).page("/incidents")
    for kind in (*kinds, "confirmation_overdue", "identity_opened"):
        assert WORDS[f"incident.{kind}"]["nb"] in page
    assert "kommer ikke fram" not in case.browser(case.amalie).page("/")
    case.storage.write(lambda tx: tx.incidents.open("alert_reaches_nobody", case.at))
    assert "Et varsel når ingen" in case.browser(case.amalie).page("/")


def test_the_ladder_on_a_page_stays_fresh_for_those_who_may_see_it(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    page = browser.page(f"/alert/{case.alert.id}")
    mark = re.search(r'data-part="ladder" data-mark="(\w+)"', page)[1]
    climb_later = {"a": case.alert.id, "ladder": mark}
    assert "ladder" not in browser.client.get("/console/fresh", query_string=climb_later).get_json()["parts"]
    case.storage.write(lambda tx: tx.alerts.resume(case.alert.id, case.at))
    climb(case)
    fresh = browser.client.get("/console/fresh", query_string=climb_later).get_json()["parts"]
    assert "De på vakt" in fresh["ladder"]["html"]
    other = (
        case.browser(case.jonas).client.get("/console/fresh", query_string=climb_later).get_json()["parts"]
    )
    assert "ladder" not in other
