"""Web push: encrypted as the standard asks, proven by its own example and by a browser's side of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from alerting_bench import NOTICE, http_server, reply
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handlers.alerting.notice import ChannelFailed
from handlers.alerting.public_address import is_public
from handlers.alerting.web_push import Vapid, WebPush, b64, encrypt, unb64
from storage.ladder_records import Subscription

CURVE = ec.SECP256R1()
VAPID = Vapid.from_secret("a secret that is long enough for this")


def test_the_example_of_rfc_8291_section_5_comes_out_as_it_stands_there():
    # https://www.rfc-editor.org/rfc/rfc8291#section-5
    sender = int.from_bytes(unb64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        unb64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        unb64("BTBZMqHH6r4Tts7J_aSIgg"),
        own=ec.derive_private_key(sender, CURVE),
        salt=unb64("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert b64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


class Browser:
    """A browser's keys, and its half of the standard."""

    def __init__(self, number: int = 1) -> None:
        self.key = ec.generate_private_key(CURVE)
        self.point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = bytes(range(16))
        self.number = number

    def subscription(self, endpoint: str) -> Subscription:
        return Subscription(id=self.number, endpoint=endpoint, p256dh=b64(self.point), auth=b64(self.auth))

    def read(self, body: bytes) -> dict[str, str]:
        salt, length = body[:16], body[20]
        sender = body[21 : 21 + length]
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))

        def derive(salt: bytes, secret: bytes, info: bytes, size: int) -> bytes:
            return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)

        secret = derive(self.auth, shared, b"WebPush: info\0" + self.point + sender, 32)
        key = derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derive(salt, secret, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, body[21 + length :], None)
        assert plain.endswith(b"\x02")
        return json.loads(plain[:-1])


def claims_of(header: str) -> dict[str, object]:
    """What the authorization says; raises InvalidSignature unless its key signed it."""
    token, key = (part.partition("=")[2] for part in header.removeprefix("vapid ").split(", "))
    head, claims, signature = token.split(".")
    raw = unb64(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, unb64(key))
    pair = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(encode_dss_signature(*pair), f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    return json.loads(unb64(claims))


def push(contact="post@example.org", **more) -> WebPush:
    return WebPush(VAPID, contact=contact, **{"near": True, **more})


def test_a_browser_can_read_what_is_pushed_and_the_push_service_can_tell_who_sent_it():
    browser, got = Browser(), []

    def answer(request, body):
        got.append((dict(request.headers), body))
        reply(201)(request, body)

    with http_server(answer) as url:
        notice = replace(NOTICE, subscriptions=(browser.subscription(f"{url}/push/abc"),))
        assert push().tell(notice) == ()
    headers, body = got[0]
    assert browser.read(body) == {
        "title": NOTICE.title,
        "body": NOTICE.text,
        "url": NOTICE.link,
        "tag": NOTICE.key,
    }
    assert (headers["Content-Encoding"], headers["TTL"], headers["Urgency"]) == ("aes128gcm", "600", "high")
    claims = claims_of(headers["Authorization"])
    assert (claims["aud"], claims["sub"]) == (url, "mailto:post@example.org")
    assert 0 < claims["exp"] - NOTICE.at.timestamp() <= 24 * 3600
    assert headers["Authorization"].endswith(f"k={VAPID.public_key}")


def test_a_forged_authorization_is_seen_by_this_test():
    header = VAPID.header("https://push.example.org/x", "a@example.org", NOTICE.at)
    other = Vapid.from_secret("another secret, just as long as it").public_key
    with pytest.raises(InvalidSignature):
        claims_of(header.partition(" k=")[0] + f" k={other}")


def test_the_key_is_the_same_for_the_same_secret():
    assert Vapid.from_secret("a secret that is long enough for this").public_key == VAPID.public_key
    assert Vapid.from_secret("another secret, just as long as it").public_key != VAPID.public_key


def test_one_browser_that_takes_it_is_enough_and_those_that_are_gone_are_named():
    seen = []

    def answer(request, body):
        seen.append(request.path)
        reply({"/gone": 410, "/lost": 404, "/broken": 500}.get(request.path, 201))(request, body)

    with http_server(answer) as url:
        subs = [Browser(n).subscription(f"{url}/{p}") for n, p in enumerate(("gone", "broken", "ok", "lost"))]
        assert push().tell(replace(NOTICE, subscriptions=tuple(subs))) == (0, 3)
        assert sorted(seen) == ["/broken", "/gone", "/lost", "/ok"]
        with pytest.raises(ChannelFailed) as failed:
            push().tell(replace(NOTICE, subscriptions=(subs[0], subs[1])))
        assert (failed.value.code, failed.value.again, failed.value.gone) == ("http_500", True, (0,))
        with pytest.raises(ChannelFailed) as nobody:
            push().tell(replace(NOTICE, subscriptions=(subs[0],)))
        assert (nobody.value.code, nobody.value.again, nobody.value.gone) == ("no_address", False, (0,))


def test_a_subscription_that_is_none_fails_for_good():
    broken = Subscription(id=9, endpoint="https://push.example.org/x", p256dh="AAAA", auth="AAAA")
    with pytest.raises(ChannelFailed) as failed:
        push().tell(replace(NOTICE, subscriptions=(broken,)))
    assert (failed.value.code, failed.value.again) == ("bad_subscription", False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "localhost.", "0x7f.1"]
)
def test_a_push_goes_to_the_internet_and_never_to_this_machine_or_its_neighbours(host):
    """Whatever was stored: the name is looked up when it is called."""
    heard = []
    with http_server(lambda request, body: heard.append(body)) as url:
        port = url.rpartition(":")[2]
        for scheme in ("http", "https"):
            subscription = Browser().subscription(f"{scheme}://{host}:{port}/push")
            with pytest.raises(ChannelFailed) as failed:
                push(near=False).tell(replace(NOTICE, subscriptions=(subscription,)))
            assert (failed.value.code, failed.value.again) == ("bad_address", False)
    assert heard == []


def test_the_addresses_of_the_internet_are_public():
    assert all(map(is_public, ("142.250.74.110", "2a00:1450:400f:80d::200e", "1.1.1.1")))
    assert not any(map(is_public, ("", "push.example.org", "::", "fe80::1%eth0")))
