"""Norway's public holidays, which the law fixes (https://lovdata.no/lov/1995-02-24-12, section 2, and
https://lovdata.no/lov/1947-04-26-1).

The `holidays` package knows them too, with those of every other country: fourteen megabytes in each process for
twelve days a year. The tests hold both against each other.
"""

from __future__ import annotations

import datetime as dt

from bot.settings import Words

_FROM_EASTER = {
    -3: Words(nb="skjærtorsdag", en="Maundy Thursday"),
    -2: Words(nb="langfredag", en="Good Friday"),
    0: Words(nb="første påskedag", en="Easter Sunday"),
    1: Words(nb="andre påskedag", en="Easter Monday"),
    39: Words(nb="Kristi himmelfartsdag", en="Ascension Day"),
    49: Words(nb="første pinsedag", en="Pentecost"),
    50: Words(nb="andre pinsedag", en="Pentecost Monday"),
}
_FIXED = {
    (1, 1): Words(nb="første nyttårsdag", en="New Year's Day"),
    (5, 1): Words(nb="arbeidernes dag", en="Labor Day"),
    (5, 17): Words(nb="grunnlovsdag", en="Constitution Day"),
    (12, 25): Words(nb="første juledag", en="Christmas Day"),
    (12, 26): Words(nb="andre juledag", en="Second Day of Christmas"),
}


def holidays_of(year: int) -> dict[dt.date, Words]:
    """The days and what they are called within a sentence. Two that fall on one day are both named."""
    easter = easter_of(year)
    days = [(dt.date(year, *day), words) for day, words in _FIXED.items()]
    days += [(easter + dt.timedelta(days=away), words) for away, words in _FROM_EASTER.items()]
    named: dict[dt.date, list[Words]] = {}
    for date, words in sorted(days, key=lambda each: each[0]):
        named.setdefault(date, []).append(words)
    return {date: words[0] if len(words) == 1 else _together(words) for date, words in named.items()}


def _together(several: list[Words]) -> Words:
    """In the order of the alphabet, in each language."""
    return Words(
        nb=" og ".join(sorted((words.nb for words in several), key=str.lower)),
        en=" and ".join(sorted(words.en for words in several)),
    )


def easter_of(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of Nature, 20 April 1876)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    day = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * day) // 451
    month, before = divmod(moon + day - 7 * late + 114, 31)
    return dt.date(year, month, before + 1)
