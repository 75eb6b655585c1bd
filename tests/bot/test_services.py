from __future__ import annotations

import datetime as dt

from content_files import SERVICES, files

from bot.checks import check
from bot.services import ServiceList, Services
from bot.yaml_text import read_yaml, validate

NBSP = "\N{NO-BREAK SPACE}"


def _services() -> Services:
    listed = validate(ServiceList, read_yaml(SERVICES, "flows/services.yaml"))
    assert isinstance(listed, ServiceList)
    return Services(listed)


def test_a_number_is_shown_with_spaces_that_do_not_break() -> None:
    assert _services().number("mental_helse") == f"116{NBSP}123"


def test_a_service_without_a_number_shows_its_address() -> None:
    assert _services().number("chat") == "chat.example.org"


def test_a_line_begins_with_the_number_and_speaks_the_language() -> None:
    services = _services()
    assert services.line("amk", "en") == "113 · Ambulance: danger to life."
    assert services.line("mental_helse", None).startswith(f"116{NBSP}123 · Mental Helse: noen å snakke med.")


def test_a_service_is_open_within_its_own_hours_only() -> None:
    services = _services()
    monday = dt.datetime(2026, 11, 23, 18, 0)  # noqa: DTZ001 (the clock on the wall)
    assert services.open_now("amk", monday)
    assert not services.open_now("chat", monday - dt.timedelta(minutes=1))
    assert services.open_now("chat", monday)
    assert services.open_now("chat", monday.replace(hour=23, minute=59))
    assert services.open_now("chat", monday + dt.timedelta(hours=7, minutes=59))
    assert not services.open_now("chat", monday + dt.timedelta(hours=8))


def test_unverified_services_are_listed_but_for_the_emergency_numbers() -> None:
    assert _services().unverified() == ("chat",)


def test_wrong_entries_are_told_with_their_line() -> None:
    broken = (
        SERVICES.replace('number: "113"', "number: 113")
        .replace("kind: crisis", "kind: crises")
        .replace("monday:", "mandag:")
        .replace("verified_on: 2026-11-22", "verified_on: null")
    )
    said = [str(each) for each in check(files(services=broken)) if each.file == "flows/services.yaml"]
    assert any(":5: 'number': write the number in quotes" in each for each in said)
    assert any("(did you mean 'crisis'?)" in each for each in said)
    assert any("'mandag' is not a weekday" in each for each in said)


def test_an_id_stands_once() -> None:
    twice = SERVICES.replace("id: chat", "id: amk")
    assert "the id 'amk' is used twice" in "\n".join(map(str, check(files(services=twice))))
