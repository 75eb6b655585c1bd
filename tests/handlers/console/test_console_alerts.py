"""An alert in the console: the bar, the ladder, the questions, the mark, the drill."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from alert_cases import DANGER, climb, close, now, take

from bot.conversation import Tier
from bot.events import TextReceived
from handlers.console import rungs
from handlers.console.words import WORDS
from storage.records import NewEvent


class Refuses:
    """A push service that is not there."""

    def tell(self, notice):
        from handlers.alerting.notice import ChannelFailed

        raise ChannelFailed("refused", again=False)


# The bar.


def test_the_bar_names_the_tier_and_the_alias_and_the_title_says_only_that_there_is_one(case):
    page = case.browser(case.amalie).page("/more")
    bar = page[page.index('id="alert-bar"') :]
    assert "Kritisk varsel" in bar and "#i-tier-critical" in bar and now(case).alias in bar
    assert re.search("<title>(.*?)</title>", page)[1] == "⚠ (1) Mer"


def test_somebody_who_cannot_call_is_called_for_and_the_bar_says_so(case):
    case.student("det brenner her")
    case.student("jeg kan ikke ringe")
    take(case, case.amalie)
    browser = case.browser(case.amalie)
    assert "Ring for studenten" in browser.page("/")
    assert "Noen av oss må ringe" in browser.page(f"/c/{case.contact}")


def test_the_bar_says_that_the_card_could_not_be_sent(case):
    sent_at = case.at - timedelta(hours=25)
    event = TextReceived(sent_at=sent_at, mid="late", text=DANGER)
    case.storage.write(lambda tx: tx.alerts.close(case.contact, None, case.at))
    case.storage.write(lambda tx: tx.inbox.add([NewEvent(psid="B", key="late", event=event)], case.at))
    case.inbound.drain()
    assert "Kortet kunne ikke sendes" in case.browser(case.amalie).page("/")


def test_the_bar_says_nothing_of_a_card_that_was_not_due(case):
    case.storage.write(lambda tx: tx.run("UPDATE alert SET card = 'not_due'"))
    assert "Kortet" not in case.browser(case.amalie).page("/")


def test_the_numbers_and_the_questions_follow_the_last_card(case):
    take(case, case.amalie)
    case.student("det brenner her")
    take(case, case.amalie)
    with case.app.test_request_context():
        assert rungs.numbers(now(case))[0].number == "110"
    assert "Ring 110 nå. Kan du det, eller skal vi?" in case.browser(case.amalie).page(f"/c/{case.contact}")


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
    assert "Får studenten ikke svar innen 12:05, varsles det på nytt." in page


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


def test_a_list_that_cannot_be_used_is_said_on_every_page_to_those_who_can_mend_it(case):
    where = "flows/risk_phrases.yaml:12: ..."
    case.storage.write(lambda tx: tx.content_in_use.say("worker-1", "v1", where, case.at))
    for path in ("/", "/more", "/alerts"):
        assert 'id="refused"' in case.browser(case.kari).page(path)
        assert 'id="refused"' not in case.browser(case.amalie).page(path)
    assert where in case.browser(case.liv).page("/incidents")


# Somebody who cannot call.


def _cannot_call(case, *words):
    contact = case.student("Han slår meg nå og jeg er redd han dreper meg", who="B")
    for each in ("jeg kan ikke ringe", *words):
        case.pass_time(seconds=20)
        case.student(each, who="B")
    alert = case.storage.read(lambda tx: tx.alerts.open_for(contact))
    case.browser(case.amalie).post(f"/alert/{alert.id}/acknowledge")
    return contact, alert


def _where(page):
    return unescape(page[page.index('class="where"') :].partition("</div>")[0])


def test_alert_shows_all_that_was_written_after_cannot_call_the_newest_first(case):
    words = ["vet ikke", "Storgata 5", "tredje etasje", "nå løper jeg mot parken"]
    _, alert = _cannot_call(case, *words)
    shown = _where(case.browser(case.amalie).page(f"/alert/{alert.id}"))
    assert re.findall(r'class="words">([^<]*)<', shown) == [*reversed(words), "jeg kan ikke ringe"]


def test_conversation_shows_it_until_a_person_has_answered(case):
    contact, _ = _cannot_call(case, "Storgata 5")
    browser = case.browser(case.amalie)
    assert "Ring for studenten" in browser.page(f"/c/{contact}")
    assert "Storgata 5" in _where(browser.page(f"/c/{contact}"))
    newest = case.storage.read(lambda tx: tx.transcript.last_id(contact))
    case.deeds.reply(contact, case.amalie, "Jeg ringer nå", newest)
    case.student("takk", who="B")
    shown = _where(browser.page(f"/c/{contact}"))
    assert "Storgata 5" in shown and "takk" not in shown


def test_thread_says_in_words_that_the_student_cannot_call(case):
    contact, _ = _cannot_call(case)
    assert "Studenten kan ikke ringe" in case.browser(case.amalie).page(f"/c/{contact}")


def test_a_reviewer_sees_no_words_of_it(case):
    _, alert = _cannot_call(case, "Storgata 5")
    assert "Storgata" not in case.browser(case.rune).page(f"/alert/{alert.id}")
