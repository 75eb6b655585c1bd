"""Web push: the words encrypted for one browser (RFC 8291, in the form of RFC 8188), the sender named by RFC 8292.

Some ninety lines on `cryptography`, which is here anyway, instead of three packages.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handlers.alerting.bounded_post import LIMIT_SECONDS, outcome, post
from handlers.alerting.notice import ChannelFailed, Notice
from storage.ladder_records import Subscription

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_RECORD_SIZE = 4096
_TTL_SECONDS = 600  # a push that a phone hears of later is told by the next round anyway
_GONE = (404, 410)


def b64(data: bytes) -> str:
    """base64url without padding, as these standards write it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """What `b64` wrote. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def encrypt(
    plain: bytes,
    browser_key: bytes,
    auth: bytes,
    *,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of the push, as RFC 8291 section 4 asks. `own` and `salt` are fresh for each unless a test says."""
    own = own or ec.generate_private_key(_CURVE)
    salt = salt or os.urandom(16)
    browser = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, browser_key)
    own_point = _point(own.public_key())
    shared = own.exchange(ec.ECDH(), browser)
    secret = _derive(auth, shared, b"WebPush: info\0" + browser_key + own_point, 32)
    key = _derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD_SIZE.to_bytes(4, "big") + bytes([len(own_point)]) + own_point
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)  # 2: the last record


@dataclass(frozen=True, slots=True, repr=False)
class Vapid:
    """Our name to push services. The key comes from SECRET_KEY, so that there is nothing more to keep."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def from_secret(cls, secret_key: str) -> Vapid:
        """The same key for the same SECRET_KEY: browsers that subscribed stay subscribed."""
        wide = HKDF(algorithm=SHA256(), length=48, salt=None, info=b"peersupport vapid").derive(
            secret_key.encode()
        )
        number = int.from_bytes(wide, "big") % (_ORDER - 1) + 1
        return cls(ec.derive_private_key(number, _CURVE))

    @property
    def public_key(self) -> str:
        """What the console's page gives to the browser as `applicationServerKey`."""
        return b64(_point(self.key.public_key()))

    def header(self, endpoint: str, contact: str, now: datetime) -> str:
        """Authorization for one push service. `contact`: an e-mail address, for the service to complain to."""
        parts = urlsplit(endpoint)
        expires = int((now + timedelta(hours=12)).timestamp())
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": expires, "sub": f"mailto:{contact}"}
        signed = ".".join(b64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(SHA256())))
        token = f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
        return f"vapid t={token}, k={self.public_key}"


class WebPush:
    """Pushes to every browser of a person; one that takes it is enough."""

    def __init__(
        self,
        vapid: Vapid,
        *,
        contact: str,
        limit_seconds: float = LIMIT_SECONDS,
        context: ssl.SSLContext | None = None,
        near: bool = False,
    ) -> None:
        """`near`: also to this machine and its neighbours. Never where a real Page is served."""
        self._public = not near
        self._vapid = vapid
        self._contact = contact
        self._limit = limit_seconds
        self._context = context

    def tell(self, notice: Notice) -> tuple[int, ...]:
        """Push it; returns the subscriptions that the push services have forgotten."""
        gone: list[int] = []
        problems: list[ChannelFailed] = []
        taken = 0
        for subscription in notice.subscriptions:
            try:
                status = self._push(subscription, notice)
                if status in _GONE:
                    gone.append(subscription.id)
                    continue
                outcome(status)
                taken += 1
            except ChannelFailed as problem:
                problems.append(problem)
        if taken:
            return tuple(gone)
        if not problems:
            raise ChannelFailed("no_address", again=False, gone=tuple(gone))
        first = next((one for one in problems if one.again), problems[0])
        raise ChannelFailed(first.code, again=first.again, unknown=first.unknown, gone=tuple(gone))

    def _push(self, subscription: Subscription, notice: Notice) -> int:
        words = {"title": notice.title, "body": notice.text, "url": notice.link, "tag": notice.key}
        plain = json.dumps(words, ensure_ascii=False).encode()
        try:
            body = encrypt(plain, unb64(subscription.p256dh), unb64(subscription.auth))
        except ValueError:
            raise ChannelFailed("bad_subscription", again=False) from None
        headers = {
            "Authorization": self._vapid.header(subscription.endpoint, self._contact, notice.at),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_TTL_SECONDS),
            "Urgency": "normal" if notice.kind in ("rota", "mention") else "high",
        }
        return post(
            subscription.endpoint,
            body,
            headers,
            limit_seconds=self._limit,
            context=self._context,
            public=self._public,
        )
