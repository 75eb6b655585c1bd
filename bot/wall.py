"""Times on the wall as instants, on the nights too when the clock is put forward or back."""

from __future__ import annotations

import datetime as dt

_DAY = dt.timedelta(days=1)
_MINUTE = dt.timedelta(minutes=1)


def instant(zone: dt.tzinfo, date: dt.date, clock: str, *, end: bool) -> dt.datetime:
    """`clock` ("09:00", or "24:00" for midnight after the day) on `date`, as aware UTC.

    An hour that comes twice in October is inside both times: a start is the first of the two, an end the
    second. An hour that March leaves out is the moment of the jump.
    """
    if clock == "24:00":
        date, clock = date + _DAY, "00:00"
    wall = dt.datetime.combine(date, dt.time.fromisoformat(clock), zone)
    found = wall.replace(fold=int(end)).astimezone(dt.UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    return _jump(zone, wall)


def _jump(zone: dt.tzinfo, wall: dt.datetime) -> dt.datetime:
    """The instant at which the clock leaps over `wall`."""
    found = wall.replace(fold=1).astimezone(dt.UTC)  # read with the later offset: before the leap
    offset = found.astimezone(zone).utcoffset()
    while found.astimezone(zone).utcoffset() == offset:
        found += _MINUTE
    return found
