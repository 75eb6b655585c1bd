"""The second factor, the links that stand in for passwords, and where one is signed in."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import html
import re
import socket

import pytest
from aiosmtpd.controller import Controller

from handlers import accounts
from handlers.alerting.mail import Mail
from handlers.console import second_factor, sessions, tickets
from storage.records import Duty, Role

PASSWORD = "stille regn over byen"
NEW = "helt nye ord sammen"


@pytest.fixture
def engine():
    """The stores' own tests run on every engine."""
    return "sqlite"


def ticket_of(page):
    return re.search(r'name="ticket" value="([^"]+)"', page.text)[1]


def secret_of(page):
    return re.search(r'class="secret">([A-Z2-7 ]+)<', page.text)[1].replace(" ", "")


def link_of(page):
    return re.search(r'class="secret">(http[^<]+)<', page.text)[1]


def codes_of(page):
    return re.findall(r"<code>([a-z0-9]{5}-[a-z0-9]{5})</code>", page.text)


def audited(house):
    return [action for action, _ in house.audit()]


def test_the_first_sign_in_sets_up_the_phone_before_anything_opens(house, amalie):
    browser = house.browser()
    page = browser.post("/sign-in", login="amalie", password=PASSWORD)
    assert page.status_code == 200 and "<svg" in page.text and 'class="qr"' in page.text
    assert "data:" not in page.text and browser.get("/").location == "/console/sign-in"
    ticket, secret = ticket_of(page), secret_of(page)
    wrong = browser.post("/sign-in/set-up", ticket=ticket, code="000000")
    assert wrong.status_code == 400 and secret_of(wrong) == secret
    assert browser.get("/").location == "/console/sign-in"
    code = second_factor.pyotp.TOTP(secret).at(house.at)
    done = browser.post("/sign-in/set-up", ticket=ticket, code=f" {code[:3]} {code[3:]} ")
    codes = codes_of(done)
    assert len(set(codes)) == 10 and browser.get("/").status_code == 200
    assert "second_factor_set" in audited(house) and codes[0] not in browser.page("/security")
    # The page that only the password opened sets up nothing any more.
    again = house.browser().post("/sign-in/set-up", ticket=ticket, code=code)
    assert again.location == "/console/sign-in"


def test_with_the_password_alone_nothing_opens_and_nothing_can_be_set_up(house, amalie):
    other = house.browser()
    early = ticket_of(other.post("/sign-in", login="amalie", password=PASSWORD))  # before there was a phone
    house.phone(amalie)
    browser = house.browser()
    ticket = ticket_of(browser.post("/sign-in", login="amalie", password=PASSWORD))
    assert browser.get("/").location == "/console/sign-in"
    assert browser.post("/sign-in/code", ticket=ticket, code="000000").status_code == 401
    assert browser.post("/sign-in/set-up", ticket=ticket, code="000000").location == "/console/sign-in"
    secret = house.storage.read(lambda tx: tx.factors.secret(amalie.id))
    with house.app.test_request_context("/", method="POST", data={"ticket": early}):
        held = tickets.shown()
    code = second_factor.pyotp.TOTP(held.secret).at(house.at)
    assert other.post("/sign-in/set-up", ticket=early, code=code).location == "/console/sign-in"
    assert house.storage.read(lambda tx: tx.factors.secret(amalie.id)) == secret


def test_a_code_lets_in_once_and_its_neighbours_in_time_will_do(house, amalie):
    phone = house.phone(amalie)

    def enter(code):
        browser = house.browser()
        ticket = ticket_of(browser.post("/sign-in", login="amalie", password=PASSWORD))
        return browser.post("/sign-in/code", ticket=ticket, code=code).status_code

    assert enter(phone.code(seconds=-90)) == 401
    assert enter(phone.code(seconds=-30)) == 302
    assert enter(phone.code(seconds=-30)) == 401  # read over a shoulder
    assert enter(phone.code()) == 302


def test_wrong_codes_count_as_wrong_passwords_do(house, amalie):
    phone, browser = house.phone(amalie), house.browser()
    ticket = ticket_of(browser.post("/sign-in", login="amalie", password=PASSWORD))
    for _ in range(5):
        assert browser.post("/sign-in/code", ticket=ticket, code="123456").status_code == 401
    assert browser.post("/sign-in/code", ticket=ticket, code=phone.code()).status_code == 429
    assert browser.post("/sign-in/code", ticket=ticket, recovery="aaaaa-bbbbb").status_code == 429
    house.pass_time(minutes=14)
    assert browser.post("/sign-in/code", ticket=ticket, code=phone.code()).status_code == 429
    house.pass_time(minutes=2)
    ticket = ticket_of(browser.post("/sign-in", login="amalie", password=PASSWORD))
    assert browser.post("/sign-in/code", ticket=ticket, code=phone.code()).location == "/console/"


def test_a_recovery_code_lets_in_once_and_shows_where_to_set_up_the_new_phone(house, amalie):
    house.phone(amalie)
    house.storage.write(lambda tx: tx.factors.set_recovery_codes(amalie.id, ["abcdefghjk", "mnpqrstuvw"]))
    browser = house.browser()
    ticket = ticket_of(browser.post("/sign-in", login="amalie", password=PASSWORD))
    answer = browser.post("/sign-in/code", follow=True, ticket=ticket, recovery=" ABCDE-fghjk")
    assert "Du har én gjenopprettingskode igjen" in answer.text and "Bytt telefon" in answer.text
    other = house.browser()
    assert other.post("/sign-in/code", ticket=ticket, recovery="abcde-fghjk").status_code == 401
    assert audited(house).count("recovery_code_used") == 1


def test_another_phone_takes_the_password_and_a_code_and_ends_the_old_one(house, amalie):
    assert house.sign_in(amalie).status_code == 302  # signed in somewhere else, too
    old, browser = house.phone(amalie), house.browser(amalie)
    assert browser.post("/security/second-factor", password=PASSWORD, code="000000").status_code == 302
    page = browser.post("/security/second-factor", password=PASSWORD, code=old.code())
    code = second_factor.pyotp.TOTP(secret_of(page)).at(house.at)
    done = browser.post("/sign-in/set-up", ticket=ticket_of(page), code=code)
    assert len(codes_of(done)) == 10
    assert len(house.storage.read(lambda tx: tx.sessions.of(amalie.id, house.at))) == 1
    assert house.storage.read(lambda tx: tx.factors.secret(amalie.id)) == secret_of(page) != old.secret


def test_new_recovery_codes_end_the_old_ones(house, amalie):
    phone, browser = house.phone(amalie), house.browser(amalie)
    house.storage.write(lambda tx: tx.factors.set_recovery_codes(amalie.id, ["abcdefghjk"]))
    assert codes_of(browser.post("/security/recovery-codes", password=PASSWORD, code="1")) == []
    page = browser.post("/security/recovery-codes", password=PASSWORD, code=phone.code())
    assert len(codes_of(page)) == 10
    assert not house.storage.write(
        lambda tx: tx.factors.take_recovery_code(amalie.id, "abcdefghjk", house.at)
    )


def test_where_it_is_optional_the_password_is_enough_until_somebody_sets_it_up(house, amalie):
    house.app.extensions["peersupport-console"] = dataclasses.replace(house.parts, one_tap=True)
    browser = house.browser()
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).location == "/console/"
    assert "Her er koden frivillig" in browser.page("/security")
    house.phone(amalie)
    assert "Seks sifre" in house.browser().post("/sign-in", login="amalie", password=PASSWORD).text


# Links.


@pytest.fixture
def kari(house):
    return house.browser(house.staff("Kari", Role.COORDINATOR))


def add(kari, **fields):
    return kari.post("/staff/add", **{"alias": "Ola", "role": "supporter", "trained": "basic"} | fields)


def test_a_new_person_chooses_a_password_through_a_link_that_is_used_once(house, kari):
    link = link_of(add(kari))
    address, token = link.split("#")
    assert address == "http://localhost/console/welcome"
    staff = house.storage.read(lambda tx: tx.staff.by_login("ola"))[0]
    assert (staff.alias, staff.trained) == ("Ola", "basic")
    browser = house.browser()
    assert token not in browser.page("/welcome")
    for pasted in (token, f" {link} "):
        assert "Hei, Ola" in browser.post("/welcome", code=pasted).text
    assert browser.post("/welcome", code=token, new="kort").status_code == 400
    assert browser.get("/").location == "/console/sign-in"
    page = browser.post("/welcome", code=token, new=NEW)
    code = second_factor.pyotp.TOTP(secret_of(page)).at(house.at)
    browser.post("/sign-in/set-up", ticket=ticket_of(page), code=code)
    assert browser.get("/").status_code == 200
    used = house.browser().post("/welcome", code=token, new="et annet forsøk her")
    assert used.status_code == 410 and "Denne lenken er brukt" in used.text
    assert {"staff_added", "link_made", "password_chosen", "second_factor_set"} <= set(audited(house))


def test_a_link_ends_after_72_hours_and_a_newer_one_takes_its_place(house, kari):
    first = link_of(add(kari)).split("#")[1]
    ola = house.storage.read(lambda tx: tx.staff.by_login("ola"))[0]
    second = link_of(kari.post(f"/staff/{ola.id}/reset")).split("#")[1]
    browser = house.browser()
    assert browser.post("/welcome", code=first).status_code == 404
    house.pass_time(hours=71, minutes=59)
    assert browser.post("/welcome", code=second).status_code == 200
    house.pass_time(minutes=1)
    late = browser.post("/welcome", code=second, new=NEW)
    assert late.status_code == 410 and "Be koordinatoren din om en ny" in late.text
    assert "Vi kjenner ikke denne koden" in browser.post("/welcome", code="x" * 32).text


def test_a_reset_ends_sessions_and_the_password_and_keeps_the_phone(house, kari, amalie):
    phone, here = house.phone(amalie), house.browser(amalie)
    token = link_of(kari.post(f"/staff/{amalie.id}/reset")).split("#")[1]
    assert here.get("/").location == "/console/sign-in"
    browser = house.browser()
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).status_code == 401
    page = browser.post("/welcome", code=token, new=NEW)
    assert "Seks sifre" in page.text and browser.get("/").location == "/console/sign-in"
    assert browser.post("/sign-in/code", ticket=ticket_of(page), code=phone.code()).location == "/console/"


def test_no_token_secret_or_code_reaches_the_log_or_the_audit(house, kari, caplog):
    caplog.set_level(0)
    token = link_of(add(kari)).split("#")[1]
    browser = house.browser()
    page = browser.post("/welcome", code=token, new=NEW)
    secret = secret_of(page)
    code = second_factor.pyotp.TOTP(secret).at(house.at)
    codes = codes_of(browser.post("/sign-in/set-up", ticket=ticket_of(page), code=code))
    details = str(house.storage.read(lambda tx: tx.audit.lines()))
    for word in (token, secret, codes[0], NEW):
        assert word not in caplog.text and word not in details


def test_what_will_not_do_for_a_new_person_is_said_and_nothing_is_kept(house, kari):
    for fields, words in (
        ({"alias": ""}, "mellom 1 og 30"),
        ({"alias": "@@"}, "trenger en bokstav"),
        ({"alias": "KARI"}, "heter det allerede"),
        ({"email": "nobody"}, "ikke en e-postadresse"),
        ({"login": "Kari"}, "Brukernavnet er i bruk"),
        ({"role": "admin"}, "en rolle du kan gi"),
    ):
        assert add(kari, **fields).status_code == 302
        assert words in kari.page("/staff"), fields
    assert len(house.storage.read(lambda tx: tx.staff.all())) == 1


def test_without_a_user_name_the_e_mail_is_it_else_the_name(house, kari):
    add(kari, email="ola@example.org")
    add(kari, alias="Åse Marie")
    logins = [one.login for one in house.storage.read(lambda tx: tx.staff.all())]
    assert logins == ["kari", "ola@example.org", "åsemarie"]


# What a coordinator may do, and what the person hears of it.


class Letters:
    """A real mail server on this machine, and what came in."""

    def __init__(self) -> None:
        self.came: list[str] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.came.append(f"{message['To']}\n{message['Subject']}\n{message.get_content()}")
        return "250 OK"


@pytest.fixture
def letters(house):
    box = Letters()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    mail = Mail(f"smtp://127.0.0.1:{port}", sender="us@example.org")
    house.app.extensions["peersupport-console"] = dataclasses.replace(house.parts, letters=mail)
    yield box.came
    server.stop()


def test_a_link_and_a_reset_phone_are_told_by_e_mail(house, kari, letters):
    page = add(kari, email="ola@example.org")
    assert "også sendt på e-post" in page.text
    assert letters[0].startswith("ola@example.org\n") and link_of(page) in letters[0]
    ola = house.storage.read(lambda tx: tx.staff.by_login("ola@example.org"))[0]
    house.phone(ola)
    here = house.browser(ola)
    answer = kari.post(f"/staff/{ola.id}/second-factor", follow=True)
    assert "har fått e-post om det" in answer.text and "nullstilt" in letters[1] and "#" not in letters[1]
    assert here.get("/").location == "/console/sign-in"
    assert house.storage.read(lambda tx: tx.factors.secret(ola.id)) is None
    assert "second_factor_removed" in audited(house)


def test_role_and_training_are_changed_and_sessions_ended_from_a_persons_page(house, kari, amalie):
    here = house.browser(amalie)
    kari.post(f"/staff/{amalie.id}/change", role="duty_lead", trained="basic")
    now = house.again(amalie)
    assert (now.role, now.trained) == (Role.DUTY_LEAD, "basic")
    assert {"role_changed", "training_changed"} <= set(audited(house))
    assert here.get("/").status_code == 200
    kari.post(f"/staff/{amalie.id}/sign-out")
    assert here.get("/").location == "/console/sign-in"
    assert kari.post(f"/staff/{amalie.id}/change", role="admin", trained="full").status_code == 400
    kari.post(f"/staff/{amalie.id}/change", role="reviewer", trained="full")
    assert house.again(amalie).duty is Duty.OFF  # nobody waits for somebody who may not answer


def test_a_stopped_account_opens_again_with_a_new_link_unless_the_name_is_taken(house, kari, amalie):
    kari.post(f"/staff/{amalie.id}/disable")
    other = house.staff("AMALIE2")
    house.storage.write(lambda tx: tx.staff.set_alias(other.id, "amalie"))
    assert "heter det allerede" in kari.post(f"/staff/{amalie.id}/reopen", follow=True).text
    house.storage.write(lambda tx: tx.staff.set_alias(other.id, "Ida"))
    token = link_of(kari.post(f"/staff/{amalie.id}/reopen")).split("#")[1]
    browser = house.browser()
    assert browser.post("/sign-in", login="amalie", password=PASSWORD).status_code == 401  # the old one
    assert 'class="qr"' in browser.post("/welcome", code=token, new=NEW).text


def test_whoever_stops_an_account_is_told_of_somebody_in_danger_and_ticks_it(house, kari, amalie):
    contact = house.student("jeg vil ikke leve lenger")
    house.deeds.claim(contact, amalie)
    page = kari.page(f"/staff/{amalie.id}")
    assert "Noen kan være i fare i 1 av dem" in page and 'name="sure"' in page
    assert "Kontoen er ikke stengt" in kari.post(f"/staff/{amalie.id}/disable", follow=True).text
    assert not house.again(amalie).disabled
    kari.post(f"/staff/{amalie.id}/disable", sure="1")
    assert house.again(amalie).disabled


# Where one is signed in.


def test_a_person_ends_one_place_or_all_others(house, amalie):
    here, there, third = house.browser(amalie), house.app.test_client(), house.app.test_client()
    for name, client in (("there", there), ("third", third)):
        hashed = sessions.token_hash(name)
        house.storage.write(
            lambda tx, h=hashed: tx.sessions.add(
                amalie.id, h, house.at, house.at + accounts.LINK_LIVES, device="Firefox/Android"
            )
        )
        client.set_cookie(sessions.COOKIE, name, path="/console")
    page = html.unescape(here.page("/security"))
    assert page.count("Firefox · Android") == 2 and page.count(">her<") == 1
    place = re.search(r'name="place" value="([0-9a-f]{32})"', page)[1]
    here.post("/security/sign-out", place=place)
    assert [c.get("/console/").status_code for c in (there, third)].count(200) == 1
    here.post("/security/sign-out", place="others")
    assert [c.get("/console/").status_code for c in (there, third)] == [302, 302]
    assert here.get("/").status_code == 200
