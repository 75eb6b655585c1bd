"""What can go wrong in storage. No text here ever holds a value from the database."""

from __future__ import annotations

from bot.errors import PeerSupportError


class StorageError(PeerSupportError):
    """The store was asked for something it cannot do."""


class StorageUnavailable(StorageError):
    """Nothing can be kept right now: the disk is full, or the database is locked or broken. Try again later."""


class AnotherWorker(StorageError):
    """The database takes one worker, and another is at work."""


class Erased(StorageError):
    """The contact is gone, and the key to everything they wrote with it."""


class WrongKey(StorageError):
    """A value was sealed with another key, or has been moved or changed since."""
