"""The rota in the console: the week, signing up, the switch in the header, calendars."""

from __future__ import annotations

import re
from datetime import date, timedelta

import icalendar
import pytest

from bot.rota import stretch
from storage.records import Duty, Role

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
TODAY = date(2026, 11, 25)  # the house stands at 12:00 on this Wednesday


def shift(house, start, end, whose=None, *, day=TODAY, kind="supporter") -> int:
    starts_at, ends_at = stretch(house.content.hours.zone, day, start, end)
    return house.storage.write(
        lambda tx: tx.rota.add(kind, starts_at, ends_at, whose.id if whose else None, house.at)
    )


def holder(house, shift_id: int) -> int | None:
    return house.storage.read(lambda tx: tx.rota.get(shift_id)).staff_id


def plain(page: str) -> str:
    """Without what joins the two ends of a span."""
    return page.replace("\u2060", "")


def test_the_week_shows_who_is_on_what_is_missing_and_why_a_day_is_closed(house, amalie):
    shift(house, "09:00", "15:00", amalie)
    shift(house, "14:00", "20:00")
    page = plain(house.browser(amalie).page("/rota"))
    assert "Uke 48, 23.–29. november" in page and "09–15" in page and "Du" in page
    assert "Mangler 1 likeperson nå–15" in page and "Mangler 2 likepersoner 15–20" in page
    assert "Mangler vaktleder nå–20" in page and "På vakt nå: Amalie til 15:00." in page
    house.storage.write(lambda tx: tx.staff.set_duty(amalie.id, Duty.OFF, house.at))
    assert "ikke på vakt ennå" in house.browser(amalie).page("/rota")
    christmas = plain(house.browser(amalie).page("/rota?day=2026-12-24"))
    assert "Stengt: julaften" in christmas and "Din neste vakt" not in christmas


def test_two_who_tap_the_last_place_get_the_place_and_a_sentence(house, amalie):
    open_one = shift(house, "09:00", "13:00", day=TODAY + timedelta(days=1))
    jonas = house.staff("Jonas")
    browsers = [house.browser(amalie), house.browser(jonas)]
    said = [browser.post(f"/rota/{open_one}/take", follow=True).text for browser in browsers]
    assert "Vakta er din." in said[0] and "Noen var før deg." in said[1]
    assert holder(house, open_one) == amalie.id


def test_a_swap_is_asked_for_and_answered_on_the_pages(house, amalie):
    jonas = house.staff("Jonas")
    hers = shift(house, "09:00", "13:00", amalie, day=TODAY + timedelta(days=1))
    his = shift(house, "09:00", "13:00", jonas, day=TODAY + timedelta(days=2))
    first, second = house.browser(amalie), house.browser(jonas)
    assert f'value="shift:{his}"' in first.page(f"/rota/{hers}")
    first.post(f"/rota/{hers}/ask", whom=f"shift:{his}")
    page = plain(second.page("/rota"))
    asked = "Amalie vil bytte torsdag 26. nov. 09–13 mot vakta di fredag 27. nov. 09–13."
    assert asked in page
    number = re.search(r"/rota/swap/(\d+)", page)[1]
    second.post(f"/rota/swap/{number}", answer="accept")
    assert (holder(house, hers), holder(house, his)) == (jonas.id, amalie.id)
    assert ("swap_accepted", jonas.id) in house.audit()


def test_a_coordinator_makes_changes_and_removes_shifts(house, amalie):
    browser = house.browser(house.staff("Marte", Role.COORDINATOR))
    fields = {"kind": "supporter", "day": "2026-11-30", "start": "09:00", "end": "13:00", "person": ""}
    said = browser.post("/rota/plan/repeat", **fields, last="2026-12-11", weekday=0, places=1, follow=True)
    assert "2 vakter er laget." in said.text
    assert "Velg ukedager" in browser.post("/rota/plan/repeat", **fields, last="2026-12-11", follow=True).text
    shift_id = shift(house, "09:00", "13:00", day=TODAY + timedelta(days=1))
    changed = {**fields, "day": "2026-11-26", "start": "10:00", "person": amalie.id}
    browser.post(f"/rota/{shift_id}/change", do="save", **changed)
    assert holder(house, shift_id) == amalie.id
    browser.post(f"/rota/{shift_id}/change", do="remove", **changed)
    assert browser.get(f"/rota/{shift_id}").status_code == 404


def test_the_header_offers_to_start_and_to_stop_and_does_neither_by_itself(house):
    jonas = house.staff("Jonas", duty=Duty.OFF)
    house.pass_time(hours=1)
    shift(house, "13:05", "15:00", jonas)
    browser = house.browser(jonas)
    assert "Du har vakt fra 13:05. Start" in browser.page()
    house.pass_time(minutes=10)
    assert "Du har vakt til 15:00. Start" in browser.page()
    assert house.again(jonas).duty is Duty.OFF
    browser.post("/duty", duty="on")
    assert "Du har vakt til 15:00." in browser.page() and "Start" not in browser.page()
    house.pass_time(hours=2)
    assert "Vakta di sluttet 15:00. Gå av vakt" in browser.page()
    assert house.again(jonas).duty is Duty.ON


def test_on_duty_without_a_shift_is_extra(house, amalie):
    assert "Du er på vakt utenom vaktplanen." in house.browser(amalie).page()
    assert "Amalie (ekstra)" in house.browser(amalie).page("/rota")


def test_a_calendar_holds_my_shifts_and_nothing_else(house, amalie, caplog):
    caplog.set_level("DEBUG")
    shift(house, "22:00", "06:00", amalie, day=date(2027, 3, 27))
    shift(house, "09:00", "13:00", house.staff("Jonas"))
    browser = house.browser(amalie)
    page = browser.post("/rota/calendar/new", scope="own").text
    token = re.search(r"/calendar/([\w-]{43})\.ics", page)[1]
    assert token not in browser.page("/rota/calendar")
    answer = house.app.test_client().get(f"/console/calendar/{token}.ics")
    assert answer.mimetype == "text/calendar" and "Set-Cookie" not in answer.headers
    read = icalendar.Calendar.from_ical(answer.data)
    (event,) = read.events
    assert event["SUMMARY"] == "Vakt i likepersontjenesten"
    assert (event.end - event.start) == timedelta(hours=8)  # on the wall; the night is an hour shorter
    assert event.start.utcoffset() == timedelta(hours=1) and event.end.utcoffset() == timedelta(hours=2)
    assert token not in caplog.text
    assert b"TZID:Europe/Oslo" in answer.data and b"Jonas" not in answer.data
    browser.post("/rota/calendar/new", scope="own")
    assert house.app.test_client().get(f"/console/calendar/{token}.ics").status_code == 404


def test_the_calendar_of_everybody_is_a_coordinators_and_ends_with_the_role(house, amalie):
    shift(house, "09:00", "13:00", amalie)
    shift(house, "09:00", "13:00")
    assert house.browser(amalie).post("/rota/calendar/new", scope="all").status_code == 403
    marte = house.staff("Marte", Role.COORDINATOR)
    page = house.browser(marte).post("/rota/calendar/new", scope="all").text
    path = f"/console/calendar/{re.search(r'/calendar/([^.]+)[.]ics', page)[1]}.ics"
    read = icalendar.Calendar.from_ical(house.app.test_client().get(path).data)
    assert {str(event["SUMMARY"]) for event in read.events} == {"Amalie, likeperson", "Ledig, likeperson"}
    house.storage.write(lambda tx: tx.staff.set_role(marte.id, Role.SUPPORTER))
    assert house.app.test_client().get(path).status_code == 404


@pytest.mark.parametrize(("role", "language"), [(Role.SUPPORTER, "en"), (Role.COORDINATOR, "nb")])
def test_every_page_of_the_rota_reads_in_both_languages(house, role, language):
    person = house.staff("Anna", role, language=language)
    mine = shift(house, "13:00", "16:00", person)
    browser = house.browser(person)
    for path in ("/rota", f"/rota/{mine}", "/rota/calendar"):
        assert f'<html lang="{language}"' in browser.page(path)
    assert browser.get("/rota/plan").status_code == (200 if role is Role.COORDINATOR else 403)
