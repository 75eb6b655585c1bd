"""What people chose to hear of beside alerts, and when not. Alerts ask nobody's wish."""

from __future__ import annotations

from datetime import time

from storage.profile import Notice as NoticeOf
from storage.profile import NoticeChannel
from storage.records import Staff


def takes(staff: Staff, notice: NoticeOf, channel: NoticeChannel, local: time) -> bool:
    """Whether this person takes such a notice by this channel at this time of the service's day."""
    return staff.wants(notice, channel) and not (channel == "push" and staff.is_quiet(local))
