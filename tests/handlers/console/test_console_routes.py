"""Every address of the console, walked by everybody: what is not given to a role is closed to it.

The walks go over the table of routes itself, so that no new address can be left out. Who may do what is no question of
the database, so one engine is enough.
"""

from __future__ import annotations

import re

import pytest

from handlers.console import routes
from storage.records import Role


@pytest.fixture
def engine():
    return "sqlite"


def rules(house):
    return [rule for rule in house.app.url_map.iter_rules() if rule.endpoint.startswith("console.")]


def address(rule) -> str:
    _, path = rule.build(
        {name: 1 for name in rule.arguments}
        | ({"filename": "console.css"} if "filename" in rule.arguments else {})
    )
    return path


def test_every_address_of_the_console_is_in_the_table(house):
    named = {route.name for route in routes.ROUTES} | {"static"}
    assert {rule.endpoint.removeprefix("console.") for rule in rules(house)} == named


def test_only_the_way_in_secret_calendars_and_the_static_files_are_open(house):
    assert {
        "sign_in",
        "second_step",
        "set_up",
        "welcome",
        "calendar_feed",
        "manifest",
        "offline_page",
        "static",
    } == routes.OPEN
    client = house.app.test_client()
    for rule in rules(house):
        name = rule.endpoint.removeprefix("console.")
        if name in routes.OPEN:
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = client.open(address(rule), method=method)
            shut = answer.status_code in (400, 401) or answer.location == "/console/sign-in"
            assert shut, (name, method, answer.status_code)


@pytest.mark.parametrize("role", list(Role))
def test_every_address_is_closed_to_roles_the_table_does_not_name(house, role):
    browser = house.browser(house.staff("Anna", role))
    for rule in rules(house):
        name = rule.endpoint.removeprefix("console.")
        if name in routes.OPEN or role in routes.WHO[name]:
            continue
        for method in rule.methods & {"GET", "POST"}:
            path = address(rule).removeprefix("/console")
            answer = browser.get(path) if method == "GET" else browser.post(path)
            assert answer.status_code == 403, (name, method)


@pytest.mark.parametrize("role", list(Role))
def test_every_page_opens_for_every_role_the_table_gives_it_and_no_button_breaks(house, role):
    """Walks the table itself, so no new address is left out. What needs a row gets an id that no row has."""
    house.staff("Kari", Role.COORDINATOR)
    browser = house.browser(house.staff("Anna", role))
    browser.token()
    for route in routes.ROUTES:
        if role not in (route.who or ()) or route.name in ("live", "sign_out"):
            continue
        path = re.sub("<int:[a-z_]+>", "999999", route.rule)
        for method in route.method.split():
            answer = browser.get(path) if method == "GET" else browser.post(path)
            if method == "GET" and "<" not in route.rule:
                assert answer.status_code in (200, 204), (route.name, answer.status_code)
            else:
                assert answer.status_code < 500 and answer.status_code not in (401, 405), (route.name, method)
                assert answer.location != "/console/sign-in", route.name
            answer.close()


def test_a_number_that_no_database_holds_is_not_found_and_breaks_nothing(house):
    browser = house.browser(house.staff("Anna", Role.COORDINATOR))
    browser.token()
    numbered = [
        each for each in routes.ROUTES if "<int:" in each.rule and Role.COORDINATOR in (each.who or ())
    ]
    assert len(numbered) > 30
    for route in numbered:
        ask = browser.get if "GET" in route.method.split() else browser.post
        for number in (2**63 - 1, 2**63, 10**20):
            answer = ask(re.sub("<int:[a-z_]+>", str(number), route.rule))
            assert answer.status_code < 500, (route.name, number)
            assert number < 2**63 or answer.status_code in (404, 405), (route.name, number)
            answer.close()


@pytest.mark.parametrize("role", list(Role))
def test_an_account_that_is_stopped_opens_nothing_at_all(house, role):
    staff = house.staff("Anna", role)
    browser = house.browser(staff)
    browser.token()
    house.storage.write(lambda tx: tx.staff.disable(staff.id, house.at))
    for route in routes.ROUTES:
        if route.who is None:
            continue
        path = re.sub("<int:[a-z_]+>", "1", route.rule)
        for method in route.method.split():
            answer = browser.get(path) if method == "GET" else browser.post(path)
            assert answer.status_code == 401 or answer.location == "/console/sign-in", (route.name, method)


def test_an_address_that_is_nobodys_is_answered_by_the_console_in_words(house):
    answer = house.app.test_client().get("/console/nowhere", headers={"Accept-Language": "en"})
    assert answer.status_code == 404 and "There is no such page." in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert house.app.test_client().get("/console/next").status_code == 405
    assert "console" not in house.app.test_client().get("/elsewhere").text
