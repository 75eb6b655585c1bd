"""What people chose to hear of beside alerts, and when not. Alerts ask nobody's wish."""

from __future__ import annotations

from datetime import time

from bot.settings import Channel
from storage.records import Staff


def wants_shift_news(staff: Staff, channel: Channel, local: time) -> bool:
    """Whether this person takes news of their shifts by this channel at this time of the service's day.

    Who has never said what they want takes them all; a profile that says so decides.
    """
    wants, is_quiet = getattr(staff, "wants", None), getattr(staff, "is_quiet", None)
    if is_quiet is not None and channel == "push" and is_quiet(local):
        return False
    return wants is None or bool(wants("shift", channel))
