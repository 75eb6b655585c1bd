"""Where alerts reach a member of staff: their own addresses, and the browsers that they let us push to."""

from __future__ import annotations

from bot.errors import NotPossible
from handlers.alerting.bounded_post import address_problem
from handlers.alerting.web_push import unb64
from handlers.clock import Clock
from storage import Storage, Tx
from storage.records import Staff

_KEY_LENGTH, _AUTH_LENGTH = 65, 16  # RFC 8291 section 3: an uncompressed point, and the browser's secret
_BROWSERS = (
    5  # of one person; the oldest goes. Each may take ten seconds, and `LOST_TELLING` is for all of them
)


class Reaching:
    """Everybody changes their own. Raises NotPossible with the name of what is none."""

    def __init__(self, storage: Storage, clock: Clock, *, near: bool = False) -> None:
        """`near`: a push service may be on this machine or beside it. Never where a real Page is served."""
        self._public = not near
        self._storage = storage
        self._clock = clock

    def set_contact(self, staff: Staff, *, email: str | None, phone: str | None) -> None:
        """Where alerts reach this person; empty: nowhere by this way. Raises NotPossible("email") or ("phone")."""
        email, phone = contact_of(email, phone)

        def deed(tx: Tx) -> None:
            _check(tx, staff)
            tx.staff.set_contact(staff.id, email=email, phone=phone)
            tx.audit.add(self._clock(), staff.id, "contact_changed", None, None)

        self._storage.write(deed)

    def subscribe(self, staff: Staff, endpoint: str, p256dh: str, auth: str) -> None:
        """Push to this browser: what `PushSubscription.toJSON()` gave. Raises NotPossible("subscription")."""
        if (
            len(endpoint) > 2000
            or address_problem(endpoint, public=self._public)
            or not _are_keys(p256dh, auth)
        ):
            raise NotPossible("subscription")

        def deed(tx: Tx) -> None:
            _check(tx, staff)
            tx.push.subscribe(staff.id, endpoint, p256dh, auth, self._clock())
            for old in tx.push.of(staff.id)[:-_BROWSERS]:
                tx.push.forget(old.id)

        self._storage.write(deed)

    def unsubscribe(self, staff: Staff, endpoint: str) -> None:
        """Push to this browser no more."""
        self._storage.write(lambda tx: tx.push.remove(endpoint, staff.id))


def contact_of(email: str | None, phone: str | None) -> tuple[str | None, str | None]:
    """Both as they are kept; empty is None. Raises NotPossible("email") or NotPossible("phone")."""
    email, phone = (email or "").strip() or None, "".join((phone or "").split()) or None
    if email is not None and (email.count("@") != 1 or any(c.isspace() or ord(c) < 33 for c in email)):
        raise NotPossible("email")
    if phone is not None and not (
        phone.removeprefix("+").isdecimal() and phone.isascii() and 3 <= len(phone) <= 20
    ):
        raise NotPossible("phone")
    return email, phone


def _are_keys(p256dh: str, auth: str) -> bool:
    try:
        key, secret = unb64(p256dh), unb64(auth)
    except ValueError:
        return False
    return len(key) == _KEY_LENGTH and key[0] == 4 and len(secret) == _AUTH_LENGTH


def _check(tx: Tx, staff: Staff) -> None:
    current = tx.staff.get(staff.id)
    if current is None or current.disabled:
        raise NotPossible("the account is closed")
