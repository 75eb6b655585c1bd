"""Norwegian or English? A guess from the small words every sentence has."""

from __future__ import annotations

import re
from typing import Literal


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that are common in one language and rare or unknown in the other. Bokmål, nynorsk and dialects.
_NB = _words(
    "jeg eg æ jæ ikke ikkje ikkj itj inte og å på er det den de dere dykk du han hun ho hva kva ka hvem kven hvor"
    " kor hvordan korleis hvorfor kvifor som til av fra frå har hadde vil ville skal skulle kan kunne må måtte"
    " noen nokon noe noko noka ingen mer meir veldig også bare berre meg mæ deg dæ seg min mitt mine din ditt"
    " vi oss dem dei være vere vera vart ble blir eller men fordi når nå no så sånn litt alle alt mye mykje"
    " hei heisann takk hjelp trenger treng snakke snakka prate prata føler kjenner dag uke um om etter uten utan"
    " gjør gjer går fikk får kommer kjem orker orkar klarer klarar lei livet meget selv sjøl sjølv et ein ei"
    " ligger studerer venn venninne mamma pappa ja nei"
)
_EN = _words(
    "i im ive id you youre he she they we us the a an and or but not dont doesnt didnt cant wont isnt is are was"
    " were be been am my me your his her their our it its this that these those what who where when why how do"
    " does did have has had will would can could should must of to from with about just really very some someone"
    " anyone nobody anything nothing want need feel feeling know think talk help hello hi hey thanks thank please"
    " anymore life because so more too much there here yes"
)
# In both languages, or in other ones too: these decide nothing.
_SHARED = _words("a i so me no er de den do an to men om han du alle")
# More words that students write; they only say that a text is in one of the two.
_KNOWN = _words(
    "med for i en et ut opp ned inn over under mellom gjennom ved hos mot igjen aldri alltid ofte bra dårlig fint"
    " sliter  sliten trist alene ensom tid tiden tida skole skolen studie studiet studiene studere student"
    " studenter eksamen fag  faget forelesning oppgave oppgaven bachelor master campus oslo norge hybel bolig"
    " penger leie jobb hjem hjemme  kjæreste forhold familie familien barn hvis mens bli går gjøre sove mat kropp"
    " angst stress motivasjon motivasjonen  nye ny god godt gode dårlige første neste siden allerede ingenting"
    " noensinne kanskje selvfølgelig tror syns synes  in on at by if as or for tired alone lonely school study"
    " studies exam exams university friends friend family money  rent housing home sleep anxiety norway english"
    " norwegian people person one two new good bad days week year time  only also being into out up down over"
    " again never always any make made take get got going go come back work  lol haha omg ok okay btw idk"
)
# Small words of neighbours: Swedish, Danish, German, Spanish, French. Two of them, and it is neither.
_OTHER = _words(
    "jag ær och inte mig dig något någon ich bin nicht und das ist mir dich yo soy estoy muy que por para pero"
    " el la los je suis pas est les une moi avec af jer hvad noget ikk"
)
_SENTENCE = 4
_ENOUGH = 2  # words, unless the text is shorter


def guess(text: str) -> Literal["nb", "en"] | None:
    """The text's language; None when it is too short, mixed, or something else."""
    text = text.casefold().replace("'", "").replace("\u2019", "").replace("ä", "æ").replace("ö", "ø")
    words = re.findall(r"[^\W\d_]+", text[:2000])
    if not words:
        return None
    norwegian = sum(_weight(word) for word in words if word in _NB)
    english = sum(_weight(word) for word in words if word in _EN)
    other = sum(1 for word in words if word in _OTHER)
    if any(letter in text for letter in "æøå"):
        norwegian += 1
    best = max(norwegian, english)
    if (other >= 2 and other >= best) or best < min(_ENOUGH, len(words)):
        return None
    if norwegian >= 2 * english and norwegian > 0:
        return "nb"
    if english >= 2 * norwegian and english > 0:
        return "en"
    return None


def is_foreign(text: str) -> bool:
    """Four words or more in neither language, as far as small words and letters tell."""
    words = re.findall(r"[^\W\d_]+", text[:2000].casefold().replace("'", "").replace("\u2019", ""))
    if len(words) < _SENTENCE or guess(text) is not None:
        return False
    if sum(word in _OTHER for word in words) >= _ENOUGH:
        return True
    known = sum(word in _NB or word in _EN or word in _KNOWN for word in words)
    return not any(letter in text.casefold() for letter in "æøå") and known <= len(words) // 5


def _weight(word: str) -> float:
    return 0.5 if word in _SHARED else 1.0
