"""Whether words after "I can't call" may tell where somebody is.

Decides only what the student is answered: whatever they write goes to the people who are to call for them.
"""

from __future__ import annotations

import re

from bot.answers import SAID, fold

_EMERGENCY = frozenset({"110", "112", "113", "911", "999"})
# An address or something to go by, in either language. Places have too many names to list.
_PLACE = re.compile(
    r"\b(?:\w{3,}(?:gate|gata|gaten|veien|vegen|vei|plass|plassen|torg|torget|parken|allé)"
    r"|gate|etasje|etg|stasjon\w*|holdeplass\w*|t ?banen?|bussholdeplass\w*|studentby\w*|studenthus\w*|sykehus\w*"
    r"|street|road|avenue|square|floor|station|bus stop|tram stop|hospital|dorm\w*)\b"
)
_COUNT = re.compile(r"\b\d+ ?(?:min\w*|sek\w*|sec\w*|timer?|hours?|ganger|times|år|years?)\b")
_NUMBER = re.compile(r"\b\d+\w?\b")
_NOT_KNOWN = (
    *("vet ikke", "veit ikkje", "aner ikke", "anar ikkje", "ingen anelse", "har ingen anelse", "usikker"),
    *(
        "dont know",
        "do not know",
        "idk",
        "no idea",
        "have no idea",
        "not sure",
        "unsure",
        "am lost",
        "im lost",
    ),
)
_ASKS = frozenset({"hva", "kva", "hvem", "hvordan", "hvorfor", "what", "why", "how", "who", "huh"})
_HURRY = ("skynd", "fort", "hjelp", "hurry", "help", "quick", "please", "vær så snill", "ver så snill")
_ALONE = SAID["yes"] | SAID["no"] | SAID["unsure"] | {"ok", "okei", "okay", "takk", "thanks", "thank you"}
_MOST_WORDS = 6  # a longer sentence may say something beside that


def looks_like_place(text: str) -> bool:
    """An address, a floor, a stop: something to send help to."""
    folded = _COUNT.sub(" ", fold(text))
    if any(each not in _EMERGENCY for each in _NUMBER.findall(folded)):
        return True
    return bool(_PLACE.search(folded)) and not says_no_place(text)


def says_no_place(text: str) -> bool:
    """A "don't know", a question, a plain yes or no, a plea to hurry: there is no place in it."""
    folded = fold(text)
    words = folded.split()
    if not words or folded in _ALONE or text.strip().endswith("?"):
        return True
    if len(words) > _MOST_WORDS:
        return False
    plain = re.sub(r"^(?:jeg|eg|i|ja|nei|yes|no) ", "", folded)
    return words[0] in _ASKS or plain.startswith((*_NOT_KNOWN, *_HURRY))
