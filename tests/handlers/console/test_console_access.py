"""Who gets in, and to what."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from patience import PATIENCE

from handlers.console import passwords, sessions, tries
from handlers.console.passwords import password_problem, verify_password
from storage.records import Role

PASSWORD = "stille regn over byen"


def ticket_of(page):
    return re.search(r'name="ticket" value="([^"]+)"', page.text)[1]


def test_a_post_without_the_token_is_refused(house, amalie):
    contact = house.waiting()
    client = house.browser(amalie).client
    answer = client.post(f"/console/c/{contact}/claim")
    assert answer.status_code == 400
    assert house.row(contact).claimed_by is None


def test_a_post_from_another_site_is_refused_even_with_the_token(house, amalie):
    contact = house.waiting()
    browser = house.browser(amalie)
    answer = browser.client.post(
        f"/console/c/{contact}/claim",
        data={"csrf_token": browser.token()},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(house, amalie):
    answer = house.sign_in(amalie, login="AMALIE")
    assert answer.location == "/console/"
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(sessions.COOKIE))
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/console"} <= {
        part.strip() for part in cookie.split(";")
    }


def test_the_store_keeps_only_the_hash_of_a_token(house, amalie):
    answer = house.sign_in(amalie)
    token = re.search(rf"{sessions.COOKIE}=([^;]+)", "\n".join(answer.headers.getlist("Set-Cookie")))[1]
    found = house.storage.read(lambda tx: tx.sessions.peek(sessions.token_hash(token), house.at))
    assert found == amalie.id and len(token) >= 43
    rows = house.storage.read(
        lambda tx: [bytes(row["token_hash"]) for row in tx.all("SELECT token_hash FROM session")]
    )
    assert token.encode() not in rows and sessions.token_hash(token) in rows


def test_an_unknown_login_and_a_wrong_password_read_the_same(house, amalie):
    unknown = house.browser().post("/sign-in", login="nobody", password="x" * 14)
    wrong = house.browser().post("/sign-in", login="amalie", password="x" * 14)
    assert unknown.status_code == wrong.status_code == 401
    bare = [re.sub(r"(csrf[^>]*)(value|content)=\"[^\"]+\"", "", answer.text) for answer in (unknown, wrong)]
    assert bare[0] == bare[1]


def test_after_five_wrong_tries_even_the_right_password_waits(house, amalie):
    house.storage.write(
        lambda tx: [tx.sessions.add_failure(_keys(house, "amalie")[0], house.at) for _ in range(5)]
    )
    browser = house.browser()
    refused = browser.post("/sign-in", login="amalie", password=PASSWORD)
    assert refused.status_code == 429 and "Prøv igjen om 15 minutter" in refused.text
    house.pass_time(minutes=16)
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).status_code == 200


def test_wrong_tries_count_for_the_account_and_for_the_address_and_right_ones_for_neither(house, amalie):
    house.browser().post("/sign-in", login="amalie", password="wrong" * 4)
    house.browser().post("/sign-in", login="somebody else", password="wrong" * 4)
    assert house.browser().post("/sign-in", login="amalie", password=PASSWORD).status_code == 200
    since = house.at - timedelta(minutes=1)
    account, address = _keys(house, "amalie")
    count = house.storage.read(
        lambda tx: (tx.sessions.failures(account, since), tx.sessions.failures(address, since))
    )
    assert count == (1, 2)


def _keys(house, login):
    with house.app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        return [key for key, _ in tries._counts(login)]


def test_many_tries_at_one_instant_are_no_way_past_the_limit(house, amalie, monkeypatch):
    """Each password takes its time to be looked at; meanwhile others knock."""
    looked, together = [], threading.Barrier(2)

    class Slow(PasswordHasher):
        def verify(self, hash, password):
            looked.append(password)
            with suppress(threading.BrokenBarrierError):
                together.wait(0.2)
            return super().verify(hash, password)

    slow = Slow(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", slow)
    browsers = [house.browser() for _ in range(12)]
    for browser in browsers:
        browser.token()
    with ThreadPoolExecutor(12) as pool:
        wrong = [
            pool.submit(each.post, "/sign-in", login="amalie", password=f"wrong {n}" * 3)
            for n, each in enumerate(browsers)
        ]
        said = [each.result().status_code for each in wrong]
    assert len(looked) == said.count(401) <= 5 and said.count(429) == 12 - len(looked)


def test_many_codes_at_one_instant_are_no_way_past_the_limit(house, amalie):
    house.phone(amalie)
    ticket = ticket_of(house.browser().post("/sign-in", login="amalie", password=PASSWORD))
    browsers = [house.browser() for _ in range(16)]
    for browser in browsers:
        browser.token()
    at_once = threading.Barrier(16)

    def enter(browser, code):
        at_once.wait(PATIENCE)
        return browser.post("/sign-in/code", ticket=ticket, code=code).status_code

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(enter, browsers, [f"{n:06}" for n in range(16)]))
    assert said.count(401) <= 5 and said.count(429) == 16 - said.count(401)


def test_strangers_who_try_lock_nobody_out_of_a_browser_they_have_signed_in_with(house, amalie):
    browser, phone = house.browser(), house.phone(amalie)
    ticket = ticket_of(browser.post("/sign-in", login="amalie", password=PASSWORD))
    assert browser.post("/sign-in/code", ticket=ticket, code=phone.code()).status_code == 302
    browser.post("/sign-out")
    stranger = house.browser()
    for _ in range(6):
        last = stranger.post("/sign-in", login="amalie", password="wrong" * 4)
    assert last.status_code == 429
    browser._token = ""
    for _ in range(4):
        assert browser.post("/sign-in", login="amalie", password="slip " * 4).status_code == 401
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).status_code == 200
    assert browser.post("/sign-in", login="amalie", password="slip " * 4).status_code == 401
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).status_code == 429, (
        "it has a limit, too"
    )


def test_a_browser_is_known_for_the_accounts_that_signed_in_there_and_for_no_other(house, amalie):
    mallory = house.staff("Mallory")
    browser, phone = house.browser(), house.phone(mallory)
    ticket = ticket_of(browser.post("/sign-in", login="mallory", password=PASSWORD))
    browser.post("/sign-in/code", ticket=ticket, code=phone.code())
    browser.post("/sign-out")
    browser._token = ""
    for _ in range(5):
        house.browser().post("/sign-in", login="amalie", password="wrong" * 4)
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).status_code == 429


def test_wrong_tries_on_invented_logins_leave_others_at_the_address_alone(house, amalie):
    for n in range(10):
        house.browser().post("/sign-in", login=f"invented {n}", password="wrong" * 4)
    assert house.browser().post("/sign-in", login="amalie", password=PASSWORD).status_code == 200
    address = _keys(house, "amalie")[1]
    house.storage.write(lambda tx: [tx.sessions.add_failure(address, house.at) for _ in range(40)])
    assert house.browser().post("/sign-in", login="amalie", password=PASSWORD).status_code == 429


def test_a_session_ends_when_it_lies_idle_and_in_any_case_after_twelve_hours(house, amalie):
    idle = house.browser(amalie)
    assert idle.get("/").status_code == 200
    house.pass_time(hours=8, minutes=1)
    assert idle.get("/").location == "/console/sign-in"
    busy = house.browser(amalie)
    for _ in range(3):
        house.pass_time(hours=3, minutes=50)
        assert busy.get("/").status_code == 200
    house.pass_time(hours=1)
    assert busy.get("/").location == "/console/sign-in"


def test_a_page_that_only_refreshes_itself_does_not_keep_a_session_awake(house, amalie):
    browser = house.browser(amalie)
    for _ in range(4):
        house.pass_time(hours=2)
        browser.get("/fresh")
    house.pass_time(minutes=1)
    assert browser.get("/fresh").status_code == 401


def test_signing_out_ends_the_session_in_the_store(house, amalie):
    browser = house.browser(amalie)
    assert browser.post("/sign-out").location == "/console/sign-in"
    other = house.app.test_client()
    other.set_cookie(sessions.COOKIE, f"token-of-{amalie.id}", path="/console")
    assert other.get("/console/").location == "/console/sign-in"


def test_a_stopped_account_is_out_at_once(house, amalie):
    browser = house.browser(amalie)
    assert browser.get("/").status_code == 200
    house.storage.write(lambda tx: tx.staff.disable(amalie.id, house.at))
    assert browser.get("/").location == "/console/sign-in"


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(house, amalie):
    here, there = house.browser(amalie), house.app.test_client()
    there.set_cookie(sessions.COOKIE, f"token-of-{amalie.id}", path="/console")
    here.post("/security/password", old="not the old one", new="helt nye ord sammen")
    assert there.get("/console/").status_code == 200
    here.post("/security/password", old=PASSWORD, new="helt nye ord sammen")
    assert here.get("/").status_code == 200
    assert there.get("/console/").location == "/console/sign-in"
    stored = house.storage.read(lambda tx: tx.staff.by_login("amalie"))[1]
    assert verify_password(stored, "helt nye ord sammen") and not verify_password(stored, PASSWORD)


def test_a_coordinator_can_neither_make_nor_change_an_admin(house):
    kari, root = house.staff("Kari", Role.COORDINATOR), house.staff("Rot", Role.ADMIN)
    browser = house.browser(kari)
    browser.post("/staff/add", login="evil", alias="Evil", role="admin", trained="full")
    assert house.storage.read(lambda tx: tx.staff.by_login("evil")) is None
    assert browser.post(f"/staff/{root.id}/reset").status_code == 403
    for deed in ("disable", "second-factor", "sign-out", "change"):
        assert browser.post(f"/staff/{root.id}/{deed}").status_code == 403


@pytest.mark.parametrize(
    ("password", "fine"),
    [
        ("kort", False),
        ("a" * 40, False),
        ("amalie er her i dag", False),
        (PASSWORD, True),
        ("x" * 300, False),
    ],
)
def test_a_password_is_long_and_not_the_login(password, fine):
    assert (password_problem(password, "nb", "amalie") is None) is fine


def test_no_password_fits_a_hash_that_cannot_be_read():
    assert not verify_password("not a hash", "anything at all") and not verify_password("", "")
