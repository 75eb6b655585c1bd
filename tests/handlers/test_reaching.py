"""Where alerts reach somebody is theirs to say, and what is no address is refused."""

from __future__ import annotations

import pytest
from talk_support import one_engine

from bot.errors import NotPossible
from handlers.alerting.web_push import b64
from handlers.reaching import Reaching

KEY, AUTH = b64(b"\x04" + bytes(64)), b64(bytes(16))
URL = "https://push.example.org/abc"
NEAR = (
    *("127.0.0.1", "127.0.0.1:8977", "localhost", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1"),
    *("169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1", "2130706433", "[fe80::1]", "[fd00::1]"),
    *("[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "router", "printer.local"),
)


@pytest.fixture
def kari(chat):
    return chat.on_duty("Kari")


@pytest.fixture
def reaching(chat):
    return Reaching(chat.local.storage, chat.local.clock)


@pytest.mark.parametrize(
    ("email", "phone", "kept"),
    [(" kari@example.org ", "+47 12 34", ("kari@example.org", "+471234")), ("", None, (None, None))],
)
def test_addresses_are_kept_as_they_are_used(chat, reaching, kari, email, phone, kept):
    reaching.set_contact(kari, email=email, phone=phone)
    found = chat.local.storage.read(lambda tx: tx.staff.get(kari.id))
    assert (found.email, found.phone) == kept


@pytest.mark.parametrize(
    ("email", "phone", "what"),
    [
        ("kari", None, "email"),
        ("a@b\nBcc: c@d", None, "email"),
        (None, "12a4", "phone"),
        (None, "+", "phone"),
    ],
)
def test_what_is_no_address_is_refused(reaching, kari, email, phone, what):
    with pytest.raises(NotPossible, match=what):
        reaching.set_contact(kari, email=email, phone=phone)


def test_a_browser_is_pushed_to_until_it_is_taken_back(chat, reaching, kari):
    reaching.subscribe(kari, URL, KEY, AUTH)
    (one,) = chat.local.storage.read(lambda tx: tx.push.of(kari.id))
    assert (one.endpoint, one.p256dh, one.auth) == (URL, KEY, AUTH)
    reaching.unsubscribe(kari, URL)
    assert chat.local.storage.read(lambda tx: tx.push.of(kari.id)) == []


def test_one_person_has_five_browsers_at_most(chat, reaching, kari):
    for number in range(7):
        reaching.subscribe(kari, f"{URL}{number}", KEY, AUTH)
    found = chat.local.storage.read(lambda tx: tx.push.of(kari.id))
    assert [one.endpoint for one in found] == [f"{URL}{number}" for number in range(2, 7)]


@one_engine
@pytest.mark.parametrize(
    ("endpoint", "key", "auth"),
    [
        ("http://push.example.org/abc", KEY, AUTH),
        ("file:///etc/passwd", KEY, AUTH),
        *((f"https://{host}/x", KEY, AUTH) for host in NEAR),
        *((f"http://{host}/x", KEY, AUTH) for host in NEAR),
        (URL, "AAAA", AUTH),
        (URL, KEY, "AAAA"),
        (URL, "ø", AUTH),
        (URL + "x" * 2000, KEY, AUTH),
    ],
)
def test_what_is_no_subscription_is_refused(reaching, kari, endpoint, key, auth):
    with pytest.raises(NotPossible, match="subscription"):
        reaching.subscribe(kari, endpoint, key, auth)


def test_a_closed_account_is_reached_no_more(chat, reaching, kari):
    chat.local.storage.write(lambda tx: tx.staff.disable(kari.id, chat.now))
    with pytest.raises(NotPossible):
        reaching.subscribe(kari, URL, KEY, AUTH)
    with pytest.raises(NotPossible):
        reaching.set_contact(kari, email=None, phone=None)
