"""Names from Norwegian nature that stand for a contact in the console: "Blå hegre"."""

from __future__ import annotations

import secrets
from collections.abc import Callable

# Friendly or plain, never about mood, size of a person, or the dark. All nouns are masculine or feminine, so
# that the adjective has one form.
ADJECTIVES = tuple(
    (  # noqa: SIM905 - a list of quoted words would be harder to read
        "blå grønn rød gul hvit brun grå fiolett turkis gyllen sølvgrå rosa lys mild varm frisk rask vennlig "
        "modig klok lun kvikk våken vidsynt sindig nysgjerrig høyreist langstrakt kystnær fjellkjent skogkjent "
        "vårlig sommerlig høstlig morgenfrisk solrik luftig blank flekket stripete spettet duggfrisk mosegrønn "
        "himmelblå kobberrød ravgul perlegrå"
    ).split()
)
NOUNS = tuple(
    (  # noqa: SIM905 - as above
        "hegre ørret laks torsk røye sei ugle trane svane måke terne lerke linerle trost bokfink meis spett "
        "lunde tjeld rype orrfugl erle stær svale fink hare oter bever elg rev gaupe mår røyskatt selge "
        "bjørk furu gran osp rogn eik lind alm hassel einer selje lyng mose bregne multe blåveis hvitveis "
        "smørblomst kløver fjord elv bekk foss vik bukt sjø bre topp ås li eng hei strand holme "
        "stein bølge bris sky stjerne"
    ).split()
)
_RANDOM_TRIES = 40


def pick(is_taken: Callable[[str], bool]) -> str:
    """A random alias that is not taken; with nearly all of them taken, one with a number."""
    number = 1
    while True:
        for _ in range(_RANDOM_TRIES):
            words = f"{secrets.choice(ADJECTIVES)} {secrets.choice(NOUNS)}".capitalize()
            alias = words if number == 1 else f"{words} {number}"
            if not is_taken(alias):
                return alias
        number += 1
