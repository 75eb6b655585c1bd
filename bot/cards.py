"""Which emergency card goes out for which danger, and how it is put together.

A card has four parts, each an approved text: the first words with the number that leads; one line for every
further service that is open now; what happens here; one question. The numbers stand in services.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.conversation import Tier
from bot.draft import Draft
from bot.fill import MAX_TEXT, longest, units
from bot.services import ServiceList
from bot.settings import Words
from bot.yaml_text import Located, Problem

NEUTRAL_UNITS = 60  # what a preview on a locked screen may show
_LANGUAGES = ("nb", "en")
_ANSWERABLE = timedelta(hours=24)  # Meta's window; a longer closed stretch outlasts it


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card. `then` in this order; what is open round the clock stands first."""

    key: str  # its first words are the text card.<key>
    lead: str  # the service whose number stands in them
    then: tuple[str, ...] = ()  # each has a line, the text card.to_<service>
    asks: tuple[str, str] | None = ("alone", "near")  # while somebody is here, and while nobody is
    danger: str = "amk"  # the number for "danger now" in the short lines after it
    is_neutral: bool = False  # opens with words that say nothing, because others may see the screen
    cannot_call: bool = False  # offers the button for those who cannot speak or call


def _police(key: str, lead: str, *then: str, is_neutral: bool = True, cannot_call: bool = True) -> Card:
    return Card(
        key=key,
        lead=lead,
        then=then,
        asks=("now", "now"),
        danger="police",
        is_neutral=is_neutral,
        cannot_call=cannot_call,
    )


_LIFE = Card(key="life", lead="amk", then=("legevakt", "mental_helse", "kirkens_sos"))
_TALK = Card(key="talk", lead="mental_helse", then=("kirkens_sos", "legevakt"))
_FIRE = Card(key="fire", lead="fire", asks=None, danger="fire", cannot_call=True)
# "I'm in danger", tapped, or words that could not be read: nobody knows yet which kind.
_DANGER = Card(key="danger", lead="amk", then=("legevakt", "mental_helse"), cannot_call=True)
_FRIEND = Card(key="friend", lead="amk", then=("legevakt", "mental_helse"), asks=("friend", "friend"))
_CONTROL = _police("control", "police", "vo_linjen", "kompetanseteamet")
_CHILD = _police("child", "police", "alarmtelefonen", "kors_paa_halsen", is_neutral=False, cannot_call=False)
_WEAPON = _police("weapon", "police", "legevakt", "mental_helse", is_neutral=False)

# The category's letter to its cards when critical, and below.
_BY_LETTER: Mapping[str, tuple[Card, Card]] = {
    "A": (_LIFE, _LIFE),
    "B": (_LIFE, _LIFE),
    "C": (_LIFE, _TALK),
    "D": (_LIFE, _TALK),
    "O": (_LIFE, _TALK),
    "E": (
        Card(key="medical", lead="amk", asks=None, cannot_call=True),
        Card(key="unwell", lead="amk", then=("legevakt", "poison"), cannot_call=True),
    ),
    "F": (
        _police("violence_now", "police", "vo_linjen", "krisesenter", "legevakt"),
        _police("violence", "police", "vo_linjen", "krisesenter", "legevakt"),
    ),
    "G": (_WEAPON, _WEAPON),
    "H": (
        _police("assault_now", "police", "legevakt", "vo_linjen", "dixi"),
        _police("assault", "legevakt", "vo_linjen", "dixi"),
    ),
    "I": (_CONTROL, _CONTROL),
    "J": (
        Card(key="confused_now", lead="amk", then=("legevakt", "mental_helse")),
        Card(key="confused", lead="legevakt", then=("mental_helse",)),
    ),
    "K": (
        Card(key="eating_now", lead="amk", then=("legevakt", "ros")),
        Card(key="eating", lead="legevakt", then=("mental_helse", "ros")),
    ),
    "L": (_CHILD, _CHILD),
    "M": (
        _police("blackmail_now", "police", "police_not_urgent", "mental_helse", cannot_call=False),
        _police("blackmail", "police_not_urgent", "mental_helse", cannot_call=False),
    ),
    "N": (_FRIEND, _FRIEND),
}
IN_DANGER = "O-danger"  # the category of "I'm in danger"
FIRE = "E-fire"
UNREADABLE = "O-unreadable"  # words in no language that we know: what is said to them comes in both
CARDS = tuple(dict.fromkeys([*(card for pair in _BY_LETTER.values() for card in pair), _FIRE, _DANGER]))
KEYS = tuple(card.key for card in CARDS)
SERVICES = tuple(dict.fromkeys(service for card in CARDS for service in card.then))


def card_for(category: str, tier: Tier) -> Card:
    """The card for this danger. The letter decides; within E fire has its own."""
    if category == FIRE:
        return _FIRE
    if category == IN_DANGER:
        return _DANGER
    return _BY_LETTER.get(category[:1], (_LIFE, _LIFE))[tier is not Tier.CRITICAL]


def is_discreet(category: str | None) -> bool:
    """Whether somebody near the student may be the danger, and read what comes."""
    return (category or "")[:1] in ("F", "H", "I", "M")


def says_nothing_unasked(category: str | None) -> bool:
    """Whether nothing is pushed to the student, unless they said that it is safe."""
    return (category or "")[:1] in ("F", "I", "M")


def danger_number(draft: Draft, category: str) -> str:
    """The number for "danger now", such as 112 after a threat."""
    return draft.content.services.numbers.get(card_for(category, Tier.CRITICAL).danger, "")


def question(draft: Draft, card: Card) -> str | None:
    """The card's one question, as people are here or not."""
    return card.asks[0 if draft.is_open else 1] if card.asks else None


def card_text(draft: Draft, card: Card, category: str, language: str | None) -> str:
    """The card in one language, or in both while it is not known."""
    if language is None:
        return "\n\n".join(card_text(draft, card, category, each) for each in _LANGUAGES)
    local = draft.now.astimezone(draft.content.settings.service_hours.zone)
    services = draft.content.services
    then = [each for each in card.then if each in services and services.open_now(each, local)]
    keys = _head(card, then)
    tail = _tail(card, category, _here(draft) if card.asks else (), question(draft, card))
    said = [draft.text(key, language) for key in keys]
    said.append(" ".join(draft.text(key, language, **_fields(draft, key)) for key in tail))
    return "\n".join(said)


def _fields(draft: Draft, key: str) -> dict[str, Callable[[str], str]]:
    return {"next_open": draft.next_open_words} if key.startswith("card.when_closed") else {}


def _head(card: Card, then: list[str]) -> list[str]:
    neutral = ["card.neutral"] if card.is_neutral else []
    return [*neutral, f"card.{card.key}", *(f"card.to_{service}" for service in then)]


def _tail(card: Card, category: str, here: tuple[str, ...], asked: str | None) -> list[str]:
    automatic = [] if card.is_neutral else ["card.automatic"]  # the neutral line has said it
    quiet = ["card.quiet"] if says_nothing_unasked(category) else []
    return [*automatic, *here, *quiet, *([f"card.ask_{asked}"] if asked else [])]


def _here(draft: Draft) -> tuple[str, ...]:
    """Who reads, and when: nothing that is not so."""
    if draft.is_open:
        return ()
    if draft.in_hours:
        return ("card.when_nobody",)
    if draft.somebody_is_told:
        return ("card.when_closed_contact",)
    too_long = not draft.granted and draft.next_opening - draft.now > _ANSWERABLE
    return ("card.when_closed", "card.again") if too_long else ("card.when_closed",)


def card_problems(texts: Located, words: Mapping[str, Words], services: ServiceList) -> Iterator[Problem]:
    """Cards that are too long in both languages, or that would name fewer than two services at some hour."""
    listed = {service.id: service for service in services.services}
    numbers = {service.id: service.contact for service in services.services}
    if any(f"card.{key}" not in words for key in KEYS):
        return  # said elsewhere
    for card in CARDS:
        named = [card.lead, *card.then]
        for id in named:
            if id not in listed:
                yield texts.problem(
                    f"card.{card.key} needs the service {id!r} in services.yaml", "card", card.key
                )
        always = [id for id in named if id in listed and not isinstance(listed[id].hours, dict)]
        if card.lead in listed and (card.lead not in always or (card.then and len(always) < 2)):
            said = f"card.{card.key}: {card.lead!r} and one more of its services must be open round the clock"
            yield texts.problem(said, "card", card.key)
        length = _longest(card, words, numbers)
        if length > MAX_TEXT:
            said = f"the whole card {card.key} may reach {length} characters in both languages; {MAX_TEXT} is the most"
            yield texts.problem(said, "card", card.key)
    for language in _LANGUAGES:
        if units(words["card.neutral"].in_(language)) < NEUTRAL_UNITS:
            said = (
                f"card.neutral: {language} must have {NEUTRAL_UNITS} characters, as many as a preview shows"
            )
            yield texts.problem(said, "card", "neutral")


def _longest(card: Card, words: Mapping[str, Words], numbers: Mapping[str, str]) -> int:
    total = 0
    for here in (("when_nobody",), ("when_closed", "again"), ("when_closed_contact",)):
        for asked in card.asks or (None,):
            tail = _tail(card, "F", tuple(f"card.{each}" for each in here), asked)
            keys = [key for key in [*_head(card, list(card.then)), *tail] if key in words]
            both = (longest(words[key].in_(each), numbers) + 1 for key in keys for each in _LANGUAGES)
            total = max(total, sum(both) + 2)
    return total
