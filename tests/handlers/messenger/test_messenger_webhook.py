"""The webhook's door: who is let in, how much, and what happens when nothing can be kept."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messenger_world import APP_ID, APP_SECRET, NOW, PAGE_ID, VERIFY_TOKEN, Service, new_door, serve
from patience import PATIENCE

from bot.events import UnknownReceived, from_json, to_json
from handlers.messenger.payloads import read_body
from handlers.messenger.signature import sign, signed_by_meta
from handlers.together import Arrived
from storage import Storage, StorageUnavailable
from storage.service import Counters

PSID = "7000000000000007"


def delivery(text: str = "jeg vil ikke leve", mid: str = "m_1") -> bytes:
    item = {"sender": {"id": PSID}, "recipient": {"id": PAGE_ID}, "timestamp": 1795608000000}
    item["message"] = {"mid": mid, "text": text}
    return json.dumps({"object": "page", "entry": [{"id": PAGE_ID, "messaging": [item]}]}).encode()


def test_a_signed_delivery_is_stored_and_answered(service: Service) -> None:
    answer = service.post(delivery())
    assert (answer.status_code, answer.text) == (200, "EVENT_RECEIVED")
    assert service.reads() == 1
    assert service.outcomes == ["accepted"]


def test_listeners_hear_of_a_stored_delivery(service: Service) -> None:
    listener = service.storage.listen()
    try:
        service.post(delivery())
        assert listener.wait(PATIENCE)
    finally:
        listener.close()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + sign(delivery(), APP_SECRET)[7:],
        sign(delivery(), APP_SECRET)[7:],
        sign(delivery(), APP_SECRET).upper(),
        sign(delivery(), APP_SECRET) + "0",
        sign(delivery(), "another secret"),
        sign(delivery("noe annet"), APP_SECRET),
        "sha256=blåbær",
    ],
)
def test_a_wrong_signature_stores_and_logs_nothing(
    header: str, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = service.post(delivery(), **{"X-Hub-Signature-256": header.encode("utf-8")})
    assert answer.status_code == 403
    assert service.reads() == 0
    assert service.outcomes == ["bad_signature"]
    for secret in ("leve", PSID, sign(delivery(), APP_SECRET)[7:], APP_SECRET):
        assert secret not in caplog.text


def test_no_signature_at_all_is_refused(service: Service) -> None:
    answer = service.post(delivery(), **{"X-Hub-Signature-256": None})  # type: ignore[arg-type]
    assert answer.status_code == 403


def test_an_empty_app_secret_signs_nothing() -> None:
    assert not signed_by_meta(b"{}", sign(b"{}", ""), "")


def test_the_signature_is_that_of_rfc_4231() -> None:
    # Test case 2 of RFC 4231.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"what do ya want for nothing?", "Jefe") == f"sha256={expected}"


def test_verification_gives_the_challenge_back(service: Service) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
    answer = service.get("/webhook", **asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "change",
    [
        {"hub.mode": "unsubscribe"},
        {"hub.verify_token": "x"},
        {"hub.verify_token": "å"},
        {"hub.challenge": ""},
    ],
)
def test_verification_of_anything_else_is_refused(change: dict[str, str], service: Service) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1"} | change
    assert service.get("/webhook", **asked).status_code == 403
    assert service.get("/webhook").status_code == 403


def test_a_body_announced_as_far_too_large_is_refused_before_it_comes(service: Service) -> None:
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=PATIENCE)
    connection.putrequest("POST", "/webhook")
    connection.putheader("Content-Length", str(100 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_although_it_is_signed(announced: bool, service: Service) -> None:
    body = b"x" * (10 * 1024 * 1024 + 1)
    headers = {"X-Hub-Signature-256": sign(body, APP_SECRET)}
    sent = body if announced else iter([body])  # in chunks, without a length
    answer = requests.post(f"{service.url}/webhook", data=sent, headers=headers, timeout=60)
    assert (answer.status_code, answer.text) == (413, "TOO LARGE")
    assert service.outcomes == ["too_large"]


def test_a_chunked_body_is_read(service: Service) -> None:
    body = delivery()
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=PATIENCE)
    connection.request(
        "POST",
        "/webhook",
        iter([body[:10], body[10:]]),
        {"X-Hub-Signature-256": sign(body, APP_SECRET)},
        encode_chunked=True,
    )
    assert connection.getresponse().status == 200
    connection.close()
    assert service.reads() == 1


def statuses(storage: Storage, *bodies: bytes | Callable[[], bytes], secret: str = APP_SECRET) -> list[int]:
    """What is answered to these, all at once; each signed with `secret`."""
    arrived = [
        Arrived({}, body)
        if callable(body)
        else Arrived({"X_HUB_SIGNATURE_256": sign(body, secret)}, lambda body=body: body)
        for body in bodies
    ]
    return [int(answer.status[:3]) for answer in new_door(storage).answers(arrived)]


def fails() -> bytes:
    raise OSError("words of a student")


def test_all_that_came_at_once_is_judged_one_by_one_and_kept_in_one_commit(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    unsigned = Arrived({}, delivery)
    mixed = (delivery(mid="m_1"), b"no json", fails, b'{"object":"user"}', delivery(mid="m_2"))
    assert statuses(storage, *mixed) == [200, 400, 500, 404, 200]
    assert new_door(storage).answers([unsigned])[0].status == "403 FORBIDDEN"
    assert new_door(storage).answers([]) == []
    kept = [record for record in caplog.records if record.msg == "webhook_stored"]
    assert [record.count for record in kept] == [2]
    assert Service("", storage, []).reads() == 2
    assert "student" not in caplog.text


class BrokenStore:
    """A store whose disk is full."""

    @property
    def posts(self) -> BrokenStore:
        return self

    def keep(self, bodies: object) -> list[int]:
        raise StorageUnavailable("disk full")


def test_a_store_that_can_keep_nothing_makes_meta_deliver_again() -> None:
    for service in serve(BrokenStore()):  # type: ignore[arg-type]
        answer = service.post(delivery())
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert service.outcomes == ["store_unavailable"]


class PickyStore:
    """A store that one body is too much for."""

    def __init__(self, storage: Storage) -> None:
        self.posts = self
        self._storage = storage

    def keep(self, bodies: Sequence[tuple[bytes, datetime]]) -> list[int]:
        if any(b"poison" in body for body, _ in bodies):
            raise ValueError("words of a student")
        return self._storage.posts.keep(bodies)


def test_a_body_that_cannot_be_kept_is_refused_alone(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    three = delivery(mid="m_1"), delivery("poison"), delivery(mid="m_3")
    assert statuses(PickyStore(storage), *three) == [200, 500, 200]  # type: ignore[arg-type]
    assert Service("", storage, []).reads() == 2
    assert "words of a student" not in caplog.text


def test_all_events_of_a_delivery_are_read_or_none(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.loads(delivery())
    second = json.loads(delivery(mid="m_2"))["entry"][0]["messaging"][0]
    body["entry"][0]["messaging"].append(second)
    real, calls = Counters.bump, []

    def failing(self: Counters, name: str, by: int = 1) -> None:
        calls.append(name)
        if len(calls) == 1:  # the events have been written, the commit is still to come
            raise StorageUnavailable("disk full")
        real(self, name, by)

    monkeypatch.setattr(Counters, "bump", failing)
    assert service.post(json.dumps(body).encode()).status_code == 200
    with pytest.raises(StorageUnavailable):
        service.reads()
    assert service.storage.read(lambda tx: tx.inbox.pending_count()) == 0
    assert service.reads() == 2


# Anything at all under a valid signature.

# One store for all examples is meant; the machine may be busy.
ODD = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

KEYS = [
    "message", "postback", "reaction", "read", "delivery", "message_edit", "referral", "optin", "sender",
    "recipient", "timestamp", "id", "mid", "text", "attachments", "quick_reply", "payload", "is_echo", "type",
    "is_deleted", "app_id", "metadata", "policy_enforcement", "pass_thread_control", "app_roles", "watermark",
    "mids", "title", "account_linking", "response_feedback", "take_thread_control", "new_owner_app_id",
    "sticker_id", "entry", "messaging", "standby", "changes", "field", "value", "time", "num_edit", "action",
]  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=1_700_000_000_000, max_value=1_800_000_000_000),
    st.floats(),
    st.sampled_from([PAGE_ID, PSID, int(PAGE_ID), APP_ID, "ps:7", "page", "like", "\ud800", "\x00"]),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=20),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5),
    ),
    max_leaves=20,
)
ITEMS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4).map(
    lambda extra: {"sender": {"id": PSID}, "recipient": {"id": PAGE_ID}} | extra
)
BODIES = st.one_of(
    VALUES,
    st.builds(
        lambda items: {"object": "page", "entry": [{"id": PAGE_ID, "messaging": items}]},
        st.lists(ITEMS, max_size=4),
    ),
    st.builds(lambda entries: {"object": "page", "entry": entries}, VALUES),
)


@given(BODIES)
@settings(max_examples=200, deadline=None, suppress_health_check=ODD)
def test_reading_never_raises_and_gives_only_events_that_can_be_kept(body: object) -> None:
    parsed = read_body(body, page_id=PAGE_ID, app_id=APP_ID, now=NOW)
    for new in parsed.events:
        assert from_json(to_json(new.event)) == new.event
        (new.key + (new.psid or "")).encode()
        assert "\x00" not in new.key + (new.psid or "x")
        assert new.psid not in ("", PAGE_ID)
        assert new.event.sent_at.utcoffset() is not None
        assert new.event.sent_at.year >= 2004
        if isinstance(new.event, UnknownReceived):
            assert len(new.event.field) <= 40


@given(BODIES)
@settings(max_examples=120, deadline=None, suppress_health_check=ODD)
def test_the_webhook_never_fails_on_a_signed_body(storage: Storage, body: object) -> None:
    try:
        data = json.dumps(body).encode()
    except ValueError:  # numbers that Python refuses to write, but somebody else might
        data = b'{"object":"page","entry":[{"id":' + b"9" * 5000 + b"}]}"
    assert statuses(storage, data)[0] in (200, 400, 404)


@pytest.mark.parametrize(
    "value",
    [10**5000, -(10**5000), [10**5000], {"id": 10**5000}, "9" * 5000, 1e308],
    ids=["huge", "negative", "in a list", "as an id", "as text", "float"],
)
def test_numbers_of_any_size_are_read_past(value: object) -> None:
    item = {name: value for name in KEYS} | {"sender": {"id": PSID}, "recipient": {"id": PAGE_ID}}
    item["message"] = {
        "mid": value,
        "text": "hei",
        "quick_reply": value,
        "attachments": [value],
        "app_id": value,
    }
    item["read"], item["reaction"] = {"watermark": value}, {"mid": "m", "reaction": value}
    parsed = read_body({"entry": [{"messaging": [item, value]}]}, page_id=PAGE_ID, app_id=APP_ID, now=NOW)
    assert any(getattr(new.event, name, None) == "hei" for new in parsed.events for name in ("text", "title"))


def test_a_receipt_is_the_same_event_however_far_our_clock_is_behind() -> None:
    """What was sent before now has arrived, then; and Meta's next delivery of it is known."""
    at = int((NOW + timedelta(hours=1)).timestamp() * 1000)
    item = {"sender": {"id": PSID}, "recipient": {"id": PAGE_ID}, "timestamp": at}
    for kind in ("delivery", "read"):
        body = {"entry": [{"messaging": [item | {kind: {"watermark": at}}]}]}
        behind, right = (
            read_body(body, page_id=PAGE_ID, app_id=APP_ID, now=now).events[0]
            for now in (NOW, NOW + timedelta(hours=2))
        )
        assert behind.key == right.key
        assert behind.event.watermark == NOW
        assert right.event.watermark == NOW + timedelta(hours=1)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=ODD)
def test_the_webhook_never_fails_on_signed_bytes(storage: Storage, data: bytes) -> None:
    assert statuses(storage, data)[0] in (200, 400, 404)
