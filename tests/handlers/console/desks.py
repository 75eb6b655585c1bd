"""A real browser at the console of the tests, signed in without the slow part."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from handlers.console import sessions


def desk(house: Any, chromium: Any, staff: Any, address: str, **context: Any) -> Any:
    """A page of a browser of its own where this person is signed in."""
    key, until = f"desk-{staff.id}", house.at + timedelta(days=30)
    house.storage.write(lambda tx: tx.sessions.add(staff.id, sessions.token_hash(key), house.at, until))
    made = chromium.new_context(**context)
    made.add_cookies([{"name": sessions.COOKIE, "value": key, "url": address}])
    return made.new_page()
