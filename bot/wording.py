"""Times in words, in bokmål and English, as a student reads them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.settings import WEEKDAYS, ServiceHours

_DAYS = {
    "nb": ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "nb": (
        *("januar", "februar", "mars", "april", "mai", "juni"),
        *("juli", "august", "september", "oktober", "november", "desember"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_WORKING_WEEK = 5


def opening_in_words(opening: datetime, now: datetime, language: str | None, zone: ZoneInfo) -> str:
    """When it opens: "i morgen kl. 09", "Monday at 9:00"; from seven days on with the date.

    Both times aware; the days between them are counted on the calendar of `zone`.
    """
    language = _known(language)
    local = opening.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    clock = _clock(local.strftime("%H:%M"), language)
    at = "kl." if language == "nb" else "at"
    return f"{_day(local, days, language)} {at} {clock}"


def week_in_words(settings: ServiceHours, language: str | None) -> str:
    """The ordinary week: "hverdager 09-20", or the days that differ, alike neighbours together."""
    language = _known(language)
    week = [_intervals(settings.weekly.get(day, ()), language) for day in WEEKDAYS]
    if week[0] and week[:5] == [week[0]] * _WORKING_WEEK and not any(week[5:]):
        return f"{'hverdager' if language == 'nb' else 'weekdays'} {week[0]}"
    return ", ".join(
        f"{_days(first, last, language)} {week[first]}" for first, last in _groups(week) if week[first]
    )


def hours_in_words(hours: int, language: str | None) -> str:
    """A duration: whole days from three on ("3 dager"), hours below and between ("48 timer")."""
    norwegian = _known(language) == "nb"
    if hours > 48 and hours % 24 == 0:
        return f"{hours // 24} {'dager' if norwegian else 'days'}"
    if hours == 1:
        return "1 time" if norwegian else "1 hour"
    return f"{hours} {'timer' if norwegian else 'hours'}"


def _known(language: str | None) -> str:
    return "en" if language == "en" else "nb"


def _day(local: datetime, days: int, language: str) -> str:
    if days == 0:
        return "i dag" if language == "nb" else "today"
    if days == 1:
        return "i morgen" if language == "nb" else "tomorrow"
    weekday = _DAYS[language][local.weekday()]
    if days <= 6:
        return weekday
    dot = "." if language == "nb" else ""
    return f"{weekday} {local.day}{dot} {_MONTHS[language][local.month - 1]}"


def _clock(text: str, language: str) -> str:
    """ "09:00" as "09" and "9:00"."""
    hour, minute = text.split(":")
    if language == "en":
        return f"{int(hour)}:{minute}"
    return hour if minute == "00" else text


def _intervals(intervals: tuple[str, ...], language: str) -> str:
    joint = " og " if language == "nb" else " and "
    return joint.join("-".join(_short(part, language) for part in text.split("-")) for text in intervals)


def _short(text: str, language: str) -> str:
    """ "09:00" as "09" and "9": in a span of hours the full hour needs no minutes."""
    hour, minute = text.split(":")
    hour = hour if language == "nb" else str(int(hour))
    return hour if minute == "00" else f"{hour}:{minute}"


def _groups(week: list[str]) -> list[tuple[int, int]]:
    """First and last index of each run of days with the same hours."""
    groups: list[tuple[int, int]] = []
    for index, text in enumerate(week):
        if groups and week[groups[-1][0]] == text:
            groups[-1] = (groups[-1][0], index)
        else:
            groups.append((index, index))
    return groups


def _days(first: int, last: int, language: str) -> str:
    names = _DAYS[language]
    return names[first] if first == last else f"{names[first]}\N{EN DASH}{names[last]}"
