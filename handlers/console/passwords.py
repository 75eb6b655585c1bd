"""Passwords: argon2id, and the few rules that make a difference.

Length and "not your own login" are the rules NIST SP 800-63B (rev. 4, 3.1.1.2) keeps; no mix of signs is asked for.
"""

from __future__ import annotations

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from handlers.console.words import say

MIN_LENGTH = 12
MAX_LENGTH = 256  # longer ones only cost time
ONCE = "once:"  # before the hash of a password that somebody else knows and that must be changed at once
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on paper

_hasher = PasswordHasher()
_room = BoundedSemaphore(2)  # each takes 64 MiB; a rush of sign-ins must not take the machine


def hash_password(password: str) -> str:
    """The argon2id hash to keep, with its own salt."""
    with _room:
        return _hasher.hash(password)


def hash_one_time(password: str) -> str:
    """The hash of a password that only opens the page where a new one is chosen."""
    return ONCE + hash_password(password)


def is_one_time(stored: str) -> bool:
    """Whether this hash belongs to a one-time password."""
    return stored.startswith(ONCE)


def verify_password(stored: str, password: str) -> bool:
    """Whether `password` made `stored`. An unreadable hash fits nothing."""
    if len(password) > MAX_LENGTH:
        return False
    with _room:
        try:
            return _hasher.verify(stored.removeprefix(ONCE), password)
        except (VerificationError, InvalidHashError):
            return False


def password_problem(text: str, language: str, login: str = "") -> str | None:
    """What is wrong with a new password, as a sentence for its owner; None when it will do."""
    if len(text) < MIN_LENGTH:
        return say("password.short", language, min=MIN_LENGTH)
    if len(text) > MAX_LENGTH:
        return say("password.long", language, max=MAX_LENGTH)
    if login and login.casefold() in text.casefold():
        return say("password.login", language)
    if len(set(text)) < 5:
        return say("password.same", language)
    return None


def one_time_password() -> str:
    """A fresh password that can be read aloud: five groups of four, 99 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(5))
