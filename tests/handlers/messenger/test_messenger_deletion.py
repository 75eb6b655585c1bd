"""Meta's deletion callback, and the page people are sent to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from messenger_world import APP_SECRET, NOW, Service
from patience import PATIENCE

from handlers.messenger.signature import parse_signed_request

PAYLOAD = {"algorithm": "HMAC-SHA256", "issued_at": 1795608000, "user_id": "218471"}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed_request(payload: object = PAYLOAD, secret: str = APP_SECRET) -> str:
    body = encoded(json.dumps(payload).encode())
    return encoded(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()) + "." + body


def ask(service: Service, text: str) -> requests.Response:
    return requests.post(f"{service.url}/deletion", data={"signed_request": text}, timeout=PATIENCE)


def test_the_callback_answers_with_a_page_and_a_code(service: Service) -> None:
    answer = ask(service, signed_request())
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"url", "confirmation_code"}
    assert told["url"] == f"{service.url}/deletion/{told['confirmation_code']}"
    assert "218471" not in answer.text
    page = requests.get(told["url"], timeout=PATIENCE)
    assert page.status_code == 200
    assert told["confirmation_code"] in page.text
    assert "SLETT" in page.text
    assert "DELETE" in page.text


def test_the_same_person_gets_the_same_code(service: Service) -> None:
    first, again = ask(service, signed_request()).json(), ask(service, signed_request()).json()
    other = ask(service, signed_request(PAYLOAD | {"user_id": "5"})).json()
    assert first == again != other


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "x",
        "a.b",
        "æ.ø",
        signed_request(secret="another"),
        signed_request() + "x",
        signed_request()[1:],
        signed_request(PAYLOAD | {"algorithm": "none"}),
        signed_request([1]),
        "x" * 20_000,
    ],
)
def test_what_meta_has_not_signed_is_refused(text: str, service: Service) -> None:
    assert ask(service, text).status_code == 403


def test_a_huge_callback_is_refused(service: Service) -> None:
    assert ask(service, "x" * 30_000).status_code == 403


@given(st.text(max_size=60), st.sampled_from([APP_SECRET, ""]))
@settings(deadline=None)
def test_no_text_makes_the_parser_raise(text: str, secret: str) -> None:
    assert parse_signed_request(text, secret) is None


def test_the_page_says_when_a_conversation_was_deleted(service: Service) -> None:
    def erase(tx) -> None:
        tx.contacts.erase(tx.contacts.find_or_add(["7007"], NOW)["7007"], "AB12-CD34", NOW)

    service.storage.write(erase)
    page = service.get("/deletion/AB12-CD34").text
    assert page.count("25.11.2026 13:00") == 2  # Norwegian time, in both languages
    assert "SLETT" not in page


def test_an_unknown_code_is_told_how_to_delete(service: Service) -> None:
    assert "SLETT" in service.get("/deletion/WXYZ-9999").text
    assert "SLETT" in service.get("/deletion").text
    assert service.get("/deletion/%3Cscript%3E").status_code == 404


def test_the_page_loads_nothing_and_tells_nobody(service: Service) -> None:
    page = service.get("/deletion")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "http" not in page.text
    assert 'lang="nb"' in page.text
    assert 'lang="en"' in page.text
