"""Encryption of everything a person wrote or chose, and the keyed hashes to look things up by.

Each contact has its own random key. It lies in the contact's row, wrapped with a data key from DATA_KEYS;
destroying that one value makes every word of the contact unreadable. What belongs to no contact (logins and
aliases of staff) is sealed with a service key derived from the data key.

A sealed value is AES-256-GCM: version (1 byte), nonce (12), ciphertext and tag. What it is, and the row it
belongs to, are associated data: a value moved to another row or column does not open. Values under a data key
carry that key's id before the nonce, so that old keys go on reading after a new one has begun to write.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.errors import StorageError, WrongKey

_VERSION = b"\x01"
_NONCE = 12
_KEY = 32
_KEY_ID = re.compile(r"[a-z0-9]{1,16}")
_SHORTEST_SECRET = 16


def new_uid() -> bytes:
    """A random 16-byte name for a row, known before the row is inserted."""
    return secrets.token_bytes(16)


def _place(column: str, uid: bytes) -> bytes:
    return column.encode() + b"\0" + uid


class Box:
    """Seals and opens values with one key. `column` is "table.column", `uid` the row's own name."""

    __slots__ = ("_cipher", "_header")

    def __init__(self, key: bytes, header: bytes = b"") -> None:
        self._cipher = AESGCM(key)
        self._header = _VERSION + header

    def seal(self, plain: bytes, column: str, uid: bytes) -> bytes:
        """`plain`, encrypted for this place only."""
        nonce = secrets.token_bytes(_NONCE)
        return self._header + nonce + self._cipher.encrypt(nonce, plain, _place(column, uid))

    def open(self, sealed: bytes, column: str, uid: bytes) -> bytes:
        """What `seal` was given. Raises WrongKey for another key, another place, or a changed value."""
        start = len(self._header)
        nonce, body = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        if sealed[:start] != self._header or len(nonce) != _NONCE:
            raise WrongKey(f"{column}: not sealed with this key")
        try:
            return self._cipher.decrypt(nonce, body, _place(column, uid))
        except InvalidTag:
            raise WrongKey(f"{column}: sealed with another key, or moved or changed since") from None

    def seal_text(self, plain: str | None, column: str, uid: bytes) -> bytes | None:
        """As `seal`, for text; None stays None."""
        return None if plain is None else self.seal(plain.encode(), column, uid)

    def open_text(self, sealed: bytes | None, column: str, uid: bytes) -> str | None:
        """As `open`, for text; None stays None."""
        return None if sealed is None else self.open(sealed, column, uid).decode()


def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=f"peersupport {purpose}".encode()).derive(
        secret
    )


def _data_keys(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, colon, encoded = part.partition(":")
        if not colon or not _KEY_ID.fullmatch(key_id):
            raise StorageError("DATA_KEYS: write each key as id:base64, the id 1 to 16 of a-z and 0-9")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise StorageError(f"DATA_KEYS: the key {key_id} is not base64") from None
        if len(key) != _KEY:
            raise StorageError(f"DATA_KEYS: the key {key_id} must be {_KEY} bytes, and is {len(key)}")
        if key_id in keys:
            raise StorageError(f"DATA_KEYS: the id {key_id} stands there twice")
        keys[key_id] = key
    if not keys:
        raise StorageError("DATA_KEYS is empty; `peersupport keys new` prints fresh values")
    return keys


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The key ring: the first data key writes, all of them read; the index key makes look-up hashes."""

    writes: str  # id of the data key that seals what is new
    hasher: HMAC  # with the index key; only ever copied
    wrap: Mapping[str, Box]  # by data key id: wraps contact keys
    service: Mapping[str, Box]  # by data key id: seals what belongs to no contact
    ids: tuple[str, ...] = field(default=())

    @classmethod
    def from_environment(cls, data_keys: str, secret_key: str) -> Keys:
        """From DATA_KEYS and SECRET_KEY. Raises StorageError with a sentence that says what to write."""
        if len(secret_key) < _SHORTEST_SECRET:
            raise StorageError(f"SECRET_KEY must have at least {_SHORTEST_SECRET} characters")
        ring = _data_keys(data_keys)
        headers = {key_id: bytes([len(key_id)]) + key_id.encode() for key_id in ring}
        return cls(
            writes=next(iter(ring)),
            hasher=HMAC(_derived(secret_key.encode(), "index"), SHA256()),
            wrap={key_id: Box(key, headers[key_id]) for key_id, key in ring.items()},
            service={i: Box(_derived(key, "service"), headers[i]) for i, key in ring.items()},
            ids=tuple(ring),
        )

    def hash(self, kind: str, *parts: str | int) -> bytes:
        """A keyed hash to look something up by without storing it. `kind` keeps equal values apart."""
        made = self.hasher.copy()  # a fifth of the time of beginning anew with the key
        made.update("\0".join((kind, *map(str, parts))).encode(errors="surrogatepass"))
        return made.finalize()

    def new_contact_key(self, uid: bytes) -> tuple[bytes, str, Box]:
        """A fresh contact key: wrapped for the row named `uid`, the wrapping key's id, ready to use."""
        key = secrets.token_bytes(_KEY)
        return self.wrap[self.writes].seal(key, "contact.key_wrapped", uid), self.writes, Box(key)

    def contact_box(self, wrapped: bytes, uid: bytes) -> Box:
        """The contact key of the row named `uid`, unwrapped."""
        return Box(self._ring(self.wrap, wrapped).open(wrapped, "contact.key_wrapped", uid))

    def seal(self, plain: str, column: str, uid: bytes) -> bytes:
        """Seal something that belongs to no contact."""
        return self.seal_bytes(plain.encode(), column, uid)

    def seal_bytes(self, plain: bytes, column: str, uid: bytes) -> bytes:
        """As `seal`."""
        return self.service[self.writes].seal(plain, column, uid)

    def open(self, sealed: bytes, column: str, uid: bytes) -> str:
        """Open what `seal` sealed."""
        return self.open_bytes(sealed, column, uid).decode()

    def open_bytes(self, sealed: bytes, column: str, uid: bytes) -> bytes:
        """Open what `seal_bytes` sealed. Raises WrongKey when no key at hand does."""
        return self._ring(self.service, sealed).open(sealed, column, uid)

    @staticmethod
    def _ring(ring: Mapping[str, Box], sealed: bytes) -> Box:
        key_id = sealed[2 : 2 + sealed[1]].decode("ascii", "replace") if len(sealed) > 2 else ""
        box = ring.get(key_id)
        if box is None:
            name = key_id if _KEY_ID.fullmatch(key_id) else "?"
            raise WrongKey(f"DATA_KEYS has no key {name}, and something is sealed with it")
        return box
