"""Passwords: argon2id, and the few rules that make a difference.

Length and "not your own login" are the rules NIST SP 800-63B (rev. 4, 3.1.1.2) keeps; no mix of signs is asked for.
"""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from handlers.console.words import say

MIN_LENGTH = 12
MAX_LENGTH = 256  # longer ones only cost time
MIN_LOGIN = 4  # a shorter one stands in many words

_hasher = PasswordHasher()
_room = BoundedSemaphore(2)  # each takes 64 MiB; a rush of sign-ins must not take the machine


def hash_password(password: str) -> str:
    """The argon2id hash to keep, with its own salt."""
    with _room:
        return _hasher.hash(password)


def verify_password(stored: str, password: str) -> bool:
    """Whether `password` made `stored`. An unreadable hash fits nothing."""
    if len(password) > MAX_LENGTH:
        return False
    with _room:
        try:
            return _hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def password_problem(text: str, language: str, login: str = "") -> str | None:
    """What is wrong with a new password, as a sentence for its owner; None when it will do."""
    if len(text) < MIN_LENGTH:
        return say("password.short", language, min=MIN_LENGTH)
    if len(text) > MAX_LENGTH:
        return say("password.long", language, max=MAX_LENGTH)
    if len(login) >= MIN_LOGIN and login.casefold() in text.casefold():
        return say("password.login", language)
    if len(set(text)) < 5:
        return say("password.same", language)
    return None
